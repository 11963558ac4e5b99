"""Effects of primitives from outside: what keeps, orders and forbids equations."""

import pytest
from sides import assert_same, both


def _effectful(side, *allowed):
    """(bind, effect) of an identity with an effect of a new class, ordered, that may be
    where `allowed` says."""
    effects, mlir = side("_src.effects"), side("interpreters.mlir")

    class Effect(effects.Effect):
        __repr__ = lambda self: "noted"  # noqa: E731

    primitive, effect = side("extend.core").Primitive("note"), Effect()
    primitive.multiple_results = True
    primitive.def_effectful_abstract_eval(lambda x: ([x], {effect}))
    side("interpreters.ad").primitive_jvps[primitive] = lambda primals, tangents: (
        primitive.bind(*primals), tangents)  # fmt: skip
    for where in ("ordered", *allowed):
        getattr(effects, f"{where}_effects").add_type(Effect)

    def lowering(ctx, x):
        ctx.set_tokens_out(ctx.tokens_in)
        return [x]

    mlir.register_lowering(primitive, lowering)
    return lambda x: primitive.bind(x)[0], effect


def _note_custom(side, kind):
    bind, _ = _effectful(side, "lowerable")
    f = getattr(side, f"custom_{kind}")(bind)
    if kind == "jvp":
        f.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
    else:
        f.defvjp(lambda x: (x, ()), lambda _, ct: (ct,))
    jaxpr = side.make_jaxpr(f)(2.0).jaxpr
    side("_src.core").check_jaxpr(jaxpr)


def _note_loop(side, loop, *allowed):
    bind, _ = _effectful(side, "lowerable", *allowed)
    loops = {
        "scan": lambda x: side.lax.scan(lambda c, _: (bind(c), None), x, length=2)[0],
        "while": lambda x: side.lax.while_loop(lambda x: x < 0, bind, x),
        "cond": lambda x: side.lax.cond(x < 0, bind, lambda x: x, x),
    }
    return side.jit(loops[loop])(2.0)


def _note_remat(side):
    bind, _ = _effectful(side, "lowerable")
    return side.linearize(side.checkpoint(bind), 2.0)[0]


def _note_missing(side):
    bind, _ = _effectful(side)
    jaxpr = side.make_jaxpr(bind)(2.0).jaxpr
    side("_src.core").check_jaxpr(jaxpr.replace(effects=set()))


NOTES = {
    "lowered": lambda s: s.jit(_effectful(s, "lowerable")[0])(2.0),
    "not lowerable": lambda s: s.jit(_effectful(s)[0]).lower(2.0),
    "custom_jvp": lambda s: _note_custom(s, "jvp"),
    "custom_vjp": lambda s: _note_custom(s, "vjp"),
    **{
        f"{loop}, {allowed}": lambda s, loop=loop, allowed=allowed: _note_loop(
            s, loop, *allowed
        )
        for loop in ("scan", "while", "cond")
        for allowed in ((), ("control_flow_allowed",))
    },
    "remat": _note_remat,
    "not told by the jaxpr": _note_missing,
}


@pytest.mark.parametrize("name", NOTES)
def test_effects_of_primitives(name):
    def found(side):
        try:
            return "value", float(NOTES[name](side))
        except Exception as error:
            said = str(error).splitlines()[0].partition(" Equation effect:")[0]
            return type(error).__name__, said

    theirs, ours = both(found)
    assert theirs == ours


def test_effects_of_equations_are_sets():
    def body(side):
        def fun(x):
            side.debug.print("{}", x)
            return side.jnp.sin(x)

        eqns = side.make_jaxpr(fun)(1.0).eqns
        return [f"{type(eqn.effects).__name__} {len(eqn.effects)}" for eqn in eqns]

    assert_same(body)
