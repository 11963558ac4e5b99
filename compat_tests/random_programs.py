"""Random small programs as source text, and the checks of one against real JAX.

`programs()` is a Hypothesis strategy.  It writes a program from its results backwards:
a value of a wanted type is a variable, a constant, or a rule of `random_rules.py` that
asks for values of other types in turn.  The text runs on any framework that has `jax`'s
names:

    def program(x0):
        v1 = jnp.sin(x0)
        return v1

Types are few (float32, int32 and bool, of axes of size 2 and 3), so that JAX, which runs
the programs op by op, compiles little.
"""

from typing import Any, NamedTuple

import jax
import numpy as np
from hypothesis import strategies as st

import minijax

SHAPES = [(), (3,), (2,), (2, 3), (3, 2), (3, 3), (2, 2)]  # products stay in here
DTYPES = {"f": np.float32, "i": np.int32, "b": np.bool_}
RTOL = 2e-5  # of an element, and of the largest element of its array
NOISE = 16  # how many times JAX's own spread under rounding-sized changes is allowed
# Ops whose last bits depend on how operands are laid out, which jit knows more of: a
# repeated divisor is inverted first, and a product sums in the order of its strides.
ROUNDED_BY_LAYOUT = ("div", "dot_general")


class Type(NamedTuple):
    """The type of a value: a key of DTYPES, and a shape."""

    dtype: str
    shape: tuple[int, ...]


class Program(NamedTuple):
    """A program: its text, inputs, how they are batched, and its way of derivatives.

    reverse: whether reverse mode can differentiate it (no `while_loop` in it).
    """

    source: str
    args: list[np.ndarray]
    in_axes: tuple[int | None, ...]
    reverse: bool

    def __repr__(self):
        values = "".join(
            f"x{k} = np.array({x.tolist()}, {x.dtype.name!r})\n"
            for k, x in enumerate(self.args)
        )
        return f"\n{values}in_axes = {self.in_axes}\n{self.source}"


class Scope:
    """A function that is being written: its lines and the variables it sees."""

    def __init__(self, variables, indent, reverse):
        self.variables, self.indent, self.reverse = variables, indent, reverse
        self.lines = []

    def write(self, line):
        self.lines.append("    " * self.indent + line)


class Writer:
    """Writes programs; `draw` decides, and shrinks towards the first of the options."""

    def __init__(self, draw, rules, fuel):
        self.draw, self.rules, self.fuel = draw, rules, fuel
        self.count = 0

    def pick(self, options):
        """One of a list."""
        return options[self.draw(st.integers(0, len(options) - 1))]

    def name(self, prefix="v"):
        """A name that is not used yet."""
        self.count += 1
        return f"{prefix}{self.count}"

    def value(self, dtype, shape, scope):
        """The name of a new or old value of a type."""
        type_ = Type(dtype, shape)
        if self.fuel > 0 and self.draw(st.integers(0, 3)):
            families = [
                found
                for family in self.rules
                if (found := [r for r in family if r.applies(type_, scope)])
            ]
            self.fuel -= 1
            code = self.pick(self.pick(families)).write(self, type_, scope)
        else:
            code = self.leaf(type_, scope)
        if any(name == code for name, _ in scope.variables):
            return code
        name = self.name()
        scope.write(f"{name} = {code}")
        scope.variables.append((name, type_))
        return name

    def leaf(self, type_, scope):
        """A variable, as it is or fitted to the type, or (rarely) a constant."""
        if self.draw(st.integers(0, 7)) == 7:
            return self.pick(self.constants(type_))
        exact = [name for name, t in scope.variables if t == type_]
        if exact:
            return self.pick(exact)
        near = [v for v in scope.variables if v[1].dtype == type_.dtype]
        return self.pick([_fitted(*v, type_) for v in near or scope.variables])

    def constants(self, type_):
        """Texts of constants of a type, of weak type some of them."""
        dtype, shape = type_
        if dtype == "b":
            return [f"jnp.full({shape}, True)", f"jnp.zeros({shape}, bool)"]
        one = "1.5" if dtype == "f" else "2"
        some = [f"jnp.full({shape}, {one})", f"jnp.ones({shape}, {_dtype(dtype)})"]
        if len(shape) == 1:
            some.append(f"jnp.arange({float(shape[0]) if dtype == 'f' else shape[0]})")
        if not shape:
            some.append(f"jnp.asarray({one})")
        return some

    def function(self, params, results, scope, reverse=False):
        """Write a local function and return its name.

        params, results: types; with several results it returns a tuple.
        reverse: whether it will be differentiated in reverse mode.
        """
        name = self.name("f")
        named = [(self.name("a"), t) for t in params]
        inner = Scope(
            [*named, *scope.variables], scope.indent + 1, scope.reverse or reverse
        )
        values = [self.value(*t, inner) for t in results]
        scope.write(f"def {name}({', '.join(n for n, _ in named)}):")
        inner.write(f"return {', '.join(values)}")
        scope.lines += inner.lines
        return name


def _dtype(letter):
    return {"f": "jnp.float32", "i": "jnp.int32", "b": "bool"}[letter]


