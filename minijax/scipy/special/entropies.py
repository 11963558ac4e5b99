"""Logarithms of probabilities and odds, entropies, and sums of exponentials."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.custom_jvp import custom_jvp
from minijax.nn import functions as nn
from minijax.numpy.promotion import constant_like, promote_args_inexact
from minijax.scipy.special.errors import float_arrays, refuse_complex

logsumexp = nn.logsumexp


def softmax(x, /, *, axis=None):
    """exp(x) / sum(exp(x)) along axes; over all of them by default."""
    return nn.softmax(x, axis=axis)


def log_softmax(x, /, *, axis=None):
    """log(softmax(x)) along axes; over all of them by default."""
    return nn.log_softmax(x, axis=axis)


def expit(x):
    """The logistic function 1 / (1 + exp(-x))."""
    (x,) = promote_args_inexact("expit", x)
    return lax.logistic(x)


@custom_jvp
def logit(x):
    """log(x / (1 - x)), the inverse of `expit`."""
    (x,) = promote_args_inexact("logit", x)
    return lax.log(lax.div(x, lax.sub(constant_like(1, x), x)))


logit.defjvps(lambda t, out, x: lax.div(t, lax.mul(x, lax.sub(constant_like(1, x), x))))


def _product_or_zero(x, y, log):
    """x * log(y), 0 where x is 0 and y is not NaN."""
    defined = lax.bitwise_or(lax.ne(x, constant_like(0, x)), lax.ne(y, y))
    return jnp.where(defined, lax.mul(x, log(y)), jnp.zeros_like(x))


@custom_jvp
def xlogy(x, y):
    """x * log(y), 0 where x is 0."""
    x, y = float_arrays("xlogy", x, y)
    return _product_or_zero(x, y, lax.log)


@xlogy.defjvp
def _xlogy_jvp(primals, tangents):
    (x, y), (t_x, t_y) = primals, tangents
    out = xlogy(x, y)
    return out, (t_x * lax.log(y) + t_y * x / y).astype(out.dtype)


@custom_jvp
def xlog1py(x, y):
    """x * log(1 + y), 0 where x is 0."""
    x, y = float_arrays("xlog1py", x, y)
    return _product_or_zero(x, y, lax.log1p)


@xlog1py.defjvp
def _xlog1py_jvp(primals, tangents):
    (x, y), (t_x, t_y) = primals, tangents
    out = xlog1py(x, y)
    return out, (t_x * lax.log1p(y) + t_y * x / (1 + y)).astype(out.dtype)


@custom_jvp
def _xlogx(x):
    return xlogy(x, x)


@_xlogx.defjvp
def _xlogx_jvp(primals, tangents):
    """Finite or not as the logarithm is: d(x log x) at 0 is -inf, without the NaN of
    `xlogy`.
    """
    (x,), (t,) = primals, tangents
    return _xlogx(x), t * (lax.log(x) + 1)


def entr(x):
    """-x log(x), -inf where x is negative."""
    (x,) = float_arrays("entr", x)
    refuse_complex("entr", x)
    outside = lax.lt(x, constant_like(0, x))
    return lax.select(outside, lax.full_like(x, -np.inf), lax.neg(_xlogx(x)))


def rel_entr(p, q):
    """p log(p / q), 0 where p is 0, inf where it is not defined."""
    p, q = float_arrays("rel_entr", p, q)
    refuse_complex("rel_entr", p)
    zero = constant_like(0, p)
    both = lax.bitwise_and(lax.gt(p, zero), lax.gt(q, zero))
    only_q = lax.bitwise_and(lax.eq(p, zero), lax.ge(q, zero))
    safe_p, safe_q = jnp.where(both, p, 1), jnp.where(both, q, 1)
    log_value = lax.sub(_xlogx(safe_p), xlogy(safe_p, safe_q))
    return jnp.where(both, log_value, jnp.where(only_q, zero, np.inf))


def kl_div(p, q):
    """p log(p / q) - p + q, and `rel_entr` - p + q where p is 0 or it is not defined."""
    p, q = float_arrays("kl_div", p, q)
    refuse_complex("kl_div", p)
    return rel_entr(p, q) - p + q


def _boxcox(name, x, lmbda, log):
    x, lmbda = float_arrays(name, x, lmbda)
    is_log = lmbda == 0
    power = jnp.where(is_log, jnp.ones_like(lmbda), lmbda)
    log_x = log(x)
    return jnp.where(is_log, log_x, lax.expm1(power * log_x) / power)


def boxcox(x, lmbda):
    """(x^lmbda - 1) / lmbda, log(x) where lmbda is 0."""
    return _boxcox("boxcox", x, lmbda, lax.log)


def boxcox1p(x, lmbda):
    """((1 + x)^lmbda - 1) / lmbda, log(1 + x) where lmbda is 0."""
    return _boxcox("boxcox1p", x, lmbda, lax.log1p)
