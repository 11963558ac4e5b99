"""How an op is defined: one block that fills every slot of its primitive.

`define` refuses a primitive with a slot left open, so that a missing rule fails the
import rather than a user.  `unary` and `binary` fill the slots that all elementwise ops
share.
"""

import enum
import importlib
import sys
from typing import Any

import numpy as np

from minijax import array, core, dtypes
from minijax.core import Primitive, ShapedArray, Zero


class _Marker:
    """Fills a slot that has no rule, with the reason; calling it explains."""

    def __init__(self, what, error: type[Exception] = NotImplementedError):
        self.what, self.error = what, error

    def __call__(self, *args, **params):
        raise self.error(self.what)


def is_absent(rule):
    """Whether a slot was left empty, for a reason that calling it tells."""
    return isinstance(rule, _Marker)


def NO_RULE(reason, error: type[Exception] = NotImplementedError):
    """A slot that stays empty, because of `reason`."""
    return _Marker(reason, error)


def no_derivative(name):
    """The jvp slot of an op that JAX does not differentiate either."""
    return NO_RULE(f"Differentiation rule for '{name}' not implemented")


# jvp: the outputs do not vary with the inputs (integers, booleans, floor, ...)
NONDIFFERENTIABLE = _Marker("has no derivative")
# transpose: the op is not linear in any argument
NOT_LINEAR = _Marker("is not linear, so it has no transpose")

# every primitive that was defined, by its name
by_name: dict[str, Primitive] = {}

_SLOTS = ("shape", "reference", "jvp", "transpose", "batch", "lower")


def define(name, *, multiple_results=False, cls=Primitive, **rules) -> Any:
    """A primitive with all of its rules; TypeError if one is missing or unknown."""
    primitive = cls(name, multiple_results or cls.multiple_results)
    missing = [slot for slot in _SLOTS if rules.get(slot) is None]
    if missing:
        raise TypeError(f"primitive {name} lacks rules: {', '.join(missing)}")
    if rules["jvp"] is NONDIFFERENTIABLE:
        rules["jvp"] = _zero_tangent(primitive)
    for slot, rule in rules.items():
        getattr(Primitive, slot)  # AttributeError on a slot that does not exist
        setattr(primitive, slot, rule)
    by_name[name] = primitive
    return primitive


def _zero_tangent(primitive):
    def jvp(primals, tangents, **params):
        out = primitive.bind(*primals, **params)
        if primitive.multiple_results:
            return out, [Zero.of(x) for x in out]
        return out, Zero.of(out)

    return jvp


# --- elementwise --------------------------------------------------------------

BOOL = (np.bool_,)
SIGNED = (np.signedinteger,)
INT = (np.integer,)
FLOAT = (np.floating,)
COMPLEX = (np.complexfloating,)
INEXACT = FLOAT + COMPLEX
REAL = INT + FLOAT
NUMBER = INT + INEXACT
BITS = INT + BOOL
ANY = BOOL + NUMBER

_accepted_cache = {}


def accepts(kinds, dtype):
    """Whether `dtype` is one of the kinds (abstract NumPy scalar types)."""
    key = kinds, dtype
    known = _accepted_cache.get(key)
    if known is None:
        known = any(dtypes.issubdtype(dtype, kind) for kind in kinds)
        _accepted_cache[key] = known
    return known


def check_dtype(name, kinds, dtype, where=""):
    """TypeError unless the op takes operands of `dtype`; `where` names one of several."""
    if dtype == dtypes.float0:
        raise TypeError(
            f"Called {name} with a float0{where or ' array'}. float0s do not support any "
            "operations by design, because they are not compatible with non-trivial "
            "vector spaces. No implicit dtype conversion is done. You can use "
            "np.zeros_like(arr, dtype=float) to cast a float0 array to a regular zeros "
            "array.\nIf you didn't expect to get a float0 you might have accidentally "
            "taken a gradient with respect to an integer argument."
        )
    if np.signedinteger in kinds and dtype in dtypes.narrow_dtypes:
        if accepts(INT, dtype):
            raise TypeError(
                f"{name} does not accept dtype {dtype}{where}. Support for narrow-width "
                "integers is platform-dependent and limited to a few specific "
                "operations, e.g. basic arithmetic and type casting."
            )
    if not accepts(kinds, dtype):
        names = ", ".join(kind.__name__.rstrip("_") for kind in kinds)
        raise TypeError(
            f"{name} does not accept dtype {dtype}{where}. Accepted dtypes{where} are "
            f"subtypes of {names}."
        )


