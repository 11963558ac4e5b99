"""What calls of custom_jvp and custom_vjp functions have in common: their arguments, how
they run, and the words for what is wrong with them.

Inside a trace that records, a call becomes an equation holding the function's jaxpr and
the rules; traces that differentiate use the rules at once, and the one that batches
batches function and rules alike.
"""

import inspect
from typing import Any

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.body import debug_info_of
from minijax.control.ref_checks import check_distinct_refs, refuse_refs
from minijax.control.signature import function_name
from minijax.effects import check_allowed, custom_derivatives_allowed_effects
from minijax.literals import typed
from minijax.ops.define import NO_RULE
from minijax.trace import DebugInfo, named_like
from minijax.transforms.evaluate import evaluate


def description(fun, traced_for):
    """What is said of a trace of the flat function of a call; `fun` may be another's."""
    described = getattr(fun, "described", None)
    if described is not None:
        return described(traced_for)
    return DebugInfo(traced_for, function_name(fun))


BY_TRACE = NO_RULE("is applied by the traces themselves")


def call_shape(name):
    """The shape rule of the primitive `name`: that of the function it calls."""

    def shape(*_, call_jaxpr, **__):
        allowed = custom_derivatives_allowed_effects
        check_allowed(call_jaxpr.marks, allowed, f"`{name}`")
        return call_jaxpr.out_avals

    return shape


def call_reference(*args, call_jaxpr, **_):
    """The function's values, by the reference interpreter."""
    return evaluate(call_jaxpr, *args)


def call_lower(b, ins, out_avals, *, call_jaxpr, **_):
    """The function, in place; its rules play no part any more."""
    return b.inline(call_jaxpr, ins)


class SymbolicZero:
    """A zero tangent or cotangent, as rules with `symbolic_zeros=True` see it."""

    def __init__(self, aval):
        self.aval = aval

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)
    ndim = property(lambda self: self.aval.ndim)
    size = property(lambda self: self.aval.size)
    weak_type = property(lambda self: self.aval.weak_type)

    def __repr__(self):
        return "SymbolicZero"


class Call:
    """One call of a custom function: its flat arguments, and what is left static."""

    def __init__(self, fun, args, static_places):
        self.places = set(static_places)
        self.static = [args[k] for k in sorted(self.places)]
        dynamic = tuple(x for k, x in enumerate(args) if k not in self.places)
        flat, self.in_tree = flatten(dynamic)
        self.flat = list(map(typed, flat))
        self.out_tree = None
        self.out_avals: Any = None
        self._fun, self._n = fun, len(args)

        def flat_fun(*leaves):
            outs, self.out_tree = flatten(fun(*self.all_args(leaves)))
            self.out_avals = [core.get_aval(x) for x in outs]
            return outs

        flat_fun.__name__ = function_name(fun)
        flat_fun.described = self.described
        self.flat_fun = flat_fun

    def described(self, traced_for):
        """What is said of a trace of the function."""
        dynamic = self.unflatten(range(self.in_tree.num_leaves))
        return debug_info_of(traced_for, self._fun, dynamic, self.places)

    def check_refs(self):
        """ValueError for a reference that is an argument twice, or comes to be returned."""
        name = function_name(self._fun)
        said = f"in a call of custom_vjp function {name}"
        names = self.described("custom_vjp fun").names_of
        check_distinct_refs(self.flat, (), said, names)
        self.flat_fun = _without_refs_out(self.flat_fun, name)
        self.flat_fun.described = self.described

    def check_outputs(self, custom, tree, outs):
        """TypeError where a jvp rule's primal outputs are not of the function's types;
        these are known if the function has been traced.
        """
        if self.out_avals is None:
            return
        rule, fun = function_name(custom.jvp), function_name(custom.fun)
        said = (
            f"Custom JVP rule {rule} for function {fun} must produce a pair (list or "
            "tuple of length two) where the first element represents the primal output "
            f"(equal in value to the output of the custom_jvp-decorated function {fun}, "
            "and in particular "
        )
        if tree != self.out_tree:
            raise TypeError(
                f"{said}of the same container/pytree structure), but instead the JVP "
                "rule output's first element had container/pytree structure:\n    "
                f"{_typed(tree, map(core.get_aval, outs))}\n"
                f"while the custom_jvp-decorated function {fun} had output "
                "container/pytree structure:\n    "
                f"{_typed(self.out_tree, self.out_avals)}."
            )
        got = [core.get_aval(x).strip_weak_type() for x in outs]
        want = [aval.strip_weak_type() for aval in self.out_avals]
        if got != want:
            raise TypeError(
                f"{said}with leaves of the same shape/dtype), but instead the JVP "
                f"rule output's first element had shapes/dtypes of:\n    {listed(got)}\n"
                f"while the custom_jvp-decorated function {fun} had output shapes/dtypes "
                f"of:\n    {listed(want)}"
            )

    def check_fwd(self, custom, tree, outs):
        """TypeError where a fwd rule's outputs are not of the function's types, if they
        are known.
        """
        if self.out_avals is None:
            return
        rule, fun = function_name(custom.fwd), function_name(custom.fun)
        if tree != self.out_tree:
            kind = "container/pytree structure"
            got = _typed(tree, map(core.get_aval, outs))
            want = f"{_typed(self.out_tree, self.out_avals)}."
        else:
            got = [core.get_aval(x).strip_weak_type() for x in outs]
            want = [aval.strip_weak_type() for aval in self.out_avals]
            if got == want:
                return
            kind, got, want = "shapes/dtypes of", listed(got), listed(want)
        raise TypeError(
            f"Custom VJP fwd rule {rule} for function {fun} must produce a pair (list or "
            "tuple of length two) where the first element represents the primal output "
            f"(equal to the output of the custom_vjp-decorated function {fun}) and the "
            "second element represents residuals (i.e. values stored from the forward "
            "pass for use on the backward pass), but instead the fwd rule output's first "
            f"element had {kind}:\n    {got}\nwhile the custom_vjp-decorated function "
            f"{fun} had output {kind}:\n    {want}"
        )

    def take_flat(self):
        """The flat arguments, once: rules that outlive the call keep no tracers."""
        flat, self.flat = self.flat, None
        return flat

    def unflatten(self, leaves):
        """The dynamic arguments as the user's trees."""
        return unflatten(self.in_tree, leaves)

    def all_args(self, leaves):
        """All arguments in place, the dynamic ones from flat leaves."""
        dynamic, static = iter(self.unflatten(leaves)), iter(self.static)
        return [
            next(static) if k in self.places else next(dynamic) for k in range(self._n)
        ]


