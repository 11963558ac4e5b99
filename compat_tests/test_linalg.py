"""jax.numpy.linalg, jax.scipy.linalg and the custom solvers, against JAX.

The ops below them are in op_cases/linalg.py.  A row is a function of a framework's
modules (jnp, scipy.linalg) and of arrays; its values are compared eagerly and jitted,
and its gradient where it has one.
"""

import importlib
import itertools

import jax
import jax.numpy
import jax.scipy.linalg
import numpy as np
import pytest

import minijax
import minijax.numpy
import minijax.scipy.linalg
from cbackend import runtime

LIBS = jax, minijax


class Case:
    """A name, a function of (jnp, scipy.linalg, *arrays), and how to make the arrays."""

    def __init__(self, name, fun, *shapes, grad=True, hessian=False, tol=3e-4):
        self.name, self.fun, self.shapes = name, fun, shapes
        self.grad, self.hessian, self.tol = grad, hessian, tol


def array(shape, dtype, seed):
    """Random numbers; a square matrix is "pos" (definite), "low" (rank) or dominant."""
    rng = np.random.default_rng(seed)
    kind = None
    if isinstance(shape[0], str):
        kind, *shape = shape
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    if kind == "pos":
        x = x @ x.conj().T + np.eye(shape[0])
    elif kind == "low":
        x[-1] = x[0] + 2 * x[1]
    elif len(shape) > 1 and shape[-1] == shape[-2]:
        x = x + 3 * np.eye(shape[-1])
    return x.astype(dtype)


_SQUARE, _POS, _TALL, _WIDE, _BATCH = (3, 3), ("pos", 3, 3), (4, 3), (3, 4), (2, 4, 4)

