"""Trains a variational autoencoder (Kingma and Welling, 2014) on handwritten digits.

An encoder maps an image to a normal distribution of eight numbers, a decoder maps such
numbers back to an image; both learn from the evidence lower bound. Needs scikit-learn
for the 1,797 images of 8x8 pixels.
"""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

PIXELS = 64
LATENT = 8
HIDDEN = 96
TEST_IMAGES = 297
BATCH_SIZE = 100
EPOCHS = 20
LEARNING_RATE = 2e-3


def load_data():
    """Train and test images, (n, PIXELS) float32 in 0..1."""
    images = (load_digits().data / 16.0).astype(np.float32)
    images = np.random.default_rng(0).permutation(images)
    return images[TEST_IMAGES:], images[:TEST_IMAGES]


def init_params(key):
    """An encoder and a decoder, each with one hidden layer."""
    sizes = {
        "encode": (PIXELS, HIDDEN),
        "encoded": (HIDDEN, 2 * LATENT),
        "decode": (LATENT, HIDDEN),
        "decoded": (HIDDEN, PIXELS),
    }
    initialise = jax.nn.initializers.glorot_normal()
    keys = jax.random.split(key, len(sizes))
    return {
        name: {"w": initialise(key, size), "b": jnp.zeros(size[1])}
        for (name, size), key in zip(sizes.items(), keys)
    }


def dense(layer, x):
    return x @ layer["w"] + layer["b"]


def encode(params, image):
    """Mean and logarithm of the variance of the latent numbers of one image."""
    hidden = jnp.tanh(dense(params["encode"], image))
    return jnp.split(dense(params["encoded"], hidden), 2)


def decode(params, latent):
    """Logits of the pixels of one image."""
    return dense(params["decoded"], jnp.tanh(dense(params["decode"], latent)))


def negative_elbo(params, image, key):
    """Nats that it takes to send one image: its latent numbers and its pixels."""
    mean, log_variance = encode(params, image)
    noise = jax.random.normal(key, mean.shape)
    logits = decode(params, mean + jnp.exp(log_variance / 2) * noise)
    pixels = jnp.sum(jax.nn.softplus(logits) - image * logits)
    divergence = jnp.sum(jnp.exp(log_variance) + mean**2 - 1 - log_variance) / 2
    return pixels + divergence


def loss_fn(params, images, key):
    keys = jax.random.split(key, len(images))
    return jnp.mean(jax.vmap(negative_elbo, (None, 0, 0))(params, images, keys))


@jax.jit
def train_step(params, mean, square, step, images, key):
    """One step of Adam (Kingma and Ba, 2015)."""
    loss, grads = jax.value_and_grad(loss_fn)(params, images, key)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
    square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g**2, square, grads)

    def update(p, m, s):
        m, s = m / (1 - 0.9**step), s / (1 - 0.99**step)
        return p - LEARNING_RATE * m / (jnp.sqrt(s) + 1e-4)

    return jax.tree.map(update, params, mean, square), mean, square, loss


@jax.jit
def reconstruct(params, images):
    """Each image through its mean latent numbers and back, (n, PIXELS) in 0..1."""
    means = jax.vmap(lambda image: encode(params, image)[0])(images)
    return jax.nn.sigmoid(jax.vmap(decode, (None, 0))(params, means))


def show(*images):
    """Draw images of 8x8 pixels side by side."""
    for row in range(8):
        lines = (image.reshape(8, 8)[row] for image in images)
        print("   ".join("".join(" .:*#"[int(4.99 * x)] for x in r) for r in lines))


def main():
    """Train, and insist that new images come back better than as the mean image."""
    images, test_images = load_data()
    params = init_params(jax.random.key(0))
    mean = jax.tree.map(jnp.zeros_like, params)
    square = jax.tree.map(jnp.zeros_like, params)
    rng, key = np.random.default_rng(1), jax.random.key(1)
    step = 0
    for epoch in range(EPOCHS):
        losses = []
        for chosen in rng.permutation(len(images)).reshape(-1, BATCH_SIZE):
            step += 1
            key, subkey = jax.random.split(key)
            params, mean, square, loss = train_step(
                params, mean, square, np.float32(step), images[chosen], subkey
            )
            losses.append(float(loss))
        if (epoch + 1) % 5 == 0:
            print(f"epoch {epoch + 1:2d}  {np.mean(losses):.1f} nats per image")
    restored = np.asarray(reconstruct(params, test_images))
    show(*test_images[:6])
    show(*restored[:6])
    error = np.mean((restored - test_images) ** 2)
    naive = np.mean((images.mean(axis=0) - test_images) ** 2)
    print(f"mean squared error {error:.4f}; of the mean image {naive:.4f}")
    assert error < 0.6 * naive, "eight numbers should keep most of an image"


if __name__ == "__main__":
    main()
