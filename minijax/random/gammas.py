"""Gamma variates, and the distributions that are functions of them."""

import math

import numpy as np

from minijax import dtypes, lax
from minijax.core import ShapedArray, Zero
from minijax.nn.functions import softmax
from minijax.numpy.promotion import broadcast_to, convert, shape_of
from minijax.ops.define import NOT_LINEAR, define, move_axis, scalar
from minijax.ops.random import THREEFRY, random_split
from minijax.random.arguments import (
    check_castable,
    check_shape,
    float_dtype,
    one_key,
    optional_shape,
    shape_or_broadcast,
    split_keys,
    static,
)
from minijax.random.basic import _normal, normal_of_each, uniform_of_each
from minijax.trace import trace
from minijax.transforms.evaluate import evaluate

# --- the primitive --------------------------------------------------------------------


def random_gamma(key, a, log_space):
    """Gamma variates (their logarithms if `log_space`) with shape parameters `a`.

    key: typed keys, whose shape leads the shape of `a`.
    """
    return random_gamma_p.bind(key, a, log_space=log_space)


def _gamma_shape(key, a, *, log_space):
    return a


def _gamma_jvp(primals, tangents, *, log_space):
    (key, a), (_, t) = primals, tangents
    sample = random_gamma(key, a, log_space)
    if type(t) is Zero:
        return sample, Zero.of(sample)
    if not log_space:
        return sample, lax.mul(t, lax.random_gamma_grad(a, sample))
    value = lax.exp(sample)
    # where the sample underflows, its slope relative to it is that of the smallest
    # number
    tiny = lax.full_like(value, np.finfo(value.dtype).tiny)
    value = lax.select(lax.eq(value, scalar(value.dtype, 0)), tiny, value)
    return sample, lax.mul(t, lax.div(lax.random_gamma_grad(a, value), value))


def _gamma_batch(axis, args, dims, *, log_space):
    (key, a), (key_dim, a_dim) = args, dims
    if key_dim is None:
        key = lax.broadcast(key, (axis.size,))
    else:
        key = move_axis(key, key_dim, 0)
    if a_dim is None:
        a = lax.broadcast(a, (axis.size,))
    else:
        a = move_axis(a, a_dim, 0)
    return random_gamma(key, a, log_space), 0


def _gamma_typed_reference(avals, keys, a, *, log_space):
    closed = trace(lambda key, a: [_draw(key, a, log_space)], avals)
    return evaluate(closed, keys, a)[0]


def _gamma_reference(keys, a, *, log_space):
    avals = [ShapedArray(keys.shape, THREEFRY), ShapedArray(a.shape, a.dtype)]
    return _gamma_typed_reference(avals, keys, a, log_space=log_space)


def _gamma_lower(b, ins, out_avals, *, log_space):
    avals = [atom.aval for atom in b.eqn.invars]
    return b.lower_fun(lambda key, a: [_draw(key, a, log_space)], ins, avals)


random_gamma_p = define(
    "random_gamma",
    shape=_gamma_shape,
    reference=_gamma_reference,
    jvp=_gamma_jvp,
    transpose=NOT_LINEAR,
    batch=_gamma_batch,
    lower=_gamma_lower,
    typed_reference=_gamma_typed_reference,
)


def _draw(key, a, log_space):
    """One variate for each element of `a`, each from a key of its own."""
    count = math.prod(a.shape[key.ndim :])
    keys = random_split(key, (count,))
    keys, flat = lax.reshape(keys, (a.size,)), lax.reshape(a, (a.size,))
    if key.dtype == THREEFRY:
        return lax.reshape(_each(keys, flat, log_space), a.shape)
    # bits of other generators need not be those of each key alone, in a batch
    one_by_one = lax.map(
        lambda pair: _each(pair[0], pair[1], log_space),
        (lax.expand_dims(keys, (1,)), lax.expand_dims(flat, (1,))),
    )
    return lax.reshape(one_by_one, a.shape)


def _key_parts(keys, num):
    """`num` new keys for each of an array of keys: a list of arrays."""
    keys = random_split(keys, (num,))
    return [lax.index_in_dim(keys, i, 1, keepdims=False) for i in range(num)]


