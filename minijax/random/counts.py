"""Samplers of counts and categories."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    broadcast_shapes,
    broadcast_to,
    canonical_axis,
    check_arraylike,
    convert,
    dtype_of,
    promote_dtypes_inexact,
    shape_of,
)
from minijax.ops.define import scalar
from minijax.ops.shape import canonical_shape
from minijax.random.arguments import (
    check_shape,
    float_dtype,
    one_key,
    optional_shape,
    shape_or_broadcast,
    split_keys,
    static,
)
from minijax.random.basic import _uniform
from minijax.random.continuous import gumbel
from minijax.random.keys import split_typed

_F32 = np.dtype("float32")

# --- categories -----------------------------------------------------------------------


def categorical(
    key, logits, axis=-1, shape=None, replace=True, mode=None, *, out_sharding=None
):
    """Indices along an axis, with probabilities proportional to exp(logits).

    Args:
        key: a random key; logits: floats; axis: of the categories.
        shape: of the result: the shape of `logits` without the axis, after any further
            axes.
        replace: whether a category may be drawn again along the further axes.
        mode: of `gumbel`, whose noise decides.
    """
    key = one_key("categorical", key)
    check_arraylike("categorical", logits)
    logits = asarray(logits)
    if not -logits.ndim <= axis < logits.ndim:
        raise IndexError(
            f"index {axis} is out of bounds for axis 0 with size {logits.ndim}"
        )
    axis = canonical_axis(axis, logits.ndim) - logits.ndim
    place = axis + logits.ndim
    batch = logits.shape[:place] + logits.shape[place + 1 :]
    if shape is None:
        shape = batch
    else:
        shape = canonical_shape(shape)
        check_shape("categorical", shape, batch)
    prefix = shape[: len(shape) - len(batch)]
    n = logits.shape[place]
    if replace:
        rest = list(shape[len(prefix) :])
        rest.insert(place, n)
        noise = gumbel(key, (*prefix, *rest), logits.dtype, mode)
        shifted = lax.expand_dims(logits, tuple(range(len(prefix))))
        return jnp.argmax(noise + shifted, axis=axis)
    noisy = logits + gumbel(key, logits.shape, logits.dtype, mode)
    k = math.prod(prefix)
    if k > n:
        raise ValueError(
            f"Number of samples without replacement ({k}) cannot exceed number of "
            f"categories ({n})."
        )
    index = lax.top_k(jnp.moveaxis(noisy, axis, -1), k)[1]
    return lax.reshape(index, shape, (index.ndim - 1, *range(index.ndim - 1)))


# --- geometric ------------------------------------------------------------------------


def geometric(key, p, shape=None, dtype=None, *, out_sharding=None):
    """Geometric: the number of trials, of success probability p, up to the first success.

    Args:
        key: a random key; p: in (0, 1); shape: of the result, that of `p` if None.
        dtype: an integer dtype.
    """
    key = one_key("geometric", key)
    check_arraylike("geometric", p)
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "geometric")
    if not dtypes.issubdtype(dtype, np.integer):
        raise ValueError(
            f"dtype argument to `geometric` must be an int dtype, got {dtype}"
        )
    shape = optional_shape(shape)
    return _geometric(key, p, shape, dtype)


@static("shape", "dtype")
def _geometric(key, p, shape, dtype):
    shape = shape_or_broadcast("geometric", shape, p)
    (p,) = promote_dtypes_inexact(p)
    u = _uniform(key, shape, float_dtype("uniform", p.dtype), 0.0, 1.0)
    log_u = lax.log(jnp.where(u == 0, 1, u))
    log_q = broadcast_to(lax.log1p(lax.neg(p)), shape)
    trials = lax.add(lax.floor(lax.div(log_u, log_q)), scalar(u.dtype, 1))
    return convert(trials, dtype)


# --- Poisson --------------------------------------------------------------------------


def poisson(key, lam, shape=None, dtype=None, *, out_sharding=None):
    """Poisson: the number of events at rate `lam`.

    Args:
        key: a random key; lam: rates, >= 0; shape: of the result, that of `lam` if
            None.
        dtype: an integer dtype.

    Raises:
        NotImplementedError: for keys of another generator than threefry2x32.
    """
    key = one_key("poisson", key)
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "poisson")
    if not dtypes.issubdtype(dtype, np.integer):
        raise ValueError(f"Invalid integer data type {dtype.kind!r}.")
    if key.dtype.impl != "threefry2x32":
        raise NotImplementedError(
            "`poisson` is only implemented for the threefry2x32 RNG, not "
            f"{key.dtype.tag}"
        )
    shape = shape_of(lam) if shape is None else canonical_shape(shape)
    lam = jnp.broadcast_to(lam, shape)
    lam = convert(lam, _F32)
    return _poisson(key, lam, shape, dtype)


@static("shape", "dtype")
def _poisson(key, lam, shape, dtype):
    few = jnp.isnan(lam) | (lam < 10)
    lam_few = lax.select(few, lam, lax.full_like(lam, 0.0))
    lam_many = lax.select(few, lax.full_like(lam, 1e5), lam)
    limit = int(dtypes.iinfo(dtype).max)
    small = _poisson_knuth(key, lam_few, shape, dtype, limit)
    large = _poisson_rejection(key, lam_many, shape, dtype, limit)
    out = lax.select(few, small, large)
    return lax.select(lam == 0, jnp.zeros_like(out), out)


@static("shape", "dtype", "max_iters")
def _poisson_knuth(key, lam, shape, dtype, max_iters):
    """How many uniforms have a product above exp(-lam): Knuth, TAOCP 2, 3.4.1."""

    def busy(state):
        i, _, _, log_product = state
        return (log_product > -lam).any() & (i < scalar(dtype, max_iters))

    def step(state):
        i, k, key, log_product = state
        key, subkey = split_keys(key)
        k = lax.select(log_product > -lam, k + 1, k)
        u = _uniform(subkey, shape, _F32, 0.0, 1.0)
        return i + 1, k, key, log_product + jnp.log(u)

    start = 0, jnp.zeros(shape, dtype), key, jnp.zeros(shape, _F32)
    return (lax.while_loop(busy, step, start)[1] - 1).astype(dtype)


@static("shape", "dtype", "max_iters")
def _poisson_rejection(key, lam, shape, dtype, max_iters):
    """Hörmann, "The transformed rejection method for generating Poisson variables", 1993."""
    log_lam = lax.log(lam)
    b = 0.931 + 2.53 * lax.sqrt(lam)
    a = -0.059 + 0.02483 * b
    inv_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)

    def busy(state):
        i, _, accepted, _ = state
        return (~accepted).any() & (i < scalar(dtype, max_iters))

    def step(state):
        i, k_out, accepted, key = state
        key, subkey_u, subkey_v = split_keys(key, 3)
        u = _uniform(subkey_u, shape, lam.dtype, 0.0, 1.0) - 0.5
        v = _uniform(subkey_v, shape, lam.dtype, 0.0, 1.0)
        u_shifted = 0.5 - abs(u)
        k = lax.floor((2 * a / u_shifted + b) * u + lam + 0.43)
        s = lax.log(v * inv_alpha / (a / (u_shifted * u_shifted) + b))
        t = -lam + k * log_lam - lax.lgamma(k + 1)
        quick = (u_shifted >= 0.07) & (v <= v_r)
        reject = (k < 0) | ((u_shifted < 0.013) & (v > u_shifted))
        slow = s <= t
        accept = quick | (~reject & slow)
        k_out = lax.select(accept, k, k_out)
        accepted = accepted | accept
        return i + 1, k_out, accepted, key

    start = 0, lax.full_like(lam, -1), lax.full_like(lam, False, np.dtype(bool)), key
    return convert(lax.while_loop(busy, step, start)[1], dtype)


# --- binomial -------------------------------------------------------------------------


def binomial(key, n, p, shape=None, dtype=None):
    """Binomial: the number of successes in n trials of probability p, as floats.

    Args:
        key: a random key; n: counts; p: in [0, 1].
        shape: of the result, that of the parameters if None; dtype: a float dtype.

    NaN where a parameter is out of range.
    """
    key = one_key("binomial", key)
    check_arraylike("binomial", n, p)
    dtype = float_dtype("binomial", dtype)
    shape = optional_shape(shape)
    return _binomial(key, n, p, shape, dtype)


@jit(static_argnames=("shape", "dtype"), inline=True)
def _binomial(key, count, prob, shape, dtype):
    shape = shape_or_broadcast("binomial", shape, count, prob)
    (prob,) = promote_dtypes_inexact(prob)
    count = convert(count, dtype_of(prob))
    count, prob = jnp.broadcast_to(count, shape), jnp.broadcast_to(prob, shape)
    less_likely = prob < 0.5  # count failures rather than likely successes
    q = lax.select(less_likely, prob, 1.0 - prob)
    bad_count = jnp.isnan(count) | (count < 0.0)
    endless = jnp.isinf(count)
    q_nan, q_negative = jnp.isnan(q), q < 0.0
    q_used = lax.select(q_nan | q_negative, lax.full_like(q, 0.01), q)
    few = bad_count | (count * q_used <= 10.0)
    whole = lax.floor(count)
    small = lax.select(few, whole, lax.full_like(count, 0.0))
    large = lax.select(few, lax.full_like(count, 1e4), whole)
    q_large = lax.select(few, lax.full_like(q, 0.5), q_used)
    limit = scalar(dtype, dtypes.finfo(dtype).max)
    inverted = convert(_binomial_inversion(key, small, q_used, limit), dtype)
    rejected = convert(_binomial_rejection(key, large, q_large, limit), dtype)
    out = lax.select(few, inverted, rejected)
    invalid = (q_negative | q_nan) | bad_count
    out = lax.select(invalid, lax.full_like(out, np.nan), out)
    out = lax.select(endless & ~invalid, lax.full_like(out, np.inf), out)
    keep = less_likely | bad_count | q_nan | endless
    return lax.select(keep, out, convert(whole, dtype) - out)


def _binomial_inversion(key, count, prob, max_iters):
    """Sums of geometric variates up to `count`: Devroye, 1986, chapter X.4.3."""
    log_q = jnp.log1p(-prob)

    def busy(state):
        i, _, total, _ = state
        return (total <= count).any() & (i < max_iters)

    def step(state):
        i, successes, total, key = state
        subkey, key = split_keys(key)
        successes = lax.select(total <= count, successes + 1, successes)
        u = _uniform(subkey, count.shape, count.dtype, 0.0, 1.0)
        total = total + lax.ceil(lax.log(u) / log_q)
        return i + 1, successes, total, key

    start = 0, lax.full_like(prob, 0.0), lax.full_like(prob, 0.0), key
    return lax.while_loop(busy, step, start)[1] - 1


# log(k!) less Stirling's approximation of it, for k = 0 to 9 (Hörmann 1993, table 1).
_STIRLING = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509,
    0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
    0.00925546218271273, 0.00833056343336287,
)  # fmt: skip


def _stirling_tail(k):
    """The same for any k: tabulated, or by its series from 10 on."""
    table = jnp.array(np.array(_STIRLING, k.dtype))
    tabulated = k <= 9
    k = lax.clamp(scalar(k.dtype, 0), k, scalar(k.dtype, 9))
    square = (k + 1) * (k + 1)
    series = (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1)
    return lax.select(tabulated, table[lax.floor(k).astype(np.int32)], series)


def _binomial_rejection(key, count, prob, max_iters):
    """Hörmann, "The Generation of Binomial Random Variates", 1993: algorithm BTRS."""
    stddev = jnp.sqrt(count * prob * (1 - prob))
    b = 1.15 + 2.53 * stddev
    a = -0.0873 + 0.0248 * b + 0.01 * prob
    c = count * prob + 0.5
    v_r = 0.92 - 4.2 / b
    r = prob / (1 - prob)
    alpha = (2.83 + 5.1 / b) * stddev
    m = lax.floor((count + 1) * prob)

    def busy(state):
        i, _, accepted, _ = state
        return (~accepted).any() & (i < max_iters)

    def step(state):
        i, k_out, accepted, key = state
        key, subkey_u, subkey_v = split_keys(key, 3)
        u = _uniform(subkey_u, count.shape, count.dtype, 0.0, 1.0)
        v = _uniform(subkey_v, count.shape, count.dtype, 0.0, 1.0)
        u = u - 0.5
        us = 0.5 - jnp.abs(u)
        quick = (us >= 0.07) & (v <= v_r)
        k = lax.floor((2 * a / us + b) * u + c)
        reject = (k < 0) | (k > count)
        v = lax.log(v * alpha / (a / (us * us) + b))
        bound = (
            (m + 0.5) * lax.log((m + 1.0) / (r * (count - m + 1.0)))
            + (count + 1.0) * lax.log((count - m + 1.0) / (count - k + 1.0))
            + (k + 0.5) * lax.log(r * (count - k + 1.0) / (k + 1.0))
            + _stirling_tail(m)
            + _stirling_tail(count - m)
            - _stirling_tail(k)
            - _stirling_tail(count - k)
        )
        slow = v <= bound
        accept = quick | (~reject & slow)
        k_out = lax.select(accept, k, k_out)
        accepted = accepted | accept
        return i + 1, k_out, accepted, key

    start = 0, lax.full_like(prob, -1), lax.full_like(prob, False, np.dtype(bool)), key
    return lax.while_loop(busy, step, start)[1]


# --- multinomial ----------------------------------------------------------------------


def multinomial(key, n, p, *, shape=None, dtype=None, unroll=1):
    """Multinomial: how many of n trials give each category, as floats.

    Args:
        key: a random key; n: counts; p: probabilities, along the last axis.
        shape: of the result, with the categories last; that of the parameters if None.
        dtype: of the result, float by default; unroll: of the `scan` over the
            categories.
    """
    key = one_key("multinomial", key)
    check_arraylike("multinomial", n, p)
    dtype = dtypes.check_user_dtype(float if dtype is None else dtype, "multinomial")
    (p,) = promote_dtypes_inexact(asarray(p))
    n = convert(n, p.dtype)
    n_categories = p.shape[canonical_axis(-1, p.ndim)]
    if shape is None:
        shape = (*broadcast_shapes(shape_of(n), p.shape[:-1]), n_categories)
    shape = canonical_shape(shape)
    n, p = jnp.broadcast_to(n, shape[:-1]), jnp.broadcast_to(p, shape)
    p = jnp.moveaxis(p, -1, 0)
    left = lax.cumsum(p, 0, reverse=True)
    # of the trials not yet decided, the part that each category takes
    parts = p / jnp.where(left == 0, 1, left)

    def step(remaining, xs):
        part, key = xs
        part = jnp.clip(part, min=0, max=1)
        count = binomial(key, remaining, part, dtype=part.dtype)
        return remaining - count, count

    keys = split_typed(key, n_categories)
    _, counts = lax.scan(step, n, (parts, keys), unroll=unroll)
    return convert(jnp.moveaxis(counts, 0, -1), dtype)