def _fitted(name, have, want):
    """A value in another shape, and of another dtype."""
    if have.shape != want.shape:
        shaped = f"jnp.resize({name}, {want.shape})"
        name = shaped if want.shape else f"jnp.ravel({name})[-1]"
    return name if have.dtype == want.dtype else f"{name}.astype({_dtype(want.dtype)})"


def _argument(draw, type_):
    """Values for an argument: of no pattern, or small and often equal."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    dtype, shape = type_
    if dtype == "f":
        if draw(st.booleans()):
            return np.asarray(rng.uniform(-2, 2, shape), np.float32)
        return np.asarray(rng.integers(-4, 5, shape) / 2, np.float32)
    if dtype == "i":
        return np.asarray(rng.integers(-4, 5, shape), np.int32)
    return np.asarray(rng.integers(0, 2, shape), np.bool_)


@st.composite
def programs(draw, rules, fuel=12):
    """A strategy of programs.

    rules: families of rules (`random_rules.FAMILIES`).
    fuel: how many rules may be applied at most.
    """
    count = draw(st.integers(1, 3))
    letters = ["f", *(draw(st.sampled_from("ffib")) for _ in range(count - 1))]
    types = [Type(d, draw(st.sampled_from(SHAPES))) for d in letters]
    writer = Writer(draw, rules, draw(st.integers(1, fuel)))
    reverse = draw(st.booleans())
    named = [(f"x{k}", t) for k, t in enumerate(types)]
    scope = Scope(named, 1, reverse)
    results = ["f", *draw(st.sampled_from(["", "f", "i", "b"]))]
    values = [writer.value(d, draw(st.sampled_from(SHAPES)), scope) for d in results]
    header = f"def program({', '.join(f'x{k}' for k in range(count))}):"
    end = f"    return {', '.join(values)}{',' if len(values) == 1 else ''}"
    source = "\n".join([header, *scope.lines, end]) + "\n"
    axes = [draw(st.sampled_from([0, None, len(t.shape)])) for t in types]
    if all(axis is None for axis in axes):
        axes[0] = 0
    args = [_argument(draw, t) for t in types]
    return Program(source, args, tuple(axes), reverse)


# --- running --------------------------------------------------------------------------


def function(lib, program):
    """The program as a function of its arguments on a framework, giving a list."""
    names = {"jax": lib, "jnp": lib.numpy, "lax": lib.lax}
    exec(compile(program.source, "<program>", "exec"), names)
    return lambda *args: list(names["program"](*args))


def derivative(lib, program):
    """Its gradient, or its tangents where reverse mode cannot be used.

    A function of the same arguments, giving a list.
    """
    fun = function(lib, program)
    places = [k for k, x in enumerate(program.args) if x.dtype == np.float32]

    def inexact(full, some):
        for k, x in zip(places, some, strict=True):
            full[k] = x
        # Without jit, a loop may hand Python numbers through.
        return [x for x in fun(*full) if lib.numpy.result_type(x) == np.float32]

    def total(full, *some):
        return sum(lib.numpy.sum(lib.numpy.sin(x)) for x in inexact(list(full), some))

    def gradient(*args):
        some = [args[k] for k in places]
        wanted = tuple(range(1, len(some) + 1))
        return list(lib.grad(total, wanted)(args, *some))

    def tangents(*args):
        some = [args[k] for k in places]
        push = [lib.numpy.flip(x) + 0.5 for x in some]
        return lib.jvp(lambda *some: inexact(list(args), some), some, push)[1]

    return gradient if program.reverse else tangents


def members(program, n=2):
    """The argument lists of a batch of n; the first is the program's own."""

    def other(x, k):
        if x.dtype == np.float32:
            return np.flip(x) * np.float32(1 - k / 4)
        return ~x if x.dtype == np.bool_ else x + np.int32(k)

    return [
        [
            x if k == 0 or axis is None else other(x, k)
            for x, axis in zip(program.args, program.in_axes, strict=True)
        ]
        for k in range(n)
    ]


def batched_arguments(program):
    """The members' arguments, stacked along the batch axes."""
    return [
        parts[0] if axis is None else np.stack(parts, axis)
        for axis, *parts in zip(program.in_axes, *members(program), strict=True)
    ]


# --- checks ---------------------------------------------------------------------------


class Uncertain(Exception):
    """Rounding alone makes JAX's own results differ as much: nothing is learnt."""


def check(program):
    """Hold a program on minijax against JAX: value, derivative, batch, and jit.

    AssertionError where they differ; `Uncertain` where they may.
    """
    sides = function(jax, program), function(minijax, program)
    args = program.args
    compare("value", *sides, args, sides[0])
    both = [derivative(lib, program) for lib in (jax, minijax)]
    compare("derivative", *both, args, weak=False)
    theirs, ours = (
        lib.vmap(f, program.in_axes)
        for lib, f in zip((jax, minijax), sides, strict=True)
    )

    def stacked(*whole):
        unbatched = [
            whole if axis is None else jax.numpy.moveaxis(whole, axis, 0)
            for whole, axis in zip(whole, program.in_axes, strict=True)
        ]
        singles = [
            sides[0](
                *(
                    x if axis is None else x[k]
                    for x, axis in zip(unbatched, program.in_axes, strict=True)
                )
            )
            for k in range(2)
        ]
        return [jax.numpy.stack(parts) for parts in zip(*singles, strict=True)]

    compare("batch", theirs, ours, batched_arguments(program), stacked)


