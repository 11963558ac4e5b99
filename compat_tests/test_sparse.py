"""jax.experimental.sparse on both sides, and beside dense arrays."""

import numpy as np
import pytest
import scipy.sparse
from sides import Side, assert_same, raised

SPARSE = [
    "B", "B.T", "B.sum(0)", "B.data, B.indices", "B.shape, B.nse, B.ndim, B.size, len(B)",
    "B.indices_sorted, B.unique_indices, B.n_sparse, B.n_batch, B.n_dense",
    "B.todense(), B.T.todense(), B.transpose((1, 0)).todense()", "twice.todense()",
    "twice.sum_duplicates().data, twice.sum_duplicates().indices",
    "twice.sort_indices().indices", "B @ v", "jnp.ones(3) @ B", "B @ jnp.ones((4, 2))",
    "jnp.ones((2, 3)) @ B", "B @ np.ones(4)", "B @ jnp.arange(4)", "B @ jnp.ones(3)",
    "(2 * B).todense(), (B / 2).todense(), (-B).todense(), (B * M).data",
    "(B + B).todense(), (B - B).nse, B + M", "B + 1", "B.sum(), B.sum(0).todense()",
    "jax.tree.leaves(B)", "str(jax.tree.structure(B))", "jax.eval_shape(lambda: B)",
    "jax.jit(lambda b, v: b @ v)(B, v)", "jax.vmap(lambda v: B @ v)(jnp.ones((2, 4)))",
    "jax.grad(lambda d: (BCOO((d, B.indices), shape=B.shape) @ v).sum())(B.data)",
    "jax.grad(lambda v: (B @ v).sum())(v)",
    "jax.jit(lambda m: BCOO.fromdense(m, nse=6))(M).data", "BCOO.fromdense(M, nse=7).indices",
    "BCOO.fromdense(M, nse=3).todense()", "jax.jit(lambda m: BCOO.fromdense(m))(M)",
    "BCOO.from_scipy_sparse(scipy).indices", "BCOO.from_scipy_sparse(scipy).data",
    "BCOO((jnp.ones(2), jnp.zeros((3, 2), int)), shape=(2, 2))", "hash(B)",
    "sparse.eye(3, 4, 1).todense()", "sparse.eye(3, k=-1).todense()",
    "sparse.empty((2, 3)).todense()", "sparse.todense(B)", "sparse.todense(v)",
    "B.astype(int).data", "isinstance(B, sparse.JAXSparse)",
    "T", "R", "R * 2", "R.T", "T.sum(0)", "T.T", "B > 1", "B / B", "R.indices, R.indptr",
    "sparse.sparsify(jnp.cos)(B)", "sparse.sparsify(jnp.cumsum)(B)",
    "sparse.grad(lambda a, b: (a @ b).sum(), (0, 1))(B, v)[0].data",
    "jax.vmap(jax.vmap(lambda a: a.data.sum()))(B.update_layout(n_batch=2))",
    "jax.vmap(lambda a, x: a @ x, (0, None))(B.update_layout(n_batch=1), jnp.ones(()))",
    "jax.vmap(lambda a: a)(B)", "jax.vmap(lambda m: BCOO.fromdense(m, nse=2), 0, 1)(M)",
    "jax.vmap(lambda a: a * 2)(T)", "B.update_layout(n_batch=1)",
    "sparse.COO.fromdense(M, nse=6).row, sparse.CSR.fromdense(M, nse=6).indptr",
]  # fmt: skip


def _sparse_names(side):
    jnp, sparse = side.jnp, side("experimental.sparse")
    dense = np.array([[0.0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 4, 5]], np.float32)
    places = jnp.array([[0, 1], [0, 1], [5, 0]])
    return {
        "jax": side.jax,
        "jnp": jnp,
        "np": np,
        "sparse": sparse,
        "BCOO": sparse.BCOO,
        "M": jnp.array(dense),
        "scipy": scipy.sparse.csr_matrix(dense),
        "B": sparse.BCOO.fromdense(jnp.array(dense)),
        "twice": sparse.BCOO((jnp.array([1.0, 2.0, 3.0]), places), shape=(2, 2)),
        "T": sparse.BCOO.fromdense(jnp.array(dense), n_batch=1),
        "R": sparse.BCSR.fromdense(jnp.array(dense)),
        "v": jnp.arange(4.0),
    }


