"""Helpers of JAX's own tests of sparse arrays; they need its `jax._src.test_util`.

That module is JAX's and no part of minijax: these load where a test run on the alias has
made it available, and raise ImportError elsewhere.
"""

import functools
import importlib
import itertools
import math
from typing import Any, NamedTuple

import numpy as np

import minijax.numpy as jnp
from minijax import alias, lax, tree_util
from minijax.api.jacobians import jacfwd, jacrev
from minijax.api.vectorize import vmap
from minijax.control.call import jit
from minijax.experimental.sparse._base import JAXSparse
from minijax.experimental.sparse.api import todense
from minijax.experimental.sparse.bcoo_type import BCOO
from minijax.experimental.sparse.bcsr import BCSR
from minijax.experimental.sparse.rules import sparsify
from minijax.experimental.sparse.util import split_shape

if not alias.is_installed():
    raise ImportError(
        "jax.experimental.sparse.test_util needs JAX's jax._src.test_util"
    )
_jtu: Any = importlib.import_module("jax._src.test_util")

MATMUL_TOL = {
    np.float32: 1e-5,
    np.complex64: 1e-5,
    np.float64: 1e-10,
    np.complex128: 1e-10,
}


class BatchedDotGeneralProperties(NamedTuple):
    """A product: its shapes, the layout of its sparse side, which axes meet."""

    lhs_shape: tuple
    rhs_shape: tuple
    n_batch: int
    n_dense: int
    dimension_numbers: Any


class SparseLayout(NamedTuple):
    """How many axes there are of each kind."""

    n_batch: int
    n_dense: int
    n_sparse: int


def is_sparse(x):
    """Whether `x` is a sparse array."""
    return isinstance(x, JAXSparse)


def _dense(tree):
    return tree_util.tree_map(todense, tree, is_leaf=is_sparse)


class SparseTestCase(_jtu.JaxTestCase):
    """Compares functions of sparse arrays with those of the dense ones."""

    def assertSparseArraysEquivalent(self, x, y, **close):
        """The same structure, and arrays that are close."""
        (xs, x_tree), (ys, y_tree) = map(tree_util.tree_flatten, (x, y))
        self.assertEqual(x_tree, y_tree)
        self.assertAllClose(xs, ys, **close)

    def _CheckAgainstDense(
        self, dense_op, sparse_op, args_maker, check_jit=True, check_dtypes=True,
        tol=None, atol=None, rtol=None, canonicalize_dtypes=True,
    ):  # fmt: skip
        args = args_maker()
        close = {"atol": atol or tol, "rtol": rtol or tol}
        found = sparse_op(*args)
        self.assertAllClose(
            dense_op(*_dense(args)), _dense(found), check_dtypes=check_dtypes,
            canonicalize_dtypes=canonicalize_dtypes, **close,
        )  # fmt: skip
        if check_jit:
            compiled = jit(sparse_op)(*args)
            self.assertSparseArraysEquivalent(found, compiled, **close)

    def _CheckGradsSparse(
        self, dense_fun, sparse_fun, args_maker, *, argnums=None,
        modes=("fwd", "rev"), atol=None, rtol=None,
    ):  # fmt: skip
        transforms = {"fwd": jacfwd, "rev": jacrev}
        args = args_maker()
        flat, tree = tree_util.tree_flatten(args)
        counts = [len(tree_util.tree_leaves(x)) for x in args]
        first = np.cumsum([0, *counts[:-1]]).tolist()
        wanted = first if argnums is None else [first[n] for n in argnums]

        def of_dense(*arrays):
            return dense_fun(*_dense(tree_util.tree_unflatten(tree, arrays)))

        def of_sparse(*arrays):
            return _dense(sparse_fun(*tree_util.tree_unflatten(tree, arrays)))

        for mode in modes:
            theirs, ours = (
                transforms[mode](fun, argnums=wanted)(*flat)
                for fun in (of_dense, of_sparse)
            )
            self.assertAllClose(theirs, ours, atol=atol, rtol=rtol)

    def _random_bdims(self, *counts):
        rng = self.rng()
        return [rng.randint(0, count + 1) for count in counts]

    def _CheckBatchingSparse(
        self, dense_fun, sparse_fun, args_maker, *, batch_size=3, bdims=None,
        check_jit=False, **kwargs,
    ):  # fmt: skip
        if bdims is None:
            ranks = [x.n_batch if is_sparse(x) else x.ndim for x in args_maker()]
            bdims = self._random_bdims(*ranks)

        def batched():
            several = zip(*[args_maker() for _ in range(batch_size)], strict=True)
            return [
                xs[0] if d is None else _joined(xs, d)
                for xs, d in zip(several, bdims, strict=True)
            ]

        mapped = vmap(dense_fun, bdims), vmap(sparse_fun, bdims)
        self._CheckAgainstDense(*mapped, batched, check_jit=check_jit, **kwargs)