NUMPY = [
    Case("solve", lambda j, s, a, b: j.linalg.solve(a, b), _SQUARE, (3,), hessian=True),
    Case("solve-matrix", lambda j, s, a, b: j.linalg.solve(a, b), _SQUARE, (3, 2),
         hessian=True),
    Case("solve-batch", lambda j, s, a, b: j.linalg.solve(a, b), _BATCH, (4, 2)),
    Case("inv", lambda j, s, a: j.linalg.inv(a), _SQUARE, hessian=True),
    Case("inv-batch", lambda j, s, a: j.linalg.inv(a), _BATCH),
    Case("det", lambda j, s, a: j.linalg.det(a), (4, 4), hessian=True),
    Case("det-1", lambda j, s, a: j.linalg.det(a), (1, 1), hessian=True),
    Case("det-3", lambda j, s, a: j.linalg.det(a), _SQUARE),
    Case("slogdet", lambda j, s, a: j.linalg.slogdet(a), (4, 4), hessian=True),
    Case("cholesky-upper", lambda j, s, a: j.linalg.cholesky(a, upper=True), _POS),
    Case("eigvalsh", lambda j, s, a: j.linalg.eigvalsh(a), _POS, hessian=True),
    Case("eigvals", lambda j, s, a: j.linalg.eigvals(a), _SQUARE),
    Case("svdvals", lambda j, s, a: j.linalg.svdvals(a), _TALL),
    Case("lstsq", lambda j, s, a, b: j.linalg.lstsq(a, b)[0], (5, 3), (5, 2),
         hessian=True),
    Case("pinv", lambda j, s, a: j.linalg.pinv(a), (5, 3), hessian=True),
    Case("matrix_rank", lambda j, s, a: j.linalg.matrix_rank(a), ("low", 4, 4),
         grad=False),
    Case("cond", lambda j, s, a: j.linalg.cond(a), _SQUARE),
    *[Case(f"matrix_power {n}", lambda j, s, a, n=n: j.linalg.matrix_power(a, n), _SQUARE)
      for n in (-2, 0, 1, 3, 5)],
    *[Case(f"norm {o}", lambda j, s, a, o=o: j.linalg.norm(a, o), _SQUARE)
      for o in (None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc")],
    *[Case(f"norm of vectors {o}", lambda j, s, a, o=o: j.linalg.norm(a, o, axis=1),
           _TALL) for o in (None, 0, 1, 2, 3, -1, np.inf, -np.inf)],
    Case("multi_dot", lambda j, s, a, b: j.linalg.multi_dot([a, b, a]), _TALL, _WIDE),
    Case("tensorsolve",
         lambda j, s, a, b: j.linalg.tensorsolve(a.reshape(2, 2, 4), b.reshape(2, 2)),
         (4, 4), (4,)),
]  # fmt: skip

_ONE = [
    ("toeplitz", (5,)), ("toeplitz", (2, 5)), ("hankel", (5,)), ("circulant", (2, 4)),
    ("companion", (4,)), ("fiedler", (4,)), ("fiedler_companion", (6,)),
]  # fmt: skip
_STATIC = [
    ("dft", (4,)), ("dft", (3, "sqrtn")), ("dft", (3, "n")), ("hadamard", (8,)),
    ("helmert", (4,)), ("helmert", (4, True)), ("hilbert", (4,)), ("invhilbert", (5,)),
    ("pascal", (5,)), ("pascal", (4, "lower")), ("pascal", (4, "upper")),
    ("invpascal", (5,)), ("invpascal", (4, "lower")), ("invpascal", (4, "upper")),
]  # fmt: skip

SCIPY = [
    *[Case(f"cho_solve {lower}",
           lambda j, s, a, b, lower=lower: s.cho_solve(s.cho_factor(a, lower), b),
           _POS, (3, 2)) for lower in (True, False)],
    *[Case(f"solve pos {lower}",
           lambda j, s, a, b, low=lower: s.solve(a, b, lower=low, assume_a="pos"),
           _POS, (3,)) for lower in (True, False)],
    *[Case(f"solve_triangular {trans} {lower}",
           lambda j, s, a, b, t=trans, low=lower: s.solve_triangular(a, b, t, low),
           _SQUARE, (3,)) for trans in (0, 1, "C") for lower in (True, False)],
    *[Case(f"lu_solve {trans}",
           lambda j, s, a, b, t=trans: s.lu_solve(s.lu_factor(a), b, t),
           _SQUARE, (3, 2)) for trans in (0, 1, 2)],
    Case("lu", lambda j, s, a: s.lu(a), _TALL),
    Case("lu permuted", lambda j, s, a: s.lu(a, permute_l=True), _WIDE),
    *[Case(f"qr {mode}", lambda j, s, a, m=mode: s.qr(a, mode=m), _TALL)
      for mode in ("full", "r", "economic")],
    Case("qr_multiply", lambda j, s, a, c: s.qr_multiply(a, c, "left"), _TALL, (3, 2),
         grad=False),
    Case("hessenberg", lambda j, s, a: s.hessenberg(a, calc_q=True), (4, 4), grad=False),
    Case("polar", lambda j, s, a: s.polar(a), _TALL, grad=False),
    Case("expm", lambda j, s, a: s.expm(a), _SQUARE, tol=1e-3),
    Case("expm small", lambda j, s, a: s.expm(a / 100), _SQUARE, hessian=True, tol=1e-3),
    Case("expm batch", lambda j, s, a: s.expm(a), _BATCH, tol=1e-3),
    Case("expm_frechet", lambda j, s, a, e: s.expm_frechet(a, e), _SQUARE, _SQUARE,
         grad=False, tol=1e-3),
    Case("sqrtm", lambda j, s, a: s.sqrtm(a), (4, 4), grad=False, tol=1e-3),
    Case("funm", lambda j, s, a: s.funm(a, j.sin), _SQUARE, grad=False, tol=2e-3),
    *[Case(f"solve_sylvester {method}",
           lambda j, s, a, b, c, m=method: s.solve_sylvester(a, b, c, method=m),
           _SQUARE, (2, 2), (3, 2), grad=False, tol=1e-3) for method in ("schur", "eigen")],
    Case("block_diag", lambda j, s, a, b: s.block_diag(a, b, 1.0), _SQUARE, (2,)),
    Case("leslie", lambda j, s, f, v: s.leslie(f, v), (4,), (3,)),
    *[Case(f"convolution_matrix {mode} {n}",
           lambda j, s, a, m=mode, n=n: s.convolution_matrix(a, n, m), (4,))
      for mode in ("full", "same", "valid") for n in (1, 3, 6)],
    *[Case(f"{name} {shape}", lambda j, s, a, name=name: getattr(s, name)(a), shape)
      for name, shape in _ONE],
    *[Case(f"{name} {args}", lambda j, s, name=name, args=args: getattr(s, name)(*args),
           grad=False) for name, args in _STATIC],
]  # fmt: skip

CASES = NUMPY + SCIPY
BY_NAME = [pytest.param(case, id=case.name) for case in CASES]


def function(case, lib):
    """The row's function of arrays alone."""
    modules = [
        importlib.import_module(f"{lib.__name__}.{name}")
        for name in ("numpy", "scipy.linalg")
    ]
    return lambda *args: case.fun(*modules, *args)


def total(case, lib):
    """A real scalar that all floating results of the row take part in."""
    fun = function(case, lib)

    def summed(*args):
        out = 0.0
        for k, x in enumerate(lib.tree.leaves(fun(*args))):
            if x.dtype.kind in "fc":
                weighted = lib.numpy.abs(x) * (1.0 + k) + lib.numpy.real(x) ** 2
                out = out + lib.numpy.sum(weighted)
        return out

    return summed


def compare(got, wanted, tol):
    got, wanted = minijax.tree.leaves(got), jax.tree.leaves(wanted)
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        b = np.asarray(b)
        scale = np.max(np.abs(b), initial=1.0, where=np.isfinite(b))
        np.testing.assert_allclose(np.asarray(a), b, rtol=tol, atol=tol * scale)


def arguments(case, dtype):
    return [array(shape, dtype, 7 + k) for k, shape in enumerate(case.shapes)]


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("case", BY_NAME)
def test_value(case, dtype):
    args = arguments(case, dtype)
    wanted = jax.jit(function(case, jax))(*args)
    compare(function(case, minijax)(*args), wanted, case.tol)
    compare(minijax.jit(function(case, minijax))(*args), wanted, case.tol)


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("complex64", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("case", [p for p in BY_NAME if p.values[0].grad])
def test_gradient(case, dtype):
    args = arguments(case, dtype)
    places = tuple(range(len(args)))
    got = minijax.grad(total(case, minijax), places)(*args)
    wanted = jax.jit(jax.grad(total(case, jax), places))(*args)
    compare(got, wanted, 10 * case.tol)


@pytest.mark.slow
@pytest.mark.parametrize("case", [p for p in BY_NAME if p.values[0].hessian])
def test_hessian(case):
    args = arguments(case, "float32")
    places = tuple(range(len(args)))
    got = minijax.hessian(total(case, minijax), places)(*args)
    wanted = jax.jit(jax.hessian(total(case, jax), places))(*args)
    compare(got, wanted, 30 * case.tol)


# --- what is not unique -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_schur(dtype):
    a = array((5, 5), dtype, 1)
    for output in ("real", "complex"):
        t, z = map(np.asarray, minijax.scipy.linalg.schur(a, output=output))
        np.testing.assert_allclose(z @ t @ z.conj().T, a, atol=1e-4)
        np.testing.assert_allclose(z @ z.conj().T, np.eye(5), atol=1e-5)
        assert not np.tril(t, -2).any()
    t, z = minijax.scipy.linalg.schur(a)
    t, z = map(np.asarray, minijax.scipy.linalg.rsf2csf(t, z))
    np.testing.assert_allclose(z @ t @ z.conj().T, a, atol=1e-4)
    assert np.abs(np.tril(t, -1)).max() < 1e-5


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_eigenvectors(dtype):
    a = np.random.default_rng(3).standard_normal((2, 4, 4)).astype(dtype)
    w, left, right = map(np.asarray, minijax.lax.linalg.eig(a))
    np.testing.assert_allclose(a @ right, right * w[:, None], atol=1e-4)
    transposed = left.conj().swapaxes(-1, -2)
    np.testing.assert_allclose(transposed @ a, w[..., None] * transposed, atol=1e-4)
    wanted = np.asarray(jax.lax.linalg.eig(a)[0])
    np.testing.assert_allclose(w, wanted, atol=1e-4)


def test_tridiagonal():
    a = array((5, 5), "float32", 2)
    a = a + a.T
    packed, d, e, taus = map(np.asarray, minijax.lax.linalg.tridiagonal(a))
    assert packed.shape == a.shape and taus.shape == (4,)
    whole = np.diag(d) + np.diag(e, 1) + np.diag(e, -1)
    got, wanted = np.linalg.eigvalsh(whole), np.linalg.eigvalsh(a)
    np.testing.assert_allclose(got, wanted, atol=1e-4)


# --- small ones by the runtime's own routines, the others by LAPACK ---------------------


@pytest.fixture(params=["float32", "float64"])
def dtype_of_either_width(request):
    for lib in LIBS:
        lib.config.update("jax_enable_x64", request.param == "float64")
    yield request.param
    for lib in LIBS:
        lib.config.update("jax_enable_x64", False)


@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 8), (8, 3), (17, 17), (48, 47), (48, 48), (49, 49), (20, 60)]
)
def test_lu_by_size(shape, dtype_of_either_width):
    a = array((3, *shape), dtype_of_either_width, 5)
    a[1, :, 0] = 0  # a column without a pivot
    a[2, 0, -1] = np.inf
    got, wanted = minijax.lax.linalg.lu(a), jax.jit(jax.lax.linalg.lu)(a)
    for g, w in zip(got[1:], wanted[1:], strict=True):
        np.testing.assert_array_equal(np.asarray(g)[:2], np.asarray(w)[:2])
    np.testing.assert_allclose(got[0][:2], wanted[0][:2], rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(np.isfinite(got[0][2]), np.isfinite(wanted[0][2]))


@pytest.mark.parametrize("n", [1, 3, 10, 11, 30, 66])
def test_triangular_solve_by_size(n, dtype_of_either_width):
    rng = np.random.default_rng(n)
    a = rng.standard_normal((2, n, n)).astype(dtype_of_either_width) + n * np.eye(n)
    a = a.astype(dtype_of_either_width)
    b = rng.standard_normal((2, n, n + 1)).astype(dtype_of_either_width)
    flags = list(itertools.product([True, False], repeat=4))
    names = ("left_side", "lower", "transpose_a", "unit_diagonal")

    def solutions(lib, a, b):
        for left_side, lower, transpose_a, unit_diagonal in flags:
            options = dict(zip(names, (left_side, lower, transpose_a, unit_diagonal)))
            scale = a.dtype.type(1 / n if unit_diagonal else 1)
            right = b if left_side else b.swapaxes(1, 2)
            yield lib.lax.linalg.triangular_solve(a * scale, right, **options)

    wanted = jax.jit(lambda a, b: list(solutions(jax, a, b)))(a, b)
    for case, x, y in zip(flags, solutions(minijax, a, b), wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-3, err_msg=str(case))


SIZES = [1, 2, 3, 7, 8, 9, 12, 13, 32, 33, 64, 65]


@pytest.mark.parametrize("n", SIZES)
def test_factorisations_by_size(n, dtype_of_either_width):
    """As LAPACK's, to some roundings: the signs of rows of R, NaN for what is not definite."""
    a = array((2, n, n), dtype_of_either_width, n)
    positive = a @ a.swapaxes(1, 2)
    positive[1, -1, -1] = -1

    def factors(lib, a, positive):
        wide, tall = a[:, : (n + 1) // 2], a[:, :, : (n + 1) // 2]
        qr, cholesky = lib.numpy.linalg.qr, lib.lax.linalg.cholesky
        full = lib.lax.linalg.qr(tall, full_matrices=True)
        values = lib.numpy.linalg.eigvalsh(positive)
        return [qr(a), qr(wide), qr(tall), full, cholesky(positive), values]

    got = minijax.jit(lambda *args: factors(minijax, *args))(a, positive)
    wanted = jax.jit(lambda *args: factors(jax, *args))(a, positive)
    tol = np.finfo(a.dtype).eps * 10 * n
    compare(jax.tree.leaves(got), jax.tree.leaves(wanted), tol * np.abs(positive).max())


@pytest.mark.parametrize("scale", [0, 1e-30, 1e-12, 1e12, 1e30, np.inf, np.nan])
def test_factorisations_of_extreme_matrices(scale):
    a = array((6, 6), "float32", 1)
    a[2:, 1] = 0
    if np.isfinite(scale):
        a = a * np.float32(scale)
    else:
        a[3, 4] = a[4, 3] = scale

    def factors(lib, a):
        q, r = lib.numpy.linalg.qr(a)
        return q, r, lib.numpy.linalg.eigvalsh(a + a.T)

    got = minijax.jit(lambda a: factors(minijax, a))(a)
    wanted = jax.jit(lambda a: factors(jax, a))(a)
    for x, y in zip(map(np.asarray, got), map(np.asarray, wanted), strict=True):
        np.testing.assert_array_equal(np.isfinite(x), np.isfinite(y))
        if np.isfinite(x).all():
            np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-5 * np.abs(y).max())


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9, 12, 13, 25, 26])
def test_eigenvectors_by_size(n, dtype_of_either_width):
    """With LAPACK's signs, in each of many matrices."""
    a = np.random.default_rng(n).standard_normal((200, n, n))
    a = (a + a.swapaxes(1, 2)).astype(dtype_of_either_width)
    values, vectors = map(np.asarray, minijax.numpy.linalg.eigh(a))
    wanted = np.asarray(jax.jit(jax.numpy.linalg.eigh)(a)[1])
    eps = np.finfo(a.dtype).eps * 10 * n
    ones = np.broadcast_to(np.eye(n), a.shape)
    np.testing.assert_allclose(vectors.swapaxes(1, 2) @ vectors, ones, atol=eps)
    error = np.abs(a @ vectors - vectors * values[:, None])
    assert (error.max((1, 2)) < eps * np.abs(a).max((1, 2))).all()
    assert ((vectors * wanted).sum(1) > 0).all()