def broadcast_shape(name, avals):
    """The shape of an elementwise op: sizes equal, or 1, or of rank 0."""
    shape = ()
    for aval in avals:
        other = aval.shape
        if other == shape or not other:
            continue
        if not shape:
            shape = other
            continue
        if len(shape) != len(other):
            raise TypeError(
                f"{name}: arrays must have the same number of dimensions, got "
                f"{ {a.ndim for a in avals} }"
            )
        shape = tuple(b if a == 1 else a for a, b in zip(shape, other, strict=True))
    for aval in avals:
        if aval.shape and aval.shape != shape:
            for n, full in zip(aval.shape, shape, strict=True):
                if n not in (1, full):
                    got = ", ".join(str(a.shape) for a in avals)
                    raise TypeError(
                        f"{name} got incompatible shapes for broadcasting: {got}."
                    )
    return shape


def elementwise_shape(name, kinds, result=None):
    """The shape rule of an op on operands of one dtype; `result(dtype)` gives its own."""
    known = {}  # avals -> what they give; avals live as long as the process

    def shape(*avals, **params):
        found = known.get(avals)
        if found is None:
            found = known[avals] = of(avals)
        return found

    def of(avals):
        first = avals[0]
        if result is None and len(avals) == 1:
            check_dtype(name, kinds, first.dtype)
            return first
        dtype = first.dtype
        weak = first.weak_type
        check_dtype(name, kinds, dtype, " at position 0" if len(avals) > 1 else "")
        for place, aval in enumerate(avals[1:], 1):
            if aval.dtype != dtype:
                check_dtype(name, kinds, aval.dtype, f" at position {place}")
                got = ", ".join(a.dtype.name for a in avals)
                raise TypeError(
                    f"lax.{name} requires arguments to have the same dtypes, got {got}."
                    + _promoting_function(name)
                )
            weak = weak and aval.weak_type
        if result is not None:
            dtype = result(dtype)
        return ShapedArray(broadcast_shape(name, avals), dtype, weak)

    return shape


def bool_result(_):
    """The `result` of ops whose results are booleans."""
    return np.dtype(bool)


def real_dtype(dtype):
    """The dtype of the parts of a complex dtype; a real one itself."""
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def elementwise_batch(primitive_of):
    """The batch rule all elementwise ops share: line the batch axes up, in front."""

    def batch(axis, args, dims, **params):
        bind = primitive_of().bind
        ranks = [
            len(shape_of(x)) - (d is not None) for x, d in zip(args, dims, strict=True)
        ]
        rank = max(ranks)
        places = {d for d in dims if d is not None}
        if len(places) == 1 and all(
            d is not None and r == rank or d is None and not r
            for d, r in zip(dims, ranks, strict=True)
        ):
            return bind(*args, **params), places.pop()
        args = [_to_front(x, d, rank) for x, d in zip(args, dims, strict=True)]
        return bind(*args, **params), 0

    return batch


def unary_batch(primitive_of):
    """The batch rule of ops that see each element alone."""

    def batch(axis, args, dims, **params):
        return primitive_of().bind(*args, **params), dims[0]

    return batch


def _to_front(x, dim, rank):
    """`x` with its batch axis (or an axis of size 1) first and rank + 1 axes in all."""
    if dim is None:
        return expand(x, (0,)) if len(shape_of(x)) else x
    x = move_axis(x, dim, 0)
    return expand(x, tuple(range(len(shape_of(x)), rank + 1)))


