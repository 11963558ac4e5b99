"""Fits a Gaussian process to noisy measurements, and says how sure it is.

Regression by Rasmussen and Williams (2006), algorithm 2.1: a Cholesky factorisation and
triangular solves; the kernel's parameters follow the gradient of the marginal likelihood
through both. In float64, as kernel matrices are close to singular.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular

jax.config.update("jax_enable_x64", True)

POINTS = 60
NOISE = 0.2
STEPS = 100
LEARNING_RATE = 0.2


def truth(x):
    return np.sin(3 * x) + 0.5 * x


def measure(rng):
    """Places (POINTS,) between -2 and 2, and what was measured there."""
    x = rng.uniform(-2, 2, POINTS)
    return x, truth(x) + NOISE * rng.standard_normal(POINTS)


def kernel(params, x1, x2):
    """Covariance of the values at two places: squared exponential."""
    length, amplitude, _ = jnp.exp(params)
    return amplitude**2 * jnp.exp(-(((x1 - x2) / length) ** 2) / 2)


def covariances(params, xs1, xs2):
    """The kernel at all pairs, (len(xs1), len(xs2))."""
    rows = jax.vmap(kernel, (None, None, 0))
    return jax.vmap(rows, (None, 0, None))(params, xs1, xs2)


def factorise(params, x):
    """Lower Cholesky factor of the covariance of measurements at x."""
    noise = jnp.exp(params[2])
    return jnp.linalg.cholesky(covariances(params, x, x) + noise**2 * jnp.eye(len(x)))


def negative_log_likelihood(params, x, y):
    """Nats per measurement."""
    factor = factorise(params, x)
    whitened = solve_triangular(factor, y, lower=True)
    log_det = jnp.sum(jnp.log(jnp.diag(factor)))
    return (whitened @ whitened / 2 + log_det) / len(x) + jnp.log(2 * jnp.pi) / 2


@jax.jit
def improve(params, x, y):
    """One step along the gradient."""
    loss, gradient = jax.value_and_grad(negative_log_likelihood)(params, x, y)
    return params - LEARNING_RATE * gradient, loss


@jax.jit
def predict(params, x, y, new):
    """Mean and standard deviation of the function at new places, each (len(new),)."""
    factor = factorise(params, x)
    across = solve_triangular(factor, covariances(params, x, new), lower=True)
    mean = across.T @ solve_triangular(factor, y, lower=True)
    variance = jax.vmap(kernel, (None, 0, 0))(params, new, new) - jnp.sum(across**2, 0)
    return mean, jnp.sqrt(variance)


def main():
    """Fit, and insist on the right noise and on honest error bars."""
    x, y = measure(np.random.default_rng(0))
    params = jnp.zeros(3)  # logarithms of the length, the amplitude and the noise
    for step in range(STEPS):
        params, loss = improve(params, x, y)
        if (step + 1) % 25 == 0:
            print(f"step {step + 1:3d}  {float(loss):.4f} nats per measurement")
    noise = float(jnp.exp(params[2]))
    print(f"noise {noise:.3f}, in truth {NOISE}")
    assert abs(noise / NOISE - 1) < 0.3, "the fit should separate noise and function"

    new = np.linspace(-2, 2, 41)
    mean, deviation = map(np.asarray, predict(params, x, y, new))
    errors = np.abs(mean - truth(new))
    for i in range(0, 41, 5):
        print(f"x {new[i]:5.2f}  {mean[i]:6.3f} ± {deviation[i]:.3f}", end="  ")
        print(f"in truth {truth(new[i]):6.3f}")
    covered = np.mean(errors < 2 * deviation)
    print(f"within two standard deviations: {covered:.0%} of the places")
    assert covered > 0.8 and errors.max() < 0.3, "the error bars should be honest"


if __name__ == "__main__":
    main()
