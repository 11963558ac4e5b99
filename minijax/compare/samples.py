"""Copies the inputs and outputs of sampled calls to a folder, for the equality check.

Loaded by its path in the measured process, like `probe.py`. Only the check runs sample;
the timed runs never copy an output.

Sampled are the first calls of every function, then those whose number is a power of
two, and the last one. Numbers go to `samples.bin` as raw bytes, all else (paths,
shapes, dtypes, weak types, trees) to `samples.json`.
"""

import json
import os
from typing import Any

FIRST_CALLS = 3
BUDGET_BYTES = 1 << 30  # of one process; later samples are left out, and said so


class Sampler:
    """Writes the samples of one process to `folder`."""

    def __init__(self, jax: Any, numpy: Any, folder: str, replayer: Any = None):
        self._jax = jax
        self._numpy = numpy
        self._file = open(os.path.join(folder, "samples.bin"), "wb")  # noqa: SIM115
        self._folder = folder
        self._samples: list[dict[str, Any]] = []
        self._written = 0
        self._left_out = 0
        self._inputs: Any = None
        self._last: dict[Any, tuple] = {}
        self._replayer = replayer
        self.eager_copies = False  # set once an argument is donated

    def before(self, record: Any, index: int, args: Any, kwargs: Any) -> None:
        """Note the inputs of the call that is about to run."""
        if is_sampled(index) or self.eager_copies:
            self._inputs = self.describe((args, kwargs))
        else:
            self._inputs = None

    def after(
        self, record: Any, index: int, outputs: Any, target: Any, args: Any, kwargs: Any
    ) -> None:
        """Keep the call that has just returned: on file, or as the last one so far."""
        inputs = self._inputs
        call = (target, args, kwargs)
        if is_sampled(index):
            self._last.pop(record, None)
            self._write(record, index, inputs, self.describe(outputs), call)
        elif self.eager_copies:
            self._last[record] = (index, inputs, self.describe(outputs), call)
        else:
            self._last[record] = (index, None, outputs, call)

    def close(self) -> None:
        """Write the last calls and the index; the folder is then complete."""
        for record, (index, inputs, outputs, call) in self._last.items():
            if inputs is None:
                inputs = self.describe(call[1:])
                outputs = self.describe(outputs)
            self._write(record, index, inputs, outputs, call)
        self._file.close()
        index = {"samples": self._samples, "left_out": self._left_out}
        with open(os.path.join(self._folder, "samples.json"), "w") as file:
            json.dump(index, file)

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

    def _write(self, record: Any, index: int, inputs: Any, outputs: Any, call) -> None:
        sample = {
            "name": record.name,
            "site": record.site,
            "index": index,
            "inputs": inputs,
            "outputs": outputs,
        }
        if self._replayer is not None:
            sample["replay"] = self._replayer.replay(sample, call, self.describe)
        for part in ("inputs", "outputs", "replay"):
            if isinstance(sample.get(part), dict):
                sample[part] = self._to_file(sample[part])
        self._samples.append(sample)

    def _to_file(self, described: dict[str, Any]) -> dict[str, Any]:
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


def is_sampled(index: int) -> bool:
    """Whether call number `index` is copied at once (the last call always is)."""
    return index < FIRST_CALLS or (index + 1) & index == 0


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
