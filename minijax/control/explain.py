"""Why a call of a jitted function is traced: `jax_explain_cache_misses`."""

import logging

from minijax import config, core
from minijax._pytree_prefix import equality_errors_pytreedef
from minijax.control.signature import leaf_names
from minijax.trace import describe_function
from minijax.tree_util import keystr

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
    if not known:
        said += f"  never seen function:\n    {name} id={id(fun)} defined at {line}"
        if where in _first_calls:
            said += (
                "\n  but seen another function defined on the same line; maybe the "
                "function is\n  being re-defined repeatedly, preventing caching?"
            )
        _first_calls.add(where)
    else:
        said += (
            f"  for {name} defined at {line}\n"
            "  all previously seen cache keys differ. For the closest previous key:\n  "
        )
        found = [_differences(fun, signature, before) for before in reversed(known)]
        said += "\n  ".join(min(found, key=len))
    _log.warning(said)


def _differences(fun, now, before):
    """The lines that say how two signatures differ."""
    lines = _trees(now, before)
    if not lines and now[1] != before[1]:
        lines = ["different input types:", *_types(fun, now, before)]
    if now[3] != before[3]:
        lines += [
            "Tracing context doesn't match, e.g. due to config or context manager.",
            *[
                f"* {flag} differs: now {new} and before {old}"
                for flag, new, old in zip(
                    config.trace_flags(), now[3], before[3], strict=True
                )
                if new != old
            ],
        ]
    if now[4] != before[4]:
        lines.append(f"* named axes differ: now {now[4]} and before {before[4]}")
    return lines


def _trees(now, before):
    rows = [
        f"* at input path {keystr(path)}, now {new} and before {old}, so {why}"
        for path, new, old, why in equality_errors_pytreedef(now[0], before[0])
    ]
    rows += _statics(now[2] or ((), ()), before[2] or ((), ()))
    return ["different input pytree:", *rows] if rows else []


def _statics(now, before):
    """The static arguments that differ, as nodes of the tree that have only metadata."""
    rows = []
    for part in (0, 1):
        old = dict(before[part])
        for place, value in now[part]:
            if place in old and old[place] != value:
                rows.append(
                    f"* at input path [{part}][{place!r}], now "
                    f"{_metadata(value)} and before {_metadata(old[place])}, so the "
                    "pytree node metadata does not match"
                )
    return rows


def _metadata(value):
    return f"static argument with pytree metadata Static(val={value.value!r})"


def _types(fun, now, before):
    places = [k for k, _ in now[2][0]] if now[2] else ()
    names = leaf_names(fun, now[0], places)()
    for name, new, old in zip(names, now[1], before[1], strict=True):
        if new == old:
            continue
        shown = [_shown(new, old), _shown(old, new)]
        more = "" if new.weak_type == old.weak_type else _WEAK
        yield f"* at {name}, now {shown[0]} and before {shown[1]}{more}"


def _shown(aval, other):
    text = aval.str_short(short_dtypes=True).lstrip("~")
    if aval.weak_type != other.weak_type:
        return f"{text}{{weak_type={aval.weak_type}}}"
    return text + ("({})" if aval.ndim != other.ndim else "")  # no axes of a mesh
