"""What primitives do to sparse arrays, and the operators of `BCOO` and `BCSR`.

A primitive without a rule here has no sparse meaning, or one that would be dense.
"""

from typing import Any, cast

import minijax.numpy as jnp
from minijax import lax
from minijax.experimental.sparse import bcsr
from minijax.experimental.sparse.bcoo_dot import (
    bcoo_dot_general,
    bcoo_multiply_dense,
    bcoo_multiply_sparse,
)
from minijax.experimental.sparse.bcoo_gather import (
    bcoo_conv_general_dilated,
    bcoo_gather,
)
from minijax.experimental.sparse.bcoo_layout import bcoo_update_layout
from minijax.experimental.sparse.bcoo_parts import (
    bcoo_eliminate_zeros,
    bcoo_fromdense,
    bcoo_sort_indices,
    bcoo_sum_duplicates,
    bcoo_todense,
    bcoo_transpose,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_broadcast_in_dim,
    bcoo_concatenate,
    bcoo_dynamic_slice,
    bcoo_reduce_sum,
    bcoo_reshape,
    bcoo_rev,
    bcoo_slice,
    bcoo_squeeze,
)
from minijax.experimental.sparse.bcoo_type import BCOO
from minijax.experimental.sparse.bcsr import BCSR
from minijax.experimental.sparse.transform import (
    SparsifyEnv,
    arrays_to_spvalues,
    eval_closed,
    sparse_rules_bcoo,
    sparse_rules_bcsr,
    sparsify,
    spvalues_to_arrays,
)
from minijax.ops.define import by_name

# --- elementwise, 0 to 0 --------------------------------------------------------------

_LINEAR = ("conj", "copy", "imag", "neg", "real")
_ZERO_PRESERVING = (
    "abs", "asin", "asinh", "atan", "atanh", "bessel_i1e", "convert_element_type",
    "expm1", "log1p", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh",
)  # fmt: skip


def _once(spenv, value):
    """The value with every place once."""
    if value.is_dense() or value.unique_indices:
        return value
    array = spvalues_to_arrays(spenv, value)
    array = array.sum_duplicates(nse=array.nse, remove_zeros=False)
    return arrays_to_spvalues(spenv, array)


def _at_same_places(spenv, value, data):
    return spenv.sparse(
        value.shape, data, indices_ref=value.indices_ref, indptr_ref=value.indptr_ref,
        indices_sorted=value.indices_sorted, unique_indices=value.unique_indices,
    )  # fmt: skip


def _elementwise(name, linear):
    def rule(spenv, value, **params):
        value = value if linear else _once(spenv, value)
        data = by_name[name].bind(spenv.data(value), **params)
        return [_at_same_places(spenv, value, data)]

    return rule


def _integer_pow(spenv, value, *, y):
    if y <= 0:
        raise NotImplementedError(
            f"sparse rule for integer_pow with non-positive exponent {y} is not "
            "implemented because it would result in dense output. If this is your intent, "
            "use sparse.todense() to convert your argument to a dense array."
        )
    return _elementwise("integer_pow", linear=False)(spenv, value, y=y)


for _rules in (sparse_rules_bcoo, sparse_rules_bcsr):
    for _name in _LINEAR:
        _rules[_name] = _elementwise(_name, linear=True)
    for _name in _ZERO_PRESERVING:
        _rules[_name] = _elementwise(_name, linear=False)
    _rules["integer_pow"] = _integer_pow


# --- of one or more arrays, as the functions of the formats say ------------------------


def _by(function):
    def rule(spenv, *values, **params):
        out = function(*spvalues_to_arrays(spenv, values), **params)
        return arrays_to_spvalues(spenv, [out])

    return rule


def _stacked(broadcast, concatenate):
    def stack(*arrays, axis):
        shape = arrays[0].shape
        new_shape = (*shape[:axis], 1, *shape[axis:])
        dims = [d + (d >= axis) for d in range(len(shape))]
        wide = [
            broadcast(x, shape=new_shape, broadcast_dimensions=dims) for x in arrays
        ]
        return concatenate(wide, dimension=axis)

    return stack


