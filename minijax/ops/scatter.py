"""`scatter` and its kin: slices written where an array of indices says.

The dimension numbers are those of the gather that would read the same slices, under
other names.  Updates are combined with what is there by a function: nothing (the update
replaces it), add, sub, mul, min or max.
"""

import math
from collections import namedtuple

import numpy as np

from minijax import core
from minijax.core import (
    AS_STORED,
    ClosedJaxpr,
    ShapedArray,
    Zero,
    is_undefined_primal,
)
from minijax.ops.arithmetic import add, add_p, div, mul, mul_p, neg, sub_p
from minijax.ops.comparison import eq, gt, max_p, min_p
from minijax.ops.define import (
    ANY,
    NUMBER,
    add_tangents,
    batch_front,
    check_dtype,
    constant_like,
    define,
    dtype_of,
    full,
    in_aval,
    instantiate,
    shape_of,
    zeros,
)
from minijax.ops.gather import (
    GatherDimensionNumbers,
    GatherScatterMode,
    as_ints,
    gather,
    mode_code,
    past_front,
)
from minijax.ops.scalar_jaxpr import binary_op_jaxpr, eval_elementwise, traced_on_scalar
from minijax.ops.scatter_checks import check_scatter
from minijax.ops.scatter_mask import masked_lower
from minijax.ops.scatter_reference import reference_rule, window_sizes
from minijax.ops.scatter_window import window_lower
from minijax.ops.select import select
from minijax.ops.shape import broadcasted_iota, full_like, reshape
from minijax.ops.views import encode_lists, index_views

ScatterDimensionNumbers = namedtuple(
    "ScatterDimensionNumbers",
    "update_window_dims inserted_window_dims scatter_dims_to_operand_dims "
    "operand_batching_dims scatter_indices_batching_dims",
    defaults=((), ()),
)


def _bind(primitive, combine, operand, indices, updates, numbers, flags):
    """The equation; `flags`: indices_are_sorted, unique_indices, mode."""
    jaxpr = None
    if combine is not None:
        jaxpr = binary_op_jaxpr(combine, dtype_of(operand))
    return primitive.bind(
        operand,
        indices,
        updates,
        dimension_numbers=ScatterDimensionNumbers(*map(as_ints, numbers)),
        update_jaxpr=jaxpr,
        update_consts=(),
        indices_are_sorted=bool(flags[0]),
        unique_indices=bool(flags[1]),
        mode=GatherScatterMode.from_any(flags[2]),
    )


def _writer(name, primitive, combine, doc):
    """The public function of `primitive`; `combine` is the primitive that joins an
    update with what is there, or None.
    """

    def write(
        operand,
        scatter_indices,
        updates,
        dimension_numbers,
        *,
        indices_are_sorted=False,
        unique_indices=False,
        mode=None,
    ):
        flags = indices_are_sorted, unique_indices, mode
        return _bind(
            primitive,
            combine,
            operand,
            scatter_indices,
            updates,
            dimension_numbers,
            flags,
        )

    write.__name__ = write.__qualname__ = name
    write.__doc__ = doc
    return write


def scatter_apply(
    operand,
    scatter_indices,
    func,
    dimension_numbers,
    *,
    update_shape=(),
    indices_are_sorted=False,
    unique_indices=False,
    mode=None,
):
    """`operand` with `func`, of one scalar, applied once for each index."""
    aval = core.get_aval(operand)
    updates = full(ShapedArray(update_shape, aval.dtype), 0)
    closed = traced_on_scalar(func, aval.dtype)
    out = closed.out_avals[0]
    if out.shape or out.dtype != aval.dtype:
        raise TypeError(
            f"scatter_apply: func must map a scalar of type {aval.dtype} to one of the "
            f"same type, got {out}"
        )
    return scatter_p.bind(
        operand,
        scatter_indices,
        updates,
        dimension_numbers=ScatterDimensionNumbers(*map(as_ints, dimension_numbers)),
        update_jaxpr=closed.jaxpr,
        update_consts=tuple(closed.consts),
        indices_are_sorted=bool(indices_are_sorted),
        unique_indices=bool(unique_indices),
        mode=GatherScatterMode.from_any(mode),
    )


