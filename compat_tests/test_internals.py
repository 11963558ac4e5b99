"""What JAX's own tests take apart: pullbacks, flags, rules that are replaced."""

import logging
import re

import numpy as np
import pytest
from sides import assert_said_same, both, raised


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


def _of_64_bits(side):
    """Arrays of 64 bits that were asked for explicitly, without x64."""
    jnp, random, key = side.jnp, side.random, side.random.key(0)
    with side("_src.config").explicit_x64_dtypes("allow"):
        f, i, u = (jnp.ones(2, kind) for kind in ("f8", "i8", "u8"))
        found = [
            f, i + u, f + jnp.ones(2, "c8"), i + 1.0, f + 1, np.ones(2) + jnp.ones(2), i / i,
            i.mean(), f @ jnp.ones(2), jnp.ones(2, "i4").sum(), jnp.sin(i), f[i], i @ i,
            jnp.array([1, 2], "i8"), f.at[0].set(2.0), jnp.asarray(1.0, "f8") * 2,
            side.jacrev(jnp.sin)(f), side.grad(lambda x: side.nn.relu(x).sum())(f),
            side.grad(lambda x: side.nn.elu(x).sum())(f),
            random.poisson(key, f, (2,), "i8") * 0,
            side.jit(lambda x: x.astype("i8") + 1)(np.ones(2, "f4")),
            random.uniform(key, (2,), "f8"), random.randint(key, (2,), 0, 9, "i8") * 0,
            side.lax.full((2,), 1, "f8"), jnp.linspace(0, 1, 3, dtype="f8"),
        ]  # fmt: skip
    return [(x.dtype.name, x.weak_type, np.asarray(x).round(5).tolist()) for x in found]


def _of_other_byte_order(side):
    """NumPy's arrays with bytes in an order that is not the machine's are refused."""
    x, jnp = np.arange(3, dtype=">f4"), side.jnp
    uses = [
        jnp.asarray, side.device_put, side.typeof, jnp.sin, side.jit(lambda x: x),
        lambda x: x + jnp.ones(3), side.vmap(lambda x: x), side.grad(lambda x: (x * x).sum()),
        lambda x: side.lax.cond(True, lambda x: x, lambda x: x, x), lambda x: jnp.stack([x, x]),
    ]  # fmt: skip
    return [type(raised(lambda use=use: use(x))) for use in uses]


def _nan_of_a_custom_rule(side):
    x = side.jnp.array(np.nan)
    with side.debug_nans(True):
        return str(raised(lambda: side.nn.relu(x)))


def _reduced_logaddexp(side):
    """The dtype asked for is not looked at; axes may be several."""
    x = np.arange(6).reshape(2, 3)
    reduce, reduce2 = side.jnp.logaddexp.reduce, side.jnp.logaddexp2.reduce
    return [
        reduce(x, axis=(0, 1)), reduce(x.astype("f2"), dtype="f4").dtype.name,
        reduce(x, axis=0, initial=2.0, where=x > 1), reduce2(x, axis=1, keepdims=True),
        reduce(x[:0], axis=0),
    ]  # fmt: skip


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


def _undefined(side, jaxpr):
    jaxpr.eqns[-1].invars[0] = side("_src.core").Var(jaxpr.eqns[-1].invars[0].aval)


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


def _source_map(side):
    maps = side("_src.sourcemap")
    made = maps.MappingsGenerator()
    for line in ([(0,), (3, 0, 4, 1)], [], [(7, 1, 2, 900, 5), (1, 0, 2, 3)]):
        made.new_group()
        for segment in line:
            made.new_segment(*segment)
    text = maps.serialize_mappings(made.mappings())
    whole = maps.SourceMap(3, ["a", "b"], [None, "x"], ["n"], made.mappings())
    read = maps.SourceMap.from_json(whole.to_json())
    numbers = [0, 1, -1, 15, 16, -16, 511, 512, 2**31 - 1, -(2**40)]
    written = [maps.encode_vlq(n) for n in numbers]
    back = [maps.decode_vlq(word) for word in written]
    return text, whole.to_json(), [*map(list, read.mappings)], written, back == numbers


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


def _registered(side):
    registry = side("_src.tree_util")._registry

    def rebuilt(node):
        entry = registry[type(node)]
        children, data = entry.to_iter(node)
        children = list(children)
        return children, data, entry.from_iter(data, children)

    nodes = (1, 2), [1, 2], {"b": 1, "a": (2, 3)}, None
    return *map(rebuilt, nodes), type(raised(lambda: registry[int]))


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


def _own_reduction(side):
    """A primitive that reduces, with the batching rule for such ones."""
    total_p = side("extend.core").Primitive("total")
    total_p.def_impl(lambda x, *, axes: x.sum(axes))
    total_p.def_abstract_eval(
        lambda x, *, axes: side.core.ShapedArray(
            tuple(n for k, n in enumerate(x.shape) if k not in axes), x.dtype
        )
    )
    side("interpreters.batching").defreducer(total_p)
    x = side.jnp.arange(24.0).reshape(2, 3, 4)
    total = lambda x: total_p.bind(x, axes=(1,))  # noqa: E731
    return [side.vmap(total, k, out)(x) for k in range(3) for out in (0, 1)]


