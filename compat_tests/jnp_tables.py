"""Tables of jnp calls, run on both sides: equal equations, equal results, equal errors.

A table is a text file in `jnp_cases`. A row is `expression | specs`: the expression names
its arguments x, y, z, w; a spec is a dtype and a shape, as `f32[2,3]`, or `pf`, `pi` for
a Python float or int. Rows that start with `~` are compared by value only: there minijax
takes other steps to the same result.
"""

import contextlib
import re
import warnings
from pathlib import Path

import jax
import jax.numpy
import ml_dtypes
import numpy as np

import minijax
import minijax.lax
import minijax.numpy
from minijax.core import ShapedArray, get_aval
from minijax.trace import trace

_DTYPES = {
    "f16": np.float16, "f32": np.float32, "bf16": ml_dtypes.bfloat16, "c64": np.complex64,
    "i8": np.int8, "i32": np.int32, "u8": np.uint8, "u32": np.uint32, "b": np.bool_,
}  # fmt: skip
_WIDE = {
    "float32": np.float64, "int32": np.int64, "uint32": np.uint64, "complex64": np.complex128
}  # fmt: skip
_SCALARS = {"pf": 2.5, "pi": 2}
# parameters with no meaning on one device, or holding Python functions
_IGNORED = {"sharding", "out_sharding", "accuracy", "ctx_mesh"}


class Row:
    """One line of a table."""

    def __init__(self, line):
        self.values_only = line.startswith("~ ")
        line = line.removeprefix("~ ")
        self.text = line
        expression, _, specs = (line + " ").partition(" | ")
        self.specs = specs.split()
        names = ",".join("xyzw"[: len(self.specs)])
        self.source = f"lambda {names}: {expression}"

    def __repr__(self):
        return self.text

    def function(self, framework):
        """The expression as a function that uses one of the frameworks."""
        names = {
            "np": np,
            "jax": framework,
            "jnp": framework.numpy,
            "lax": framework.lax,
        }
        return eval(self.source, names)


def rows(table):
    """The rows of a table, by its name."""
    path = Path(__file__).parent / "jnp_cases" / f"{table}.txt"
    lines = [line.strip() for line in path.read_text().splitlines()]
    return [Row(line) for line in lines if line and not line.startswith("#")]


def _dtype_and_shape(spec):
    name, sizes = re.fullmatch(r"(\w+)\[(.*)\]", spec).groups()
    return np.dtype(_DTYPES[name]), tuple([int(n) for n in sizes.split(",") if n])


# --- equations ----------------------------------------------------------------------


def equations(row, framework):
    """The row's jaxpr as lines of text, calls inlined and dead code dropped; or its error."""
    fun = row.function(framework)
    avals = [_SCALARS.get(spec) or _dtype_and_shape(spec) for spec in row.specs]
    try:
        if framework is jax:
            args = [
                jax.ShapeDtypeStruct(a[1], a[0]) if isinstance(a, tuple) else a
                for a in avals
            ]
            closed = jax.make_jaxpr(fun)(*args)
        else:
            args = [
                ShapedArray(a[1], a[0]) if isinstance(a, tuple) else get_aval(a)
                for a in avals
            ]
            closed = trace(lambda *tracers: _leaves(fun(*tracers)), args)
    except Exception as error:
        return [_error_name(error)]
    return canonical(closed)


def types(row, framework, wide):
    """(dtype, shape, weak type) of the row's results with x64 on; None where it raises.

    wide: whether the arguments have 64 bits too.
    """
    avals = [_SCALARS.get(spec) or _dtype_and_shape(spec) for spec in row.specs]
    with framework.enable_x64(True):
        args = [
            framework.ShapeDtypeStruct(
                a[1], _WIDE.get(a[0].name, a[0]) if wide else a[0]
            )
            if isinstance(a, tuple)
            else a
            for a in avals
        ]
        try:
            closed = framework.make_jaxpr(row.function(framework))(*args)
        except Exception:
            return None
    return [_aval(aval) for aval in closed.out_avals]


def _error_name(error):
    return f"raises {type(error).__name__}"


def _leaves(out):
    if isinstance(out, (tuple, list)):
        return [leaf for part in out for leaf in _leaves(part)]
    return [out]


def canonical(closed):
    """A closed jaxpr as lines of text."""
    found = []
    jaxpr = closed.jaxpr if hasattr(closed, "jaxpr") else closed
    consts = [("const", i, v.aval) for i, v in enumerate(jaxpr.constvars)]
    ins = [("in", i, v.aval) for i, v in enumerate(jaxpr.invars)]
    outs = _inline(jaxpr, consts, ins, found)
    return _numbered(_live(found, outs), outs)


