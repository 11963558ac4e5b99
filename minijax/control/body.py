"""What loops and branches share: tracing their Python functions, and checking types."""

import weakref

from minijax import config, core, stats
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import equality_errors
from minijax.control.signature import check_outputs, leaf_names
from minijax.core import AbstractRef, ClosedJaxpr, Literal, ShapedArray
from minijax.dtypes import result_dtype
from minijax.ops.convert import convert, convert_element_type
from minijax.trace import DebugInfo, describe_function, hoist_consts, trace
from minijax.transforms.batching import (
    aval_mapping_handlers,
    mapped_aval,
    unmapped_aval,
)
from minijax.tree_util import keystr, tree_flatten_with_path

# function -> {signature: (closed jaxpr without constants, constants, out_tree)}
_cache = weakref.WeakKeyDictionary()


def trace_body(fun, in_tree, avals, name):
    """Trace `fun(*unflatten(in_tree, leaves))`.

    Returns (closed jaxpr with its constants as leading inputs, the constants,
    out_tree).  Kept with the function, as long as it lives, unless it closes over
    traced values.  A function that calls another, the user's, may say how the trace is
    described: `fun.debug_info_of(args)`.
    """
    hash(fun)  # TypeError: two functions must be told apart by what they are
    try:
        by_signature = _cache.setdefault(fun, {})
    except TypeError:  # not weakly referable
        by_signature = {}
    env = core.axis_env()
    names = tuple(env.items()) if env else ()
    signature = in_tree, tuple(avals), name, config.trace_key(), names
    known = by_signature.get(signature)
    if known is None:
        known = _trace_body(fun, in_tree, avals, name)
        if not any(isinstance(c, core.Tracer) or _changes(c) for c in known[1]):
            by_signature[signature] = known
    return known


def _changes(x):
    return core.hi_rules.in_use and core.get_aval(x).has_qdd


def _trace_body(fun, in_tree, avals, name):
    stats.event("trace_to_jaxpr")
    trees = []
    args = unflatten(in_tree, avals)
    describe = getattr(fun, "debug_info_of", None)
    info = describe(args) if describe else debug_info_of(name, fun, args)
    info.results = trees

    def flat_fun(*leaves):
        outs, tree = flatten(fun(*unflatten(in_tree, leaves)))
        trees.append(tree)
        check_outputs(info.func_src, info.traced_for, outs, tree)
        return outs

    closed = trace(flat_fun, avals, info)
    closed, consts = hoist_consts(closed)
    return closed, consts, trees[0]


def debug_info_of(traced_for, fun, args, static_places=()):
    """What is said of the trace of `fun(*args)`, `args` without the static ones."""
    _, tree = flatten((args, {}))
    names_of = leaf_names(fun, tree, static_places)
    return DebugInfo(traced_for, describe_function(fun), names_of)


def avals_of(values):
    """The avals of flat values that a user handed in."""
    for x in values:
        if not core.valid_jaxtype(x):
            raise core.no_value(x)
    avals = [core.get_aval(x) for x in values]
    return [*core.hi_rules.inputs(values, avals)] if core.hi_rules.in_use else avals


def as_array(x):
    """A value as an Array, or the tracer that it is."""
    aval = core.get_aval(x)
    return x if aval.is_high else convert(x, aval.dtype, aval.weak_type)


def same_type(a, b):
    """Whether two avals agree but for weak types."""
    if a.is_high or b.is_high:
        return a == b
    return a.shape == b.shape and a.dtype == b.dtype


def promote_weak(values, avals, wanted):
    """Weakly typed values promoted where they come out with another type.

    (values, changed).
    """
    changed = False
    promoted = []
    for x, aval, want in zip(values, avals, wanted, strict=True):
        if aval.weak_type and not same_type(aval, want):
            both = (aval.dtype, want.dtype), (True, want.weak_type)
            x = convert_element_type(x, result_dtype(*both)[0])
            changed = True
        promoted.append(x)
    return promoted, changed


def _leading(aval):
    """How values of a user's own type lie along a loop's axis."""
    return 0 if type(aval) in aval_mapping_handlers else aval.leading_axis_spec()


def slice_aval(aval):
    """The aval of one slice along axis 0; of a reference, that of one to a slice."""
    if type(aval) is AbstractRef:
        return AbstractRef(slice_aval(aval.inner_aval))
    if aval.is_high:
        return mapped_aval(aval, _leading(aval))
    return ShapedArray(aval.shape[1:], aval.dtype, aval.weak_type)


def stacked_aval(aval, length):
    """The aval of `length` such values along a new axis 0."""
    if aval.is_high:
        return unmapped_aval(length, _leading(aval), aval)
    return ShapedArray((length, *aval.shape), aval.dtype, aval.weak_type)


def split_list(values, sizes):
    """Consecutive sublists of the given sizes, and the rest."""
    parts, at = [], 0
    for size in sizes:
        parts.append(list(values[at : at + size]))
        at += size
    return [*parts, list(values[at:])]