# --- rules that all share -------------------------------------------------------------


def _shape_rule(name, combine):
    kinds = {"add": NUMBER, "sub": NUMBER, "mul": NUMBER}.get(combine, ANY)

    def shape(operand, indices, updates, *, dimension_numbers, **_):
        if combine is not None:
            check_dtype(combine, kinds, operand.dtype)
        if operand.dtype != updates.dtype:
            raise TypeError(
                f"lax.{name} requires arguments to have the same dtypes, got "
                f"{operand.dtype.name}, {updates.dtype.name}."
            )
        check_scatter(operand, indices, updates, dimension_numbers)
        return operand

    return shape


def _batch_rule(primitive_of):
    def batch(axis, args, dims, *, dimension_numbers, **params):
        window, inserted, scatter_map, batching, index_batching = dimension_numbers
        operand = batch_front(axis, args[0], dims[0])
        updates = batch_front(axis, args[2], dims[2])
        window, inserted = past_front(window), past_front(inserted)
        scatter_map, batching = past_front(scatter_map), past_front(batching)
        if dims[1] is None:
            indices = args[1]
            window = (0, *window)
        else:
            indices = batch_front(axis, args[1], dims[1])
            batching = (0, *batching)
            index_batching = (0, *past_front(index_batching))
        numbers = ScatterDimensionNumbers(
            window, inserted, scatter_map, batching, index_batching
        )
        out = primitive_of().bind(
            operand, indices, updates, dimension_numbers=numbers, **params
        )
        return out, 0

    return batch


# the runtime's names for the functions (enum mjx_scatter_kind)
_KINDS = {None: 0, "add": 1, "mul": 2, "min": 3, "max": 4, "sub": 5}


def _lower_rule(combine):
    def lower(b, ins, out_avals, *, dimension_numbers, mode, update_jaxpr, **params):
        if 0 in ins[2].shape or 0 in ins[0].shape:  # nothing to write, or nowhere
            return [ins[0]]
        if combine is None and update_jaxpr is not None:
            closed = ClosedJaxpr(update_jaxpr, params["update_consts"])
            return _apply_lower(b, ins, closed, dimension_numbers, mode, params)
        ins = index_views(b, ins, [1])
        for as_kernels in (masked_lower, window_lower):
            out = as_kernels(b, ins, combine, dimension_numbers, mode)
            if out is not None:
                return [out]
        window, inserted, scatter_map, batching, index_batching = dimension_numbers
        words = [_KINDS[combine], mode_code(mode), 0]  # windows may overlap
        words += encode_lists(window, inserted, batching, index_batching, scatter_map)
        out = out_avals[0].shape, ins[0].dtype
        return b.instr("SCATTER", ins, [out], words)

    return lower


_MOST_APPLIED = 64


def _apply_lower(b, ins, closed, numbers, mode, params):
    """A function applied to each element as often as an index says so.

    The indices are counted, then the function is applied to everything, once for each
    time that an element may come.
    """
    operand, indices, updates = ins
    rounds = 1 if params["unique_indices"] else math.prod(indices.shape[:-1])
    if rounds > _MOST_APPLIED:
        raise b.unsupported(
            f"scatter_apply at {rounds} places that may be the same one (at most "
            f"{_MOST_APPLIED}; say unique_indices=True if they are not)"
        )
    flags = params["indices_are_sorted"], params["unique_indices"], mode

    def apply(x, i):
        ones = full(ShapedArray(updates.shape, np.int32), 1)
        none = full(ShapedArray(shape_of(x), np.int32), 0)
        counts = _bind(scatter_add_p, add_p, none, i, ones, numbers, flags)
        for k in range(rounds):
            (new,) = eval_elementwise(closed, (x, full_like(x, 0)))
            x = select(gt(counts, full_like(counts, k)), new, x)
        return [x]

    avals = [
        ShapedArray(operand.shape, closed.in_avals[0].dtype),
        ShapedArray(indices.shape, indices.dtype),
    ]
    return b.lower_fun(apply, [operand, indices], avals)