def _traced(side):
    two = side.jnp.arange(2.0)
    return side.make_jaxpr(lambda x, y: (x + two, y * side.jnp.arange(3.0), x))(
        side.jnp.ones(2), side.jnp.ones(3)
    )


def _unread_constants(side):
    pe, jaxpr = side("interpreters.partial_eval"), _traced(side).jaxpr
    found = []
    for used in ([True, False, False], [False, False, True], [False, True, False]):
        smaller, consts, inputs = pe.dce_jaxpr_consts(jaxpr, used, [False, False, True])
        sizes = [len(v) for v in (smaller.constvars, smaller.invars, smaller.eqns)]
        found += [sizes, list(consts), list(inputs)]
    return found


def _unread_results(side):
    """The rule for calls, given to a primitive of one's own."""
    pe, extend = side("interpreters.partial_eval"), side("extend.core")
    run_p = extend.Primitive("run")
    run_p.multiple_results = True
    run_p.def_abstract_eval(lambda *avals, call_jaxpr: call_jaxpr.out_avals)
    pe.dce_rules[run_p] = pe.dce_jaxpr_closed_call_rule
    inner = side.make_jaxpr(lambda x, y: (side.jnp.sin(x), side.jnp.cos(y)))(1.0, 2.0)
    outer = side.make_jaxpr(lambda x, y: run_p.bind(x, y, call_jaxpr=inner))(1.0, 2.0)
    found = []
    for used in ([True, False], [False, True], [False, False]):
        smaller, inputs = pe.dce_jaxpr(outer.jaxpr, used)
        found += [str(smaller), list(inputs)]
    return found


def _forbidden_mesh(side):
    mesh = side.make_mesh((1,), ("i",))
    side.config.update("jax_disallow_mesh_context_manager", True)
    try:
        return type(raised(mesh.__enter__)).__name__
    finally:
        side.config.update("jax_disallow_mesh_context_manager", False)


def _within(side, flag, name, value):
    before = getattr(side.config, name)
    with flag(value):
        inside = getattr(side.config, name)
    return before, inside, getattr(side.config, name)


INNER = {
    "registered nodes": _registered,
    "64 bits asked for": _of_64_bits,
    "bytes in another order": _of_other_byte_order,
    "not a number in a custom rule": _nan_of_a_custom_rule,
    "reduce of logaddexp": _reduced_logaddexp,
    "array over another": _held_as_data,
    "donated by name without a signature": lambda s: type(
        raised(lambda: s.jit(_Unsigned(), donate_argnames="a")(1.0))
    ),
    "custom functions without an output": _pruned,
    "zeros of the wrong argument": _swapped_zeros,
    "numbers with a dtype": _typed_numbers,
    "source map": _source_map,
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
    "not defined": lambda s: _malformed(s, _undefined),
    "branch without inputs": lambda s: _malformed(s, _without_inputs),
    "branches that are none": lambda s: _malformed(
        s, lambda _, jaxpr: jaxpr.eqns[-2].params.update(branches=(4, 2))
    ),
    "what checkpoint keeps": _residuals_logged,
    "own reduction": _own_reduction,
    "unread constants": _unread_constants,
    "unread results of a call": _unread_results,
    "mesh blocks forbidden": _forbidden_mesh,
    "flags as blocks": lambda s: [
        _within(s, s.auto_pcast, "jax_auto_pcast", False),
        _within(s, s.remove_size_one_mesh_axis_from_type,
                "jax_remove_size_one_mesh_axis_from_type", True),
        _within(s, s.jax2tf_associative_scan_reductions,
                "jax2tf_associative_scan_reductions", True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", INNER)
def test_inner(name):
    assert_said_same(INNER[name])


REMOVED = {
    "": "device_put_replicated device_put_sharded",
    "numpy": "fix",
    "lax": "pvary",
    "scipy.special": "sph_harm",
    "ad_checkpoint": "checkpoint remat",
    "core": "mapped_aval unmapped_aval take_current_trace TraceTag call_impl",
    "interpreters.batching": "NotMapped",
    "interpreters.pxla": "ShardingSpec Chunked",
}


@pytest.mark.parametrize("module", REMOVED)
def test_removed_names_say_what_to_use(module):
    def said(side):
        home = side(module) if module else side.jax
        errors = [raised(lambda n=n: getattr(home, n)) for n in REMOVED[module].split()]
        assert all(type(error) is AttributeError for error in errors)
        uses = [re.search(r"[Uu]se `?(?:`|(jax[\w.]*\w))", str(e)) for e in errors]
        return [use and use[1] for use in uses]

    theirs, ours = both(said)
    assert len(theirs) == len(ours)
    for want, got in zip(theirs, ours, strict=True):
        assert want in (None, got)
