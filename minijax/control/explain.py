"""Why a call of a jitted function is traced: `jax_explain_cache_misses`."""

import logging

from minijax import config, core
from minijax._pytree import PyTreeDef
from minijax._pytree_prefix import equality_errors_pytreedef
from minijax._pytree_registry import default_registry
from minijax.control.signature import leaf_names
from minijax.static_node import Static
from minijax.trace import describe_function
from minijax.tree_util import keystr, tree_structure, treedef_tuple

_log = logging.getLogger("jax._src.interpreters.partial_eval")  # where JAX says it
_first_calls = set()  # where functions were called that had not been seen before
_WEAK = "https://docs.jax.dev/en/latest/type_promotion.html#weak-types"


def explain(fun, signature, known):
    """Log how the signature of a call differs from the closest of the `known` ones.

    A signature: tree of the arguments, avals, static arguments, flags, named axes.
    """
    where = core.describe_source(core.user_frame())
    said = f"TRACING CACHE MISS at {where}:\n"
    name, _, line = describe_function(fun).partition(" at ")
    place = line and f" defined at {line}"
    if not known:
        said += f"  never seen function:\n    {name} id={id(fun)}{place}"
        if where in _first_calls:
            said += (
                "\n  but seen another function defined on the same line; maybe the "
                "function is\n  being re-defined repeatedly, preventing caching?"
            )
        _first_calls.add(where)
    else:
        closest = min(_difference(fun, signature, before) for before in known)
        said += (
            f"  for {name}{place}\n"
            "  all previously seen cache keys differ. For the closest previous key:\n"
            f"  {closest[-1]}"
        )
    _log.warning(said)


def _difference(fun, now, before):
    """The first respect in which two signatures differ: (its rank, how many, what)."""
    for rank, (title, differences) in enumerate(_RESPECTS):
        lines = differences(fun, now, before)
        if lines:
            return rank, len(lines), "\n  * ".join([title, *lines])
    return len(_RESPECTS), 0, "cache miss explanation unavailable"


def _contexts(fun, now, before):
    names = *config.trace_flags(), "axis_env_state"
    rows = zip(names, (*now[3], now[4]), (*before[3], before[4]), strict=True)
    return [
        f"{name} differs: now {new} and before {old}"
        for name, new, old in rows
        if new != old
    ]


def _trees(fun, now, before):
    errors = equality_errors_pytreedef(_full_tree(now), _full_tree(before))
    return [
        f"at input path {keystr(path)}, now {new} and before {old}, so {why}"
        for path, new, old, why in errors
    ]


def _full_tree(signature):
    """The tree of the arguments in which static ones are nodes without leaves."""
    in_tree, _, static, *_ = signature
    args, kwargs = in_tree.children()
    args, kwargs = args.children(), dict(zip(kwargs.node_data()[1], kwargs.children()))
    for place, value in static[0] if static else ():
        args.insert(place, tree_structure(Static(value.value)))
    for name, value in static[1] if static else ():
        kwargs[name] = tree_structure(Static(value.value))
    names = sorted(kwargs)
    kwargs = PyTreeDef.from_node_data_and_children(
        default_registry, (dict, names), [kwargs[name] for name in names]
    )
    return treedef_tuple((treedef_tuple(args), kwargs))


def _types(fun, now, before):
    places = [k for k, _ in now[2][0]] if now[2] else ()
    names = leaf_names(fun, now[0], places)()
    found, more = [], ""
    for name, new, old in zip(names, now[1], before[1], strict=True):
        if new == old:
            continue
        shown = [_shown(new, old), _shown(old, new)]
        more = more if new.weak_type == old.weak_type else _WEAK
        found.append(f"at {name}, now {shown[0]} and before {shown[1]}")
    if found:
        found[-1] += more
    return found


def _shown(aval, other):
    text = aval.str_short(short_dtypes=True).lstrip("~")
    if aval.weak_type != other.weak_type:
        return f"{text}{{weak_type={aval.weak_type}}}"
    return text + ("({})" if aval.ndim != other.ndim else "")  # no axes of a mesh


_RESPECTS = (
    (
        "Tracing context doesn't match, e.g. due to config or context manager.",
        _contexts,
    ),
    ("different input pytree:", _trees),
    ("different input types:", _types),
)
