"""Primitives and rules from outside: jax.extend, jax.interpreters, jax.api_util."""

import copy
import dataclasses
import functools
import warnings

import numpy as np
import pytest
from sides import NAMES, Side, assert_same, raised


def _scaled_sine(side, registered=("abstract", "impl", "jvp", "batch", "lower")):
    """A primitive `scaled_sine(x, *, scale)` with some of its rules."""
    primitive = side("extend.core").Primitive("scaled_sine")
    ad, batching = side("interpreters.ad"), side("interpreters.batching")
    mlir = side("interpreters.mlir")

    def bind(x, scale=2.0):
        return primitive.bind(x, scale=scale)

    def batch(args, dims, *, scale):
        return bind(args[0], scale), dims[0]

    def impl(x, *, scale):
        return side.jnp.sin(x) * scale

    if "abstract" in registered:
        primitive.def_abstract_eval(
            lambda x, *, scale: side("core").ShapedArray(x.shape, x.dtype)
        )
    if "impl" in registered:
        primitive.def_impl(impl)
    if "jvp" in registered:
        ad.defjvp(primitive, lambda t, x, *, scale: side.jnp.cos(x) * scale * t)
    if "batch" in registered:
        batching.primitive_batchers[primitive] = batch
    if "lower" in registered:
        mlir.register_lowering(primitive, mlir.lower_fun(impl, multiple_results=False))
    return bind


