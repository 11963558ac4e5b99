"""Exponential, trigonometric, Fresnel's and logarithmic integrals."""

import functools
import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.control.custom_jvp import custom_jvp
from minijax.numpy.promotion import dtype_of, is_complex, promote_args_inexact
from minijax.scipy.special import coefficients as c
from minijax.scipy.special.errors import (
    checked_float,
    float_arrays,
    polynomial,
    refuse_complex,
)


def _ratio(numerator, denominator, x):
    return polynomial(numerator, x) / polynomial(denominator, x)


# --- exponential integrals ------------------------------------------------------------

# upper ends of Cephes' intervals, and the rational functions on them
_EXPI_PIECES = (
    (4, c.EXPI_P_4, c.EXPI_Q_4), (8, c.EXPI_P_8, c.EXPI_Q_8), (16, c.EXPI_P_16, c.EXPI_Q_16),
    (32, c.EXPI_P_32, c.EXPI_Q_32), (64, c.EXPI_P_64, c.EXPI_Q_64),
    (math.inf, c.EXPI_P_FAR, c.EXPI_Q_FAR),
)  # fmt: skip


def _expi_positive(x):
    """Ei(x) for x > 0, by Cephes' ei."""
    near = jnp.where(x <= 2, x, 1)
    value = near * _ratio(c.EXPI_P_2, c.EXPI_Q_2, near) + np.euler_gamma + lax.log(near)
    low = 2
    for high, numerator, denominator in _EXPI_PIECES:
        # 0 and NaN go through the last piece, as they do in Cephes
        inside = (
            ((x > low) & (x <= high)) if high < math.inf else ~((x > 0) & (x <= low))
        )
        y = jnp.where(inside, x, 5)
        w = 1 / y
        piece = lax.exp(y) * w * (w * _ratio(numerator, denominator, w) + 1)
        value = jnp.where(inside, piece, value)
        low = high
    return value


@custom_jvp
@jit
def expi(x):
    """The exponential integral -∫_-x^∞ exp(-t) / t dt."""
    (x,) = float_arrays("expi", x)
    refuse_complex("expi", x)
    negative = x < 0
    below = -exp1(jnp.where(negative, -x, 0))
    return jnp.where(negative, below, _expi_positive(jnp.where(negative, 1, x)))


expi.defjvps(lambda t, out, x: lax.exp(x) / x * t)


def exp1(x):
    """The exponential integral ∫_x^∞ exp(-t) / t dt; NaN for x < 0."""
    (x,) = promote_args_inexact("exp1", x)
    refuse_complex("exp1", x)
    return expn(1, x)


def _expn_series(n, x, needed):
    """The power series of E_n around 0, for x <= 1; Cephes' expn. It goes on until it is
    exact enough wherever it is needed.
    """
    eps = dtypes.finfo(dtype_of(x)).eps

    def below(state):
        return jnp.any(state[0] < n)

    def harmonic(state):
        k, total = state
        return k + 1, jnp.where(k < n, total + 1 / k, total)

    one = jnp.ones_like(x)
    start = -np.euler_gamma - lax.log(x)
    _, psi = lax.while_loop(below, harmonic, (np.ones_like(1, x.dtype), start))
    minus = -x
    first = jnp.where(n == 1, 0.0, 1 / (1 - jnp.where(n == 1, 2.0, n)))

    def active(state):
        return state["needed"] & (state["change"] > eps)

    def step(state):
        k = state["k"] + 1
        term = state["term"] * (minus / k)
        pole = state["pole"] + 1
        total = state["total"] + jnp.where(pole != 0, term / pole, 0.0)
        change = jnp.where(total != 0, lax.abs(term / total), 1.0)
        new = {"k": k, "term": term, "pole": pole, "total": total, "change": change,
               "needed": state["needed"]}  # fmt: skip
        on = active(state)
        return {name: jnp.where(on, new[name], state[name]) for name in new}

    state = lax.while_loop(
        lambda s: jnp.any(active(s)),
        step,
        {"k": 0 * one, "term": one, "pole": (1 - n) * one, "total": first * one,
         "change": np.inf * one, "needed": needed & (x > 0)},
    )  # fmt: skip
    return minus ** (n - 1) * psi / _gamma_of(n) - state["total"]


def _gamma_of(n):
    return lax.exp(lax.lgamma(n))


