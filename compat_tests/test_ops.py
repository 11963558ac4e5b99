"""Every row of the op table, on both frameworks, in every mode.

JAX's results are the specification: of a row, for all its dtypes, it compiles one program.
A batched call is held against the stack of JAX's single calls, and a jitted call against
the same results as the eager one, so that JAX compiles nothing more for them.
"""

import functools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minijax
import minijax.lax
from compat_tests.jaxprs import lines, plain
from compat_tests.op_cases import TOLERANCE, all_cases
from compat_tests.op_inputs import assert_same, drawn, inputs
from compat_tests.oracle import as_users_have_it

CASES = all_cases()
ROWS = [row for row in CASES if row.error is None]
ERRORS = [row for row in CASES if row.error is not None]
EVERY_DTYPE = [pytest.param(r, d, id=f"{r.id}-{d}") for r in ROWS for d in r.dtypes]
SLOW_AFTER_FIRST = [
    pytest.param(r, d, id=f"{r.id}-{d}", marks=[pytest.mark.slow] if k else [])
    for r in ROWS
    for k, d in enumerate(r.dtypes)
]
FIRST_DTYPE = [pytest.param(r, r.dtypes[0], id=r.id) for r in ROWS]
EXAMPLES = 4
many = settings(max_examples=300)

pytestmark = pytest.mark.filterwarnings("ignore")  # both frameworks warn alike


def tolerance(row, dtype):
    """The row's tolerance for a dtype."""
    tol = row.tol
    if tol == "ulp":
        tol = TOLERANCE
    return tol.get(dtype) if isinstance(tol, dict) else tol


def call(lib, row):
    """The row's function on a framework's lax, giving a list."""

    def fun(*args):
        out = row.fun(lib.lax, *args)
        return list(out) if isinstance(out, (list, tuple)) else [out]

    return fun


@functools.cache
def of_jax(row):
    """The row's function on JAX, of arguments by dtype: compiled as one for all dtypes."""
    fun = call(jax, row)
    if (
        not row.inputs
    ):  # op by op: in a program these are constants, folded by other rules
        return lambda args: {dtype: fun() for dtype in args}
    compiled = as_users_have_it if row.defaults else jax.jit
    return compiled(lambda args: {dtype: fun(*some) for dtype, some in args.items()})


@functools.lru_cache(maxsize=EXAMPLES)
def wanted_values(row, seed):
    """What JAX makes of the row's arguments of one seed, by dtype."""
    return of_jax(row)({dtype: drawn(row, dtype, seed) for dtype in row.dtypes})


def on_jax(row, dtype, args):
    """What JAX makes of these arguments, without compiling for them alone."""
    others = {other: drawn(row, other, 0) for other in row.dtypes if other != dtype}
    return of_jax(row)({**others, dtype: list(args)})[dtype]


@functools.cache
def jitted(row):
    """The row's function on minijax, compiled."""
    return minijax.jit(call(minijax, row))


def compare(got, wanted, tol, what):
    """Compare lists of arrays."""
    assert len(got) == len(wanted), f"{what}: {len(got)} results, JAX {len(wanted)}"
    for k, (a, b) in enumerate(zip(got, wanted, strict=True)):
        assert_same(a, b, tol, f"{what} {k}")


def is_inexact(x):
    return x.dtype.kind in "fc" or x.dtype.name == "bfloat16"


def differentiable(row, args):
    """The places of the inputs to differentiate, or [] where there are none."""
    if row.diff is False:
        return []
    if row.diff is not None:
        return row.diff
    return [k for k, x in enumerate(args) if is_inexact(x)]


def on_some(fun, args, places):
    """`fun` as a function of the arguments at `places`."""

    def inner(*some):
        full = list(args)
        for k, x in zip(places, some, strict=True):
            full[k] = x
        return fun(*full)

    return inner


# --- values ---------------------------------------------------------------------------


def check_value(row, dtype, args, wanted):
    tol = tolerance(row, dtype)
    compare(call(minijax, row)(*args), wanted, tol, "eager result")
    compare(jitted(row)(*args), wanted, tol, "jitted result")