@pytest.mark.parametrize("expression", SPARSE)
def test_sparse(expression):
    """Equal results, sparse ones as text; or errors of one type."""

    def body(side):
        try:
            found = eval(expression, _sparse_names(side))
        except Exception as error:
            return f"raises {type(error).__name__}"
        return (
            str(found)
            if isinstance(found, side("experimental.sparse").JAXSparse)
            else found
        )

    assert_same(body)


def _of_any_layout(sparse, jnp, n_batch, n_dense):
    """Pairs of what a sparse array of a layout gives, and the dense array."""
    dense = np.random.default_rng(0).integers(-2, 3, (3, 4, 2)).astype(np.float32)
    mat = sparse.BCOO.fromdense(jnp.array(dense), n_batch=n_batch, n_dense=n_dense)
    layout = [*range(n_batch)][::-1], [*range(n_batch, 3 - n_dense)][::-1]
    order = [*layout[0], *layout[1], *range(3 - n_dense, 3)]
    kwargs = {"start_indices": (1, 0, 0), "limit_indices": (3, 4, 1)}
    yield mat, dense
    yield sparse.bcoo_transpose(mat, permutation=order), dense.transpose(order)
    yield sparse.bcoo_reduce_sum(mat, axes=(0, 2)), dense.sum((0, 2))
    yield sparse.bcoo_rev(mat, (0, 1)), dense[::-1, ::-1]
    yield sparse.bcoo_slice(mat, **kwargs, strides=(1, 2, 1)), dense[1:3, ::2, :1]
    yield sparse.bcoo_dynamic_slice(mat, (5, 1, -1), (2, 2, 1)), dense[1:, 1:3, 1:]
    yield mat.sum_duplicates(), dense
    yield mat * mat, dense * dense
    yield mat * dense[:1, :, :1], dense * dense[:1, :, :1]
    yield mat + mat.sort_indices(), 2 * dense
    for other in range(4 - n_dense):
        yield mat.update_layout(n_batch=other, on_inefficient=None), dense
    if n_dense == 0:
        vector = np.arange(2, dtype=np.float32)
        yield mat @ vector, dense @ vector
    if n_dense < 3:
        numbers = (((0,), (0,)), ((), ()))
        yield (
            sparse.bcoo_dot_general(mat, dense, dimension_numbers=numbers),
            np.tensordot(dense, dense, (0, 0)),
        )


@pytest.mark.parametrize("n_batch", range(4))
def test_sparse_layouts(n_batch):
    """Whatever axes are batch, sparse or dense, the array is the same."""
    side = Side("minijax")
    sparse, jnp = side("experimental.sparse"), side.jnp
    for n_dense in range(4 - n_batch):
        for found, wanted in _of_any_layout(sparse, jnp, n_batch, n_dense):
            np.testing.assert_allclose(sparse.todense(found), wanted, rtol=1e-5)


def test_sparse_formats():
    """Products, indexing, derivatives and `sparsify`, beside the same of dense arrays."""
    side = Side("minijax")
    jax, jnp, sparse = side.jax, side.jnp, side("experimental.sparse")
    dense = np.array([[0.0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 4, 5]], np.float32)
    vector, matrix = np.arange(4, dtype=np.float32), np.ones((4, 2), np.float32)
    for kind in (sparse.BCOO, sparse.BCSR, sparse.COO, sparse.CSR, sparse.CSC):
        mat = kind.fromdense(jnp.array(dense))
        np.testing.assert_array_equal(mat @ vector, dense @ vector)
        np.testing.assert_array_equal(
            jax.jit(lambda m: m @ matrix)(mat), dense @ matrix
        )
    mat = sparse.BCOO.fromdense(jnp.array(dense))
    np.testing.assert_array_equal((mat @ mat.T).todense(), dense @ dense.T)
    for index in (1, np.s_[1:, ::2], (None, 0), np.s_[:, np.array([[2], [0]])]):
        np.testing.assert_array_equal(mat[index].todense(), dense[index])

    def doubled(use_tracer):
        def fun(a, b):
            a = side.lax.fori_loop(0, 2, lambda _, x: x + x, jnp.abs(a).T)
            return jax.jit(lambda a: a.sum(1))(a) @ b, sparse.todense(a) + 1

        return sparse.sparsify(fun, use_tracer=use_tracer)(mat, vector)

    for use_tracer in (False, True):
        product, moved = doubled(use_tracer)
        np.testing.assert_array_equal(product, 4 * dense.sum(0) @ vector)
        np.testing.assert_array_equal(moved, 4 * dense.T + 1)
    found = sparse.jacrev(lambda a: a @ vector)(mat).todense()
    wanted = np.einsum("ij,jk->ijk", np.eye(3), np.ones((3, 4))) * vector
    np.testing.assert_array_equal(found, np.where(dense, wanted, 0))
    system = sparse.CSR.fromdense(jnp.array(dense[:, :3] + np.eye(3)))
    solved = sparse.linalg.spsolve(*jax.tree.leaves(system), jnp.array(vector[:3]))
    np.testing.assert_allclose(system @ solved, vector[:3], atol=1e-5)


