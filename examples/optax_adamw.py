"""Predicts how diabetes progresses, trained by optax's AdamW under a schedule.

optax is used unmodified: warm-up and cosine decay, clipping by the global norm, decay
of the weights but not of the biases. Needs optax, and scikit-learn for the 442
patients. `python examples/optax_adamw.py` runs it on JAX, `python -m minijax
examples/optax_adamw.py` runs it on minijax.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_diabetes

TEST_PATIENTS = 92


def load_data():
    """Train and test pairs of (n, 10) features and (n,) targets, standardised."""
    data = load_diabetes()
    order = np.random.default_rng(0).permutation(len(data.target))
    x = data.data[order] / data.data.std(axis=0)
    y = (data.target[order] - data.target.mean()) / data.target.std()
    x, y = x.astype(np.float32), y.astype(np.float32)
    train = x[TEST_PATIENTS:], y[TEST_PATIENTS:]
    test = x[:TEST_PATIENTS], y[:TEST_PATIENTS]
    return train, test


def init_params(key, width):
    """A network of one hidden layer."""
    k1, k2 = jax.random.split(key)
    return {
        "hidden": {
            "w": jax.random.normal(k1, (10, width)) / jnp.sqrt(10.0),
            "b": jnp.zeros(width),
        },
        "out": {
            "w": jax.random.normal(k2, (width,)) / jnp.sqrt(float(width)),
            "b": jnp.zeros(()),
        },
    }


def predict(params, x):
    """The predicted targets, (n,)."""
    hidden = jnp.tanh(x @ params["hidden"]["w"] + params["hidden"]["b"])
    return hidden @ params["out"]["w"] + params["out"]["b"]


def loss_fn(params, x, y):
    """Mean Huber loss."""
    return optax.losses.huber_loss(predict(params, x), y).mean()


def make_optimizer(steps):
    """AdamW with clipping, and the schedule of its step size."""
    schedule = optax.warmup_cosine_decay_schedule(
        init_value=0.0, peak_value=1e-2, warmup_steps=steps // 10, decay_steps=steps
    )
    adamw = optax.adamw(
        schedule,
        weight_decay=1e-2,
        mask=lambda params: jax.tree.map(lambda p: p.ndim > 0, params),
    )
    return optax.chain(optax.clip_by_global_norm(1.0), adamw), schedule


def explained(params, x, y):
    """The share of the targets' variance that the predictions explain."""
    return 1 - jnp.mean((predict(params, x) - y) ** 2) / jnp.var(y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--width", type=int, default=16)
    args = parser.parse_args()

    (x, y), (x_test, y_test) = load_data()
    optimizer, schedule = make_optimizer(args.steps)
    params = init_params(jax.random.key(0), args.width)
    state = optimizer.init(params)

    @jax.jit
    def train_step(params, state):
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    for step in range(args.steps):
        params, state, loss = train_step(params, state)
        if step % 50 == 0 or step == args.steps - 1:
            rate = float(schedule(step))
            print(f"step {step:3d}  step size {rate:.5f}  loss {float(loss):.4f}")
    print(f"variance explained: train {float(explained(params, x, y)):.2f}, "
          f"test {float(explained(params, x_test, y_test)):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
