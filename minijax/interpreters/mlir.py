"""Lowering rules of primitives (`jax.interpreters.mlir`), written with other ops.

There is no MLIR: a rule is a Python function lowered through `lower_fun`.
"""

from minijax.alias import missing_attribute
from minijax.control.callback import checked_results
from minijax.core import ShapedArray
from minijax.effects import ordered_effects
from minijax.extend.core._primitive import is_foreign


class TokenSet:
    """A token for each ordered effect: equations run in the order they are written."""

    def __init__(self, *args, **kwargs):
        self._tokens = dict(*args, **kwargs)

    def __len__(self):
        return len(self._tokens)

    def get(self, effect):
        """The token of an effect."""
        return self._tokens[effect]

    def effects(self):
        """The effects that there are tokens of."""
        return set(self._tokens)

    def items(self):
        """Effects and their tokens."""
        return tuple(self._tokens.items())

    def update_tokens(self, tokens):
        """These tokens with those of another set in their places."""
        return TokenSet((e, tokens.get(e) if e in tokens.effects() else t)
                        for e, t in self.items())  # fmt: skip


class ModuleContext:
    """What a lowering rule knows of the program as a whole."""

    platforms = ("cpu",)

    def __init__(self, module):
        self._module = module

    def add_keepalive(self, keepalive):
        """Let an object live as long as the program."""
        self._module.kept_alive.append(keepalive)


class LoweringRuleContext:
    """What a lowering rule is called with: the builder, the avals, and tokens."""

    tokens_out = None

    def __init__(self, builder, avals_in, avals_out, primitive, effects=()):
        self.builder, self.primitive = builder, primitive
        self.module_context = ModuleContext(builder.module)
        self.avals_in, self.avals_out = avals_in, avals_out
        ordered = ordered_effects.filter_in(effects)
        self.tokens_in = TokenSet((effect, object()) for effect in ordered)

    def set_tokens_out(self, tokens_out):
        """Give the tokens that come after the equation, of the same effects."""
        self.tokens_out = tokens_out

    def check_tokens(self):
        """ValueError unless the rule gave a token for each ordered effect."""
        wanted = self.tokens_in.effects()
        if self.tokens_out is None:
            if wanted:
                raise ValueError(
                    f"Lowering rule for `{self.primitive}` needs to set `tokens_out` "
                    f"because it has effects: {wanted}."
                )
        elif self.tokens_out.effects() != wanted:
            raise ValueError(
                f"Lowering rule for `{self.primitive}` returns incorrect set of output "
                f"tokens. Expected: {wanted} vs. Actual: {self.tokens_out.effects()}"
            )


def lower_fun(fun, multiple_results=True):
    """A lowering rule from a Python function of arrays, `fun(*args, **params)`."""

    def rule(ctx, *values, **params):
        def flat(*args):
            out = fun(*args, **params)
            return list(out) if multiple_results else [out]

        return ctx.builder.lower_fun(flat, list(values), ctx.avals_in)

    return rule


def emit_python_callback(
    ctx,
    callback,
    token,
    operands,
    operand_avals,
    result_avals,
    *,
    has_side_effect,
    returns_token=True,
    partitioned=False,
    sharding=None,
):
    """Call `callback(*arrays) -> arrays` whenever the program gets there.

    Returns (results, token or None, what must be kept alive).  An equation whose rule
    does this must have an effect, if the callback has.
    """
    run = checked_results("jax.pure_callback", callback, operand_avals, result_avals)
    outs = [(aval.shape, aval.dtype) for aval in result_avals]
    results = ctx.builder.callback(run, list(operands), outs)
    return results, token if returns_token else None, run


_PLATFORMS = ("cpu", "cuda", "default", "gpu", "oneapi", "rocm", "tpu")


def register_lowering(prim, rule, platform=None, inline=True, cacheable=True):
    """Set the lowering rule of a primitive; those of other platforms are ignored.

    NotImplementedError for a platform that JAX does not know.
    """
    if platform is not None and platform not in _PLATFORMS:
        raise NotImplementedError(
            f"Registering an MLIR lowering rule for primitive {prim} for an unknown "
            f"platform {platform}. Known platforms are: {', '.join(_PLATFORMS)}."
        )
    if platform not in (None, "cpu", "default"):
        return
    if not is_foreign(prim):
        raise TypeError(
            f"only primitives of jax.extend.core.Primitive take lowering rules, got {prim}"
        )

    def lower(b, ins, out_avals, **params):
        avals = [ShapedArray(view.shape, view.dtype) for view in ins]
        effects = prim.effects_at(avals, params)
        ctx = LoweringRuleContext(b, avals, out_avals, prim, effects)
        outs = list(rule(ctx, *ins, **params))
        ctx.check_tokens()
        return outs

    prim.lower = lower


def __getattr__(name):
    raise missing_attribute(__name__, name)