def _expn_fraction(n, x, needed):
    """The continued fraction of E_n, for x > 1; Cephes' expn. As the series: where needed."""
    dtype = dtype_of(x)
    eps = dtypes.finfo(dtype).eps
    big = 1.44115188075855872e17
    one = jnp.ones_like(x)

    def active(s):
        return s["needed"] & (s["change"] > eps)

    def step(s):
        k = s["k"] + 1
        odd = k % 2 == 1
        y = jnp.where(odd, one, s["x"])
        z = jnp.where(odd, n + (k - 1) / 2, k / 2)
        p = s["p1"] * y + s["p0"] * z
        q = s["q1"] * y + s["q0"] * z
        nonzero = q != 0
        r = jnp.where(nonzero, p / q, s["r"])
        change = jnp.where(nonzero, lax.abs((s["answer"] - r) / r), 1.0)
        answer = jnp.where(nonzero, r, s["answer"])
        large = lax.abs(p) > big
        scaled = [jnp.where(large, v / big, v) for v in (s["p1"], p, s["q1"], q)]
        new = dict(zip(("p0", "p1", "q0", "q1"), scaled, strict=True))
        new |= {"k": k, "r": r, "change": change, "answer": answer}
        new |= {"x": s["x"], "needed": s["needed"]}
        on = active(s)
        return {name: jnp.where(on, new[name], s[name]) for name in new}

    start = {
        "k": one, "p0": one, "q0": x, "p1": one, "q1": x + n, "answer": one / (x + n),
        "r": 0 * one, "change": np.inf * one, "x": x, "needed": needed,
    }  # fmt: skip
    state = lax.while_loop(lambda s: jnp.any(active(s)), step, start)
    return state["answer"] * lax.exp(-x)


def _expn_asymptotic(n, x):
    """E_n for n >= 5000; Cephes' expn."""
    total = x + n
    y = 1 / (total * total)
    value = y * n * (6 * x * x - 8 * n * x + n * n)
    value = y * (value + n * (n - 2 * x))
    value = y * (value + n)
    return (value + 1) * lax.exp(-x) / total


@functools.partial(custom_jvp, nondiff_argnums=(0,))
@jit
def expn(n, x):
    """The generalised exponential integral ∫_1^∞ exp(-x t) / t^n dt; NaN for n < 0 or x < 0."""
    n, x = float_arrays("expn", n, x)
    n, x = jnp.broadcast_arrays(n, x)
    at_zero, low = x == 0, n < 2
    conditions = [
        (n < 0) | (x < 0), at_zero & low, at_zero & ~low, (n == 0) & (x >= 0), n >= 5000, x > 1,
    ]  # fmt: skip
    taken = jnp.zeros_like(at_zero)
    masks = []
    for condition in conditions[::-1]:  # where several hold, the last one counts
        masks.insert(0, condition & ~taken)
        taken = taken | condition
    asymptotic, fraction = masks[4], masks[5]
    order = jnp.where(taken, 2, n)
    choices = [
        jnp.full_like(x, np.nan), jnp.full_like(x, np.inf),
        # JAX divides by n, or 2n where n is 1, in place of n - 1
        1 / jnp.where(n == 1, n + n, n),
        lax.exp(-x) / x,
        _expn_asymptotic(jnp.where(asymptotic, n, 5000), x),
        _expn_fraction(jnp.where(fraction, n, 2), jnp.where(fraction, x, 2), fraction),
    ]  # fmt: skip
    series = _expn_series(order, jnp.where(taken, 0.5, x), ~taken)
    return jnp.select(masks, choices, series)


@expn.defjvp
@jit
def _expn_jvp(n, primals, tangents):
    (x,), (t,) = primals, tangents
    return expn(n, x), -t * expn(lax.sub(n, 1), x)


# --- sine and cosine integrals --------------------------------------------------------


@custom_jvp
@jit
def sici(x):
    """(Si(x), Ci(x)): ∫_0^x sin(t)/t dt, and γ + log(x) + ∫_0^x (cos(t) - 1)/t dt;
    Cephes' sici.
    """
    (x,) = float_arrays("sici", x)
    if is_complex(x):
        raise ValueError(
            f"Argument `x` to sici must be real-valued. Got dtype {dtype_of(x)}."
        )
    size = lax.abs(x)
    conditions = [size <= 4, (size > 4) & (size <= 1e9)]
    pieces = [_sici_series(size), _sici_asymptotic(size)]
    far = size == np.inf
    si_far = jnp.where(far, math.pi / 2, math.pi / 2 - lax.cos(size) / size)
    ci_far = jnp.where(far, 0.0, lax.sin(size) / size)
    si = jnp.select(conditions, [p[0] for p in pieces], si_far)
    ci = jnp.select(conditions, [p[1] for p in pieces], ci_far)
    return lax.sign(x) * si, jnp.where(x == -np.inf, np.nan, ci)


def _sici_series(x):
    zero = x == 0
    squared = x * x
    si = x * polynomial(c.SICI_SN, squared) / polynomial(c.SICI_SD, squared)
    ci = squared * polynomial(c.SICI_CN, squared) / polynomial(c.SICI_CD, squared)
    ci = np.euler_gamma + lax.log(x) + ci
    return jnp.where(zero, 0.0, si), jnp.where(zero, -np.inf, ci)


def _sici_asymptotic(x):
    sine, cosine = lax.sin(x), lax.cos(x)
    z = 1 / (x * x)
    near = x < 8
    f = jnp.where(
        near,
        polynomial(c.SICI_FN4, z) / (x * polynomial(c.SICI_FD4, z)),
        polynomial(c.SICI_FN8, z) / (x * polynomial(c.SICI_FD8, z)),
    )
    g = jnp.where(
        near,
        z * polynomial(c.SICI_GN4, z) / polynomial(c.SICI_GD4, z),
        z * polynomial(c.SICI_GN8, z) / polynomial(c.SICI_GD8, z),
    )
    return math.pi / 2 - f * cosine - g * sine, f * sine - g * cosine


