"""`FlatTree`: the leaves of a pytree, next to its structure."""

from minijax.flat_tree import FlatTree as FlatTree
