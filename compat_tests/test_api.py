"""What JAX's own tests of the transformations look at, on both sides."""

import copy
import inspect
import re

import numpy as np
import pytest
from sides import NAMES, Side, assert_said_same, said

# --- donation ---------------------------------------------------------------------------


def _deleted(f, *types, **options):
    """Which of its arguments `f`, jitted with `options`, takes."""

    def body(side):
        args = [side.jnp.ones(*t) for t in types]
        side.jit(lambda *xs: f(side, *xs), **options)(*args)
        return [x.is_deleted() for x in args]

    return body


def _twice(side, **options):
    x = side.jnp.ones(3)
    try:
        side.jit(lambda x, y: x + y, **options)(x, x)
    except side.errors.JaxRuntimeError as error:
        return "INVALID_ARGUMENT" in str(error)


def _ahead(side, f):
    x = side.jnp.ones(3)
    lowered = side.jit(f, donate_argnums=0).lower(x)
    lowered.compile()(x)
    return lowered.donate_argnums, x.is_deleted()


V = ((3,),)
DONATED = {
    "fits": _deleted(lambda s, x: x + 1, V, donate_argnums=0),
    "identity": _deleted(lambda s, x: x, V, donate_argnums=0),
    "too large": _deleted(lambda s, x: x.sum(), V, donate_argnums=0),
    "one of two": _deleted(lambda s, x, y: x + y, V, V, donate_argnums=(0, 1)),
    "both": _deleted(lambda s, x, y: (x + y, x * y), V, V, donate_argnums=(0, 1)),
    "unread": _deleted(lambda s, x, y: y + 1, V, V, donate_argnums=0),
    "unread, kept": _deleted(
        lambda s, x, y: y + 1, V, V, donate_argnums=0, keep_unused=True
    ),
    "other shape": _deleted(lambda s, x: x.reshape(3, 2), ((2, 3),), donate_argnums=0),
    "other type": _deleted(lambda s, x: x.astype(int), V, donate_argnums=0),
    "shared": lambda s: _twice(s, donate_argnums=0),
    "donated twice": lambda s: _twice(s, donate_argnums=(0, 1)),
    "shared, unread": _deleted(lambda s, x, y: x + 1, V, V, donate_argnums=0),
    "ahead of time": lambda s: _ahead(s, lambda x: x + 1),
    "ahead of time, too large": lambda s: _ahead(s, lambda x: x.sum()),
}


@pytest.mark.parametrize("name", DONATED)
def test_donated(name):
    assert_said_same(DONATED[name])


# --- weak types of derivatives ------------------------------------------------------------