def _each(keys, a, log_space):
    """Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", 2000.

    The method needs a >= 1; below, a variate of a + 1 times u^(1 / a) is one of a.
    """
    dtype = a.dtype
    one, third = scalar(dtype, 1), scalar(dtype, 1 / 3)
    plain = lax.ge(a, one)
    d = lax.sub(lax.select(plain, a, lax.add(a, one)), third)
    c = lax.div(third, lax.sqrt(d))
    keys, boost_keys = _key_parts(keys, 2)
    v = _accepted(keys, d, c)
    if log_space:
        log_u = lax.neg(lax.neg(lax.log1p(lax.neg(uniform_of_each(boost_keys, dtype)))))
        boost = lax.mul(log_u, lax.div(one, a))
        nothing = lax.bitwise_or(plain, lax.eq(log_u, scalar(dtype, 0)))
        boost = lax.select(nothing, lax.full_like(boost, 0), boost)
        return lax.add(lax.add(lax.log(d), lax.log(v)), boost)
    u = lax.sub(one, uniform_of_each(boost_keys, dtype))
    boost = lax.pow(u, lax.div(one, a))
    boost = lax.select(plain, lax.full_like(boost, 1), boost)
    return lax.mul(lax.mul(d, v), boost)


def _accepted(keys, d, c):
    """v of the method for each element: proposals until all are accepted."""
    dtype = d.dtype
    zero, one, half, squeeze = (scalar(dtype, x) for x in (0, 1, 0.5, 0.0331))

    def rejected(x_sq, v, u):
        outside = lax.ge(u, lax.sub(one, lax.mul(squeeze, lax.mul(x_sq, x_sq))))
        log_v = lax.add(lax.sub(one, v), lax.log(v))
        bound = lax.add(lax.mul(x_sq, half), lax.mul(d, log_v))
        return lax.bitwise_and(outside, lax.ge(lax.log(u), bound))

    def propose(state):
        keys, x_sq, v, u = state
        again = rejected(x_sq, v, u)
        next_keys, x_keys, u_keys = _key_parts(keys, 3)
        x, root = _positive_root(x_keys, c)
        new = (
            next_keys,
            lax.mul(x, x),
            lax.mul(lax.mul(root, root), root),
            uniform_of_each(u_keys, dtype),
        )
        return tuple(
            [lax.select(again, y, old) for y, old in zip(new, state, strict=True)]
        )

    def any_rejected(state):
        return lax.reduce_or(rejected(*state[1:]), (0,))

    start = keys, lax.full_like(d, zero), lax.full_like(d, one), lax.full_like(d, 2)
    return lax.while_loop(any_rejected, propose, start)[2]


def _positive_root(keys, c):
    """Normals x and 1 + c * x, redrawn where the latter is not positive."""
    dtype = c.dtype
    zero, one = scalar(dtype, 0), scalar(dtype, 1)

    def redraw(state):
        keys, _, root = state
        again = lax.le(root, zero)
        next_keys, subkeys = _key_parts(keys, 2)
        x = normal_of_each(subkeys, dtype)
        new = next_keys, x, lax.add(one, lax.mul(x, c))
        return tuple(
            [lax.select(again, y, old) for y, old in zip(new, state, strict=True)]
        )

    def any_left(state):
        return lax.reduce_or(lax.le(state[2], zero), (0,))

    start = keys, lax.full_like(c, 0), lax.full_like(c, -1)
    return lax.while_loop(any_left, redraw, start)[1:]


# --- gamma ----------------------------------------------------------------------------


def gamma(key, a, shape=None, dtype=None, *, out_sharding=None):
    """Gamma: density x^(a - 1) * exp(-x) / Gamma(a) on x > 0.

    Args:
        key: a random key; a: shape parameter.
        shape: of the result, that of `a` if None; dtype: a float dtype.
    """
    key = one_key("gamma", key)
    dtype = float_dtype("gamma", dtype)
    dtypes.dtype(a)
    shape = optional_shape(shape)
    return _gamma(key, a, shape, dtype, False)


def loggamma(key, a, shape=None, dtype=None, *, out_sharding=None):
    """The logarithms of gamma variates: precise for small `a`, where these underflow.

    Args:
        key: a random key; a: shape parameter.
        shape: of the result, that of `a` if None; dtype: a float dtype.
    """
    key = one_key("loggamma", key)
    dtype = float_dtype("gamma", dtype)
    dtypes.dtype(a)
    shape = optional_shape(shape)
    return _gamma(key, a, shape, dtype, True)


@static("shape", "dtype", "log_space")
def _gamma(key, a, shape, dtype, log_space):
    shape = shape_or_broadcast("gamma", shape, a)
    a = convert(a, dtype)
    return random_gamma(key, broadcast_to(a, shape), log_space)


# --- functions of gamma variates ------------------------------------------------------


def beta(key, a, b, shape=None, dtype=None, *, out_sharding=None):
    """Beta: density proportional to x^(a - 1) * (1 - x)^(b - 1) on (0, 1).

    Args:
        key: a random key; a, b: parameters.
        shape: of the result, that of the parameters if None; dtype: a float dtype.
    """
    key = one_key("beta", key)
    dtype = float_dtype("beta", dtype)
    check_castable("beta", dtype, a, b)
    shape = optional_shape(shape)
    return _beta(key, a, b, shape, dtype)


