"""JAX's private helpers of functions, arguments and flags: results, and words of errors."""

import functools
import itertools

import numpy as np
import pytest
from outcomes import outcome
from sides import Side

SIDES = Side("jax"), Side("minijax")


def _same(case):
    theirs, ours = (outcome(case, side) for side in SIDES)
    theirs = theirs.replace("_src.api_util.", "").replace("_src.", "")
    ours = ours.replace("_pytree_prefix.", "")
    assert ours == theirs


def _fun(x, y, z=3):
    pass


def _keyword(x, y, *, kw=True):
    pass


def _resolved(fun, *args, **kwargs):
    return lambda side: side("_src.api_util").resolve_kwargs(fun, args, kwargs)


def _util(name, *args, **kwargs):
    return lambda side: getattr(side("_src.util"), name)(*args, **kwargs)


def _rebased(*argnums):
    return lambda side: side("_src.api_util").rebase_donate_argnums(*argnums)


def _axes(tree, axes):
    def case(side):
        return side("_src.api_util").flatten_axes(
            "vmap in_axes", side.tree.structure(tree), axes
        )

    return case


def _resources(tree, shardings, tupled):
    def case(side):
        tree_def = side.tree.structure(tree)
        find = side("_src.api_util").flatten_axis_resources
        return find("pjit in_shardings", tree_def, shardings, tupled)

    return case


def _numpy_util(name, *args):
    return lambda side: getattr(side("_src.numpy.util"), name)("f", *args)


def _keys(count, *others):
    def case(side):
        keys = [side.random.key(k) for k in range(count)]
        return side("_src.numpy.util").check_for_prngkeys("f", *keys, *others)

    return case


def _bound(*args):
    args = [
        np.dtype(x) if isinstance(x, str) and i > 1 else x for i, x in enumerate(args)
    ]
    return lambda side: str(side("_src.dtypes")._least_upper_bound(*args))


def _lattice(strict, x64):
    def case(side):
        edges = side("_src.dtypes")._type_promotion_lattice(strict, x64)
        return sorted([(str(k), sorted(map(str, v))) for k, v in edges.items()])

    return case


HELPERS = {
    **{f"lattice {k}": _lattice(*map(bool, k)) for k in itertools.product((0, 1), (0, 1))},
    "bound": _bound("standard", False, "uint32", "int32"),
    "wide bound": _bound("standard", True, "uint32", "int32"),
    "bound of Python's": _bound("standard", True, "int8", float),
    "key alone": _keys(1),
    "keys": _keys(2),
    "key and number": _keys(1, 2.0),
    "numbers": _keys(0, 2, 2.0),
    "not float0": _numpy_util("check_no_float0s", 1.0, np.ones(2)),
    "tuple of arrays": lambda side: [
        (x.shape, str(x.dtype), x.weak_type)
        for x in side("_src.numpy.util").ensure_arraylike_tuple("f", (1, np.ones(2)))
    ],
    "kinds": lambda side: sorted(
        map(str, side("_src.lax.lax")._any - side("_src.lax.lax")._num)
    ),
    "filled": lambda side: side("_src.lax.lax")._ones(np.zeros(2)).tolist(),
    "dtype of int": lambda side: str(side("_src.dtypes").scalar_type_to_dtype(int, 3)),
    "no int": lambda side: side("_src.dtypes").scalar_type_to_dtype(int, 2**40),
    "no dtype": lambda side: side("_src.dtypes").check_valid_dtype(np.dtype(object)),
    "by name": _resolved(_fun, 1, y=2),
    "all by name": _resolved(_fun, x=1, y=2, z=4),
    "one is missing": _resolved(_fun, 1),
    "a default of a keyword": _resolved(_keyword, 1, y=2),
    "a keyword without a place": _resolved(_keyword, 1, 2, kw=False),
    "rebased": _rebased((3, 2), (1, 0)),
    "donated twice": _rebased((3, 3), (0, 1)),
    "donated and static": _rebased((0, 1), (1, 2)),
    "axes": _axes({"a": [1, 2], "b": 3}, {"a": 0, "b": None}),
    "no axes": _axes({"a": 1, "b": 2}, {"a": 0, "b": (1, 2)}),
    "two without axes": _axes({"a": 1, "b": 2}, {"a": [0, 1], "b": (2, 3)}),
    "shardings": _resources({"a": [1, 2], "b": 3}, {"a": None, "b": None}, False),
    "a sharding too many": _resources(((1, 2),), ((5, 6, 7),), False),
    "a list": _resources((1, 2), [5, 6], True),
    "too few arguments": _resources((1, 2), (5, 6, 7), True),
    "a tuple is missing": _resources(((1, 2),), (5, 6), True),
    "another tree": _resources(((1, 2),), {"a": 5}, True),
    "jit": lambda side: side.jit(_fun, in_shardings=(None,) * 3)(1, 2),
    "jit of a tree": lambda side: side.jit(
        _fun,
        in_shardings={"a": side.sharding.SingleDeviceSharding(side.devices()[0])},
    )({"a": 1}, 2),
    "source": lambda side: [
        side("_src.api_util").fun_sourceinfo(f).partition(" ")[0]
        for f in (_fun, functools.partial(_fun, 1), 3)
    ],
    "hashable": lambda side: [side("_src.api_util").is_hashable(x) for x in (3, [])],
    "flatten": _util("flatten", [[1, 2], [3]]),
    "unflatten": _util("unflatten", [1, 2, 3], [2, 1]),
    "two lists of places": _util(
        "subs_list2", [0, None, None], [None, 0, None], [1], [2], [3]
    ),
    "axis tuple": _util("canonicalize_axis_tuple", (0, -1), 3),
    "all axes": _util("canonicalize_axis_tuple", None, 3),
    "an axis twice": _util("canonicalize_axis_tuple", (0, 0), 3),
    "an axis allowed twice": _util("canonicalize_axis_tuple", (0, 0), 3, True),
    "unique": lambda side: list(side("_src.util").stable_unique([2, 1, 2])),
}  # fmt: skip


