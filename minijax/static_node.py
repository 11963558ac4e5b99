"""A value as part of a tree's structure."""

import dataclasses
from typing import Any

from minijax.tree_util import register_static


@register_static
@dataclasses.dataclass(frozen=True, eq=False)
class Static:
    """A node without leaves, which holds a value; equal if the values are, types too."""

    val: Any

    def __eq__(self, other):
        same = type(other) is Static and type(self.val) is type(other.val)
        return same and self.val == other.val

    def __hash__(self):
        return hash(self.val)


# Where JAX has it: messages name it.
Static.__module__ = "minijax._src.tree_util"
