"""A pytree of arrays as one vector, and back."""

import operator
import warnings

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax._pytree import flatten, unflatten
from minijax.numpy.promotion import convert


def ravel_pytree(pytree):
    """(vector of all elements, function from such a vector to a pytree like this one).

    The vector has the leaves' common dtype.  The function raises TypeError for a vector
    of another dtype if the leaves' dtypes differ, and ValueError for one of another size.
    """
    leaves, tree = flatten(pytree)
    if not leaves:
        return jnp.array([], dtype=np.float32), _Unravel(tree, (), (), None)
    kinds = tuple([dtypes.dtype(x) for x in leaves])
    shapes = tuple([np.shape(x) for x in leaves])
    common = dtypes.result_type(*kinds)
    mixed = any(kind != common for kind in kinds)
    flat = [jnp.ravel(convert(jnp.asarray(x), common) if mixed else x) for x in leaves]
    unravel = _Unravel(tree, shapes, kinds if mixed else None, common)
    return jnp.concatenate(flat), unravel


class _Unravel:
    """The inverse of `ravel_pytree` for trees of given shapes and dtypes; hashable.

    dtypes: None if all leaves take the dtype of the vector.
    """

    __slots__ = ("common", "dtypes", "shapes", "tree")

    def __init__(self, tree, shapes, kinds, common):
        self.tree, self.shapes, self.dtypes, self.common = tree, shapes, kinds, common

    def _key(self):
        return self.tree, self.shapes, self.dtypes, self.common

    def __hash__(self):
        return hash(self._key())

    def __eq__(self, other):
        return isinstance(other, _Unravel) and self._key() == other._key()

    def __call__(self, vector):
        if not self.shapes:
            return unflatten(self.tree, [])
        if self.dtypes is not None and dtypes.dtype(vector) != self.common:
            raise TypeError(
                f"unravel function given array of dtype {dtypes.dtype(vector)}, but "
                f"expected dtype {self.common}"
            )
        sizes = tuple([int(np.prod(shape)) for shape in self.shapes])
        if np.shape(vector)[0] != sum(sizes):
            raise ValueError(
                f"Sum of sizes {sum(sizes)} must be equal to dimension 0 of the operand "
                f"shape {list(map(operator.index, np.shape(vector)))}"
            )
        leaves = [
            lax.reshape(part, shape)
            for part, shape in zip(lax.split(vector, sizes), self.shapes, strict=True)
        ]
        if self.dtypes is not None:
            with warnings.catch_warnings():  # what was real is so again
                warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
                leaves = [
                    convert(x, d) for x, d in zip(leaves, self.dtypes, strict=True)
                ]
        return unflatten(self.tree, leaves)