def elementwise_lower(name):
    """Lower to the tile kernel `<name>_<dtype of the last operand>`."""

    def lower(b, ins, out_avals, **params):
        return [b.ewise(name, ins, out_avals[0])]

    return lower


# JAX's names in `numpy` of ops that are called otherwise there
_NAMES_IN_NUMPY = {
    "div": "divide", "eq": "equal", "max": "maximum", "min": "minimum",
    "mul": "multiply", "ne": "not_equal", "sub": "subtract",
}  # fmt: skip


def _promoting_function(name: str):
    """The sentence naming the function of `jnp` that converts, if there is one."""
    name = _NAMES_IN_NUMPY.get(name, name)
    if not hasattr(sys.modules.get("minijax.numpy"), name):
        return ""
    return (
        f" (Tip: jnp.{name} is a similar function that does automatic type promotion on "
        "inputs)."
    )


class AccuracyMode(enum.Enum):
    """How accurate a function has to be. The kernels have one accuracy, for both."""

    HIGHEST = 1
    DEFAULT = 2


class Tolerance:
    """Errors that a function may make: (atol and rtol) or (atol and ulps)."""

    def __init__(self, atol=0.0, rtol=0.0, ulps=0):
        if atol < 0 or rtol < 0 or ulps < 0:
            raise ValueError("Tolerances must be non-negative.")
        if not (atol or rtol or ulps):
            raise ValueError("At least one of atol, rtol, or ulps must be set.")
        self.atol, self.rtol, self.ulps = atol, rtol, ulps


def check_accuracy(accuracy):
    """NotImplementedError for what says nothing about accuracy."""
    if not isinstance(accuracy, (AccuracyMode, Tolerance)):
        raise NotImplementedError(f"Accuracy {accuracy} not supported")


def unary(name, kinds, reference, jvp, result=None, kernel=None):
    """An elementwise op of one operand.

    `jvp(t, x, ans)` is the tangent of the result, or NONDIFFERENTIABLE.
    """

    def rule(primals, tangents, **params):
        (x,), (t,) = primals, tangents
        ans = primitive.bind(x, **params)
        if type(t) is Zero:
            return ans, Zero.of(ans)
        return ans, jvp(t, x, ans, **params)

    primitive = define(
        name,
        shape=elementwise_shape(name, kinds, result),
        reference=reference,
        jvp=NONDIFFERENTIABLE if jvp is NONDIFFERENTIABLE else rule,
        transpose=NOT_LINEAR,
        batch=elementwise_batch(lambda: primitive),
        lower=elementwise_lower(kernel or name),
    )
    return primitive


def nary(name, kinds, reference, jvps, result=None, transpose=NOT_LINEAR, kernel=None):
    """An elementwise op of several operands of one dtype.

    `jvps[i](t, ans, *operands)` is the part of the tangent that operand i gives, or
    None where it gives none; NONDIFFERENTIABLE or a NO_RULE for the whole.
    """

    def rule(primals, tangents, **params):
        ans = primitive.bind(*primals, **params)
        total = None
        for t, part in zip(tangents, jvps, strict=True):
            if type(t) is Zero or part is None:
                continue
            t = broadcast_like(part(t, ans, *primals, **params), ans)
            total = t if total is None else add_tangents(total, t)
        return ans, Zero.of(ans) if total is None else total

    primitive = define(
        name,
        shape=elementwise_shape(name, kinds, result),
        reference=reference,
        jvp=jvps if isinstance(jvps, _Marker) else rule,
        transpose=transpose,
        batch=elementwise_batch(lambda: primitive),
        lower=elementwise_lower(kernel or name),
    )
    return primitive


def linear_jvp(primitive_of):
    """The jvp of an op of one operand that is linear in it."""

    def jvp(primals, tangents, **params):
        bind = primitive_of().bind
        out = bind(*primals, **params)
        (t,) = tangents
        if type(t) is not Zero:
            return out, bind(t, **params)
        if primitive_of().multiple_results:
            return out, [Zero.of(x) for x in out]
        return out, Zero.of(out)

    return jvp


