"""Derivative and transpose rules of primitives (`jax.interpreters.ad`)."""

from minijax import core
from minijax.alias import missing_attribute
from minijax.core import UndefinedPrimal as UndefinedPrimal
from minijax.core import Zero as Zero
from minijax.core import is_undefined_primal as is_undefined_primal
from minijax.interpreters._tables import RuleTable
from minijax.ops.arithmetic import add_any_p
from minijax.ops.define import add_tangents as add_tangents
from minijax.ops.define import instantiate as instantiate_zeros
from minijax.ops.define import zeros
from minijax.transforms.ad import JVPTrace as JVPTrace
from minijax.transforms.ad import JVPTracer as JVPTracer
from minijax.tree_util import tree_map

zeros_like_aval = zeros
add_jaxvals_p = add_any_p


def _same(rule):
    return rule


def _on_tuples(rule):
    def jvp(primals, tangents, **params):
        return rule(tuple(primals), tuple(tangents), **params)

    return jvp


# primitive -> rule(primals, tangents, **params) -> (out, tangent)
primitive_jvps = RuleTable("jvp", _on_tuples, _same)
# primitive -> rule(cotangent, *args, **params) -> cotangents
primitive_transposes = RuleTable("transpose", _same, _same)


def _from_linearization(rule):
    """The slot's rule from one of JAX's: `rule(is_vjp, nonzero, *primals, **params)` gives
    (out, out_nonzero, residuals, linear), `linear(residuals, *tangents)` the tangent.
    """

    def linearize(linear_trace, primals, tangents, **params):
        nonzero = [type(t) is not Zero for t in tangents]
        out, out_nonzero, residuals, linear = rule(True, nonzero, *primals, **params)
        if not any(
            out_nonzero if isinstance(out_nonzero, (list, tuple)) else [out_nonzero]
        ):
            return out, tree_map(Zero.of, out)
        with core.set_current_trace(linear_trace):
            return out, linear(residuals, *tangents)

    return linearize


# primitive -> rule(is_vjp, nonzero, *primals, **params)
primitive_linearizations = RuleTable("linearize", _from_linearization, _same)


def get_primitive_transpose(p):
    """The transpose rule of a primitive.  NotImplementedError if it has none."""
    try:
        return primitive_transposes[p]
    except KeyError:
        raise NotImplementedError(
            "Transpose rule (for reverse-mode differentiation) for "
            f"'{p}' not implemented"
        ) from None


add_jaxvals = add_tangents


def _zeros_of(primitive, out):
    if primitive.multiple_results:
        return [Zero.of(x) for x in out]
    return Zero.of(out)


def _sum_of_parts(primitive, parts):
    """A jvp rule from one function per argument: `part(t, out, *primals, **params)`."""

    def jvp(primals, tangents, **params):
        out = primitive.bind(*primals, **params)
        total = None
        for part, t in zip(parts, tangents, strict=True):
            if part is None or type(t) is Zero:
                continue
            found = part(t, out, *primals, **params)
            total = found if total is None else add_tangents(total, found)
        return out, _zeros_of(primitive, out) if total is None else total

    return jvp


def defjvp(primitive, *jvprules):
    """For each argument `rule(t, *primals, **params) -> tangent`, or None."""
    parts = [
        None if rule is None
        else lambda t, out, *primals, rule=rule, **params: rule(t, *primals, **params)
        for rule in jvprules
    ]  # fmt: skip
    primitive_jvps[primitive] = _sum_of_parts(primitive, parts)


def defjvp2(primitive, *jvprules):
    """For each argument `rule(t, out, *primals, **params) -> tangent`, or None."""
    primitive_jvps[primitive] = _sum_of_parts(primitive, jvprules)


def deflinear2(primitive, transpose_rule):
    """A linear primitive, with `transpose_rule(ct, *args, **params) -> cotangents`."""

    def jvp(primals, tangents, **params):
        out = primitive.bind(*primals, **params)
        if all(type(t) is Zero for t in tangents):
            return out, _zeros_of(primitive, out)
        return out, primitive.bind(*map(instantiate_zeros, tangents), **params)

    primitive_jvps[primitive] = jvp
    primitive_transposes[primitive] = transpose_rule


def deflinear(primitive, transpose_rule):
    """A linear primitive, with `transpose_rule(ct, **params) -> cotangents`."""
    deflinear2(primitive, lambda ct, *args, **params: transpose_rule(ct, **params))


def defbilinear(primitive, lhs_rule, rhs_rule):
    """A primitive linear in each of two arguments.

    `lhs_rule(ct, x, y, **params)` gives the cotangent of x, `rhs_rule` that of y; the
    argument asked for is an `UndefinedPrimal`.
    """

    def of_lhs(t, out, x, y, **params):
        return primitive.bind(t, y, **params)

    def of_rhs(t, out, x, y, **params):
        return primitive.bind(x, t, **params)

    def transpose(ct, x, y, **params):
        if is_undefined_primal(x):
            return [lhs_rule(ct, x, y, **params), None]
        return [None, rhs_rule(ct, x, y, **params)]

    primitive_jvps[primitive] = _sum_of_parts(primitive, (of_lhs, of_rhs))
    primitive_transposes[primitive] = transpose


def __getattr__(name):
    raise missing_attribute(__name__, name)
