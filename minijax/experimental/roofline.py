"""`jax.experimental.roofline`: what a function asks of a machine, counted without running it.

Each equation adds what the rule of its primitive says: arithmetic, and bytes moved if no
two equations were fused.  On one device nothing is sent over links between chips.
"""

import dataclasses
import functools
import logging
import math
from collections.abc import Callable
from typing import Any

from minijax._pytree import unflatten
from minijax._pytree_prefix import flatten_axes
from minijax.api.differentiate import vjp as pullback
from minijax.api.inspection import ShapeDtypeStruct, make_jaxpr
from minijax.api.shard import shard_map
from minijax.core import ClosedJaxpr, Jaxpr, Literal, ShapedArray
from minijax.extend.core import Primitive as UsersPrimitive
from minijax.named_sharding import NamedSharding
from minijax.ops.gather import GatherScatterMode
from minijax.transforms import cost
from minijax.transforms.dce import dce
from minijax.tree_util import tree_flatten, tree_map

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RooflineShape:
    """The shape and dtype of an array."""

    shape: tuple[int, ...]
    dtype: Any

    @classmethod
    def from_aval(cls, aval: Any) -> "RooflineShape":
        """That of an array of this type.  TypeError for what is no array."""
        if not isinstance(aval, ShapedArray):
            raise TypeError(f"Expected ShapedArray, got {type(aval)}.")
        return cls(shape=aval.shape, dtype=aval.dtype)

    size = property(lambda self: math.prod(self.shape))
    bytes = property(lambda self: self.size * self.dtype.itemsize)

    @classmethod
    def total_bytes(cls, avals: Any) -> int:
        """The bytes of several."""
        return sum(cls.from_aval(aval).bytes for aval in avals)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RooflineRuleContext:
    """An equation, as a rule sees it."""

    name_stack: Any
    primitive: Any
    avals_in: Any
    avals_out: Any
    jaxpr_eqn_ctx: Any
    mesh: Any
    pin_lhs_in_vmem: bool
    pin_rhs_in_vmem: bool


