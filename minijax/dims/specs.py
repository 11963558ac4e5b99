"""Symbolic shapes, and arguments that have them, from texts."""

from collections.abc import Sequence
from typing import Any

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.api.inspection import ShapeDtypeStruct
from minijax.dims.scope import SymbolicScope
from minijax.tree_util import broadcast_prefix, prefix_errors


def symbolic_shape(
    shape_spec: str | None,
    *,
    constraints: Sequence[str] = (),
    scope: SymbolicScope | None = None,
    like: Sequence[int | None] | None = None,
) -> tuple:
    """The shape that a text says: a tuple of numbers and symbolic sizes.

    shape_spec: sizes with commas between them, within parentheses or not; each is made of
    numbers and variables with `+`, `-`, `*`, `^`, floordiv(a, b), mod(a, b), max(a, b),
    min(a, b); `_` is a size, and `...`, at the end, all further sizes, of `like`. None: `...`.
    constraints, scope: what is known of the variables, or the `SymbolicScope` that says so.

    ValueError for other texts, and where both of constraints and scope are given.
    """
    if shape_spec is not None and not isinstance(shape_spec, str):
        raise ValueError(
            f"polymorphic shape spec should be None or a string. Found {shape_spec!r}."
        )
    text = "..." if shape_spec is None else shape_spec
    return _scope(constraints, scope, "specify").parse(text, like)


def _scope(constraints, scope, verb):
    if scope is None:
        return SymbolicScope(constraints)
    if constraints:
        raise ValueError(f"Cannot {verb} both a `scope` and `constraints`.")
    return scope


def symbolic_args_specs(
    args: Any,
    shapes_specs: Any,
    constraints: Sequence[str] = (),
    scope: SymbolicScope | None = None,
) -> Any:
    """Arguments for `export`: a tree like `args`, of `ShapeDtypeStruct`s.

    args: a tree of arrays or their types; shapes_specs: texts for `symbolic_shape`, in a
    prefix of that tree, with the sizes of `args` for `_`, `...` and None.
    """
    flat, tree = flatten(args)
    if isinstance(args, tuple) and isinstance(shapes_specs, list):
        shapes_specs = tuple(shapes_specs)
    try:
        texts = broadcast_prefix(shapes_specs, args, is_leaf=lambda x: x is None)
    except ValueError:
        found = prefix_errors(shapes_specs, args, is_leaf=lambda x: x is None)
        raise found[0]("export.symbolic_args_specs shapes_specs") from None
    scope = _scope(constraints, scope, "use")
    structs = []
    for x, text in zip(flat, texts, strict=True):
        like = x if isinstance(x, ShapeDtypeStruct) else core.get_aval(x)
        shape = symbolic_shape(text, like=like.shape, scope=scope)
        structs.append(ShapeDtypeStruct(shape, like.dtype))
    return unflatten(tree, structs)
