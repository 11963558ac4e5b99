"""`reduce` with any function: known ones become their own ops, others run by halves.

The function is traced on scalars; the C backend applies the traced equations to whole
slices at once.
"""

import operator
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.core import AS_STORED, AxisData, ShapedArray, Zero
from minijax.ops import arithmetic, bits, comparison
from minijax.ops.convert import convert
from minijax.ops.define import (
    BITS,
    NOT_LINEAR,
    accepts,
    batch_front,
    constant_like,
    define,
    dtype_of,
    instantiate,
    shape_of,
)
from minijax.ops.joining import concatenate
from minijax.ops.reduce import (
    MAX,
    MIN,
    extremum_identity,
    kept_shape,
    reduce_and,
    reduce_max,
    reduce_min,
    reduce_or,
    reduce_pairs,
    reduce_prod,
    reduce_sum,
    reduce_xor,
)
from minijax.ops.scalar_jaxpr import described_pair, paired_jvp
from minijax.ops.shape import broadcast_in_dim, reshape, squeeze
from minijax.ops.slicing import slice_in_dim
from minijax.trace import trace


def reduce(operands, init_values, computation, dimensions, out_sharding=None):
    """Reduce arrays over axes with any associative, commutative function.

    operands: a pytree of arrays of one shape; init_values: scalars in the same tree;
    computation: two such trees of scalars -> one.  ValueError or TypeError where they
    do not fit each other.
    """
    arrays, tree = flatten(operands)
    inits, init_tree = flatten(init_values)
    if tree != init_tree:
        raise ValueError(
            "Operands must have the same tree structure as init_values: "
            f"{tree} vs. {init_tree}"
        )
    if len(arrays) != len(inits):
        raise ValueError("reduce needs as many operands as init_values")
    dimensions = tuple(map(operator.index, dimensions))
    if len(arrays) == 1:
        known = _known_reduction(arrays[0], inits[0], computation)
        if known is not None:
            weak = all(map(dtypes.is_weakly_typed, (*arrays, *inits)))
            return unflatten(tree, [convert(known(arrays[0], dimensions), None, weak)])
    closed = _trace_computation(computation, tree, inits)
    outs = reduce_p.bind(
        *arrays,
        *inits,
        computation=computation,
        jaxpr=closed,
        dimensions=dimensions,
    )
    return unflatten(tree, outs)


def _known_reduction(x, init, computation):
    """The op that reduces with `computation` from `init`, or None.

    As in JAX, `init` is compared with the identity in its own dtype.
    """
    row = _KNOWN.get(computation) if callable(computation) else None
    if row is None or isinstance(init, core.Tracer) or shape_of(init):
        return None
    function, identity = row
    dtype = dtype_of(init)
    if dtypes.float0 in (dtype, dtype_of(x)):
        return None
    if function in (reduce_and, reduce_or, reduce_xor):
        if not accepts(BITS, dtype):
            return None
    wanted = np.asarray(identity(dtype)).astype(dtype)
    return function if np.array_equal(np.asarray(init), wanted) else None


def _all_ones(dtype):
    return True if dtype == np.bool_ else -1


_KNOWN = {
    arithmetic.add: (reduce_sum, lambda dtype: 0),
    arithmetic.mul: (reduce_prod, lambda dtype: 1),
    comparison.max: (reduce_max, lambda dtype: extremum_identity(MAX, dtype)),
    comparison.min: (reduce_min, lambda dtype: extremum_identity(MIN, dtype)),
    bits.bitwise_and: (reduce_and, _all_ones),
    bits.bitwise_or: (reduce_or, lambda dtype: 0),
    bits.bitwise_xor: (reduce_xor, lambda dtype: 0),
}


def _trace_computation(computation, tree, inits):
    """The function on scalars as a closed jaxpr without tracers in its constants."""
    avals = [core.get_aval(x).strip_weak_type().update(shape=()) for x in inits]

    def flat(*args):
        half = len(args) // 2
        out = computation(unflatten(tree, args[:half]), unflatten(tree, args[half:]))
        leaves, out_tree = flatten(out)
        if out_tree != tree:
            raise ValueError(
                f"reduce: the computation's result has the tree {out_tree}, its operands "
                f"{tree}"
            )
        info.results.append(out_tree)
        return leaves

    info = described_pair("reduce comp", computation, tree)
    closed = trace(flat, avals + avals, info)
    if any(isinstance(c, core.Tracer) for c in closed.consts):
        raise NotImplementedError(
            "Reduction computations can't close over Tracers. Please open an issue at "
            "https://github.com/jax-ml/jax."
        )
    return closed


