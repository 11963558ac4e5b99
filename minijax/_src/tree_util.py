"""Pytrees."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.tree_util",
    "minijax._pytree",
    "minijax._pytree_prefix",
)
