"""`x.at[...]`: arrays with some elements changed, by scatters and gathers."""

import warnings

import numpy as np

import minijax.numpy as jnp
from minijax import core, dtypes, lax
from minijax.array import ArrayImpl
from minijax.control.call import Statics
from minijax.control.served import serve
from minijax.numpy.creation import asarray
from minijax.numpy.indexing import (
    Indexer,
    _entries,
    _expand_scalar_booleans,
    get,
)
from minijax.numpy.promotion import (
    broadcast_to,
    convert,
    dtype_of,
    promote_dtypes,
    result_dtype,
)
from minijax.ops.scatter import ScatterDimensionNumbers

# --- updates --------------------------------------------------------------------------


def _scatter(op, x, index, y, *, indices_are_sorted=False, unique_indices=False,
             mode=None, wrap_negative_indices=True):  # fmt: skip
    """`x` with what `index` selects combined with `y` by a scatter op of lax."""
    x = asarray(x)
    aval = x.aval
    if type(y) not in core.aval_rules:
        y = asarray(y)
    _warn_of_lossy_update(x, y)
    indexer, expanded = _indexer(x, index, wrap_negative_indices)
    if 0 in indexer.shape:
        return x
    if type(y) is int and aval.dtype.kind == "u":
        y = convert(y, aval.dtype)  # may be larger than an int32
    x, y = promote_dtypes(x, y)
    y = broadcast_to(y, tuple(indexer.shape))
    if indexer.new:
        y = lax.squeeze(y, tuple(indexer.new))
    if indexer.reverse:
        y = lax.rev(y, tuple(indexer.reverse))
    out = op(
        lax.expand_dims(x, expanded) if expanded else x,
        indexer.starts,
        y,
        _scatter_numbers(indexer),
        indices_are_sorted=indices_are_sorted or indexer.ordered,
        unique_indices=unique_indices or indexer.ordered,
        mode=mode,
    )
    if expanded:
        out = lax.squeeze(out, tuple(expanded))
    return convert(out, aval.dtype, aval.weak_type)


def _indexer(x, index, wrap_negative):
    """(the index as scatter needs it, the axes that `x` needs in addition)."""
    shape, entries, expanded = _expand_scalar_booleans(
        x.shape, _entries(x.shape, index)
    )
    return Indexer(shape, entries, wrap_negative), expanded


def _scatter_numbers(indexer):
    return ScatterDimensionNumbers(
        update_window_dims=tuple(indexer.offset),
        inserted_window_dims=tuple(sorted(indexer.collapsed)),
        scatter_dims_to_operand_dims=tuple(indexer.start_map),
    )


def _warn_of_lossy_update(x, y):
    dtype = x.dtype
    if getattr(y, "dtype", None) is dtype or isinstance(dtype, dtypes.ExtendedDType):
        return
    result, weak = result_dtype(x, y)
    if result != dtype and not (weak and dtypes.issubdtype(dtype, np.inexact)):
        warnings.warn(
            "scatter inputs have incompatible types: cannot safely cast value from "
            f"dtype={dtype_of(y)} to dtype={dtype} with "
            "jax_numpy_dtype_promotion=standard. In future JAX releases this will "
            "result "
            "in an error.",
            FutureWarning,
            stacklevel=4,
        )


def _by_parts(x, parts, y, *, op, form, options):
    """`_scatter`, with the index taken apart: `form` has a slice as the tuple of its
    parts, and False for what is in `parts`.
    """
    parts = iter(parts)
    index = [
        next(parts) if item is False else slice(*item) if type(item) is tuple else item
        for item in form
    ]
    return _scatter(getattr(lax, op), x, tuple(index), y, **dict(options))


_served_update = serve(_by_parts, Statics((), ("op", "form", "options"), ()))


def _update(op, x, index, y, options):
    """`_scatter` by the lax function named `op`, served as one program where it can be."""
    if type(x) is not ArrayImpl:
        return _scatter(getattr(lax, op), x, index, y, **options)
    form, parts = [], []
    for item in index if type(index) is tuple else (index,):
        if type(item) is slice:
            form.append((item.start, item.stop, item.step))
        elif item is None or item is Ellipsis:
            form.append(item)
        else:
            form.append(False)
            parts.append(item)
    if len(parts) == 1 and isinstance(parts[0], (list, range)):
        return _scatter(getattr(lax, op), x, index, y, **options)
    options = tuple(options.items())
    return _served_update(x, parts, y, op=op, form=tuple(form), options=options)


