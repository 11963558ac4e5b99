"""Trains a small neural network to read the UCI handwritten digits.

Plain JAX: mini-batches, SGD with momentum, a held-out test set. Needs scikit-learn for
the 1,797 images of 8x8 pixels. `python examples/mlp.py` runs it on JAX,
`python -m minijax examples/mlp.py` runs it on minijax.
"""

import argparse
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

CLASSES = 10
TEST_IMAGES = 360


def load_data():
    """Train and test images, (n, 64) float32 in 0..1, and their labels."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    images = (digits.data[order] / 16.0).astype(np.float32)
    labels = digits.target[order].astype(np.int32)
    train = images[TEST_IMAGES:], labels[TEST_IMAGES:]
    test = images[:TEST_IMAGES], labels[:TEST_IMAGES]
    return train, test


def init_params(key, sizes):
    """One {"w", "b"} for each layer; He's normal initialisation."""
    params = []
    for fan_in, fan_out in pairwise(sizes):
        key, subkey = jax.random.split(key)
        w = jax.random.normal(subkey, (fan_in, fan_out)) * jnp.sqrt(2.0 / fan_in)
        params.append({"w": w, "b": jnp.zeros(fan_out)})
    return params


def predict(params, images):
    """Log-probabilities of the classes, (n, CLASSES)."""
    *hidden, last = params
    x = images
    for layer in hidden:
        x = jax.nn.relu(x @ layer["w"] + layer["b"])
    return jax.nn.log_softmax(x @ last["w"] + last["b"])


def loss_fn(params, images, labels):
    """Mean cross-entropy."""
    targets = jax.nn.one_hot(labels, CLASSES)
    return -jnp.mean(jnp.sum(targets * predict(params, images), axis=1))


@jax.jit
def train_step(params, velocity, images, labels, learning_rate):
    """One step of SGD with momentum 0.9."""
    loss, grads = jax.value_and_grad(loss_fn)(params, images, labels)
    velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, grads)
    params = jax.tree.map(lambda p, v: p - learning_rate * v, params, velocity)
    return params, velocity, loss


@jax.jit
def accuracy(params, images, labels):
    """Share of images whose most probable class is the right one."""
    guesses = jnp.argmax(predict(params, images), axis=1)
    return jnp.mean(guesses == labels)


def train(params, data, epochs, batch_size, learning_rate, key):
    """Trained parameters; prints the mean loss of every epoch."""
    images, labels = data
    batches = len(images) // batch_size
    velocity = jax.tree.map(jnp.zeros_like, params)
    for epoch in range(epochs):
        key, subkey = jax.random.split(key)
        order = np.asarray(jax.random.permutation(subkey, len(images)))
        losses = []
        for batch in range(batches):
            chosen = order[batch * batch_size : (batch + 1) * batch_size]
            params, velocity, loss = train_step(
                params, velocity, images[chosen], labels[chosen], learning_rate
            )
            losses.append(loss)
        mean_loss = float(jnp.mean(jnp.stack(losses)))
        print(f"epoch {epoch + 1:2d}  loss {mean_loss:.4f}")
    return params


def main():
    """Train, test, and insist on 95 %."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--hidden", type=int, nargs="*", default=[128, 64])
    args = parser.parse_args()

    train_data, (test_images, test_labels) = load_data()
    init_key, shuffle_key = jax.random.split(jax.random.key(0))
    params = init_params(init_key, [64, *args.hidden, CLASSES])
    params = train(
        params,
        train_data,
        args.epochs,
        args.batch_size,
        args.learning_rate,
        shuffle_key,
    )
    train_accuracy = float(accuracy(params, *train_data))
    test_accuracy = float(accuracy(params, test_images, test_labels))
    print(f"accuracy: train {train_accuracy:.4f}, test {test_accuracy:.4f}")
    assert test_accuracy >= 0.95, "the network should read 95 % of the digits"


if __name__ == "__main__":
    main()
