"""Gradient checks against numerical differences (`jax.test_util`)."""

import numpy as np

from minijax import dtypes
from minijax.api.differentiate import jvp, linearize, vjp
from minijax.tree_util import tree_flatten, tree_map, tree_unflatten

_EPS = 1.0 / 4096
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


def _is_python_scalar(x):
    return isinstance(x, bool | int | float | complex) and not isinstance(x, np.generic)


def _like(x, value):
    """`value` as a Python scalar where `x` is one."""
    return value.item() if _is_python_scalar(x) else value


def _random_like(rng):
    """A function from a leaf to a random direction in its tangent space."""

    def direction(x):
        dtype, shape = np.asarray(x).dtype, np.shape(x)
        if not _is_inexact(x):
            return np.zeros(shape, dtypes.float0)
        sample = np.asarray(rng.randn(*shape)).astype(dtype)
        if dtypes.issubdtype(dtype, np.complexfloating):
            sample = sample + np.asarray(1j * rng.randn(*shape)).astype(dtype)
        return _like(x, sample.reshape(shape))

    return direction


def _combine(fun, *trees):
    """`fun` over the leaves of trees of one structure."""
    first, tree = tree_flatten(trees[0])
    rest = [tree_flatten(t)[0] for t in trees[1:]]
    return tree_unflatten(tree, [fun(*row) for row in zip(first, *rest, strict=True)])


def _is_float0(x):
    return getattr(x, "dtype", None) == dtypes.float0


def _wide(x):
    """The array `x` in the widest type of its kind."""
    x = np.asarray(x)
    complex_ = dtypes.issubdtype(x.dtype, np.complexfloating)
    return x.astype(np.complex128 if complex_ else np.float64)


def _numerical_jvp(f, primals, tangents, eps):
    """The central difference of `f` along `tangents`, from `eps` on either side."""

    def at(step):
        def move(x, t):
            if _is_float0(t):
                return x
            primal = np.asarray(x)
            moved = primal + np.asarray(step * np.asarray(t)).astype(primal.dtype)
            return _like(x, np.asarray(moved, primal.dtype))

        return f(*_combine(move, primals, tangents))

    def difference(high, low):
        if not _is_inexact(high):
            return np.zeros(np.shape(high), dtypes.float0)
        high, low = _wide(high), _wide(low)
        with np.errstate(invalid="ignore"):
            # Equal infinities do not differ.
            return np.where(high == low, 0, high - low) / (2 * eps)

    return _combine(difference, at(eps), at(-eps))


def _inner(a, b):
    """The real inner product of two trees, in the widest type."""
    total = 0.0
    for x, y in zip(tree_flatten(a)[0], tree_flatten(b)[0], strict=True):
        if not (_is_float0(x) or _is_float0(y)):
            total += np.real(np.vdot(_wide(x), _wide(y)))
    return total


def _tolerance(given, dtype_names):
    if isinstance(given, dict):
        named = {np.dtype(key).name: value for key, value in given.items()}
        return max(named.get(name, _TOLERANCE[name]) for name in dtype_names)
    if given is not None:
        return given
    return max(_TOLERANCE[name] for name in dtype_names)


def _assert_close(actual, expected, names, atol, rtol, message):
    # Errors add up over a larger result.
    np.testing.assert_allclose(
        actual,
        expected,
        atol=_tolerance(atol, names) * np.size(actual),
        rtol=_tolerance(rtol, names) * np.size(actual),
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
        if np.shape(x) != np.shape(y):
            raise AssertionError(f"{message}: {np.shape(x)} is not {np.shape(y)}")
        if not (_is_float0(x) or _is_float0(y)):
            _assert_close(_wide(x), _wide(y), names, atol, rtol, message)


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
    return x if _is_float0(x) else _like(x, np.conj(np.asarray(x)))


def check_grads(f, args, order, modes=("fwd", "rev"), atol=None, rtol=None, eps=None):
    """Check forward and reverse derivatives of `f` at `args` up to `order`.

    Args:
        modes: which of "fwd", "rev" and "lin" (`linearize`).
        atol, rtol: as `check_jvp`'s.
        eps: how far the numerical differences step to either side.

    AssertionError where a derivative is off.
    """
    args = tuple(args)
    for mode in modes:
        if mode not in ("fwd", "rev", "lin"):
            raise ValueError(f"modes must be 'fwd', 'rev' or 'lin', got {mode!r}")

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
        if "lin" in modes:
            said = f"{message}linearize of {_name(f)}"
            check_jvp(f, _linearized(f), args, atol, rtol, eps, said)
            if order > 1:
                check(_linearized(f), (args, args), order - 1, f"{said}, ")

    check(f, args, order, "")


def _name(f):
    return getattr(f, "__name__", type(f).__name__)


def _jvp_of(f):
    return lambda primals, tangents: jvp(f, primals, tangents)


def _vjp_of(f):
    return lambda *args: vjp(f, *args)


def _linearized(f):
    def out_and_tangent(primals, tangents):
        out, pushforward = linearize(f, *primals)
        return out, pushforward(*tangents)

    return out_and_tangent


def _pulled_back(f):
    """The gradient of `f` as a function of its arguments: what is checked next."""

    def pulled(*args):
        out, pullback = vjp(f, *args)
        return pullback(out)

    return pulled
