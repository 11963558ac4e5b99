"""`jax.ops`: reductions of segments, the elements of one id each."""

import numpy as np

import minijax.numpy as jnp
from minijax import core, dtypes
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import concrete_or_error, ensure_arraylike

_OPS = {
    "sum": ("add", lambda x, axis: jnp.sum(x, axis, promote_integers=False)),
    "prod": ("multiply", lambda x, axis: jnp.prod(x, axis, promote_integers=False)),
    "max": ("max", lambda x, axis: jnp.max(x, axis)),
    "min": ("min", lambda x, axis: jnp.min(x, axis)),
}


def _identity(kind, dtype):
    """What leaves every value of `dtype` as it is."""
    if kind in ("sum", "prod"):
        return dtype.type(kind == "prod")
    if dtype == np.dtype(bool):
        return dtype.type(kind == "min")
    if dtypes.issubdtype(dtype, np.integer):
        info = dtypes.iinfo(dtype)
        return dtype.type(info.min if kind == "max" else info.max)
    return dtype.type(-np.inf if kind == "max" else np.inf)


def _count(segment_ids, num_segments):
    if num_segments is None:
        num_segments = jnp.max(segment_ids) + 1
    if isinstance(num_segments, core.SymbolicSize):
        return num_segments
    num_segments = concrete_or_error(
        int, num_segments, "segment_sum() `num_segments` argument."
    )
    if num_segments < 0:
        raise ValueError("num_segments must be non-negative.")
    return num_segments


def _segment(
    kind, data, segment_ids, num_segments, indices_are_sorted, unique_indices,
    bucket_size, mode,
):  # fmt: skip
    data, segment_ids = ensure_arraylike(f"segment_{kind}", data, segment_ids)
    data, segment_ids = asarray(data), asarray(segment_ids)
    count = _count(segment_ids, num_segments)
    identity = _identity(kind, np.dtype(data.dtype))
    method, reduce = _OPS[kind]
    options = {
        "indices_are_sorted": indices_are_sorted, "unique_indices": unique_indices,
        "mode": mode, "wrap_negative_indices": False,
    }  # fmt: skip
    n_buckets = 1 if bucket_size is None else -(-segment_ids.size // bucket_size)
    if n_buckets == 1:
        out = jnp.full((count, *data.shape[1:]), identity, dtype=data.dtype)
        return getattr(out.at[segment_ids], method)(data, **options)
    # sums of buckets apart round less
    out = jnp.full((n_buckets, count, *data.shape[1:]), identity, dtype=data.dtype)
    buckets = jnp.arange(segment_ids.shape[0]) // bucket_size
    place = out.at[buckets, segment_ids]
    return reduce(getattr(place, method)(data, **options), 0)


def _public(kind, what):
    def segment(
        data, segment_ids, num_segments=None, indices_are_sorted=False,
        unique_indices=False, bucket_size=None, mode=None, out_sharding=None,
    ):  # fmt: skip
        return _segment(
            kind, data, segment_ids, num_segments, indices_are_sorted, unique_indices,
            bucket_size, mode,
        )  # fmt: skip

    segment.__name__ = segment.__qualname__ = f"segment_{kind}"
    segment.__doc__ = f"""{what} of the rows of `data` of each segment.

    Args:
        data: array; segment_ids: the segment of each row, of the shape of its first axes.
        num_segments: how many there are, max(segment_ids) + 1 by default (not under `jit`).
        indices_are_sorted, unique_indices: promises about the ids.
        bucket_size: reduce so many rows apart first.
        mode: what happens to rows of ids out of range, "drop" by default: see `jnp.ndarray.at`.
    """
    return segment


segment_sum = _public("sum", "The sum")
segment_prod = _public("prod", "The product")
segment_max = _public("max", "The largest")
segment_min = _public("min", "The smallest")
