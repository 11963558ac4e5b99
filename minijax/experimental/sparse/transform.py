"""`sparsify`: functions of dense arrays applied to sparse ones.

The function is traced on dense stand-ins, or run on tracers; each equation is applied
through the sparse rule of its primitive. Values are references to a list of buffers, so
that two arrays with the same indices are known to have them.
"""

import functools
from typing import Any, NamedTuple

import minijax.numpy as jnp
from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.experimental.sparse.bcoo_type import BCOO
from minijax.experimental.sparse.bcsr import BCSR
from minijax.trace import trace
from minijax.tree_util import tree_map

# primitive name -> rule(env, *values, **params) -> values
sparse_rules_bcoo: dict[str, Any] = {}
sparse_rules_bcsr: dict[str, Any] = {}

_DENSIFYING = (
    "acos", "acosh", "bessel_i0e", "cos", "cosh", "eq", "exp", "ge", "gt", "le", "lt",
    "log", "ne", "xor",
)  # fmt: skip


def _no_rule(primitive):
    name = primitive.name
    if name in _DENSIFYING:
        return NotImplementedError(
            f"sparse rule for {name} is not implemented because it would result in dense "
            "output. If this is your intent, use sparse.todense() to convert your "
            "arguments to dense matrices."
        )
    return NotImplementedError(f"sparse rule for {name} is not implemented.")


# --- values and their buffers ---------------------------------------------------------


class SparsifyValue(NamedTuple):
    """An array, dense or sparse, by the numbers of its buffers."""

    shape: tuple
    data_ref: int | None
    indices_ref: int | None = None
    indptr_ref: int | None = None
    indices_sorted: bool | None = False
    unique_indices: bool | None = False

    @property
    def ndim(self):
        """The number of axes."""
        return len(self.shape)

    def is_sparse(self):
        """Whether it has indices."""
        return self.indices_ref is not None

    def is_dense(self):
        """Whether it has none."""
        return self.indices_ref is None

    def is_bcoo(self):
        """Whether each element has all of its indices."""
        return self.is_sparse() and self.indptr_ref is None

    def is_bcsr(self):
        """Whether rows are compressed."""
        return self.is_sparse() and self.indptr_ref is not None


class SparsifyEnv:
    """The buffers that values refer to."""

    def __init__(self, bufs=()):
        self._buffers = list(bufs)

    def _push(self, array):
        self._buffers.append(jnp.asarray(array))
        return len(self._buffers) - 1

    def _read(self, ref, what):
        if ref is None:
            raise RuntimeError(f"Internal: requested {what} of a value without them")
        return self._buffers[ref]

    def data(self, spvalue):
        """The elements."""
        return self._read(spvalue.data_ref, "data")

    def indices(self, spvalue):
        """The indices of the elements."""
        return self._read(spvalue.indices_ref, "indices")

    def indptr(self, spvalue):
        """Where the rows start."""
        return self._read(spvalue.indptr_ref, "indptr")

    def dense(self, data):
        """The value of a dense array."""
        return SparsifyValue(jnp.shape(data), self._push(data))

    def sparse(
        self, shape, data=None, indices=None, indptr=None, *, data_ref=None,
        indices_ref=None, indptr_ref=None, indices_sorted=False, unique_indices=False,
    ):  # fmt: skip
        """The value of a sparse array, of arrays or of references to those that are."""
        given = ((data, data_ref), (indices, indices_ref), (indptr, indptr_ref))
        refs = [ref if array is None else self._push(array) for array, ref in given]
        return SparsifyValue(
            tuple(shape), *refs, indices_sorted=indices_sorted,
            unique_indices=unique_indices,
        )  # fmt: skip


def _is_sparse_obj(x):
    return isinstance(x, (BCOO, BCSR))


def _is_spvalue(x):
    return isinstance(x, SparsifyValue)


def arrays_to_spvalues(spenv, args):
    """The values of a pytree of arrays."""

    def value_of(x):
        if not _is_sparse_obj(x):
            return spenv.dense(x)
        return spenv.sparse(
            x.shape, *x._bufs, indices_sorted=x.indices_sorted,
            unique_indices=x.unique_indices,
        )  # fmt: skip

    return tree_map(value_of, args, is_leaf=_is_sparse_obj)


def spvalues_to_arrays(spenv, spvalues):
    """The arrays of a pytree of values."""

    def array_of(v):
        if v.is_dense():
            return spenv.data(v)
        known = {"indices_sorted": v.indices_sorted, "unique_indices": v.unique_indices}
        arrays = spenv.data(v), spenv.indices(v)
        if v.is_bcoo():
            return BCOO(arrays, shape=v.shape, **known)
        return BCSR((*arrays, spenv.indptr(v)), shape=v.shape, **known)

    return tree_map(array_of, spvalues, is_leaf=_is_spvalue)