@pytest.mark.parametrize("name", HELPERS)
def test_helpers(name):
    _same(HELPERS[name])


@pytest.mark.parametrize(
    "name, args",
    [
        ("partition_list", ([True], [1, 2])),
        ("merge_lists", ([True, False], [1], [2, 3])),
        ("merge_lists", ([True, False], [1, 2], [])),
        ("unflatten", ([1, 2, 3], [1, 1])),
    ],
)
def test_lists_that_do_not_fit(name, args):
    for side in SIDES:
        with pytest.raises(AssertionError):
            getattr(side("_src.util"), name)(*args)


def _stores(side):
    lu = side("_src.linear_util")
    first, second = lu.Store(), lu.EqualStore()
    found = [bool(first)]
    merged = functools.partial(
        lu.merge_linear_aux, lambda: first.val, lambda: second.val
    )
    steps = (
        merged, lambda: first.store(1), merged, lambda: first.store(1),
        lambda: second.store(2), lambda: second.store(2), lambda: second.store(3), merged,
    )  # fmt: skip
    for step in steps:
        found.append(outcome(lambda _, step=step: step(), side))
    return [*found, bool(first)]


def _wrapped(side):
    lu, info = side("_src.linear_util"), side("api_util").debug_info

    @lu.transformation2
    def doubled(f, factor, *args, **kwargs):
        return f(*[factor * x for x in args], **kwargs)

    @lu.transformation_with_aux2
    def counted(f, store, *args):
        store.store(len(args))
        return f(*args)

    def init():
        return lu.wrap_init(_fun, debug_info=info("test", _fun, (1, 2), {}))

    wrapped, again = doubled(init(), 2), doubled(init(), 2)
    whole, count = counted(wrapped)
    whole.call_wrapped(1, 2)
    return [
        wrapped == again, hash(wrapped) == hash(again), wrapped == doubled(init(), 3),
        init() == wrapped, len(whole.transforms), len(whole.stores), count(),
        outcome(lambda _: whole.call_wrapped(1, 2), side), init().params,
    ]  # fmt: skip


def _debug_info(side):
    info = side("_src.core").DebugInfo("test", "f at a.py:3", ("x", "y"), ("result",))
    renamed = info.replace_func_name("g")
    return [
        info.func_name, info.func_filename, info.func_lineno, info.result_paths,
        info.safe_arg_names(2), info.filter_arg_names([False, True]), repr(info),
        outcome(lambda _: info.safe_arg_names(1), side).partition(":")[0],
        info.with_unknown_names().safe_result_paths(2), renamed.func_src_info,
        renamed == info, renamed.replace_func_name("f") == info,
        info._replace(arg_names=None).arg_names,
    ]  # fmt: skip


@pytest.mark.parametrize("case", [_stores, _wrapped, _debug_info])
def test_wrapped_functions(case):
    _same(case)


_numbers = itertools.count()