def forwarded(jaxpr):
    """For each output the place of the input that it is, or None."""
    same = {}
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "jit":
            for var, place in zip(
                eqn.outvars, forwarded(eqn.params["jaxpr"].jaxpr), strict=True
            ):
                if place is not None:
                    atom = eqn.invars[place]
                    same[var] = atom if type(atom) is Literal else same.get(atom, atom)
    places = {var: place for place, var in enumerate(jaxpr.invars)}
    return [
        None if type(v) is Literal else places.get(same.get(v, v))
        for v in jaxpr.outvars
    ]


def pruned(closed, keep, front):
    """`closed` with the outputs to keep, and the chosen inputs moved to the front.

    Equal arguments give the same object, so that caches find it again.
    """
    if all(keep) and not any(front):
        return closed
    key = pruned, tuple(keep), tuple(front)
    known = closed.memo.get(key)
    if known is None:
        jaxpr = closed.jaxpr
        first, rest = partition(front, jaxpr.invars)
        outvars = [v for v, kept in zip(jaxpr.outvars, keep, strict=True) if kept]
        known = closed.memo[key] = ClosedJaxpr(
            jaxpr.replace(invars=first + rest, outvars=outvars), closed.consts
        )
    return known


def partition(mask, values):
    """(the values where the mask holds, the others)."""
    pairs = list(zip(mask, values, strict=True))
    return [x for m, x in pairs if m], [x for m, x in pairs if not m]


def merged(mask, chosen, others):
    """What `partition` took apart: `chosen` where the mask holds, else `others`."""
    chosen, others = iter(chosen), iter(others)
    return [next(chosen) if m else next(others) for m in mask]


def closed_over(closed, atoms):
    """`closed` with those of its first inputs that are literals in place of variables:
    (closed jaxpr, the other atoms).
    """
    places = [k for k, atom in enumerate(atoms) if type(atom) is Literal]
    if not places:
        return closed, atoms
    jaxpr = closed.jaxpr
    names = {jaxpr.invars[k]: atoms[k] for k in places}
    eqns = [
        eqn.replace(invars=[_renamed(names, a) for a in eqn.invars])
        if any(type(a) is not Literal and a in names for a in eqn.invars)
        else eqn
        for eqn in jaxpr.eqns
    ]
    jaxpr = jaxpr.replace(
        invars=[v for v in jaxpr.invars if v not in names],
        outvars=[_renamed(names, a) for a in jaxpr.outvars],
        eqns=eqns,
    )
    return closed.replace(jaxpr=jaxpr), [a for a in atoms if type(a) is not Literal]


def _renamed(names, atom):
    return atom if type(atom) is Literal else names.get(atom, atom)


def listed(rows):
    """Sentences from clauses: one as it is, several as bullets."""
    if len(rows) == 1:
        return f"{rows[0][0].upper()}{rows[0][1:]}."
    return ";\n".join(f"  * {row}" for row in rows) + "."


def why_unlike(a, b):
    """What differs between two types."""
    if a.is_high or b.is_high:
        return "the types do not match"
    why = []
    if a.dtype != b.dtype:
        why.append("the dtypes do not match")
    if a.shape != b.shape:
        why.append("the shapes do not match")
    return ", and ".join(why)


def type_name(aval):
    """`float32[2]`."""
    return aval.str_short()


def leaf_paths(tree):
    """How each leaf is reached, as text."""
    leaves = tree_flatten_with_path(unflatten(tree, range(tree.num_leaves)))[0]
    return [keystr(path) for path, _ in leaves]


def _carry_name(fun):
    """The name of the first parameter of a loop's body."""
    given = 0
    while hasattr(fun, "func") and hasattr(fun, "args"):
        given += len(fun.args)
        fun = fun.func
    code = getattr(getattr(fun, "__wrapped__", fun), "__code__", None)
    if code is None or code.co_argcount <= given:
        return "carry"
    return code.co_varnames[given]


def carry_error(what, fun, in_tree, in_avals, out_tree, out_avals):
    """The TypeError for a loop whose carry comes out unlike it went in."""
    head = f"{what} body function carry input and carry output must have "
    name = _carry_name(fun)
    if in_tree != out_tree:
        return TypeError(
            f"{head}the same pytree structure, but they differ:\n\n"
            f"{_tree_differences(name, in_tree, in_avals, out_tree, out_avals)}\n\n"
            "Revise the function so that the carry output has the same pytree structure "
            "as the carry input."
        )
    rows = [
        f"the input carry {_component(name, path)} has type {type_name(a)} but the "
        f"corresponding output carry component has type {type_name(b)}, so "
        f"{why_unlike(a, b)}"
        for path, a, b in zip(leaf_paths(in_tree), in_avals, out_avals, strict=False)
        if not same_type(a, b)
    ]
    return TypeError(
        f"{head}equal types, but they differ:\n\n{listed(rows)}\n\nRevise the function "
        "so that all output types match the corresponding input types."
    )


def _tree_differences(name, in_tree, in_avals, out_tree, out_avals):
    out = unflatten(out_tree, out_avals)
    if out is None:
        return (
            f"the input tree structure is:\n{in_tree}\n"
            f"the output tree structure is:\n{out_tree}"
        )
    return listed([
        f"the input carry {_component(name, keystr(path))} is a {want} but the "
        f"corresponding component of the carry output is a {got}, so {why}"
        for path, want, got, why in equality_errors(unflatten(in_tree, in_avals), out)
    ])  # fmt: skip


def _component(name, path):
    return f"component {name}{path}" if path else name