@static("shape", "dtype")
def _beta(key, a, b, shape, dtype):
    shape = shape_or_broadcast("beta", shape, a, b)
    a, b = convert(a, dtype), convert(b, dtype)
    key_a, key_b = split_keys(key)
    a, b = broadcast_to(a, shape), broadcast_to(b, shape)
    log_a = _gamma(key_a, a, shape, dtype, True)
    log_b = _gamma(key_b, b, shape, dtype, True)
    # x / (x + y) from logarithms, without underflow of both
    top = lax.max(log_a, log_b)
    x, y = lax.exp(lax.sub(log_a, top)), lax.exp(lax.sub(log_b, top))
    return lax.div(x, lax.add(x, y))


def dirichlet(key, alpha, shape=None, dtype=None, *, out_sharding=None):
    """Dirichlet: vectors of probabilities, along the last axis.

    Args:
        key: a random key; alpha: concentrations, along the last axis.
        shape: of the batch, that of `alpha` if None; dtype: a float dtype.
    """
    key = one_key("dirichlet", key)
    dtype = float_dtype("dirichlet", dtype)
    shape = optional_shape(shape)
    return _dirichlet(key, alpha, shape, dtype)


@static("shape", "dtype")
def _dirichlet(key, alpha, shape, dtype):
    own = shape_of(alpha)
    if not own:
        raise ValueError(
            f"dirichlet requires alpha.ndim >= 1, got alpha.ndim == {len(own)}"
        )
    if shape is None:
        shape = own[:-1]
    else:
        check_shape("dirichlet", shape, own[:-1])
    alpha = convert(alpha, dtype)
    return softmax(_gamma(key, alpha, (*shape, own[-1]), dtype, True), -1)


def chisquare(key, df, shape=None, dtype=None, *, out_sharding=None):
    """Chi-square: the sum of `df` squared standard normals.

    Args:
        key: a random key; df: degrees of freedom.
        shape: of the result, that of `df` if None; dtype: a float dtype.
    """
    key = one_key("chisquare", key)
    dtype = float_dtype("chisquare", dtype)
    check_castable("chisquare", dtype, df)
    shape = optional_shape(shape)
    return _chisquare(key, df, shape, dtype)


@static("shape", "dtype")
def _chisquare(key, df, shape, dtype):
    shape = shape_or_broadcast("chisquare", shape, df)
    two = scalar(dtype, 2)
    half = lax.div(convert(df, dtype), two)
    return lax.mul(lax.exp(_gamma(key, half, shape, dtype, True)), two)


def f(key, dfnum, dfden, shape=None, dtype=None, *, out_sharding=None):
    """F: the ratio of two chi-squares, each divided by its degrees of freedom.

    Args:
        key: a random key; dfnum, dfden: degrees of freedom of numerator and
            denominator.
        shape: of the result, that of the parameters if None; dtype: a float dtype.
    """
    key = one_key("f", key)
    dtype = float_dtype("f", dtype)
    check_castable("f", dtype, dfnum, dfden)
    shape = optional_shape(shape)
    return _f(key, dfnum, dfden, shape, dtype)


@static("shape", "dtype")
def _f(key, dfnum, dfden, shape, dtype):
    shape = shape_or_broadcast("f", shape, dfnum, dfden)
    dfden, dfnum = convert(dfden, dtype), convert(dfnum, dtype)
    key_den, key_num = split_keys(key)
    num = _chisquare(key_num, dfnum, shape, dtype)
    den = _chisquare(key_den, dfden, shape, dtype)
    return lax.div(lax.div(num, dfnum), lax.div(den, dfden))


def t(key, df, shape=None, dtype=None, *, out_sharding=None):
    """Student's t.

    Args:
        key: a random key; df: degrees of freedom.
        shape: of the result, that of `df` if None; dtype: a float dtype.
    """
    key = one_key("t", key)
    dtype = float_dtype("t", dtype)
    check_castable("t", dtype, df)
    shape = optional_shape(shape)
    return _t(key, df, shape, dtype)


@static("shape", "dtype")
def _t(key, df, shape, dtype):
    shape = shape_or_broadcast("t", shape, df)
    df = convert(df, dtype)
    key_normal, key_gamma = split_keys(key)
    normal = _normal(key_normal, shape, dtype)
    half = lax.div(df, scalar(dtype, 2))
    spread = half / _gamma(key_gamma, half, shape, dtype, False)
    return lax.mul(normal, lax.sqrt(spread))