@pytest.mark.parametrize(("row", "dtype"), EVERY_DTYPE)
def test_value(row, dtype):
    for seed in range(EXAMPLES):
        wanted = wanted_values(row, seed)[dtype]
        check_value(row, dtype, drawn(row, dtype, seed), wanted)


@pytest.mark.fuzz
@pytest.mark.parametrize(("row", "dtype"), EVERY_DTYPE)
@many
@given(st.data())
def test_value_fuzz(row, dtype, data):
    args = data.draw(inputs(row, dtype))
    check_value(row, dtype, args, on_jax(row, dtype, args))


def evaluate(jaxpr, args):
    """Run a jaxpr by the primitives' reference rules."""
    env = dict(zip(jaxpr.jaxpr.constvars, map(np.asarray, jaxpr.consts), strict=True))
    env.update(zip(jaxpr.jaxpr.invars, map(np.asarray, args), strict=True))

    def read(atom):
        if hasattr(atom, "val"):
            return np.asarray(atom.val).astype(atom.aval.dtype)
        return env[atom]

    for eqn in jaxpr.jaxpr.eqns:
        outs = eqn.primitive.reference(*map(read, eqn.invars), **eqn.params)
        outs = outs if eqn.primitive.multiple_results else [outs]
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(a) for a in jaxpr.jaxpr.outvars]


@pytest.mark.parametrize(("row", "dtype"), SLOW_AFTER_FIRST)
def test_reference(row, dtype):
    jaxpr = None
    for seed in range(2):
        args = drawn(row, dtype, seed)
        jaxpr = jaxpr or minijax.make_jaxpr(call(minijax, row))(*args)
        wanted = wanted_values(row, seed)[dtype]
        compare(evaluate(jaxpr, args), wanted, tolerance(row, dtype), "reference")


# --- traces ---------------------------------------------------------------------------


def zeros(row, dtype):
    return [np.zeros(a.shape, a.resolved(dtype)) for a in row.inputs]


def same_trace(theirs, ours, args, what):
    wanted = plain(jax.make_jaxpr(theirs)(*args))
    got = plain(minijax.make_jaxpr(ours)(*args))
    if got != wanted:
        report = ["JAX:", *lines(wanted), "minijax:", *lines(got)]
        raise AssertionError("\n  ".join([f"{what}: the jaxprs differ", *report]))


@pytest.mark.parametrize(("row", "dtype"), EVERY_DTYPE)
def test_jaxpr(row, dtype):
    if row.jaxpr:
        same_trace(call(jax, row), call(minijax, row), zeros(row, dtype), row.id)


def pushed(lib, row, n, places):
    """The jvp as a function of arguments and tangents."""

    def fun(*args):
        inner = on_some(call(lib, row), args[:n], places)
        outs, tangents = lib.jvp(inner, [args[k] for k in places], list(args[n:]))
        return outs + tangents

    return fun


def pulled(lib, row, n, places):
    """The vjp as a function of arguments and cotangents."""

    def fun(*args):
        inner = on_some(call(lib, row), args[:n], places)
        _, pull = lib.vjp(inner, *[args[k] for k in places])
        return list(pull(list(args[n:])))

    return fun


def derivative_arguments(row, args):
    """(places, tangents, cotangents); no cotangents where an output has no derivative."""
    places = differentiable(row, args)
    outs = jax.eval_shape(call(jax, row), *args)
    cts = [np.ones(o.shape, o.dtype) for o in outs]
    tangents = [np.ones(args[k].shape, args[k].dtype) for k in places]
    return places, tangents, cts if all(is_inexact(o) for o in outs) else None


@pytest.mark.parametrize(("row", "dtype"), FIRST_DTYPE)
def test_jaxpr_of_derivatives(row, dtype):
    if not row.diff_jaxpr:
        return
    args = zeros(row, dtype)
    places, tangents, cts = derivative_arguments(row, args)
    if not places:
        return
    n = len(args)
    both = [pushed(lib, row, n, places) for lib in (jax, minijax)]
    same_trace(*both, [*args, *tangents], f"{row.id} jvp")
    if cts is not None:
        both = [pulled(lib, row, n, places) for lib in (jax, minijax)]
        same_trace(*both, [*args, *cts], f"{row.id} vjp")