def compare(what, theirs, ours, args, values=None, weak=True):
    """Compare two functions' results: types, values, and jit with eager.

    values: a cheaper function for JAX's values, where there is one.
    weak: whether weak types must agree.  Those of JAX's derivatives of loops depend on
        how it splits a loop in two.
    """
    types, failure = _outcome(lambda: jax.eval_shape(theirs, *args))
    if failure is not None:
        # Some of JAX's rules fail where minijax's work: pad's transpose where only the
        # padding value is linear, clamp's batching of a bound alone.
        if what != "value" and isinstance(failure, TypeError):
            raise Uncertain
        _, found = _outcome(lambda: minijax.eval_shape(ours, *args))
        assert type(found).__name__ == type(failure).__name__, (
            f"{what}: {found!r}, JAX {failure!r}"
        )
        return
    args = list(map(minijax.numpy.asarray, args))
    eager = ours(*args)
    jitted = minijax.jit(ours)(*args)
    for k, (a, b) in enumerate(zip(eager, jitted, strict=True)):
        _same_type(f"{what} {k}, jit and eager", b, a)
        a, b = np.asarray(a), np.asarray(b)
        if not (a.tobytes() == b.tobytes() or _same_but_nan(a, b)):
            text = str(minijax.make_jaxpr(ours)(*args))
            assert any(f" = {op}" in text for op in ROUNDED_BY_LAYOUT), (
                f"{what} {k}: jit gives {b!r}, eager {a!r}"
            )
            eager = jitted  # so these are held against JAX's values instead
            break
    for k, (a, b) in enumerate(zip(eager, types, strict=True)):
        _same_type(f"{what} {k}", a, b, weak)
    args = list(map(np.asarray, args))
    _same_values(what, [np.asarray(x) for x in eager], values or theirs, theirs, args)


def _outcome(call) -> tuple[Any, Exception | None]:
    try:
        return call(), None
    except Exception as error:
        return None, error


def _same_type(what, got, wanted, weak=True):
    types = [
        (x.shape, str(x.dtype), weak and getattr(x, "weak_type", False))
        for x in (got, wanted)
    ]
    assert types[0] == types[1], f"{what}: {types[0]}, JAX {types[1]}"


def _same_but_nan(a, b):
    return a.dtype.kind == "f" and bool(np.all((a == b) | (np.isnan(a) & np.isnan(b))))


def op_by_op(fun, args):
    """JAX's results, computed without compiling the whole, where JAX can do that."""
    args = list(map(jax.numpy.asarray, args))
    try:
        with jax.disable_jit():
            return [np.asarray(x) for x in fun(*args)]
    except ValueError:  # a scan without elements
        return [np.asarray(x) for x in jax.jit(fun)(*args)]


def _same_values(what, got, values, theirs, args):
    wanted = op_by_op(values, args)
    over = [_excess(a, b) for a, b in zip(got, wanted, strict=True)]
    if not any(np.any(x > 0) for x in over):
        return
    spread = _spread(wanted, values, theirs, args)
    for k, (x, noise) in enumerate(zip(over, spread, strict=True)):
        assert not np.any(x > NOISE * noise), (
            f"{what} {k}: {got[k]!r}, JAX {wanted[k]!r}"
        )
    raise Uncertain


def _excess(got, wanted):
    """By how much elements differ more than they may; inf where one is not finite."""
    a, b = got.astype(np.float64), wanted.astype(np.float64)
    with np.errstate(all="ignore"):
        finite = np.isfinite(a), np.isfinite(b)
        scale = max(1.0, float(np.max(np.abs(b), initial=0.0, where=finite[1])))
        tol = RTOL * scale if got.dtype.kind == "f" else 0.0
        over = np.maximum(np.abs(a - b) - tol, 0.0)
    over = np.where(finite[0] & finite[1], over, np.inf)
    return np.where(~finite[0] & ~finite[1], 0.0, over)


def _spread(wanted, values, theirs, args):
    """How far JAX's results move when inputs change by rounding, or when compiled."""
    rng = np.random.default_rng(0)
    others = [[np.asarray(x) for x in jax.jit(theirs)(*args)]]
    for _ in range(6):
        near = [
            x
            if x.dtype != np.float32
            else np.float32(x * (1 + rng.uniform(-4e-7, 4e-7, x.shape)))
            for x in args
        ]
        others.append(op_by_op(values, near))
    spread = []
    for k, x in enumerate(wanted):
        moved = [_excess(np.asarray(other[k], np.float64), x) for other in others]
        exact = [
            np.abs(other[k].astype(np.float64) - x.astype(np.float64))
            for other in others
        ]
        exact = [np.where(np.isfinite(e), e, 0.0) for e in exact]
        spread.append(np.max([*moved, *exact], axis=0))
    return spread