FUNCTIONS = {
    "square": lambda s, x: x**2,
    "cube": lambda s, x: x**3,
    "power": lambda s, x: x**2.5,
    "sqrt": lambda s, x: s.jnp.sqrt(x),
    "tanh": lambda s, x: s.jnp.tanh(x),
    "where": lambda s, x: s.jnp.where(x > 0, x, 0.0),
    "product": lambda s, x: x * x,
    "sum": lambda s, x: s.jnp.sum(x),
    "asarray": lambda s, x: s.jnp.asarray(x),
}
DERIVATIVES = {
    "grad": lambda s, f: s.grad(f)(2.0),
    "jvp": lambda s, f: s.jvp(f, (2.0,), (1.0,)),
    "jacfwd": lambda s, f: s.jacfwd(f)(2.0),
    "jacrev": lambda s, f: s.jacrev(f)(2.0),
    "second": lambda s, f: s.grad(s.grad(f))(2.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_weak_derivatives(name):
    for derivative in DERIVATIVES.values():
        assert_said_same(lambda s, d=derivative: d(s, lambda x: FUNCTIONS[name](s, x)))


# --- edges ----------------------------------------------------------------------------------


class _Incomparable:
    def __hash__(self):
        return 1

    def __eq__(self, other):
        raise NotImplementedError


def _struct_like_a_tracer(s):
    seen = []
    s.make_jaxpr(lambda x: seen.append(s.ShapeDtypeStruct.like(x)))(2.0)
    return seen


def _incomparable(side):
    f = side.jit(lambda x, y: x, static_argnums=1)
    f(1, _Incomparable())
    try:
        f(1, _Incomparable())
    except ValueError as error:
        return "comparable using __eq__" in str(error)


def _traces(side):
    """How often a function is traced that is asked for its shapes, and called."""
    traces = []

    def f(x):
        traces.append(1)
        return x

    side.eval_shape(f, np.arange(3))
    side.jit(f)(np.arange(3))
    side.eval_shape(f, np.arange(3))
    return len(traces)


def _documented(side):
    def f(x):
        """Docs."""

    return side.make_jaxpr(f).__doc__


def _compiled(side, *args):
    def f(x, y):
        return x

    return side.jit(f).lower(1.0, side.jnp.ones(2)).compile()(*args)


def _mismatches(side):
    try:
        _compiled(side, 1, np.ones(3))
    except TypeError as error:
        return str(error).splitlines()[1:]


def _tracer_to_compiled(side):
    try:
        side.vmap(lambda x: _compiled(side, x, x))(side.jnp.ones(3))
    except TypeError as error:
        return "Tracer type <class '" in str(error)


def _out_axes(side, **options):
    f = side.vmap(lambda x: {"a": x, "b": (x, 1)}, **options)
    return f(side.jnp.ones(2))


def _returned(side, make):
    """A derivative that a jitted function returns, applied in another."""
    f = side.jit(lambda x: make(side)(lambda y: 2.0 * y, x))(1.0)
    return side.jit(lambda g, x: g(x))(f, 3.0)


def _primitive(side, rule, several):
    p = side("extend.core").Primitive("p")
    p.multiple_results = several
    p.def_abstract_eval(rule)
    return side.jit(lambda x: p.bind(x))(1.0)


def _nan(side, f, *args):
    with side.debug_nans(True):
        return f(*args)


def _with_rule(side, rule, run):
    f = side.custom_jvp(lambda x: x**2)

    @f.defjvp
    def the_rule(primals, tangents):
        return rule(primals[0], tangents[0])

    return run(f)


def _jvp_of_jit(side):
    return lambda f: side.jvp(side.jit(f), (np.float32(2),), (np.float32(1),))


def _batched(side, rule):
    f = side("custom_batching").custom_vmap(side.jnp.sin)
    f.def_vmap(rule)
    return side.vmap(f)(np.arange(3.0))


def _summed_cotangent(side):
    f = side.custom_vjp(lambda x, y: x * y)
    f.defvjp(lambda x, y: (x * y, x), lambda x, ct: (None, ct * x))
    return side.grad(lambda y: side.vmap(f, (0, None))(np.arange(3.0), y).sum())(2.0)


def _hint(side):
    try:
        side.checkpoint(lambda x: x if x > 0 else -x)(1.0)
    except side.errors.TracerBoolConversionError as error:
        return "`static_argnums` parameter for `jax.remat`" in str(error)


def _with_rules(side, bwd):
    f = side.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (x, None), bwd)
    return side.grad(f)(1.0)


def _flag_of_text(side):
    side.config.update("jax_log_compiles", "yes")
    try:
        return side.config.jax_log_compiles
    finally:
        side.config.update("jax_log_compiles", False)


def _policies(side):
    policies = side.checkpoint_policies
    names = policies.save_only_these_names, policies.save_any_names_but_these
    text = str(
        side.make_jaxpr(side.checkpoint(side.jnp.sin, policy=policies.checkpoint_dots))(
            1.0
        )
    )
    return (
        [make("a", "b") == make("b", "a") for make in names],
        [repr(make("a")) for make in names],
        [hash(make("a", "b")) == hash(make("b", "a")) for make in names],
        policies.dots_saveable == policies.checkpoint_dots,
        repr(policies.dots_with_no_batch_dims_saveable),
        re.findall("policy=.*", text),
    )


def _debug_info(side):
    closed = side.make_jaxpr(lambda x, y: {"a": x, "b": [y["k"]]})(1.0, {"k": 2.0})
    info = side.make_jaxpr(side.jit(lambda x, *rest: (x, rest)))(1.0, 2.0).eqns[0]
    infos = closed.jaxpr.debug_info, info.params["jaxpr"].jaxpr.debug_info
    return [[i.traced_for, i.func_name, i.arg_names, i.result_paths] for i in infos]


def _debug_info_of_reductions(side):
    x, zero = np.ones(3, np.float32), np.float32(0)

    def both(left, right):
        return {"k": left["k"] * right["k"], "m": left["m"] + right["k"]}

    def run(x):
        tree, zeros = {"k": x, "m": x}, {"k": zero, "m": zero}
        return (
            side.lax.reduce(x, zero, lambda a, b: a * b + a, (0,)),
            side.lax.reduce(tree, zeros, both, (0,)),
            side.lax.reduce_window(
                x, zero, lambda a, *b: a * b[0], (2,), (1,), "VALID"
            ),
            side.lax.reduce_window(tree, zeros, both, (2,), (1,), "VALID"),
        )

    found = []
    for eqn in side.make_jaxpr(run)(x).eqns:
        jaxpr = eqn.params["jaxpr"]
        info = getattr(jaxpr, "jaxpr", jaxpr).debug_info
        found.append([info.traced_for, info.func_name, info.arg_names])
        found.append(info.result_paths)
    return found


def _pickled_jit(side):
    f = side.jit(_times, static_argnums=1, donate_argnums=0)
    for copied in (copy.deepcopy(f), copy.copy(f)):
        yield copied(np.float32(2), 3), str(inspect.signature(copied))


def _times(x, n):
    return x * n


def _shown_tracer(side):
    seen = []
    side.jvp(lambda x: seen.append(repr(x)) or x, (1.0,), (2.0,))
    return seen


EDGES = {
    "debug info": _debug_info,
    "debug info of reductions": _debug_info_of_reductions,
    "policies": _policies,
    "unbound axis": lambda s: s.vmap(lambda x: s.lax.psum(x, "j"))(np.ones(2)),
    "unbound axis of ppermute": lambda s: s.jit(
        lambda x: s.lax.ppermute(x, "j", [(0, 0)])
    )(np.ones(2)),
    "shape of cotangent": lambda s: _with_rules(s, lambda r, g: (s.jnp.ones(3),)),
    "keyword of custom": lambda s: s.custom_jvp(lambda x, *, k: x)(1.0, k=2),
    "flag of text": _flag_of_text,
    "jitted functions are copied": lambda s: list(_pickled_jit(s)),
    "tracer of jvp": _shown_tracer,
    "vmap of no function": lambda s: s.vmap(3),
    "jvp of no function": lambda s: s.jvp(3, (1.0,), (1.0,)),
    "vjp of no function": lambda s: s.vjp(3, 1.0),
    "linearize of no function": lambda s: s.linearize("f", 1.0),
    "jacfwd of no function": lambda s: s.jacfwd("f"),
    "jacrev of no function": lambda s: s.hessian("f"),
    "pmap of no function": lambda s: s.pmap("f"),
    "axes to reduce": lambda s: s.grad(lambda x: x, reduce_axes=("i",)),
    "a variable": lambda s: re.sub(
        "id=[0-9]+", "", repr(s.make_jaxpr(s.jnp.sin)(1.0).jaxpr.invars)
    ),
    "linearized from jit": lambda s: _returned(
        s, lambda s: lambda f, x: s.linearize(f, x)[1]
    ),
    "pullback from jit": lambda s: _returned(s, lambda s: lambda f, x: s.vjp(f, x)[1]),
    "transpose from jit": lambda s: _returned(s, lambda s: s.linear_transpose),
    "float0 from jit": lambda s: s.jit(
        s.grad(lambda x, i: x[i], argnums=(0, 1), allow_int=True)
    )(np.ones(2), 1),
    "float0 for linearize": lambda s: s.linearize(lambda x: x, 1)[1](1),
    "list for one result": lambda s: _primitive(s, lambda x: [x], False),
    "one result for list": lambda s: _primitive(s, lambda x: x, True),
    "wide closure": lambda s: s.jit(lambda: 2**31)(),
    "wide integer": lambda s: s.lax.convert_element_type(2**100, "float32"),
    "nan of log": lambda s: _nan(s, s.jnp.log, -1.0),
    "nan in jit": lambda s: _nan(s, s.jit(lambda x: s.jnp.log(x) + 0), -1.0),
    "nan in scan": lambda s: _nan(
        s, lambda x: s.lax.scan(lambda c, a: (c / a, None), 0.0, x), np.zeros(2)
    ),
    "random without nan": lambda s: _nan(s, lambda: s.random.normal(s.random.key(0))),
    "tree of jvp rule": lambda s: _with_rule(
        s, lambda x, t: ((x, x), (t, t)), _jvp_of_jit(s)
    ),
    "types of jvp rule": lambda s: _with_rule(
        s, lambda x, t: (x.astype("float16"), t.astype("float16")), _jvp_of_jit(s)
    ),
    "tangent of jvp rule": lambda s: _with_rule(
        s, lambda x, t: (x**2, t.reshape(1)), lambda f: s.jvp(f, (2.0,), (1.0,))
    ),
    "tree of vmap rule": lambda s: _batched(s, lambda n, b, x: ((x, x), (True, True))),
    "flags of vmap rule": lambda s: _batched(s, lambda n, b, x: (x, [True])),
    "pullback of integers": lambda s: s.vjp(lambda x: x * 2, 1)[1](1.0),
    "axes of pmap": lambda s: s.pmap(lambda x: x, in_axes=False)(np.zeros(1)),
    "pmap of nothing": lambda s: s.pmap(lambda x: x)({}),
    "static by name in pmap": lambda s: s.pmap(
        lambda a, b: a, static_broadcasted_argnums=1
    )(np.ones((1, 1)), b=1),
    "attribute of tracer": lambda s: s.jit(lambda x: {x: 1})(1.0),
    "value in checkpoint": lambda s: _hint(s),
    "summed cotangent": _summed_cotangent,
    "static": _incomparable,
    "traces of shapes": _traces,
    "docs of make_jaxpr": _documented,
    "types of compiled": _mismatches,
    "compiled and vmap": _tracer_to_compiled,
    "info of results": lambda s: s.jit(lambda x: x).lower(1.0).out_info,
    "struct with sharding": lambda s: s.ShapeDtypeStruct(
        (2,), "int32", sharding=s.sharding.SingleDeviceSharding(s.devices()[0])
    ),
    "struct like values": lambda s: [
        s.ShapeDtypeStruct.like(x)
        for x in (1.0, np.ones(3), s.jnp.arange(2), s.ShapeDtypeStruct((2,), "int8"))
    ],
    "struct like a tracer": _struct_like_a_tracer,
    "struct like text": lambda s: s.ShapeDtypeStruct.like("a"),
    "shape of text": lambda s: s.eval_shape(lambda x: x, "a"),
    "output without axis": lambda s: _out_axes(s, out_axes={"a": 0, "b": None}),
    "named output without axis": lambda s: _out_axes(s, out_axes=None, axis_name="i"),
    "deep axes": lambda s: s.vmap(lambda x: x, in_axes=([0],))(np.ones(3)),
    "vmap of a function that gives text": lambda s: s.vmap(lambda x: "a")(np.ones(3)),
    "vmap of a reduction's start": lambda s: s.vmap(
        lambda x: s.lax.reduce_window(x, x[0], s.lax.add, (2,), (1,), "SAME")
    )(np.ones((3, 4), np.float32)),
    "groups of an axis": lambda s: s.vmap(
        lambda x: s.lax.psum(x, "i", axis_index_groups=[[0, 1]]), axis_name="i"
    )(np.ones(2)),
    "grad of a dilated pool": lambda s: s.grad(
        lambda x: s.lax.reduce_window(
            x, -np.inf, s.lax.max, (2,), (1,), "VALID", window_dilation=(2,)
        ).sum()
    )(np.ones(4, np.float32)),
    "jacfwd to integers": lambda s: s.jacfwd(lambda x: x.astype(int))(3.0),
    "jacrev of integers": lambda s: s.jacrev(lambda x: x + 0.0, allow_int=True)(1),
    "jacfwd of two types": lambda s: s.jacfwd(lambda t: (t[0], t[0] + t[1]))(
        (np.float16([2]), np.float32([3]))
    ),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name):
    assert_said_same(EDGES[name])


# --- names --------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "some"), [
    ("", {"jit", "vmap", "NamedSharding", "random", "checkpoint", "enable_x64", "lax"}),
    (".lax", {"scan", "add", "add_p", "cond", "psum", "linalg"}),
    (".numpy", {"sin", "linalg", "float32", "ndarray"}),
])  # fmt: skip
def test_import_star(module, some):
    """`import *` gives what loads only when it is asked for, and nothing of our own."""
    theirs, ours = {}, {}
    exec(f"from jax{module} import *", theirs)
    exec(f"from minijax{module} import *", ours)
    some = some & set(theirs)
    assert some
    assert some <= set(ours)
    own = {"platform_index_p"}
    assert not set(ours) - set(theirs) - own


