"""Trains a gated recurrent unit on the adding problem.

A sequence has a random number and a mark at each of its positions; two marks are set,
and the sum of the two marked numbers is asked for at the end. Who ignores the marks and
answers 1 has a mean squared error of 1/6. The recurrence is a lax.scan, the
gradient goes through it.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

HIDDEN = 32
LENGTH = 12
BATCH_SIZE = 100
STEPS = 200
LEARNING_RATE = 0.01


def make_batch(rng):
    """Sequences (LENGTH, BATCH_SIZE, 2) of numbers and marks, sums (BATCH_SIZE,)."""
    numbers = rng.random((LENGTH, BATCH_SIZE))
    marks = np.zeros((LENGTH, BATCH_SIZE))
    for i in range(BATCH_SIZE):
        marks[rng.choice(LENGTH, size=2, replace=False), i] = 1.0
    sequences = np.stack([numbers, marks], axis=-1)
    return sequences.astype(np.float32), (numbers * marks).sum(0).astype(np.float32)


def init_params(key):
    """Gates and candidate read the input and the state; a dense layer reads the sum."""
    initialise = jax.nn.initializers.glorot_normal()
    gates, candidate, readout = jax.random.split(key, 3)
    return {
        "gates": {
            "w": initialise(gates, (2 + HIDDEN, 2 * HIDDEN)),
            "b": jnp.zeros(2 * HIDDEN),
        },
        "candidate": {
            "w": initialise(candidate, (2 + HIDDEN, HIDDEN)),
            "b": jnp.zeros(HIDDEN),
        },
        "readout": {"w": initialise(readout, (HIDDEN, 1)), "b": jnp.zeros(1)},
    }


def dense(layer, *inputs):
    """An affine map of the inputs side by side."""
    return jnp.concatenate(inputs, axis=-1) @ layer["w"] + layer["b"]


def predict(params, sequences):
    """The answer after the last position, (n,)."""

    def step(state, x):
        gates = jax.nn.sigmoid(dense(params["gates"], x, state))
        update, reset = jnp.split(gates, 2, axis=-1)
        candidate = jnp.tanh(dense(params["candidate"], x, reset * state))
        return update * state + (1 - update) * candidate, None

    start = jnp.zeros((sequences.shape[1], HIDDEN))
    state, _ = lax.scan(step, start, sequences)
    return dense(params["readout"], state)[:, 0]


@jax.jit
def loss_fn(params, sequences, sums):
    """Mean squared error."""
    return jnp.mean((predict(params, sequences) - sums) ** 2)


@jax.jit
def train_step(params, mean, square, step, sequences, sums):
    """One step of Adam (Kingma and Ba, 2015)."""
    loss, grads = jax.value_and_grad(loss_fn)(params, sequences, sums)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
    square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g**2, square, grads)

    def update(p, m, s):
        m, s = m / (1 - 0.9**step), s / (1 - 0.99**step)
        return p - LEARNING_RATE * m / (jnp.sqrt(s) + 1e-4)

    return jax.tree.map(update, params, mean, square), mean, square, loss


def main():
    """Train, test on new sequences, and insist on an error of a tenth of the naive."""
    rng = np.random.default_rng(0)
    params = init_params(jax.random.key(0))
    mean = jax.tree.map(jnp.zeros_like, params)
    square = jax.tree.map(jnp.zeros_like, params)
    for step in range(STEPS):
        params, mean, square, loss = train_step(
            params, mean, square, np.float32(step + 1), *make_batch(rng)
        )
        if (step + 1) % 40 == 0:
            print(f"step {step + 1:3d}  mean squared error {float(loss):.4f}")
    test_loss = float(loss_fn(params, *make_batch(rng)))
    print(f"new sequences: {test_loss:.4f}; always answering 1: {1 / 6:.4f}")
    assert test_loss < 1 / 60, "the network should have found out what marks mean"


if __name__ == "__main__":
    main()
