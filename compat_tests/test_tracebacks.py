"""What of a traceback users see: their own frames and lines, and no others."""

import gc
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
from sides import NAMES, Side, raised

import minijax


def _fails_inside(s):
    def inner(x):
        return s.jnp.ones(3) + s.jnp.ones(2)

    return inner


WRAPPERS = {
    "jit": lambda s, f: s.jit(f)(1.0),
    "grad": lambda s, f: s.grad(f)(1.0),
    "vmap": lambda s, f: s.vmap(f)(s.jnp.ones(2)),
    "jvp": lambda s, f: s.jvp(f, (1.0,), (1.0,)),
    "checkpoint": lambda s, f: s.checkpoint(f)(1.0),
    "scan": lambda s, f: s.lax.scan(lambda c, x: (f(c), x), 1.0, s.jnp.ones(2)),
    "cond": lambda s, f: s.lax.cond(True, f, f, 1.0),
    "while": lambda s, f: s.lax.while_loop(lambda c: c < 3, f, 1.0),
    "make_jaxpr": lambda s, f: s.make_jaxpr(f)(1.0),
    "nested": lambda s, f: s.jit(s.vmap(s.grad(lambda x: s.jit(f)(x))))(s.jnp.ones(2)),
}


def _files(error):
    return [entry.filename for entry in traceback.extract_tb(error.__traceback__)]


@pytest.fixture
def filtering():
    side = Side("minijax")
    before = side.config.jax_traceback_filtering
    side.config.update("jax_traceback_filtering", "auto")
    yield
    side.config.update("jax_traceback_filtering", before)


@pytest.mark.parametrize("name", WRAPPERS)
def test_traceback_has_the_users_frames_only(name, filtering):
    side = Side("minijax")
    error = raised(lambda: WRAPPERS[name](side, _fails_inside(side)))
    files = [f for f in _files(error) if "traceback_util" not in f]
    assert "compat_tests" in files[-1]
    assert not [f for f in files if "/minijax/" in f], files
    names = [entry.name for entry in traceback.extract_tb(error.__traceback__)]
    assert names[-1] == "inner"
    assert error.__notes__ and "JAX_TRACEBACK_FILTERING" in error.__notes__[0]
    assert len(error.__notes__) == 1


def test_filtering_off_keeps_every_frame(filtering):
    side = Side("minijax")
    side.config.update("jax_traceback_filtering", "off")
    error = raised(lambda: side.jit(_fails_inside(side))(1.0))
    assert any("/minijax/" in f for f in _files(error))
    assert not getattr(error, "__notes__", [])


def _as_filtered(side, mode):
    """The classes of an error and its causes, whether it has notes, and its frames."""

    def inner(x):
        raise ValueError("inner")

    def outer(x):
        try:
            side.jit(inner)(x)
        except ValueError as error:
            raise TypeError("outer") from error

    with side("_src.config").traceback_filtering(mode):
        error = raised(lambda: side.jit(outer)(1.0))
    chain: list[BaseException] = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    names = [entry.name for entry in traceback.extract_tb(error.__traceback__)]
    short = len(names) < 5
    return (
        [type(e).__name__ for e in chain],
        bool(getattr(error, "__notes__", [])),
        short,
    )


@pytest.mark.parametrize("mode", ["auto", "quiet_remove_frames", "remove_frames",
                                  "tracebackhide", "off"])  # fmt: skip
def test_traceback_is_filtered_as_the_flag_says(mode):
    theirs, ours = (_as_filtered(Side(name), mode) for name in NAMES)
    assert ours == theirs


SOLVERS = {
    "matvec": lambda s, err: s.lax.custom_linear_solve(err, 1.0, lambda m, b: b),
    "solve": lambda s, err: s.lax.custom_root(lambda x: x, 1.0, err, lambda f, y: y),
    "tangent": lambda s, err: s.lax.custom_root(lambda x: x, 1.0, lambda f, x: x, err),
    "vjp": lambda s, err: _with_vjp(s, err)(1.0),
}


def _with_vjp(side, fun):
    f = side.custom_vjp(fun)
    f.defvjp(lambda x: (x, ()), lambda _, g: (g,))
    return f


@pytest.mark.parametrize("name", SOLVERS)
def test_errors_leave_functions_that_take_functions_filtered(name):
    def err(*_):
        raise AssertionError("inside")

    def filtered(side):
        with side("_src.config").traceback_filtering("auto"):
            error = raised(lambda: SOLVERS[name](side, err))
        return type(error), len(traceback.extract_tb(error.__traceback__))

    theirs, ours = (filtered(Side(side)) for side in NAMES)
    assert ours == theirs


def test_a_script_is_not_called_by_the_framework_that_runs_it():
    side = Side("minijax")
    runner = str(Path(minijax.__file__).with_name("launch.py"))
    scope: dict = {"__name__": "minijax.launch"}
    exec(compile("def run(script):\n    script()\n", runner, "exec"), scope)
    with side("_src.config").traceback_filtering("remove_frames"):
        error = raised(lambda: scope["run"](lambda: side.jit(_fails_inside(side))(1.0)))
    assert type(error.__cause__).__name__ == "UnfilteredStackTrace"


def test_hidden_frames_keep_nothing_alive():
    util = Side("minijax")("_src.traceback_util")

    @util.api_boundary
    def fails():
        raise ValueError

    with Side("minijax")("_src.config").traceback_filtering("tracebackhide"):
        gc.collect()
        raised(fails)
        assert not gc.collect()