def gather_numbers(numbers):
    """The dimension numbers of the gather that reads what a scatter of `numbers` writes."""
    return GatherDimensionNumbers(*numbers)


def _updates_from(ct, indices, operand_rank, updates_shape, numbers, mode):
    """What a gather reads of `ct` where the updates went; 0 for those that were dropped."""
    return gather(
        ct,
        indices,
        gather_numbers(numbers),
        window_sizes(operand_rank, updates_shape, numbers),
        mode=mode,
        fill_value=0,
    )


# --- scatter ------------------------------------------------------------------------


def _scatter_jvp(primals, tangents, **params):
    if params["update_jaxpr"] is not None:
        raise NotImplementedError("scatter_apply JVP not implemented")
    operand, indices, updates = primals
    t_operand, _, t_updates = tangents
    if type(t_operand) is Zero and type(t_updates) is Zero:
        out = scatter_p.bind(operand, indices, updates, **params)
        return out, Zero.of(out)
    t_operand, t_updates = instantiate(t_operand), instantiate(t_updates)
    if params["unique_indices"]:
        return (
            scatter_p.bind(operand, indices, updates, **params),
            scatter_p.bind(t_operand, indices, t_updates, **params),
        )
    return _scatter_jvp_winners(operand, indices, updates, t_operand, t_updates, params)


def _scatter_jvp_winners(operand, indices, updates, t_operand, t_updates, params):
    """Where updates may meet: only the update that stays passes its tangent on.

    Numbers are scattered in place of the updates, and read back: an update has won
    where it finds its own.
    """
    numbers = params["dimension_numbers"]
    shape = shape_of(updates)
    ids = _update_ids(shape, numbers.update_window_dims)
    none = full(ShapedArray(shape_of(operand), ids.dtype), 0)
    found = scatter_p.bind(none, indices, ids, **params)
    winners = gather(
        found,
        indices,
        gather_numbers(numbers),
        window_sizes(len(shape_of(operand)), shape, numbers),
    )

    def masked(kept, new):
        kept = select(eq(found, full_like(found, 0)), kept, full_like(kept, 0))
        new = select(eq(ids, winners), new, full_like(new, 0))
        return kept, new

    flags = params["indices_are_sorted"], params["unique_indices"], params["mode"]

    def combine(kept, new):
        return _bind(scatter_add_p, add_p, kept, indices, new, numbers, flags)

    primal, tangent = masked(operand, updates), masked(t_operand, t_updates)
    return combine(*primal), combine(*tangent)


def _update_ids(shape, window):
    """1, 2, .. for the updates, the same over each window."""
    outer = [n for d, n in enumerate(shape) if d not in window]
    count = 1
    for n in outer:
        count *= n
    dtype = np.dtype("u4") if count < 2**32 - 1 else np.dtype("u8")
    sizes = tuple(1 if d in window else n for d, n in enumerate(shape))
    numbered = reshape(broadcasted_iota(dtype, (count,), 0), sizes)
    return add(numbered, full(ShapedArray(shape, dtype), 1))


def _scatter_transpose(
    ct, operand, indices, updates, *, dimension_numbers, mode, **params
):
    if not params["unique_indices"]:
        raise NotImplementedError(
            "scatter transpose is only implemented where unique_indices=True"
        )
    out = [None, None, None]
    aval = in_aval(updates)
    if is_undefined_primal(operand):
        out[0] = scatter_p.bind(
            ct,
            indices,
            full(ShapedArray(aval.shape, dtype_of(ct)), 0),
            dimension_numbers=dimension_numbers,
            mode=mode,
            **params,
        )
    if is_undefined_primal(updates):
        rank = len(shape_of(ct))
        out[2] = _updates_from(ct, indices, rank, aval.shape, dimension_numbers, mode)
    return out