PROGRAMS = {
    "eager": lambda s, f: f(s.jnp.arange(3.0)),
    "jit": lambda s, f: s.jit(f)(s.jnp.arange(3.0)),
    "grad": lambda s, f: s.grad(lambda x: f(x, 3.0) * x)(0.5),
    "jit grad": lambda s, f: s.jit(s.grad(f))(0.5),
    "second derivative": lambda s, f: s.grad(s.grad(f))(0.5),
    "vmap": lambda s, f: s.vmap(f)(s.jnp.arange(3.0)),
    "vmap of grad": lambda s, f: s.jit(s.vmap(s.grad(f)))(s.jnp.arange(3.0)),
    "scan": lambda s, f: s.lax.scan(lambda c, x: (f(c) + x, c), 1.0, s.jnp.arange(4.0)),
    "jaxpr": lambda s, f: str(s.make_jaxpr(f)(1.0)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_primitive_of_others(name):
    assert_same(lambda side: PROGRAMS[name](side, _scaled_sine(side)))


MISSING = {
    "abstract": lambda s, f: s.jit(f)(1.0),
    "impl": lambda s, f: f(1.0),
    "jvp": lambda s, f: s.grad(f)(1.0),
    "batch": lambda s, f: s.vmap(f)(s.jnp.ones(2)),
    "lower": lambda s, f: s.jit(f)(1.0),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_rule(name):
    def body(side):
        rest = [rule for rule in MISSING if rule != name]
        error = raised(lambda: MISSING[name](side, _scaled_sine(side, rest)))
        return type(error).__name__, str(error).split("\n")[0]

    assert_same(body)


def _doubler(side):
    """A linear primitive of two results, (2x, x reversed)."""
    primitive = side("extend.core").Primitive("doubler")
    primitive.multiple_results = True
    ad, mlir = side("interpreters.ad"), side("interpreters.mlir")

    def impl(x):
        return 2 * x, x[::-1]

    def transpose(cts, x):
        first, second = map(ad.instantiate_zeros, cts)
        return [2 * first + second[::-1]]

    def batch(axis_size, axis_name, trace_type, args, dims):
        (x,), (dim,) = args, dims
        columns = side.jnp.moveaxis(x, dim, -1)
        return primitive.bind(columns), (columns.ndim - 1,) * 2

    primitive.def_abstract_eval(lambda x: (x, x))
    primitive.def_impl(impl)
    ad.deflinear2(primitive, transpose)
    side("interpreters.batching").axis_primitive_batchers[primitive] = batch
    mlir.register_lowering(primitive, mlir.lower_fun(impl, multiple_results=True))
    return primitive.bind


LINEAR = {
    "eager": lambda s, f: f(s.jnp.arange(3.0)),
    "jvp": lambda s, f: s.jvp(f, (s.jnp.arange(3.0),), (s.jnp.ones(3),)),
    "vjp": lambda s, f: s.vjp(f, s.jnp.arange(3.0))[1](
        [s.jnp.arange(3.0), s.jnp.ones(3)]),
    "one cotangent": lambda s, f: s.grad(
        lambda x: f(x)[1][0] ** 2)(s.jnp.arange(3.0) + 1),
    "jit": lambda s, f: s.jit(lambda x: f(x)[0])(s.jnp.arange(3.0)),
    "vmap": lambda s, f: s.vmap(f)(s.jnp.arange(6.0).reshape(2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", LINEAR)
def test_linear_primitive_of_others(name):
    assert_same(lambda side: list(LINEAR[name](side, _doubler(side))))


def test_bilinear_primitive_of_others():
    def body(side):
        primitive = side("extend.core").Primitive("product")
        ad = side("interpreters.ad")
        primitive.def_abstract_eval(lambda x, y: x)
        primitive.def_impl(lambda x, y: x * y)
        ad.defbilinear(
            primitive,
            lambda ct, x, y: primitive.bind(ct, y),
            lambda ct, x, y: primitive.bind(x, ct),
        )
        x, y = side.jnp.float32(3), side.jnp.float32(5)
        both = side.grad(primitive.bind, (0, 1))(x, y)
        return both, side.jvp(primitive.bind, (x, y), (x, y))

    assert_same(body)


def test_tables_see_the_rules_there_are():
    def body(side):
        lax, ad = side.lax, side("interpreters.ad")
        rule = ad.primitive_jvps[lax.sin_p]
        return (
            lax.sin_p in ad.primitive_jvps,
            lax.transpose_p in ad.primitive_transposes,
            ad.defjvp is not None and len(ad.primitive_jvps) > 100,
            isinstance(rule, functools.partial) or callable(rule),
        )

    assert_same(lambda side: [int(x) if isinstance(x, bool) else x for x in body(side)])


def test_avals():
    def body(side):
        core = side("extend.core")
        aval = side("core").ShapedArray((2, 3), np.dtype("float32"))
        batched = core.unmapped_aval(5, 1, aval)
        return batched.shape, core.mapped_aval(5, 1, batched).shape

    assert_same(body)


def test_wrapped_functions():
    def body(side):
        util, lu = side("api_util"), side("extend.linear_util")
        info = util.debug_info("test", sum, (1,), {})
        tree = side.tree_util.tree_structure((((1, 2), 3), {"y": 4}))

        def f(pair, x, y):
            return {"sum": pair[0] + pair[1], "product": x * y}

        flat, out_tree = util.flatten_fun(lu.wrap_init(f, debug_info=info), tree)
        outs = flat.call_wrapped(1, 2, 3, 4)

        @lu.transformation
        def doubled(*args, **kwargs):
            out = yield tuple(2 * x for x in args), kwargs
            yield [-x for x in out]

        flat, _ = util.flatten_fun(lu.wrap_init(f, debug_info=info), tree)
        again = doubled(flat).call_wrapped(1, 2, 3, 4)
        return list(outs), str(out_tree()), list(again)

    assert_same(body)


def test_argnums_partial():
    def body(side):
        util, lu = side("api_util"), side("extend.linear_util")
        info = util.debug_info("test", sum, (1,), {})
        f = lu.wrap_init(lambda a, b, c: a - b * c, debug_info=info)
        fun, dynamic = util.argnums_partial(f, (2, 0), (10, 2, 3))
        return list(dynamic), fun.call_wrapped(7, 1)

    assert_same(body)


def test_donation():
    def body(side):
        util = side("api_util")
        tree = side.tree_util.tree_structure((((1, 2), 3), {"y": 4}))
        return (
            [int(d) for d in util.donation_vector((0,), ("y",), tree)],
            list(util.rebase_donate_argnums((1, 4), (0, 2))),
        )

    assert_same(body)


@pytest.mark.parametrize("name", NAMES)
def test_partial_evaluation(name):
    """What known inputs give is computed, the rest is recorded."""
    side = Side(name)
    pe, lu = side("interpreters.partial_eval"), side("extend.linear_util")
    info = side("api_util").debug_info("test", sum, (1,), {})
    f = lu.wrap_init(lambda x, y: [side.jnp.sin(x), x * y], debug_info=info)
    aval = side("core").ShapedArray((), np.dtype("float32"))
    values = pe.PartialVal.known(side.jnp.float32(2)), pe.PartialVal.unknown(aval)
    jaxpr, outs, consts = pe.trace_to_jaxpr_nounits(f, values)
    assert outs[0].is_known() and not outs[1].is_known()
    np.testing.assert_allclose(outs[0].get_known(), np.sin(2.0), rtol=1e-6)
    (late,) = side("core").eval_jaxpr(jaxpr, consts, side.jnp.float32(5))
    assert late == 10


def test_dead_code():
    def body(side):
        closed = side.make_jaxpr(lambda x, y: (side.jnp.sin(x), x * y))(1.0, 2.0)
        dce = side("interpreters.partial_eval").dce_jaxpr
        jaxpr, used = dce(closed.jaxpr, [True, False])
        return [int(u) for u in used], len(jaxpr.eqns), len(jaxpr.invars)

    assert_same(body)


class _Wrapped:
    """A type of others that is an argument once it is registered."""

    def __init__(self, value):
        self.value = np.asarray(value, np.float32)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_types_of_others_as_arguments():
    def body(side):
        xla, core = side("interpreters.xla"), side("core")
        handlers, avals = xla.canonicalize_dtype_handlers, core.pytype_aval_mappings
        handlers[_Wrapped] = lambda x: handlers[np.ndarray](x.value)
        avals[_Wrapped] = lambda x: avals[np.ndarray](x.value)
        x = _Wrapped([1, 2])
        return side.jit(lambda x: x * 2)(x), side.lax.neg(x)

    assert_same(body)


class _Sizes:
    """A sequence of others, as shapes of TensorFlow are."""

    def __init__(self, *sizes):
        self.sizes = sizes

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, k):
        return self.sizes[k]

    def __iter__(self):
        return iter(self.sizes)


def test_sequences_of_others_as_shapes():
    def body(side):
        jnp = side.jnp
        given = _Sizes(2, 3), _Sizes(), jnp.array([2, 3]), np.array([2, 3]), 3
        return [(jnp.zeros(s), jnp.broadcast_to(1.0, s)) for s in given]

    assert_same(body)


def test_primitives_of_several_homes():
    """Those of linear algebra, of random keys and of references, too."""
    words = "svd_p qr_p lu_p eigh_p cholesky_p triangular_solve_p random_bits_p "
    words += (
        "random_split_p threefry2x32_p get_p swap_p device_put_p add_jaxvals_p sin_p"
    )
    for name in ("jax", "minijax"):
        primitives = Side(name)("extend.core.primitives")
        found = [getattr(primitives, word).name for word in words.split()]
        expected = [word.removesuffix("_p") for word in words.split()]
        expected[expected.index("add_jaxvals")] = "add_any"
        assert found == expected, name


def test_copies_are_other_primitives():
    """Libraries copy `jit`'s, to have calls of a name of their own."""

    def body(side):
        primitives, ad = side("extend.core.primitives"), side("interpreters.ad")
        call = copy.deepcopy(primitives.jit_p)
        call.name = "my_call"
        (eqn,) = side.make_jaxpr(side.jit(lambda y: y + 1))(1.0).eqns
        (copied,) = side.make_jaxpr(lambda x: call.bind(x, **eqn.params))(1.0).eqns
        assert copied.primitive is call and str(call) == "my_call"
        assert call != primitives.jit_p and primitives.jit_p.name == "jit"
        own = side("extend.core").Primitive("own")
        own.def_abstract_eval(lambda x: x)
        own.def_impl(lambda x: x * 2)
        other = copy.copy(own)
        other.def_impl(lambda x: x * 3)
        ad.deflinear2(other, lambda ct, x: [other.bind(ct)])
        x = side.jnp.ones(())
        assert type(raised(lambda: side.grad(own.bind)(x))) is NotImplementedError
        return [own.bind(x), other.bind(x), side.grad(other.bind)(x)]

    assert_same(body)


def test_call_primitives_by_name():
    for name in NAMES:
        primitives = Side(name)("extend.core.primitives")
        found = [
            getattr(primitives, p).name for p in ("call_p", "closed_call_p", "jit_p")
        ]
        assert found == ["call", "closed_call", "jit"]


# --- callbacks in lowering rules, and interpreters of jaxprs ------------------------------


def _doubling(side):
    """A primitive whose lowering calls back into Python, which asks NumPy's arrays."""
    mlir = side("interpreters.mlir")
    primitive = side("extend.core").Primitive("doubling")
    primitive.multiple_results = True
    primitive.def_abstract_eval(lambda x: [x, x])

    def lowering(ctx, x):
        results, token, kept = mlir.emit_python_callback(
            ctx,
            lambda x: (np.asarray(x) * 2, np.asarray(x) + 1),
            None,
            [x],
            ctx.avals_in,
            ctx.avals_out,
            has_side_effect=False,
            returns_token=False,
        )
        ctx.module_context.add_keepalive(kept)
        return results if token is None else None

    mlir.register_lowering(primitive, lowering)
    return side.jit(lambda x: primitive.bind(x * 3))(np.arange(3.0, dtype=np.float32))


def _custom_rules(side):
    """(function with both kinds of custom derivatives, its jaxpr)."""
    sine = side.custom_jvp(side.jnp.sin)
    sine.defjvp(lambda primals, tangents: (sine(*primals), 5 * tangents[0]))
    cosine = side.custom_vjp(side.jnp.cos)
    cosine.defvjp(lambda x: (cosine(x), None), lambda _, ct: (7 * ct,))
    return side.make_jaxpr(lambda x: sine(x) + cosine(x))(0.5).jaxpr


def _interpreted(side):
    """A jaxpr evaluated as interpreters outside do it, and its derivative."""
    jaxpr = _custom_rules(side)

    def evaluate(x):
        env = {jaxpr.invars[0]: x}
        for eqn in jaxpr.eqns:
            params = eqn.primitive.get_bind_params(eqn.params)
            outs = eqn.primitive.bind(*[env[v] for v in eqn.invars], **params)
            outs = outs if eqn.primitive.multiple_results else [outs]
            env.update(zip(eqn.outvars, outs, strict=True))
        return env[jaxpr.outvars[0]]

    return evaluate(0.5), side.grad(evaluate)(0.5)


def _without_rules(side):
    """The functions behind custom derivatives, taken out of their equations."""
    outs = []
    for eqn in _custom_rules(side).eqns[:2]:
        params = eqn.primitive.get_bind_params(eqn.params)
        outs += params["subfuns"][0].call_wrapped(0.5)
    return outs


def _levels(side):
    """Whether the tracers of a level are told by it."""
    top, told = side("extend.core").find_top_trace, []

    def seen(x):
        told.append(top((x,)).main is x._trace.main)
        side.jvp(lambda y: told.append(top(()).main is x._trace.main) or y, (x,), (x,))
        return x

    side.jvp(seen, (1.0,), (1.0,))
    side.vmap(seen)(np.ones(2))
    return str(told)


FROM_OUTSIDE = {
    f.__name__: f for f in (_doubling, _interpreted, _without_rules, _levels)
}


@pytest.mark.parametrize("name", FROM_OUTSIDE)
def test_from_outside(name):
    assert_same(FROM_OUTSIDE[name])


# --- symbolic zeros in trees, and what rules are called with ------------------------------


def _zeros_as_trees(side):
    """Symbolic zeros hold no leaves: `vmap`, `jit` and pullbacks take them."""
    zero = side("interpreters.ad").Zero(side.core.ShapedArray((), np.dtype("float32")))
    _, pull = side.vjp(lambda x: (x * 2, x * 3), 1.0)
    return [
        str(side("tree_util").tree_leaves([zero, 1])),
        str(side.vmap(lambda x: (x, zero))(np.ones(2, np.float32))[1]),
        str(side.jit(lambda x: (zero, x))(1.0)[0]),
        pull((zero, 1.0)),
        pull((zero, zero)),
    ]


def _kinds_of_arguments(side):
    """The types of what rules of others are given."""
    ad, batching = side("interpreters.ad"), side("interpreters.batching")
    primitive, seen = side("extend.core").Primitive("seen"), []
    primitive.def_impl(lambda x, y: x)

    def jvp(primals, tangents):
        seen.append((type(primals).__name__, type(tangents).__name__))
        return primals[0], tangents[0]

    def batch(args, dims):
        seen.append((type(args).__name__, type(dims).__name__, str(dims)))
        return args[0], dims[0]

    ad.primitive_jvps[primitive] = jvp
    batching.primitive_batchers[primitive] = batch
    side.jvp(primitive.bind, (1.0, 2.0), (1.0, 1.0))
    side.vmap(primitive.bind, (0, None))(np.ones(2, np.float32), 2.0)
    return str(seen)


def _zeros_of_trees(side):
    zero = side("custom_derivatives").zero_from_primal
    primals = (1.0, {"a": np.ones(2, np.float32)}, None)
    symbolic = side("tree_util").tree_leaves(zero(primals, symbolic_zeros=True))
    plain = zero(primals)
    return [str([(x, x.shape, x.weak_type) for x in symbolic]), plain[0], plain[1]["a"]]


@pytest.mark.parametrize(
    "program", [_zeros_as_trees, _kinds_of_arguments, _zeros_of_trees]
)
def test_what_rules_see(program):
    assert_same(program)


def test_lowered_by_a_function_that_uses_a_reference():
    def told(side):
        primitive = side("extend.core").Primitive("twice_by_reference")
        primitive.def_abstract_eval(lambda aval: aval)

        def twice(x):
            ref = side.new_ref(x)
            ref[...] += x
            return side.freeze(ref)

        mlir = side("interpreters.mlir")
        mlir.register_lowering(primitive, mlir.lower_fun(twice, multiple_results=False))
        return side.jit(lambda x: primitive.bind(x))(3.0)

    assert_same(told)


# --- types that vmap takes apart by functions of their own --------------------------------


def _mapped_pair(side):
    """A pytree `Pair(a, b)` of which only `a` is mapped, and a function of such pairs."""
    Pair = dataclasses.make_dataclass("Pair", ["a", "b"])
    side("tree_util").register_dataclass(Pair, ["a", "b"], [])
    side("interpreters.batching").register_vmappable(
        Pair, int, int,
        lambda cont, index, x, axis: Pair(cont(x.a, axis), x.b),
        lambda cont, size, x, axis: Pair(cont(size, x.a, axis), x.b), None,
    )  # fmt: skip
    pair = Pair(np.arange(6.0, dtype=np.float32).reshape(3, 2), np.ones(5, np.float32))
    return pair, lambda x, y: (Pair(x.a * y, x.b), x.a.sum())


OWN_BATCHES = {
    "mapped": lambda s, x, f: s.vmap(f)(x, np.arange(3.0, dtype=np.float32)),
    "not mapped": lambda s, x, f: s.vmap(f, (None, 0), (-1, 0))(
        x, np.ones(4, np.int32)
    ),
    "in a list": lambda s, x, f: s.vmap(lambda p: f(p[0], 2.0), -1, axis_size=2)([x]),
    "no size": lambda s, x, f: s.vmap(f, (0, None))(x, 2.0),
    "two sizes": lambda s, x, f: s.vmap(lambda *p: p)(np.ones(2), np.ones(3), x),
}


@pytest.mark.parametrize("name", OWN_BATCHES)
def test_own_batches(name):
    def told(side):
        side("experimental.sparse")  # whose matrices have tables of their own
        pair, fun = _mapped_pair(side)
        try:
            return side.tree.leaves(OWN_BATCHES[name](side, pair, fun))
        except ValueError as error:
            return str(error)
        finally:
            side("interpreters.batching").unregister_vmappable(type(pair))

    assert_same(told)


def test_axes_of_a_type_of_their_own():
    @dataclasses.dataclass(frozen=True)
    class Along:
        axis: int

    def told(side):
        Pair = dataclasses.make_dataclass("Pair", ["a", "b"])
        side("tree_util").register_dataclass(Pair, ["a", "b"], [])
        batching = side("interpreters.batching")
        batching.register_vmappable(
            Pair, Along, int,
            lambda cont, index, x, along: Pair(cont(x.a, along.axis), x.b),
            lambda cont, size, x, along: Pair(cont(size, x.a, along.axis), x.b), None,
        )  # fmt: skip
        pair = Pair(np.arange(6.0, dtype=np.float32).reshape(3, 2), np.float32(2))
        fun = side.vmap(lambda p: p, Along(0), Along(1), axis_size=3)
        try:
            return side.tree.leaves(fun(pair))
        finally:
            batching.unregister_vmappable(Pair)

    assert_same(told)


def test_dce_rules():
    """A rule of a user's makes an equation smaller where a result is not used."""

    def told(side):
        core, pe = side("extend.core"), side("interpreters.partial_eval")
        pair_p = core.Primitive("pair")
        pair_p.multiple_results = True
        pair_p.def_abstract_eval(lambda *avals: list(avals))

        def rule(used, eqn):
            pick = [k for k, wanted in enumerate(used) if wanted]
            if not pick:
                return [False] * len(eqn.invars), None
            smaller = eqn.replace(
                invars=[eqn.invars[k] for k in pick],
                outvars=[eqn.outvars[k] for k in pick],
            )
            return list(used), smaller

        pe.dce_rules[pair_p] = rule
        closed = side.make_jaxpr(lambda x, y: pair_p.bind(x, y))(1.0, 2)
        found = []
        for used in ([True, True], [False, True], [False, False]):
            jaxpr, read = pe.dce_jaxpr(closed.jaxpr, used)
            found.append((str(jaxpr), list(read)))
        loop = side.make_jaxpr(
            lambda x: side.lax.fori_loop(0, 2, lambda i, c: c + 1, x)
        )
        eqn = loop(1.0).eqns[0]
        whole = pe.dce_rules[eqn.primitive]([True] * len(eqn.outvars), eqn)[1]
        same = len(whole.outvars) == len(eqn.outvars)
        return found, pe.dce_rules[pair_p] is rule, same

    assert told(Side("minijax")) == told(Side("jax"))


def _told_scope(side):
    """What is said of the place at which each function runs; all in order."""
    core = side("extend.core")
    told = []

    def at(name):
        def f(x):
            told.append((
                name,
                core.unsafe_am_i_under_a_jit_DO_NOT_USE(),
                core.unsafe_am_i_under_a_vmap_DO_NOT_USE(),
                core.unsafe_get_axis_names_DO_NOT_USE(),
                core.nonempty_axis_env_DO_NOT_USE(),
            ))  # fmt: skip
            return x

        return f

    x, square = np.ones(2, np.float32), np.ones((2, 2), np.float32)
    at("eager")(x)
    side.vmap(at("vmap"), axis_name="i")(x)
    side.grad(at("grad"))(1.0)
    side.make_jaxpr(side.vmap(at("vmap in a jaxpr")))(x)
    side.make_jaxpr(side.vmap(side.jit(at("jit in vmap"))))(x)
    side.make_jaxpr(lambda x: side.lax.scan(lambda c, x: (at("scan")(c), x), 1.0, x))(x)
    side.vmap(side.vmap(side.grad(at("grad in vmaps"))))(square)
    return told


def test_where_a_function_runs():
    assert _told_scope(Side("minijax")) == _told_scope(Side("jax"))


def test_traces_and_primitives_of_the_library():
    def body(side):
        tag = side("extend.core").TraceTag
        equal = tag() == tag(), hash(tag()) == hash(tag()), tag() == "tag"
        primitives = side("extend.core").primitives
        for primitive in (primitives.sin_p, primitives.jit_p, primitives.cond_p):
            assert isinstance(primitive, side("extend.core").Primitive)
        x, trace = np.ones(2), side("core").Trace()
        return [int(e) for e in equal], trace.full_raise(x) is x

    assert_same(body)


MOVED = (
    "InconclusiveDimensionOperation JaxprPpContext JaxprPpSettings JaxprTypeError "
    "abstract_token call check_jaxpr is_concrete is_constant_dim is_constant_shape "
    "no_axis_name nonempty_axis_env_DO_NOT_USE trace_ctx "
    "unsafe_am_i_under_a_vmap_DO_NOT_USE TraceTag"
)


@pytest.mark.parametrize("name", MOVED.split())
def test_moved_names(name):
    def told(side):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            there = hasattr(side("core"), name)
        return there, [str(w.message) for w in seen]

    assert told(Side("minijax")) == told(Side("jax"))
