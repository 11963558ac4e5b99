"""Differentiation: jvp, linearize, and the transposition that turns linearize into vjp.

`linearize` runs a function once.  Its primal work goes to the surrounding trace; what
depends on tangents is recorded as a linear jaxpr, whose constants are the residuals.
`backward_pass` transposes such a jaxpr. (The two halves of reverse mode, after Radul et
al., "You Only Linearize Once", POPL 2023.)
"""

import itertools
import operator
from typing import Any, NamedTuple

from minijax import core
from minijax.core import ClosedJaxpr, Literal, Tracer, UndefinedPrimal, Zero
from minijax.ops.define import add_tangents, instantiate, is_absent
from minijax.trace import JaxprTrace, trace
from minijax.transforms.linear_trace import LinearTrace
from minijax.tree_util import register_pytree_node

JVP, TRANSPOSE = core.Transform("jvp"), core.Transform("transpose")

for _kind in (Zero, UndefinedPrimal):  # they are no leaves where rules make trees
    register_pytree_node(
        _kind, lambda x: ((), x.aval), lambda aval, _, kind=_kind: kind(aval)
    )

# --- tangents and cotangents, some of which are symbolic zeros --------------------


def nonzero_mask(tangents):
    """For each tangent or cotangent whether it is an array, not a `Zero`: a tuple."""
    return tuple([type(t) is not Zero for t in tangents])


def without_zeros(tangents):
    """The tangents or cotangents that are arrays."""
    return [t for t in tangents if type(t) is not Zero]


def with_zeros(found, nonzero, avals):
    """The tangents of values of these avals: those in `found` where `nonzero` says so."""
    found = iter(found)
    return [
        next(found) if nz else Zero(aval.to_tangent_aval())
        for nz, aval in zip(nonzero, avals, strict=True)
    ]


def linear_mask(args):
    """For each argument of a transpose rule whether it is linear: a tuple."""
    return tuple([type(x) is UndefinedPrimal for x in args])


def at_linear(cotangents, linear):
    """What a transpose rule returns: the cotangents of its linear arguments, else None."""
    cotangents = iter(cotangents)
    return [next(cotangents) if is_linear else None for is_linear in linear]


# --- forward mode ---------------------------------------------------------------


class JVPTracer(Tracer):
    """A value together with its tangent."""

    __slots__ = ("primal", "tangent")

    def __init__(self, trace, primal, tangent):
        self._trace, self.primal, self.tangent = trace, primal, tangent
        self.aval = core.get_aval(primal)

    @property
    def jax_name(self):
        """What JAX calls tracers of this kind."""
        linear = self._trace.tracer_name == "GradTracer"
        return "LinearizeTracer" if linear else "JVPTracer"

    def _concrete(self):
        return concrete(self.primal)

    def _contents(self):
        return ("primal", self.primal), ("tangent", self.tangent)

    def __repr__(self):
        name = self._trace.tracer_name
        if name == "JVPTracer":
            return f"{name}(primal={self.primal}, tangent={self.tangent})"
        kind = self.aval.to_tangent_aval().str_short(True)
        return f"{name}(primal={self.primal}, typeof(tangent)={kind})"


def concrete(x) -> Any:
    """The value behind `x`, or None where a trace hides it."""
    return x._concrete() if isinstance(x, Tracer) else x


