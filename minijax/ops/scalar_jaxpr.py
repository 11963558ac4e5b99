"""Jaxprs of scalars, made of an op or a user's function, and run on whole arrays."""

import weakref

from minijax import config, core
from minijax._pytree import flatten, unflatten
from minijax.core import ClosedJaxpr, Jaxpr, JaxprEqn, ShapedArray, Var, Zero
from minijax.ops.define import broadcast_like, instantiate, shape_of
from minijax.parameters import leaf_names
from minijax.trace import DebugInfo, describe_function, trace


def described_pair(traced_for, computation, tree):
    """What is said of a trace of a function that combines two trees of scalars."""
    pair = unflatten(tree, range(tree.num_leaves))
    names_of = leaf_names(computation, flatten(((pair, pair), {}))[1])
    return DebugInfo(traced_for, describe_function(computation), names_of, [])


def eval_elementwise(closed, args):
    """Run a jaxpr of scalars on arrays; NotImplementedError if an op is not elementwise."""
    jaxpr = closed.jaxpr
    env = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))

    def read(atom):
        return atom.val if type(atom) is core.Literal else env[atom]

    shapes = {shape_of(x) for x in args}
    for eqn in jaxpr.eqns:
        ins = [read(atom) for atom in eqn.invars]
        if eqn.primitive.name == "select_n":  # which alone may be a scalar among arrays
            ins = _of_one_shape(ins)
        inner = list(core.subjaxprs(eqn.params))
        if len(inner) == 1 and len(inner[0].in_avals) == len(ins):
            inner = inner[0] if type(inner[0]) is ClosedJaxpr else ClosedJaxpr(inner[0])
            outs = eval_elementwise(inner, ins)
        else:
            outs = eqn.primitive.bind_eqn(ins, eqn.params)
            outs = outs if eqn.primitive.multiple_results else [outs]
        if any(shape_of(x) not in (*shapes, ()) for x in outs):
            raise NotImplementedError(
                "a function of scalars may only use elementwise ops here, got "
                f"{eqn.primitive}"
            )
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _of_one_shape(values):
    whole = next((x for x in values if shape_of(x)), None)
    return values if whole is None else [broadcast_like(x, whole) for x in values]


def paired_jvp(closed):
    """The jvp of a function that combines two sides, itself one that combines two sides.

    Its sides, and its result, are values and then their tangents.
    """
    half = len(closed.jaxpr.invars) // 2
    dual = _dual(closed)
    avals = [v.aval for v in dual.jaxpr.invars]
    order = [0, 2, 1, 3]  # left values, right values, left tangents, right tangents

    def flat(*args):
        blocks = [args[k * half : (k + 1) * half] for k in order]
        return core.eval_jaxpr(dual.jaxpr, dual.consts, *[x for b in blocks for x in b])

    blocks = [avals[k * half : (k + 1) * half] for k in order]
    return trace(flat, [a for block in blocks for a in block])


def _dual(closed):
    """The traced function's jvp: (values, tangents) twice -> values, tangents."""
    avals = [v.aval for v in closed.jaxpr.invars]

    def flat(*args):
        primals, tangents = args[: len(avals)], args[len(avals) :]
        return _push(closed, primals, tangents)

    return trace(flat, avals + [a.to_tangent_aval() for a in avals])


def _push(closed, primals, tangents):
    """Run a jaxpr through its equations' jvp rules; values and instantiated tangents."""
    jaxpr = closed.jaxpr
    env = {
        v: (c, Zero.of(c)) for v, c in zip(jaxpr.constvars, closed.consts, strict=True)
    }
    env.update(
        (v, pair)
        for v, pair in zip(
            jaxpr.invars, zip(primals, tangents, strict=True), strict=True
        )
    )

    def read(atom):
        if type(atom) is core.Literal:
            return atom.val, Zero.of(atom.val)
        return env[atom]

    for eqn in jaxpr.eqns:
        values, slopes = (
            zip(*map(read, eqn.invars), strict=True) if eqn.invars else ((), ())
        )
        if all(type(t) is Zero for t in slopes):
            out = eqn.primitive.bind_eqn(list(values), eqn.params)
            outs = out if eqn.primitive.multiple_results else [out]
            pairs = [(x, Zero.of(x)) for x in outs]
        else:
            out, slope = eqn.primitive.jvp(list(values), list(slopes), **eqn.params)
            several = eqn.primitive.multiple_results
            pairs = zip(out, slope, strict=True) if several else [(out, slope)]
        env.update(zip(eqn.outvars, pairs, strict=True))
    found = [read(atom) for atom in jaxpr.outvars]
    return [x for x, _ in found] + [instantiate(t) for _, t in found]


_jaxprs = {}


def binary_op_jaxpr(combine, dtype):
    """The jaxpr of a binary op on scalars; one for each op and dtype."""
    jaxpr = _jaxprs.get((combine, dtype))
    if jaxpr is None:
        aval = ShapedArray((), dtype)
        x, y, out = Var(aval), Var(aval), Var(combine.shape(aval, aval))
        jaxpr = Jaxpr([], [x, y], [out], [JaxprEqn(combine, [x, y], [out], {})])
        jaxpr = _jaxprs.setdefault((combine, dtype), jaxpr)
    return jaxpr


# function -> {(dtype, flags): what it traces to}
_functions = weakref.WeakKeyDictionary()


def traced_on_scalar(func, dtype):
    """The jaxpr of a function of one scalar, as one of two; kept with the function."""
    try:
        known = _functions.setdefault(func, {})
    except TypeError:  # not hashable, or not weakly referable
        known = {}
    key = dtype, config.trace_key()
    closed = known.get(key)
    if closed is None:
        scalar = ShapedArray((), dtype)
        info = DebugInfo("reduction_jaxpr", describe_function(func))
        closed = trace(lambda x, _: [func(x)], [scalar, scalar], info)
        if not any(isinstance(c, core.Tracer) for c in closed.consts):
            known[key] = closed
    return closed