def _merged(a, b):
    return {key: a.get(key, 0) + b.get(key, 0) for key in a.keys() | b.keys()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RooflineResult:
    """Operations, bytes to and from memory (`hbm`), and bytes over links (`ici`) by axis.

    unfused: of each equation by itself.  peak_hbm_bytes: of what is alive at one time.
    """

    flops: int = 0
    unfused_flops: int = 0
    ici_bytes: dict[str, int] = dataclasses.field(default_factory=dict)
    ici_latency: dict[str, int] = dataclasses.field(default_factory=dict)
    hbm_bytes: int = 0
    peak_hbm_bytes: int = 0
    unfused_hbm_bytes: int = 0

    @classmethod
    def zeros(cls) -> "RooflineResult":
        """Nothing."""
        return cls()

    def __add__(self, other):
        return RooflineResult(
            flops=self.flops + other.flops,
            unfused_flops=self.unfused_flops + other.unfused_flops,
            ici_bytes=_merged(self.ici_bytes, other.ici_bytes),
            ici_latency=_merged(self.ici_latency, other.ici_latency),
            hbm_bytes=self.hbm_bytes + other.hbm_bytes,
            peak_hbm_bytes=max(self.peak_hbm_bytes, other.peak_hbm_bytes),
            unfused_hbm_bytes=self.unfused_hbm_bytes + other.unfused_hbm_bytes,
        )

    def __mul__(self, times):
        def scaled(x) -> Any:
            if isinstance(x, dict):
                return {key: int(v * times) for key, v in x.items()}
            return int(x * times)

        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return RooflineResult(**{name: scaled(x) for name, x in fields.items()})

    __rmul__ = __mul__


# --- rules ----------------------------------------------------------------------------

# primitive that a user registered, or the name of one of ours -> rule(eqn's context,
# shapes of its inputs, its parameters)
_rules: dict[Any, Callable[..., RooflineResult]] = {}


def register_roofline(prim: Any) -> Callable:
    """A decorator that makes `rule(context, *shapes, **params)` that of a primitive."""

    def register(rule):
        _rules[prim] = rule
        return rule

    return register


def register_standard_roofline(prim: Any) -> None:
    """Say that a primitive costs nothing."""
    _rules[prim] = lambda ctx, *shapes, **params: RooflineResult.zeros()


def _for(names):
    def register(rule):
        _rules.update(dict.fromkeys(names.split(), rule))
        return rule

    return register


def _moved(ctx, flops):
    """`flops`, with every input and output moved once."""
    moved = RooflineShape.total_bytes([*ctx.avals_in, *ctx.avals_out])
    return RooflineResult(unfused_flops=flops, unfused_hbm_bytes=moved)


@_for(
    "abs acos asin atan cbrt ceil conj cos cosh exp expm1 floor imag integer_pow is_finite "
    "log log1p logistic neg not real round rsqrt sign sin sinh sqrt square tan "
    "bessel_i0e bessel_i1e digamma erf_inv erf erfc lgamma "
    "add sub mul div rem and or xor gt lt ge le eq ne min max"
)
def _elementwise(ctx, *shapes, **_):
    return _moved(ctx, ctx.avals_out[0].size)


@_for("cummax cummin cumprod cumsum")
def _cumulative(ctx, x, *, axis, **_):
    """One pass along the axis, however many there are, as JAX counts it."""
    return _moved(ctx, x.shape[axis])


@_for("cumlogsumexp")
def _cumlogsumexp(ctx, x, *, axis, **_):
    return _moved(ctx, 2 * x.shape[axis])


@_for("dot_general")
def _dot_general(ctx, lhs, rhs, *, dimension_numbers, **_):
    (contract, _), _ = dimension_numbers
    out = RooflineShape.from_aval(ctx.avals_out[0])
    flops = 2 * out.size * math.prod([lhs.shape[axis] for axis in contract])
    moved = 0 if ctx.pin_lhs_in_vmem else lhs.bytes + out.bytes
    moved += 0 if ctx.pin_rhs_in_vmem else rhs.bytes
    return RooflineResult(
        flops=flops, unfused_flops=flops, hbm_bytes=moved, unfused_hbm_bytes=moved
    )


@_for("conv_general_dilated")
def _conv(ctx, lhs, rhs, **params):
    return _moved(ctx, cost.conv_flops(ctx.avals_in, ctx.avals_out[0], params))


@_for("gather")
def _gather(ctx, x, indices, *, mode, **_):
    """Of the operand no more is read than is given; filling compares every index."""
    out = RooflineShape.from_aval(ctx.avals_out[0])
    fills = mode == GatherScatterMode.FILL_OR_DROP
    return RooflineResult(
        unfused_flops=4 * indices.size + out.size if fills else 0,
        unfused_hbm_bytes=2 * out.bytes + indices.bytes,
    )


@_for("scatter scatter-add scatter-max scatter-min scatter-mul scatter-sub")
def _scatter(ctx, x, indices, updates, *, update_jaxpr=None, **_):
    """What combines two elements, for each update; three times its bytes are moved."""
    each = 0
    if update_jaxpr is not None:
        each = _count(update_jaxpr, None, {}).unfused_flops
    return RooflineResult(
        unfused_flops=each * updates.size,
        unfused_hbm_bytes=3 * updates.bytes + indices.bytes,
    )


@_for("reduce_sum")
def _reduce_sum(ctx, x, *, axes, **_):
    out = RooflineShape.from_aval(ctx.avals_out[0])
    inside = math.prod([x.shape[axis] for axis in axes])
    return _moved(ctx, (inside - 1) * out.size)


@_for("select_n")
def _select_n(ctx, which, *_, **__):
    out = RooflineShape.from_aval(ctx.avals_out[0])
    return RooflineResult(
        unfused_flops=out.size, unfused_hbm_bytes=which.bytes + out.bytes
    )


@_for("pure_callback io_callback debug_callback debug_print")
def _callback(ctx, *_, **__):
    return _moved(ctx, 0)


@_for("reduce_scatter all_gather all_to_all ppermute pmin pmax psum psum_invariant")
def _collective(ctx, *_, axes=None, axis_name=None, **__):
    """Every axis has one device: nothing is sent."""
    axes = axis_name if axes is None else axes
    names = axes if isinstance(axes, tuple) else (axes,)
    nothing: dict[str, int] = {str(name): 0 for name in names}
    return RooflineResult(ici_bytes=nothing, ici_latency=dict(nothing))


# --- counting -------------------------------------------------------------------------


def _last_uses(jaxpr):
    """variable -> the last equation that reads it; None where it is an output."""
    last = {v: eqn for eqn in jaxpr.eqns for v in eqn.invars if type(v) is not Literal}
    last.update(dict.fromkeys([v for v in jaxpr.outvars if type(v) is not Literal]))
    return last


def _count(jaxpr, mesh, pinned):
    """What the equations of a jaxpr ask for, and the most bytes alive at one time."""
    if isinstance(jaxpr, ClosedJaxpr):
        jaxpr = jaxpr.jaxpr
    result, last = RooflineResult.zeros(), _last_uses(jaxpr)
    alive = peak = RooflineShape.total_bytes(
        v.aval for v in jaxpr.constvars + jaxpr.invars
    )
    for eqn in jaxpr.eqns:
        inner = eqn.params.get("jaxpr", eqn.params.get("call_jaxpr"))
        if isinstance(inner, Jaxpr | ClosedJaxpr):
            result += _count(inner, mesh, pinned)
        else:
            result += _count_eqn(eqn, mesh, pinned)
        alive += RooflineShape.total_bytes(v.aval for v in eqn.outvars)
        alive -= RooflineShape.total_bytes(
            v.aval for v in eqn.invars if type(v) is not Literal and last[v] is eqn
        )
        peak = max(peak, alive)
    return result + RooflineResult(peak_hbm_bytes=peak)


def _count_eqn(eqn, mesh, pinned):
    rule = _rules.get(eqn.primitive) or _rules.get(eqn.primitive.name)
    if rule is None:
        if isinstance(eqn.primitive, UsersPrimitive):
            logger.warning(
                "No roofline rule for %s, skipping...\n%s", eqn.primitive, eqn
            )
        return (
            RooflineResult.zeros()
        )  # an op of ours without a rule moves data, at most
    avals = [a.aval for a in eqn.invars]
    ctx = RooflineRuleContext(
        name_stack=eqn.source_info.name_stack,
        primitive=eqn.primitive,
        avals_in=avals,
        avals_out=[v.aval for v in eqn.outvars],
        jaxpr_eqn_ctx=None,
        mesh=mesh,
        pin_lhs_in_vmem=pinned.get("lhs", False),
        pin_rhs_in_vmem=pinned.get("rhs", False),
    )
    return rule(ctx, *map(RooflineShape.from_aval, avals), **eqn.params)


# --- functions ------------------------------------------------------------------------


def roofline(
    f: Callable,
    mesh: Any = None,
    in_specs: Any = None,
    out_specs: Any = None,
    *,
    pin_lhs_in_vmem: bool = False,
    pin_rhs_in_vmem: bool = False,
    vjp: bool = False,
    print_jaxpr: bool = False,
) -> Callable[..., tuple[Any, RooflineResult]]:
    """A function of `f`'s arguments, or their types, that gives the types of its results
    and what it asks for.

    Args:
        mesh, in_specs, out_specs: count `shard_map` of `f` with these.
        pin_lhs_in_vmem, pin_rhs_in_vmem: operands of matrix products that are not moved.
        vjp: count `f` and its derivative, with the arguments as cotangents.
        print_jaxpr: print what is counted.
    """

    @functools.wraps(f)
    def counted(*args):
        fun, sharded = f, None not in (mesh, in_specs, out_specs)
        if sharded:
            fun = shard_map(f, mesh=mesh, in_specs=in_specs, out_specs=out_specs)
        if vjp:
            fun = _with_pullback(fun)
        closed, shapes = make_jaxpr(fun, return_shape=True)(*args)
        if mesh is not None and out_specs is not None:
            shapes = _placed(shapes, mesh, out_specs)
        jaxpr, _ = dce(closed.jaxpr)
        within = [e for e in jaxpr.eqns if e.primitive.name == "shard_map"]
        if within:
            jaxpr = within[-1].params["jaxpr"]
        if print_jaxpr:
            print(jaxpr)
        pinned = {"lhs": pin_lhs_in_vmem, "rhs": pin_rhs_in_vmem}
        return shapes, _count(jaxpr, mesh, pinned)

    return counted


def _with_pullback(f):
    def wrapped(*args):
        primals, back = pullback(f, *args)
        return back(tree_map(lambda x: x.astype("bfloat16"), primals))

    return wrapped


def _placed(shapes, mesh, specs):
    leaves, tree = tree_flatten(shapes)
    specs = flatten_axes("roofline out_specs", tree, specs)
    return unflatten(tree, [
        ShapeDtypeStruct(x.shape, x.dtype, sharding=NamedSharding(mesh, spec))
        for x, spec in zip(leaves, specs, strict=True)
    ])  # fmt: skip


def roofline_and_grad(
    f: Callable, mesh: Any, in_specs: Any, out_specs: Any, **options: Any
) -> Callable[..., tuple[Any, RooflineResult, RooflineResult]]:
    """As `roofline`, and as third what it asks for with its derivative, in bfloat16."""

    @functools.wraps(f)
    def counted(*args):
        shapes, forward = roofline(f, mesh, in_specs, out_specs, **options)(*args)
        half = tree_map(
            lambda x: ShapeDtypeStruct(
                x.shape,
                x.dtype if x.dtype == "int32" else "bfloat16",
                sharding=x.sharding,
            ),
            args,
        )
        both = roofline(f, mesh, in_specs, out_specs, vjp=True, **options)(*half)[1]
        return shapes, forward, both

    return counted