scatter_p = define(
    "scatter",
    shape=_shape_rule("scatter", None),
    reference=reference_rule(None),
    jvp=_scatter_jvp,
    transpose=_scatter_transpose,
    batch=_batch_rule(lambda: scatter_p),
    lower=_lower_rule(None),
    narrow=AS_STORED,
)
scatter = _writer(
    "scatter",
    scatter_p,
    None,
    """`operand` with the slices at `scatter_indices` replaced by `updates`.

    Where two updates meet, the later one (in row-major order) stays.
    """,
)

# --- scatter_add, scatter_sub ---------------------------------------------------------


def _linear_jvp_rule(primitive_of):
    def jvp(primals, tangents, **params):
        operand, indices, updates = primals
        t_operand, _, t_updates = tangents
        out = primitive_of().bind(operand, indices, updates, **params)
        if type(t_operand) is Zero and type(t_updates) is Zero:
            return out, Zero.of(out)
        t_operand, t_updates = instantiate(t_operand), instantiate(t_updates)
        return out, primitive_of().bind(t_operand, indices, t_updates, **params)

    return jvp


def _linear_transpose_rule(sign):
    def transpose(ct, operand, indices, updates, *, dimension_numbers, mode, **_):
        out = [ct if is_undefined_primal(operand) else None, None, None]
        if is_undefined_primal(updates):
            rank, shape = len(shape_of(ct)), updates.aval.shape
            out[2] = sign(
                _updates_from(ct, indices, rank, shape, dimension_numbers, mode)
            )
        return out

    return transpose


def _linear(name, combine, reference, sign):
    primitive = define(
        name,
        shape=_shape_rule(name.replace("-", "_"), combine),
        reference=reference_rule(reference),
        jvp=_linear_jvp_rule(lambda: primitive),
        transpose=_linear_transpose_rule(sign),
        batch=_batch_rule(lambda: primitive),
        lower=_lower_rule(combine),
    )
    return primitive


scatter_add_p = _linear("scatter-add", "add", np.add, lambda x: x)
scatter_add = _writer(
    "scatter_add",
    scatter_add_p,
    add_p,
    "`operand` with `updates` added to the slices at `scatter_indices`.",
)
scatter_sub_p = _linear("scatter-sub", "sub", np.subtract, neg)
scatter_sub = _writer(
    "scatter_sub",
    scatter_sub_p,
    sub_p,
    "`operand` with `updates` subtracted from the slices at `scatter_indices`.",
)


# --- scatter_mul ----------------------------------------------------------------------


def _need_unique(params):
    if not params["unique_indices"]:
        raise NotImplementedError(
            "scatter_mul gradients are only implemented if `unique_indices=True`"
        )


def _scatter_mul_jvp(primals, tangents, **params):
    operand, indices, updates = primals
    t_operand, _, t_updates = tangents
    out = scatter_mul_p.bind(operand, indices, updates, **params)
    total = Zero.of(out)
    if type(t_operand) is not Zero:
        total = scatter_mul_p.bind(t_operand, indices, updates, **params)
    if type(t_updates) is not Zero:
        _need_unique(params)
        flags = params["indices_are_sorted"], True, params["mode"]
        spread = _bind(
            scatter_add_p,
            add_p,
            zeros(core.get_aval(operand)),
            indices,
            t_updates,
            params["dimension_numbers"],
            flags,
        )
        total = add_tangents(total, mul(operand, spread))
    return out, total


def _scatter_mul_transpose(
    ct, operand, indices, updates, *, dimension_numbers, mode, **params
):
    if not is_undefined_primal(updates):
        return [
            scatter_mul_p.bind(
                ct,
                indices,
                updates,
                dimension_numbers=dimension_numbers,
                mode=mode,
                **params,
            ),
            None,
            None,
        ]
    _need_unique(params)
    rank, shape = len(shape_of(ct)), updates.aval.shape
    product = mul(ct, operand)
    ct_updates = _updates_from(product, indices, rank, shape, dimension_numbers, mode)
    return [None, None, ct_updates]


