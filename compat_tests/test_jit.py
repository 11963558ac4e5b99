"""jit on both frameworks: when it traces again, static and donated arguments, stages."""

import dataclasses
import functools
import gc
import inspect
import itertools
import operator
import re
import weakref

import jax
import jax.numpy
import numpy as np
import pytest
from sides import NAMES, Side, assert_same, said

import minijax
import minijax.numpy

FRAMEWORKS = [jax, minijax]
both = pytest.mark.parametrize("lib", FRAMEWORKS, ids=["jax", "minijax"])


def counted(lib, fun, **options):
    """(jitted function, list that grows by one each time it is traced)."""
    traces = []

    @functools.wraps(fun)
    def traced(*args, **kwargs):
        traces.append(1)
        return fun(*args, **kwargs)

    return lib.jit(traced, **options), traces


@both
def test_one_trace_a_signature(lib):
    f, traces = counted(lib, lambda x: x * 2)
    calls = [
        (1.0, 1), (2.0, 1), (np.float32(1), 2), (lib.numpy.float32(3), 2), (1, 3), (True, 4),
        (np.ones(3, np.float32), 5), (lib.numpy.ones(3), 5), (np.ones(3, np.int32), 6),
    ]  # fmt: skip
    for x, expected in calls:
        f(x)
        assert len(traces) == expected, x


@both
def test_trees_are_part_of_the_signature(lib):
    f, traces = counted(lib, lambda t: lib.tree.map(lambda x: x + 1, t))
    for tree, expected in [
        ((1.0, 2.0), 1), ([1.0, 2.0], 2), ({"a": 1.0, "b": 2.0}, 3), ({"b": 5.0, "a": 1.0}, 3),
        ((1.0, None), 4), ((1.0, (2.0,)), 5),
    ]:  # fmt: skip
        out = f(tree)
        assert len(traces) == expected
        assert str(lib.tree.structure(out)) == str(lib.tree.structure(tree))


@both
def test_static_arguments(lib):
    f, traces = counted(
        lib, lambda x, n, flag=False: x * n + flag, static_argnames=("n", "flag")
    )
    assert float(f(2.0, 3)) == 6
    assert float(f(3.0, 3)) == 9
    assert len(traces) == 1
    f(2.0, n=3)
    f(2.0, 4)
    f(2.0, 4, flag=True)
    assert len(traces) == 4
    with pytest.raises(ValueError, match=r"[Nn]on-hashable"):
        f(2.0, [3])


