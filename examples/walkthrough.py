"""Follows one small function through every stage, front to back.

Each stage prints what it makes: the traced equations, their derivative, their batched
form, the program for the machine, and the numbers. On JAX the program is StableHLO, on
minijax it is the list of instructions that the C runtime walks.
"""

import jax
import jax.numpy as jnp
import numpy as np


def energy(x):
    """A potential with two valleys, summed: it uses a product, a power and a sum."""
    return jnp.sum((x**2 - 1.0) ** 2) + 0.5 * jnp.sin(x[0])


def show(title, text):
    print(f"== {title}\n{text}\n")


def main():
    """Print every stage, and check each one's numbers against the stage before."""
    x = np.array([0.5, -1.5, 2.0], np.float32)

    # Tracing: the function is called once with tracers, which write down its equations.
    show("the function, traced", jax.make_jaxpr(energy)(x))

    # Differentiation makes other equations. First the derivative along a direction:
    # every value is joined by its tangent. Then the gradient: the linear part reversed.
    directional = lambda x, v: jax.jvp(energy, (x,), (v,))[1]  # noqa: E731
    show("its derivative along a direction", jax.make_jaxpr(directional)(x, x))
    gradient = jax.grad(energy)
    show("its gradient", jax.make_jaxpr(gradient)(x))

    # Batching: the same equations with one more axis; no loop appears.
    points = np.stack([x, -x, 2 * x, x + 1])
    gradients = jax.vmap(gradient)
    show("the gradients of four points", jax.make_jaxpr(gradients)(points))

    # Compilation: equations become a program for the machine, once per shape and dtype.
    compiled_gradients = jax.jit(gradients)
    lowered = compiled_gradients.lower(points)
    show("the program", lowered.as_text())
    compiled = lowered.compile()

    # Running: the program ahead of time, the program on demand, and without any.
    results = compiled(points)
    show("the gradients", np.asarray(results))
    assert np.allclose(results, compiled_gradients(points), rtol=1e-6)
    with jax.disable_jit():
        assert np.allclose(results, gradients(points), rtol=1e-5)

    # The proof of it all: slopes measured in float64 by NumPy.
    def numpy_energy(x):
        return np.sum((x**2 - 1.0) ** 2) + 0.5 * np.sin(x[0])

    h = 1e-6
    for point, result in zip(points.astype(np.float64), np.asarray(results)):
        steps = h * np.eye(3)
        slopes = [(numpy_energy(point + e) - numpy_energy(point - e)) for e in steps]
        assert np.allclose(result, np.array(slopes) / (2 * h), rtol=1e-4, atol=1e-4)
    direction = np.ones_like(x)
    slope = directional(x, direction)
    assert np.allclose(slope, np.dot(gradient(x), direction), rtol=1e-5)
    print("every stage gives the same slopes, and they are those measured by NumPy")


if __name__ == "__main__":
    main()
