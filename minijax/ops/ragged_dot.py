"""Matrix products of which one dimension falls into groups of rows, of given sizes."""

from typing import Any, NamedTuple

import numpy as np

from minijax import dtypes
from minijax.ops.arithmetic import sub
from minijax.ops.bits import bitwise_and
from minijax.ops.comparison import le, lt
from minijax.ops.cumulative import cumsum
from minijax.ops.define import dtype_of, filled_like, shape_of
from minijax.ops.dot import dot_general
from minijax.ops.select import select
from minijax.ops.shape import broadcast_in_dim, broadcasted_iota, transpose


class RaggedDotDimensionNumbers:
    """Which dimensions `ragged_dot_general` contracts, pairs up, and cuts into groups.

    dot_dimension_numbers: as of `dot_general`; lhs_ragged_dimensions: the one dimension
    of lhs that falls into groups; rhs_group_dimensions: the dimension of rhs that has
    an entry a group, where the ragged one is not contracted or batched.
    """

    def __init__(
        self, dot_dimension_numbers, lhs_ragged_dimensions, rhs_group_dimensions
    ):
        (contracting, batch) = dot_dimension_numbers
        self.dot_dimension_numbers = (
            tuple(map(tuple, contracting)),
            tuple(map(tuple, batch)),
        )
        self.lhs_ragged_dimensions = tuple(lhs_ragged_dimensions)
        self.rhs_group_dimensions = tuple(rhs_group_dimensions)

    def _fields(self):
        return (
            self.dot_dimension_numbers,
            self.lhs_ragged_dimensions,
            self.rhs_group_dimensions,
        )

    def __eq__(self, other):
        return type(other) is type(self) and self._fields() == other._fields()

    def __hash__(self):
        return hash(self._fields())

    def __repr__(self):
        numbers, ragged, group = self._fields()
        return (
            f"RaggedDotDimensionNumbers(dot_dimension_numbers={numbers}, "
            f"lhs_ragged_dimensions={ragged}, rhs_group_dimensions={group})"
        )


_MATRICES = RaggedDotDimensionNumbers((((1,), (1,)), ((), ())), (0,), (0,))


def ragged_dot(
    lhs,
    rhs,
    group_sizes,
    precision=None,
    preferred_element_type=None,
    group_offset=None,
    out_sharding=None,
):
    """Rows of `lhs` [m, k], group by group, times the matrix of `rhs` [g, k, n] for that
    group; rows beyond the last group give zeros.

    TypeError where the shapes do not fit.
    """
    return ragged_dot_general(
        lhs,
        rhs,
        group_sizes,
        _MATRICES,
        precision,
        preferred_element_type,
        group_offset,
        out_sharding,
    )


def ragged_dot_general(
    lhs,
    rhs,
    group_sizes,
    ragged_dot_dimension_numbers,
    precision=None,
    preferred_element_type=None,
    group_offset=None,
    out_sharding=None,
):
    """`dot_general` where one dimension of `lhs` falls into groups of `group_sizes`.

    Not contracted: each group meets its own slice of `rhs`.  Contracted: a result for
    each group, along a new first axis.  Batched: the plain product.  TypeError where
    the shapes do not fit.
    """
    numbers = ragged_dot_dimension_numbers
    ragged = _checked(lhs, rhs, group_sizes, numbers)
    if group_offset is not None:
        raise NotImplementedError("Unimplemented group_offset support.")
    (l_contract, r_contract), (l_batch, r_batch) = numbers.dot_dimension_numbers
    options: dict[str, Any] = {
        "precision": precision,
        "preferred_element_type": preferred_element_type,
    }
    if ragged.kind == "batch":
        return dot_general(lhs, rhs, numbers.dot_dimension_numbers, **options)
    spread = _by_group(lhs, group_sizes, ragged.dim, ragged.prefix)
    if ragged.kind == "free":
        contract = [*_next(l_contract), 0], [*r_contract, *numbers.rhs_group_dimensions]
        return dot_general(
            spread, rhs, (contract, (_next(l_batch), r_batch)), **options
        )
    at = l_contract.index(ragged.dim)
    prefix = (*r_batch, *r_contract[:at])
    spread_rhs = _by_group(rhs, group_sizes, r_contract[at], prefix)
    batch = [0, *_next(l_batch)], [0, *_next(r_batch)]
    contract = _next(l_contract), _next(r_contract)
    return dot_general(spread, spread_rhs, (contract, batch), **options)