def test_sparse_arrays_promote_nothing():
    def body(side):
        sparse = side("experimental.sparse")
        with side.numpy_dtype_promotion("strict"), side.numpy_rank_promotion("raise"):
            x = sparse.BCOO.fromdense(np.eye(4, 5, dtype="f"), n_batch=0)
            x = sparse.bcoo_rev(x, (1,)) + x
            found = [
                x[1:, ::2], x[2], x.sum_duplicates(nse=9), x.reshape(2, 10),
                sparse.bcoo_dynamic_slice(x, (1, -3), (2, 2)), x @ x.T,
            ]  # fmt: skip
        return [m.todense() for m in found]

    assert_same(body)


def test_derivatives_of_elements_that_are_stored_whatever_they_are():
    def body(side):
        sparse = side("experimental.sparse")
        x = np.array([[0, 1], [2, 0]], np.float32)
        return side.jacobian(lambda x: sparse.BCOO.fromdense(x, n_batch=2, nse=1).data)(
            x
        )

    assert_same(body)


@pytest.mark.parametrize("transpose", [False, True])
def test_products_of_rows_as_primitives(transpose):
    side = Side("minijax")
    products = side("experimental.sparse._lowerings")
    m = np.array([[0, 1, 0], [2, 0, 3]], np.float32)
    rows = np.float32([1, 2, 3]), np.int32([1, 0, 2]), np.int32([0, 1, 3])
    x = np.arange(1.0, (2 if transpose else 3) + 1, dtype="f")
    want = (m.T if transpose else m) @ x

    def call(x):
        how = {"shape": m.shape, "transpose": transpose}
        columns = products.csr_spmm_p.bind(*rows, x[:, None], **how)
        return products.csr_spmv_p.bind(*rows, x, **how), columns[:, 0]

    for found in [*call(x), *side.jit(call)(x)]:
        np.testing.assert_array_equal(found, want)
    with pytest.raises(TypeError, match="csr_spmv"):
        products.csr_spmv_p.bind(*rows, x[:1], shape=m.shape, transpose=transpose)


def _largest(side, call):
    linalg = side("experimental.sparse.linalg")
    rng = np.random.default_rng(3)
    a = rng.normal(size=(24, 24)).astype(np.float32)
    return call(
        linalg, (a + a.T).astype(np.float32), rng.normal(size=(24, 3)).astype("f")
    )


LARGEST = {
    "matrix": lambda linalg, a, x: linalg.lobpcg_standard(a, x, m=60, tol=1e-6)[0],
    "function": lambda linalg, a, x: linalg.lobpcg_standard(lambda v: a @ v, x, 60)[0],
    "history": lambda linalg, a, x: linalg._lobpcg_standard_matrix(
        a, x, 4, 0.0, debug=True)[3]["lambda history"],
}  # fmt: skip


@pytest.mark.parametrize("name", LARGEST)
def test_largest_eigenvalues(name):
    assert_same(lambda side: _largest(side, LARGEST[name]), rtol=1e-3)


def test_largest_eigenvalues_have_their_vectors():
    def call(linalg, a, x):
        w, v, turns = linalg.lobpcg_standard(a, x, 60, 1e-6)
        np.testing.assert_allclose(a @ v, v * w, atol=4e-3)
        return turns < 60

    assert _largest(Side("minijax"), call)


@pytest.mark.parametrize(
    "shape, columns", [((24, 24), 0), ((24, 24), 5), ((20, 24), 3)]
)
def test_what_has_no_largest_eigenvalues(shape, columns):
    def body(side):
        search = side("experimental.sparse.linalg").lobpcg_standard
        return str(
            raised(lambda: search(np.ones(shape, "f"), np.ones((24, columns), "f")))
        )

    assert_same(body)


def test_scatter_nowhere():
    """Scatters into arrays without elements write nothing."""

    def body(side):
        where = side.jnp.array([0, 1])
        none = side.jnp.zeros((0, 3))
        return (
            none.at[where].add(1.0),
            none.at[where].set(1.0),
            none.T.at[0, where].max(1),
        )

    assert_same(body)
