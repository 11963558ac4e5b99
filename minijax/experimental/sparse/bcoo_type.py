"""Batched coordinates: `BCOO`, its checks and how it is made.

data: (*batch, nse, *dense), indices: (*batch, nse, n_sparse). An element is a row of
`indices` with its block in `data`; elements of one place add up, and those with an index
outside of the shape count as padding. Batch axes of size 1 stand for any size.
"""

from typing import Any, NamedTuple

import minijax.numpy as jnp
from minijax import tree_util
from minijax.api.vmappable import register_vmappable
from minijax.experimental.sparse._base import JAXSparse
from minijax.experimental.sparse.util import SparseInfo, split_shape


class BCOOProperties(NamedTuple):
    """How many axes there are of each kind, and how many elements."""

    n_batch: int
    n_sparse: int
    n_dense: int
    nse: int


def fits(sizes, shape):
    """Whether batch sizes are those of a shape, or 1."""
    return all(a in (1, b) for a, b in zip(sizes, shape, strict=True))


def _validate_bcoo_indices(indices, shape):
    """The properties that indices have in an array of `shape`; ValueError if none."""
    assert jnp.issubdtype(indices.dtype, jnp.integer)
    nse, n_sparse = indices.shape[-2:]
    n_batch = indices.ndim - 2
    n_dense = len(shape) - n_batch - n_sparse
    assert n_dense >= 0
    if not fits(indices.shape[:n_batch], shape[:n_batch]):
        raise ValueError(
            "indices batch dimensions not compatible for "
            f"indices.shape={indices.shape}, shape={shape}"
        )
    return BCOOProperties(n_batch, n_sparse, n_dense, nse)


def _validate_bcoo(data, indices, shape):
    """The properties of a sparse array; ValueError where its parts do not fit."""
    shape = tuple(shape)
    props = _validate_bcoo_indices(indices, shape)
    check_data(data, shape, props, props.n_sparse)
    return props


def check_data(data, shape, props, n_sparse):
    """ValueError where `data` is not what indices with these properties need."""
    batch, _, dense = split_shape(shape, props.n_batch, n_sparse)
    if not fits(data.shape[: props.n_batch], batch):
        raise ValueError(
            f"data batch dimensions not compatible for data.shape={data.shape}, "
            f"shape={shape}"
        )
    if data.shape[props.n_batch :] != (props.nse, *dense):
        raise ValueError(
            f"Invalid data.shape={data.shape} for nse={props.nse}, "
            f"n_batch={props.n_batch}, n_dense={props.n_dense}"
        )


class Batched(JAXSparse):
    """What both batched formats have: flags, and arrays under the names `_names`."""

    _names: tuple
    indices: Any
    n_batch: Any
    n_dense: Any

    def __init__(self, args, *, shape, indices_sorted=False, unique_indices=False):
        for name, x in zip(self._names, args, strict=True):
            setattr(self, name, jnp.asarray(x))
        self.shape = tuple(shape)
        self.indices_sorted = indices_sorted
        self.unique_indices = unique_indices
        self._validate()

    def _validate(self):
        """ValueError where the arrays do not fit the shape."""
        raise NotImplementedError(f"{type(self).__name__}._validate")

    def _extra(self):
        text = f", nse={self.nse}"
        if self.n_batch:
            text += f", n_batch={self.n_batch}"
        return text + (f", n_dense={self.n_dense}" if self.n_dense else "")

    def _arrays(self) -> Any:
        return tuple(getattr(self, name) for name in self._names)

    @property
    def _info(self):
        return SparseInfo(self.shape, self.indices_sorted, self.unique_indices)

    def _known(self):
        return self._info._asdict()

    @classmethod
    def tree_unflatten(cls, aux_data, children):
        """Inverse of `tree_flatten`; the children may be anything."""
        self = object.__new__(cls)
        vars(self).update(zip(cls._names, children, strict=True))
        if aux_data.keys() != set(SparseInfo._fields):
            raise ValueError(
                f"{cls.__name__}.tree_unflatten: invalid aux_data={aux_data}"
            )
        vars(self).update(aux_data)
        return self


@tree_util.register_pytree_node_class
class BCOO(Batched):
    """BCOO((data, indices), shape=...): `data[i]` stands at `indices[i]`.

    indices_sorted, unique_indices: what is known of the rows of `indices`. ValueError
    where data and indices do not fit the shape.
    """

    _names = ("data", "indices")

    def _validate(self):
        _validate_bcoo(self.data, self.indices, self.shape)

    nse = property(lambda self: self.indices.shape[-2])
    n_batch = property(lambda self: self.indices.ndim - 2)
    n_sparse = property(lambda self: self.indices.shape[-1])
    n_dense = property(lambda self: self.data.ndim - 1 - self.n_batch)

    @classmethod
    def _empty(
        cls, shape, *, dtype=None, index_dtype="int32", n_dense=0, n_batch=0, nse=0
    ):
        n_sparse = len(shape) - n_dense - n_batch
        if min(n_sparse, n_dense, n_batch, nse) < 0:
            raise ValueError(
                f"Invalid inputs: shape={shape}, n_dense={n_dense}, n_batch={n_batch}, "
                f"nse={nse}"
            )
        batch, sparse, dense = split_shape(shape, n_batch, n_sparse)
        data = jnp.zeros((*batch, nse, *dense), dtype)
        indices = jnp.full((*batch, nse, n_sparse), jnp.array(sparse), index_dtype)
        known = {"indices_sorted": True, "unique_indices": True}
        return cls((data, indices), shape=shape, **known)


def element(cont, get_index, x, axis):
    """`x` without its batch axis `axis`, as functions under `vmap` see it."""
    if axis is None:
        return x
    name, n_batch = type(x).__name__, x.n_batch
    if not 0 <= axis < n_batch:
        raise ValueError(
            f"Cannot map in_axis={axis} for {name} array with n_batch={n_batch}. in_axes "
            f"for batched {name} operations must correspond to a batch dimension."
        )
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    return _each_array(x, shape, lambda array: cont(array, axis))


def whole(cont, axis_size, x, axis):
    """`x`, one element of what a function under `vmap` gave, with a batch axis."""
    if axis is None:
        return _each_array(x, x.shape, lambda array: cont(axis_size, array, None))
    name, n_batch = type(x).__name__, x.n_batch
    if not 0 <= axis <= n_batch:
        raise ValueError(
            f"{name}: cannot add out_axis={axis} for {name} array with "
            f"n_batch={n_batch}. {name} batch axes must be a contiguous block of leading "
            "dimensions."
        )
    shape = (*x.shape[:axis], axis_size, *x.shape[axis:])
    return _each_array(x, shape, lambda array: cont(axis_size, array, axis))


def _each_array(x, shape, change):
    """`x` with its arrays changed, told to be of another shape."""
    arrays, known = x.tree_flatten()
    changed = [change(array) for array in arrays]
    return type(x).tree_unflatten({**known, "shape": tuple(shape)}, changed)


register_vmappable(BCOO, int, int, element, whole, None)
