"""Fits a normalising flow to two interleaved half moons.

Coupling layers (Real NVP, Dinh et al., 2017) map the data to a normal distribution; the
density follows from the logarithm of the map's volume change. At the end that logarithm
is checked against the determinant of the Jacobian, and the map against its inverse; to
see more than rounding there, everything is in float64.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

jax.config.update("jax_enable_x64", True)

LAYERS = 6
HIDDEN = 32
BATCH_SIZE = 200
STEPS = 200
LEARNING_RATE = 0.005


def half_moons(rng, n):
    """Points (n, 2) on two half circles, with noise; mean about 0."""
    angles = np.pi * rng.random(n)
    upper = rng.random(n) < 0.5
    x = np.where(upper, np.cos(angles), 1 - np.cos(angles)) - 0.5
    y = np.where(upper, np.sin(angles), 0.5 - np.sin(angles)) - 0.25
    noise = 0.08 * rng.standard_normal((n, 2))
    return np.stack([x, y], axis=1) + noise


def init_params(key):
    """The layers' weights, stacked for lax.scan; the first map is the identity."""
    return {
        "w1": jax.random.normal(key, (LAYERS, 1, HIDDEN)),
        "b1": jnp.zeros((LAYERS, HIDDEN)),
        "w2": jnp.zeros((LAYERS, HIDDEN, 2)),
        "b2": jnp.zeros((LAYERS, 2)),
    }


def scale_and_shift(layer, x):
    """How the coordinate that stays, (), moves the other one."""
    hidden = jnp.tanh(x[None] @ layer["w1"] + layer["b1"])
    scale, shift = hidden @ layer["w2"] + layer["b2"]
    return jnp.tanh(scale), shift


def forward(params, point):
    """The point (2,) in normal space, and the logarithm of the volume change."""

    def couple(carry, layer):
        (kept, moved), log_det = carry
        scale, shift = scale_and_shift(layer, kept)
        moved = moved * jnp.exp(scale) + shift
        return (jnp.stack([moved, kept]), log_det + scale), None

    (point, log_det), _ = lax.scan(couple, (point, jnp.zeros(())), params)
    return point, log_det


def inverse(params, point):
    """The data point (2,) that `forward` maps to `point`."""

    def uncouple(point, layer):
        moved, kept = point
        scale, shift = scale_and_shift(layer, kept)
        return jnp.stack([kept, (moved - shift) * jnp.exp(-scale)]), None

    return lax.scan(uncouple, point, params, reverse=True)[0]


def log_density(params, point):
    normal, log_det = forward(params, point)
    return jnp.sum(jax.scipy.stats.norm.logpdf(normal)) + log_det


def loss_fn(params, points):
    """Mean negative log-likelihood in nats."""
    return -jnp.mean(jax.vmap(log_density, (None, 0))(params, points))


@jax.jit
def train_step(params, mean, square, step, points):
    """One step of Adam (Kingma and Ba, 2015)."""
    loss, grads = jax.value_and_grad(loss_fn)(params, points)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
    square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g**2, square, grads)

    def update(p, m, s):
        m, s = m / (1 - 0.9**step), s / (1 - 0.99**step)
        return p - LEARNING_RATE * m / (jnp.sqrt(s) + 1e-3)

    return jax.tree.map(update, params, mean, square), mean, square, loss


@jax.jit
def check(params, points):
    """Largest error of the inverse, and of the volume change against the Jacobian."""

    def errors(point):
        normal, log_det = forward(params, point)
        jacobian = jax.jacfwd(lambda point: forward(params, point)[0])(point)
        true_log_det = jnp.log(jnp.abs(jnp.linalg.det(jacobian)))
        return jnp.abs(inverse(params, normal) - point), jnp.abs(log_det - true_log_det)

    return jax.tree.map(lambda e: jnp.max(e) < 1e-10, jax.vmap(errors)(points))


def main():
    """Fit, compare with the best normal distribution, and check the mathematics."""
    rng = np.random.default_rng(0)
    params = init_params(jax.random.key(0))
    mean = jax.tree.map(jnp.zeros_like, params)
    square = jax.tree.map(jnp.zeros_like, params)
    losses = []
    for step in range(STEPS):
        points = half_moons(rng, BATCH_SIZE)
        params, mean, square, loss = train_step(
            params, mean, square, float(step + 1), points
        )
        losses.append(float(loss))
        if (step + 1) % 50 == 0:
            print(f"step {step + 1:3d}  {np.mean(losses[-50:]):.2f} nats per point")
    points = half_moons(rng, 10_000)
    normal = (np.linalg.slogdet(2 * np.pi * np.e * np.cov(points.T))[1]) / 2
    print(f"the best normal distribution: {normal:.2f} nats per point")
    inverse_holds, volume_holds = check(params, points[:20])
    assert inverse_holds and volume_holds, "the mathematics of the flow is wrong"
    assert np.mean(losses[-50:]) < normal - 0.4, "the flow should fit better"


if __name__ == "__main__":
    main()