def _reduce_shape(*avals, computation, jaxpr, dimensions):
    half = len(avals) // 2
    operands, inits = avals[:half], avals[half:]
    if any(a.shape for a in inits):
        shapes = [a.shape for a in inits]
        raise ValueError(f"reduce found non-scalar initial value: {shapes}")
    if any(a.dtype != i.dtype for a, i in zip(operands, inits, strict=True)):
        raise TypeError(
            "reduce operand dtypes should match corresponding initial value dtypes, got "
            f"operands={list(operands)} and initial_values={list(inits)}"
        )
    if any(a.shape != operands[0].shape for a in operands):
        shapes = [a.shape for a in operands]
        raise ValueError(f"reduce found operands of different shapes: {shapes}")
    ndim = operands[0].ndim
    if any(not 0 <= d < ndim for d in dimensions):
        raise ValueError(
            f"reduction axes {dimensions} contains out-of-bounds indices for "
            f"{operands[0].str_short()}."
        )
    shape = kept_shape(operands[0].shape, dimensions)
    return [
        ShapedArray(shape, a.dtype, a.weak_type and i.weak_type)
        for a, i in zip(operands, inits, strict=True)
    ]


# --- applying the traced function to slices -------------------------------------------


def _on_slices(closed, shape):
    """The scalar function as one on arrays of `shape`: list -> list."""
    axis = AxisData(int(np.prod(shape, dtype=np.int64)))

    def apply(*args):
        flat = [reshape(x, (axis.size,)) for x in args]
        outs = _batched(closed, axis, flat)
        return [reshape(x, shape) for x in outs]

    return apply


def _batched(closed, axis, args):
    """Run a jaxpr of scalars on vectors, through the equations' batch rules."""
    jaxpr = closed.jaxpr
    env: dict[Any, Any] = {
        v: (c, None) for v, c in zip(jaxpr.constvars, closed.consts, strict=True)
    }
    env.update((v, (x, 0)) for v, x in zip(jaxpr.invars, args, strict=True))

    def read(atom):
        return (atom.val, None) if type(atom) is core.Literal else env[atom]

    for eqn in jaxpr.eqns:
        vals, dims = (
            zip(*map(read, eqn.invars), strict=True) if eqn.invars else ((), ())
        )
        if all(d is None for d in dims):
            out = eqn.primitive.bind_eqn(list(vals), eqn.params)
            outs = out if eqn.primitive.multiple_results else [out]
            pairs = [(x, None) for x in outs]
        else:
            out, dim = eqn.primitive.batch(axis, vals, dims, **eqn.params)
            several = eqn.primitive.multiple_results
            pairs = zip(out, dim, strict=True) if several else [(out, dim)]
        env.update(zip(eqn.outvars, pairs, strict=True))
    return [batch_front(axis, *read(atom)) for atom in jaxpr.outvars]


def _fold(closed, operands, inits, dimensions):
    """The reduction in terms of first-order ops: halves are combined until one is left."""
    shape = shape_of(operands[0])
    kept = [d for d in range(len(shape)) if d not in dimensions]
    rest = tuple(shape[d] for d in kept)
    n = int(np.prod([shape[d] for d in dimensions], dtype=np.int64))
    xs = [reshape(x, (n, *rest), (*dimensions, *kept)) for x in operands]
    start = [broadcast_in_dim(x, rest, ()) for x in inits]
    if not n or 0 in rest:
        return start
    while n > 1:
        half = n // 2
        pairs = [_rows(x, 0, half) for x in xs] + [_rows(x, half, 2 * half) for x in xs]
        combined = _on_slices(closed, (half, *rest))(*pairs)
        if n % 2:
            last = [_rows(x, n - 1, n) for x in xs]
            combined = [
                concatenate([a, b], 0) for a, b in zip(combined, last, strict=True)
            ]
        xs, n = combined, half + n % 2
    return _on_slices(closed, rest)(*start, *[squeeze(x, (0,)) for x in xs])


