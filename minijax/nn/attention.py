"""Scaled dot-product attention."""

import ml_dtypes
import numpy as np

import minijax.numpy as jnp
from minijax import core, lax
from minijax.nn.functions import logsumexp, softmax
from minijax.numpy.creation import asarray
from minijax.ops.define import scalar
from minijax.transforms import batching

_MASKED = -0.7  # times the largest number: the logit of what must not be attended to
_BF16 = np.dtype(ml_dtypes.bfloat16)


def _check(name, x, shape, dtype):
    """ValueError unless `x` has a shape (-1: any size) and a dtype (None: any)."""
    if x is None:
        return
    fits = len(x.shape) == len(shape) and all(
        want in (-1, n) for want, n in zip(shape, x.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} shape should be {shape}: but got {x.shape}")
    if dtype is not None and x.dtype != dtype:
        raise ValueError(f"{name} dtype should be {dtype}, but got {x.dtype}")


class _Options:
    """What the attention of one group of heads is told, but for its arrays."""

    __slots__ = ("causal", "residual", "scale", "window")

    def __init__(self, scale, causal, window, residual):
        self.scale, self.causal = scale, causal
        self.window, self.residual = window, residual


def dot_product_attention(
    query,
    key,
    value,
    bias=None,
    mask=None,
    *,
    scale=None,
    is_causal=False,
    query_seq_lengths=None,
    key_value_seq_lengths=None,
    local_window_size=None,
    implementation=None,
    return_residual=False,
):
    """softmax(scale * query . key + bias) . value, for each head.

    Sizes: batch B, query length T, key length S, heads N, key heads K, head size H.  N is
    a multiple of K: groups of N / K query heads share a key head.

    Args:
        query: (B, T, N, H); key, value: (B, S, K, H); without B for one batch.
        bias: added to the logits; mask: bool, false where not to attend; both are, or
            broadcast to, (B, N, T, S).
        scale: 1 / sqrt(H) if None.
        is_causal: attend only to keys that are not later than the query.
        query_seq_lengths, key_value_seq_lengths: (B,), how much of T and of S counts.
        local_window_size: attend only to that many keys before and after the query; one
            number or two.
        implementation: None or "xla"; others do not exist here.
        return_residual: give the logits' logsumexp, (B, T, N), too.
    """
    if implementation == "cudnn":
        raise RuntimeError("cuDNN is not detected.")
    if implementation not in (None, "xla"):
        raise ValueError(f"Unsupported implementation option: {implementation}")
    shape = asarray(query).shape
    query, key, value = (_with_batch(x) for x in (query, key, value))
    bias = None if bias is None else _with_batch(bias)
    mask = None if mask is None else _with_batch(mask)
    lengths = [
        None if x is None else asarray(x)
        for x in (query_seq_lengths, key_value_seq_lengths)
    ]
    if isinstance(local_window_size, int):
        local_window_size = (local_window_size, local_window_size)
    _check_arguments(query, key, value, bias, mask, lengths)
    if scale is None:
        scale = 1 / np.sqrt(query.shape[-1])
    options = _Options(scale, is_causal, local_window_size, return_residual)
    outs = _grouped(query, key, value, bias, mask, lengths, options)
    out = lax.reshape(outs[0], shape)
    if not return_residual:
        return out
    return out, lax.reshape(outs[1], shape[:-1])


def _with_batch(x):
    x = asarray(x)
    missing = 4 - x.ndim
    return lax.expand_dims(x, tuple(range(missing))) if missing > 0 else x


def _check_arguments(query, key, value, bias, mask, lengths):
    batch, s, k, h = key.shape
    _check("value", value, [batch, s, k, h], key.dtype)
    _check("query", query, [batch, -1, -1, h], key.dtype)
    _check("mask", mask, [-1] * 4, np.dtype(bool))
    _check("bias", bias, [-1] * 4, None)
    names = "query_seq_lengths", "key_value_seq_lengths"
    for name, x in zip(names, lengths, strict=True):
        _check(name, x, [batch], np.dtype("int32"))
    if query.shape[-2] % k:
        raise ValueError(
            "The number of query heads must be a multiple of key/value heads, but got "
            f"{query.shape[-2]} vs {k}"
        )


def _grouped(query, key, value, bias, mask, lengths, options):
    """Attention mapped over the groups of query heads that share a key head."""
    batch, t, n, h = query.shape
    k = key.shape[2]
    groups = n // k
    query = lax.reshape(query, (batch, t, k, groups, h))
    bias, mask = (_grouped_heads(x, k, groups) for x in (bias, mask))
    args = [query, key, value, bias, mask, *lengths]
    dims = [3, None, None, 2, 2, None, None]
    given = [x is not None for x in args]

    def one_group(*arrays):
        feed = iter(arrays)
        every = [next(feed) if g else None for g in given]
        return _attend(*every, options=options)

    outs, out_dims = batching.batch(
        one_group,
        core.AxisData(groups),
        [x for x in args if x is not None],
        [d for x, d in zip(args, dims, strict=True) if x is not None],
    )
    axis = core.AxisData(groups)
    outs = [
        batching.match_axis(axis, x, d, 3) for x, d in zip(outs, out_dims, strict=True)
    ]
    return [
        lax.reshape(outs[0], (batch, t, n, h)),
        *[lax.reshape(x, (batch, t, n)) for x in outs[1:]],
    ]


def _grouped_heads(x, k, groups):
    """(B, N or 1, T, S) -> (B, K or 1, groups, T, S)."""
    if x is None:
        return None
    b, n, t, s = x.shape
    if n == 1:
        x = lax.expand_dims(x, (2,))
        return jnp.broadcast_to(x, (b, 1, groups, t, s)) if groups > 1 else x
    return lax.reshape(x, (b, k, groups, t, s))


def _attend(query, key, value, bias, mask, query_lengths, key_lengths, options):
    """Attention of (B, T, N, H) queries, with as many key heads as query heads."""
    bf16 = query.dtype == key.dtype == _BF16
    logits = jnp.einsum(
        "BTNH,BSNH->BNTS",
        query,
        key,
        precision=lax.DotAlgorithmPreset.BF16_BF16_F32 if bf16 else None,
        preferred_element_type=np.float32,
    )
    logits = logits * scalar(logits.dtype, options.scale)
    if bias is not None:
        logits = (logits + bias).astype(logits.dtype)
    logits = _masked(logits, mask, query_lengths, key_lengths, options)
    logits = logits.astype(np.float32)
    weights = softmax(logits, axis=-1).astype(key.dtype)
    out = jnp.einsum("BNTS,BSNH->BTNH", weights, value)
    if query_lengths is not None:
        t = out.shape[1]
        counts = jnp.arange(t)[None, :] < query_lengths[:, None]
        out = out * counts[:, :, None, None].astype(out.dtype)
    if not options.residual:
        return [out]
    log_sums = logsumexp(logits, axis=-1)
    return [out, lax.stop_gradient(jnp.transpose(log_sums, (0, 2, 1)))]


def _masked(logits, mask, query_lengths, key_lengths, options):
    """The logits, with very low ones where not to attend."""
    extra = (mask, query_lengths, key_lengths, options.window)
    if not options.causal and all(x is None for x in extra):
        return logits
    t, s = logits.shape[2:]
    keep = jnp.ones(logits.shape, dtype=bool)
    if mask is not None:
        keep = jnp.logical_and(keep, mask)
    if options.causal:
        keep = jnp.logical_and(keep, jnp.tril(jnp.ones((t, s), dtype=bool))[None, None])
    if options.window is not None:
        keep = jnp.logical_and(keep, _window(t, s, options.window)[None, None])
    if query_lengths is not None or key_lengths is not None:
        keep = jnp.logical_and(keep, _within(t, s, query_lengths, key_lengths))
    low = scalar(logits.dtype, _MASKED * np.finfo(logits.dtype).max)
    return jnp.where(keep, logits, low)


def _window(t, s, sizes):
    before, after = sizes
    query_place = asarray(np.arange(t, dtype=np.int32))[:, None]
    key_place = asarray(np.arange(s, dtype=np.int32))
    early = query_place <= key_place[None, :] + before
    late = query_place >= key_place[None, :] - after
    return jnp.logical_and(late, early)


def _within(t, s, query_lengths, key_lengths):
    """(B, 1, T, S): whether query and key lie within the lengths that count."""
    queries = keys = True
    if query_lengths is not None:
        queries = jnp.arange(t)[None, :, None] < query_lengths[:, None, None]
    if key_lengths is not None:
        keys = jnp.arange(s)[None, None, :] < key_lengths[:, None, None]
    return jnp.logical_and(queries, keys)[:, None]