class JVPTrace(core.Trace):
    """Carries tangents along."""

    tracer_name, jax_name = "JVPTracer", "JVPTrace"
    main = property(lambda self: self)

    def __init__(self, parent):
        self.parent = parent

    def described(self):
        return self.parent.described()

    def split(self, x):
        """(primal, tangent) of a value that may or may not be of this trace."""
        if type(x) is JVPTracer and x._trace is self:
            return x.primal, x.tangent
        return x, Zero.of(x)

    def split_all(self, args):
        """Lists of the primals and of the tangents."""
        pairs = [self.split(x) for x in args]
        return [p for p, _ in pairs], [t for _, t in pairs]

    def join(self, primal, tangent):
        """A tracer of the pair, or just the primal where the tangent is zero."""
        if type(tangent) is Zero or core.is_float0(core.get_aval(tangent)):
            return primal
        return JVPTracer(self, primal, tangent)

    def process_primitive(self, primitive, args, params):
        for x in args:
            if type(x) is JVPTracer and x._trace is self:
                break
        else:
            if not primitive.always_traced:
                return self.parent.process_primitive(primitive, args, params)
        primals, tangents = self.split_all(args)
        out, tangent = self.differentiate(primitive, primals, tangents, params)
        if primitive.multiple_results:
            return [self.join(p, t) for p, t in zip(out, tangent, strict=True)]
        return self.join(out, tangent)

    def differentiate(self, primitive, primals, tangents, params):
        """Apply the primitive's jvp rule in the parent trace."""
        with core.set_current_trace(self.parent):
            return primitive.jvp(primals, tangents, **params)

    def process_custom_jvp_call(self, primitive, fun, jvp, args, symbolic_zeros=False):
        """Use the user's jvp in place of differentiating `fun`."""
        primals, tangents = self.split_all(args)
        if all(type(t) is Zero for t in tangents):
            with core.set_current_trace(self.parent):
                return self.parent.process_custom_jvp_call(
                    primitive, fun, jvp, primals, symbolic_zeros=symbolic_zeros
                )
        with core.set_current_trace(self.inner()):
            outs, out_tangents = jvp(primals, tangents)
        return [self.join(p, t) for p, t in zip(outs, out_tangents, strict=True)]

    def inner(self):
        """The trace that rules run in."""
        return self.parent

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **params):
        """Run `fwd`; the tangent is a linear call whose transpose is `bwd`."""
        primals, tangents = self.split_all(args)
        if all(type(t) is Zero for t in tangents):
            with core.set_current_trace(self.parent):
                return self.parent.process_custom_vjp_call(
                    primitive, fun, fwd, bwd, primals, **params
                )
        with core.set_current_trace(self.parent):
            outs, residuals = fwd(primals, [type(t) is not Zero for t in tangents])
        with core.set_current_trace(self.inner()):
            out_tangents = primitive.linear_call(
                bwd, residuals, tangents, [core.get_aval(x) for x in outs]
            )
        return [self.join(p, t) for p, t in zip(outs, out_tangents, strict=True)]


def jvp(fun, primals, tangents):
    """(outs, tangents) of the flat function `fun(*primals) -> list`.

    A tangent may be `Zero`, in and out.
    """
    level = JVPTrace(core.current_trace())
    args = [level.join(p, t) for p, t in zip(primals, tangents, strict=True)]
    try:
        with core.set_current_trace(level):
            outs = fun(*args)
        return level.split_all(outs)
    finally:
        level.valid = False


# --- linearize --------------------------------------------------------------------


class LinearizeTrace(JVPTrace):
    """A JVP trace whose tangents are recorded rather than computed."""

    tracer_name, jax_name = "GradTracer", "LinearizeTrace"

    def __init__(self, parent, linear):
        self.parent, self.linear = parent, linear

    def differentiate(self, primitive, primals, tangents, params):
        if primitive.linearize is not None:
            with core.set_current_trace(self.parent), self.linear.whole():
                return primitive.linearize(self.linear, primals, tangents, **params)
        with core.set_current_trace(self.linear):
            out, tangent = primitive.jvp(primals, tangents, **params)
        self.linear.check_known(out if primitive.multiple_results else [out])
        return out, tangent

    def inner(self):
        return self.linear


def linearize(fun, primals, nonzero, instantiate_outs=None, scope=(), pullback=None):
    """Run the flat function `fun` at `primals`, recording its derivative.

    Returns (outs, closed linear jaxpr, out_nonzero).  The jaxpr maps the tangents of
    those inputs whose `nonzero` is true to the tangents of those outputs whose
    `out_nonzero` is; its constants are residuals.  `scope` names
    what goes on, `pullback` says whether the jaxpr is to be transposed.
    """
    parent = core.current_trace()
    linear = LinearTrace(parent, getattr(parent, "debug_info", None))
    linear.outside, linear.pullback = len(core.scopes()), pullback
    level = LinearizeTrace(parent, linear)
    inputs, args = [], []
    for primal, is_nonzero in zip(primals, nonzero, strict=True):
        if is_nonzero:
            aval = core.get_aval(primal).to_tangent_aval()
            inputs.append(linear.new_arg(aval))
            primal = level.join(primal, inputs[-1])
        args.append(primal)
    try:
        with core.set_current_trace(level), core.within(*scope):
            outs = fun(*args)
        primals_out, tangents_out = level.split_all(outs)
        if instantiate_outs is not None:
            tangents_out = [
                instantiate(t) if wanted else t
                for t, wanted in zip(tangents_out, instantiate_outs, strict=True)
            ]
        live = without_zeros(tangents_out)
        jaxpr, consts = linear.finish([t.variable for t in inputs], live)
    finally:
        linear.valid = level.valid = False
    return primals_out, ClosedJaxpr(jaxpr, consts), nonzero_mask(tangents_out)


