"""grad, value_and_grad, jvp, vjp and linearize: flatten, transform, unflatten."""

import operator
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.api.pullback import VJP, materialised, tangent_aval
from minijax.array import ArrayImpl, from_numpy
from minijax.control.body import same_type
from minijax.control.call import jit
from minijax.control.cotangent_axes import with_own_cotangents
from minijax.control.signature import check_callable
from minijax.core import Zero
from minijax.literals import typed
from minijax.mesh import mapped_mesh
from minijax.ops.define import instantiate
from minijax.trace import DebugInfo, describe_function
from minijax.traceback_util import api_boundary, documented
from minijax.transforms import ad
from minijax.tree_util import Partial, tree_map


def _one(aval):
    """The number 1, as weakly typed as `aval`."""
    return core.constant(ArrayImpl(aval, np.ones((), aval.dtype)))


class _FlatFunction:
    """A user function on flat arguments.

    Remembers the tree of its last output (and aux).
    """

    def __init__(self, fun, in_tree, has_aux=False):
        self.fun, self.in_tree, self.has_aux = fun, in_tree, has_aux
        self.out_tree = self.aux = None

    def __call__(self, *leaves):
        out = self.fun(*unflatten(self.in_tree, leaves))
        if self.has_aux:
            out, self.aux = split_aux(out)
        outs, self.out_tree = flatten(out)
        for x in outs:
            core.get_aval(x)
        return outs


def split_aux(out):
    """The pair that a function with aux output must return."""
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise TypeError(
            "expected function with aux output to return a two-element tuple, but got "
            f"type {type(out)} with value {out}"
        )
    return out


def _vjp(call, flat):
    """(outs, pullback) of a flat function."""
    if mapped_mesh() is not None:
        call = with_own_cotangents(call)
    return ad.vjp(call, flat)


def _stripped(aux, level):
    """Aux output with the tracers of the finished trace replaced by their primals."""
    return tree_map(
        lambda x: (
            x.primal if isinstance(x, ad.JVPTracer) and x._trace.parent is level else x
        ),
        aux,
    )


_GRADIENT = (
    "Gradient of {fun} with respect to positional argument(s) {argnums}. Takes the same "
    "arguments as {fun} but returns the gradient, which has the same shape as the "
    "arguments at positions {argnums}."
)
_VALUE_AND_GRADIENT = (
    "Value and gradient of {fun} with respect to positional argument(s) {argnums}. Takes "
    "the same arguments as {fun} but returns a two-element tuple where the first element "
    "is the value of {fun} and the second element is the gradient, which has the same "
    "shape as the arguments at positions {argnums}."
)

# --- grad -------------------------------------------------------------------------


def value_and_grad(
    fun, argnums=0, has_aux=False, holomorphic=False, allow_int=False, reduce_axes=()
):
    """A function that gives `fun`'s value and its gradient.

    Args:
        fun: returns a real scalar (with `has_aux`: a pair of one and anything).
        argnums: which positional argument(s) to differentiate; a tuple gives a tuple of
            gradients.
        holomorphic: `fun` is complex and holomorphic.
        allow_int: integer inputs are allowed; their gradient has dtype float0.

    TypeError for inputs or outputs of other types.
    """
    if not callable(fun):
        raise TypeError(f"Expected a callable value, got {fun}")
    if reduce_axes:
        raise NotImplementedError("reduce_axes argument to grad is deprecated")
    argnums = _checked_argnums(argnums)

    @documented(fun, _VALUE_AND_GRADIENT, argnums=argnums)
    @api_boundary
    def wrapped(*args, **kwargs):
        places = places_of(argnums, args)
        dynamic = tuple(args[k] for k in places)
        flat, in_tree = flatten(dynamic)
        for x in flat:
            check_grad_input(x, holomorphic, allow_int)
        flat = list(map(typed, flat))

        partial_fun = of_arguments(fun, args, kwargs, places)
        call = _FlatFunction(partial_fun, in_tree, has_aux)
        level = core.current_trace()
        outs, pullback = _vjp(call, flat)
        answer = unflatten(call.out_tree, _without_numpy(outs))
        _check_grad_output(answer, holomorphic)
        grads = pullback([_one(core.get_aval(outs[0]))])
        grads = unflatten(in_tree, [materialised(g) for g in grads])
        grad = grads[0] if isinstance(argnums, int) else tuple(grads)
        return ((answer, _stripped(call.aux, level)) if has_aux else answer), grad

    return wrapped


