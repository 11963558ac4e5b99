"""Functions of square matrices: expm, sqrtm, funm."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy import linalg as numpy_linalg
from minijax.numpy.decompositions import adjoint
from minijax.ops import linalg_eigen as eigen_ops
from minijax.ops import linalg_triangular as triangular_ops
from minijax.scipy.linalg.decompositions import matrix

_HIGHEST = lax.Precision.HIGHEST


def _dot(x, y):
    return jnp.matmul(x, y, precision=_HIGHEST)


def _checked(name, a):
    (a,) = matrix(name, a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"Expected A to be a (batched) square matrix, got A.shape={a.shape}."
        )
    return a


# --- expm -----------------------------------------------------------------------------

# degree -> the largest 1-norm for which the Padé approximant is as exact as the dtype:
# Higham, "The scaling and squaring method for the matrix exponential revisited" (2005)
_PADE = {
    4: {3: 4.258730016922831e-1, 5: 1.880152677804762, 7: 3.925724783138660},
    8: {
        3: 1.495585217958292e-2,
        5: 2.539398330063230e-1,
        7: 9.504178996162932e-1,
        9: 2.097847961257068,
        13: 5.371920351148152,
    },
}


def _coefficients(m):
    """Those of the numerator of the diagonal Padé approximant of degree m, as integers."""
    f = math.factorial
    return [float(f(2 * m - j) // (f(m - j) * f(j))) for j in range(m + 1)]


def _pade(m):
    """(odd part, even part) of the numerator; the denominator has the odd part negated."""
    b = _coefficients(m)

    def parts(a, unit):
        square = _dot(a, a)
        even, odd, power = b[0] * unit, b[1] * unit, unit
        for j in range(2, m + 1, 2):
            power = square if j == 2 else _dot(power, square)
            even = even + b[j] * power
            odd = odd + b[j + 1] * power
        return _dot(a, odd), even

    return parts


def _expm(a, upper_triangular, max_squarings):
    size = np.dtype(a.real.dtype).itemsize
    if size not in _PADE:
        raise TypeError(f"A.dtype={a.dtype} is not supported.")
    degrees = _PADE[size]
    *limits, largest = degrees.values()
    norm = jnp.max(jnp.sum(abs(a), axis=-2), initial=0)
    squarings = jnp.maximum(0, jnp.floor(jnp.log2(norm / largest)))
    squarings = jnp.where(jnp.isfinite(squarings), squarings, 0)
    a = a / (2**squarings).astype(a.dtype)
    place = jnp.sum(norm >= jnp.array(limits, norm.dtype)).astype(np.int32)
    unit = jnp.eye(a.shape[-1], dtype=a.dtype)
    odd, even = lax.switch(place, [_pade(m) for m in degrees], a, unit)
    above, below = even + odd, even - odd
    if upper_triangular:
        out = triangular_ops.triangular_solve(below, above, left_side=True)
    else:
        out = numpy_linalg.solve(below, above)

    def square(k, x):
        return lax.cond(k < squarings, lambda x: _dot(x, x), lambda x: x, x)

    out = lax.fori_loop(0, max_squarings, square, out)
    good = (squarings <= max_squarings) & jnp.isfinite(norm)
    return jnp.where(good, out, jnp.full_like(out, jnp.nan))


@jit(static_argnames=("upper_triangular", "max_squarings"))
def expm(A, *, upper_triangular=False, max_squarings=16):
    """The exponential of square matrices; NaN where more than `max_squarings` are
    needed.

    Padé approximants with scaling and squaring (Higham 2005).
    """
    a = _checked("expm", A)
    return jnp.vectorize(
        lambda a: _expm(a, upper_triangular, max_squarings), signature="(n,n)->(n,n)"
    )(a)


@jit(static_argnames=("method", "compute_expm"))
def expm_frechet(A, E, *, method=None, compute_expm=True):
    """(exp(A), its derivative at A in direction E), or the derivative alone.

    method: accepted; there is one.

    The upper right block of exp([[A, E], [0, A]]): Higham, Functions of Matrices
    (2008), eq. 3.16.
    """
    A, E = matrix("expm_frechet", A, E)
    if A.shape[-2] != A.shape[-1]:
        raise ValueError(f"expected A to be square matrices, got A.shape={A.shape}")
    if E.shape != A.shape:
        raise ValueError(
            f"expected A and E to be the same shape, got A.shape={A.shape} "
            f"E.shape={E.shape}"
        )
    n = A.shape[-1]
    out = expm(jnp.block([[A, E], [jnp.zeros_like(A), A]]))
    derivative = out[..., :n, n:]
    return (out[..., :n, :n], derivative) if compute_expm else derivative


# --- sqrtm, funm ----------------------------------------------------------------------


def _schur(a):
    a = a.astype(dtypes.to_complex_dtype(a.dtype))
    return eigen_ops.schur(a)


def _triangular_root(t):
    """The root U of upper triangular T, column by column: (U + u_jj) u_j = t_j above j.

    Björck and Hammarling, "A Schur method for the square root of a matrix" (1983).
    """
    n = t.shape[0]
    roots = jnp.sqrt(jnp.diagonal(t))
    places = jnp.arange(n)
    unit = jnp.eye(n, dtype=t.dtype)

    def step(j, u):
        above = places < j
        inside = above[:, None] & above[None, :]
        system = jnp.where(inside, u, 0) + roots[j] * unit
        column = triangular_ops.triangular_solve(
            system, jnp.where(above, t[:, j], 0)[:, None], left_side=True
        )[:, 0]
        return u.at[:, j].set(jnp.where(above, column, u[:, j]))

    return lax.fori_loop(1, n, step, jnp.diag(roots))


@jit(static_argnames=("blocksize",))
def sqrtm(A, blocksize=1):
    """The principal square root of a square matrix, complex.

    blocksize: 1, as there is one method.
    """
    (a,) = matrix("sqrtm", A)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"The input to schur must be a square matrix. Got shape {a.shape}."
        )
    if blocksize > 1:
        raise NotImplementedError("Blocked version is not implemented yet.")

    def root(a):
        t, z = _schur(a)
        return _dot(_dot(z, _triangular_root(t)), adjoint(z))

    return jnp.vectorize(root, signature="(n,n)->(n,n)")(a)


@jit(static_argnames=("func", "disp"))
def funm(A, func, disp=True):
    """The function of a square matrix that `func` is of its eigenvalues, complex.

    disp=False: also an estimate of the relative error.  By the recurrence of Parlett on
    the Schur form, diagonal by diagonal.
    """
    (a,) = matrix("funm", A)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise ValueError("expected square array_like input")
    n = a.shape[0]
    t, z = _schur(a)
    f = jnp.diag(func(jnp.diagonal(t)))
    values = jnp.diagonal(t)
    gaps = values[None, :] - values[:, None]
    offset = jnp.arange(n)[None, :] - jnp.arange(n)[:, None]

    def step(d, f):
        moved = _dot(t, f) - _dot(f, t)
        safe = jnp.where(gaps == 0, 1, gaps)
        entry = jnp.where(gaps == 0, moved, moved / safe)
        return jnp.where(offset == d, entry, f)

    f = lax.fori_loop(1, n, step, f)
    out = _dot(_dot(z, f), adjoint(z))
    if disp:
        return out
    eps = float(jnp.finfo(out.dtype).eps)
    least = jnp.min(jnp.where(offset > 0, abs(gaps), jnp.inf))
    least = jnp.where(least == 0, eps, least)
    norm = numpy_linalg.norm(jnp.triu(t, 1), 1)
    error = jnp.minimum(1, jnp.maximum(eps, (eps / least) * norm))
    finite = jnp.all(jnp.isfinite(abs(f)))
    return out, jnp.where(finite, error, jnp.inf).astype(out.real.dtype)
