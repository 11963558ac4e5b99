"""Trains a character-level GPT on the help texts that ship with Python.

Everything is written out: attention, layer normalisation, Adam, sampling. The model is
small enough for a few seconds; what it writes looks like English from afar.
"""

from pydoc_data.topics import topics

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

CONTEXT = 32
WIDTH = 48
HEADS = 4
LAYERS = 2
BATCH_SIZE = 24
STEPS = 150
LEARNING_RATE = 5e-3


def load_text():
    """The alphabet, and the text as numbers of its letters."""
    text = " ".join(" ".join(topics[name].split()) for name in sorted(topics))
    text = "".join(c for c in text if " " <= c <= "~")
    alphabet = sorted(set(text))
    number = {c: i for i, c in enumerate(alphabet)}
    return alphabet, np.array([number[c] for c in text], np.int32)


def init_params(key, letters):
    """Embeddings, and for each layer the matrices of attention and of the MLP."""
    keys = iter(jax.random.split(key, 2 + 4 * LAYERS))

    def normal(*shape):
        return 0.1 * jax.random.normal(next(keys), shape)

    layers = [
        {
            "qkv": normal(WIDTH, 3 * WIDTH),
            "out": normal(WIDTH, WIDTH),
            "up": normal(WIDTH, 4 * WIDTH),
            "down": normal(4 * WIDTH, WIDTH),
            "scale1": jnp.ones(WIDTH),
            "scale2": jnp.ones(WIDTH),
        }
        for _ in range(LAYERS)
    ]
    return {
        "letters": normal(letters, WIDTH),
        "positions": normal(CONTEXT, WIDTH),
        "layers": layers,
        "scale": jnp.ones(WIDTH),
    }


def normalise(x, scale):
    """Layer normalisation without an offset."""
    x = x - jnp.mean(x, axis=-1, keepdims=True)
    return scale * x * lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-5)


def attention(layer, x):
    """Causal self-attention of one sequence (time, WIDTH)."""
    time = len(x)
    qkv = (x @ layer["qkv"]).reshape(time, 3, HEADS, WIDTH // HEADS)
    q, k, v = jnp.moveaxis(qkv, 1, 0)
    scores = jnp.einsum("qhd,khd->hqk", q, k) / np.sqrt(WIDTH // HEADS)
    causal = jnp.tril(jnp.ones((time, time), bool))
    weights = jax.nn.softmax(jnp.where(causal, scores, -jnp.inf))
    return jnp.einsum("hqk,khd->qhd", weights, v).reshape(time, WIDTH) @ layer["out"]


def predict(params, letters):
    """Logits of the next letter at each position of one sequence, (time, alphabet)."""
    x = params["letters"][letters] + params["positions"][: len(letters)]
    for layer in params["layers"]:
        x = x + attention(layer, normalise(x, layer["scale1"]))
        hidden = jax.nn.gelu(normalise(x, layer["scale2"]) @ layer["up"])
        x = x + hidden @ layer["down"]
    return normalise(x, params["scale"]) @ params["letters"].T


def loss_fn(params, batch):
    """Mean cross-entropy in nats per letter of a batch (n, CONTEXT + 1)."""
    logits = jax.vmap(predict, (None, 0))(params, batch[:, :-1])
    log_probs = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(log_probs, batch[:, 1:, None], axis=-1))


@jax.jit
def train_step(params, mean, square, step, batch):
    """One step of Adam (Kingma and Ba, 2015)."""
    loss, grads = jax.value_and_grad(loss_fn)(params, batch)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
    square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g**2, square, grads)

    def update(p, m, s):
        m, s = m / (1 - 0.9**step), s / (1 - 0.99**step)
        return p - LEARNING_RATE * m / (jnp.sqrt(s) + 1e-4)

    return jax.tree.map(update, params, mean, square), mean, square, loss


@jax.jit
def write(params, key, start):
    """CONTEXT letters that follow the CONTEXT letters of `start`."""

    def step(window, key):
        letter = jax.random.categorical(key, predict(params, window)[-1])
        return jnp.append(window[1:], letter.astype(window.dtype)), letter

    return lax.scan(step, start, jax.random.split(key, CONTEXT))[1]


def main():
    """Train, insist on less than a letter's entropy, and write a line."""
    alphabet, text = load_text()
    params = init_params(jax.random.key(0), len(alphabet))
    mean = jax.tree.map(jnp.zeros_like, params)
    square = jax.tree.map(jnp.zeros_like, params)
    rng = np.random.default_rng(0)
    losses = []
    for step in range(STEPS):
        starts = rng.integers(len(text) - CONTEXT - 1, size=BATCH_SIZE)
        batch = text[starts[:, None] + np.arange(CONTEXT + 1)]
        params, mean, square, loss = train_step(
            params, mean, square, np.float32(step + 1), batch
        )
        losses.append(float(loss))
        if (step + 1) % 50 == 0:
            print(f"step {step + 1:3d}  {np.mean(losses[-50:]):.2f} nats per letter")
    start = text[:CONTEXT]
    letters = write(params, jax.random.key(1), start)
    print(repr("".join(alphabet[i] for i in start)), "goes on:")
    print(repr("".join(alphabet[i] for i in np.asarray(letters))))

    counts = np.bincount(text) / len(text)
    entropy = -np.sum(counts * np.log(counts))
    print(f"guessing from the letters' frequencies: {entropy:.2f} nats per letter")
    assert np.mean(losses[-50:]) < entropy - 0.4, "the model should see the context"


if __name__ == "__main__":
    main()
