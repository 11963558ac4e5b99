"""Python functions called from programs: what they get, print and raise, as in JAX."""

import contextlib
import io
import re

import numpy as np
import pytest
from sides import NAMES, Side, both

import minijax.experimental


def _show(side, *args, **kwargs):
    side.jax.debug.print(*args, **kwargs)


def _scalar(side, dtype: type = np.float32):
    return side.ShapeDtypeStruct((), dtype)


def _pure(side, fun, result=None, *args, **options):
    return side.jit(
        lambda *xs: side.pure_callback(fun, result or _scalar(side), *xs, **options)
    )(*args)


def _io(side, fun, result, *args, **options):
    call = side("experimental").io_callback
    return side.jit(lambda *xs: call(fun, result, *xs, **options))(*args)


def _kinds(*args, **kwargs):
    print([(type(x).__name__, str(x.dtype), x.weak_type) for x in args], kwargs)


def _scanned(side):
    def body(carry, x):
        _show(side, "c {} x {}", carry, x, ordered=True)
        return carry + x, carry

    return side.lax.scan(body, 0, side.jnp.arange(3))


def _in_backward_pass(side):
    @side.custom_vjp
    def f(x):
        return x

    f.defvjp(lambda x: (x, None), lambda _, g: (_show(side, "ct {}", g), (g,))[1])
    return side.grad(lambda x: f(x * 2) * 3)(1.0)


def _branches(side):
    def branch(word):
        return lambda x: _show(side, word + " {}", x)

    return side.vmap(lambda p: side.lax.cond(p, branch("yes"), branch("no"), 5))(
        side.jnp.array([True, False])
    )


def _io_branches(side):
    call = side("experimental").io_callback

    def branch():
        return call(lambda: np.float32(1), _scalar(side))

    return side.vmap(lambda p: side.lax.cond(p, branch, lambda: side.jnp.float32(0)))(
        side.jnp.array([True, False])
    )


def _precise(side):
    with np.printoptions(precision=3):
        _show(side, "{}", side.jnp.array([1.23456789, 1e-9]))


def _vmapped(side, method):
    def add(x, y):
        print(x.shape, y.shape)
        return np.asarray(x + y, np.float32)

    return side.vmap(
        lambda x, y: side.pure_callback(add, _scalar(side), x, y, vmap_method=method),
        in_axes=(0, None),
    )(side.jnp.arange(3.0), 2.0)


def _jaxpr(side):
    text = str(side.make_jaxpr(lambda x: _show(side, "x {}", x, ordered=True))(1.0))
    return re.findall(r"debug_print|fmt=.*|ordered=.*|partitioned=.*|in_tree=.*", text)


def _checkpointed(side, dropped):
    """Prints of values that a checkpoint keeps, or not, in a scan and outside of one."""
    name = side("ad_checkpoint").checkpoint_name

    def step(x):
        y = name(x + 1.0, "y")
        z = name(y * 2.0, "z")
        _show(side, "{} {}", y, z)
        return side.jnp.sin(z)

    def keeps(*_, name=None, **__):
        return name not in dropped(["y", "z"])

    def fun(x):
        return side.lax.scan(lambda c, _: (step(c), None), step(x), None, length=2)[0]

    return side.grad(side.jax.checkpoint(fun, policy=keeps))(2.0)