def linearize_jaxpr(closed, nonzero, instantiate_outs=None):
    """Split a closed jaxpr (without constants) into its primal and its linear part.

    Returns (primal, linear, out_nonzero, n_residuals): `primal: ins -> outs +
    residuals` and `linear: residuals + nonzero tangents -> nonzero out tangents`.
    `instantiate_outs` says for which outputs a zero tangent is made an array of zeros
    (default: none).
    """
    key = linearize_jaxpr, nonzero, instantiate_outs
    known = closed.memo.get(key)
    if known is None:
        known = _linearize_jaxpr(closed, nonzero, instantiate_outs)
        closed.memo[key] = known
    return known


def _linearize_jaxpr(closed, nonzero, instantiate_outs):
    closed = core.without_refs(closed)
    level = JaxprTrace(core.current_trace(), closed.jaxpr.debug_info)
    args = [level.new_arg(aval) for aval in closed.in_avals]
    try:
        with core.set_current_trace(level), core.scopes_set():
            outs, linear, out_nonzero = linearize(
                core.jaxpr_as_fun(closed), args, nonzero, instantiate_outs
            )
        jaxpr, consts = level.finish([t.variable for t in args], outs + linear.consts)
    finally:
        level.valid = False
    primal = ClosedJaxpr(jaxpr, consts)
    opened = linear.jaxpr.replace(
        constvars=[], invars=linear.jaxpr.constvars + linear.jaxpr.invars
    )
    return primal, ClosedJaxpr(opened), out_nonzero, len(linear.consts)


def trace_linear(fun, avals, debug_info=None):
    """As `trace`, of a function that is linear in all of its arguments: what does not
    depend on them is computed in the surrounding trace, and constants of the jaxpr.
    """
    return trace(fun, avals, debug_info, LinearTrace)


def split_linear(closed, late, instantiate_outs=None):
    """Split a closed jaxpr, linear in its `late` inputs, by what the others alone decide.

    Returns (known, linear, out_late, n_residuals): `known: other inputs -> known outputs +
    residuals` and `linear: residuals + late inputs -> late outputs`.  Outputs that
    `instantiate_outs` marks are late in any case (default: none).
    """
    key = split_linear, late, instantiate_outs
    found = closed.memo.get(key)
    if found is None:
        found = closed.memo[key] = _split_linear(closed, late, instantiate_outs)
    return found


def _split_linear(closed, late, instantiate_outs):
    closed = core.without_refs(closed)
    level = JaxprTrace(core.current_trace(), closed.jaxpr.debug_info)
    linear = LinearTrace(level, closed.jaxpr.debug_info)
    args = [
        (linear if is_late else level).new_arg(aval)
        for aval, is_late in zip(closed.in_avals, late, strict=True)
    ]
    try:
        with core.set_current_trace(linear), core.scopes_set():
            outs = core.jaxpr_as_fun(closed)(*args)
        out_late = linear.owns(outs)
        if instantiate_outs is not None:
            out_late = tuple(map(operator.or_, out_late, instantiate_outs))
        invars = [t.variable for t in args]
        jaxpr, residuals = linear.finish(
            [*itertools.compress(invars, late)], [*itertools.compress(outs, out_late)]
        )
        known, consts = level.finish(
            [v for v, is_late in zip(invars, late, strict=True) if not is_late],
            [x for x, is_late in zip(outs, out_late, strict=True) if not is_late]
            + residuals,
        )
    finally:
        level.valid = linear.valid = False
    opened = jaxpr.replace(constvars=[], invars=jaxpr.constvars + jaxpr.invars)
    return ClosedJaxpr(known, consts), ClosedJaxpr(opened), out_late, len(residuals)


def jvp_jaxpr(closed, nonzero, instantiate_outs: Any = False) -> Any:
    """The jaxpr of a closed jaxpr's jvp: ins + nonzero tangents -> outs + nonzero out
    tangents.

    Returns (closed jaxpr, out_nonzero).  `instantiate_outs`: True, or a list saying for
    which outputs a zero tangent is made an array of zeros.
    """
    if isinstance(instantiate_outs, bool):
        instantiate_outs = (instantiate_outs,) * len(closed.jaxpr.outvars)
    key = jvp_jaxpr, tuple(nonzero), tuple(instantiate_outs)
    known = closed.memo.get(key)
    if known is None:
        known = closed.memo[key] = _jvp_jaxpr(closed, nonzero, instantiate_outs)
    return known


