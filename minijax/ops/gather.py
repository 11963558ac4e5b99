"""`gather`: slices of an array, cut out at places that an array of indices gives.

The last dimension of the indices holds index vectors.  Component k of a vector says
where a slice starts along operand dimension `start_index_map[k]`; the other dimensions
of the indices are batch dimensions of the result. Slice dimensions stand in the result
at `offset_dims`, but for those of size 1 that are collapsed or batching.
"""

import importlib
from collections import namedtuple
from enum import Enum
from functools import reduce

import numpy as np

from minijax import core, dtypes
from minijax.core import AS_STORED, ShapedArray, Zero
from minijax.ops.define import (
    INEXACT,
    INT,
    SIGNED,
    accepts,
    define,
    dtype_of,
    full,
    move_axis,
    shape_of,
)
from minijax.ops.views import element_words, encode_lists, index_views

GatherDimensionNumbers = namedtuple(
    "GatherDimensionNumbers",
    "offset_dims collapsed_slice_dims start_index_map operand_batching_dims "
    "start_indices_batching_dims",
    defaults=((), ()),
)


class GatherScatterMode(Enum):
    """What is done where a slice would not fit into the operand.

    CLIP moves it so that it fits; FILL_OR_DROP fills gathered slices and drops
    scattered ones; PROMISE_IN_BOUNDS leaves it to the user that there are none (here:
    as CLIP).
    """

    CLIP = 1
    FILL_OR_DROP = 2
    PROMISE_IN_BOUNDS = 3
    ONE_HOT = 4

    @staticmethod
    def from_any(s):
        """The mode of a name ("clip", "fill", "drop", "promise_in_bounds"), mode or None."""
        if isinstance(s, GatherScatterMode):
            return s
        mode = _MODE_NAMES.get(s) if s is None or isinstance(s, str) else None
        if mode is None:
            raise ValueError(f'Unknown gather mode "{s}"')
        return mode

    def __str__(self):
        return f"GatherScatterMode.{self.name}"


_MODE_NAMES = {
    "clip": GatherScatterMode.CLIP,
    "fill": GatherScatterMode.FILL_OR_DROP,
    "drop": GatherScatterMode.FILL_OR_DROP,
    "promise_in_bounds": GatherScatterMode.PROMISE_IN_BOUNDS,
    "one_hot": GatherScatterMode.ONE_HOT,
    None: GatherScatterMode.FILL_OR_DROP,
}


def gather(
    operand,
    start_indices,
    dimension_numbers,
    slice_sizes,
    *,
    unique_indices=False,
    indices_are_sorted=False,
    mode=None,
    fill_value=None,
):
    """Slices of `slice_sizes` out of `operand`, at the places in `start_indices`.

    `mode` is a `GatherScatterMode` or its name; `fill_value` stands where FILL_OR_DROP
    finds no slice (by default NaN, the smallest signed, the largest unsigned integer,
    or True).  TypeError where the dimension numbers do not fit, ValueError for indices
    that are not integers.
    """
    mode = (
        GatherScatterMode.PROMISE_IN_BOUNDS
        if mode is None
        else GatherScatterMode.from_any(mode)
    )
    if mode is not GatherScatterMode.FILL_OR_DROP:
        fill_value = None
    elif fill_value is None:
        fill_value = _default_fill(dtype_of(operand))
    return gather_p.bind(
        operand,
        start_indices,
        dimension_numbers=GatherDimensionNumbers(*map(as_ints, dimension_numbers)),
        slice_sizes=as_ints(slice_sizes),
        indices_are_sorted=bool(indices_are_sorted),
        unique_indices=bool(unique_indices),
        mode=mode,
        fill_value=fill_value,
    )


def as_ints(dims):
    """A tuple of Python ints."""
    return tuple(d if isinstance(d, core.SymbolicSize) else int(d) for d in dims)


def _default_fill(dtype):
    if isinstance(dtype, dtypes.ExtendedDType):
        return int(np.iinfo(np.uint32).max)
    if accepts(INEXACT, dtype):
        return np.nan
    if accepts(INT, dtype):
        info = dtypes.iinfo(dtype)
        return int(info.min if accepts(SIGNED, dtype) else info.max)
    return True