CASES = {
    "words": lambda s: _show(s, "just words"),
    "fields": lambda s: _show(s, "{:.3f} {x:>8} {y}", 1.23456, x=2, y=s.jnp.arange(3)),
    "tree": lambda s: _show(s, "{x}", x={"a": s.jnp.ones(2), "b": (1, 2.0)}),
    "strings": lambda s: _show(s, "{} {x}", "hello", x=None),
    "braces first": lambda s: _show(s, "{{}} {}", 1),
    "braces last": lambda s: _show(s, "{} {{}}", 1),
    "key": lambda s: _show(s, "{}", s.random.key(0)),
    "options of NumPy": _precise,
    "two calls": lambda s: s.jax.debug.print(ordered=True)(
        "{} {ordered}", 1, ordered=2
    ),
    "two calls, argument": lambda s: s.jax.debug.print(x=2),
    "too few": lambda s: _show(s, "{} {}", 1),
    "too many": lambda s: _show(s, "{}", 1, 2),
    "unused name": lambda s: _show(s, "{}", 1, x=2),
    "unchecked": lambda s: _show(s, "{}", 1, 2, skip_format_check=True),
    "other name": lambda s: _show(s, "{x}", y=2),
    "vmap": lambda s: s.vmap(lambda x: _show(s, "v {}", x))(s.jnp.arange(3)),
    "vmap of vmap": lambda s: s.vmap(
        s.vmap(lambda x, y: _show(s, "v {} {}", x, y), in_axes=(0, None)),
        in_axes=(1, 0),
    )(s.jnp.arange(6).reshape(3, 2), s.jnp.arange(2)),
    "checkpoint, all kept": lambda s: _checkpointed(s, lambda names: names[2:]),
    "checkpoint, one kept": lambda s: _checkpointed(s, lambda names: names[:1]),
    "checkpoint, none kept": lambda s: _checkpointed(s, lambda names: names),
    "vmap of constant": lambda s: s.vmap(lambda x: (_show(s, "one"), x)[1])(
        s.jnp.arange(3)
    ),
    "grad": lambda s: s.grad(lambda x: (_show(s, "g {}", x), x * x)[1])(3.0),
    "backward": _in_backward_pass,
    "scan": _scanned,
    "vmap of cond": _branches,
    "vmap of cond with io": _io_branches,
    "kinds": lambda s: s.jit(lambda x, y: s.jax.debug.callback(_kinds, x, y, z="z"))(
        1.0, s.jnp.ones(2, s.jnp.bfloat16)
    ),
    "kinds at once": lambda s: s.jax.debug.callback(_kinds, 1.0, s.jnp.ones(2), z="z"),
    "raises at once": lambda s: s.jax.debug.callback(lambda: 1 / 0),
    "uncallable": lambda s: s.jax.debug.callback(1),
    "raises": lambda s: s.jit(lambda x: s.jax.debug.callback(lambda a: 1 / 0, x))(1),
    "pure": lambda s: _pure(s, lambda x: np.asarray(x) * np.float32(2), None, 1.5),
    "pure, many": lambda s: _pure(
        s, lambda x: {"a": x, "b": [x]}, {"a": _scalar(s), "b": [_scalar(s)]}, 1.5
    ),
    "pure, other shape": lambda s: _pure(
        s, lambda x: np.ones(3, np.float32), None, 1.0
    ),
    "pure, other dtype": lambda s: _pure(s, lambda x: np.int32(1), None, 1.0),
    "pure, wide dtype": lambda s: _pure(s, lambda x: np.float64(1), None, 1.0),
    "pure, other tree": lambda s: _pure(s, lambda x: (1.0, 2.0), None, 1.0),
    "pure, wide result": lambda s: _pure(s, np.sin, _scalar(s, np.float64), 1.0),
    "pure raises": lambda s: _pure(s, lambda x: 1 / 0, None, 1.0),
    "pure, unknown method": lambda s: _pure(s, np.sin, None, 1.0, vmap_method="all"),
    "pure jvp": lambda s: s.jvp(lambda x: _pure(s, np.sin, None, x), (1.0,), (1.0,)),
    "sequential": lambda s: _vmapped(s, "sequential"),
    "expand_dims": lambda s: _vmapped(s, "expand_dims"),
    "broadcast_all": lambda s: _vmapped(s, "broadcast_all"),
    "no method": lambda s: _vmapped(s, None),
    "io": lambda s: _io(s, lambda x: (print("io", x), x)[1], _scalar(s), 1.0),
    "io ordered": lambda s: _io(s, lambda x: print("io", x), None, 1.0, ordered=True),
    "io, result not declared": lambda s: _io(s, lambda: 3, None),
    "io jvp": lambda s: s.jvp(lambda x: _io(s, np.sin, _scalar(s), x), (1.0,), (1.0,)),
    "jaxpr": _jaxpr,
    "formatted key": lambda s: f"{s.random.key(0)}",
    "formatted key, width": lambda s: f"{s.random.key(0):>3}",
}


