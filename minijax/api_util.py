"""Flattening helpers that libraries use (`jax.api_util`)."""

import functools
import inspect

from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import flatten_axes as _flatten_axes
from minijax.alias import missing_attribute
from minijax.api.inspection import abstract as _abstract
from minijax.control.signature import leaf_names
from minijax.extend.linear_util import transformation2, transformation_with_aux2
from minijax.trace import DebugInfo, describe_function
from minijax.util import safe_map as safe_map


def _flatten_fun(f, store, in_tree, *leaves):
    args, kwargs = unflatten(in_tree, leaves)
    outs, out_tree = flatten(f(*args, **kwargs))
    store.store(out_tree)
    return outs


def _flatten_fun_nokwargs(f, store, in_tree, *leaves):
    outs, out_tree = flatten(f(*unflatten(in_tree, leaves)))
    store.store(out_tree)
    return outs


def flatten_fun(fun, in_tree):
    """A wrapped function of flat leaves of `(args, kwargs)`: (function, out_tree
    thunk).
    """
    return transformation_with_aux2(_flatten_fun, fun, in_tree)


def flatten_fun_nokwargs(fun, in_tree):
    """A wrapped function of flat leaves of `args`: (function, out_tree thunk)."""
    return transformation_with_aux2(_flatten_fun_nokwargs, fun, in_tree)


def argnums_partial(f, dyn_argnums, args, require_static_args_hashable=True):
    """A wrapped function of the arguments numbered: (function, those arguments)."""
    nums = (dyn_argnums,) if isinstance(dyn_argnums, int) else tuple(dyn_argnums)
    places = [k % len(args) for k in nums]
    if require_static_args_hashable:
        for k, arg in enumerate(args):
            if k not in places:
                _require_hashable(arg)

    def call(f, *dynamic, **kwargs):
        every = list(args)
        for place, value in zip(places, dynamic, strict=True):
            every[place] = value
        return f(*every, **kwargs)

    return transformation2(call, f), tuple(args[k] for k in places)


def _require_hashable(arg):
    try:
        hash(arg)
    except TypeError as error:
        raise ValueError(
            "Non-hashable static arguments are not supported. An error occurred while "
            f"trying to hash an object of type {type(arg)}, {arg}. The error was:\n"
            f"TypeError: {error}"
        ) from None


def flatten_axes(name, treedef, axis_tree, *, kws=False, tupled_args=False):
    """The axis for each leaf of `treedef`, from a prefix of it."""
    return _flatten_axes(name, treedef, axis_tree)


def shaped_abstractify(x):
    """The aval of an array, or of anything with shape and dtype."""
    return _abstract(x)


_SAVED = "__fun_debug_info__"


def save_wrapped_fun_debug_info(wrapper, dbg):
    """Let `debug_info` of a function that wraps another say `dbg`, what it says of that."""
    setattr(wrapper, _SAVED, dbg)


def debug_info(
    traced_for, fun, args, kwargs, *, static_argnums=(), static_argnames=(), **_
):
    """What is traced for whom, and the names of the leaves of its dynamic arguments."""
    saved = getattr(fun, _SAVED, None)
    if saved is not None:
        return saved
    try:
        inspect.signature(fun).bind(*args, **kwargs)
        named = fun
    except (TypeError, ValueError):  # no signature, or not one of these arguments
        named = None
    places = [k % len(args) for k in static_argnums if -len(args) <= k < len(args)]
    dynamic = tuple([x for k, x in enumerate(args) if k not in places])
    rest = {name: x for name, x in kwargs.items() if name not in static_argnames}
    names_of = leaf_names(named, flatten((dynamic, rest))[1], places)
    while isinstance(fun, functools.partial):
        fun = fun.func
    src = describe_function(fun) if hasattr(fun, "__name__") else "<unknown>"
    return DebugInfo(traced_for, src, names_of)


def donation_vector(donate_argnums, donate_argnames, in_tree, kws=True):
    """For each leaf of `(args, kwargs)` whether it is donated."""
    count = in_tree.num_leaves
    args, kwargs = unflatten(in_tree, range(count))
    donated = [False] * count
    marked = [args[k] for k in donate_argnums or () if k < len(args)]
    marked += [kwargs[name] for name in donate_argnames or () if name in kwargs]
    for leaf in flatten(marked)[0]:
        donated[leaf] = True
    return tuple(donated)


def rebase_donate_argnums(donate_argnums, static_argnums):
    """The numbers of donated arguments among those that are not static.

    ValueError where an argument is both.
    """
    both = set(donate_argnums) & set(static_argnums)
    if both:
        raise ValueError(
            f"`static_argnums` {list(static_argnums)} and `donate_argnums` "
            f"{list(donate_argnums)} cannot intersect."
        )
    return tuple(
        k - sum(1 for static in static_argnums if static < k)
        for k in sorted(set(donate_argnums))
    )


def __getattr__(name):
    raise missing_attribute(__name__, name)