def _jvp_jaxpr(closed, nonzero, instantiate_outs):
    closed = core.without_refs(closed)
    n_in = len(closed.in_avals)
    level = JaxprTrace(core.current_trace(), closed.jaxpr.debug_info)
    args = [level.new_arg(aval) for aval in closed.in_avals]
    moving = [level.new_arg(a.to_tangent_aval())
              for a, nz in zip(closed.in_avals, nonzero, strict=True) if nz]  # fmt: skip
    try:
        with core.set_current_trace(level), core.scopes_set():
            tangents = with_zeros(moving, nonzero, closed.in_avals)
            outs, out_tangents = jvp(core.jaxpr_as_fun(closed), args, tangents)
            out_tangents = [
                instantiate(t) if wanted else t
                for t, wanted in zip(out_tangents, instantiate_outs, strict=True)
            ]
        live = without_zeros(out_tangents)
        jaxpr, consts = level.finish([t.variable for t in args + moving], outs + live)
    finally:
        level.valid = False
    assert len(args) == n_in
    return ClosedJaxpr(jaxpr, consts), nonzero_mask(out_tangents)


# --- reverse mode -------------------------------------------------------------------


def backward_pass(jaxpr, consts, args, cotangents, needed=None):
    """Transpose a jaxpr that is linear in those `args` that are `UndefinedPrimal`.

    `cotangents` (arrays or `Zero`) are those of the outputs.  Returns one cotangent for
    each argument: an array or Zero for linear ones, None for the others.  Where `needed`
    is false, a linear one's is Zero and nothing is computed for it alone.
    """
    if core.ref_effect in jaxpr.marks:
        closed = core.without_refs(ClosedJaxpr(jaxpr, consts))
        jaxpr, consts = closed.jaxpr, closed.consts
    values = dict(zip(jaxpr.constvars, consts, strict=True))
    linear = set()
    for var, arg in zip(jaxpr.invars, args, strict=True):
        if type(arg) is UndefinedPrimal:
            linear.add(var)
        else:
            values[var] = arg
    gathered = {}
    with core.Replay() as replay:
        linear_eqns = _evaluate_nonlinear(jaxpr, values, linear, replay)
        wanted = linear if needed is None else _reached(jaxpr, linear_eqns, needed)
        for atom, ct in zip(jaxpr.outvars, cotangents, strict=True):
            _accumulate(gathered, wanted, atom, ct)
        for eqn in reversed(linear_eqns):
            replay.at(eqn.source)
            _transpose_eqn(eqn, values, linear, wanted, gathered)
    return [
        gathered.get(v, Zero(v.aval.to_tangent_aval())) if v in linear else None
        for v in jaxpr.invars
    ]


def _evaluate_nonlinear(jaxpr, values, linear, replay):
    """Compute what does not depend on linear inputs; the remaining equations."""
    rest = []
    for eqn in jaxpr.eqns:
        if any(type(a) is not Literal and a in linear for a in eqn.invars):
            linear.update(eqn.outvars)
            rest.append(eqn)
            continue
        replay.at(eqn.source)
        ins = [a.val if type(a) is Literal else values[a] for a in eqn.invars]
        outs = eqn.primitive.bind_eqn(ins, eqn.params)
        if not eqn.primitive.multiple_results:
            outs = [outs]
        values.update(zip(eqn.outvars, outs, strict=True))
    return rest


def _reached(jaxpr, eqns, needed):
    """The variables that depend on those inputs of a jaxpr that are needed."""
    reached = {v for v, need in zip(jaxpr.invars, needed, strict=True) if need}
    for eqn in eqns:
        if any(type(a) is not Literal and a in reached for a in eqn.invars):
            reached.update(eqn.outvars)
    return reached


def _accumulate(gathered, wanted, atom, ct):
    if type(atom) is Literal or ct is None or type(ct) is Zero or atom not in wanted:
        return
    known = gathered.get(atom)
    gathered[atom] = ct if known is None else add_tangents(known, ct)


