"""Types that say themselves how `vmap` takes them apart and puts them together.

`jax.interpreters.batching.register_vmappable` fills the tables.  A value of such a type is
one leaf to `vmap`, with one axis (or another specification, of the type's own).
"""

from functools import partial

from minijax import core
from minijax._pytree import flatten
from minijax._pytree_prefix import flatten_axes
from minijax.ops.shape import iota
from minijax.transforms.batching import match_axis

# type -> (type of its specifications, to_elt, from_elt, make_iota or None)
registered = {}


def register_vmappable(
    data_type, spec_type, axis_size_type, to_elt, from_elt, make_iota
):
    """Let `vmap` map over values of `data_type` by functions of its own.

    Args:
        spec_type: what stands for such a value in `in_axes` and `out_axes`.
        axis_size_type: accepted; sizes are integers here.
        to_elt: `(cont, get_index, x, spec)` to one element of `x`, in which
            `cont(array, axis)` is one element of an array in it.
        from_elt: `(cont, axis_size, x, spec)` to all elements, in which
            `cont(axis_size, array, axis)` has all those of an array.
        make_iota: the number of each element, from the size of the axis; None: as int32.
    """
    registered[data_type] = spec_type, to_elt, from_elt, make_iota


def unregister_vmappable(data_type):
    """Undo `register_vmappable`."""
    registered.pop(data_type, None)


def is_vmappable(x):
    """Whether `x` is of a registered type."""
    return type(x) in registered


def flatten_mapped(tree):
    """(leaves, structure), where values of registered types are leaves."""
    return flatten(tree, is_vmappable) if registered else flatten(tree)


def is_axis(axis):
    """Whether this says along what a value is mapped: an axis, or as its type has it."""
    kinds = {int, *(entry[0] for entry in registered.values())}
    return type(axis) in kinds or is_mapping_spec(axis)


def are_axes(tree):
    """Whether a prefix for `in_axes` or `out_axes` has axes only."""
    return all(map(is_axis, flatten(tree)[0]))


def is_mapping_spec(axes):
    """Whether this says how values of a user's own type are mapped."""
    return core.hi_rules.in_use and core.hi_rules.is_mapping_spec(axes)


def elements(args, specs):
    """`args` under the current level of `vmap`, each of a registered type as one element."""
    if not registered:
        return args
    level = core.current_trace()
    return [
        _element(level, x, spec) if is_vmappable(x) else x
        for x, spec in zip(args, specs, strict=True)
    ]


def _element(level, x, spec):
    if not is_vmappable(x):
        if spec is not None and spec < 0:
            spec += core.get_aval(x).ndim
        return level.join(x, spec)
    _, to_elt, _, make_iota = registered[type(x)]

    def get_index():
        size = level.axis.size
        return level.join(make_iota(size) if make_iota else iota("int32", size), 0)

    return to_elt(partial(_element, level), get_index, x, spec)


def wholes(outs, tree, out_axes):
    """`outs`, those of registered types with all their elements, as `out_axes` has them."""
    if not any(map(is_vmappable, outs)):
        return outs
    level = core.current_trace()
    specs = flatten_axes("vmap out_axes", tree, out_axes)
    with core.set_current_trace(level.parent):
        return [
            _whole(level, level.axis.size, x, spec) if is_vmappable(x) else x
            for x, spec in zip(outs, specs, strict=True)
        ]


def _whole(level, axis_size, x, spec):
    if is_vmappable(x):
        from_elt = registered[type(x)][2]
        return from_elt(partial(_whole, level), axis_size, x, spec)
    value, dim = level.split(x)
    return match_axis(level.axis, value, dim, spec)