def batchings(row):
    """in_axes of every way to batch a row: each input alone, and all together."""
    if not row.vmap:
        return
    ranks = [len(a.shape) for a in row.inputs]
    for k, rank in enumerate(ranks):
        for axis in range(rank + 1):
            yield tuple(axis if i == k else None for i in range(len(ranks)))
    if len(ranks) > 1:
        yield (0,) * len(ranks)
        yield tuple(ranks)


def batched(args, in_axes, n):
    """The arguments with a batch axis of size n each, where `in_axes` has one."""
    return [
        x if axis is None else np.stack([np.roll(x, k) for k in range(n)], axis)
        for x, axis in zip(args, in_axes, strict=True)
    ]


@pytest.mark.parametrize(("row", "dtype"), FIRST_DTYPE)
def test_jaxpr_of_vmap(row, dtype):
    if not row.jaxpr:
        return
    for in_axes in batchings(row):
        args = batched(zeros(row, dtype), in_axes, 5)
        both = [lib.vmap(call(lib, row), in_axes) for lib in (jax, minijax)]
        same_trace(*both, args, f"{row.id} vmap {in_axes}")


# --- transformed values ---------------------------------------------------------------


def derivatives(lib, row, n, places):
    """jvp, and vjp where there are cotangents, as one function."""
    pushed_, pulled_ = (mode(lib, row, n, places) for mode in (pushed, pulled))

    def fun(args, tangents, cts):
        found = {"jvp": pushed_(*args, *tangents)}
        if cts is not None:
            found["vjp"] = pulled_(*args, *cts)
        return found

    return fun


@pytest.mark.parametrize(("row", "dtype"), FIRST_DTYPE)
def test_derivatives(row, dtype):
    args = drawn(row, dtype, 0)
    places, _, cts = derivative_arguments(row, args)
    if not places:
        return
    tol = tolerance(row, dtype)
    tol = None if tol is None else 4 * tol  # sums of products of what `tol` allows
    compiled = as_users_have_it if dtype in row.defaults else jax.jit
    theirs = compiled(derivatives(jax, row, len(args), places))
    ours = minijax.jit(derivatives(minijax, row, len(args), places))
    for seed in range(2):
        args = drawn(row, dtype, seed)
        tangents = [np.roll(np.asarray(args[k]), 1) for k in places]
        wanted, got = (fun(args, tangents, cts) for fun in (theirs, ours))
        assert got.keys() == wanted.keys()
        for mode in wanted:
            compare(got[mode], wanted[mode], tol, mode)


@pytest.mark.parametrize(("row", "dtype"), FIRST_DTYPE)
def test_vmap(row, dtype):
    args = drawn(row, dtype, 0)
    tol = tolerance(row, dtype)
    for in_axes in batchings(row):
        whole = batched(args, in_axes, 3)
        got = minijax.vmap(call(minijax, row), in_axes)(*whole)
        for k in range(3):
            member = [
                x if axis is None else np.take(x, k, axis)
                for x, axis in zip(whole, in_axes, strict=True)
            ]
            parts = [np.asarray(x)[k] for x in got]
            wanted = [np.asarray(x) for x in on_jax(row, dtype, member)]
            compare(parts, wanted, tol, f"vmap {in_axes}, member {k}, result")


# --- errors ---------------------------------------------------------------------------


def failure(fun, args):
    """The exception that a call raises, or None."""
    try:
        fun(*args)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize(
    ("row", "dtype"),
    [pytest.param(r, d, id=f"{r.id}-{d}") for r in ERRORS for d in r.dtypes],
)
def test_error(row, dtype):
    args = zeros(row, dtype)
    wanted, got = (
        failure(lib.make_jaxpr(call(lib, row)), args) for lib in (jax, minijax)
    )
    assert wanted is not None, "JAX accepts this"
    assert type(got).__name__ == type(wanted).__name__, f"{got!r}, JAX {wanted!r}"
    if row.error == "message":
        first = [str(e).split("\n")[0] for e in (got, wanted)]
        assert first[0] == first[1]