INVALID = {
    "line": lambda s: s.jit(lambda x: 0.0 / x)(0.0),
    "op": lambda s: s.jit(lambda x: x / x)(s.jnp.zeros(2)),
    "branch": lambda s: s.jit(
        lambda x: s.lax.cond(x == 1, lambda: np.nan, lambda: 2.0)
    )(1),
    "input": lambda s: s.jit(lambda x: x * 3.0)(np.nan),
    "literal": lambda s: s.jit(lambda x: (np.nan, x + 2))(3),
    "shards": lambda s: s.pmap(lambda x: 0.0 / x)(np.zeros(1)),
    "norm": lambda s: s.grad(s.jnp.linalg.norm)(np.zeros((3, 3), "f")),
}
_SAID = (
    r"(?:I|i)nvalid value \(nan\) encountered in \w+|the de-optimized function did not"
)


@pytest.mark.parametrize("name", INVALID)
def test_invalid_values_are_found_by_calling_the_function_again(name):
    def found(side):
        with side.debug_nans(True):
            error = raised(lambda: INVALID[name](side))
        again = name == "norm" and side("_src.source_info_util").has_user_context(error)
        return type(error), re.findall(_SAID, str(error))[-1:], again

    theirs, ours = (found(Side(side)) for side in NAMES)
    assert ours == theirs


def test_other_libraries_frames_can_be_left_out(filtering, tmp_path):
    path = tmp_path / "library.py"
    path.write_text("def call(f, x):\n    return f(x)\n")
    scope = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    side = Side("minijax")

    def through_library():
        return side.jit(lambda x: scope["call"](_fails_inside(side), x))(1.0)

    assert str(path) in _files(raised(through_library))
    side("extend.source_info_util").register_exclusion(str(path))
    assert str(path) not in _files(raised(through_library))


def test_message_names_the_users_line():
    side = Side("minijax")

    def branches(x):
        return 1 if x > 0 else 2

    line = branches.__code__.co_firstlineno
    for wrap in (side.jit, lambda f: side.jit(side.grad(f))):
        said = str(raised(lambda wrap=wrap: wrap(branches)(1.0)))
        assert f"branches at {__file__}:{line} for jit" in said


def _first_and_last(x, y, z):
    return int(x + z)


def _fails(x):
    return int(x)


NAMED = {
    "one": lambda s: s.jit(lambda x, y: int(y))(1.0, 2.0),
    "two": lambda s: s.jit(lambda x, y: int(x + y))(1.0, 2.0),
    "three": lambda s: s.jit(lambda x, y, z: int(x + y * z))(1.0, 2.0, 3.0),
    "open ends": lambda s: s.jit(lambda *a, **k: int(a[1] + k["z"]))(1.0, 2, z=3),
    "by keyword": lambda s: s.jit(_first_and_last)(1.0, z=2.0, y=1),
    "leaf": lambda s: s.jit(lambda d: int(d["a"][1]))({"a": (1.0, 2.0), "b": 2}),
    "static place": lambda s: s.jit(_first_and_last, static_argnums=1)(1.0, 2, 3.0),
    "static end": lambda s: s.jit(_first_and_last, static_argnums=-2)(1.0, 2, 3.0),
    "static name": lambda s: s.jit(_first_and_last, static_argnames="y")(1.0, y=2, z=3),
    "make_jaxpr": lambda s: s.make_jaxpr(_first_and_last, static_argnums=1)(
        1.0, 2, 3.0
    ),
    "eval_shape": lambda s: s.eval_shape(_fails, 1.0),
    "checkpoint": lambda s: s.checkpoint(_fails)(1.0),
    "scan": lambda s: s.lax.scan(lambda c, x: (c, int(x)), 0, np.ones(3)),
    "cond": lambda s: s.lax.cond(True, _fails, lambda x: 1, 2.0),
    "while": lambda s: s.lax.while_loop(
        lambda c: c[0] > 1, lambda c: int(c[1]), (1, 2)
    ),
    "inner": lambda s: s.jit(lambda x: s.jit(lambda y: int(x))(1))(3),
    "shape": lambda s: s.jit(lambda x: s.jnp.zeros(x))(3),
    "no argument": lambda s: s.jit(lambda: int(s.jnp.zeros(2)[0]))(),
    "constant": lambda s: s.jit(lambda x: x.reshape(s.jnp.array(x.shape).prod()))(
        np.ones((2, 3))
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_message_names_the_arguments(name):
    theirs, ours = (str(raised(lambda s=s: NAMED[name](Side(s)))) for s in NAMES)
    line = next(line for line in theirs.splitlines() if "while tracing" in line)
    assert line in ours.splitlines()


def test_script_shows_its_own_lines(tmp_path):
    """Errors of eager operations too, where minijax runs the script."""
    script = tmp_path / "wrong.py"
    script.write_text("import jax.numpy as jnp\njnp.ones(6).reshape(4, 2)\n")
    command = [sys.executable, "-m", "minijax", str(script)]
    environment = {**os.environ, "JAX_TRACEBACK_FILTERING": "auto"}
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "line 2, in <module>" in done.stderr and "cannot reshape" in done.stderr
    assert done.stderr.count('File "') == 1, done.stderr
