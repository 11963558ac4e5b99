"""Flattening of arguments, and what is known of functions' signatures."""

import functools
import inspect
import operator

from minijax._src._homes import names_of
from minijax.control.custom_call import resolve_kwargs as resolve_kwargs
from minijax.control.sharded import flatten_axis_resources as flatten_axis_resources
from minijax.control.signature import NO_SIGNATURE, check_disjoint, matched
from minijax.trace import describe_function

SENTINEL = object()
_BY_PLACE = inspect.Parameter.POSITIONAL_OR_KEYWORD


def fun_signature(fun):
    """The signature of `fun`, or None where it tells none."""
    try:
        return inspect.signature(fun)
    except (ValueError, TypeError):
        return None


def fun_sourceinfo(fun) -> str:
    """`name at file:line` of a function, seen through `functools.partial`."""
    while isinstance(fun, functools.partial):
        fun = fun.func
    return describe_function(fun) if hasattr(fun, "__name__") else "<unknown>"


def is_hashable(arg) -> bool:
    """Whether `arg` can be hashed."""
    try:
        hash(arg)
    except TypeError:
        return False
    return True


def _ensure_index(x):
    """An int, or a tuple of ints."""
    try:
        return operator.index(x)
    except TypeError:
        return tuple(map(operator.index, x))


def _ensure_index_tuple(x):
    """A tuple of ints."""
    index = _ensure_index(x)
    return (index,) if isinstance(index, int) else index


def infer_argnums_and_argnames(sig, argnums, argnames):
    """Numbers and names of parameters: each from the other where only one is given."""
    if argnums is None and argnames is None:
        return (), ()
    if argnums is not None:
        argnums = _ensure_index_tuple(argnums)
    if argnames is not None:
        argnames = (argnames,) if isinstance(argnames, str) else tuple(argnames)
    if argnums is not None and argnames is not None:
        return argnums, argnames
    parameters = sig.parameters
    if argnums is None:
        named = [
            k
            for k, (name, p) in enumerate(parameters.items())
            if p.kind is _BY_PLACE and name in argnames
        ]
        return tuple(named), argnames
    names = [
        name
        for k, (name, p) in enumerate(parameters.items())
        if p.kind is _BY_PLACE and k in argnums
    ]
    return argnums, tuple(names)


def resolve_argnums(
    fun, signature, donate_argnums, donate_argnames, static_argnums, static_argnames
):
    """(donated numbers, names, static numbers, names), each completed and validated.

    ValueError for what the function does not take, for what is both static and donated,
    and for donated names of a function that tells no signature.
    """
    if signature is None:
        if donate_argnames is not None:
            raise ValueError(NO_SIGNATURE.format(fun=fun))
        nums = donate_argnums, static_argnums
        donated, static = (() if k is None else _ensure_index_tuple(k) for k in nums)
        if static_argnames is None:
            return donated, (), static, ()
        names = (
            (static_argnames,) if isinstance(static_argnames, str) else static_argnames
        )
        return donated, (), static, tuple(names)
    static = matched(fun, static_argnums, static_argnames, "static")
    donated = matched(fun, donate_argnums, donate_argnames, "donate")
    check_disjoint(static[1], donated[1])
    return (*donated[:2], *static[:2])


def check_callable(fun):
    """TypeError for what cannot be transformed."""
    if isinstance(fun, staticmethod):
        raise TypeError(f"staticmethod arguments are not supported, got {fun}")
    if not callable(fun):
        raise TypeError(f"Expected a callable value, got {fun}")
    if inspect.isgeneratorfunction(fun):
        raise TypeError(f"Expected a function, got a generator function: {fun}")


__getattr__ = names_of(__name__, "minijax.api_util")
