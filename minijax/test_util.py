"""Gradient checks against numerical differences (`jax.test_util`)."""

import numpy as np

from minijax import dtypes
from minijax.api.differentiate import jvp, vjp
from minijax.tree_util import tree_flatten, tree_map, tree_unflatten

_EPS = 1.0 / 2048
# By the precision of the result: how far a derivative may be off its estimate.
_TOLERANCE = {
    "bfloat16": 1e-1,
    "float16": 1e-2,
    "float32": 2e-3,
    "float64": 1e-5,
    "complex64": 1e-3,
    "complex128": 1e-5,
}


def _is_inexact(x):
    return dtypes.issubdtype(dtypes.dtype(x), np.inexact)


def _random_like(rng):
    """A function from a leaf to a random direction in its tangent space."""

    def direction(x):
        x = np.asarray(x)
        if not _is_inexact(x):
            return np.zeros(x.shape, dtypes.float0)
        sample = np.asarray(rng.randn(*x.shape)).astype(x.dtype)
        if dtypes.issubdtype(x.dtype, np.complexfloating):
            sample = sample + np.asarray(1j * rng.randn(*x.shape)).astype(x.dtype)
        return sample.reshape(x.shape)

    return direction


def _combine(fun, *trees):
    """`fun` over the leaves of trees of one structure, given as NumPy arrays."""
    first, tree = tree_flatten(trees[0])
    rest = [tree_flatten(t)[0] for t in trees[1:]]
    rows = zip(first, *rest, strict=True)
    return tree_unflatten(tree, [fun(*map(np.asarray, row)) for row in rows])


def _shift(x, t):
    return x if t.dtype == dtypes.float0 else (x + t).astype(x.dtype)


def _numerical_jvp(f, primals, tangents, eps):
    """The central difference of `f` along `tangents`."""

    def at(step):
        def move(x, t):
            if t.dtype == dtypes.float0:
                return x
            return _shift(x, (step * t).astype(t.dtype))

        return f(*_combine(move, primals, tangents))

    def difference(high, low):
        if not _is_inexact(high):
            return np.zeros(high.shape, dtypes.float0)
        wide = np.complex128 if np.iscomplexobj(high) else np.float64
        return (high.astype(wide) - low.astype(wide)) / eps

    return _combine(difference, at(eps / 2), at(-eps / 2))


def _inner(a, b):
    """The real inner product of two trees, in the widest type."""
    total = 0.0
    for x, y in zip(tree_flatten(a)[0], tree_flatten(b)[0], strict=True):
        x, y = np.asarray(x), np.asarray(y)
        if dtypes.float0 in (x.dtype, y.dtype):
            continue
        wide = np.complex128 if np.iscomplexobj(x) else np.float64
        total += np.real(np.vdot(x.astype(wide), y.astype(wide)))
    return total


def _tolerance(given, dtype_names):
    if isinstance(given, dict):
        named = {np.dtype(key).name: value for key, value in given.items()}
        return max(named.get(name, _TOLERANCE[name]) for name in dtype_names)
    if given is not None:
        return given
    return max(_TOLERANCE[name] for name in dtype_names)


def _assert_close(actual, expected, names, atol, rtol, message):
    np.testing.assert_allclose(
        actual,
        expected,
        atol=_tolerance(atol, names),
        rtol=_tolerance(rtol, names),
        err_msg=message,
    )


def _precisions(*trees):
    """The names of the inexact dtypes among the leaves."""
    leaves = [x for tree in trees for x in tree_flatten(tree)[0]]
    names = {dtypes.dtype(x).name for x in leaves if _is_inexact(x)}
    return names or {"float32"}


