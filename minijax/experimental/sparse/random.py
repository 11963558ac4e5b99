"""Random sparse arrays."""

import math
import operator

import minijax.numpy as jnp
from minijax import dtypes, random
from minijax.api.vectorize import vmap
from minijax.experimental.sparse.bcoo_parts import bcoo_sort_indices
from minijax.experimental.sparse.bcoo_type import BCOO
from minijax.experimental.sparse.util import split_shape


def random_bcoo(
    key, shape, *, dtype=jnp.float_, indices_dtype=None, nse=0.2, n_batch=0, n_dense=0,
    unique_indices=True, sorted_indices=False, generator=random.uniform, **kwds,
):  # fmt: skip
    """A random BCOO.

    nse: how many elements a batch has, or below 1 which part of all; generator: what
    makes the elements, called with key, shape, dtype and kwds. ValueError where the
    numbers do not fit the shape.
    """
    shape = tuple(map(operator.index, shape))
    n_batch, n_dense = operator.index(n_batch), operator.index(n_dense)
    if n_batch < 0 or n_dense < 0 or n_batch + n_dense > len(shape):
        raise ValueError(f"Invalid {n_batch=}, {n_dense=} for {shape=}")
    n_sparse = len(shape) - n_batch - n_dense
    batch, sparse, dense = split_shape(shape, n_batch, n_sparse)
    size = math.prod(sparse)
    if not 0 <= nse < size:
        raise ValueError(f"got {nse=}, expected to be between 0 and {size}")
    nse = math.ceil(nse * size) if 0 < nse < 1 else int(nse)
    if indices_dtype is None:
        indices_dtype = dtypes.python_scalar_dtype(int)
    if size > jnp.iinfo(indices_dtype).max:
        raise ValueError(
            f"{indices_dtype=} does not have enough range to generate sparse indices of "
            f"size {size}."
        )

    def indices_of(key):
        if not sparse:
            return jnp.zeros((nse, 0), indices_dtype)
        flat = random.choice(key, size, shape=(nse,), replace=not unique_indices)
        return jnp.column_stack(jnp.unravel_index(flat.astype(indices_dtype), sparse))

    keys = random.split(key, math.prod(batch) + 1)
    data = generator(keys[0], shape=(*batch, nse, *dense), dtype=dtype, **kwds)
    indices = vmap(indices_of)(keys[1:]).reshape(*batch, nse, n_sparse)
    mat = BCOO((data, indices), shape=shape)
    return bcoo_sort_indices(mat) if sorted_indices else mat