@pytest.mark.parametrize("module", ["scipy.signal", "scipy.special", "ops", "lax"])
def test_dir_lists_what_loads_late(module):
    theirs, ours = (Side(name)(module) for name in NAMES)
    listed = {name for name in dir(theirs) if name.islower() and name[0] != "_"}
    assert {name for name in listed if hasattr(ours, name)} <= set(dir(ours))


@pytest.mark.parametrize("name", [
    "DebugInfo", "Effects", "concrete_or_error", "gensym", "get_opaque_trace_state",
    "jaxprs_in_params", "new_jaxpr_eqn", "primal_dtype_to_tangent_dtype",
])  # fmt: skip
def test_names_that_have_moved(name):
    def body(side):
        return callable(getattr(side("core"), name))

    assert_said_same(body)
    assert "deprecated" in said(body, Side("minijax"))[1]


# --- how functions are called -----------------------------------------------------------

CALLS = """
lax.nextafter(x1=x, x2=x)
lax.mulhi(x=1, y=2)
jax.custom_derivatives.zero_from_primal(val=x)
jax.custom_batching.sequential_vmap(f=lambda x: x)(x)
jax.checkpoint()
jax.checkpoint(lambda x: x, concrete=False)(x)
jax.jit(None)
jnp.array(x, 'float32', True)
jnp.array([1], None, True, 'K', 2)
jnp.array([1], None, True, copy=False)
jnp.array(x, None, True, 'K', 2, 3)
lax.pcast(x)
lax.pcast(x, 'i')
""".strip().splitlines()


@pytest.mark.parametrize("call", CALLS)
def test_called(call):
    """By the names that JAX gives; refused, or warned of, in its words."""

    def body(side):
        side("custom_derivatives"), side("custom_batching")
        scope = {"jax": side.jax, "jnp": side.jnp, "lax": side.lax}
        return eval(call, scope | {"x": side.jnp.ones(3)})

    assert_said_same(body)