class _Ragged(NamedTuple):
    """The ragged dimension, whether it is free, contracted or batched, and the
    dimensions before it that may have group sizes of their own.
    """

    dim: int
    kind: str
    prefix: tuple[int, ...]


def _next(dims):
    """Dimensions after a new first one was put in front."""
    return [d + 1 for d in dims]


def _by_group(x, group_sizes, dim, prefix):
    """`x` once for each group, along a new first axis, zero outside of the group."""
    shape = (shape_of(group_sizes)[-1], *shape_of(x))
    axis = len(shape_of(group_sizes)) - 1
    ends = cumsum(group_sizes, axis=axis)
    starts = sub(ends, group_sizes)
    places = [0] if not axis else [*_next(prefix), 0]
    order = [int(k) for k in np.argsort(places)]
    place = broadcasted_iota(dtype_of(group_sizes), shape, dim + 1)

    def spread(sizes):
        return broadcast_in_dim(
            transpose(sizes, order), shape, [places[k] for k in order]
        )

    inside = bitwise_and(le(spread(starts), place), lt(place, spread(ends)))
    x = broadcast_in_dim(x, shape, tuple(range(1, len(shape))))
    return select(inside, x, filled_like(x, 0))


def _checked(lhs, rhs, group_sizes, numbers):
    """The ragged dimension and its kind; TypeError where the arguments do not fit."""
    shape, rhs_shape = shape_of(lhs), shape_of(rhs)
    sizes = shape_of(group_sizes)
    if len(numbers.lhs_ragged_dimensions) != 1:
        raise TypeError("ragged_dot_general expects exactly one lhs ragged dimension.")
    (dim,) = numbers.lhs_ragged_dimensions
    _check_in_range(dim, len(shape), "lhs ragged dimension", "lhs")
    ragged = _kind_of(dim, len(shape), numbers)
    if not sizes:
        raise TypeError("expected rank of group_sizes to be >=1.")
    wanted = (*[shape[d] for d in ragged.prefix], sizes[-1])
    if len(sizes) != 1 and sizes != wanted:
        raise TypeError(f"expected group_sizes to have shape {wanted}, got {sizes}.")
    _check_group_dimension(ragged.kind, rhs_shape, sizes[-1], numbers)
    if not dtypes.issubdtype(dtype_of(group_sizes), np.integer):
        raise TypeError(
            "ragged_dot_general requires that group_sizes.dtype is subtype of np.integer."
        )
    return ragged


def _kind_of(dim, rank, numbers):
    (contracting, _), (batch, _) = numbers.dot_dimension_numbers
    if dim in batch:
        return _Ragged(dim, "batch", batch[: batch.index(dim)])
    if dim in contracting:
        before = contracting[: contracting.index(dim)]
        return _Ragged(dim, "contracted", (*batch, *before))
    free = [d for d in range(rank) if d not in (*contracting, *batch)]
    return _Ragged(dim, "free", (*batch, *[d for d in free if d < dim]))


def _check_group_dimension(kind, rhs_shape, n_groups, numbers):
    dims = numbers.rhs_group_dimensions
    if kind != "free":
        if dims:
            raise TypeError(
                "ragged_dot_general requires zero group dimensions in the rhs when lhs "
                "ragged dimension is contracting or batch."
            )
        return
    if len(dims) != 1:
        raise TypeError(
            "ragged_dot_general requires exactly one rhs group dimension when lhs ragged "
            "dimension is noncontracting."
        )
    (dim,) = dims
    _check_in_range(dim, len(rhs_shape), "rhs group dimension", "rhs")
    (_, contracting), (_, batch) = numbers.dot_dimension_numbers
    if dim in (*contracting, *batch):
        raise TypeError(
            "ragged_dot_general requires rhs group dimension numbers to be distinct from "
            "contracting and batch dimensions."
        )
    if rhs_shape[dim] != n_groups:
        raise TypeError(
            f"expected rhs group dimension size to be {n_groups}, got {rhs_shape[dim]}."
        )


def _check_in_range(dim, rank, what, whose):
    if not 0 <= dim < rank:
        raise TypeError(
            f"ragged_dot_general requires {what} numbers to be nonnegative and less than "
            f"the number of axes of the {whose} value, got {dim} for {whose} of rank "
            f"{rank}."
        )
