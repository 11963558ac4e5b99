"""Pytrees of arrays as one vector (`jax.flatten_util`)."""

import math

from minijax import dtypes
from minijax import numpy as jnp
from minijax._pytree import flatten, unflatten
from minijax.ops.convert import convert_element_type


class _Unravel:
    """The way back from the vector; equal for trees of equal structure and types."""

    __slots__ = ("_tree", "_shapes", "_dtypes", "_dtype")

    def __init__(self, tree, shapes, leaf_dtypes, dtype):
        self._tree, self._shapes = tree, shapes
        self._dtypes, self._dtype = leaf_dtypes, dtype

    def _key(self):
        return self._tree, self._shapes, self._dtypes, self._dtype

    def __hash__(self):
        return hash(self._key())

    def __eq__(self, other):
        return isinstance(other, _Unravel) and self._key() == other._key()

    def __call__(self, vector):
        """The tree whose leaves are the parts of `vector`.

        TypeError for a vector of another dtype, where leaves differ in theirs;
        ValueError for one of another shape.
        """
        same = all(dtype == self._dtype for dtype in self._dtypes)
        got = dtypes.dtype(vector)
        if not same and got != self._dtype:
            raise TypeError(
                f"unravel function given array of dtype {got}, but expected dtype "
                f"{self._dtype}"
            )
        sizes = [math.prod(shape) for shape in self._shapes]
        if jnp.shape(vector) != (sum(sizes),):
            raise ValueError(
                f"Sum of sizes {sum(sizes)} must be equal to dimension 0 of the operand "
                f"shape {list(jnp.shape(vector))}"
            )
        leaves, at = [], 0
        for shape, size, dtype in zip(self._shapes, sizes, self._dtypes, strict=True):
            leaf = jnp.reshape(vector[at : at + size], shape)
            leaves.append(leaf if same else convert_element_type(leaf, dtype))
            at += size
        return unflatten(self._tree, leaves)


def ravel_pytree(pytree):
    """A pytree of arrays as a vector of their common dtype: (vector, unravel).

    `unravel(vector)` gives a pytree of the same structure, shapes and dtypes.
    """
    leaves, tree = flatten(pytree)
    if not leaves:
        return jnp.zeros(0), _Unravel(tree, (), (), dtypes.dtype(jnp.zeros(0)))
    shapes = tuple(jnp.shape(x) for x in leaves)
    leaf_dtypes = tuple(dtypes.dtype(x) for x in leaves)
    dtype = dtypes.result_type(*leaves)
    unravel = _Unravel(tree, shapes, leaf_dtypes, dtype)
    if all(d == dtype for d in leaf_dtypes):
        parts = [jnp.ravel(x) for x in leaves]
    else:
        parts = [jnp.ravel(convert_element_type(x, dtype)) for x in leaves]
    return jnp.concatenate(parts) if len(parts) > 1 else parts[0], unravel