def _outcome(body, side):
    """What was printed, and what was returned or raised."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            found = repr(side.block_until_ready(body(side)))
            side.effects_barrier()
    except Exception as error:
        # The last line of what the callback raised; the lines above are of the frames.
        said = str(error).strip().split("\n")[-1]
        found = type(error).__name__, said.replace("ArrayImpl", "PRNGKeyArray")
    return printed.getvalue(), found


@pytest.mark.parametrize("name", CASES)
def test_callbacks(name):
    theirs, ours = (_outcome(CASES[name], Side(side)) for side in NAMES)
    assert ours == theirs


# --- breakpoints --------------------------------------------------------------------------


def _session(program, commands):
    """What the debugger says of `program(side, options)`, given these commands."""

    def body(side):
        said, typed = io.StringIO(), io.StringIO("".join(f"{c}\n" for c in commands))
        options = {"stdin": typed, "stdout": said, "backend": "cli"}
        try:
            found = np.asarray(program(side, options)).tolist()
            side.effects_barrier()
        except SystemExit as error:
            found = f"exit {error.code}"
        return [said.getvalue(), str(found)]

    return body


def _stops(side, options):
    x = side.jnp.float32(2.0)
    y = x * 2
    side.debug.breakpoint(**options)
    return y


def _stops_in_jit(side, options):
    @side.jit
    def inner(x):
        y = x * 2
        side.debug.breakpoint(**options)
        return y

    return inner(np.float32(3.0))


def _stops_in_vmap(side, options):
    def each(x):
        side.debug.breakpoint(**options)
        return x

    return side.vmap(each)(np.arange(2.0, dtype=np.float32))


def _stops_in_scan(side, options):
    def body(c, x):
        side.debug.breakpoint(**options, ordered=True)
        return c + x, None

    return side.lax.scan(body, np.float32(0), np.arange(2.0, dtype=np.float32))[0]


def _stops_above_one_frame(side, options):
    return _stops(side, {**options, "num_frames": 2})


def _stops_with_a_token(side, options):
    odd = {1: "one", "two": side.jnp.arange(2)}  # keys without an order
    return side.debug.breakpoint(**options, token=odd["two"])


SESSIONS = {
    "print": (_stops, ["p x", "p x, y", "y + 1", "pp [y]", "p z", "p (", "", "c"]),
    "list": (_stops_in_jit, ["l", "p y", "u", "list", "d", "down", "cont"]),
    "frames": (
        _stops_above_one_frame,
        ["bt", "u", "p options['num_frames']", "up", "c"],
    ),
    "vmap": (_stops_in_vmap, ["p x", "c", "p x", "c"]),
    "scan": (_stops_in_scan, ["p c, x", "c", "p c, x", "c"]),
    "token": (_stops_with_a_token, ["p odd", "c"]),
    "quit": (_stops, ["q"]),
    "end": (_stops, []),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_breakpoint(name):
    theirs, ours = both(_session(*SESSIONS[name]))
    assert theirs[0].startswith("Entering jdb:\n(jdb) ")
    assert ours == theirs


def test_io_in_a_loop_whose_end_is_batched():
    """Refused: members that are done would call again."""
    lax = minijax.lax

    def body(x):
        minijax.experimental.io_callback(print, None, x)
        return x + 1

    def count(n):
        return lax.while_loop(lambda x: x < n, body, 0.0)

    with pytest.raises(NotImplementedError, match="IO effects not supported in while"):
        minijax.vmap(count)(np.arange(2.0))
