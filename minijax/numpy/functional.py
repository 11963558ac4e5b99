"""jnp's functions of functions: vectorize, apply_along_axis, apply_over_axes,
fromfunction.
"""

import functools
import re
from typing import Any

import minijax.numpy as jnp
from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.numpy.creation import asarray
from minijax.numpy.filling import canonical_shape
from minijax.numpy.promotion import (
    broadcast_shapes,
    canonical_axis,
    check_core_ranks,
    core_sizes,
    ensure_arraylike,
    shape_of,
)
from minijax.numpy.ranges import arange
from minijax.transforms import batching


def map_over(fun, in_axes, out_axis=0):
    """`fun` of arrays mapped over an axis of each (None: none); results have it at
    `out_axis`.
    """

    def mapped(*args):
        places = list(zip(args, in_axes, strict=True))
        size = next(shape_of(x)[d] for x, d in places if d is not None)
        axis = core.AxisData(size)
        trees = []

        def flat_fun(*arrays):
            leaves, tree = flatten(fun(*arrays))
            trees.append(tree)
            return leaves

        outs, dims = batching.batch(flat_fun, axis, args, in_axes)
        outs = [
            batching.match_axis(axis, x, d, out_axis)
            for x, d in zip(outs, dims, strict=True)
        ]
        return unflatten(trees[0], outs)

    return mapped


# --- vectorize ------------------------------------------------------------------------

_DIMENSION = r"\w+"
_ARGUMENT = rf"\((?:{_DIMENSION}(?:,{_DIMENSION})*)?\)"
_ARGUMENTS = rf"{_ARGUMENT}(?:,{_ARGUMENT})*"
_SIGNATURE = re.compile(rf"^{_ARGUMENTS}->{_ARGUMENTS}$")


def _parse_signature(signature):
    """'(n,m),(m)->(n)' as lists of the names of core dimensions: of arguments, of
    results.
    """
    if not _SIGNATURE.match(signature):
        raise ValueError(f"not a valid gufunc signature: {signature}")
    return [
        [tuple(re.findall(_DIMENSION, arg)) for arg in re.findall(_ARGUMENT, side)]
        for side in signature.split("->")
    ]


def vectorize(pyfunc, *, excluded=frozenset(), signature=None):
    """A function that maps `pyfunc` over arrays that broadcast together.

    Args:
        pyfunc: function of arrays that can be traced.
        excluded: positions and names of arguments to pass on whole.
        signature: as '(n,m),(m)->(n)', the core dimensions that `pyfunc` takes and
            gives; none by default.

    Returns:
        A function that broadcasts its arguments against each other.

    Examples:
        >>> @jnp.vectorize
        ... def add(x, y):
        ...     return x + y
        >>> add(jnp.arange(2)[:, None], jnp.arange(3))
        Array([[0, 1, 2],
               [1, 2, 3]], dtype=int32)
    """
    if any(not isinstance(x, (str, int)) for x in excluded):
        raise TypeError(
            "jax.numpy.vectorize can only exclude integer or string arguments, but "
            f"excluded={excluded!r}"
        )
    if any(isinstance(x, int) and x < 0 for x in excluded):
        raise ValueError(f"excluded={excluded!r} contains negative numbers")

    @functools.wraps(pyfunc)
    def wrapped(*args, **kwargs):
        where = f"vectorized function with {excluded=!r}"
        if signature is not None:
            where += f" and {signature=}"
        named = {name: x for name, x in kwargs.items() if name in excluded}
        fun, arrays = _without(functools.partial(pyfunc, **named), excluded, args)
        return _vectorized(fun, signature, arrays, where)

    return wrapped


def _without(fun, places, args):
    """(`fun` of the arguments at other places, these)."""
    others = [i for i in range(len(args)) if i not in places]

    def of_others(*arrays):
        full = list(args)
        for i, x in zip(others, arrays, strict=True):
            full[i] = x
        return fun(*full)

    return of_others, [args[i] for i in others]