# --- checks of dimension numbers, shared with scatter -------------------------------


def check_sorted(op, name, dims):
    """TypeError unless `dims` ascend."""
    if tuple(sorted(dims)) != tuple(dims):
        raise TypeError(f"{name} in {op} op must be sorted; got {dims}")


def check_distinct(op, name, dims):
    """TypeError if one of `dims` comes twice."""
    if len(set(dims)) != len(dims):
        raise TypeError(f"{name} in {op} op must not repeat; got: {dims}.")


def check_in_range(op, name, dims, rank):
    """TypeError unless all of `dims` are in 0 .. rank - 1."""
    for d in dims:
        if not 0 <= d < rank:
            raise TypeError(
                f"Invalid {name} set in {op} op; valid range is [0, {rank}); got: {d}."
            )


def check_disjoint(op, name, dims, other_name, others):
    """TypeError if a dimension is in both."""
    if set(dims) & set(others):
        raise TypeError(
            f"{name} and {other_name} in {op} op must be disjoint; got: {dims} and "
            f"{others}."
        )


def check_indices(op, indices):
    """ValueError unless integer; TypeError for a scalar."""
    if not accepts(INT, indices.dtype):
        raise ValueError("indices must have an integer type")
    if indices.ndim == 0:
        raise TypeError(
            f"{op.capitalize()} index leaf dimension must be within [0, rank(indices) + "
            f"1). rank(indices) is 0 and {op} index leaf dimension is -1."
        )


def check_batching(op, operand, indices, names, dims):
    """The rules for the batching dimensions of operand and indices (`names`, `dims`)."""
    (name, indices_name), (operand_dims, indices_dims) = names, dims
    check_distinct(op, indices_name, indices_dims)
    check_in_range(op, indices_name, indices_dims, indices.ndim)
    if indices.ndim - 1 in indices_dims:
        raise TypeError(
            f"{op.capitalize()} op cannot have the index vector dimension as a batching "
            f"dimension; got {indices_dims}."
        )
    if len(operand_dims) != len(indices_dims):
        space = " " if op == "scatter" else ""
        raise TypeError(
            f"{op.capitalize()} op requires equal numbers of {name} and {indices_name}, "
            f"got {operand_dims} and{space}{indices_dims}."
        )
    sizes = tuple(operand.shape[d] for d in operand_dims)
    others = tuple(indices.shape[d] for d in indices_dims)
    if sizes != others:
        raise TypeError(
            f"{op.capitalize()} op requires operand batching dimensions and indices "
            f"batching dimensions to have the same shape, got {sizes} and {others}."
        )


def _check_gather(operand, indices, numbers, slice_sizes):
    offset, collapsed, start_map, batching, index_batching = numbers
    check_indices("gather", indices)
    check_sorted("gather", "offset_dims", offset)
    check_distinct("gather", "offset_dims", offset)
    rank = len(offset) + indices.ndim - 1
    for i, d in enumerate(offset):
        if not 0 <= d < rank:
            raise TypeError(
                f"Offset dimension {i} in gather op is out of bounds; got {d}, but "
                f"should have been in [0, {rank})"
            )
    if len(start_map) != indices.shape[-1]:
        raise TypeError(
            f"Gather op has {len(start_map)} elements in start_index_map and the bound "
            f"of dimension index_vector_dim={indices.ndim - 1} of indices is "
            f"{indices.shape[-1]}. These two numbers must be equal."
        )
    for i, d in enumerate(start_map):
        if not 0 <= d < operand.ndim:
            raise TypeError(
                f"Invalid start_index_map; domain is [0, {operand.ndim}), got: {i}->{d}."
            )
    check_distinct("gather", "start_index_map", start_map)
    for name, dims in (
        ("collapsed_slice_dims", collapsed),
        ("operand_batching_dims", batching),
    ):
        check_sorted("gather", name, dims)
        check_distinct("gather", name, dims)
        check_in_range("gather", name, dims, operand.ndim)
    operand_name = "operand_batching_dims"
    check_disjoint("gather", "collapsed_slice_dims", collapsed, operand_name, batching)
    check_disjoint("gather", "start_index_map", start_map, operand_name, batching)
    names = operand_name, "start_indices_batching_dims"
    check_batching("gather", operand, indices, names, (batching, index_batching))
    _check_slice_sizes(operand, numbers, slice_sizes, 0 in indices.shape[:-1])