def _transpose_eqn(eqn, values, linear, wanted, gathered):
    cts = [gathered.pop(v, None) for v in eqn.outvars]
    if all(ct is None for ct in cts):
        return
    cts = [
        Zero(v.aval.to_tangent_aval()) if ct is None else ct
        for v, ct in zip(eqn.outvars, cts, strict=True)
    ]
    args = [
        a.val if type(a) is Literal
        else UndefinedPrimal(a.aval) if a in linear
        else values[a]
        for a in eqn.invars
    ]  # fmt: skip
    ct = cts if eqn.primitive.multiple_results else cts[0]
    try:
        in_cts = eqn.primitive.transpose(ct, *args, **eqn.params)
    except NotImplementedError as error:
        if not is_absent(eqn.primitive.transpose):
            raise  # the rule's own refusal, in full
        raise NotImplementedError(
            f"Transpose rule (for reverse-mode differentiation) for "
            f"'{eqn.primitive}' {error}, used at {core.describe_source(eqn.source)}"
        ) from None
    for atom, in_ct in zip(eqn.invars, in_cts, strict=True):
        _accumulate(gathered, wanted, atom, in_ct)


def transpose_jaxpr(closed, linear, ct_nonzero):
    """The transpose of a closed jaxpr linear in the inputs marked `linear`, as a closed
    jaxpr.

    Returns (jaxpr, in_nonzero): the jaxpr maps the nonlinear inputs and the cotangents
    of the outputs marked `ct_nonzero` to the cotangents of the linear inputs marked
    `in_nonzero`.
    """
    key = transpose_jaxpr, linear, ct_nonzero
    known = closed.memo.get(key)
    if known is None:
        known = closed.memo[key] = _transpose_jaxpr(closed, linear, ct_nonzero)
    return known


def _transpose_jaxpr(closed, linear, ct_nonzero):
    jaxpr = closed.jaxpr
    level = JaxprTrace(core.current_trace(), jaxpr.debug_info)
    known = [level.new_arg(aval)
             for aval, is_linear in zip(closed.in_avals, linear, strict=True)
             if not is_linear]  # fmt: skip
    avals = [v.aval.to_tangent_aval() for v in jaxpr.outvars]
    live = [level.new_arg(a) for a, nz in zip(avals, ct_nonzero, strict=True) if nz]
    try:
        with core.set_current_trace(level), core.scopes_set():
            feed_known = iter(known)
            args = [
                UndefinedPrimal(v.aval) if is_linear else next(feed_known)
                for v, is_linear in zip(jaxpr.invars, linear, strict=True)
            ]
            cts = with_zeros(live, ct_nonzero, closed.out_avals)
            in_cts = backward_pass(jaxpr, closed.consts, args, cts)
        in_cts = [ct for ct in in_cts if ct is not None]
        outs = without_zeros(in_cts)
        out_jaxpr, consts = level.finish([t.variable for t in known + live], outs)
    finally:
        level.valid = False
    return ClosedJaxpr(out_jaxpr, consts), nonzero_mask(in_cts)


def transpose_call(cts, args, jaxpr, call):
    """What the transpose rule of a primitive that calls `jaxpr` on `args` returns;
    `call(transposed, inputs)` calls the transpose, as that primitive does.
    """
    linear = linear_mask(args)
    transposed, in_nonzero = transpose_jaxpr(jaxpr, linear, nonzero_mask(cts))
    known = [x for x in args if type(x) is not UndefinedPrimal]
    found = call(transposed, known + without_zeros(cts))
    avals = [x.aval for x in args if type(x) is UndefinedPrimal]
    return at_linear(with_zeros(found, in_nonzero, avals), linear)


class Pullback(NamedTuple):
    """The transposed derivative of a flat function: `pullback(cts)` gives cotangents.

    A cotangent is an array or `Zero`, in and out. `residuals` is all that depends on
    where the derivative was taken.
    """

    jaxpr: Any
    avals: tuple
    nonzero: tuple
    out_nonzero: tuple
    residuals: list

    def __call__(self, cts, needed=None):
        live = [ct for ct, nz in zip(cts, self.out_nonzero, strict=True) if nz]
        args = [UndefinedPrimal(v.aval) for v in self.jaxpr.invars]
        if needed is not None:
            needed = [want for want, nz in zip(needed, self.nonzero, strict=True) if nz]
        with core.within(TRANSPOSE):
            found = iter(backward_pass(self.jaxpr, self.residuals, args, live, needed))
        return [
            next(found) if nz else Zero(aval)
            for aval, nz in zip(self.avals, self.nonzero, strict=True)
        ]


def vjp(fun, primals, nonzero=None):
    """(outs, pullback) of a flat function."""
    avals = tuple([core.get_aval(p).to_tangent_aval() for p in primals])
    if nonzero is None:
        nonzero = tuple(not core.is_float0(aval) for aval in avals)
    outs, linear, out_nonzero = linearize(
        fun, primals, nonzero, scope=(JVP,), pullback=True
    )
    return outs, Pullback(linear.jaxpr, avals, nonzero, out_nonzero, linear.consts)
