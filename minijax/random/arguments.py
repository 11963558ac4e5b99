"""How samplers take their arguments: keys, dtypes and shapes."""

import functools
from typing import Any

import numpy as np

from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.promotion import broadcast_shapes, shape_of
from minijax.ops.shape import canonical_shape
from minijax.random.keys import check_key, split_typed


def static(*names):
    """`jit` as a decorator, with static arguments."""
    return functools.partial(jit, static_argnames=names)


def one_key(name, key) -> Any:
    """A typed key from the one that a user passed to the sampler `name`."""
    return check_key(name, key)[0]


def float_dtype(name, dtype, or_complex=False):
    """The canonical dtype of a sampler of floats.  ValueError for other kinds."""
    dtype = dtypes.check_user_dtype(float if dtype is None else dtype, name)
    if not dtypes.issubdtype(dtype, np.inexact if or_complex else np.floating):
        what = "float or complex" if or_complex else "float"
        raise ValueError(
            f"dtype argument to `{name}` must be a {what} dtype, got {dtype}"
        )
    return dtype


def check_shape(name, shape, *shapes):
    """ValueError unless arguments of `shapes` broadcast to `shape`."""
    if broadcast_shapes(shape, *shapes) != tuple(shape):
        given = "and ".join([f"{s}" for s in shapes])
        raise ValueError(
            f"{name} parameter shapes must be broadcast-compatible with shape argument, "
            f"and the result of broadcasting the shapes must equal the shape argument, "
            f"but got {given} for shape argument {shape}"
        )


def check_castable(name, dtype, *params):
    """TypePromotionError if a parameter's dtype does not promote to `dtype`."""
    for x in params:
        own = dtypes.dtype(x)
        if dtypes.result_type(x, dtype) != dtype:
            raise dtypes.TypePromotionError(
                f"In arguments to {name}, cannot safely cast argument of type {own} to "
                f"{dtype}"
            )


def optional_shape(shape):
    """A static shape as a tuple; None stays None."""
    return None if shape is None else canonical_shape(shape)


def shape_or_broadcast(name, shape, *params):
    """The shape of a sampler's result: as asked for, or that of its parameters."""
    shapes = [tuple(shape_of(x)) for x in params]
    if shape is None:
        return broadcast_shapes(*shapes)
    check_shape(name, shape, *shapes)
    return shape


def rows(x):
    """The parts of an array along its first axis."""
    return [lax.index_in_dim(x, i, 0, keepdims=False) for i in range(x.shape[0])]


def split_keys(key, num=2):
    """`num` new typed keys, one by one."""
    return rows(split_typed(key, num))
