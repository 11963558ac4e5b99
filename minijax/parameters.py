"""The parameters of a function, and the names of the leaves of its arguments."""

import collections
import inspect
import types
from typing import Any

from minijax._pytree import unflatten
from minijax.tree_util import keystr, tree_flatten_with_path


class _Parameters:
    """A function's parameters: positional names, further keyword names, the names of
    the open ends ("" where there is none), and the names that no keyword can give.
    """

    __slots__ = ("keywords", "more_keywords", "more_places", "names", "unnamed")

    def __init__(self, names, keywords, more_places, more_keywords, unnamed):
        self.names, self.keywords, self.unnamed = names, keywords, unnamed
        self.more_places, self.more_keywords = more_places, more_keywords


def parameters(fun):
    """The parameters as far as they can be told, else None.

    A plain function's are read off its code, which is much quicker than `inspect`.
    """
    code: Any = getattr(fun, "__code__", None)
    plain = type(fun) is types.FunctionType
    if plain and not (hasattr(fun, "__wrapped__") or hasattr(fun, "__signature__")):
        n = code.co_argcount
        keywords = code.co_varnames[n : n + code.co_kwonlyargcount]
        flags = code.co_flags
        unnamed = code.co_varnames[: code.co_posonlyargcount]
        ends = iter(code.co_varnames[n + code.co_kwonlyargcount :])
        more_places = next(ends) if flags & inspect.CO_VARARGS else ""
        if more_places:
            unnamed += (more_places,)
        more_keywords = next(ends) if flags & inspect.CO_VARKEYWORDS else ""
        return _Parameters(
            code.co_varnames[:n], keywords, more_places, more_keywords, unnamed
        )
    try:
        parameters = inspect.signature(fun).parameters.values()
    except (ValueError, TypeError):
        return None
    kinds = inspect.Parameter
    by_kind = collections.defaultdict(list)
    for parameter in parameters:
        by_kind[parameter.kind].append(parameter.name)
    return _Parameters(
        (*by_kind[kinds.POSITIONAL_ONLY], *by_kind[kinds.POSITIONAL_OR_KEYWORD]),
        tuple(by_kind[kinds.KEYWORD_ONLY]),
        "".join(by_kind[kinds.VAR_POSITIONAL]),
        "".join(by_kind[kinds.VAR_KEYWORD]),
        (*by_kind[kinds.POSITIONAL_ONLY], *by_kind[kinds.VAR_POSITIONAL]),
    )


def leaf_names(fun, in_tree, static_places=()):
    """What gives the names of the leaves of `(args, kwargs)`, as errors say them.

    `in_tree` is the tree of the arguments that are not static. The function itself is
    not kept.
    """
    known = parameters(fun)

    def names():
        numbered = unflatten(in_tree, range(in_tree.num_leaves))
        leaves, _ = tree_flatten_with_path(numbered)
        return [_leaf_name(known, path, static_places) for path, _ in leaves]

    return names


def _leaf_name(known, path, static_places):
    rest = keystr(path[2:])
    if path[0].idx == 1:
        name = path[1].key
        if known is not None and name in (*known.names, *known.keywords):
            return f"{name}{rest}"
        more = "kwargs" if known is None else known.more_keywords
        return f"{more}['{name}']{rest}"
    place = path[1].idx
    for k in sorted(static_places):
        place += k <= place
    n = 0 if known is None else len(known.names)
    if known is not None and place < n:
        return f"{known.names[place]}{rest}"
    if known is None or not known.more_places:
        return f"args[{place}]{rest}"
    return f"{known.more_places}[{place - n}]{rest}"
