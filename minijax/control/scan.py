"""scan: a loop over a leading axis that carries state, run wholly by the runtime.

The primitive and its rules are in `scan_rules`.
"""

from minijax import config, core, errors
from minijax._pytree import flatten, unflatten
from minijax.control.body import (
    as_array,
    avals_of,
    carry_error,
    forwarded,
    merged,
    partition,
    promote_weak,
    pruned,
    same_type,
    slice_aval,
    split_list,
    trace_body,
)
from minijax.control.ref_checks import check_operands
from minijax.control.scan_rules import scan_p
from minijax.ops.index import dynamic_index_in_dim
from minijax.ops.joining import concatenate
from minijax.ops.shape import expand_dims
from minijax.traceback_util import api_boundary
from minijax.tree_util import tree_map


@api_boundary
def scan(
    f, init, xs=None, length=None, reverse=False, unroll=1, _split_transpose=False
):
    """Loop `carry, y = f(carry, x)` over the slices x of `xs` along axis 0.

    Args:
        f: (carry, x) -> (carry, y); the carry keeps its structure, shapes and dtypes.
        init: the first carry, a pytree of arrays.
        xs: a pytree of arrays of equal leading size n, or None (then `length` is
            needed).
        reverse: go from the last slice to the first; y keeps its slice's place.
        unroll: from `length` on, a small body's iterations are fused with each other;
            otherwise accepted: the loop's overhead is a few nanoseconds.

    Returns (carry, ys), ys with leading size n.  TypeError for a carry that changes its
    type.
    """
    if not callable(f):
        raise TypeError("lax.scan: f argument should be a callable.")
    unroll = _concrete_unroll(unroll)
    if not isinstance(unroll, bool) and unroll < 0:
        raise ValueError("`unroll` must be a `bool` or a non-negative `int`.")
    flat_xs, xs_tree = flatten(xs)
    length = leading_size(flat_xs, length)
    if config.values.jax_disable_jit:
        return scan_in_python(f, init, flat_xs, xs_tree, length, reverse)
    flat_init, init_tree = flatten(init)
    x_avals = [slice_aval(core.get_aval(x)) for x in flat_xs]
    n_carry = len(flat_init)
    check_operands("scan", f, (init, xs))
    for _ in range(2):
        init_avals = avals_of(flat_init)
        in_tree = flatten((unflatten(init_tree, flat_init), xs))[1]
        closed, consts, out_tree = trace_body(f, in_tree, init_avals + x_avals, "scan")
        check_operands("scan", f, (init, xs), consts)
        carry_tree = _checked_out_tree(out_tree, closed.out_avals)
        carry_avals = closed.out_avals[: carry_tree.num_leaves]
        if len(carry_avals) != n_carry:
            break
        flat_init, changed = promote_weak(flat_init, init_avals, carry_avals)
        if not changed:
            break
    if carry_tree != init_tree or not all(map(same_type, init_avals, carry_avals)):
        raise carry_error("scan", f, init_tree, init_avals, carry_tree, carry_avals)
    outs = _bind_scan(
        closed,
        consts,
        flat_init,
        flat_xs,
        length=length,
        reverse=bool(reverse),
        unroll=_unrolled(unroll, length),
    )
    return unflatten(out_tree, outs)


def _unrolled(unroll, length):
    if isinstance(unroll, bool):
        return max(length, 1) if unroll else 1
    return int(unroll)


def _bind_scan(closed, consts, init, xs, **params):
    """Bind `scan_p` with what it needs to carry and to stack only.

    A carry that the body hands on unchanged is a constant, and its own result; a
    stacked output that is a slice of `xs` is that array.
    """
    n_consts, n_carry = len(consts), len(init)
    places = forwarded(closed.jaxpr)
    fixed = [n_consts + k == place for k, place in enumerate(places[:n_carry])]
    stacked = [
        None if place is None or place < n_consts + n_carry else place
        for place in places[n_carry:]
    ]
    keep = [not m for m in fixed] + [place is None for place in stacked]
    body = pruned(closed, keep, [False] * n_consts + fixed + [False] * len(xs))
    more, carried = partition(fixed, init)
    outs = scan_p.bind(
        *more,
        *consts,
        *carried,
        *xs,
        jaxpr=body,
        num_carry=len(carried),
        num_consts=len(more) + n_consts,
        **params,
    )
    carry, ys = split_list(outs, [len(carried)])
    given = [xs[place - n_consts - n_carry] for place in stacked if place is not None]
    ys = merged([place is not None for place in stacked], map(as_array, given), ys)
    return [*merged(fixed, more, carry), *ys]


def leading_size(flat_xs, length):
    """The common size of axis 0; `length` where it is given."""
    avals = [core.get_aval(x) for x in flat_xs]
    shapes = [aval.shape for aval in avals if not aval.is_high]
    if length is None and len(shapes) < len(avals):
        raise ValueError("must provide `length` to `scan`")
    if not all(shapes):
        scalars = [x for x, shape in zip(flat_xs, shapes, strict=True) if not shape]
        raise ValueError(
            "scan got value with no leading axis to scan over: "
            f"{', '.join(map(str, scalars))}."
        )
    sizes = [shape[0] for shape in shapes]
    if length is not None:
        length = _concrete_length(length)
        if not all(length == n for n in sizes):
            raise ValueError(
                f"scan got `length` argument of {length} which disagrees with leading "
                f"axis sizes {sizes}."
            )
        return length
    if not sizes:
        raise ValueError("scan got no values to scan over and `length` not provided.")
    if len(set(sizes)) > 1:
        raise ValueError(
            "scan got values with different leading axis sizes: "
            f"{', '.join(map(str, sizes))}."
        )
    return sizes[0]


def _concrete_length(length):
    try:
        return int(length)
    except errors.ConcretizationTypeError:
        raise errors.ConcretizationTypeError(
            length,
            "The `length` argument to `scan` expects a concrete `int` value. For "
            "scan-like iteration with a dynamic length, use `while_loop` or `fori_loop`.",
        ) from None


def _concrete_unroll(unroll):
    if not isinstance(unroll, core.Tracer):
        return unroll
    raise errors.ConcretizationTypeError(
        unroll,
        "The `unroll` argument to `scan` expects a concrete `int` or `bool` value.",
    )


def _checked_out_tree(out_tree, out_avals):
    children = out_tree.children()
    if len(children) != 2:
        got = unflatten(out_tree, out_avals)
        raise TypeError(f"scan body output must be a pair, got {got}.")
    return children[0]


def scan_in_python(f, init, flat_xs, xs_tree, length, reverse):
    """scan as a Python loop, as under `disable_jit`."""
    if not length:
        raise ValueError("zero-length scan is not supported in disable_jit() mode because "
                         "the output type is unknown.")  # fmt: skip
    carry, ys = init, []
    order = range(length)
    for k in reversed(order) if reverse else order:
        x = unflatten(
            xs_tree, [dynamic_index_in_dim(a, k, keepdims=False) for a in flat_xs]
        )
        carry, y = f(carry, x)
        ys.append(y)
    if reverse:
        ys.reverse()
    stacked = tree_map(
        lambda *parts: concatenate([expand_dims(p, (0,)) for p in parts], 0), *ys
    )
    return carry, stacked
