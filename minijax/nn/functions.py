"""Activation functions, softmax and its kin, one-hot encoding and standardization."""

import functools
import warnings
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax import config, core, dtypes, lax
from minijax.control.call import jit
from minijax.control.custom_jvp import custom_jvp
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axis,
    concrete_or_error,
    ensure_arraylike,
    is_complex,
    promote_args_inexact,
    promote_dtypes_inexact,
)
from minijax.numpy.reductions import reduction_axes, reduction_size
from minijax.ops.define import scalar

# --- activations ----------------------------------------------------------------------


@jit
def identity(x):
    """x itself."""
    (x,) = ensure_arraylike("identity", x)
    return asarray(x)


@custom_jvp
@jit
def relu(x):
    """max(x, 0); its derivative at 0 is 0."""
    return jnp.maximum(x, 0)


relu.defjvps(lambda t, ans, x: lax.select(x > 0, t, lax.full_like(t, 0)))


@custom_jvp
@jit
def relu6(x):
    """min(max(x, 0), 6); its derivative at 0 and at 6 is 0."""
    return jnp.minimum(jnp.maximum(x, 0), 6.0)


relu6.defjvps(lambda t, ans, x: lax.select((x > 0) & (x < 6), t, lax.full_like(t, 0)))


@jit
def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2."""
    x, b = ensure_arraylike("squareplus", x, b)
    x = asarray(x)
    return (x + jnp.sqrt(jnp.square(x) + b)) / 2


@jit
def softplus(x):
    """log(1 + exp(x))."""
    return jnp.logaddexp(x, 0)


@jit
def sparse_plus(x):
    """0 below -1, x above 1, (x + 1)^2 / 4 between."""
    (x,) = ensure_arraylike("sparse_plus", x)
    x = asarray(x)
    return jnp.where(x <= -1.0, 0.0, jnp.where(x >= 1.0, x, (x + 1.0) ** 2 / 4))


@jit
def soft_sign(x):
    """x / (|x| + 1)."""
    (x,) = ensure_arraylike("soft_sign", x)
    x = asarray(x)
    return x / (jnp.abs(x) + 1)


@jit(inline=True)
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return lax.logistic(x)


@jit
def sparse_sigmoid(x):
    """0 below -1, 1 above 1, (x + 1) / 2 between: the derivative of `sparse_plus`."""
    (x,) = ensure_arraylike("sparse_sigmoid", x)
    return 0.5 * jnp.clip(asarray(x) + 1.0, 0.0, 2.0)


@jit
def silu(x):
    """x * sigmoid(x)."""
    (x,) = ensure_arraylike("silu", x)
    x = asarray(x)
    return x * sigmoid(x)


swish = silu


@jit
def mish(x):
    """x * tanh(softplus(x))."""
    (x,) = ensure_arraylike("mish", x)
    return asarray(x) * jnp.tanh(softplus(x))


@jit
def log_sigmoid(x):
    """log(sigmoid(x))."""
    (x,) = ensure_arraylike("log_sigmoid", x)
    return -softplus(-asarray(x))


@jit
def elu(x, alpha=1.0):
    """x above 0, alpha * (exp(x) - 1) below."""
    x, alpha = ensure_arraylike("elu", x, alpha)
    x = asarray(x)
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0.0, x)))


@jit
def leaky_relu(x, negative_slope=1e-2):
    """x from 0 on, negative_slope * x below."""
    x, negative_slope = ensure_arraylike("leaky_relu", x, negative_slope)
    x = asarray(x)
    return jnp.where(x >= 0, x, negative_slope * x)


@jit
def hard_tanh(x):
    """x clipped to [-1, 1]."""
    (x,) = ensure_arraylike("hard_tanh", x)
    x = asarray(x)
    return jnp.where(x > 1, 1, jnp.where(x < -1, -1, x))


@jit
def celu(x, alpha=1.0):
    """max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)."""
    return jnp.maximum(x, 0.0) + alpha * jnp.expm1(jnp.minimum(x, 0.0) / alpha)


# The constants for which activations keep mean 0 and variance 1:
# Klambauer et al., "Self-Normalizing Neural Networks", 2017, arXiv:1706.02515.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@jit
def selu(x):
    """scale * elu(x, alpha), with constants that keep mean 0 and variance 1."""
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def gelu(x, approximate=True):
    """x times the normal distribution function of x.

    approximate: use tanh(sqrt(2 / pi) * (x + 0.044715 x^3)) in place of the error
    function; see Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016,
    arXiv:1606.08415.
    """
    (x,) = ensure_arraylike("gelu", x)
    (x,) = promote_dtypes_inexact(asarray(x))
    if approximate:
        root = np.sqrt(2 / np.pi).astype(x.dtype)
        return x * (0.5 * (1.0 + jnp.tanh(root * (x + 0.044715 * x**3))))
    half = np.sqrt(0.5).astype(x.dtype)
    return jnp.array(0.5 * x * lax.erfc(-x * half), dtype=x.dtype)


@jit(static_argnames=("axis",))
def glu(x, axis=-1):
    """The first half of x along an axis, times the sigmoid of the second."""
    (x,) = ensure_arraylike("glu", x)
    x = asarray(x)
    size = x.shape[axis]
    assert size % 2 == 0, "axis size must be divisible by 2"
    x1, x2 = jnp.split(x, 2, axis)
    return x1 * sigmoid(x2)


@jit
def hard_sigmoid(x):
    """relu6(x + 3) / 6."""
    return relu6(x + 3.0) / 6.0


@jit
def hard_silu(x):
    """x * hard_sigmoid(x)."""
    (x,) = ensure_arraylike("hard_silu", x)
    x = asarray(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


@custom_jvp
@jit
def log1mexp(x):
    """log(1 - exp(-x)), exact near 0 and far from it.

    Mächler, "Accurately Computing log(1 - exp(-|a|))", 2012.
    """
    (x,) = ensure_arraylike("log1mexp", x)
    x = asarray(x)
    near = x < jnp.log(2.0)
    return jnp.where(near, jnp.log(-jnp.expm1(-x)), jnp.log1p(-jnp.exp(-x)))


log1mexp.defjvps(lambda t, ans, x: t / jnp.expm1(x))

# --- sums of exponentials -------------------------------------------------------------


def logsumexp(
    a, axis=None, b=None, keepdims=False, return_sign=False, where=None
) -> Any:
    """log(sum(b * exp(a))) along axes, without overflow.

    Args:
        a: array; axis: one, several, or None for all of them.
        b: factors, that broadcast to `a`; 1 if None.
        keepdims: keep the axes, with size 1; where: which elements count.
        return_sign: give (log of the absolute value, sign of the sum), rather than NaN
            where the sum is negative.
    """
    if where is not None:
        a = jnp.where(where, a, 0)
    if b is None:
        (a,) = promote_args_inexact("logsumexp", a)
        a = asarray(a)
    else:
        a, b = promote_args_inexact("logsumexp", a, b)
        a, b = asarray(a), asarray(b)
        a = jnp.where(b != 0, a, -jnp.inf)
    axes, _ = reduction_axes(axis, a.ndim)
    top = jnp.max(a.real, axis=axis, keepdims=keepdims, where=where, initial=-jnp.inf)
    top = lax.select(lax.is_finite(top), top, lax.full_like(top, 0))
    top = lax.stop_gradient(top)
    shift = top if keepdims else lax.expand_dims(top, axes)
    terms = lax.exp(lax.sub(a, shift.astype(a.dtype)))
    if b is not None:
        terms = lax.mul(terms, b)
    total = jnp.sum(terms, axis=axis, keepdims=keepdims, where=where)
    sign = lax.sign(total)
    if return_sign or not is_complex(a):
        total = lax.abs(total)
    log = lax.log(total)
    out = lax.add(log, top.astype(log.dtype))
    if return_sign:
        return out, sign
    if b is not None and not is_complex(out):
        out = jnp.where(sign < 0, scalar(out.dtype, np.nan), out)
    return out


@jit(static_argnames=("axis", "keepdims"))
def logmeanexp(x, axis=None, where=None, keepdims=False):
    """log(mean(exp(x))) along axes, without overflow."""
    log_sum = logsumexp(x, axis=axis, where=where, keepdims=keepdims)
    return log_sum - jnp.log(_count(x, axis, where, keepdims, log_sum.dtype))


def _count(x, axis, where, keepdims, dtype):
    if where is None:
        return np.asarray(reduction_size(x, axis)).astype(dtype)
    where = jnp.broadcast_to(where, x.shape)
    return jnp.sum(where, axis=axis, keepdims=keepdims, dtype=dtype)


def softmax(x, axis: Any = -1, where=None):
    """exp(x) / sum(exp(x)) along axes.

    Args:
        x: array; axis: one or several (None: all).
        where: which elements count; the others give 0.
    """
    if config.values.jax_softmax_custom_jvp:
        return _softmax(x, axis, where, -jnp.inf)
    return _softmax_plain(x, axis, where, -jnp.inf, lax.stop_gradient)


@functools.partial(custom_jvp, nondiff_argnums=(1,))
def _softmax(x, axis, where, initial):
    return _softmax_plain(x, axis, where, initial, lambda top: top)


@_softmax.defjvp
def _softmax_jvp(axis, primals, tangents):
    (x, where, initial), (t, _, _) = primals, tangents
    y = _softmax(x, axis, where, initial)
    return y, y * (t - jnp.sum(y * t, axis, where=where, keepdims=True))


def _softmax_plain(x, axis, where, initial, constant):
    top = jnp.max(x, axis, where=where, initial=initial, keepdims=True)
    x = x if where is None else jnp.where(where, x, initial)
    terms = jnp.exp(x - constant(top))
    out = terms / jnp.sum(terms, axis, where=where, keepdims=True)
    return out if where is None else jnp.where(where, out, 0)


@jit(static_argnames=("axis",))
def log_softmax(x, axis=-1, where=None):
    """log(softmax(x)) along axes; -inf where `where` is false."""
    (x,) = ensure_arraylike("log_softmax", x)
    x = asarray(x)
    top = jnp.max(x, axis, where=where, initial=-jnp.inf, keepdims=True)
    x = x if where is None else jnp.where(where, x, -jnp.inf)
    shifted = x - lax.stop_gradient(top)
    total = jnp.sum(jnp.exp(shifted), axis, where=where, keepdims=True)
    out = shifted - jnp.log(total)
    return out if where is None else jnp.where(where, out, -jnp.inf)


# --- normalization and encoding -------------------------------------------------------


@jit(static_argnames=("axis", "algorithm"))
def standardize(
    x, axis=-1, mean=None, variance=None, epsilon=1e-5, where=None, *, algorithm="fast"
):
    """(x - mean) / sqrt(variance + epsilon), with mean and variance along axes.

    Args:
        mean, variance: given ones, of a shape that broadcasts to `x`; computed if None.
        where: which elements mean and variance are taken over.
        algorithm: of the variance: "fast" is E[x^2] - E[x]^2, "stable" E[(x - E[x])^2].
    """
    if algorithm not in ("fast", "stable"):
        raise ValueError(
            f"Unknown algorithm {algorithm!r}. Expected 'fast' or 'stable'."
        )
    (x,) = ensure_arraylike("standardize", x)
    x = asarray(x)
    if mean is None:
        mean = jnp.mean(x, axis, keepdims=True, where=where)
    if variance is None and algorithm == "fast":
        squares = jnp.mean(jnp.square(x), axis, keepdims=True, where=where)
        variance = jnp.clip(squares - jnp.square(mean), 0)
    elif variance is None:
        variance = jnp.mean(jnp.square(x - mean), axis, keepdims=True, where=where)
    return jnp.subtract(x, asarray(mean)) * lax.rsqrt(asarray(variance) + epsilon)


def one_hot(x, num_classes, *, dtype=None, axis=-1):
    """Rows of zeros with a one at each index of `x`; all zeros for indices out of range.

    Args:
        x: indices; num_classes: the size of the new axis.
        dtype: of the result, float by default; axis: the new axis' place in the result.
    """
    classes = concrete_or_error(
        int_index,
        num_classes,
        "The error arose in jax.nn.one_hot argument `num_classes`.",
    )
    dtype = dtypes.check_user_dtype(float if dtype is None else dtype, "one_hot")
    x = asarray(x)
    if not dtypes.issubdtype(x.dtype, np.integer):
        warnings.warn(
            f"jax.nn.one_hot input should be integer-typed; got dtype={x.dtype}",
            DeprecationWarning,
            stacklevel=2,
        )
    return _one_hot(x, classes, dtype, axis)


def int_index(x):
    """x as a Python int, or the symbolic size that it is.  TypeError unless it is one."""
    if isinstance(x, core.SymbolicSize):
        return x
    return x.__index__() if hasattr(x, "__index__") else range(x)[0]


@jit(static_argnames=("num_classes", "dtype", "axis"))
def _one_hot(x, num_classes, dtype, axis):
    rank = x.ndim + 1
    if isinstance(axis, str):
        return _one_hot_shard(x, num_classes, dtype, axis)
    axis = canonical_axis(axis, rank)
    shape = [1] * rank
    shape[axis] = num_classes
    x = lax.expand_dims(x, (axis,))
    return (x == lax.broadcasted_iota(x.dtype, shape, axis)).astype(dtype)


def _one_hot_shard(x, num_classes, dtype, name):
    """The part of the encoding that one place along a mapped axis holds."""
    if num_classes != core.axis_size(name):
        raise ValueError(
            f"Expected num_classes to match the size of axis {name}, but "
            f"{num_classes} != {core.axis_size(name)}"
        )
    return (x == lax.axis_index(name)).astype(dtype)