_BCOO = {
    "broadcast_in_dim": bcoo_broadcast_in_dim,
    "concatenate": lambda *arrays, dimension: bcoo_concatenate(
        arrays, dimension=dimension
    ),
    "conv_general_dilated": bcoo_conv_general_dilated,
    "dot_general": bcoo_dot_general,
    "dynamic_slice": lambda x, *starts, slice_sizes: bcoo_dynamic_slice(
        x, starts, slice_sizes
    ),
    "gather": bcoo_gather,
    "reshape": bcoo_reshape,
    "rev": bcoo_rev,
    "slice": bcoo_slice,
    "squeeze": bcoo_squeeze,
    "stack": _stacked(bcoo_broadcast_in_dim, bcoo_concatenate),
    "todense": lambda x: x.todense(),
}
_BCSR = {
    "broadcast_in_dim": bcsr.bcsr_broadcast_in_dim,
    "concatenate": lambda *arrays, dimension: bcsr.bcsr_concatenate(
        arrays, dimension=dimension
    ),
    "dot_general": bcsr.bcsr_dot_general,
    "stack": _stacked(bcsr.bcsr_broadcast_in_dim, bcsr.bcsr_concatenate),
    "todense": lambda x: x.todense(),
}
sparse_rules_bcoo.update({name: _by(function) for name, function in _BCOO.items()})
sparse_rules_bcsr.update({name: _by(function) for name, function in _BCSR.items()})


def _transpose(spenv, value, *, permutation):
    x = spvalues_to_arrays(spenv, value)
    out = bcoo_transpose(x, permutation=permutation)
    axes = tuple(permutation)
    same = [a == k for k, a in enumerate(axes)]
    end = x.n_batch + x.n_sparse
    batch, dense = all(same[: x.n_batch]), all(same[end:])
    sparse = all(same[x.n_batch : end])
    data = {"data_ref": value.data_ref} if batch and dense else {"data": out.data}
    indices = {"indices": out.indices}
    if batch and sparse:
        indices = {"indices_ref": value.indices_ref}
    known = out._info._asdict()
    return [spenv.sparse(known.pop("shape"), **data, **indices, **known)]


def _reduce_sum(spenv, value, *, axes, out_sharding=None):
    out = bcoo_reduce_sum(spvalues_to_arrays(spenv, value), axes=axes)
    return arrays_to_spvalues(spenv, [out if out.ndim else out.todense()])


# --- arithmetic -----------------------------------------------------------------------


def _add(spenv, x, y):
    if x.is_dense() or y.is_dense():
        return _add_dense(spenv, *((y, x) if y.is_sparse() else (x, y)))
    if x.shape != y.shape:
        raise NotImplementedError(
            "Addition between sparse matrices of different shapes."
        )
    if x.indices_ref == y.indices_ref:
        return [_at_same_places(spenv, x, spenv.data(x) + spenv.data(y))]
    indices, data = ([get(v) for v in (x, y)] for get in (spenv.indices, spenv.data))
    if any(a.ndim != b.ndim for a, b in (indices, data)):
        raise NotImplementedError(
            "Addition between sparse matrices with different batch/dense dimensions."
        )
    axis = indices[0].ndim - 2
    indices = lax.concatenate(indices, axis)
    return [spenv.sparse(x.shape, lax.concatenate(data, axis), indices)]


def _add_dense(spenv, x, y):
    if lax.broadcast_shapes(x.shape, y.shape) != y.shape:
        raise NotImplementedError(
            "Addition between a sparse array X and a dense array Y is not implemented "
            "when the output shape is larger than Y.shape. This is to prevent silent "
            "densification of a large sparse array. If this is your intent, you can "
            "explicitly cast the sparse array to a dense matrix."
        )
    x, y = spvalues_to_arrays(spenv, (x, y))
    return [spenv.dense(x.todense() + y)]


def _sub(spenv, x, y):
    if x.is_dense() or y.is_dense():
        raise NotImplementedError("Subtraction between sparse and dense array.")
    return _add(spenv, x, *sparse_rules_bcoo["neg"](spenv, y))


