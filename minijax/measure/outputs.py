"""Describes trees of arrays as plain data, and keeps their numbers in a file.

Loaded by its path in measured processes. Numbers go to a file as raw bytes, all else
(paths, shapes, dtypes, weak types, trees) is plain data; `reading.py` reads both back.
"""

from typing import Any

BUDGET_BYTES = 1 << 30  # of one file; later leaves are left out, and said so


class Describer:
    """Describes trees for one side, and writes their numbers to `file`."""

    def __init__(self, jax: Any, numpy: Any, file: Any):
        self._jax = jax
        self._numpy = numpy
        self._file = file
        self._written = 0
        self._left_out = 0

    def close(self) -> int:
        """Close the file; how many leaves it had no room for."""
        self._file.close()
        return self._left_out

    def describe(self, tree: Any) -> dict[str, Any]:
        """`tree` as structure and leaves; each leaf has its numbers in "data"."""
        leaves: list[dict[str, Any]] = []
        structure = self._structure(tree, "", leaves)
        return {"tree": structure, "leaves": leaves}

    def _structure(self, node: Any, path: str, leaves: list) -> str:
        """Describe `node`; its type's name and its children's, and all leaves below.

        Opens one level at a time, so that any registered container works and nothing
        depends on how a tree definition prints.
        """
        if node is None:
            return "None"
        children, _ = self._jax.tree_util.tree_flatten(
            node, is_leaf=lambda below: below is not node
        )
        if len(children) == 1 and children[0] is node:
            leaves.append({"path": path, **self._leaf(node)})
            return "*"
        keys = _child_keys(node, len(children))
        parts = [
            prefix + self._structure(child, path + key, leaves)
            for child, (key, prefix) in zip(children, keys)
        ]
        return f"{type(node).__name__}({', '.join(parts)})"

    def _leaf(self, leaf: Any) -> dict[str, Any]:
        jax, numpy = self._jax, self._numpy
        if isinstance(leaf, jax.core.Tracer):
            return {"kind": "tracer"}
        if isinstance(leaf, jax.Array):
            if leaf.is_deleted():
                return {"kind": "deleted"}
            aval = {
                "kind": "array",
                "shape": list(leaf.shape),
                "dtype": str(leaf.dtype),
                "weak": bool(jax.typeof(leaf).weak_type),
            }
            if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
                leaf = jax.random.key_data(leaf)
            return {**aval, "data": numpy.array(numpy.asarray(leaf))}
        if isinstance(leaf, numpy.ndarray | numpy.generic):
            data = numpy.array(leaf)
            aval = {"shape": list(data.shape), "dtype": str(data.dtype), "weak": False}
            return {"kind": "numpy", **aval, "data": data}
        if isinstance(leaf, bool | int | float | complex):
            return {"kind": "python", "type": type(leaf).__name__, "value": repr(leaf)}
        return {"kind": "object", "value": f"{type(leaf).__name__}"}

    def keep(self, described: dict[str, Any]) -> dict[str, Any]:
        """Put the numbers on file; what says where they are."""
        leaves = []
        for leaf in described["leaves"]:
            kept = {k: v for k, v in leaf.items() if k != "data"}
            data = leaf.get("data")
            if data is not None and self._written + data.nbytes > BUDGET_BYTES:
                kept["left_out"] = True
                self._left_out += 1
            elif data is not None:
                kept["stored"] = [str(data.dtype), list(data.shape)]
                kept["offset"] = self._written
                self._file.write(data.tobytes())
                self._written += data.nbytes
            leaves.append(kept)
        return {**described, "leaves": leaves}


def _child_keys(node: Any, count: int) -> list[tuple[str, str]]:
    """For each child of `node`: its path, as JAX writes paths, and its label."""
    if isinstance(node, dict):
        keys = list(node) if hasattr(node, "move_to_end") else sorted(node)
        return [(f"[{key!r}]", f"{key!r}: ") for key in keys]
    fields = getattr(node, "_fields", None)
    if isinstance(node, tuple) and fields is not None:
        return [(f".{field}", f"{field}=") for field in fields]
    if isinstance(node, tuple | list):
        return [(f"[{position}]", "") for position in range(count)]
    return [(f"[<flat index {position}>]", "") for position in range(count)]


class PlainTrees:
    """What `outputs.Describer` needs of JAX, for NumPy arrays in tuples."""

    class Array:
        """There are none."""

    class core:
        """Its tracers."""

        class Tracer:
            """There are none."""

    class tree_util:
        """Its flattening."""

        @staticmethod
        def tree_flatten(node: Any, is_leaf: Any) -> tuple[list[Any], None]:
            """The children of a tuple; any other node is its own leaf."""
            return (list(node) if type(node) is tuple else [node]), None