def bilinear_jvp(primitive_of):
    """The jvp of an op that is linear in each of its two operands: the product rule."""

    def jvp(primals, tangents, **params):
        (x, y), (t_x, t_y) = primals, tangents
        bind = primitive_of().bind
        out = bind(x, y, **params)
        total = Zero.of(out)
        if type(t_x) is not Zero:
            total = bind(t_x, y, **params)
        if type(t_y) is not Zero:
            total = add_tangents(total, bind(x, t_y, **params))
        return out, total

    return jvp


def jointly_linear(primitive_of, alone):
    """The jvp of a binary op that is linear in both operands together.

    `alone[i](t)` is the tangent where only operand i has one.
    """

    def jvp(primals, tangents, **params):
        ans = primitive_of().bind(*primals, **params)
        moving = [i for i, t in enumerate(tangents) if type(t) is not Zero]
        if not moving:
            return ans, Zero.of(ans)
        if len(moving) == 2:
            return ans, primitive_of().bind(*tangents, **params)
        (i,) = moving
        return ans, broadcast_like(alone[i](tangents[i]), ans)

    return jvp


# --- helpers of rules, in terms of a few structural ops -------------------------
# Rules everywhere need these, those of earlier files too: so their own files register
# them, and are loaded here if nothing else has done so.

_STRUCTURAL_HOMES = {
    "add_any": "arithmetic",
    "bitcast_convert_type": "bitcast",
    "broadcast_in_dim": "shape",
    "convert": "convert",
    "expand_dims": "shape",
    "reduce_sum": "reduce",
    "reshape": "shape",
    "select": "select",
    "transpose": "shape",
}
_registered: dict[str, Any] = {}


def structural(fun):
    """Register one of the structural ops that the helpers below are made of."""
    _registered[fun.__name__] = fun
    return fun


def _structural(name):
    fun = _registered.get(name)
    if fun is None:
        importlib.import_module(f"minijax.ops.{_STRUCTURAL_HOMES[name]}")
        fun = _registered[name]
    return fun


def check_out_sharding(sharding, operation):
    """Refuse an `out_sharding` that is none, or of axes that are not explicit.

    Hardly any call gives one, and what reads it is slow to import.
    """
    if sharding is not None:
        named = importlib.import_module("minijax.named_sharding")
        named.explicit_sharding(sharding, operation)


def shape_of(x) -> Any:
    """The shape of an array, tracer, NumPy value or Python scalar."""
    return getattr(x, "shape", ())


def dtype_of(x) -> Any:
    """The dtype of an array, tracer, NumPy value or Python scalar."""
    return core.get_aval(x).dtype


def scalar(dtype, value) -> Any:
    """A number as a scalar of a dtype, for an equation.

    NumPy's own, but where that would lose bits: of 64-bit dtypes without x64.
    """
    if dtypes.is_wider(dtype) or isinstance(value, core.SymbolicSize):
        return full(ShapedArray((), dtype), value)
    return dtype.type(value)


def constant_like(value, x) -> Any:
    """The scalar `value` in the dtype of `x`; weakly typed if `x` is a weak scalar."""
    aval = core.get_aval(x)
    if aval.weak_type and not aval.shape and _is_default(aval.dtype):
        return full(aval, value)
    return scalar(aval.dtype, value)


def _is_default(dtype):
    kind = {"i": int, "f": float, "c": complex}.get(dtype.kind)
    return kind is not None and dtype == dtypes.python_scalar_dtype(kind)


def one_like(x) -> Any:
    """The scalar 1 in the dtype of `x`, as weakly typed as `x`."""
    aval = core.get_aval(x)
    if aval.weak_type:
        return full(ShapedArray((), aval.dtype, True), 1)
    return scalar(aval.dtype, 1)


def convert(x, dtype) -> Any:
    """`x` in another dtype, through `convert_element_type`."""
    return _structural("convert")(x, dtype)


def bitcast(x, dtype) -> Any:
    """The bits of `x` read as another dtype, through `bitcast_convert_type`."""
    return _structural("bitcast_convert_type")(x, dtype)


