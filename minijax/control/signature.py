"""The arguments of jitted functions: which are static, and what the signature says."""

import inspect
from typing import Any

from minijax import core
from minijax._pytree import unflatten
from minijax.parameters import leaf_names as leaf_names
from minijax.parameters import parameters as parameters
from minijax.tree_util import keystr, tree_flatten_with_path


def check_callable(fun):
    """TypeError for what cannot be jitted."""
    if isinstance(fun, staticmethod):
        raise TypeError(f"staticmethod arguments are not supported, got {fun}")
    if not callable(fun):
        raise TypeError(f"Expected a callable value, got {fun}")
    code = getattr(fun, "__code__", None)
    if code is not None and code.co_flags & inspect.CO_GENERATOR:
        raise TypeError(f"Expected a function, got a generator function: {fun}")


def function_name(fun):
    """A function's name, that of the function inside for a `functools.partial`."""
    while not hasattr(fun, "__name__") and hasattr(fun, "func"):
        fun = fun.func
    return getattr(fun, "__name__", None) or type(fun).__name__


class Statics:
    """Which arguments are static: by place, by name, or both."""

    __slots__ = ("nums", "argnames", "names", "any", "_held")

    def __init__(self, nums, argnames, names, by_identity=False):
        self.nums, self.argnames, self.names = nums, argnames, names
        self.any = bool(nums or argnames)
        self._held = _Identified if by_identity else _Static

    def __hash__(self):
        return hash((self.nums, self.argnames))

    def __eq__(self, other):
        return (self.nums, self.argnames) == (other.nums, other.argnames)

    def split(self, args, kwargs):
        """(static part, dynamic args, dynamic kwargs); the static part is hashable.

        ValueError where a static value is not, unless they count `by_identity` then.
        """
        n, held = len(args), self._held
        places = {k + n if k < 0 else k for k in self.nums}
        by_place = tuple((k, held(args[k])) for k in sorted(places) if 0 <= k < n)
        by_name = tuple(
            (name, held(kwargs[name])) for name in self.argnames if name in kwargs
        )
        args = tuple(x for k, x in enumerate(args) if k not in places)
        kwargs = {k: v for k, v in kwargs.items() if k not in self.argnames}
        return (by_place, by_name), args, kwargs

    def join(self, static, args, kwargs):
        """Put the static part back."""
        by_place, by_name = static
        args = list(args)
        for place, value in by_place:
            args.insert(place, value.value)
        return args, {**kwargs, **{name: value.value for name, value in by_name}}


class _Static:
    """A static value as part of a cache key: equal type and equal value."""

    __slots__ = ("value", "_hash")

    def __init__(self, value):
        self.value = value
        try:
            self._hash = hash(value)
        except TypeError as error:
            raise ValueError(
                "Non-hashable static arguments are not supported. An error occurred "
                f"while trying to hash an object of type {type(value)}, {value}. The "
                f"error was:\nTypeError: {error}\n"
            ) from None

    def __hash__(self):
        return self._hash

    def __eq__(self, other):
        if type(self.value) is not type(other.value):
            return False
        try:
            return bool(self.value == other.value)
        except Exception as error:
            raise ValueError(
                "static arguments should be comparable using __eq__. The following "
                f"error was raised when comparing two objects of types "
                f"{type(self.value)} and {type(other.value)}. The error was:\n{error}"
            ) from error


class _Identified(_Static):
    """A static value of any kind; one without a hash equals itself only."""

    __slots__ = ()

    def __init__(self, value):
        try:
            super().__init__(value)
        except ValueError:
            self._hash = id(value)

    __hash__ = _Static.__hash__

    def __eq__(self, other):
        return self.value is other.value or (
            _is_hashable(self.value)
            and _is_hashable(other.value)
            and super().__eq__(other)
        )


def _is_hashable(value):
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _as_tuple(x) -> tuple[Any, ...]:
    if x is None:
        return ()
    return (x,) if isinstance(x, (int, str)) else tuple(x)


def check_outputs(func_src, traced_for, leaves, tree):
    """TypeError where a traced function returned what is no array."""
    for k, leaf in enumerate(leaves):
        if core.valid_jaxtype(leaf):
            continue
        paths = tree_flatten_with_path(unflatten(tree, range(tree.num_leaves)))[0]
        path = keystr(paths[k][0])
        raise TypeError(
            f"function {func_src} traced for {traced_for} returned a "
            f"value of type {type(leaf)}{path and f' at output component {path}'}, "
            "which is not a valid JAX type"
        )


NO_SIGNATURE = (
    "Getting the signature of function {fun} failed. Pass donate_argnums instead of "
    "donate_argnames."
)


def check_disjoint(static_names, donated_names):
    """ValueError where an argument is both static and donated."""
    both = set(donated_names) & set(static_names)
    if both:
        raise ValueError(
            "static_argnames and donate_argnames cannot intersect. Argument names "
            f"{both} appear in both static_argnames and donate_argnames"
        )


def matched(fun, nums, argnames, what):
    """Argument numbers and names, each from the other where only one is given.

    ValueError where the function has no such argument.
    """
    if isinstance(argnames, int):
        raise TypeError("'int' object is not iterable: argnames are names")
    if isinstance(nums, str):
        raise TypeError("'str' object cannot be interpreted as an integer: argnums")
    both = nums is not None and argnames is not None
    nums, argnames = _as_tuple(nums), _as_tuple(argnames)
    if not nums and not argnames:
        return (), (), ()
    known = parameters(fun)
    if known is None:
        if argnames and what == "donate":
            raise ValueError(NO_SIGNATURE.format(fun=fun))
        return nums, argnames, ()
    names = known.names
    n = len(names)
    if not known.more_places and any(not -n <= k < n for k in nums):
        raise ValueError(
            f"Jitted function has {what}_argnums={nums}, but only accepts {n} positional "
            "arguments."
        )
    unnamed = set(argnames) & {*known.unnamed}
    if unnamed:
        raise ValueError(
            f"Jitted function has invalid argnames {unnamed} in {what}_argnames. These "
            "are positional-only"
        )
    unknown = set(argnames) - {*names, *known.keywords}
    if unknown and not known.more_keywords:
        raise ValueError(
            f"Jitted function has invalid argnames {unknown} in {what}_argnames. Function "
            "does not take these args."
        )
    if both:
        return nums, argnames, names
    more_names = [
        names[k] for k in nums if -n <= k < n and names[k] not in known.unnamed
    ]
    more_nums = [names.index(name) for name in argnames if name in names]
    return (
        tuple(dict.fromkeys([*nums, *more_nums])),
        tuple(dict.fromkeys([*argnames, *more_names])),
        names,
    )