def grad(
    fun, argnums=0, has_aux=False, holomorphic=False, allow_int=False, reduce_axes=()
):
    """A function that gives the gradient of `fun`; arguments as `value_and_grad`'s."""
    both = value_and_grad(fun, argnums, has_aux, holomorphic, allow_int, reduce_axes)

    @documented(fun, _GRADIENT, argnums=argnums)
    @api_boundary
    def wrapped(*args, **kwargs):
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def _checked_argnums(argnums):
    if hasattr(argnums, "__index__"):
        return operator.index(argnums)
    return tuple(map(operator.index, argnums))


def places_of(argnums, args):
    """The positions that `argnums` names among `args`: TypeError, ValueError otherwise."""
    nums = (argnums,) if isinstance(argnums, int) else argnums
    n = len(args)
    needed = max((k + 1 for k in nums), default=0)
    if needed > n:
        raise TypeError(
            f"differentiating with respect to argnums={argnums} requires at least "
            f"{needed} positional arguments to be passed by the caller, but got only "
            f"{n} positional arguments."
        )
    for k in nums:
        if k < -n:
            raise ValueError(
                "Positional argument indices, e.g. for `static_argnums`, must have value "
                "greater than or equal to "
                f"-len(args) and less than len(args), but got value {k} for len(args) == "
                f"{n}."
            )
    return [k + n if k < 0 else k for k in nums]


def of_arguments(fun, args, kwargs, places):
    """`fun` as a function of its positional arguments at `places`, the others given."""

    def partial_fun(*dynamic):
        every = list(args)
        for place, value in zip(places, dynamic, strict=True):
            every[place] = value
        return fun(*every, **kwargs)

    return partial_fun


def check_grad_input(x, holomorphic, allow_int, name="grad"):
    """TypeError where the dtype of an input is not one to differentiate by."""
    aval = core.argument_aval(x)
    if aval.is_high:
        return
    dtype = aval.dtype
    if holomorphic:
        if not dtypes.issubdtype(dtype, np.complexfloating):
            raise TypeError(
                f"{name} with holomorphic=True requires inputs with complex dtype, but "
                f"got {dtype.name}."
            )
    elif not dtypes.issubdtype(dtype, np.inexact) and not allow_int:
        raise TypeError(
            f"{name} requires real- or complex-valued inputs (input dtype that is a "
            f"sub-dtype of np.inexact), but got {dtype.name}. If you want to use "
            "Boolean- or integer-valued inputs, use vjp or set allow_int to True."
        )


def _check_grad_output(answer, holomorphic):
    try:
        aval = core.get_aval(answer)
    except TypeError:
        raise TypeError(
            f"Gradient only defined for scalar-output functions. Output was {answer}."
        ) from None
    if aval.shape:
        raise TypeError(
            "Gradient only defined for scalar-output functions. Output had shape: "
            f"{aval.shape}."
        )
    check_real_output(aval.dtype, holomorphic, "grad")


def check_real_output(dtype, holomorphic, name):
    """TypeError where the dtype of an output is not one to differentiate."""
    if holomorphic:
        if not dtypes.issubdtype(dtype, np.complexfloating):
            raise TypeError(
                f"{name} with holomorphic=True requires outputs with complex dtype, but "
                f"got {dtype.name}."
            )
    elif dtypes.issubdtype(dtype, np.complexfloating):
        raise TypeError(
            f"{name} requires real-valued outputs (output dtype that is a sub-dtype of "
            f"np.floating), but got {dtype.name}. For holomorphic differentiation, pass "
            "holomorphic=True. For differentiation of non-holomorphic functions "
            "involving complex outputs, use jax.vjp directly."
        )
    elif not dtypes.issubdtype(dtype, np.floating):
        raise TypeError(
            f"{name} requires real-valued outputs (output dtype that is a sub-dtype of "
            f"np.floating), but got {dtype.name}. For differentiation of functions with "
            "integer outputs, use jax.vjp directly."
        )


# --- jvp, vjp, linearize ------------------------------------------------------------


