"""What loops and branches share: tracing their Python functions, and checking types."""

import weakref

from minijax import config, core
from minijax._pytree import flatten, unflatten
from minijax.core import ShapedArray
from minijax.ops.convert import convert_element_type
from minijax.trace import DebugInfo, describe_function, hoist_consts, trace

# function -> {signature: (closed jaxpr without constants, constants, out_tree)}
_cache = weakref.WeakKeyDictionary()


def trace_body(fun, in_tree, avals, name):
    """Trace `fun(*unflatten(in_tree, leaves))`.

    Returns (closed jaxpr with its constants as leading inputs, the constants,
    out_tree).  Kept with the function, as long as it lives, unless it closes over
    traced values.
    """
    try:
        by_signature = _cache.setdefault(fun, {})
    except TypeError:  # not hashable, or not weakly referable
        by_signature = {}
    env = core.axis_env()
    names = tuple(env.items()) if env else ()
    signature = in_tree, tuple(avals), name, config.trace_key(), names
    known = by_signature.get(signature)
    if known is None:
        known = _trace_body(fun, in_tree, avals, name)
        if not any(isinstance(c, core.Tracer) for c in known[1]):
            by_signature[signature] = known
    return known


def _trace_body(fun, in_tree, avals, name):
    trees = []

    def flat_fun(*leaves):
        outs, tree = flatten(fun(*unflatten(in_tree, leaves)))
        trees.append(tree)
        for x in outs:
            core.get_aval(x)
        return outs

    closed = trace(flat_fun, avals, DebugInfo(name, describe_function(fun)))
    closed, consts = hoist_consts(closed)
    return closed, consts, trees[0]


def avals_of(values):
    """The avals of flat values."""
    return [core.get_aval(x) for x in values]


def same_type(a, b):
    """Whether two avals agree but for weak types."""
    return a.shape == b.shape and a.dtype == b.dtype


def promote_weak(values, avals, wanted):
    """Values whose weak type gives way to the strong one of `wanted`.

    (values, changed).
    """
    changed = False
    promoted = []
    for x, aval, want in zip(values, avals, wanted, strict=True):
        if aval.weak_type and (not want.weak_type or aval.dtype != want.dtype):
            if aval.shape == want.shape:
                x = convert_element_type(x, want.dtype)
                changed = True
        promoted.append(x)
    return promoted, changed


def slice_aval(aval):
    """The aval of one slice along axis 0."""
    return ShapedArray(aval.shape[1:], aval.dtype, aval.weak_type)


def stacked_aval(aval, length):
    """The aval of `length` such values along a new axis 0."""
    return ShapedArray((length, *aval.shape), aval.dtype, aval.weak_type)


def split_list(values, sizes):
    """Consecutive sublists of the given sizes, and the rest."""
    parts, at = [], 0
    for size in sizes:
        parts.append(list(values[at : at + size]))
        at += size
    return [*parts, list(values[at:])]


def carry_error(what, in_tree, in_avals, out_tree, out_avals):
    """The TypeError for a loop whose carry comes out unlike it went in."""
    head = (
        f"{what} body function carry input and carry output must have equal types, "
        "but they differ:\n\n"
    )
    if in_tree != out_tree:
        return TypeError(
            f"{head}The input carry has tree structure {in_tree}, but the output carry "
            f"has tree structure {out_tree}, so the pytree structures do not match.\n\n"
            "Revise the function so that the carry output has the same pytree structure "
            "as the carry input."
        )
    lines = []
    for k, (a, b) in enumerate(zip(in_avals, out_avals, strict=True)):
        if same_type(a, b):
            continue
        why = [
            f"the {part} do not match"
            for part, differ in (
                ("dtypes", a.dtype != b.dtype),
                ("shapes", a.shape != b.shape),
            )
            if differ
        ]
        lines.append(
            f"  * the input carry component {k} has type {a.str_short(False)} but the "
            "corresponding output carry component has type "
            f"{b.str_short(False)}, so {' and '.join(why)}."
        )
    return TypeError(
        head
        + "\n".join(lines)
        + "\n\nRevise the function so that all output types match the corresponding "
        "input types."
    )
