"""`jnp.ufunc`: a function of scalars that maps over arrays, with `reduce`, `at` and the
rest.

`jnp.add` and its like are ufuncs whose methods go to the dedicated functions
(`jnp.sum`, ...); `frompyfunc` makes ufuncs whose methods loop.
"""

import inspect
import operator

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.control.served import NO_STATICS, Served
from minijax.core import ShapedArray, get_aval
from minijax.numpy.promotion import canonical_axis, check_arraylike, dtype_of, shape_of

_AT_IN_PLACE = """Because JAX arrays are immutable, jnp.ufunc.at() cannot operate inplace like
np.ufunc.at(). Instead, you can pass inplace=False and capture the result; e.g.
>>> arr = jnp.add.at(arr, ind, val, inplace=False)
"""


# reductions whose results have the dtype of the operands, whatever dtype is asked for
_OF_OWN_DTYPE = "_reduce_logaddexp", "_reduce_logaddexp2"


class _Signature:
    """`inspect.signature` of a ufunc: that of its call; the class has one of its own."""

    def __get__(self, instance, owner):
        if instance is None:
            raise AttributeError("__signature__")
        return inspect.signature(instance._apply)


class ufunc(Served):
    """A function of one or two arrays, applied elementwise.

    fun: the function; nin, nout: the numbers of its arguments and results; identity:
    what leaves another operand as it is, or None; reduce, accumulate, at: names of the
    jnp functions and index update methods that do the same at once, where there are
    any; key: what makes it equal to others, `fun` by default.
    """

    def __init__(
        self,
        fun,
        nin=2,
        nout=1,
        *,
        identity=None,
        reduce=None,
        accumulate=None,
        at=None,
        key=None,
    ):
        super().__init__(fun, NO_STATICS, self._apply)
        self.__name__ = self.__qualname__ = fun.__name__.lstrip("_")
        self.__doc__ = fun.__doc__
        self.__module__ = "minijax.numpy"
        self.__wrapped__ = fun
        self._fun, self._key = fun, fun if key is None else key
        self._counts = nin, nout, identity
        self._reduce, self._accumulate, self._at = reduce, accumulate, at

    __signature__ = _Signature()
    nin = property(lambda self: self._counts[0], doc="The number of arguments.")
    nout = property(lambda self: self._counts[1], doc="The number of results.")
    nargs = property(lambda self: self._counts[0], doc="The number of arguments.")
    identity = property(
        lambda self: self._counts[2], doc="The neutral operand, or None."
    )
    _func = property(lambda self: self._key, doc="The function, under JAX's name.")

    def __repr__(self):
        return f"<jnp.ufunc '{self.__name__}'>"

    def __hash__(self):
        return hash((self._key, self.__name__, self._counts))

    def __eq__(self, other):
        return isinstance(other, ufunc) and (
            (self._key, self.__name__, self._counts)
            == (other._key, other.__name__, other._counts)
        )

    def _apply(self, *args, out=None, where=None):
        """Apply to arrays.  NotImplementedError for `out` and `where`."""
        if out is not None:
            raise NotImplementedError(f"out argument of {self}")
        if where is not None:
            raise NotImplementedError(f"where argument of {self}")
        if len(args) != self.nin:
            raise _wrong_number_of_arguments(self, len(args))
        return self._fun(*args)

    def reduce(
        self, a, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=None
    ):
        """Combine the elements along an axis (None: all of them)."""
        check_arraylike(f"{self.__name__}.reduce", a)
        self._require_binary("reduce")
        if out is not None:
            raise NotImplementedError(f"out argument of {self.__name__}.reduce()")
        if initial is not None:
            check_arraylike(f"{self.__name__}.reduce", initial)
        if where is not None:
            self._require_initial(initial)
        if self._reduce is None:
            return _reduce_by_loop(self, a, axis, dtype, keepdims, initial, where)
        options = {"axis": axis, "keepdims": keepdims, "where": where}
        if initial is not None:
            options["initial"] = initial
        if self._reduce in _OF_OWN_DTYPE:
            return getattr(jnp, self._reduce)(a, **options)
        if self._reduce not in ("max", "min"):
            options["dtype"] = dtype
        out = getattr(jnp, self._reduce)(a, **options)
        return out if dtype is None else out.astype(dtype)

    def _combines_as_dtype(self, a):
        """Whether the update method of `at` exists for the dtype of `a`."""
        kind = dtype_of(a).kind
        return kind != "b" and (kind != "c" or self._at in ("add", "subtract", "mul"))

    def _require_binary(self, method):
        if self.nin != 2:
            raise ValueError(f"{method} only supported for binary ufuncs")
        if self.nout != 1:
            raise ValueError(
                f"{method} only supported for functions returning a single value"
            )

    def _require_initial(self, initial):
        if self.identity is None and initial is None:
            raise ValueError(
                f"reduction operation {self.__name__!r} does not have an identity, so "
                "to "
                "use a where mask one has to specify 'initial'."
            )

    def accumulate(self, a, axis=0, dtype=None, out=None):
        """The running combination of the elements along an axis."""
        self._require_binary("accumulate")
        check_arraylike(f"{self.__name__}.accumulate", a)
        if out is not None:
            raise NotImplementedError(f"out argument of {self.__name__}.accumulate()")
        if self._accumulate is not None:
            if axis is not None:
                axis = canonical_axis(axis, len(shape_of(a)))
            return getattr(jnp, self._accumulate)(a, axis=axis, dtype=dtype)
        return _accumulate_by_loop(self, a, axis, dtype)

    def at(self, a, indices, b=None, *, inplace=True):
        """`a` with the elements at `indices` combined with `b`; repeated indices
        combine each time.

        NotImplementedError unless `inplace` is False: arrays are immutable.
        """
        if inplace:
            raise NotImplementedError(_AT_IN_PLACE)
        check_arraylike(f"{self.__name__}.at", a)
        if self.nin == 1:
            return jnp.asarray(a).at[indices].apply(self._fun)
        if self._at is not None and self._combines_as_dtype(a):
            return getattr(jnp.asarray(a).at[indices], self._at)(b)
        return _at_by_loop(self, a, indices, b)

    def reduceat(self, a, indices, axis=0, dtype=None, out=None):
        """Combine the elements of the parts that begin at `indices`."""
        self._require_binary("reduceat")
        if out is not None:
            raise NotImplementedError(f"out argument of {self.__name__}.reduceat()")
        return _reduceat_by_loop(self, a, indices, axis, dtype)

    def outer(self, a, b, /):
        """Every element of `a` with every element of `b`; shape a.shape + b.shape."""
        self._require_binary("outer")
        check_arraylike(f"{self.__name__}.outer", a, b)
        shape_a, shape_b = shape_of(a), shape_of(b)
        a = lax.expand_dims(a, range(len(shape_a), len(shape_a) + len(shape_b)))
        b = lax.expand_dims(b, range(len(shape_a)))
        return self._fun(a, b)


