"""Differential equations, roots, least squares and linear systems."""
# needs: diffrax optimistix lineax

import diffrax
import jax
import jax.numpy as jnp
import lineax as lx
import optimistix as optx


def f(t, y, a):
    return -a * y


def solve(a, adj=None, **k):
    return diffrax.diffeqsolve(
        diffrax.ODETerm(f),
        diffrax.Tsit5(),
        0.0,
        2.0,
        0.1,
        jnp.array([1.0, 2.0]),
        args=a,
        saveat=diffrax.SaveAt(ts=jnp.linspace(0, 2, 5)),
        stepsize_controller=diffrax.PIDController(rtol=1e-4, atol=1e-6),
        **({"adjoint": adj} if adj else {}),
    ).ys


print(solve(0.7))
print(jax.grad(lambda a: solve(a).sum())(0.7))
print(jax.grad(lambda a: solve(a, diffrax.BacksolveAdjoint()).sum())(0.7))
print(jax.jit(solve)(0.5))
print(jax.jvp(lambda a: solve(a, diffrax.DirectAdjoint())[-1], (0.7,), (1.0,)))
print(
    diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, a: -50 * (y - jnp.cos(t))),
        diffrax.Kvaerno3(),
        0.0,
        1.0,
        0.01,
        jnp.array(0.0),
        stepsize_controller=diffrax.PIDController(rtol=1e-3, atol=1e-5),
    ).ys
)
bm = diffrax.VirtualBrownianTree(0.0, 1.0, 1e-3, (), jax.random.key(0))
print(
    diffrax.diffeqsolve(
        diffrax.MultiTerm(
            diffrax.ODETerm(lambda t, y, a: -y),
            diffrax.ControlTerm(lambda t, y, a: 0.1, bm),
        ),
        diffrax.Euler(),
        0.0,
        1.0,
        0.05,
        1.0,
    ).ys
)
print(
    optx.root_find(
        lambda x, a: x**3 - a, optx.Newton(1e-5, 1e-5), jnp.array(1.0), args=2.0
    ).value
)
print(
    optx.least_squares(
        lambda x, a: jnp.array([x[0] - 1, 10 * (x[1] - x[0] ** 2)]),
        optx.LevenbergMarquardt(1e-5, 1e-5),
        jnp.zeros(2),
    ).value,
    optx.minimise(
        lambda x, a: (x[0] - 1) ** 2 + (x[1] + 2) ** 4,
        optx.BFGS(1e-5, 1e-5),
        jnp.zeros(2),
    ).value,
)
A = jnp.array([[3.0, 1.0], [1.0, 2.0]])
print(
    lx.linear_solve(lx.MatrixLinearOperator(A), jnp.ones(2)).value,
    lx.linear_solve(
        lx.MatrixLinearOperator(A, lx.positive_semidefinite_tag),
        jnp.ones(2),
        lx.CG(1e-5, 1e-5),
    ).value,
)
