"""Pytrees: the names of what C does (`_callpath`), for the rest of minijax.

The registry's Python side is `_pytree_registry.py`, prefix trees are in
`_pytree_prefix.py`, and the public API in `tree_util.py` and `tree.py`.
"""

from minijax import _callpath

LEAF = _callpath.LEAF
PyTreeDef = _callpath.PyTreeDef
flatten = _callpath.tree_flatten
unflatten = _callpath.tree_unflatten
