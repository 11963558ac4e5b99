"""`FlatTree`: the leaves of a pytree, next to its structure."""

from typing import Any

from minijax.tree_util import tree_flatten, tree_flatten_with_path


class FlatTree:
    """The leaves `vals` of a pytree of structure `tree`."""

    def __init__(self, vals: Any, tree: Any):
        self.vals, self.tree = tuple(vals), tree

    @staticmethod
    def flatten(tree: Any, is_leaf: Any = None) -> "FlatTree":
        """That of a pytree."""
        return FlatTree(*tree_flatten(tree, is_leaf))

    @staticmethod
    def flatten_args(*args: Any) -> "FlatTree":
        """That of `(args, {})`, as a call has them."""
        return FlatTree.flatten((args, {}))

    @staticmethod
    def pack(tree: Any) -> "FlatTree":
        """One of a tuple of them, or of an empty dict."""
        if isinstance(tree, FlatTree):
            return tree
        return FlatTree.flatten(_unflattened(tree))

    def unpack(self) -> tuple["FlatTree", ...]:
        """One for each child of the root."""
        children, start = [], 0
        for child in self.tree.children():
            end = start + child.num_leaves
            children.append(FlatTree(self.vals[start:end], child))
            start = end
        return tuple(children)

    def unflatten(self) -> Any:
        """The pytree."""
        return self.tree.unflatten(self.vals)

    def update(self, vals: Any) -> "FlatTree":
        """With other leaves, as many."""
        new = FlatTree(vals, self.tree)
        if len(new) != len(self):
            raise ValueError(f"{len(new)} leaves in place of {len(self)}")
        return new

    def map(self, f: Any) -> "FlatTree":
        """`f` of each leaf."""
        return self.update(map(f, self.vals))

    def map2(self, f: Any, *others: Any) -> "FlatTree":
        """`f` of each leaf and of what is in its place in the others."""
        return self.update([f(*xs) for xs in zip(self.vals, *others, strict=True)])

    map3 = map2

    def unzip2(self) -> tuple["FlatTree", "FlatTree"]:
        """The first and the second halves of leaves that are pairs."""
        return self.update(x for x, _ in self.vals), self.update(
            y for _, y in self.vals
        )

    @property
    def paths(self) -> "FlatTree":
        """The path to each leaf."""
        whole = self.tree.unflatten(range(len(self)))
        return self.update(path for path, _ in tree_flatten_with_path(whole)[0])

    def __eq__(self, other):
        if not isinstance(other, FlatTree):
            return False
        return (self.vals, self.tree) == (other.vals, other.tree)

    def __hash__(self):
        return hash((self.vals, self.tree))

    def __len__(self):
        return len(self.vals)

    def __iter__(self):
        return iter(self.vals)

    def __getitem__(self, place):
        return self.vals[place]

    def __repr__(self):
        return f"FlatTree({self.vals})"


def _unflattened(tree):
    if isinstance(tree, FlatTree):
        return tree.unflatten()
    return tuple(map(_unflattened, tree)) if isinstance(tree, tuple) else tree