@api_boundary
def jvp(fun, primals, tangents, has_aux=False) -> Any:
    """(out, out_tangent) of `fun` at `primals` along `tangents`, tuples of pytrees.

    TypeError or ValueError where tangents do not match primals.
    """
    check_callable(fun)
    if not isinstance(primals, (tuple, list)) or not isinstance(
        tangents, (tuple, list)
    ):
        raise TypeError(
            "primal and tangent arguments to jax.jvp must be tuples or lists; found "
            f"{type(primals).__name__} and {type(tangents).__name__}."
        )
    flat, in_tree = flatten(primals)
    flat_tangents, tangent_tree = flatten(tangents)
    if in_tree != tangent_tree:
        raise TypeError(
            "primal and tangent arguments to jax.jvp must have the same tree structure; "
            f"primals have tree structure {in_tree} whereas tangents have tree structure "
            f"{tangent_tree}."
        )
    moving = [_checked_tangent(p, t) for p, t in zip(flat, flat_tangents, strict=True)]
    call = _FlatFunction(fun, in_tree, has_aux)
    level = core.current_trace()
    with core.within(ad.JVP):
        outs, out_tangents = ad.jvp(call, flat, moving)
    out = unflatten(call.out_tree, outs)
    tangent = unflatten(call.out_tree, [materialised(t) for t in out_tangents])
    return (out, tangent, _stripped(call.aux, level)) if has_aux else (out, tangent)


def _checked_tangent(primal, tangent):
    aval, got = core.argument_aval(primal), tangent_aval(tangent)
    want = aval.to_tangent_aval()
    if want.is_high or got.is_high:
        if want != got:
            raise TypeError(
                "primal and tangent arguments to jax.jvp do not match; the tangent of a "
                f"value of type {aval} has the type {want}, but got {got}."
            )
        return tangent
    if got.dtype != want.dtype:
        raise TypeError(
            "primal and tangent arguments to jax.jvp do not match; dtypes must be equal, "
            "or in case of int/bool primal dtype the tangent dtype must be float0."
            f"Got primal dtype {aval.dtype} and so expected tangent dtype {want.dtype}, "
            f"but got tangent dtype {got.dtype} instead."
        )
    if got.shape != want.shape:
        raise ValueError(
            "jvp called with different primal and tangent shapes;Got primal shape "
            f"{aval.shape} and tangent shape as {got.shape}"
        )
    return Zero(want) if core.is_float0(want) else tangent


@api_boundary
def vjp(fun, *primals, has_aux=False, reduce_axes=()) -> Any:
    """(out, pullback) of `fun` at `primals`.

    `pullback(cotangent)` gives a tuple of cotangents.
    """
    check_callable(fun)
    flat, in_tree = flatten(primals)
    for x in flat:
        core.argument_aval(x)
    flat = list(map(typed, flat))
    call = _FlatFunction(fun, in_tree, has_aux)
    level = core.current_trace()
    outs, pull = _vjp(call, flat)
    outs = _without_numpy(outs)
    out_avals = tuple(_avals(outs))
    pullback = VJP.of(
        pull, flat, in_tree, call.out_tree, out_avals, describe_function(fun)
    )
    out = unflatten(call.out_tree, outs)
    if has_aux:
        return out, pullback, _stripped(call.aux, level)
    return out, pullback


def _is_numpy_number(x):
    return isinstance(x, (np.ndarray, np.generic)) and x.dtype != dtypes.float0


def _without_numpy(values):
    """Values of a function, as Arrays where it passed on NumPy arguments as they are."""
    return [from_numpy(np.asarray(x)) if _is_numpy_number(x) else x for x in values]


def _avals(values):
    return [core.get_aval(x) for x in values]


@api_boundary
def linearize(fun, *primals, has_aux=False) -> Any:
    """(out, f_jvp): `f_jvp(*tangents)` applies the derivative at `primals`."""
    check_callable(fun)
    flat, in_tree = flatten(primals)
    call = _FlatFunction(fun, in_tree, has_aux)
    level = core.current_trace()
    in_avals = [core.argument_aval(x) for x in flat]
    moves = tuple(not core.is_float0(a.to_tangent_aval()) for a in in_avals)
    outs, linear, out_nonzero = ad.linearize(
        call, flat, moves, scope=(ad.JVP,), pullback=False
    )
    outs = _without_numpy(outs)
    out_avals = _avals(outs)
    out_tree = call.out_tree

    f_jvp = Partial(
        _Linear(
            linear.jaxpr, in_tree, out_tree, in_avals, out_avals, moves, out_nonzero
        ),
        *linear.consts,
    )
    out = unflatten(out_tree, outs)
    return (out, f_jvp, _stripped(call.aux, level)) if has_aux else (out, f_jvp)