def _without_refs_out(fun, name):
    """A flat function that raises ValueError where it would return a reference."""

    @named_like(fun)
    def checked(*leaves):
        outs = fun(*leaves)
        refuse_refs(f"custom_vjp primal function {name}", outs)
        return outs

    return checked


class _Shown:
    def __init__(self, aval):
        self.aval = aval

    def __repr__(self):
        return listed([self.aval.strip_weak_type()])


def _typed(tree, avals):
    """A tree with the types of its leaves in their places."""
    return unflatten(tree, map(_Shown, avals))


def listed(avals):
    """Avals as messages have them."""
    return ", ".join(aval.str_short() for aval in avals)


def positional(kind, fun, args, kwargs):
    """`resolve_kwargs` for a function that a decorator of this kind is around."""
    try:
        return resolve_kwargs(fun, args, kwargs)
    except TypeError as error:
        raise TypeError(
            f"The input arguments to the {kind}-decorated function {function_name(fun)} could "
            "not be resolved to positional-only arguments. Binding failed with the "
            f"error:\n{error}"
        ) from None


def resolve_kwargs(fun, args, kwargs):
    """All arguments by place, with defaults filled in.

    TypeError where they do not fit, or a keyword argument has no place.
    """
    try:
        bound = inspect.signature(fun).bind(*args, **kwargs)
    except ValueError:
        if kwargs:
            raise TypeError(
                f"cannot tell the places of keyword arguments {list(kwargs)}"
            ) from None
        return args
    given = list(bound.kwargs)  # what else is keyword-only keeps its default
    bound.apply_defaults()
    if given and bound.kwargs:
        raise TypeError(
            "The following keyword arguments could not be resolved to positions: "
            f"{', '.join(given)}"
        )
    return bound.args


def forwarding(*names):
    """A `__getattr__` by which a wrapped function answers to these names: the methods
    that set rules of functions of other kinds.
    """

    def forward(self, name):
        if name in names and "fun" in self.__dict__:
            return getattr(self.fun, name)
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )

    return forward


def static_places(fun, nums, names):
    """The places of the arguments that are given by number or name, in order."""
    places = [nums] if isinstance(nums, int) else list(nums)
    if names:
        parameters = list(inspect.signature(fun).parameters)
        places += [parameters.index(name) for name in names]
    if any(k < 0 for k in places):
        n = len(inspect.signature(fun).parameters)
        places = [k + n if k < 0 else k for k in places]
    return tuple(sorted(set(places)))