class _Undecided:
    def __bool__(self):
        raise ValueError("neither")


def _tried(kind, *values, **options):
    def case(side):
        config, name = side("_src.config"), f"jax_helper_{next(_numbers)}"
        state = getattr(config, kind)(name=name, help="", **options)
        found = []

        def held(value):
            with state(value):
                return state.value

        for value in values:
            found.append(outcome(lambda _, v=value: side.config.update(name, v), side))
            found.append(outcome(lambda _, v=value: held(v), side))
        return [*found, state.value]

    return case


STATES = {
    "bool": _tried("bool_state", False, _Undecided(), default=True),
    "int": _tried("int_state", None, 3, 3.5, "c", default=1),
    "float": _tried("float_state", None, 3, 3.5, "c", default=1.0),
    "text": _tried("string_state", "c", None, 3, default="a"),
    "text or none": _tried("optional_string_state", "c", None, 3, default=None),
    "name": _tried("enum_state", "b", "c", enum_values=["a", "b"], default="a"),
    "no int": _tried("int_state", default="a"),
    "no text": _tried("string_state", default=None),
    "no name": _tried("enum_state", enum_values=["a"], default=3),
    "of JAX's own": lambda side: side.config.update("jax_compilation_cache_max_size", "c"),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_states(name):
    _same(STATES[name])


def _evaluated(side):
    """A jaxpr, run as interpreters do: each equation in its context."""
    core = side("_src.core")
    closed = side.make_jaxpr(lambda x: side.lax.sin(x) * 2)(1.0)
    values = dict(zip(closed.jaxpr.invars, [0.5], strict=True))

    def read(atom):
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    for eqn in closed.eqns:
        with eqn.ctx.manager:
            out = eqn.primitive.bind(*map(read, eqn.invars), **eqn.params)
        eqn = eqn.replace(ctx=eqn.ctx)
        values[eqn.outvars[0]] = out
    partitionable = side.config.jax_threefry_partitionable
    return (
        read(closed.jaxpr.outvars[0]), eqn.ctx.compute_type, eqn.ctx.xla_metadata,
        eqn.ctx.threefry_partitionable == partitionable,
        eqn.ctx.cur_abstract_mesh.empty, eqn.ctx == closed.eqns[0].ctx,
        type(core.JaxprEqnContext()).__name__,
    )  # fmt: skip


def test_context_of_equations():
    _same(_evaluated)


def _closed(side):
    """A closed jaxpr where an open one would do."""
    core = side("_src.core")
    closed = side.make_jaxpr(lambda x, y: x + np.arange(3.0) + y)(1.0, 2.0)
    first = closed.map_jaxpr(lambda jaxpr: jaxpr.replace(eqns=jaxpr.eqns[:1]))
    core.check_jaxpr(closed)
    return (
        len(closed.constvars), len(closed.invars), len(closed.outvars),
        closed.debug_info.arg_names, len(first.eqns), len(first.consts),
        core.eval_jaxpr(closed, closed.consts, 1.0, 2.0),
    )  # fmt: skip


def test_closed_jaxprs():
    _same(_closed)


BACKENDS = {
    "types": lambda side: [
        getattr(side("_src.dtypes"), name).__module__
        for name in ("int4", "uint2", "float8_e4m3fn", "bfloat16", "bool_")
    ],
    "platforms": lambda side: sorted(side("_src.xla_bridge").known_platforms()),
    "known": lambda side: side("_src.xla_bridge").is_known_platform("metal"),
    "aliases": lambda side: [
        side("_src.xla_bridge").expand_platform_alias(name) for name in ("gpu", "cpu")
    ],
    "backend": lambda side: side("_src.xla_bridge").get_device_backend().platform,
    "another process": lambda side: side.local_devices(process_index=1),
} | {
    f"{name} of {platform}": lambda side, name=name, platform=platform: getattr(
        side, name
    )(platform)
    for name in ("process_index", "process_count", "process_indices", "device_count")
    for platform in ("gpu", "tpu", "cuda", "foo", "cpu")
}


@pytest.mark.parametrize("name", BACKENDS)
def test_backends(name):
    _same(BACKENDS[name])


def test_host_id_is_an_old_name():
    for side in SIDES:
        with pytest.warns(
            UserWarning, match="renamed from `host_id` to `process_index`"
        ):
            assert len(side.local_devices(host_id=0)) == 1
        for name in ("host_id", "host_ids", "host_count"):
            with pytest.warns(UserWarning, match="has been renamed"):
                getattr(side, name)()
