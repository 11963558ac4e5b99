"""What JAX's own tests of the transformations look at, on both sides."""

import copy
import inspect
import logging
import re
import warnings

import numpy as np
import pytest
from sides import NAMES, Side, raised


def _shown(x):
    if isinstance(x, (tuple, list)):
        return f"{type(x).__name__}({', '.join(map(_shown, x))})"
    if isinstance(x, dict):
        return str({k: _shown(v) for k, v in x.items()})
    if type(x).__name__ == "ArrayImpl":
        return f"{x.dtype}{x.shape}{x.weak_type} {np.asarray(x).round(4).tolist()}"
    if isinstance(x, np.ndarray):
        return f"numpy {x.dtype}{x.shape}"
    return re.sub(r"0x[0-9a-f]+|minijax", "jax", repr(x))


def _said(body, side):
    """What `body` gives, or its error's type and first line, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = _shown(body(side))
        except Exception as error:
            first = str(error).strip().splitlines()[0]
            found = re.sub(r"0x[0-9a-f]+", "0x", f"{type(error).__name__}: {first}")
    found = found.rstrip(".")
    return [found, *[f"{w.category.__name__}: {w.message}" for w in caught]]


def _same(body):
    theirs, ours = (_said(body, Side(name)) for name in NAMES)
    assert ours == theirs


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
    _same(DONATED[name])


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
        _same(lambda s, d=derivative: d(s, lambda x: FUNCTIONS[name](s, x)))


# --- jaxprs as text -----------------------------------------------------------------------


def _inner(side):
    return side.jit(lambda x: (side.jnp.sin(x), x)[1])


def _long(side, x):
    for _ in range(6):
        x = side.jnp.sin(x) * x
    return x


def _custom_jvp(side):
    @side.custom_jvp
    def f(x):
        return side.jnp.sin(x)

    @f.defjvp
    def rule(primals, tangents):
        return f(*primals), tangents[0]

    return f


def _custom_vjp(side):
    @side.custom_vjp
    def f(x):
        return side.jnp.sin(x)

    def forward(x):
        return f(x), x

    def backward(x, ct):
        return (ct,)

    f.defvjp(forward, backward)
    return f


def _referring(side, x, i):
    r = side.new_ref(x)
    r[0] = r[1]
    whole = r[...]
    r[i] = whole[0]  # arrays are indexed between references
    r[1:] = r[:2]
    side("ref").addupdate(r, 2, whole[1])
    return side("ref").swap(r, 0, whole[2]), r[i]


MANY = [np.ones((3, 3), np.float32)] * 10
ROW = np.ones(3, np.float32)
# name -> (function, its arguments)
PRINTED = {
    "short": (lambda s: lambda x: s.jnp.sin(x) * x, [1.0]),
    "no equations": (lambda s: lambda x: (x, 1.0), [1.0]),
    "constant": (lambda s: lambda x: x + np.arange(3.0), [ROW]),
    "unread": (lambda s: lambda x: (s.jnp.sin(x), x)[1], [1.0]),
    "many arguments": (lambda s: lambda *xs: sum(xs), MANY),
    "no inputs": (lambda s: lambda: s.lax.iota("int32", 3), []),
    "call": (lambda s: lambda x: _inner(s)(x), [1.0]),
    "calls": (lambda s: lambda x: (lambda f: f(x) + f(x))(_inner(s)), [1.0]),
    "long call": (lambda s: lambda x: s.jit(lambda y: _long(s, y))(x), [1.0]),
    "of library": (lambda s: s.jnp.cumsum, [ROW]),
    "softmax": (lambda s: s.nn.softmax, [ROW]),
    "product": (lambda s: lambda x: x @ x, [ROW]),
    "update": (lambda s: lambda x: x.at[0].add(1.0), [ROW]),
    "slice": (lambda s: lambda x: x[1:], [ROW]),
    "scan": (lambda s: lambda x: s.lax.scan(lambda c, a: (c + a, c), 0.0, x), [ROW]),
    "while": (
        lambda s: lambda x: s.lax.while_loop(lambda c: c < 3, lambda c: c + 1, x),
        [1.0],
    ),
    "cond": (lambda s: lambda x: s.lax.cond(x > 0, lambda: x, lambda: -x), [1.0]),
    "checkpoint": (lambda s: s.checkpoint(s.jnp.sin), [1.0]),
    "grad of checkpoint": (
        lambda s: s.grad(s.checkpoint(lambda x: s.jnp.sin(s.jnp.sin(x)))),
        [1.0],
    ),
    "custom_jvp": (_custom_jvp, [1.0]),
    "vmap of custom_jvp": (lambda s: s.vmap(_custom_jvp(s)), [ROW]),
    "custom_vjp": (_custom_vjp, [1.0]),
    "vmap of custom_vjp": (lambda s: s.vmap(_custom_vjp(s)), [ROW]),
    "references": (lambda s: lambda x, i: _referring(s, x, i), [ROW, 1]),
    "random": (lambda s: lambda: s.random.normal(s.random.key(0), (2,)), []),
}


@pytest.mark.parametrize("name", PRINTED)
def test_printed(name):
    fun, args = PRINTED[name]
    theirs, ours = (str(Side(n).make_jaxpr(fun(Side(n)))(*args)) for n in NAMES)
    assert ours == re.sub(r"np\.int64\((\d+)\)", r"\1", theirs)


# Scalars that a function closes over, or makes: arrays are constants, all else is written
# into the equations.
SCALARS = {
    "array": lambda s: s.jnp.array(2.0),
    "typed array": lambda s: s.jnp.float32(2),
    "computed": lambda s: s.jnp.sqrt(4.0),
    "bool array": lambda s: s.jnp.array(True),
    "NumPy scalar": lambda s: np.float32(2),
    "NumPy array": lambda s: np.array(2.0),
    "wide NumPy scalar": lambda s: np.float64(2),
    "Python scalar": lambda s: 2.0,
}
USES = {
    "operand": lambda s, c: lambda x: x * c(),
    "result": lambda s, c: lambda x: (c(), x),
    "converted": lambda s, c: lambda x: s.lax.convert_element_type(c(), "int32"),
    "as an array": lambda s, c: lambda x: (s.jnp.asarray(c()), s.jnp.array(c())),
    "filled": lambda s, c: lambda x: s.jnp.full((2,), c()),
    "in a loop": lambda s, c: (
        lambda x: s.lax.scan(lambda a, _: (a * c(), a), x, None, length=2)
    ),
    "in a condition": lambda s, c: (
        lambda x: s.lax.while_loop(lambda a: a < c(), lambda a: a * 3, x)
    ),
    "in a branch": lambda s, c: lambda x: s.lax.cond(x > 0, lambda: x * c(), lambda: x),
    "in a batch": lambda s, c: lambda x: s.vmap(lambda a: a * c())(x[None]),
    "in a gradient": lambda s, c: s.grad(lambda x: x * c()),
}


@pytest.mark.parametrize("made", ["before", "within"])
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", SCALARS)
def test_scalar_constant(name, use, made):
    def printed(s):
        known = SCALARS[name](s)
        scalar = (lambda: known) if made == "before" else (lambda: SCALARS[name](s))
        closed = s.make_jaxpr(USES[use](s, scalar))(s.jnp.float32(1))
        return str(closed), len(closed.consts)

    theirs, ours = (printed(Side(n)) for n in NAMES)
    assert ours == theirs


MAKERS = {
    "asarray": lambda s: s.jnp.asarray(1.0),
    "array of an array": lambda s: s.jnp.array(np.arange(3)),
    "sequence": lambda s: s.jnp.array([1, 2]),
    "scalar type": lambda s: s.jnp.int32(1),
    "zeros": lambda s: s.jnp.zeros(()),
    "full": lambda s: s.lax.full((), 1.0),
    "ones_like": lambda s: s.jnp.ones_like(1.0),
    "convert": lambda s: s.lax.convert_element_type(1.0, "int32"),
    "device_put": lambda s: s.device_put(np.float32(1)),
    "device_put of a number": lambda s: s.device_put(1.0),
}


@pytest.mark.parametrize("trace", ["jit", "vmap", "grad of jit", "compile time"])
@pytest.mark.parametrize("name", MAKERS)
def test_made_arrays_are_traced(name, trace):
    def is_known(s):
        found = []

        def fun(x):
            made = MAKERS[name](s)
            found.append(not isinstance(made, s.core.Tracer))
            return x

        def known(x):
            with s.ensure_compile_time_eval():
                return fun(x)

        {
            "jit": s.jit(fun),
            "vmap": lambda x: s.vmap(fun)(x[None]),
            "grad of jit": s.grad(s.jit(fun)),
            "compile time": s.jit(known),
        }[trace](s.jnp.float32(1))
        return found

    theirs, ours = (is_known(Side(n)) for n in NAMES)
    assert ours == theirs


PRINTED_PARTS = {
    "equations": lambda j: [str(eqn) for eqn in j.eqns],
    "literal": lambda j: str(j.eqns[1].invars[1]),
    "without types": lambda j: j.pretty_print(print_shapes=False),
    "with places": lambda j: re.sub(
        r":\d+(:\d+)? ", " ", j.pretty_print(source_info=True)
    ),
}


@pytest.mark.parametrize("name", PRINTED_PARTS)
def test_printed_parts(name):
    theirs, ours = (
        PRINTED_PARTS[name](s.make_jaxpr(lambda x, s=s: s.jnp.sin(x) * 2)(1.0))
        for s in map(Side, NAMES)
    )
    assert ours == theirs


# --- checkpoint -----------------------------------------------------------------------------


def _static_of_checkpoint(side):
    """How often each call traces: static arguments without a hash are told by identity."""
    counts, given = [], ({"a": 1}, [1, 2], (1,))

    def counted(static, x):
        counts.append(len(static))
        return x * len(static)

    f = side.checkpoint(counted, static_argnums=0)
    for static in (given[0], given[0], {"a": 1}, given[1], given[2], (1,)):
        f(static, 2.0)
        counts.append("called")
    return [counts, side.grad(f, 1)(given[1], 2.0)]


def _checkpointed(side):
    """How often a checkpointed function is traced that is called and differentiated."""
    traces = []

    @side.checkpoint
    def f(x):
        traces.append(1)
        return side.jnp.sin(x)

    for x in (1.0, 2.0):
        f(x)
        side.grad(f)(x)
    return len(traces)


def _kept(side, policy, fun):
    saved = side("_src.ad_checkpoint").saved_residuals
    return [str(aval) for aval, _ in saved(side.checkpoint(fun, policy=policy), 2.0)]


def _named(side, x):
    name = side("ad_checkpoint").checkpoint_name
    y, z = (
        name(side.jnp.multiply(2.0, 2.0), "y"),
        name(side.jnp.multiply(2.0, 2.0), "z"),
    )
    return x * y * z


CHECKPOINTED = {
    "traces": _checkpointed,
    "linear": lambda s: _kept(s, None, lambda x: x * 2.0),
    "named": lambda s: _kept(
        s,
        s.checkpoint_policies.save_only_these_names("y"),
        lambda x: _named(s, x),
    ),
    "text": lambda s: s.checkpoint(lambda x: x)("a"),
    "static": lambda s: _static_of_checkpoint(s),
    "of jit": lambda s: [
        str(aval)
        for aval, _ in s("_src.ad_checkpoint").saved_residuals(
            s.jit(lambda x, y: x * y), 2.0, 3.0
        )
    ],
}


@pytest.mark.parametrize("name", CHECKPOINTED)
def test_checkpointed(name):
    _same(CHECKPOINTED[name])


# --- edges ----------------------------------------------------------------------------------


class _Incomparable:
    def __hash__(self):
        return 1

    def __eq__(self, other):
        raise NotImplementedError


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
    _same(EDGES[name])


# --- pullbacks taken apart, flags, rules that are replaced ------------------------------


def _wanted(side):
    """Cotangents returned, added to a reference, and not wanted."""
    f = lambda x, y: x * y  # noqa: E731
    x = side.jnp.arange(3.0)
    ad, ones, ref = side.ad, side.jnp.ones(3), side.new_ref(side.jnp.ones(3))
    into = side.vjp(f, x, x + 1)[1].with_refs(ref, ad.DontWant())(ones)
    pulled = side.vjp(f, x, x + 1)[1]

    @side.jit
    def some():
        return pulled.with_refs(ad.DontWant(), ad.GradValue())(ones)

    eqns = [eqn.primitive.name for eqn in some.trace().jaxpr.eqns]
    kinds = [type(word).__name__ for word in (*into, some()[0])]
    return kinds, ref[...], some()[1], eqns


def _put_back(side):
    """Residuals that are arguments, taken out of a pullback and put back."""

    @side.jit
    def taken():
        x = {"a": side.jnp.ones(2), "b": side.jnp.ones(2)}
        pulled = side.vjp(lambda d: [d["a"] * d["b"]], x)[1]
        pulled.args_res = [None]
        return pulled

    pulled = taken()
    pulled.args_res = [{"a": side.jnp.arange(2.0), "b": side.jnp.ones(2)}]
    unread = side.vjp(side.jnp.sin, 3.0)[1]
    return pulled([side.jnp.ones(2)]), type(unread.args_res[0]).__name__


def _executed(side):
    f = side.jit(lambda x: x + 1)
    f(1.0)
    with side.no_execution():
        error = raised(lambda: f(1.0))
    return type(error), "no_execution" in str(error), f(1.0)


def _users_context(side):
    traces, context = [], side.make_user_context(1)
    f = side.jit(lambda x: traces.append(context.value) or x)
    for value in (1, 2, 1):
        with context(value):
            f(1.0)
    return traces, context.value, context.get_global()


def _half_sum(side):
    x = side.jnp.ones((1, 3), "bfloat16")
    with side.allow_f16_reductions(False):
        error = raised(lambda: side.lax.reduce_sum(x, [1]))
        return str(error), side.lax.reduce_sum(x, [0])


def _asked_for_64_bits(side):
    with side("_src.config").explicit_x64_dtypes("error"):
        return type(raised(lambda: side.jnp.ones(3, "float64")))


def _counted(side):
    """How often a replaced rule runs in what `checkpoint` runs again."""
    calls, sin_p = [], side.lax.sin_p
    impl = sin_p.impl
    _, linear = side.linearize(side.remat(lambda x: side.lax.sin(side.lax.sin(x))), 2.0)
    try:
        sin_p.def_impl(lambda x, **params: calls.append(1) or impl(x, **params))
        linear(3.0)
    finally:
        sin_p.def_impl(impl)
    return len(calls), side.lax.sin(0.0)


def _only_impl(side):
    calls, twice = [], side("_src.core").Primitive("twice")
    twice.def_impl(lambda x: calls.append(1) or x + x)
    twice.def_abstract_eval(lambda x: x)
    side("interpreters.ad").deflinear2(twice, lambda ct, x: [twice.bind(ct)])
    _, pulled = side.vjp(side.remat(twice.bind), np.ones(2, np.float32))
    return pulled(np.ones(2, np.float32)), len(calls)


def _linearized(side):
    ad = side("_src.interpreters.ad")
    half = side("_src.core").Primitive("half")
    half.def_impl(lambda x: x / 2)
    half.def_abstract_eval(lambda x: x)
    ad.primitive_linearizations[half] = lambda is_vjp, nonzero, x: (
        half.bind(x), nonzero[0], x, lambda kept, t: t * kept
    )  # fmt: skip
    return side.value_and_grad(half.bind)(3.0)


def _malformed(side, change):
    # branches of its own: what is changed would be found again for the library's
    branches = [lambda x: side.jnp.sin(x), lambda x: side.jnp.cos(x)]
    f = lambda x: side.lax.switch(0, branches, x) + 1.0  # noqa: E731
    jaxpr = side.make_jaxpr(f)(side.jnp.float32(1.0)).jaxpr
    change(side, jaxpr)
    error = raised(lambda: side("_src.core").check_jaxpr(jaxpr))
    said = str(error).splitlines()
    return type(error).__name__, said[0], [x for x in said if x.endswith(":")]


def _retyped(side, jaxpr):
    jaxpr.eqns[-1].outvars[0].aval = side("_src.core").ShapedArray((2,), np.int32)


def _without_inputs(side, jaxpr):
    next(e for e in jaxpr.eqns if e.params.get("branches")).params["branches"][
        0
    ].jaxpr._invars = []


def _residuals_logged(side):
    level = logging.getLogger("jax._src.ad_checkpoint")
    records, handler = [], logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage().splitlines()[0])
    level.addHandler(handler)
    try:
        for policy in (None, lambda prim, *_, **__: str(prim) == "cos"):
            f = side.remat(lambda x: side.jnp.sin(side.jnp.sin(x)), policy=policy)
            with side("_src.config").log_checkpoint_residuals(True):
                side.grad(f)(3.0)
    finally:
        level.removeHandler(handler)
    return records


def _pruned(side):
    """Custom functions of which one output is read, alone and in mapped loops."""
    pe, jnp, found = side("_src.interpreters.partial_eval"), side.jnp, []

    def fun(x, y):
        return jnp.sin(x), x + jnp.cos(y)

    by_vjp, by_jvp = side.custom_vjp(fun), side.custom_jvp(fun)
    by_vjp.defvjp(
        lambda x, y: (by_vjp(x, y), (jnp.cos(x), jnp.sin(y))),
        lambda r, ct: (2.0 * r[0] * ct[0] + 1.5 * ct[1], -0.5 * r[1] * ct[1]),
    )
    by_jvp.defjvp(
        lambda p, t: (fun(*p), (2.0 * jnp.cos(p[0]) * t[0], 1.5 * t[0] + t[1]))
    )
    for f in (by_vjp, by_jvp):
        jaxpr = side.make_jaxpr(f)(0.5, 0.5).jaxpr
        for used in ([True, False], [False, True]):
            pruned, _ = pe.dce_jaxpr(jaxpr, used)
            inner = pruned.eqns[0].params["call_jaxpr"].eqns
            run = side("_src.core").jaxpr_as_fun(pe.close_jaxpr(pruned))
            grads = side.grad(lambda x, y, run=run: run(x, y)[0], (0, 1))(0.5, 0.7)
            found += [[eqn.primitive.name for eqn in inner], grads]

        def loop(x, f=f):
            return side.lax.scan(lambda c, _: (f(c, c)[0], None), x, None, 2)[0]

        found += [side.jacrev(side.vmap(loop))(jnp.ones(2))]
    return found


def _swapped_zeros(side):
    f = side.custom_vjp(lambda x, y: (x, y))
    f.defvjp(
        lambda x, y: (f(x.value, y.value), None),
        lambda _, cts: cts[::-1],
        symbolic_zeros=True,
    )
    return side.grad(lambda x, y: f(x, y)[1].sum())(np.ones(1), np.ones(2))


def _typed_numbers(side):
    literals = side("_src.literals")
    wide = literals.TypedInt(1, np.dtype("int64"))
    rows = literals.TypedNdArray(np.arange(2))
    put = [side.device_put(x).dtype for x in (wide, rows)]
    return wide, rows, put, side.jit(lambda x: x)(wide).dtype, type(rows + 1)


def _named_by_hand(side):
    info = side("_src.source_info_util")

    @info.extend_name_stack("outer")
    def f(x):
        with info.extend_name_stack("inner") as held:
            stacks.append(str(held))
            return side.lax.sin(x)

    stacks = []
    (eqn,) = side.make_jaxpr(f)(1.0).jaxpr.eqns
    with info.transform_name_stack("vmap") as held, info.reset_name_stack():
        stacks += [str(held), str(info.current_name_stack())]
    frame = info.user_frame(eqn.source_info.traceback)
    return stacks, str(eqn.source_info.name_stack), frame.function_name


def _counted_eqns(side):
    util = side("_src.jaxpr_util")
    f = side.jit(lambda x: side.lax.sin(x) * side.jnp.ones(2))
    jaxpr = side.make_jaxpr(lambda x: f(x) + side.lax.sin(x))(1.0)
    return util.primitives(jaxpr.jaxpr), util.primitives_by_shape(jaxpr.jaxpr)


def _held_as_data(side):
    aval = side("_src.core").ShapedArray((2,), np.float32)
    held = side("_src.earray").EArray(aval, side.jnp.arange(2.0))
    return held.copy(), held.shape, len(held), held.block_until_ready() is held


class _Unsigned:
    @property
    def __signature__(self):
        raise TypeError("none")

    def __call__(self, *args):
        return args[0]


INNER = {
    "array over another": _held_as_data,
    "donated by name without a signature": lambda s: type(
        raised(lambda: s.jit(_Unsigned(), donate_argnames="a")(1.0))
    ),
    "custom functions without an output": _pruned,
    "zeros of the wrong argument": _swapped_zeros,
    "numbers with a dtype": _typed_numbers,
    "names by hand": _named_by_hand,
    "counts of equations": _counted_eqns,
    "cotangents that are wanted": _wanted,
    "residuals put back": _put_back,
    "no execution": _executed,
    "context of the user": _users_context,
    "sums of 16-bit floats": _half_sum,
    "64 bits": _asked_for_64_bits,
    "replaced rule": _counted,
    "only an impl": _only_impl,
    "rule of linearization": _linearized,
    "other type": lambda s: _malformed(s, _retyped),
    "branch without inputs": lambda s: _malformed(s, _without_inputs),
    "branches that are none": lambda s: _malformed(
        s, lambda _, jaxpr: jaxpr.eqns[-2].params.update(branches=(4, 2))
    ),
    "what checkpoint keeps": _residuals_logged,
}


@pytest.mark.parametrize("name", INNER)
def test_inner(name):
    _same(INNER[name])


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


# --- shard_map ----------------------------------------------------------------------------


def _looped(s, x):
    total = s.lax.psum(x.sum(), "x")
    return s.lax.scan(lambda c, _: (c * 2, c), total, None, length=2)[0]


def _branched(s, x):
    flag = s.lax.psum(x.sum(), "x") > 0
    return s.lax.cond(flag, lambda: s.lax.pmax(x, "x"), lambda: s.lax.pmin(x, "x"))


def _while(s, x):
    return s.lax.while_loop(lambda c: c < 5, lambda c: c + 1, s.lax.pmax(x.max(), "x"))


# name -> (function, specs of arguments, specs of results, options)
SHARDED = {
    "cut": (lambda s, x: x * 2, ["x"], ["x"], {}),
    "cut twice": (lambda s, x: x[None] * x, ["x"], [None, "x"], {}),
    "not replicated": (lambda s, x: x * 2, ["x"], [], {}),
    "not replicated over one": (lambda s, x: x * 2, [("x", "y")], ["x"], {}),
    "not checked": (lambda s, x: x * 2, ["x"], [], {"check_vma": False}),
    "psum": (lambda s, x: s.lax.psum(x, "x"), ["x"], [], {}),
    "psum of another": (lambda s, x: s.lax.psum(x, "x"), [("x", "y")], [], {}),
    "pmean": (lambda s, x: s.lax.pmean(x, ("x", "y")), [("x", "y")], [], {}),
    "gathered": (lambda s, x: s.lax.all_gather(x, "x"), ["x"], [], {}),
    "place": (lambda s, x: x + s.lax.axis_index("y"), ["x"], ["x"], {}),
    "in jit": (lambda s, x: s.jit(lambda x: s.lax.psum(x, "x"))(x), ["x"], [], {}),
    "in checkpoint": (lambda s, x: s.checkpoint(s.jnp.sin)(x), ["x"], [], {}),
    "scan": (_looped, ["x"], [], {}),
    "while": (_while, ["x"], [], {}),
    "cond": (_branched, ["x"], [], {}),
    "constant": (lambda s, x: s.jnp.ones(2), ["x"], [], {}),
    "cast": (lambda s, x: s.lax.pcast(x, "x", to="varying"), [], ["x"], {}),
    "cast, not replicated": (
        lambda s, x: s.lax.pcast({"a": x}, ("x",), to="varying"),
        [],
        [],
        {},
    ),
    "cast and summed": (
        lambda s, x: s.lax.psum(s.lax.pcast(x, "x", to="varying"), "x"),
        [],
        [],
        {},
    ),
    "cast along no axes": (lambda s, x: s.lax.pcast(x, (), to="varying"), [], [], {}),
    "cast along a set": (lambda s, x: s.lax.pcast(x, {"x"}, to="varying"), [], [], {}),
    "as it is": (lambda s, x: x, ["x"], ["x"], {}),
    "one axis": (lambda s, x: s.lax.psum(x, "x"), ["x"], [], {"axis_names": {"x"}}),
    "an axis that is not mapped": (lambda s, x: x, ["y"], ["y"], {"axis_names": {"x"}}),
    "too many entries": (lambda s, x: x, ["x", "y"], ["x"], {}),
    "too many entries of a result": (lambda s, x: x.sum(), ["x"], ["x"], {}),
}


@pytest.mark.parametrize("name", SHARDED)
def test_sharded(name):
    fun, ins, outs, options = SHARDED[name]

    def body(side):
        types = (side.sharding.AxisType.Auto,) * 2
        mesh = side.make_mesh((1, 1), ("x", "y"), axis_types=types)
        mapped = side.shard_map(
            lambda x: fun(side, x),
            mesh=mesh,
            in_specs=side.P(*ins),
            out_specs=side.P(*outs),
            **options,
        )
        out = mapped(np.arange(3, dtype=np.float32))
        return out, repr(out.sharding), out.committed

    theirs, ours = (_said(body, Side(n)) for n in NAMES)
    for side in (theirs, ours):  # JAX names a wrapper of its own in some messages
        side[0] = re.sub(r"function '[^']*'", "function", side[0])
    assert ours == theirs


def test_casts_that_cannot_be():
    for s in (Side(n) for n in NAMES):
        with pytest.raises(
            ValueError, match=r"pvary should be called under jax.shard_"
        ):
            s.lax.pcast(s.jnp.ones(2), "x", to="varying")
        with pytest.raises(
            ValueError, match=r"Got unexpected `to` value. Allowed `to` "
        ):
            s.lax.pcast(s.jnp.ones(2), "x", to="other")


@pytest.mark.parametrize("axes", ["", "x", "y", "xx", "xy"])
def test_abstract_mesh(axes):
    """The mesh is that of the arguments; `axes` says over which axes these are cut."""

    def body(s):
        def mesh(name):
            types = (s.sharding.AxisType.Auto,)
            return s.make_mesh((1,), (name,), axis_types=types)

        x = np.arange(3, dtype=np.float32)
        args = [x] + [
            s.device_put(x, s.sharding.NamedSharding(mesh(name), s.P(name)))
            for name in axes
        ]
        mapped = s.shard_map(
            lambda *xs: [x * 2 for x in xs], mesh=mesh("x").abstract_mesh,
            in_specs=s.P("x"), out_specs=s.P("x"),
        )  # fmt: skip
        return [(repr(out.sharding), out.tolist()) for out in mapped(*args)]

    theirs, ours = (_said(body, Side(n)) for n in NAMES)
    assert ours == theirs


def _on_x(s, fun, ins, outs, **options):
    """`fun` mapped over the axis x of a mesh of x and y."""
    types = (s.sharding.AxisType.Auto,) * 2
    mesh = s.make_mesh((1, 1), ("x", "y"), axis_types=types)
    return s.shard_map(fun, mesh=mesh, in_specs=ins, out_specs=outs, **options)


def _sine(s):
    return _on_x(s, s.jnp.sin, s.P("x"), s.P("x"))


def _summed(s):
    return _on_x(
        s,
        lambda x: s.lax.psum(s.jnp.sin(x) * x, "x"),
        s.P("x"),
        s.P(),
        axis_names={"x"},
    )


def _total(fun):
    return lambda *args: fun(*args).sum()


# Functions of one side that give a function of an array of shape (4,).
MAPPED = {
    "plain": _sine,
    "jit": lambda s: s.jit(_sine(s)),
    "psum": _summed,
    "closed over": lambda s: (
        lambda z: _on_x(s, lambda x: x * z.sum(), s.P("x"), s.P("x"), check_vma=False)(
            z
        )
    ),
    "an argument without spec": lambda s: (
        lambda z: _on_x(s, lambda x, n: x + s.jnp.ones(n), (s.P("x"), None), s.P("x"))(
            z, (4,)
        )
    ),
    "jvp": lambda s: lambda z: s.jvp(_sine(s), (z,), (z,)),
    "grad": lambda s: s.grad(_total(_sine(s))),
    "grad of psum": lambda s: s.grad(_total(s.jit(_summed(s)))),
    "pullback": lambda s: lambda z: s.vjp(_summed(s), z)[1](z),
    "grad of a cast": lambda s: s.grad(
        _total(
            _on_x(s, lambda x: s.lax.pcast(x, "x", to="varying") * x, s.P(), s.P("x"))
        )
    ),
    "vmap": lambda s: lambda z: s.vmap(_sine(s))(z[None]),
    "vmap to a mesh axis": lambda s: (
        lambda z: s.vmap(_sine(s), spmd_axis_name="y")(z[None])
    ),
    "grad of checkpoint": lambda s: s.grad(_total(s.checkpoint(_summed(s)))),
    "scan": lambda s: (
        lambda z: s.lax.scan(lambda c, _: (_sine(s)(c), None), z, None, length=2)[0]
    ),
    "unused result": lambda s: (
        lambda z: s.vjp(
            lambda x: _on_x(s, lambda x: (x * 2, s.jnp.sin(x)), s.P("x"), s.P("x"))(x)[
                0
            ],
            z,
        )[1](z)
    ),
}


@pytest.mark.parametrize("name", MAPPED)
def test_mapped_over_shards(name):
    x = np.float32([0.5, -1.0, 2.0, 3.0])
    theirs, ours = (Side(n) for n in NAMES)
    want, got = (s.tree.leaves(MAPPED[name](s)(x)) for s in (theirs, ours))
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def _shown(params):
    """The parameters of an equation; JAX has residuals before the results."""
    names = "mesh", "newly_manual_axes", "check_vma"
    specs = [sorted(map(repr, params[k])) for k in ("in_specs", "out_specs")]
    return [*specs, *[repr(params[name]) for name in names]]


@pytest.mark.parametrize(
    "name", ["plain", "psum", "closed over", "grad", "pullback", "vmap to a mesh axis"]
)
def test_equations_over_shards(name):
    def found(s):
        jaxpr = s.make_jaxpr(MAPPED[name](s))(np.ones(4, np.float32))
        eqns = [e for e in jaxpr.eqns if e.primitive.name == "shard_map"]
        assert all(len(e.params["in_specs"]) == len(e.invars) for e in eqns)
        return [_shown(e.params) for e in eqns]

    theirs, ours = (found(Side(n)) for n in NAMES)
    assert ours == theirs and ours


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

    _same(body)