def _check_slice_sizes(operand, numbers, slice_sizes, no_slices):
    collapsed, batching = numbers.collapsed_slice_dims, numbers.operand_batching_dims
    if len(slice_sizes) != operand.ndim:
        raise TypeError(
            "Gather op must have one slice size for every input dimension; got: "
            f"len(slice_sizes)={len(slice_sizes)}, input_shape.rank={operand.ndim}"
        )
    if len(slice_sizes) != len(numbers.offset_dims) + len(collapsed) + len(batching):
        raise TypeError(
            "All components of the offset index in a gather op must either be a offset "
            "dimension or explicitly collapsed/batching; got "
            f"len(slice_sizes)={len(slice_sizes)}, "
            f"output_slice_sizes={numbers.offset_dims}, "
            f"collapsed_slice_dims={collapsed}, operand_batching_dims={batching}."
        )
    for i, (n, limit) in enumerate(zip(slice_sizes, operand.shape, strict=True)):
        if not 0 <= n <= limit and not no_slices:
            raise TypeError(
                f"Slice size at index {i} in gather op is out of range, must be within "
                f"[0, {limit} + 1), got {n}."
            )
    for place, d in enumerate(collapsed):
        if slice_sizes[d] != 1:
            raise TypeError(
                "Gather op can only collapse slice dims with bound 1, but bound is "
                f"{slice_sizes[d]} for index {d} at position {place}."
            )
    for place, d in enumerate(batching):
        if slice_sizes[d] > 1:
            raise TypeError(
                "Gather op can only have operand batching dims with bound 0/1, but bound "
                f"is {slice_sizes[d]} for index {d} at position {place}."
            )


# --- rules --------------------------------------------------------------------------


def kept_dims(rank, *gone):
    """The dimensions of 0 .. rank - 1 that are in none of `gone`, ascending."""
    taken = set().union(*gone)
    return tuple(d for d in range(rank) if d not in taken)


def _gather_shape(operand, indices, *, dimension_numbers, slice_sizes, **_):
    _check_gather(operand, indices, dimension_numbers, slice_sizes)
    offset, collapsed, _, batching, _ = dimension_numbers
    window = kept_dims(operand.ndim, collapsed, batching)
    slices = iter([slice_sizes[d] for d in window])
    batch = iter(indices.shape[:-1])
    rank = len(window) + indices.ndim - 1
    places = set(offset)
    shape = tuple(next(slices if d in places else batch) for d in range(rank))
    return operand.update(shape=shape)


def slice_starts(numbers, shape, sizes, vector, place):
    """Where the slice of one index vector starts in an operand of `shape`; does it fit?

    numbers: (start_index_map, operand_batching_dims, indices' batching dims); place: of
        the vector.
    """
    start_map, batching, index_batching = numbers
    starts = [0] * len(shape)
    for d, value in zip(start_map, vector, strict=True):
        starts[d] = int(value)
    for d, source in zip(batching, index_batching, strict=True):
        starts[d] = place[source]
    last = [n - size for n, size in zip(shape, sizes, strict=True)]
    fits = all(0 <= s <= end for s, end in zip(starts, last, strict=True))
    clipped = [min(max(s, 0), end) for s, end in zip(starts, last, strict=True)]
    return clipped, fits


