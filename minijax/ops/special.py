"""The error, gamma, beta, zeta and Bessel functions."""

import math

from minijax import dtypes
from minijax.ops.arithmetic import add, integer_pow, mul, neg, scale, square, sub
from minijax.ops.comparison import gt
from minijax.ops.define import (
    FLOAT,
    NO_RULE,
    constant_like,
    dtype_of,
    filled_like,
    nary,
    no_derivative,
    one_like,
    select,
    unary,
)
from minijax.ops.exponential import exp, log, log1p
from minijax.ops.rounding import abs, sign
from minijax.ops.special_reference import (
    bessel_i0e_reference,
    bessel_i1e_reference,
    digamma_reference,
    erf_inv_reference,
    erf_reference,
    erfc_reference,
    igamma_grad_a_reference,
    igamma_reference,
    igammac_reference,
    lgamma_reference,
    polygamma_reference,
    random_gamma_grad_reference,
    regularized_incomplete_beta_reference,
    zeta_reference,
)


def erf(x):
    """The error function."""
    return erf_p.bind(x)


def erfc(x):
    """1 - erf(x), accurate where erf is near 1."""
    return erfc_p.bind(x)


def erf_inv(x):
    """The inverse of erf."""
    return erf_inv_p.bind(x)


def _gauss(x):
    return exp(neg(square(x)))


_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
erf_p = unary(
    "erf",
    FLOAT,
    erf_reference,
    lambda t, x, ans: scale(_TWO_OVER_ROOT_PI, mul(t, _gauss(x))),
)
erfc_p = unary(
    "erfc",
    FLOAT,
    erfc_reference,
    lambda t, x, ans: scale(-_TWO_OVER_ROOT_PI, mul(t, _gauss(x))),
)
erf_inv_p = unary(
    "erf_inv",
    FLOAT,
    erf_inv_reference,
    lambda t, x, ans: scale(1 / _TWO_OVER_ROOT_PI, mul(t, exp(square(ans)))),
)


def lgamma(x):
    """log |Γ(x)|."""
    return lgamma_p.bind(x)


def digamma(x):
    """The derivative of lgamma."""
    return digamma_p.bind(x)


def polygamma(m, x):
    """The m-th derivative of digamma at x."""
    return polygamma_p.bind(m, x)


def zeta(x, q):
    """Hurwitz's zeta function, the sum of (k + q)^-x."""
    return zeta_p.bind(x, q)


lgamma_p = unary(
    "lgamma", FLOAT, lgamma_reference, lambda t, x, ans: mul(t, digamma(x))
)
digamma_p = unary(
    "digamma",
    FLOAT,
    digamma_reference,
    lambda t, x, ans: mul(t, polygamma(one_like(x), x)),
)
zeta_p = nary(
    "zeta",
    FLOAT,
    zeta_reference,
    no_derivative("zeta"),
)
polygamma_p = nary(
    "polygamma",
    FLOAT,
    polygamma_reference,
    (
        NO_RULE("polygamma gradient with respect to m is not supported", ValueError),
        lambda t, ans, m, x: mul(t, polygamma(add(m, one_like(m)), x)),
    ),
)


def bessel_i0e(x):
    """The modified Bessel function of order 0, times exp(-|x|)."""
    return bessel_i0e_p.bind(x)


def bessel_i1e(x):
    """The modified Bessel function of order 1, times exp(-|x|)."""
    return bessel_i1e_p.bind(x)


def _bessel_i1e_jvp(t, x, ans):
    eps = constant_like(dtypes.finfo(dtype_of(x)).eps, x)
    large = gt(abs(x), eps)
    safe = select(large, x, filled_like(x, eps))
    slope = sub(bessel_i0e(safe), mul(ans, add(sign(safe), integer_pow(safe, -1))))
    return mul(t, select(large, slope, filled_like(x, 0.5)))


bessel_i0e_p = unary(
    "bessel_i0e",
    FLOAT,
    bessel_i0e_reference,
    lambda t, x, ans: mul(t, sub(bessel_i1e(x), mul(sign(x), ans))),
)
bessel_i1e_p = unary("bessel_i1e", FLOAT, bessel_i1e_reference, _bessel_i1e_jvp)


def igamma(a, x):
    """The regularised lower incomplete gamma function."""
    return igamma_p.bind(a, x)


def igammac(a, x):
    """The regularised upper incomplete gamma function."""
    return igammac_p.bind(a, x)


def igamma_grad_a(a, x):
    """The derivative of igamma in a."""
    return igamma_grad_a_p.bind(a, x)


def random_gamma_grad(a, x):
    """The derivative in a of a sample x of the gamma distribution."""
    return random_gamma_grad_p.bind(a, x)


def _igamma_slope(a, x):
    decay = neg(x)
    power = mul(sub(a, filled_like(a, 1)), log(x))
    return exp(sub(add(decay, power), lgamma(a)))


igamma_p = nary(
    "igamma",
    FLOAT,
    igamma_reference,
    (
        lambda t, ans, a, x: mul(t, igamma_grad_a(a, x)),
        lambda t, ans, a, x: mul(t, _igamma_slope(a, x)),
    ),
)
igammac_p = nary(
    "igammac",
    FLOAT,
    igammac_reference,
    (
        lambda t, ans, a, x: neg(mul(t, igamma_grad_a(a, x))),
        lambda t, ans, a, x: neg(mul(t, _igamma_slope(a, x))),
    ),
)
igamma_grad_a_p = nary(
    "igamma_grad_a", FLOAT, igamma_grad_a_reference, no_derivative("igamma_grad_a")
)
random_gamma_grad_p = nary(
    "random_gamma_grad",
    FLOAT,
    random_gamma_grad_reference,
    no_derivative("random_gamma_grad"),
)


def betainc(a, b, x):
    """The regularised incomplete beta function I_x(a, b); differentiable in x."""
    return regularized_incomplete_beta_p.bind(a, b, x)


def _beta_slope(t, ans, a, b, x):
    one = one_like(x)
    log_beta = sub(add(lgamma(a), lgamma(b)), lgamma(add(a, b)))
    power = add(mul(sub(b, one), log1p(neg(x))), mul(sub(a, one), log(x)))
    return mul(t, exp(sub(power, log_beta)))


_NO_SLOPE = NO_RULE(
    "Betainc gradient with respect to a and b not supported.", ValueError
)
regularized_incomplete_beta_p = nary(
    "regularized_incomplete_beta",
    FLOAT,
    regularized_incomplete_beta_reference,
    (_NO_SLOPE, _NO_SLOPE, _beta_slope),
)
