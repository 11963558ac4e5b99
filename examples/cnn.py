"""Trains a small convolutional network to read the UCI handwritten digits.

Plain JAX: two convolutions with max pooling, SGD with momentum, a held-out test set.
Needs scikit-learn for the 1,797 images of 8x8 pixels.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from sklearn.datasets import load_digits

CLASSES = 10
TEST_IMAGES = 297
BATCH_SIZE = 60
EPOCHS = 4
LEARNING_RATE = 0.03


def load_data():
    """Train and test images, (n, 8, 8, 1) float32 in 0..1, and their labels."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    images = (digits.images[order, :, :, None] / 16.0).astype(np.float32)
    labels = digits.target[order].astype(np.int32)
    train = images[TEST_IMAGES:], labels[TEST_IMAGES:]
    test = images[:TEST_IMAGES], labels[:TEST_IMAGES]
    return train, test


def init_params(key):
    """Two kernels of 3x3 pixels and a dense layer; He's normal initialisation."""
    initialise = jax.nn.initializers.he_normal()
    first, second, last = jax.random.split(key, 3)
    return {
        "conv1": {"w": initialise(first, (3, 3, 1, 12)), "b": jnp.zeros(12)},
        "conv2": {"w": initialise(second, (3, 3, 12, 24)), "b": jnp.zeros(24)},
        "dense": {"w": initialise(last, (96, CLASSES)), "b": jnp.zeros(CLASSES)},
    }


def conv(layer, x):
    """Convolution of (n, height, width, channels) that keeps height and width."""
    layout = ("NHWC", "HWIO", "NHWC")
    y = lax.conv_general_dilated(
        x, layer["w"], (1, 1), "SAME", dimension_numbers=layout
    )
    return y + layer["b"]


def max_pool(x):
    """The largest of each 2x2 pixels."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def predict(params, images):
    """Log-probabilities of the classes, (n, CLASSES)."""
    x = max_pool(jax.nn.relu(conv(params["conv1"], images)))
    x = max_pool(jax.nn.relu(conv(params["conv2"], x)))
    x = x.reshape(len(x), -1)
    return jax.nn.log_softmax(x @ params["dense"]["w"] + params["dense"]["b"])


def loss_fn(params, images, labels):
    """Mean cross-entropy."""
    log_probs = predict(params, images)
    return -jnp.mean(jnp.take_along_axis(log_probs, labels[:, None], axis=1))


@jax.jit
def train_step(params, velocity, images, labels):
    """One step of SGD with momentum 0.9."""
    loss, grads = jax.value_and_grad(loss_fn)(params, images, labels)
    velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, grads)
    params = jax.tree.map(lambda p, v: p - LEARNING_RATE * v, params, velocity)
    return params, velocity, loss


@jax.jit
def accuracy(params, images, labels):
    """Share of images whose most probable class is the right one."""
    return jnp.mean(jnp.argmax(predict(params, images), axis=1) == labels)


def main():
    """Train, test, and insist on 95 %."""
    (images, labels), test_data = load_data()
    params = init_params(jax.random.key(0))
    velocity = jax.tree.map(jnp.zeros_like, params)
    rng = np.random.default_rng(1)
    for epoch in range(EPOCHS):
        losses = []
        for chosen in rng.permutation(len(images)).reshape(-1, BATCH_SIZE):
            params, velocity, loss = train_step(
                params, velocity, images[chosen], labels[chosen]
            )
            losses.append(float(loss))
        print(f"epoch {epoch + 1}  loss {np.mean(losses):.3f}")
    test_accuracy = float(accuracy(params, *test_data))
    print(f"accuracy on images not seen in training: {test_accuracy:.3f}")
    assert test_accuracy >= 0.95, "the network should read 95 % of the digits"


if __name__ == "__main__":
    main()