def select(which, on_true, on_false) -> Any:
    """`on_true` where `which`, else `on_false`, element by element."""
    return _structural("select")(which, on_true, on_false)


def move_axis(x, source, target) -> Any:
    """`x` with axis `source` moved to `target`."""
    if source == target:
        return x
    order = [i for i in range(len(shape_of(x))) if i != source]
    order.insert(target, source)
    return _structural("transpose")(x, tuple(order))


def expand(x, axes) -> Any:
    """`x` with new axes of size 1 at `axes` (places in the result)."""
    return _structural("expand_dims")(x, axes) if axes else x


def broadcast_like(x, like) -> Any:
    """`x` broadcast to the shape of `like` (sizes 1 and rank 0 stretch)."""
    shape = shape_of(like)
    if shape_of(x) == shape:
        return x
    dims = tuple(range(len(shape))) if len(shape_of(x)) else ()
    return _structural("broadcast_in_dim")(x, shape, dims)


def unbroadcast(ct, aval) -> Any:
    """The transpose of broadcasting an operand of `aval` to the shape of `ct`."""
    shape = shape_of(ct)
    if shape == aval.shape:
        return ct
    if not aval.shape:
        axes = tuple(range(len(shape)))
        return _structural("reduce_sum")(ct, axes)
    axes = tuple(i for i, n in enumerate(aval.shape) if n == 1 != shape[i])
    return _structural("reshape")(_structural("reduce_sum")(ct, axes), aval.shape)


def sum_axes(x, axes) -> Any:
    """The sum of `x` over some axes."""
    return _structural("reduce_sum")(x, axes)


def add_tangents(x, y) -> Any:
    """The sum of two tangents or cotangents of one aval; either may be Zero."""
    if type(x) is Zero:
        return y
    if type(y) is Zero:
        return x
    if core.hi_rules.in_use and core.get_aval(x).is_high:
        return core.get_aval(x).vspace_add(x, y)
    return _structural("add_any")(x, y)


def instantiate(t) -> Any:
    """A tangent as an array: zeros for a symbolic Zero."""
    if type(t) is not Zero:
        return t
    return zeros(t.aval)


def zeros(aval) -> Any:
    """An array of zeros of the given aval; a token for a token's."""
    if type(aval) is core.AbstractToken:
        return by_name["create_token"].bind()
    if aval.is_high:
        return aval.vspace_zero()
    if isinstance(aval.dtype, dtypes.ExtendedDType) and aval.dtype._rules is not None:
        zero = aval.dtype._rules.zero(aval.dtype)
        return _structural("broadcast_in_dim")(zero, aval.shape, ())
    return full(aval, 0)


def full(aval, value) -> Any:
    """An array of the given aval, its weak type included, with every element `value`."""
    if aval.dtype == dtypes.float0:
        return np.zeros(aval.shape, dtypes.float0)
    if isinstance(value, core.SymbolicSize):
        value = _structural("convert")(value, aval.dtype, aval.weak_type)
    else:
        scalar = ShapedArray((), aval.dtype, aval.weak_type)
        element = np.asarray(value).astype(aval.dtype)
        value = core.constant(array.ArrayImpl(scalar, element))
    if not aval.shape:
        return value
    return _structural("broadcast_in_dim")(value, aval.shape, ())


def filled_like(x, value) -> Any:
    """`value` everywhere, in the shape, dtype and weak type of `x`."""
    return full(in_aval(x), value)


def batch_front(axis, x, dim) -> Any:
    """`x` with its batch axis in front; broadcast along it if it has none."""
    if dim is not None:
        return move_axis(x, dim, 0)
    if type(in_aval(x)) is core.AbstractToken:
        raise TypeError("a token has no axes to map over: hand it on with axis None")
    shape = shape_of(x)
    return _structural("broadcast_in_dim")(
        x, (axis.size, *shape), tuple(range(1, len(shape) + 1))
    )


def in_aval(x) -> Any:
    """The aval of a rule's argument, linear or not."""
    return x.aval if isinstance(x, core.UndefinedPrimal) else core.get_aval(x)
