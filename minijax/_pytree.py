"""Pytrees: the names of what C does (`_callpath`), and the text of a structure.

The registry's Python side is `_pytree_registry.py`, prefix trees are in
`_pytree_prefix.py`, and the public API in `tree_util.py` and `tree.py`.
"""

from minijax import _callpath

LEAF = _callpath.LEAF
PyTreeDef = _callpath.PyTreeDef
flatten = _callpath.tree_flatten
unflatten = _callpath.tree_unflatten


def structure_text(treedef: PyTreeDef) -> str:
    """`PyTreeDef(...)` with `*` for each leaf."""
    stack = []
    for cls, arity, data in treedef._nodes():
        if cls is None:
            stack.extend("*" * arity)
            continue
        first = len(stack) - arity
        parts = stack[first:]
        stack[first:] = [_node_text(cls, data, parts)]
    (text,) = stack
    return f"PyTreeDef({text})"


def _node_text(cls, data, parts):
    kind = _callpath.lookup(cls).kind
    if kind == "None":
        return "None"
    if kind == "dict":
        pairs = zip(data, parts, strict=True)
        return "{" + ", ".join([f"{key!r}: {text}" for key, text in pairs]) + "}"
    inner = ", ".join(parts)
    if kind == "tuple":
        return f"({inner},)" if len(parts) == 1 else f"({inner})"
    if kind == "list":
        return f"[{inner}]"
    name = getattr(cls, "__name__", str(cls))
    if kind == "namedtuple":
        return f"CustomNode(namedtuple[{name}], [{inner}])"
    return f"CustomNode({name}[{data}], [{inner}])"