def _mul(spenv, x, y, out_dtype=None):
    if x.is_sparse() and y.is_sparse():
        if x.indices_ref == y.indices_ref and x.unique_indices:
            return [_at_same_places(spenv, x, spenv.data(x) * spenv.data(y))]
        out = bcoo_multiply_sparse(*spvalues_to_arrays(spenv, (x, y)))
        return arrays_to_spvalues(spenv, [out])
    if y.is_sparse():
        x, y = y, x
    data = bcoo_multiply_dense(spvalues_to_arrays(spenv, x), spenv.data(y))
    return [_at_same_places(spenv, x, data)]


def _div(spenv, x, y):
    if y.is_sparse():
        raise NotImplementedError(
            "Division by a sparse array is not implemented because it would result in "
            "dense output. If this is your intent, use sparse.todense() to convert your "
            "arguments to a dense array."
        )
    data = bcoo_multiply_dense(spvalues_to_arrays(spenv, x), 1.0 / spenv.data(y))
    return [_at_same_places(spenv, x, data)]


sparse_rules_bcoo.update(
    transpose=_transpose, reduce_sum=_reduce_sum, add=_add, sub=_sub, mul=_mul, div=_div
)


# --- higher order ---------------------------------------------------------------------


def _inline(name):
    def rule(spenv, *values, **params):
        return eval_closed(spenv, params[name], values)

    return rule


def _on_arrays(closed, outer=()):
    """A closed jaxpr as a function of arrays, sparse ones among them; `outer` before."""

    def run(*args):
        inner = SparsifyEnv()
        values = arrays_to_spvalues(inner, [*outer, *args])
        return spvalues_to_arrays(inner, eval_closed(inner, closed, values))

    return run


def _while(spenv, *values, cond_jaxpr, cond_nconsts, body_jaxpr, body_nconsts):
    arrays = spvalues_to_arrays(spenv, values)
    n = cond_nconsts + body_nconsts
    cond_consts, body_consts = arrays[:cond_nconsts], arrays[cond_nconsts:n]
    cond = _on_arrays(cond_jaxpr, cond_consts)
    body = _on_arrays(body_jaxpr, body_consts)
    outs = lax.while_loop(
        lambda carry: cond(*carry)[0], lambda carry: body(*carry), list(arrays[n:])
    )
    return arrays_to_spvalues(spenv, outs)


def _scan(spenv, *values, jaxpr, num_consts, num_carry, length, reverse, **params):
    arrays = spvalues_to_arrays(spenv, values)
    if len(arrays) > num_consts + num_carry:
        raise NotImplementedError("sparse rule for scan with x values.")
    step = _on_arrays(jaxpr, arrays[:num_consts])

    def body(carry, _):
        outs = step(*carry)
        return outs[:num_carry], outs[num_carry:]

    carry, ys = lax.scan(
        body, list(arrays[num_consts:]), None, length=length, reverse=reverse
    )
    return arrays_to_spvalues(spenv, [*carry, *ys])


def _cond(spenv, which, *operands, branches, **params):
    index, *arrays = spvalues_to_arrays(spenv, (which, *operands))
    runs = [_on_arrays(closed) for closed in branches]
    return arrays_to_spvalues(spenv, lax.switch(index, runs, *arrays))


for _rules in (sparse_rules_bcoo, sparse_rules_bcsr):
    _rules["jit"] = _inline("jaxpr")
    _rules["custom_jvp_call"] = _rules["custom_vjp_call"] = _inline("call_jaxpr")
    _rules.update({"while": _while, "scan": _scan, "cond": _cond})


# --- methods --------------------------------------------------------------------------


def _swapped(fun):
    return sparsify(lambda a, b: fun(b, a))


def _method(name):
    def method(self, *args, **kwargs):
        return sparsify(lambda x: getattr(x, name)(*args, **kwargs))(self)

    return method


def _getitem(self, item):
    found = sparsify(lambda x: x[item])(self)
    if type(self) is BCOO and not isinstance(found, BCOO) and not found.size:
        return bcoo_fromdense(found)
    return found


def _sum_duplicates(self, nse=None, remove_zeros=True):
    """Without repeated places, in order; nse: how many stay, where it must be known."""
    once = bcoo_eliminate_zeros if remove_zeros else bcoo_sum_duplicates
    return once(self, nse)