def _joined(arrays, axis):
    """The arrays along a new axis."""
    expand = sparsify(functools.partial(lax.expand_dims, dimensions=[axis]))
    concatenate = sparsify(functools.partial(lax.concatenate, dimension=axis))
    return concatenate([expand(x) for x in arrays])


def _random_parts(shape, dtype, rng, rand_method, nse, n_batch, n_dense):
    """(the sizes of the kinds of axes, how many elements, random elements)."""
    n_sparse = len(shape) - n_batch - n_dense
    if min(n_sparse, n_batch, n_dense) < 0:
        raise ValueError(f"Invalid parameters: {shape=} {n_batch=} {n_sparse=}")
    batch, sparse, dense = split_shape(shape, n_batch, n_sparse)
    nse = int(np.ceil(nse * math.prod(sparse)) if 0 <= nse < 1 else nse)
    return batch, sparse, nse, jnp.array(rand_method(rng)((*batch, nse, *dense), dtype))


def _random_bcoo(shape, dtype, *, rng, rand_method, **layout):
    batch, sparse, nse, data = _random_parts(shape, dtype, rng, rand_method, **layout)
    size = (*batch, nse, len(sparse))
    indices = rng.randint(0, sparse, size=size, dtype=np.int32)
    return BCOO((data, jnp.array(indices)), shape=shape)


def _random_bcsr(shape, dtype, *, rng, rand_method, **layout):
    batch, sparse, nse, data = _random_parts(shape, dtype, rng, rand_method, **layout)
    if len(sparse) != 2:
        raise ValueError(
            f"bcsr array must have 2 sparse dimensions; {len(sparse)} is given."
        )
    indices = rng.randint(0, sparse[1], size=(*batch, nse), dtype=np.int32)
    indptr = rng.randint(0, nse + 1, size=(*batch, sparse[0] + 1), dtype=np.int32)
    indptr.sort(-1)
    indptr[..., 0] = 0
    return BCSR((data, jnp.array(indices), jnp.array(indptr)), shape=shape)


def _maker(make):
    def made(rng, rand_method=_jtu.rand_default, nse=0.5, n_batch=0, n_dense=0):
        return functools.partial(
            make, rng=rng, rand_method=rand_method, nse=nse, n_batch=n_batch,
            n_dense=n_dense,
        )  # fmt: skip

    return made


# rng, ... -> a function of shape and dtype that makes random sparse arrays
rand_bcoo = _maker(_random_bcoo)
rand_bcsr = _maker(_random_bcsr)


def rand_sparse(rng, nse=0.5, post=lambda x: x, rand_method=_jtu.rand_default):
    """A function of shape and dtype that makes random dense arrays with many zeros."""

    def make(shape, dtype, nse=nse):
        size = math.prod(shape)
        count = min(size, int(nse * size if 0 <= nse < 1 else nse))
        found = rand_method(rng)(shape, dtype)
        found.flat[rng.choice(size, size - count, replace=False)] = 0
        return post(found)

    return make


def iter_subsets(s):
    """All subsets of a sequence, as tuples."""
    subsets = [itertools.combinations(s, n) for n in range(len(s) + 1)]
    return itertools.chain.from_iterable(subsets)


def iter_sparse_layouts(shape, min_n_batch=0):
    """All the ways to divide the axes of a shape by kind."""
    for n_batch in range(min_n_batch, len(shape) + 1):
        for n_dense in range(len(shape) + 1 - n_batch):
            yield SparseLayout(n_batch, n_dense, len(shape) - n_batch - n_dense)


def iter_bcsr_layouts(shape, min_n_batch=0):
    """Those with two sparse axes."""
    for layout in iter_sparse_layouts(shape, min_n_batch):
        if layout.n_sparse == 2:
            yield layout