def _wrong_number_of_arguments(self, n):
    parameters = inspect.signature(self._func).parameters.values()
    names = [p.name for p in parameters if p.kind < p.VAR_POSITIONAL][: self.nin]
    if n > self.nin:
        return TypeError(
            f"{self.__name__}() takes {self.nin} positional arguments but {n} were "
            "given"
        )
    missing = self.nin - n
    what = " and ".join([repr(name) for name in names[n:]]) or f"{missing} more"
    plural = "" if missing == 1 else "s"
    return TypeError(
        f"{self.__name__}() missing {missing} required positional argument{plural}: "
        f"{what}"
    )


# --- methods in terms of a loop -------------------------------------------------------


def _reduce_by_loop(self, a, axis, dtype, keepdims, initial, where):
    a = jnp.asarray(a)
    a = a.astype(_result_dtype(self, a, a) if dtype is None else dtype)
    rank, shape = a.ndim, a.shape
    where = None if where is None else jnp.broadcast_to(where, shape)
    if axis is None:
        final = (1,) * rank if keepdims else ()
        a, axis = a.reshape(-1), 0
        where = None if where is None else where.reshape(-1)
    else:
        if isinstance(axis, tuple):
            raise NotImplementedError("tuple of axes")
        axis = canonical_axis(axis, rank)
        final = list(a.shape)
        final[axis : axis + 1] = [1] if keepdims else []
    a = jnp.moveaxis(a, axis, 0)
    start = 0
    if initial is None:
        initial = self.identity
    if initial is None:
        if not a.shape[0]:
            raise ValueError(
                f"zero-size array to reduction operation {self.__name__} which has no "
                "identity"
            )
        acc, start = a[0], 1
    else:
        acc = jnp.broadcast_to(jnp.asarray(initial, a.dtype), a.shape[1:])
    if where is not None:
        where = jnp.moveaxis(where, axis, 0)
    if not a.shape[0]:
        return jnp.reshape(acc, final)

    def body(i, acc):
        new = self._fun(acc, a[i]).astype(acc.dtype)
        return new if where is None else jnp.where(where[i], new, acc)

    return lax.fori_loop(start, a.shape[0], body, acc).reshape(final)