def _gather_reference(
    operand, indices, *, dimension_numbers, slice_sizes, mode, fill_value, **_
):
    offset, collapsed, start_map, batching, index_batching = dimension_numbers
    window = kept_dims(operand.ndim, collapsed, batching)
    batch_shape = indices.shape[:-1]
    sizes = tuple(slice_sizes[d] for d in window)
    out = np.empty(batch_shape + sizes, operand.dtype)
    numbers = start_map, batching, index_batching
    for place in np.ndindex(*batch_shape):
        starts, fits = slice_starts(
            numbers, operand.shape, slice_sizes, indices[place], place
        )
        if mode is GatherScatterMode.FILL_OR_DROP and not fits:
            out[place] = np.asarray(fill_value).astype(operand.dtype)
            continue
        cut = tuple(slice(s, s + n) for s, n in zip(starts, slice_sizes, strict=True))
        out[place] = operand[cut].reshape(sizes)
    n_batch = len(batch_shape)
    sources = iter(range(n_batch, out.ndim))
    batch = iter(range(n_batch))
    places = set(offset)
    return out.transpose(
        [next(sources if d in places else batch) for d in range(out.ndim)]
    )


def _gather_jvp(primals, tangents, *, fill_value, mode, **params):
    (operand, indices), (t, _) = primals, tangents
    out = gather_p.bind(operand, indices, mode=mode, fill_value=fill_value, **params)
    if type(t) is Zero:
        return out, Zero.of(out)
    fill = 0 if mode is GatherScatterMode.FILL_OR_DROP else None
    return out, gather_p.bind(t, indices, mode=mode, fill_value=fill, **params)


def _gather_transpose(
    ct,
    operand,
    indices,
    *,
    dimension_numbers,
    indices_are_sorted,
    unique_indices,
    mode,
    **_,
):
    # A custom rule may give cotangents of another dtype.
    zeros = full(operand.aval.update(dtype=dtype_of(ct)), 0)
    # Scatter stands above this file, and loads when it is first needed.
    ct_operand = importlib.import_module("minijax.ops.scatter").scatter_add(
        zeros,
        indices,
        ct,
        dimension_numbers,
        indices_are_sorted=indices_are_sorted,
        unique_indices=unique_indices,
        mode=mode,
    )
    return [ct_operand, None]


def past_front(dims):
    """Dimension numbers of an array that has gained a dimension in front."""
    return tuple(d + 1 for d in dims)


def _gather_batch(
    axis,
    args,
    dims,
    *,
    dimension_numbers,
    slice_sizes,
    unique_indices,
    indices_are_sorted,
    mode,
    fill_value,
):
    operand, indices = args
    offset, collapsed, start_map, batching, index_batching = dimension_numbers
    if dims[0] is not None:
        operand = move_axis(operand, dims[0], 0)
        collapsed, start_map = past_front(collapsed), past_front(start_map)
        batching = past_front(batching)
    if dims[1] is not None:
        indices = move_axis(indices, dims[1], 0)
        index_batching = past_front(index_batching)
    offset = past_front(offset)
    if dims[1] is None:
        offset = (0, *offset)
        slice_sizes = (shape_of(operand)[0], *slice_sizes)
    elif dims[0] is None:
        indices_are_sorted = unique_indices = False
    else:
        batching, index_batching = (0, *batching), (0, *index_batching)
        slice_sizes = (core.min_dim(axis.size, 1), *slice_sizes)
    out = gather_p.bind(
        operand,
        indices,
        dimension_numbers=GatherDimensionNumbers(
            offset, collapsed, start_map, batching, index_batching
        ),
        slice_sizes=slice_sizes,
        unique_indices=unique_indices,
        indices_are_sorted=indices_are_sorted,
        mode=mode,
        fill_value=fill_value,
    )
    return out, 0


# the runtime's names for the modes (enum mjx_index_mode)
_MODE_CODES = {
    GatherScatterMode.CLIP: 0,
    GatherScatterMode.FILL_OR_DROP: 1,
    GatherScatterMode.PROMISE_IN_BOUNDS: 2,
}


def mode_code(mode):
    """The runtime's number of a mode.  NotImplementedError for ONE_HOT."""
    if mode not in _MODE_CODES:
        raise NotImplementedError(f"{mode} is not implemented on CPU")
    return _MODE_CODES[mode]