@pytest.mark.parametrize("lower", [True, False])
def test_eigenvalues_read_one_triangle(lower):
    """With vectors and without, for small matrices and large ones."""
    for n in (3, 12, 40):
        a = array((2, n, n), "float32", n)

        def both(lib, a):
            def eigh(a):
                return lib.lax.linalg.eigh(a, lower=lower, symmetrize_input=False)

            return eigh(a)[1], eigh(2 * a)

        got = minijax.jit(lambda a: both(minijax, a))(a)
        wanted = jax.jit(lambda a: both(jax, a))(a)
        np.testing.assert_allclose(got[0], wanted[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(got[1][1], wanted[1][1], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(got[0], got[1][1] / 2, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lower", [True, False])
def test_threads_share_the_right_sides_of_a_large_system(lower):
    rng = np.random.default_rng(3)
    a = (rng.standard_normal((90, 90)) / 90 + 2 * np.eye(90)).astype(np.float32)
    b = rng.standard_normal((90, 201)).astype(np.float32)
    found = []
    solve = minijax.scipy.linalg.solve_triangular
    for n_threads in (1, 2, 3):
        runtime.set_num_threads(n_threads)
        found.append(np.asarray(solve(a, b, lower=lower)))
    runtime.set_num_threads(0)
    for x in found[1:]:
        np.testing.assert_array_equal(x, found[0])
    triangle = np.tril(a) if lower else np.triu(a)
    np.testing.assert_allclose(triangle @ found[0], b, rtol=1e-4, atol=1e-4)


# --- what fails -------------------------------------------------------------------------


def test_weak_types():
    """Results are weakly typed where JAX's are, the integers among them too."""

    def weak(lib):
        side = lib.lax.linalg
        a, line = lib.numpy.full((2, 2), 0.5), lib.numpy.full(2, 2.0)
        results = [
            side.lu(a), side.qr(a), side.svd(a), side.eigh(a), side.hessenberg(a),
            side.cholesky(a), side.triangular_solve(a, a), side.cholesky_update(a, line),
            side.triangular_solve(a, np.float32(a)), side.symmetric_product(a, a),
            side.tridiagonal_solve(line, line, line, a), side.eig(a), side.schur(a),
            lib.numpy.linalg.solve(a, a), lib.numpy.linalg.inv(a),
            lib.numpy.cross(line, line), lib.numpy.diagonal(a),
            lib.scipy.linalg.block_diag(a, a), lib.scipy.linalg.polar(a),
        ]  # fmt: skip
        return [x.weak_type for x in lib.tree.leaves(results)]

    assert weak(minijax) == weak(jax)


def test_failures_are_nan():
    bad = -np.eye(3, dtype=np.float32)
    mixed = np.stack([bad, -bad])
    got = np.asarray(minijax.numpy.linalg.cholesky(mixed))
    assert np.isnan(got[0][np.tril_indices(3)]).all() and not np.isnan(got[1]).any()
    nans = np.full((3, 3), np.nan, np.float32)
    for name in ("eigvals", "svdvals", "inv", "eigvalsh"):
        got = np.asarray(getattr(minijax.numpy.linalg, name)(nans))
        wanted = np.asarray(getattr(jax.numpy.linalg, name)(nans))
        np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))


def test_singular_determinant():
    a = array(("low", 5, 5), "float32", 4)
    got, wanted = (lib.grad(lib.numpy.linalg.det)(a) for lib in LIBS[::-1])
    compare(got, wanted, 1e-3)
    assert np.abs(np.asarray(got)).max() > 0.1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_are_refused(dtype):
    x = minijax.numpy.eye(3, dtype=dtype)
    with pytest.raises(NotImplementedError, match="Unsupported dtype"):
        minijax.lax.linalg.lu(x)


# --- custom_linear_solve and custom_root --------------------------------------------------


def by_inverse(lib, has_aux):
    jnp = lib.numpy

    def solve_for(a, b):
        def solve(matvec, b):
            x = jnp.linalg.inv(a) @ b
            return (x, jnp.sum(b)) if has_aux else x

        def transposed(vecmat, b):
            x = jnp.linalg.inv(a).T @ b
            return (x, jnp.sum(b)) if has_aux else x

        return lib.lax.custom_linear_solve(
            lambda x: a @ x, b, solve, transposed, has_aux=has_aux
        )

    return solve_for


def by_newton(lib, has_aux):
    jnp = lib.numpy

    def root_of(a, c):
        def solve(f, x):
            step = lambda k, x: x - 0.1 * f(x)  # noqa: E731
            x = lib.lax.fori_loop(0, 40, step, x)
            return (x, jnp.sum(x)) if has_aux else x

        return lib.lax.custom_root(
            lambda x: a @ x + x**3 - c,
            jnp.ones(3),
            solve,
            lambda g, y: jnp.linalg.solve(lib.jacobian(g)(y), y),
            has_aux=has_aux,
        )

    return root_of


@pytest.mark.parametrize("has_aux", [False, True])
@pytest.mark.parametrize("make", [by_inverse, by_newton])
def test_custom_solvers(make, has_aux):
    args = array(("pos", 3, 3), "float32", 5), array((3,), "float32", 6)
    theirs, ours = make(jax, has_aux), make(minijax, has_aux)
    wanted, tangents = jax.jit(lambda *args: jax.jvp(theirs, args, args))(*args)
    compare(ours(*args), wanted, 1e-4)
    compare(minijax.jit(ours)(*args), wanted, 1e-4)
    compare(minijax.jvp(ours, args, args), (wanted, tangents), 1e-3)
    for in_axes in ((0, 0), (None, 0), (0, None)):
        some = [np.stack([x, 1.1 * x]).astype("f") if axis == 0 else x
                for x, axis in zip(args, in_axes, strict=True)]  # fmt: skip
        wanted = jax.jit(jax.vmap(theirs, in_axes))(*some)
        compare(minijax.vmap(ours, in_axes)(*some), wanted, 1e-3)

    def squares(lib, f):
        first = lambda *a: f(*a)[0] if has_aux else f(*a)  # noqa: E731
        return lambda *a: lib.numpy.sum(first(*a) ** 2)

    for derive in ("grad", "hessian"):
        got = getattr(minijax, derive)(squares(minijax, ours), (0, 1))(*args)
        theirs_derived = getattr(jax, derive)(squares(jax, theirs), (0, 1))
        compare(got, jax.jit(theirs_derived)(*args), 3e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda lax, b: lax.custom_linear_solve(lambda x: x[:2], b, lambda _, b: b),
        lambda lax, b: lax.custom_linear_solve(lambda x: (x, x), b, lambda _, b: b),
        lambda lax, b: lax.custom_linear_solve(lambda x: x, b, lambda _, b: b[:2]),
        lambda lax, b: lax.custom_root(
            lambda x: (x, x), b, lambda _, x: x, lambda g, y: y
        ),
        lambda lax, b: lax.custom_root(
            lambda x: x, b, lambda _, x: (x, x), lambda g, y: y
        ),
    ],
)
def test_solvers_must_fit(call):
    b = np.ones(3, np.float32)
    errors = []
    for lib in LIBS:
        with pytest.raises((ValueError, TypeError)) as caught:
            call(lib.lax, lib.numpy.asarray(b))
        errors.append((caught.type, str(caught.value).split(" must match")[0]))
    assert errors[0] == errors[1]


def test_reverse_mode_needs_a_transposed_solver():
    def f(lib):
        return lambda b: lib.lax.custom_linear_solve(
            lambda x: x, b, lambda _, b: b
        ).sum()

    for lib in LIBS:
        with pytest.raises(TypeError, match="transpose_solve required"):
            lib.grad(f(lib))(np.ones(3, np.float32))


def test_threads_do_not_change_bits():
    a = np.random.default_rng(8).standard_normal((64, 24, 24)).astype(np.float32)
    got = np.asarray(minijax.lax.linalg.lu(a)[0])
    for k in (0, 31, 63):
        one = np.asarray(minijax.lax.linalg.lu(a[k])[0])
        np.testing.assert_array_equal(got[k], one)


class _Doubling:
    """A linear function without a hash."""

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x):
        return 2 * x


