"""Solvers of jaxopt and their implicit derivatives."""
# needs: jaxopt

import jax
import jax.numpy as jnp
import jaxopt


def f(x, a):
    return jnp.sum((x - a) ** 2 * jnp.arange(1, 4)) + jnp.sum(x**4) / 10


a = jnp.array([1.0, -2.0, 0.5])
for s in (
    jaxopt.GradientDescent(f, maxiter=30),
    jaxopt.LBFGS(f, maxiter=20),
    jaxopt.BFGS(f, maxiter=20),
    jaxopt.NonlinearCG(f, maxiter=20),
):
    print(type(s).__name__, s.run(jnp.zeros(3), a).params)
print(
    jax.jacobian(
        lambda a: (
            jaxopt.GradientDescent(f, maxiter=200, tol=1e-6).run(jnp.zeros(3), a).params
        )
    )(a)
)
print(
    jaxopt.ProjectedGradient(
        lambda x: jnp.sum((x - a) ** 2), jaxopt.projection.projection_simplex
    )
    .run(jnp.ones(3) / 3)
    .params
)
print(
    jaxopt.FixedPointIteration(lambda x: jnp.cos(x)).run(jnp.array(1.0)).params,
    jaxopt.Bisection(lambda x: x**3 - 2, 0.0, 2.0).run().params,
)
print(jaxopt.loss.multiclass_logistic_loss(1, a))
