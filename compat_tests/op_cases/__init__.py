"""The table of op cases: how an op is called, on what inputs, and how exact it is.

`test_ops.py` drives every row through both frameworks.  A family has a file here with a
list `CASES`; adding an op to the tests is adding a row to it.  A row:

    case("pad-low", lambda lax, x, v: lax.pad(x, v, ((2, 0, 1),)), A(5), A(), diff=[0])

`A(2, 3)` is an array of that shape; its dtype is the row's "T" unless it names one.
The function gets a module like `jax.lax` first, then the arrays.
"""

import importlib
import pkgutil

import ml_dtypes
import numpy as np

# The dtypes that "T" stands for, by the names rows use.
FLOATS = ("float32", "float16", "bfloat16")
INTS = ("int32", "uint8")
COMPLEX = ("complex64",)
BOOL = ("bool",)
REAL = FLOATS + INTS
NUMBER = REAL + COMPLEX
ANY = NUMBER + BOOL
BITS = INTS + BOOL
F32 = ("float32",)

# relative tolerances of arithmetic by dtype; "exact" rows allow nothing
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-6, "float64": 1e-13}


def np_dtype(name):
    """The NumPy dtype of a name, bfloat16 included."""
    return np.dtype(getattr(ml_dtypes, name, name))


class A:
    """An input: its shape, dtype ("T": the row's) and what values it takes.

    values: "any" (all of the dtype's values, special ones included), "special" (without
    very large or small ones), "normal" (moderate and finite), "positive" (moderate, > 0),
    "unit" (inside -1 .. 1), "small" (integers 0 .. 3).
    """

    def __init__(self, *shape, dtype="T", values=None):
        self.shape, self.dtype, self.values = shape, dtype, values

    def resolved(self, dtype):
        """The NumPy dtype, where the row's is `dtype`."""
        return np_dtype(dtype if self.dtype == "T" else self.dtype)


class Case:
    """One row; see the arguments of `case`."""

    def __init__(self, name, fun, inputs, **options):
        self.name, self.fun, self.inputs = name, fun, inputs
        self.dtypes = options.pop("dtypes", FLOATS[:1])
        self.values = options.pop("values", "any")
        self.tol = options.pop("tol", None)
        self.diff = options.pop("diff", None)
        self.vmap = options.pop("vmap", True)
        self.jaxpr = options.pop("jaxpr", True)
        self.diff_jaxpr = options.pop("diff_jaxpr", self.jaxpr)
        self.defaults = options.pop("defaults", ())
        self.error = options.pop("error", None)
        assert not options, options


def case(name, fun, *inputs, **options):
    """A row of the table.

    dtypes: what "T" stands for, in turn; the first also goes through derivatives and
        vmap.
    values: what inputs hold that do not say so themselves (see `A`).
    tol: None where results must be the same bits (NaN payloads apart), "ulp" for the
        table `TOLERANCE`, or a relative tolerance, or {dtype: tolerance}.
    diff: which inputs to differentiate: None (all inexact ones of a floating row),
        False, or a list of places.
    vmap: whether to batch it (every input alone and all together, over every axis).
    jaxpr, diff_jaxpr: whether the traces of the op and of its derivatives must be JAX's,
        equation by equation.
    defaults: the dtypes for which JAX needs XLA's defaults (see `oracle.py`).
    """
    return Case(name, fun, inputs, **options)


def error(name, fun, *inputs, message=True, **options):
    """A call that must fail in both frameworks with the same exception class.

    message: also with the same message.
    """
    return Case(name, fun, inputs, error="message" if message else "class", **options)


def all_cases():
    """Every row of every family (a module here), with unique ids `family/name`."""
    rows = []
    for family in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        module = importlib.import_module(f"{__name__}.{family}")
        for row in module.CASES:
            row.id = f"{family}/{row.name}"
            rows.append(row)
    assert len({row.id for row in rows}) == len(rows), "two rows of one name"
    return rows