@sici.defjvp
@jit
def _sici_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return sici(x), (jnp.sinc(x / math.pi) * t, lax.cos(x) / x * t)


# --- Fresnel's integrals --------------------------------------------------------------


@jit
def _sin_cos_half_pi_squared(x):
    """(sin, cos) of π x^2 / 2, the argument reduced without rounding."""
    size = lax.abs(x)
    part = jnp.fmod(size, 2.0)
    turns = jnp.fmod(part * (size - part / 2), 2.0)
    pi = math.pi
    sine = jnp.where(
        turns < 0.5,
        lax.sin(pi * turns),
        jnp.where(
            turns > 1.5, lax.sin(pi * (turns - 2.0)), -lax.sin(pi * (turns - 1.0))
        ),
    )
    cosine = jnp.where(
        turns < 1.0, -lax.sin(pi * (turns - 0.5)), lax.sin(pi * (turns - 1.5))
    )
    return sine, jnp.where(turns == 0.5, 0.0, cosine)


def _fresnel_tables(dtype):
    """Numerators and denominators of S, C, f and g."""
    if dtype.itemsize <= 4:
        return [
            (c.FRESNEL32_SN, ()),
            (c.FRESNEL32_CN, ()),
            (c.FRESNEL32_FN, ()),
            (c.FRESNEL32_GN, ()),
        ]
    return [
        (c.FRESNEL64_SN, c.FRESNEL64_SD), (c.FRESNEL64_CN, c.FRESNEL64_CD),
        (c.FRESNEL64_FN, c.FRESNEL64_FD), (c.FRESNEL64_GN, c.FRESNEL64_GD),
    ]  # fmt: skip


@custom_jvp
def fresnel(x):
    """(S(x), C(x)): the integrals of sin(π t^2 / 2) and cos(π t^2 / 2) from 0; Cephes'
    fresnl.
    """
    (x,) = float_arrays("fresnel", x)
    if is_complex(x):
        raise NotImplementedError(
            "Support for complex-valued inputs is not implemented yet."
        )
    if x.dtype == np.float16:  # the powers of x overflow in it
        parts = fresnel(x.astype(np.float32))
        return tuple([part.astype(np.float16) for part in parts])
    tables = _fresnel_tables(x.dtype)

    def value(k, at):
        numerator, denominator = tables[k]
        top = polynomial(numerator, at)
        return top / polynomial(denominator, at) if denominator else top

    size = lax.abs(x)
    squared = size * size
    fourth = squared * squared
    s_near, c_near = size * squared * value(0, fourth), size * value(1, fourth)
    sine, cosine = _sin_cos_half_pi_squared(size)
    t = math.pi * squared
    u = 1.0 / (t * t)
    f = 1.0 - u * value(2, u)
    g = 1.0 / t * value(3, u)
    scale = math.pi * size
    c_mid = 0.5 + (f * sine - g * cosine) / scale
    s_mid = 0.5 - (f * cosine + g * sine) / scale

    def chosen(near, middle):
        middle = jnp.where(size > 36974.0, 0.5, middle)
        all_ = jnp.where(jnp.isinf(x), 0.5, jnp.where(squared < 2.5625, near, middle))
        return jnp.where(x < 0, -all_, all_)

    return chosen(s_near, s_mid), chosen(c_near, c_mid)


@fresnel.defjvp
def _fresnel_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    sine, cosine = _sin_cos_half_pi_squared(x)
    return fresnel(x), (sine * t, cosine * t)


# --- the dilogarithm ------------------------------------------------------------------


def spence(x):
    """∫_1^x log(t) / (1 - t) dt; NaN for x < 0; Cephes' spence."""
    x = checked_float(x)
    plain = ~((x < 0) | (x == 1) | (x == 0))
    y = jnp.where(plain, x, 0.75)
    invert = y > 2
    folded = jnp.where(y > 2, 1 / y, y)
    high = folded > 1.5
    low = folded < 0.5
    invert = invert | high
    w = jnp.where(high, 1 / folded - 1, jnp.where(low, -folded, folded - 1))
    value = -w * _ratio(c.SPENCE_A, c.SPENCE_B, w)
    near_one = jnp.where(low, folded, 0.5)
    reflected = math.pi**2 / 6 - lax.log(near_one) * lax.log(1 - near_one) - value
    value = jnp.where(low, reflected, value)
    value = jnp.where(invert, -0.5 * lax.log(folded) ** 2 - value, value)
    special = jnp.select(
        [x == 1, x == 0], [jnp.zeros_like(x), math.pi**2 / 6], jnp.nan
    ).astype(x.dtype)
    return jnp.where(plain, value, special)