def test_operator_without_hash():
    b = np.ones(3, np.float32)
    for lib in LIBS:
        found = lib.lax.custom_linear_solve(_Doubling(), b, lambda f, b: b / f(1))
        np.testing.assert_array_equal(found, b / 2)


@pytest.mark.parametrize("left_side", [True, False])
@pytest.mark.parametrize("transpose_a", [True, False])
@pytest.mark.parametrize("lead, wide", [((), 24), ((3, 1), 8), ((1, 4), 6)])
def test_systems_of_one_matrix_are_one_system(left_side, transpose_a, lead, wide):
    """Of all systems, or along one of two axes."""
    a = array(("dom", *lead, 5, 5), "float32", 0)
    right = array((3, 4, 5, 2) if left_side else (3, 4, 2, 5), "float32", 1)

    def solve(lib):
        whole = lib.numpy.broadcast_to(a, (3, 4, 5, 5))
        return lib.lax.linalg.triangular_solve(
            whole, right, left_side=left_side, lower=True, transpose_a=transpose_a
        )

    text = minijax.jit(lambda: solve(minijax)).lower().as_text()
    (line,) = [part for part in text.splitlines() if "TRIANGULAR_SOLVE" in part]
    assert line.count(f"{wide}, 5]") + line.count(f"5, {wide}]") == 2
    np.testing.assert_allclose(solve(minijax), solve(jax), rtol=1e-3, atol=1e-4)
