"""Exported functions as bytes, of minijax's own format.

A tree of arguments is written by the names of its nodes' classes, so that it can be read
where the same classes are registered.
"""

import collections
import io
import pickle
from typing import Any

from minijax._pytree import PyTreeDef
from minijax._pytree_registry import default_registry
from minijax.experimental.serialize_executable import Pickler

_MAGIC = b"minijax export 1\n"
_BUILT_IN = (tuple, list, dict, type(None))
# class -> (name, data of a node -> bytes); name -> (class, bytes -> data, children -> node)
_writers: dict[type, tuple] = {}
_readers: dict[str, tuple] = {}


def register_pytree_node_serialization(
    nodetype: type,
    *,
    serialized_name: str,
    serialize_auxdata: Any,
    deserialize_auxdata: Any,
    from_children: Any = None,
) -> type:
    """Let a registered class of nodes stand in the trees of serialized functions.

    serialized_name: what stands for it in the bytes; (de)serialize_auxdata: of a node's
    data, as bytes.  Returns the class; ValueError for a class or name that is known.
    """
    if nodetype in _writers:
        raise ValueError(
            f"Duplicate serialization registration for type `{nodetype}`. Previous "
            f"registration was with serialized_name `{_writers[nodetype][0]}`."
        )
    if serialized_name in _readers:
        raise ValueError(
            "Duplicate serialization registration for serialized_name "
            f"`{serialized_name}`. Previous registration was for type "
            f"`{_readers[serialized_name][0]}`."
        )
    _writers[nodetype] = serialized_name, serialize_auxdata
    _readers[serialized_name] = nodetype, deserialize_auxdata
    return nodetype


def register_namedtuple_serialization(nodetype: type, *, serialized_name: str) -> type:
    """As `register_pytree_node_serialization`, of a named tuple's class."""
    if not (issubclass(nodetype, tuple) and hasattr(nodetype, "_fields")):
        raise ValueError(
            "Use `jax.export.register_pytree_node_serialization` for types other than "
            "`collections.namedtuple`."
        )
    return register_pytree_node_serialization(
        nodetype, serialized_name=serialized_name, serialize_auxdata=_no_bytes,
        deserialize_auxdata=_no_data,
    )  # fmt: skip


def _no_bytes(data):
    return b""


def _no_data(data):
    return None


def _written(tree):
    """A tree's structure as nested tuples of names, bytes and built-in values."""
    node = tree.node_data()
    if node is None:
        return "*" if tree.num_leaves else None
    kind, data = node
    children = tuple(map(_written, tree.children()))
    if kind in _BUILT_IN:
        return kind.__name__, data, children
    if kind is collections.OrderedDict:
        return "OrderedDict", data, children
    if kind not in _writers:
        raise ValueError(
            f"Cannot serialize PyTreeDef containing an unregistered type `{kind}`. Use "
            "`export.register_pytree_node_serialization` or "
            "`export.register_namedtuple_serialization`."
        )
    name, write = _writers[kind]
    return f"registered:{name}", bytes(write(data)), children


_KINDS = {kind.__name__: kind for kind in (*_BUILT_IN, collections.OrderedDict)}


def _read(written):
    if written == "*":
        return default_registry.flatten(0)[1]
    if written is None:
        return default_registry.flatten(None)[1]
    name, data, children = written
    children = list(map(_read, children))
    kind = _KINDS.get(name)
    if kind is None:
        kind, read = _readers[_known(name.removeprefix("registered:"))]
        data = read(data)
    node = None if kind is None else (kind, data)
    return PyTreeDef.from_node_data_and_children(default_registry, node, children)


def _known(name):
    if name not in _readers:
        raise ValueError(
            f"Cannot deserialize a PyTreeDef with a node `{name}`, which was registered "
            "for serialization where it was written, and is not here."
        )
    return name


def write(fields: dict, in_tree: Any, out_tree: Any, vjp: Any) -> bytes:
    """Bytes of an exported function's fields, its trees, and those of its derivative."""
    file = io.BytesIO()
    file.write(_MAGIC)
    Pickler(file).dump((fields, _written(in_tree), _written(out_tree), vjp))
    return file.getvalue()


def read(serialized: Any) -> tuple[dict, Any, Any, bytes | None]:
    """The inverse of `write`, for bytes that one trusts: reading them may run any code.

    ValueError for other bytes, and for trees of classes that are not registered.
    """
    serialized = bytes(serialized)
    if not serialized.startswith(_MAGIC):
        raise ValueError("these bytes are no function that minijax exported")
    fields, in_tree, out_tree, vjp = pickle.loads(serialized[len(_MAGIC) :])
    return fields, _read(in_tree), _read(out_tree), vjp