def _divide(x, index, values, options):
    divisor = _scatter(lax.scatter_mul, jnp.ones_like(x), index, values, **options)
    return jnp.divide(x, divisor)


def _power(x, index, values, options):
    exponent = _scatter(lax.scatter_mul, jnp.ones_like(x), index, values, **options)
    return jnp.power(x, exponent)


def _method(name, op, doc):
    """A method of `_IndexUpdateRef`: by the lax function named `op`, or a function of
    the array, index, values and options.
    """

    def method(
        self, values, *, indices_are_sorted=False, unique_indices=False, mode=None,
        out_sharding=None, wrap_negative_indices=True,
    ):  # fmt: skip
        options = {}
        if indices_are_sorted:
            options["indices_are_sorted"] = True
        if unique_indices:
            options["unique_indices"] = True
        if mode is not None:
            options["mode"] = mode
        if not wrap_negative_indices:
            options["wrap_negative_indices"] = False
        if callable(op):
            return op(self.array, self.index, values, options)
        return _update(op, self.array, self.index, values, options)

    method.__name__, method.__doc__ = name, doc
    method.__qualname__ = f"_IndexUpdateRef.{name}"
    return method


class _IndexUpdateHelper:
    """`x.at`: indexed, it gives what updates `x` there without changing `x`."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def __getitem__(self, index):
        return _IndexUpdateRef(self.array, index)

    def __repr__(self):
        return f"_IndexUpdateHelper({self.array!r})"


class _IndexUpdateRef:
    """`x.at[index]`: each method returns a new array.

    mode: what happens out of bounds: 'drop' or 'fill' (nothing; the default of
    updates), 'clip', 'promise_in_bounds'. indices_are_sorted, unique_indices: promises
    about the index. wrap_negative_indices: whether negative indices count from the end.
    """

    __slots__ = ("array", "index")

    def __init__(self, array, index):
        self.array, self.index = array, index

    def __repr__(self):
        return f"_IndexUpdateRef({self.array!r}, {self.index!r})"

    def get(
        self, *, indices_are_sorted=False, unique_indices=False, mode=None,
        fill_value=None, out_sharding=None, wrap_negative_indices=True,
    ):  # fmt: skip
        """The selected elements; `fill_value` for those out of bounds with mode='fill'."""
        return get(
            self.array, self.index, indices_are_sorted=indices_are_sorted,
            unique_indices=unique_indices, mode=mode, fill_value=fill_value,
            wrap_negative_indices=wrap_negative_indices,
        )  # fmt: skip

    divide = _method(
        "divide", _divide, "With the selected elements divided by `values`."
    )
    power = _method(
        "power", _power, "With the selected elements raised to the power `values`."
    )
    set = _method("set", "scatter", "With the selected elements set to `values`.")
    add = _method("add", "scatter_add", "With `values` added to the selected elements.")
    subtract = _method(
        "subtract",
        "scatter_sub",
        "With `values` subtracted from the selected elements.",
    )
    multiply = _method(
        "multiply", "scatter_mul", "With the selected elements multiplied by `values`."
    )
    mul = multiply
    min = _method(
        "min", "scatter_min", "With the smaller of the selected elements and `values`."
    )
    max = _method(
        "max", "scatter_max", "With the larger of the selected elements and `values`."
    )

    def apply(
        self, func, *, indices_are_sorted=False, unique_indices=False, mode=None,
        wrap_negative_indices=True,
    ):  # fmt: skip
        """With a unary function applied to the selected elements."""
        x = asarray(self.array)
        indexer, expanded = _indexer(x, self.index, wrap_negative_indices)
        if 0 in indexer.shape:
            return x
        update = [n for i, n in enumerate(indexer.shape) if i not in indexer.new]
        out = lax.scatter_apply(
            lax.expand_dims(x, expanded) if expanded else x,
            indexer.starts,
            func,
            _scatter_numbers(indexer),
            update_shape=tuple(update),
            indices_are_sorted=indices_are_sorted or indexer.ordered,
            unique_indices=unique_indices or indexer.ordered,
            mode=mode,
        )
        return lax.squeeze(out, tuple(expanded)) if expanded else out