def _result_dtype(self, x, y):
    """The dtype of what the function makes of elements of two arrays."""
    elements = [ShapedArray((), z.dtype, z.weak_type) for z in map(get_aval, (x, y))]
    return jit(self._fun).eval_shape(*elements).dtype


def _accumulate_by_loop(self, a, axis, dtype):
    a = jnp.asarray(a, dtype)
    if axis is None or isinstance(axis, (tuple, list)):
        raise ValueError("accumulate does not allow multiple axes")
    if not a.ndim:
        raise ValueError("accumulate: a must have at least one dimension.")
    axis = canonical_axis(axis, a.ndim)
    a = jnp.moveaxis(a, axis, 0)
    dtype = _result_dtype(self, a, a) if dtype is None else dtype
    first = a[:1].astype(dtype)
    if not a.size:
        return jnp.moveaxis(a.astype(dtype), 0, axis)

    def step(carry, i):
        x = jnp.where(i == 0, first[0], self._fun(carry, a[i].astype(dtype)))
        return x, x

    _, out = lax.scan(step, jnp.zeros_like(first[0]), jnp.arange(a.shape[0]))
    return jnp.moveaxis(out, 0, axis)


def _at_by_loop(self, a, indices, b):
    if b is None:
        raise ValueError("b must be specified for binary ufuncs")
    a = jnp.asarray(a)
    places = jnp.arange(a.size).reshape(a.shape)[indices]
    b = jnp.asarray(b)
    a = a.astype(_result_dtype(self, a, b))
    values = jnp.broadcast_to(b.astype(a.dtype), places.shape).reshape(-1)
    places = places.reshape(-1)
    if not places.size:
        return a

    def body(i, flat):
        new = self._fun(flat[places[i]], values[i]).astype(flat.dtype)
        return flat.at[places[i]].set(new)

    return lax.fori_loop(0, places.shape[0], body, a.reshape(-1)).reshape(a.shape)


def _reduceat_by_loop(self, a, indices, axis, dtype):
    check_arraylike(f"{self.__name__}.reduceat", a, indices)
    a, indices = jnp.asarray(a, dtype), jnp.asarray(indices)
    if indices.ndim != 1:
        raise ValueError(
            f"reduceat: indices must be one-dimensional, got {indices.shape=}"
        )
    if axis is None or isinstance(axis, (tuple, list)):
        raise ValueError("reduceat requires a single integer axis.")
    axis = canonical_axis(axis, a.ndim)
    out = jnp.take(a, indices, axis=axis)
    shape = [1] * a.ndim
    shape[axis] = -1
    begin = indices.reshape(shape)
    ends = jnp.append(indices[1:], a.shape[axis]).reshape(shape)

    def body(i, out):
        inside = (i > begin) & (i < ends)
        new = self._fun(out, jnp.take(a, jnp.array([i]), axis=axis))
        return jnp.where(inside, new, out)

    return lax.fori_loop(0, a.shape[axis], body, out)


def frompyfunc(func, /, nin, nout, *, identity=None):
    """A `ufunc` from a function of `nin` scalars that returns `nout` scalars.

    func must be traceable; TypeError unless it is callable, ValueError for negative
    counts.

    Args:
        func: function of scalars that can be traced.
        nin: how many arguments it takes.
        nout: how many results it gives.
        identity: what leaves another operand as it is, for reductions.

    Returns:
        A `jnp.ufunc`.

    Examples:
        >>> add = jnp.frompyfunc(lambda x, y: x + y, nin=2, nout=1, identity=0)
        >>> add.reduce(jnp.arange(4))
        Array(6, dtype=int32)
    """
    if not callable(func):
        raise TypeError(f"func must be callable, got {func}")
    nin, nout = operator.index(nin), operator.index(nout)
    if nin < 0 or nout < 0:
        raise ValueError("nin and nout must be non-negative")
    mapped = jnp.vectorize(func)

    def apply(*args):
        return mapped(*args)

    apply.__name__ = getattr(func, "__name__", "ufunc")
    apply.__doc__ = func.__doc__
    return ufunc(jit(apply), nin, nout, identity=identity, key=func)