def _rows(x, start, stop):
    return slice_in_dim(x, start, stop, 1, 0)


# --- rules ----------------------------------------------------------------------------


def _reduce_reference(*arrays, computation, jaxpr, dimensions):
    """Element by element, through the equations' references."""
    half = len(arrays) // 2
    operands, inits = arrays[:half], arrays[half:]
    kept = [d for d in range(operands[0].ndim) if d not in dimensions]
    columns = [
        x.transpose([*kept, *dimensions]).reshape(*[x.shape[d] for d in kept], -1)
        for x in operands
    ]
    outs = [np.empty(c.shape[:-1], c.dtype) for c in columns]
    for place in np.ndindex(*columns[0].shape[:-1]):
        total = list(inits)
        for k in range(columns[0].shape[-1]):
            total = _run_reference(jaxpr, [*total, *[c[(*place, k)] for c in columns]])
        for out, value in zip(outs, total, strict=True):
            out[place] = value
    return outs


def _run_reference(closed, args):
    env = dict(zip(closed.jaxpr.constvars, map(np.asarray, closed.consts), strict=True))
    env.update(zip(closed.jaxpr.invars, map(np.asarray, args), strict=True))

    def read(atom):
        if type(atom) is core.Literal:
            return np.asarray(atom.val).astype(atom.aval.dtype)
        return env[atom]

    for eqn in closed.jaxpr.eqns:
        outs = eqn.primitive.reference(*map(read, eqn.invars), **eqn.params)
        outs = outs if eqn.primitive.multiple_results else [outs]
        env.update(zip(eqn.outvars, map(np.asarray, outs), strict=True))
    return [read(atom) for atom in closed.jaxpr.outvars]


def _reduce_jvp(primals, tangents, *, computation, jaxpr, dimensions):
    half = len(primals) // 2
    if all(type(t) is Zero for t in tangents):
        outs = reduce_p.bind(
            *primals, computation=computation, jaxpr=jaxpr, dimensions=dimensions
        )
        return outs, [Zero.of(x) for x in outs]
    if any(type(t) is not Zero for t in tangents[half:]):
        raise NotImplementedError(
            "Gradient of generic reduce with respect to its initial values"
        )
    pair = paired_jvp(jaxpr)

    def combine(left, right):
        return _on_slices(pair, shape_of(left[0]))(*left, *right)

    # As JAX has it: the initial values are taken to be identities.
    outs = reduce_pairs(
        combine,
        [*primals[:half], *[instantiate(t) for t in tangents[:half]]],
        [*primals[half:], *[constant_like(0, x) for x in primals[half:]]],
        dimensions,
    )
    return outs[:half], outs[half:]


def _reduce_batch(axis, args, dims, *, computation, jaxpr, dimensions):
    half = len(args) // 2
    if any(d is not None for d in dims[half:]):
        raise NotImplementedError("vmap of reduce with batched initial values")
    operands = [
        batch_front(axis, x, d) for x, d in zip(args[:half], dims, strict=False)
    ]
    outs = reduce_p.bind(
        *operands,
        *args[half:],
        computation=computation,
        jaxpr=jaxpr,
        dimensions=tuple(d + 1 for d in dimensions),
    )
    return outs, [0] * half


def _reduce_lower(b, ins, out_avals, *, computation, jaxpr, dimensions):
    half = len(ins) // 2

    def fold(*args):
        return _fold(jaxpr, args[:half], args[half:], dimensions)

    avals = [
        ShapedArray(v.shape, a.dtype)
        for v, a in zip(ins, [*out_avals] * 2, strict=True)
    ]
    return b.lower_fun(fold, ins, avals)


reduce_p = define(
    "reduce",
    multiple_results=True,
    shape=_reduce_shape,
    reference=_reduce_reference,
    jvp=_reduce_jvp,
    transpose=NOT_LINEAR,
    batch=_reduce_batch,
    lower=_reduce_lower,
    narrow=AS_STORED,
)