def _held_fill(value, dtype):
    """The element that is filled in, as memory holds it: a key has the value in each word."""
    if value is None or not isinstance(dtype, dtypes.ExtendedDType):
        return value
    words = np.full(dtype.itemsize // 4, value, np.uint32)
    return words.view(dtypes.storage_dtype(dtype))[0]


def _gather_typed_reference(avals, *arrays, fill_value, **params):
    fill_value = _held_fill(fill_value, avals[0].dtype)
    return _gather_reference(*arrays, fill_value=fill_value, **params)


def _gather_lower(
    b, ins, out_avals, *, dimension_numbers, slice_sizes, mode, fill_value, **_
):
    if out_avals[0].size == 0:
        return [b.full(out_avals[0], 0)]
    ins = index_views(b, ins, [1])
    fill_value = _held_fill(fill_value, out_avals[0].dtype)
    if fill_value is not None and out_avals[0].dtype in dtypes.narrow_dtypes:
        fill_value = np.asarray(fill_value).astype(out_avals[0].dtype).view(np.uint8)
    if all(n == 1 for n in slice_sizes) and _is_table(ins[0]):
        fill = fill_value if mode is GatherScatterMode.FILL_OR_DROP else None
        operand, indices = ins
        out = _take_lower(b, operand, indices, dimension_numbers, fill)
        return [b.reshape(out, out_avals[0].shape)]
    params = [mode_code(mode), *element_words(fill_value, ins[0].dtype)]
    params += encode_lists(*_gather_lists(dimension_numbers), slice_sizes)
    out = out_avals[0].shape, ins[0].dtype
    return b.instr("GATHER", ins, [out], params)


def _is_table(view):
    """Whether an int32 says how far an element lies behind the first one."""
    reach = sum((n - 1) * s for n, s in zip(view.shape, view.strides, strict=True))
    return view.shape and min(view.strides) >= 0 and reach <= np.iinfo(np.int32).max


def _take_lower(b, operand, indices, numbers, fill):
    """Slices of one element: their places are computed like any other values, so that they and
    what comes before and after can be one group of kernels.

    fill: the element where an index is out of bounds, or None: the nearest one that there is.
    """
    _, _, start_map, batching, index_batching = numbers
    place_aval = ShapedArray(indices.shape[:-1], np.int32)
    terms = [
        b.iota(place_aval, axis, operand.strides[d])
        for d, axis in zip(batching, index_batching, strict=True)
    ]
    inside = []
    for k, d in enumerate(start_map):
        n, step = operand.shape[d], operand.strides[d]
        index = component(b, indices, k)
        if fill is not None:
            inside.append(is_below(b, index, n))
        low, last = (b.constant(np.asarray(end, index.dtype)) for end in (0, n - 1))
        index = b.convert(b.ewise("clamp", [low, index, last], index), np.int32)
        if step != 1:
            step = b.constant(np.asarray(step, np.int32))
            index = b.ewise("mul", [index, step], place_aval)
        terms.append(index)
    terms = terms or [b.full(place_aval, 0)]
    taken = b.take(
        operand, reduce(lambda x, y: b.ewise("add", [x, y], place_aval), terms)
    )
    if not inside:
        return taken
    fits = reduce(lambda x, y: b.ewise("and", [x, y], y), inside)
    fill = b.constant(np.asarray(fill).astype(operand.dtype))
    return b.ewise("select", [fits, fill, taken], taken)


def component(b, indices, k):
    """Component k of all index vectors, of 32 bits at least."""
    rank = len(indices.shape) - 1
    index = indices.slice([0] * rank + [k], [*indices.shape[:-1], k + 1]).squeeze(
        [rank]
    )
    return b.convert(index, np.int32) if index.dtype.itemsize < 4 else index


def is_below(b, index, n):
    """Whether 0 <= index < n: as unsigned numbers, negative ones are large."""
    index = index.reinterpret(f"u{index.dtype.itemsize}")
    limit = b.constant(np.asarray(n, index.dtype))
    return b.ewise("lt", [index, limit], ShapedArray(index.shape, np.bool_))


def _gather_lists(numbers):
    offset, collapsed, start_map, batching, index_batching = numbers
    return offset, collapsed, batching, index_batching, start_map


gather_p = define(
    "gather",
    shape=_gather_shape,
    reference=_gather_reference,
    jvp=_gather_jvp,
    transpose=_gather_transpose,
    batch=_gather_batch,
    lower=_gather_lower,
    typed_reference=_gather_typed_reference,
    narrow=AS_STORED,
)
