"""jacfwd, jacrev and hessian: vmap over the unit vectors of inputs or outputs."""

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.api.differentiate import (
    check_grad_input,
    check_real_output,
    jvp,
    of_arguments,
    places_of,
    vjp,
)
from minijax.api.vectorize import vmap
from minijax.array import ArrayImpl
from minijax.control.signature import check_callable
from minijax.ops.arithmetic import add
from minijax.ops.comparison import eq
from minijax.ops.complex_parts import real
from minijax.ops.convert import convert
from minijax.ops.define import full
from minijax.ops.shape import broadcasted_iota, reshape
from minijax.traceback_util import api_boundary, documented
from minijax.tree_util import tree_map

_JACOBIAN = (
    "Jacobian of {fun} with respect to positional argument(s) {argnums}. Takes the same "
    "arguments as {fun} but returns the jacobian of the output with respect to the "
    "arguments at positions {argnums}."
)


def std_basis(tree):
    """For a pytree of n numbers: the tree with leaves of shape (n, *leaf), the unit
    vectors.
    """
    leaves, treedef = flatten(tree)
    avals = [core.get_aval(x) for x in leaves]
    total = sum(a.size for a in avals)
    if core.has_symbols((total,)):
        return unflatten(treedef, _symbolic_basis(avals, total))
    offset, parts = 0, []
    for aval in avals:
        unit = np.zeros((total, aval.size), aval.dtype)
        unit[offset + np.arange(aval.size), np.arange(aval.size)] = 1
        unit = unit.reshape(total, *aval.shape)
        whole = core.ShapedArray(unit.shape, aval.dtype, aval.weak_type)
        parts.append(core.constant(ArrayImpl(whole, unit)))
        offset += aval.size
    return unflatten(treedef, parts)


def _symbolic_basis(avals, total):
    """The leaves of `std_basis` where sizes are symbols."""
    offset, parts = 0, []
    for aval in avals:
        rows, columns = [
            broadcasted_iota(np.int32, (total, aval.size), axis) for axis in (0, 1)
        ]
        units = eq(rows, add(columns, full(columns.aval, offset)))
        units = convert(units, aval.dtype, aval.weak_type)
        parts.append(reshape(units, (total, *aval.shape)))
        offset += aval.size
    return parts


def _split_axis(block, tree, axis, reshape, example=None):
    """Split an axis of unit vectors into the leaves of `tree`, as a tree of Jacobian
    blocks, which have the types of these leaves, or that of `example`.
    """
    leaves, treedef = flatten(tree)
    shape = block.shape
    offset, blocks = 0, []
    for leaf in leaves:
        aval = core.get_aval(leaf)
        index = [slice(None)] * len(shape)
        index[axis] = slice(offset, offset + aval.size)
        part = block[tuple(index)].reshape(reshape(shape, aval.shape))
        blocks.append(
            _typed_like(part, core.get_aval(leaf if example is None else example))
        )
        offset += aval.size
    return unflatten(treedef, blocks)


def _typed_like(x, aval):
    if x.dtype == dtypes.float0:
        x = np.zeros(x.shape, aval.dtype)
    elif dtypes.issubdtype(x.dtype, np.complexfloating) and aval.dtype.kind != "c":
        x = real(x)
    return convert(x, aval.dtype, aval.weak_type)


def _differentiated(fun, argnums, args, kwargs):
    """The arguments at `argnums`, and the function of these alone."""
    places = places_of(argnums, args)
    return tuple(args[k] for k in places), of_arguments(fun, args, kwargs, places)


def jacfwd(fun, argnums=0, has_aux=False, holomorphic=False):
    """The Jacobian of `fun`, a column at a time (forward mode).

    Leaves have shape (*out leaf, *in leaf).
    """

    check_callable(fun)

    @documented(fun, _JACOBIAN, argnums=argnums)
    @api_boundary
    def jacobian(*args, **kwargs):
        dynamic, partial_fun = _differentiated(fun, argnums, args, kwargs)
        for x in flatten(dynamic)[0]:
            _check_jac_input(x, holomorphic, "jacfwd")

        def push(tangents):
            return jvp(partial_fun, dynamic, tangents, has_aux=has_aux)

        out_axes = (None, -1, None) if has_aux else (None, -1)
        out, columns, *aux = vmap(push, out_axes=out_axes)(std_basis(dynamic))
        for x in flatten(out)[0]:
            if holomorphic:
                check_real_output(core.get_aval(x).dtype, True, "jacfwd")
        example = dynamic[0] if isinstance(argnums, int) else dynamic
        blocks = tree_map(
            lambda out_leaf, leaf: _split_axis(
                leaf, example, leaf.ndim - 1, lambda s, part: (*s[:-1], *part), out_leaf
            ),
            out,
            columns,
        )
        return (blocks, aux[0]) if has_aux else blocks

    return jacobian


def _check_jac_input(x, holomorphic, name):
    dtype = core.get_aval(x).dtype
    if holomorphic:
        check_grad_input(x, True, False, name)
    elif not dtypes.issubdtype(dtype, np.floating):
        raise TypeError(
            f"{name} requires real-valued inputs (input dtype that is a sub-dtype of "
            f"np.floating), but got {dtype.name}. For holomorphic differentiation, pass "
            "holomorphic=True. For differentiation of non-holomorphic functions "
            "involving complex inputs or integer inputs, use jax.jvp directly."
        )


def jacrev(fun, argnums=0, has_aux=False, holomorphic=False, allow_int=False):
    """The Jacobian of `fun`, a row at a time (reverse mode).

    Leaves have shape (*out leaf, *in leaf).
    """

    check_callable(fun)

    @documented(fun, _JACOBIAN, argnums=argnums)
    @api_boundary
    def jacobian(*args, **kwargs):
        dynamic, partial_fun = _differentiated(fun, argnums, args, kwargs)
        for x in flatten(dynamic)[0]:
            check_grad_input(x, holomorphic, allow_int, "jacrev")

        out, pullback, *aux = vjp(partial_fun, *dynamic, has_aux=has_aux)
        for x in flatten(out)[0]:
            check_real_output(core.get_aval(x).dtype, holomorphic, "jacrev")
        rows = vmap(pullback)(std_basis(out))
        rows = rows[0] if isinstance(argnums, int) else rows
        leaves, treedef = flatten(rows)
        examples = flatten(dynamic[0] if isinstance(argnums, int) else dynamic)[0]
        blocks = [
            flatten(_split_axis(row, out, 0, lambda s, part: (*part, *s[1:]), x))[0]
            for row, x in zip(leaves, examples, strict=True)
        ]
        out_tree = flatten(out)[1]
        per_out = [
            unflatten(treedef, [block[k] for block in blocks])
            for k in range(out_tree.num_leaves)
        ]
        result = unflatten(out_tree, per_out)
        return (result, aux[0]) if has_aux else result

    return jacobian


def hessian(fun, argnums=0, has_aux=False, holomorphic=False):
    """The matrix of second derivatives, forward over reverse."""
    inner = jacrev(fun, argnums, has_aux=has_aux, holomorphic=holomorphic)
    return jacfwd(inner, argnums, has_aux=has_aux, holomorphic=holomorphic)