@both
def test_static_names_of_a_given_signature(lib):
    def f(*args, **kwargs):
        return args[0] * len(args[1]) + kwargs["y"]

    f.__signature__ = inspect.Signature(
        [
            inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            inspect.Parameter("text", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            inspect.Parameter("y", inspect.Parameter.KEYWORD_ONLY),
        ]
    )
    jitted = lib.jit(f, static_argnames="text")
    assert float(jitted(2.0, "abc", y=1.0)) == 7


@both
def test_same_function_shares_its_traces(lib):
    traces = []

    def f(x):
        traces.append(1)
        return x

    lib.jit(f)(1.0)
    lib.jit(f)(2.0)
    assert len(traces) == 1


@both
def test_configuration_is_part_of_the_signature(lib):
    f, traces = counted(lib, lambda x: x + 1)
    assert f(np.arange(3)).dtype == np.int32
    with lib.enable_x64(True):
        assert f(np.arange(3)).dtype == np.int64
    assert f(np.arange(3)).dtype == np.int32
    assert len(traces) == 2


@both
def test_methods_and_partials(lib):
    class Scale:
        def __init__(self, k):
            self.k = k

        @functools.partial(lib.jit, static_argnums=0)
        def __call__(self, x):
            return x * self.k

    assert float(Scale(3.0)(2.0)) == 6
    assert float(lib.jit(functools.partial(lambda a, b: a - b, 5.0))(2.0)) == 3


@both
def test_donated_arrays_are_deleted(lib):
    f = lib.jit(lambda x, y: x + y, donate_argnums=0)
    x, y = lib.numpy.ones(3), lib.numpy.ones(3)
    f(x, y)
    assert x.is_deleted() and not y.is_deleted()
    with pytest.raises(RuntimeError, match="deleted"):
        np.asarray(x)


class Unhashable(list):
    def __call__(self, x):
        return x + 1


@dataclasses.dataclass(frozen=True)
class Holding:
    values: list

    __call__ = Unhashable.__call__


@both
def test_functions_are_told_apart_by_their_hash(lib):
    with pytest.raises(TypeError, match="unhashable type: 'Unhashable'"):
        lib.jit(Unhashable())(1)
    with lib.disable_jit():
        assert lib.jit(Unhashable())(1) == 2
    for fun in (Unhashable(), Holding([])):
        assert lib.eval_shape(fun, 1).shape == ()
    assert lib.vmap(Unhashable())(np.ones(1)) == lib.grad(Unhashable())(1.0) + 1


@both
def test_recursion_and_nesting(lib):
    @lib.jit
    def power(x):
        return lib.jit(lambda y: y * x)(x)

    assert float(lib.grad(lib.jit(power))(3.0)) == 6

    @functools.partial(lib.jit, static_argnums=1)
    def factorial(x, n):
        return x if n == 0 else n * factorial(x, n - 1)

    assert float(factorial(1.0, 5)) == 120


@both
def test_an_error_leaves_the_function_usable(lib):
    @functools.partial(lib.jit, static_argnums=1)
    def f(x, fail):
        if fail:
            raise KeyError("on purpose")
        return x + 1

    with pytest.raises(KeyError):
        f(1.0, True)
    assert float(f(1.0, False)) == 2


@both
def test_stages(lib):
    f = lib.jit(lambda x, y: {"sum": x + y})
    lowered = f.lower(np.ones(3, np.float32), 1.0)
    compiled = lowered.compile()
    out = compiled(np.ones(3, np.float32), 2.0)
    np.testing.assert_array_equal(np.asarray(out["sum"]), [3, 3, 3])
    assert lowered.out_info["sum"].shape == (3,)
    assert str(f.trace(np.ones(3, np.float32), 1.0).jaxpr).startswith("{ lambda ;")
    with pytest.raises(TypeError):
        compiled(np.ones(4, np.float32), 2.0)
    struct = lib.ShapeDtypeStruct((3,), np.float32)
    assert f.lower(struct, 1.0).out_info["sum"].dtype == np.float32
    assert lib.eval_shape(f, struct, 1.0)["sum"].shape == (3,)


@both
def test_disable_jit_runs_python(lib):
    @lib.jit
    def f(x):
        return x + 1 if x > 0 else x - 1

    with lib.disable_jit():
        assert float(f(lib.numpy.float32(2))) == 3


@both
def test_library_functions_run_without_jit(lib):
    jnp = lib.numpy
    with lib.disable_jit():
        assert float(jnp.percentile(np.arange(5.0), 75)) == 3
        assert [float(x) for x in jnp.modf(2.5)] == [0.5, 2]
        assert float(jnp.hypot(3.0, np.float16(4))) == 5


@both
def test_a_dropped_function_is_collected(lib):
    def make():
        def f(x):
            return x + 1

        lib.jit(f)(1.0)
        return weakref.ref(f)

    ref = make()
    gc.collect()
    assert ref() is None


def test_a_warm_call_traces_and_compiles_nothing():
    f = minijax.jit(lambda x: minijax.numpy.sin(x) + 1)
    f(np.ones(3, np.float32))
    before = dict(minijax.stats.counters)
    for _ in range(5):
        f(np.ones(3, np.float32))
    assert dict(minijax.stats.counters) == before


# --- what is logged -----------------------------------------------------------------------


def _seen(side, first, then, **options):
    """What is explained of a call `then(f)` after `first(f)`."""

    def f(x, y=2):
        return x * 2

    jitted = side.jit(f, **options)
    if first is not None:
        first(jitted)
    with side.explain_cache_misses(True):
        then(jitted)


def _with_rank_warnings(side, f, x):
    with side.numpy_rank_promotion("warn"):
        f(x)


def _flagged(side):
    x = np.float32(1)
    _seen(side, lambda f: f(x), lambda f: _with_rank_warnings(side, f, x))


def _of_builtin(side):
    with side.explain_cache_misses(True):
        side.jit(operator.add)(1, 2)


def _redefined(side):
    with side.explain_cache_misses(True):
        for _ in range(3):
            side.jit(lambda x: x * 2)(1.0)


EXPLAINED = {
    "first": lambda s: _seen(s, None, lambda f: f(1.0)),
    "hit": lambda s: _seen(s, lambda f: f(1.0), lambda f: f(2.0)),
    "rank": lambda s: _seen(s, lambda f: f(np.float32(1)), lambda f: f(np.ones(3, "f"))),
    "shape": lambda s: _seen(
        s, lambda f: f(np.ones(2, "f")), lambda f: f(np.ones(3, "f"))),
    "two": lambda s: _seen(
        s, lambda f: f(np.int32(1), np.int32(1)), lambda f: f(np.float32(1), np.ones(3, "f"))),
    "weak": lambda s: _seen(s, lambda f: f(np.float32(1)), lambda f: f(1.0)),
    "tree": lambda s: _seen(s, lambda f: f(1.0, 2), lambda f: f(1.0, (2, 3))),
    "keyword": lambda s: _seen(s, lambda f: f(1.0, 2), lambda f: f(1.0, y=2)),
    "closest": lambda s: _seen(
        s, lambda f: (f(np.ones(2, "f"), 1.0), f(1, (2,))), lambda f: f(np.ones(2, "f"), 3)),
    "fewer": lambda s: _seen(s, lambda f: (f(1.0, 2), f(1.0, y=2)), lambda f: f(1.0)),
    "tied": lambda s: _seen(
        s, lambda f: (f(np.ones(2, "f")), f(np.ones(4, "f"))), lambda f: f(np.ones(3, "f"))),
    "static": lambda s: _seen(
        s, lambda f: f(1.0, 2), lambda f: (f(1.0, 3), f(1.0)), static_argnums=1),
    "static name": lambda s: _seen(
        s, lambda f: f(1.0, y=2), lambda f: (f(1.0, y=3), f(1.0)), static_argnames="y"),
    "flag": _flagged,
    "flag and type": lambda s: _seen(
        s, lambda f: f(1.0), lambda f: _with_rank_warnings(s, f, np.ones(3, "f"))),
    "no source": _of_builtin,
    "redefined": _redefined,
}  # fmt: skip


def _logged(program, name, caplog):
    caplog.clear()
    with caplog.at_level("WARNING"):
        program(Side(name))
    # what differs from one process, or side, to another
    own = re.compile(r"id=\d+|[\d.]+(?= sec)|mini(?=jax\._src)")
    return [(r.name, r.levelname, own.sub("", r.getMessage())) for r in caplog.records]


@pytest.mark.parametrize("name", EXPLAINED)
def test_cache_misses_are_explained(name, caplog):
    theirs, ours = (_logged(EXPLAINED[name], n, caplog) for n in NAMES)
    assert theirs == ours


def test_compilations_are_logged(caplog):
    def program(side):
        x = side.jnp.ones(7)

        def logged_function(x):
            return x * 2 + 1

        with side.log_compiles():
            side.jit(logged_function)(x)

    theirs, ours = (_logged(program, n, caplog) for n in NAMES)
    assert len(theirs) == 4
    assert theirs == ours


STAGED = {
    "sin": lambda s, x: s.jnp.sin.lower(x).compile()(x),
    "arctan2": lambda s, x: s.jnp.arctan2.trace(x, x).jaxpr.in_avals[0].shape,
    "shape": lambda s, x: s.jnp.exp.eval_shape(x).shape,
    "abstract": lambda s, x: s.jnp.sqrt.lower(s.ShapeDtypeStruct((3,), "float32")).compile()(x),
}  # fmt: skip


@pytest.mark.parametrize("name", STAGED)
def test_functions_of_the_library_have_stages(name):
    x = np.arange(3, dtype=np.float32)
    assert_same(lambda s: STAGED[name](s, s.jnp.asarray(x)))


@pytest.mark.parametrize(
    "value", [1.0, 2, np.float32(3), np.ones(2, np.float32)], ids=str
)
def test_asarray_of_a_traced_number_is_an_array(value):
    def kinds(s):
        tangent = np.zeros((), s.dtypes.float0) if type(value) is int else value
        out = s.jvp(s.jnp.asarray, (value,), (tangent,))[0]
        return [isinstance(out, s.Array), out.weak_type, out]

    assert_same(kinds)


@pytest.mark.parametrize(
    "options",
    [
        {"invalid_key": "x"},
        {"xla_embed_ir_in_executable": "invalid_value"},
        {"xla_dump_max_hlo_modules": 2.5},
        {"xla_embed_ir_in_executable": True, "xla_dump_max_hlo_modules": "20"},
        {"exec_time_optimization_effort": 0.0},
    ],
)
def test_compiler_options_are_checked(options):
    calls = [
        lambda side: side.jit(lambda x: x + 1, compiler_options=options)(1.0),
        lambda side: side.jit(lambda x: x + 1).lower(1.0).compile(options),
    ]
    for call in calls:
        ours, theirs = (outcome(call, side) for side in (minijax, jax))
        assert ours == theirs


def _nested(side, around):
    """A call of a function with options, as a part of what `around` makes."""
    options = {"xla_embed_ir_in_executable": True}
    f = side.jit(lambda x: x * 2, compiler_options=options)
    return around(side, f)


NESTED = {
    "jit": lambda s, f: s.jit(lambda x: f(x) + 1)(1.0),
    "jit of vmap": lambda s, f: s.jit(s.vmap(f))(s.jnp.ones(2)),
    "scan": lambda s, f: s.lax.scan(lambda c, _: (f(c), None), 1.0, length=2),
    "grad": lambda s, f: s.grad(f)(1.0),
    "make_jaxpr": lambda s, f: s.make_jaxpr(f)(1.0),
    "vmap": lambda s, f: s.vmap(f)(s.jnp.ones(2)),
    "jvp": lambda s, f: s.jvp(f, (1.0,), (1.0,)),
    "eval_shape": lambda s, f: s.eval_shape(f, 1.0).shape,
    "lower": lambda s, f: f.lower(1.0).compile()(1.0),
}


@pytest.mark.parametrize("name", NESTED)
def test_options_belong_to_the_outermost_jit(name):
    theirs, ours = (said(lambda s: _nested(s, NESTED[name]), Side(n)) for n in NAMES)
    start, _, _ = theirs[0].partition(" and source info")
    assert ours[0].startswith(start)


def test_shapes_have_the_shardings_that_were_asked_for():
    def shardings(s):
        one = s.sharding.SingleDeviceSharding(s.devices()[0])
        found = []
        for asked in (one, (None, one), None):
            f = s.jit(lambda x: (x, x + 1), out_shardings=asked)
            ways = f.eval_shape, lambda x, f=f: s.eval_shape(f, x)
            stages = f.trace(1.0), f.lower(1.0)
            infos = [way(1.0) for way in ways] + [stage.out_info for stage in stages]
            found.append([[x.sharding == one for x in info] for info in infos])
        return found

    assert_same(shardings)


def outcome(call, side):
    """What a call says if it raises, else that it returns."""
    try:
        call(side)
    except side.errors.JaxRuntimeError as error:
        return str(error)
    return "returned"


# --- shapes in place of values, literals, donation ---------------------------------------


def test_shapes_are_no_values():
    def body(side):
        shape = side.ShapeDtypeStruct((2,), np.float32)
        return [
            re.sub(
                "<class.*?>",
                "TYPE",
                str(said(lambda _, f=f, x=x: side.jit(f)(x), side)),
            )
            for f, x in [
                (lambda x: x, {"a": 1.0, "b": [shape]}),
                (lambda x, y=0: (x, shape), 1.0),
            ]
        ]

    assert_same(body)


def test_inlined_function_returns_arrays():
    def body(side):
        seen = []

        def outer(x):
            y = side.jit(lambda x: side.jnp.array(1), inline=True)(x)
            seen.append((y.shape, str(y.dtype), y.weak_type))
            return y

        side.make_jaxpr(outer)(1.0)
        return seen

    assert_same(body)


def test_equation_deletes_what_it_is_given():
    def body(side):
        f, x = side.jit(lambda x, y: x + y, donate_argnums=0), side.jnp.ones(3)
        jaxpr = side.make_jaxpr(f)(x, x)
        given = side.jnp.ones(3)
        outs = side("_src.core").jaxpr_as_fun(jaxpr)(given, x)
        return outs, given.is_deleted(), x.is_deleted()

    assert_same(body)


def test_function_of_closed_over_tracers_is_traced_once():
    def body(side):
        traced = []

        @side.jit
        def outer(x, y):
            @side.jit
            def inner(x):
                traced.append(x)
                return x * y

            return inner(x) + inner(y)

        x = side.jnp.ones(1)
        jaxpr = str(side.make_jaxpr(outer)(x, x))
        return len(traced), jaxpr.count("jaxpr=inner"), outer(x, x)

    assert_same(body)


def test_constants_keep_the_dtype_of_the_trace():
    """Each of tracing, compiling and running may have other dtypes switched on."""

    def body(side):
        found = []
        for lower, compile, run in itertools.product((False, True), repeat=3):
            with side.enable_x64(True):
                const = np.arange(8, dtype=np.int64) + 42
                f = side.jit(
                    lambda x, c=const: side.lax.convert_element_type(c, x.dtype) + x
                )
            x = np.arange(8.0, dtype=np.float32)
            with side.enable_x64(lower):
                lowered = f.lower(x)
            with side.enable_x64(compile):
                compiled = lowered.compile()
            with side.enable_x64(run):
                found.append(compiled(x))
        return found

    assert_same(body)


def test_info_of_a_wrapped_function():
    def body(side):
        util = side("_src.api_util")

        def wrapper(x):
            return x

        util.save_wrapped_fun_debug_info(
            wrapper, util.debug_info("other", abs, (1,), {})
        )
        info = util.debug_info("test", wrapper, (1,), {})
        util.save_wrapped_fun_debug_info(wrapper, None)
        return (
            info.traced_for,
            info.func_src_info,
            list(info.arg_names),
            util.debug_info("test", wrapper, (1,), {}).traced_for,
        )

    assert_same(body)


def test_function_called_often_is_lowered_once():
    def body(side):
        @side.jit
        def inner(x):
            return x * 2

        util, seen = side("_src.util"), []
        before = util.test_event_listener
        util.test_event_listener = lambda name, *rest: seen.append((name, *rest))
        try:
            side.jit(lambda x: inner(inner(inner(x))))(side.jnp.arange(3.0))
        finally:
            util.test_event_listener = before
        lowered = [rest for name, *rest in seen if name == "lower_jaxpr_to_fun"]
        return len([name for (name,) in lowered if "inner" in name])

    assert_same(body)