def _transposed(self, axes=None):
    """With its axes permuted, each among its kind."""
    order = range(self.ndim)[::-1] if axes is None else axes
    return bcoo_transpose(self, permutation=order)


def _from_scipy(cls, mat, *, index_dtype=None, n_dense=0, n_batch=0):
    """The elements of a matrix of scipy.sparse."""
    if n_dense or n_batch:
        raise NotImplementedError("BCOO.fromscipy with nonzero n_dense/n_batch")
    mat = mat.tocoo()
    indices = jnp.column_stack((mat.row, mat.col)).astype(index_dtype or jnp.int32)
    return cls((mat.data, indices), shape=mat.shape)


def _fromdense(cls, mat, *, nse=None, index_dtype=jnp.int32, n_dense=0, n_batch=0):
    """The elements of a dense array: see `bcoo_fromdense`."""
    return bcoo_fromdense(
        mat, nse=nse, index_dtype=index_dtype, n_dense=n_dense, n_batch=n_batch
    )


def _eye(cls, N, M, k, *, dtype=None, index_dtype="int32", n_batch=0, n_dense=0):
    if min(n_batch, n_dense, 2 - n_batch - n_dense) < 0:
        raise ValueError(
            f"Invalid inputs: shape={(N, M)}, n_dense={n_dense}, n_batch={n_batch}"
        )
    kwargs = {"dtype": dtype, "index_dtype": index_dtype}
    n = min(N, M - k) if k > 0 else min(N + k, M)
    if n <= 0:
        return cls._empty((N, M), **kwargs, n_batch=n_batch, n_dense=n_dense)
    if n_batch or n_dense:
        kwargs.pop("dtype")
        dense = jnp.eye(N, M, k, dtype=dtype)
        return bcoo_fromdense(
            dense, n_batch=n_batch, n_dense=n_dense, index_dtype=index_dtype
        )
    rows = jnp.arange(max(0, -k), max(0, -k) + n, dtype=index_dtype)
    indices = jnp.stack([rows, rows + k], axis=1)
    known = {"indices_sorted": True, "unique_indices": True}
    return cls((jnp.ones(n, dtype), indices), shape=(N, M), **known)


_METHODS = {
    "fromdense": classmethod(_fromdense), "from_scipy_sparse": classmethod(_from_scipy),
    "_eye": classmethod(_eye), "todense": bcoo_todense, "transpose": _transposed,
    "sort_indices": bcoo_sort_indices, "sum_duplicates": _sum_duplicates,
    "update_layout": bcoo_update_layout, "astype": _method("astype"),
    "reshape": _method("reshape"), "sum": _method("sum"), "__abs__": sparsify(jnp.abs),
    "__neg__": sparsify(jnp.negative), "__pos__": sparsify(jnp.positive),
    "__matmul__": sparsify(jnp.matmul), "__rmatmul__": _swapped(jnp.matmul),
    "__mul__": sparsify(jnp.multiply), "__rmul__": _swapped(jnp.multiply),
    "__truediv__": sparsify(jnp.divide), "__rtruediv__": _swapped(jnp.divide),
    "__add__": sparsify(jnp.add), "__radd__": _swapped(jnp.add),
    "__sub__": sparsify(jnp.subtract), "__rsub__": _swapped(jnp.subtract),
    "__pow__": lambda x, y: sparsify(lambda x: jnp.power(x, y))(x),
    "__rpow__": _swapped(jnp.power), "__getitem__": _getitem,
    "__iter__": lambda x: iter([x[k] for k in range(x.shape[0])]),
    "__gt__": sparsify(jnp.greater), "__ge__": sparsify(jnp.greater_equal),
    "__lt__": sparsify(jnp.less), "__le__": sparsify(jnp.less_equal),
    "__eq__": sparsify(jnp.equal), "__ne__": sparsify(jnp.not_equal),
}  # fmt: skip
for _name, _function in _METHODS.items():
    setattr(BCOO, _name, _function)
for _name in ("__matmul__", "__rmatmul__", "__getitem__"):
    setattr(BCSR, _name, cast(Any, _METHODS[_name]))