scatter_mul_p = define(
    "scatter-mul",
    shape=_shape_rule("scatter_mul", "mul"),
    reference=reference_rule(np.multiply),
    jvp=_scatter_mul_jvp,
    transpose=_scatter_mul_transpose,
    batch=_batch_rule(lambda: scatter_mul_p),
    lower=_lower_rule("mul"),
)
scatter_mul = _writer(
    "scatter_mul",
    scatter_mul_p,
    mul_p,
    "`operand` with the slices at `scatter_indices` multiplied by `updates`.",
)

# --- scatter_min, scatter_max ---------------------------------------------------------


def _extremum_jvp_rule(primitive_of):
    def jvp(primals, tangents, **params):
        operand, indices, updates = primals
        t_operand, _, t_updates = tangents
        out = primitive_of().bind(operand, indices, updates, **params)
        if type(t_operand) is Zero and type(t_updates) is Zero:
            return out, Zero.of(out)
        t_operand, t_updates = instantiate(t_operand), instantiate(t_updates)
        tangent = _extremum_tangent(
            out, operand, indices, updates, t_operand, t_updates, params
        )
        return out, tangent

    return jvp


def _extremum_tangent(out, operand, indices, updates, t_operand, t_updates, params):
    """The winners share the tangent evenly: those updates, and that element, that are extreme.

    What the element itself gives is 1 / (winners + 1) where it is one, else 0.  It is
    reached by adding to its whole tangent a correction through each update that goes
    there.
    """
    numbers = params["dimension_numbers"]
    sizes = window_sizes(len(shape_of(operand)), shape_of(updates), numbers)
    flags = params["indices_are_sorted"], params["unique_indices"], params["mode"]

    def read(x):
        return gather(x, indices, gather_numbers(numbers), sizes)

    def spread(target, new, flags):
        return _bind(scatter_add_p, add_p, target, indices, new, numbers, flags)

    was, result = read(operand), read(out)
    update_wins, operand_wins = eq(updates, result), eq(was, result)

    def count(target, what):
        return read(spread(target, what(), (False, False, None)))

    one = constant_like(1, updates)
    winners = count(
        full_like(operand, 0),
        lambda: select(update_wins, full_like(updates, 1), full_like(updates, 0)),
    )
    all_updates = count(full_like(operand, 0), lambda: full_like(updates, 1))
    shared, alone = div(one, add(winners, one)), div(one, winners)
    update_share = select(operand_wins, shared, alone)
    update_share = select(update_wins, update_share, full_like(update_share, 0))
    share = div(one, add(winners, one))
    share = select(operand_wins, share, full_like(share, 0))
    correction = div(add(constant_like(-1, share), share), all_updates)
    change = add(mul(read(t_operand), correction), mul(t_updates, update_share))
    return spread(t_operand, change, flags)


def _extremum(name, combine, reference):
    primitive = define(
        name,
        shape=_shape_rule(name.replace("-", "_"), combine),
        reference=reference_rule(reference),
        jvp=_extremum_jvp_rule(lambda: primitive),
        transpose=lambda ct, *args, **_: _not_linear(name),
        batch=_batch_rule(lambda: primitive),
        lower=_lower_rule(combine),
    )
    return primitive


def _not_linear(name):
    raise NotImplementedError(f"Transpose rule (for reverse-mode differentiation) for "
                              f"'{name}' not implemented")  # fmt: skip


scatter_min_p = _extremum("scatter-min", "min", np.minimum)
scatter_min = _writer(
    "scatter_min",
    scatter_min_p,
    min_p,
    "`operand` with the smaller of each element and its updates.",
)
scatter_max_p = _extremum("scatter-max", "max", np.maximum)
scatter_max = _writer(
    "scatter_max",
    scatter_max_p,
    max_p,
    "`operand` with the larger of each element and its updates.",
)
