"""Lowering rules of primitives (`jax.interpreters.mlir`), written with other ops.

There is no MLIR: a rule is a Python function lowered through `lower_fun`.
"""

from minijax.alias import missing_attribute
from minijax.core import ShapedArray
from minijax.extend.core._primitive import Primitive


class LoweringRuleContext:
    """What a lowering rule is called with: the builder, and the avals."""

    def __init__(self, builder, avals_in, avals_out, primitive):
        self.builder, self.primitive = builder, primitive
        self.avals_in, self.avals_out = avals_in, avals_out


def lower_fun(fun, multiple_results=True):
    """A lowering rule from a Python function of arrays, `fun(*args, **params)`."""

    def rule(ctx, *values, **params):
        def flat(*args):
            out = fun(*args, **params)
            return list(out) if multiple_results else [out]

        return ctx.builder.lower_fun(flat, list(values), ctx.avals_in)

    return rule


def register_lowering(prim, rule, platform=None, inline=True, cacheable=True):
    """Set the lowering rule of a primitive; those of other platforms are ignored."""
    if platform not in (None, "cpu", "default"):
        return
    if not isinstance(prim, Primitive):
        raise TypeError(
            f"only primitives of jax.extend.core.Primitive take lowering rules, got {prim}"
        )

    def lower(b, ins, out_avals, **params):
        avals = [ShapedArray(view.shape, view.dtype) for view in ins]
        ctx = LoweringRuleContext(b, avals, out_avals, prim)
        return list(rule(ctx, *ins, **params))

    prim.lower = lower


def __getattr__(name):
    raise missing_attribute(__name__, name)
