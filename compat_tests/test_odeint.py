"""jax.experimental.ode on both sides."""

import pytest
from sides import NAMES, Side, assert_same


def _pendulum(side, y, t, m, g):
    theta, omega = y
    return omega, -m * omega - g * side.jnp.sin(theta)


def _solve(side, *args, **options):
    ode = side("experimental.ode")
    return ode.odeint(
        lambda y, t, *rest: _pendulum(side, y, t, *rest), *args, **options
    )


def _ode_case(side):
    t = side.jnp.linspace(0.0, 3.0, 5)
    y0 = side.jnp.float32(1.2), side.jnp.float32(0.0)
    return y0, t, side.jnp.float32(0.25), side.jnp.float32(9.8)


ODES = {
    "value": lambda s: _solve(s, *_ode_case(s)),
    "tolerances": lambda s: _solve(s, *_ode_case(s), rtol=1e-4, atol=1e-5, hmax=0.1),
    "gradients": lambda s: s.grad(
        lambda y0, t, m, g: _solve(s, y0, t, m, g)[0].sum(), (0, 1, 2, 3)
    )(*_ode_case(s)),
    "vmap": lambda s: s.vmap(
        lambda m: _solve(s, *_ode_case(s)[:2], m, s.jnp.float32(9.8))[1]
    )(s.jnp.array([0.1, 0.5])),
    "closed-over values": lambda s: s.grad(
        lambda k: s("experimental.ode").odeint(
            lambda y, t: -k * y, s.jnp.ones(3), s.jnp.array([0.0, 1.0])
        )[1].sum()
    )(0.5),
    "complex": lambda s: s("experimental.ode").odeint(
        lambda y, t: 1j * y, s.jnp.array([1.0 + 0j]), s.jnp.array([0.0, 1.0, 2.0])),
}  # fmt: skip


@pytest.mark.parametrize("name", ODES)
def test_odeint(name):
    assert_same(ODES[name], rtol=3e-4, atol=3e-5)


@pytest.mark.parametrize("times", [[0, 1, 2], [0.0, 1.0]])
def test_integers_are_refused(times):
    """Of times: before anything is traced; of values: where the loop's types differ."""
    for name in NAMES:
        side = Side(name)
        solve = side("experimental.ode").odeint
        start = 1 if isinstance(times[1], float) else 1.0
        with pytest.raises(TypeError, match=r"must be an array of floats|equal types"):
            solve(lambda y, t, a: -a * y, start, side.jnp.array(times), 0.5)