def spvalues_to_avals(spenv, spvalues):
    """What a pytree of values is like, as if all were dense."""

    def aval_of(v):
        aval = core.get_aval(spenv.data(v))
        return core.ShapedArray(v.shape, aval.dtype, aval.weak_type)

    return tree_map(aval_of, spvalues, is_leaf=_is_spvalue)


# --- applying equations ---------------------------------------------------------------


def _apply(spenv, primitive, values, params):
    """The values that an operation gives, as a list."""
    if any(v.is_sparse() for v in values):
        rules = sparse_rules_bcoo
        if any(v.is_bcsr() for v in values):
            rules = sparse_rules_bcsr
        if primitive.name not in rules:
            raise _no_rule(primitive)
        return list(rules[primitive.name](spenv, *values, **params))
    outs = primitive.bind_eqn([spenv.data(v) for v in values], params)
    outs = outs if primitive.multiple_results else [outs]
    return [spenv.dense(x) for x in outs]


def eval_sparse(jaxpr, consts, spvalues, spenv):
    """The values that a jaxpr gives for values; its constants are dense."""
    env = dict(zip(jaxpr.constvars, map(spenv.dense, consts), strict=True))
    env.update(zip(jaxpr.invars, spvalues, strict=True))

    def read(atom):
        return spenv.dense(atom.val) if type(atom) is core.Literal else env[atom]

    for eqn in jaxpr.eqns:
        outs = _apply(spenv, eqn.primitive, list(map(read, eqn.invars)), eqn.params)
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def eval_closed(spenv, closed, values):
    """The values that a closed jaxpr gives for values."""
    return eval_sparse(closed.jaxpr, closed.consts, values, spenv)


def sparsify_raw(f):
    """`f` on values: wrapped(env, *values, **params) -> (flat values, their tree)."""

    def wrapped(spenv, *spvalues, **params):
        flat, in_tree = flatten(spvalues, _is_spvalue)
        avals = spvalues_to_avals(spenv, flat)
        trees = []

        def flat_fun(*args):
            outs, tree = flatten(f(*unflatten(in_tree, args), **params))
            trees.append(tree)
            return outs

        closed = trace(flat_fun, avals)
        return eval_closed(spenv, closed, flat), trees[0]

    return wrapped


def sparsify(f, use_tracer=False):
    """`f`, written for dense arrays, for sparse ones among its arguments.

    use_tracer: whether `f` runs on tracers of its own; otherwise it is traced first.
    NotImplementedError where an operation has no sparse meaning.
    """
    raw = _sparsify_with_tracer(f) if use_tracer else sparsify_raw(f)

    @functools.wraps(f)
    def wrapped(*args, **params):
        spenv = SparsifyEnv()
        outs, tree = raw(spenv, *arrays_to_spvalues(spenv, args), **params)
        return unflatten(tree, spvalues_to_arrays(spenv, outs))

    return wrapped


# --- tracers --------------------------------------------------------------------------


class SparseTracer(core.Tracer):
    """A value, as the function that is sparsified sees it."""

    __slots__ = ("_spvalue",)

    def __init__(self, trace, *, spvalue):
        if not hasattr(trace, "spenv"):
            raise RuntimeError("Internal: trace does not have spenv defined.")
        self._trace, self._spvalue = trace, spvalue
        (self.aval,) = spvalues_to_avals(trace.spenv, [spvalue])

    @property
    def spenv(self):
        """The buffers that its value refers to."""
        return self._trace.spenv


class SparseTrace(core.Trace):
    """Applies operations through their sparse rules."""

    def __init__(self, parent, spenv):
        self.parent, self.spenv = parent, spenv

    def _value(self, x):
        if isinstance(x, SparseTracer) and x._trace is self:
            return x._spvalue
        return self.spenv.dense(x)

    def process_primitive(self, primitive, args, params):
        """The tracers of what the operation gives."""
        with core.set_current_trace(self.parent):
            values = list(map(self._value, args))
            outs = _apply(self.spenv, primitive, values, params)
        outs = [SparseTracer(self, spvalue=v) for v in outs]
        return outs if primitive.multiple_results else outs[0]

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **params):
        """What the function itself gives: derivatives are taken outside."""
        return fun(*args)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **params):
        """What the function itself gives: derivatives are taken outside."""
        return fun(*args)


def _sparsify_with_tracer(f):
    def wrapped(spenv, *spvalues, **params):
        level = SparseTrace(core.current_trace(), spenv)
        tracers = tree_map(
            lambda v: SparseTracer(level, spvalue=v), spvalues, is_leaf=_is_spvalue
        )
        with core.set_current_trace(level):
            outs, tree = flatten(f(*tracers, **params))
        return [level._value(x) for x in outs], tree

    return wrapped