def _inline(jaxpr, consts, args, found):
    """Append (primitive, params, inputs, outputs) of every equation, calls opened."""
    env = {}

    def read(atom):
        return ("lit", atom.val, atom.aval) if hasattr(atom, "val") else env[atom]

    env.update(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        ins = [read(atom) for atom in eqn.invars]
        if name in ("jit", "custom_jvp_call", "custom_vjp_call"):
            inner = eqn.params["jaxpr" if name == "jit" else "call_jaxpr"]
            inner_consts = [("const", id(v), v.aval) for v in inner.jaxpr.constvars]
            outs = _inline(inner.jaxpr, inner_consts, ins, found)
        else:
            outs = [("var", len(found), i, v.aval) for i, v in enumerate(eqn.outvars)]
            found.append((name, eqn.params, ins, outs))
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _live(found, outs):
    needed = {atom[1] for atom in outs if atom[0] == "var"}
    for place in reversed(range(len(found))):
        if place in needed:
            needed |= {atom[1] for atom in found[place][2] if atom[0] == "var"}
    return [eqn for place, eqn in enumerate(found) if place in needed]


def _numbered(found, outs):
    names, lines = {}, []

    def name_of(atom):
        if atom[0] == "lit":
            return f"{np.asarray(atom[1])!s}:{_aval(atom[2])}"
        if atom[0] == "var":
            return names[atom[:3]]
        return f"{atom[0]}{atom[1] if atom[0] == 'in' else ''}:{_aval(atom[2])}"

    for primitive, params, ins, results in found:
        text = " ".join([name_of(atom) for atom in ins])
        for atom in results:
            names[atom[:3]] = f"v{len(names)}:{_aval(atom[3])}"
        shown = [
            f"{key}={_param(value)}"
            for key, value in sorted(params.items())
            if key not in _IGNORED and value is not None and not _is_empty(value)
        ]
        targets = " ".join([names[atom[:3]] for atom in results])
        lines.append(f"{targets} = {primitive}[{' '.join(shown)}] {text}")
    return [*lines, "out " + " ".join([name_of(atom) for atom in outs])]


def _is_empty(value):
    return value is False or (isinstance(value, tuple) and not value)


def _aval(aval):
    weak = "~" if getattr(aval, "weak_type", False) else ""
    return f"{weak}{aval.dtype}{list(aval.shape)}"


def _param(value):
    if hasattr(value, "eqns"):
        return "{" + "; ".join(canonical(value)) + "}"
    if isinstance(value, np.dtype):
        return value.name
    names = getattr(value, "_fields", None)
    if names is None and type(value).__name__.endswith("DimensionNumbers"):
        names = [n for n in dir(value) if not n.startswith("_") and n.endswith("dims")]
        names += [n for n in ("start_index_map",) if hasattr(value, n)]
    if names is not None:
        fields = sorted(f"{n}={_param(getattr(value, n))}" for n in names)
        return f"({' '.join(fields)})"
    if isinstance(value, (tuple, list)):
        return f"({','.join(map(_param, value))})"
    if hasattr(value, "name") and not callable(value):
        return value.name
    return "function" if callable(value) else str(value)


# --- values -------------------------------------------------------------------------


def arguments(row):
    """Random NumPy values for the row's arguments, the same at every call."""
    rng = np.random.default_rng(0)
    out = []
    for spec in row.specs:
        if spec in _SCALARS:
            out.append(_SCALARS[spec])
            continue
        dtype, shape = _dtype_and_shape(spec)
        if dtype == np.bool_:
            out.append(rng.random(shape) > 0.5)
        elif dtype.kind in "iu":
            out.append(rng.integers(0, 3, shape).astype(dtype))
        elif dtype.kind == "c":
            out.append(
                (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
            )
        else:
            out.append(rng.normal(size=shape).astype(dtype))
    return out


def _compiled(fun, args):
    """JAX's leaves of `fun(*args)`, compiled as one: op by op it compiles each alone."""
    places = [k for k, x in enumerate(args) if isinstance(x, jax.Array)]
    others = {}

    def arrays(some):
        full = dict(enumerate(args)) | dict(zip(places, some, strict=True))
        leaves = list(enumerate(_leaves(fun(*full.values()))))
        others.update((k, x) for k, x in leaves if not isinstance(x, jax.Array))
        return {k: x for k, x in leaves if k not in others}

    found = jax.jit(arrays)([args[k] for k in places]) | others
    return [found[k] for k in sorted(found)]


def results(row, framework):
    """The values of the row's expression, or the name of its error.

    minijax runs it op by op, and so does JAX what it cannot compile.
    """
    fun, jnp = row.function(framework), framework.numpy
    args = [jnp.asarray(a) if isinstance(a, np.ndarray) else a for a in arguments(row)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if framework is jax:
            with contextlib.suppress(Exception):
                return _compiled(fun, args)
        try:
            return _leaves(fun(*args))
        except Exception as error:
            return _error_name(error)


def assert_same_results(theirs, ours):
    """Equal types, and equal values within float32's accuracy."""
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs
        return
    assert len(ours) == len(theirs)
    for expected, got in zip(theirs, ours, strict=True):
        if not hasattr(expected, "dtype"):
            assert got == expected
            continue
        a, b = np.asarray(expected), np.asarray(got)
        assert (b.dtype, b.shape) == (a.dtype, a.shape)
        assert got.weak_type == expected.weak_type
        if a.dtype.kind in "fcV":
            tolerance = 2e-5 if a.dtype.itemsize > 2 else 2e-2
            a, b = a.astype(np.complex128), b.astype(np.complex128)
            np.testing.assert_allclose(b, a, tolerance, 1e-5, equal_nan=True)
        else:
            np.testing.assert_array_equal(b, a)


FRAMEWORKS = (jax, minijax)