def check_jvp(
    f, f_jvp, args, atol=None, rtol=None, eps: float | None = _EPS, err_msg=""
):
    """Check `f_jvp(primals, tangents)` against differences of `f` at `args`.

    `atol` and `rtol` are numbers, dicts by dtype, or None for defaults by dtype.
    AssertionError where value or tangent is off.
    """
    args = tuple(args)
    tangents = tree_map(_random_like(np.random.RandomState(0)), args)
    expected = f(*args)
    out, tangent = f_jvp(args, tangents)
    numerical = _numerical_jvp(f, args, tangents, eps or _EPS)
    prefix = f"{err_msg} " if err_msg else ""
    names = _precisions(expected, args)
    _compare(out, expected, names, atol, rtol, prefix + "JVP primal")
    _compare(tangent, numerical, names, atol, rtol, prefix + "JVP tangent")


def _compare(actual, expected, names, atol, rtol, message):
    got, got_tree = tree_flatten(actual)
    want, want_tree = tree_flatten(expected)
    if got_tree != want_tree:
        raise AssertionError(f"{message}: got structure {got_tree}, not {want_tree}")
    for x, y in zip(got, want, strict=True):
        x, y = np.asarray(x), np.asarray(y)
        if dtypes.float0 in (x.dtype, y.dtype):
            continue
        wide = np.complex128 if np.iscomplexobj(y) else np.float64
        x, y = x.astype(wide), y.astype(wide)
        _assert_close(x, y, names, atol, rtol, message)


def check_vjp(
    f, f_vjp, args, atol=None, rtol=None, eps: float | None = _EPS, err_msg=""
):
    """Check `f_vjp(*args) -> (out, pullback)` against differences of `f` at `args`.

    Compares <pullback(ct), t> with <ct, df(t)> along random t and ct.
    """
    args = tuple(args)
    rng = np.random.RandomState(0)
    tangents = tree_map(_random_like(rng), args)
    expected = f(*args)
    out, pullback = f_vjp(*args)
    cts = tree_map(_random_like(rng), out)
    gradients = pullback(cts)
    numerical = _numerical_jvp(f, args, tangents, eps or _EPS)
    prefix = f"{err_msg} " if err_msg else ""
    names = _precisions(expected, args)
    _compare(out, expected, names, atol, rtol, prefix + "VJP primal")
    # A complex cotangent pairs with a tangent without conjugation.
    conjugated = _combine(_conjugate, gradients)
    expected_product = _inner(_combine(_conjugate, cts), numerical)
    actual = _inner(conjugated, tangents)
    message = prefix + "VJP cotangent projection"
    _assert_close(actual, expected_product, names, atol, rtol, message)


def _conjugate(x):
    return x if x.dtype == dtypes.float0 else np.conj(x)


def check_grads(f, args, order, modes=("fwd", "rev"), atol=None, rtol=None, eps=None):
    """Check forward and reverse derivatives of `f` at `args` up to `order`.

    Args:
        modes: which of "fwd" and "rev".
        atol, rtol: as `check_jvp`'s.
        eps: the step of the numerical differences.

    AssertionError where a derivative is off.
    """
    args = tuple(args)
    for mode in modes:
        if mode not in ("fwd", "rev"):
            raise ValueError(f"modes must be 'fwd' or 'rev', got {mode!r}")

    def check(f, args, order, message):
        if "fwd" in modes:
            said = f"{message}jvp of {_name(f)}"
            check_jvp(f, _jvp_of(f), args, atol, rtol, eps, said)
            if order > 1:
                check(_jvp_of(f), (args, args), order - 1, f"{said}, ")
        if "rev" in modes:
            said = f"{message}vjp of {_name(f)}"
            check_vjp(f, _vjp_of(f), args, atol, rtol, eps, said)
            if order > 1:
                check(_pulled_back(f), args, order - 1, f"{said}, ")

    check(f, args, order, "")


def _name(f):
    return getattr(f, "__name__", type(f).__name__)


def _jvp_of(f):
    return lambda primals, tangents: jvp(f, primals, tangents)


def _vjp_of(f):
    return lambda *args: vjp(f, *args)


def _pulled_back(f):
    """The gradient of `f` as a function of its arguments: what is checked next."""

    def pulled(*args):
        out, pullback = vjp(f, *args)
        return pullback(out)

    return pulled