class _Linear:
    """The derivative that `linearize` found, as a function of residuals and tangents."""

    def __init__(
        self, jaxpr, in_tree, out_tree, in_avals, out_avals, moves, out_nonzero
    ):
        self._jaxpr, self._in_tree, self._out_tree = jaxpr, in_tree, out_tree
        self._in_avals, self._out_avals = in_avals, out_avals
        self._moves, self._out_nonzero = moves, out_nonzero

    # JAX's is a functools.partial, whose first argument is the jaxpr.
    args = property(lambda self: (self._jaxpr,))

    def __call__(self, *args):
        n = len(self._jaxpr.constvars)
        moving, tree = flatten(args[n:])
        if tree != self._in_tree:
            raise TypeError(
                f"linearized function called on tangents of another structure than the "
                f"primal values': expected {self._in_tree}, got {tree}"
            )
        for t, aval in zip(moving, self._in_avals, strict=True):
            _check_linear_input(t, aval)
        moving = [t for t, can in zip(moving, self._moves, strict=True) if can]
        found = iter(core.eval_jaxpr(self._jaxpr, args[:n], *moving))
        result = [
            next(found) if nz else instantiate(Zero(aval.to_tangent_aval()))
            for nz, aval in zip(self._out_nonzero, self._out_avals, strict=True)
        ]
        return unflatten(self._out_tree, result)


def _check_linear_input(t, aval):
    want, got = aval.to_tangent_aval(), tangent_aval(t)
    if not same_type(want, got):
        raise ValueError(
            "linearized function called on tangent values inconsistent with the original "
            f"primal values:\nGot tangent aval {got} for primal aval "
            f"{aval} but expected {want}."
        )


@api_boundary
def linear_transpose(fun, *primals, reduce_axes=()):
    """The transpose of a function that is linear in all of its arguments."""
    flat, in_tree = flatten(primals)
    avals = [
        core.ShapedArray(x.shape, x.dtype, getattr(x, "weak_type", False))
        if hasattr(x, "dtype")
        else core.get_aval(x)
        for x in flat
    ]
    call = _FlatFunction(fun, in_tree)
    info = DebugInfo("linear_transpose", describe_function(fun))
    closed = ad.trace_linear(call, avals, info)
    out_tree = call.out_tree
    _check_transposable(avals, closed.out_avals)

    def transposed(consts, cotangent):
        cts, tree = flatten(cotangent)
        if tree != out_tree:
            raise TypeError(
                f"cotangent tree does not match function output, expected {out_tree} "
                f"but got {tree}"
            )
        for ct, aval in zip(cts, closed.out_avals, strict=True):
            got = core.get_aval(ct)
            if (got.shape, got.dtype) != (aval.shape, aval.dtype):
                raise TypeError(
                    "cotangent type does not match function output, expected "
                    f"{tuple(closed.out_avals)} but got {cts}"
                )
        args = [core.UndefinedPrimal(aval) for aval in avals]
        with core.within(ad.TRANSPOSE):
            found = ad.backward_pass(closed.jaxpr, consts, args, cts)
        return unflatten(in_tree, [materialised(ct) for ct in found])

    return Partial(transposed, closed.consts)


def _check_transposable(in_avals, out_avals):
    ins, outs = ([a.dtype for a in avals] for avals in (in_avals, out_avals))
    for kind in (np.inexact, np.integer):
        if all(dtypes.issubdtype(dtype, kind) for dtype in (*ins, *outs)):
            return
    raise TypeError(
        "linear_transpose only supports [float or complex] -> [float or complex], and "
        f"integer -> integer functions, but got {ins} -> {outs}."
    )


def fwd_and_bwd(fun, argnums, has_aux=False, jitted=True):
    """The forward and backward passes of `fun` as two functions.

    `fwd(*args) -> (out, residuals)` (and aux), `bwd(residuals, cotangent)`.
    """
    nums = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def fwd(*args, **kwargs):
        places = places_of(nums, args)

        partial_fun = of_arguments(fun, args, kwargs, places)
        return vjp(partial_fun, *[args[k] for k in places], has_aux=has_aux)

    def bwd(pullback, cotangent):
        found = pullback(cotangent)
        return found[0] if isinstance(argnums, int) else found

    return (jit(fwd), jit(bwd)) if jitted else (fwd, bwd)
