"""The same test body on both sides: `both(body)` runs it with JAX and with minijax."""

import importlib
import re
import warnings

import numpy as np

NAMES = ("jax", "minijax")


class Side:
    """One of the two packages: attributes are its own, a call gives a submodule."""

    def __init__(self, name):
        self.name = name
        self.jax = importlib.import_module(name)
        self.jnp = importlib.import_module(f"{name}.numpy")

    def __getattr__(self, name):
        return getattr(self.jax, name)

    def __call__(self, submodule):
        return importlib.import_module(f"{self.name}.{submodule}")


def both(body):
    """What `body(side)` gives with JAX, and with minijax."""
    return [body(Side(name)) for name in NAMES]


def leaves_of(tree):
    """The leaves of nested tuples, lists and dicts."""
    if isinstance(tree, dict):
        return [x for key in sorted(tree) for x in leaves_of(tree[key])]
    if isinstance(tree, (tuple, list)):
        return [x for item in tree for x in leaves_of(item)]
    return [tree]


def assert_same(body, rtol=1e-5, atol=1e-6):
    """`body` gives equal trees of arrays, strings and numbers on both sides."""
    theirs, ours = (leaves_of(out) for out in both(body))
    assert len(theirs) == len(ours), (theirs, ours)
    for want, got in zip(theirs, ours, strict=True):
        if want is None or isinstance(want, str):
            assert got == want, f"{got!r} in place of {want!r}"
            continue
        want, got = np.asarray(want), np.asarray(got)
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


def raised(fun):
    """The exception that `fun()` raises; AssertionError if none."""
    try:
        fun()
    except Exception as error:
        return error
    raise AssertionError("no exception was raised")


def shown(x):
    """A value as text that is the same on both sides."""
    if isinstance(x, (tuple, list)):
        return f"{type(x).__name__}({', '.join(map(shown, x))})"
    if isinstance(x, dict):
        return str({k: shown(v) for k, v in x.items()})
    if type(x).__name__ == "ArrayImpl":
        return f"{x.dtype}{x.shape}{x.weak_type} {np.asarray(x).round(4).tolist()}"
    if isinstance(x, np.ndarray):
        return f"numpy {x.dtype}{x.shape}"
    return re.sub(r"0x[0-9a-f]+|minijax", "jax", repr(x))


def said(body, side):
    """What `body` gives, or its error's type and first line, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = shown(body(side))
        except Exception as error:
            first = str(error).strip().splitlines()[0]
            found = re.sub(r"0x[0-9a-f]+", "0x", f"{type(error).__name__}: {first}")
    found = found.rstrip(".")
    return [found, *[f"{w.category.__name__}: {w.message}" for w in caught]]


def assert_said_same(body):
    """`body` gives and says the same on both sides."""
    theirs, ours = (said(body, Side(name)) for name in NAMES)
    assert ours == theirs