def _vectorized(fun, signature, arrays, where):
    if signature is None:
        inputs, outputs = [()] * len(arrays), None
    else:
        inputs, outputs = _parse_signature(signature)
        if len(inputs) != len(arrays):
            raise TypeError(
                f"wrong number of positional arguments: expected {len(inputs)}, got "
                f"{len(arrays)} on {where}"
            )
    absent = {i for i, x in enumerate(arrays) if x is None}
    if any(inputs[i] != () for i in absent):
        raise ValueError(f"Cannot pass None at locations {absent} with {signature=}")
    fun, arrays = _without(fun, absent, arrays)
    arrays = [asarray(x) for x in arrays]
    inputs = [names for i, names in enumerate(inputs) if i not in absent]
    sizes = core_sizes(arrays, inputs, where)
    leads = [
        x.shape[: x.ndim - len(names)] for x, names in zip(arrays, inputs, strict=True)
    ]
    lead = broadcast_shapes(*leads) if leads else ()
    check_core_ranks(arrays, leads, signature)
    fun = _checked(fun, outputs, sizes, where)
    squeezed, maps = [], []
    for x, own in zip(arrays, leads, strict=True):
        padded = (None,) * (len(lead) - len(own)) + own
        drop = [
            i
            for i, n in enumerate(own)
            if n == 1 and lead[len(lead) - len(own) + i] != 1
        ]
        squeezed.append(jnp.squeeze(x, tuple(drop)) if drop else x)
        maps.append(
            [
                n if n is not None and (n != 1 or lead[i] == 1) else None
                for i, n in enumerate(padded)
            ]
        )
    for axis in reversed(range(len(lead))):
        in_axes = tuple([0 if m[axis] is not None else None for m in maps])
        if all(place is None for place in in_axes):
            continue
        fun = map_over(fun, in_axes)
    return fun(*squeezed)


def _checked(fun, outputs, sizes, where):
    """`fun` with the shapes of its results checked against the signature."""
    if outputs is None:
        return fun

    def checked(*args):
        out = fun(*args)
        if len(outputs) > 1 and not isinstance(out, tuple):
            raise TypeError(
                f"output must be a tuple when multiple outputs are expected, got: {out!r}\n"
                f"on {where}"
            )
        parts = out if len(outputs) > 1 or isinstance(out, (tuple, list)) else [out]
        if len(parts) != len(outputs):
            raise TypeError(
                f"wrong number of output arguments: expected {len(outputs)}, got "
                f"{len(parts)} on {where}"
            )
        known = dict(sizes)
        for x, names in zip(parts, outputs, strict=True):
            shape = shape_of(x)
            if len(shape) != len(names):
                raise ValueError(
                    f"output shape {shape} does not match core dimensions "
                    f"{names} on {where}"
                )
            for name, n in zip(names, shape, strict=True):
                if known.setdefault(name, n) != n:
                    raise ValueError(
                        f"inconsistent size for core dimension {name!r}: {n} vs "
                        f"{known[name]} on {where}"
                    )
        return out

    return checked


# --- along axes -----------------------------------------------------------------------


def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """`func1d`, of vectors, applied to every line of `arr` along an axis.

    Args:
        func1d: function of a vector that can be traced.
        axis: of the vectors.
        arr: array.
        *args: handed on to `func1d`.
        **kwargs: handed on to `func1d`.

    Returns:
        An array, whose `axis` is replaced by what `func1d` gives.

    Examples:
        >>> jnp.apply_along_axis(jnp.sum, 1, jnp.arange(6).reshape(2, 3))
        Array([ 3, 12], dtype=int32)
    """
    (arr,) = ensure_arraylike("apply_along_axis", arr)
    arr = asarray(arr)
    axis = canonical_axis(axis, arr.ndim)

    def along(x):
        return func1d(x, *args, **kwargs)

    fun: Any = along
    for i in range(1, arr.ndim - axis):
        fun = map_over(fun, (i,), -1)
    for _ in range(axis):
        fun = map_over(fun, (0,))
    return fun(arr)


def apply_over_axes(func, a, axes):
    """`func(a, axis)` applied for one axis after the other, which may keep or drop it.

    Args:
        func: function of an array and an axis.
        a: array.
        axes: the axes.

    Returns:
        An array of as many axes as `a`.

    Examples:
        >>> jnp.apply_over_axes(jnp.sum, jnp.arange(6).reshape(2, 3), [0, 1])
        Array([[15]], dtype=int32)
    """
    (a,) = ensure_arraylike("apply_over_axes", a)
    a = asarray(a)
    for axis in axes:
        out = func(a, axis)
        if out.ndim == a.ndim:
            a = out
        elif out.ndim == a.ndim - 1:
            a = jnp.expand_dims(out, axis)
        else:
            raise ValueError("function is not returning an array of the correct shape")
    return a


def fromfunction(function, shape, *, dtype=float, **kwargs):
    """The array of `function` at every index of a shape; it is mapped over the indices.

    Args:
        function: function of one index for each axis, that can be traced.
        shape: tuple of sizes.
        dtype: of the indices.
        **kwargs: handed on to `function`.

    Returns:
        An array of the given shape, or what `function` gives at each index, stacked.

    Examples:
        >>> jnp.fromfunction(jnp.multiply, (2, 3), dtype=int)
        Array([[0, 0, 0],
               [0, 1, 2]], dtype=int32)
    """
    shape = canonical_shape(shape)
    fun = functools.partial(function, **kwargs)
    for i in range(len(shape)):
        in_axes: list[int | None] = [None] * len(shape)
        in_axes[len(shape) - 1 - i] = 0
        fun = map_over(fun, tuple(in_axes))
    return fun(*[arange(n, dtype=dtype) for n in shape])
