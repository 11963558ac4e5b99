"""Primitives that users define as classes, with what they do and their derivatives as
methods (`VJPHiPrimitive`).
"""

from typing import Any

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.custom_vjp import CustomVJPCall, bwd_over_batch
from minijax.core import AS_STORED, Primitive, Zero
from minijax.literals import typed
from minijax.ops.define import add_tangents, define
from minijax.trace import trace
from minijax.transforms import ad, batching
from minijax.transforms.evaluate import evaluate


class GradAccum:
    """Gathers the cotangents of one argument: `accum` adds one."""

    def __init__(self, aval):
        self.aval, self._total = aval, None

    def accum(self, x):
        """Add a cotangent; None and `Zero` add nothing."""
        if x is None or type(x) is Zero:
            return
        self._total = x if self._total is None else add_tangents(self._total, x)

    def total(self):
        """The sum of what was added; `Zero` where nothing was."""
        return Zero(self.aval) if self._total is None else self._total


class NullAccum(GradAccum):
    """In place of an argument whose cotangent nobody asks for."""

    def accum(self, x):
        """Nothing."""


ValAccum = GradAccum


def _leaves(tree, value, what):
    """The leaves of what a method gave.  TypeError where it has another structure."""
    leaves, found = flatten(value)
    if found != tree:
        raise TypeError(f"{what} gave a value of structure {found} in place of {tree}")
    return leaves


class VJPHiPrimitive:
    """A primitive with methods for what it does.  A subclass's `__init__` sets `in_avals`
    (a tuple of trees of types), `out_aval` (a tree) and `params` (a dict, of hashable
    values, which become attributes), and then calls this one.

    expand(*args): the result, in terms of other operations
    vjp_fwd(nonzero, *args) -> (result, residuals), and
    vjp_bwd_retval(residuals, ct) -> cotangents, or
    vjp_bwd(residuals, ct, *accums), which adds them with `accum`
    jvp(primals, tangents) -> (result, tangent)
    lin(nonzero, *args) -> (result, residuals), and linearized(residuals, *tangents)
    transpose(ct, *args): adds to the `GradAccum`s in place of linear arguments
    batch_dim_rule(axis, dims) -> dims of the result, or
    batch(axis, args, dims) -> (result, dims)
    dce(used) -> (used arguments, results that are left, the primitive that gives them)

    Tangents and cotangents may be `Zero`. NotImplementedError where a method is asked for
    that the subclass lacks.
    """

    in_avals: Any
    out_aval: Any
    params: Any
    effects = core.no_effects

    def __init__(self):
        for name in ("in_avals", "out_aval", "params"):
            if not hasattr(self, name):
                raise AttributeError(f"subclass __init__ should set `self.{name}`")
        if self._has("vjp_bwd") and self._has("vjp_bwd_retval"):
            raise AttributeError(
                f"subclass {type(self)} should not override both `vjp_bwd` and "
                "`vjp_bwd_retval`"
            )
        self.in_avals_flat, self.in_tree = flatten(self.in_avals)
        self.out_avals_flat, self.out_tree = flatten(self.out_aval)
        self.__dict__.update(self.params)
        self.check(*self.in_avals)

    def check(self, *arg_tys):
        """Where a subclass refuses types."""

    def _has(self, name):
        return getattr(type(self), name) is not getattr(VJPHiPrimitive, name)

    def _lacks(self, purpose, methods):
        return NotImplementedError(
            f"for {purpose} support, subclass {type(self)} must implement {methods}"
        )

    def expand(self, *args):
        """The result, in terms of other operations."""
        raise NotImplementedError(f"subclass {type(self)} must implement `expand`")

    def vjp_fwd(self, nzs_in, /, *args) -> Any:
        """(result, residuals)."""
        raise self._lacks("grad", "`vjp_fwd`")

    def vjp_bwd(self, res, outgrad, /, *arg_accums) -> Any:
        """Add the cotangents that `vjp_bwd_retval` gives."""
        found = self.vjp_bwd_retval(res, outgrad)
        accums, tree = flatten(tuple(arg_accums))
        for accum, ct in zip(accums, tree.flatten_up_to(found), strict=True):
            accum.accum(ct)

    def vjp_bwd_retval(self, res, outgrad, /) -> Any:
        """The cotangents of the arguments."""
        raise self._lacks("grad", "`vjp_bwd` or `vjp_bwd_retval`")

    def jvp(self, primals, tangents) -> Any:
        """(result, tangent)."""
        raise self._lacks("jvp", "`jvp`")

    def lin(self, nzs_in, *primals) -> Any:
        """(result, residuals), for `linearized`."""
        raise self._lacks("linearize", "`lin` and `linearized`")

    def linearized(self, residuals, *tangents) -> Any:
        """The tangent of the result."""
        raise self._lacks("linearize", "`lin` and `linearized`")

    def transpose(self, out_ct, *maybe_accums) -> Any:
        """Add to the accumulators in place of linear arguments."""
        raise self._lacks("transpose", "`transpose`")

    def batch_dim_rule(self, axis_data, dims, /) -> Any:
        """Where the result has the batch axis, from where the arguments have it."""
        raise self._lacks("vmap", "`batch` or `batch_dim_rule`")

    def batch(self, axis_data, args, dims) -> Any:
        """(result, dims): by default `expand` and the derivatives over the batch."""
        out_dim = self.batch_dim_rule(axis_data, dims)
        return VmapOf(self, axis_data, dims, out_dim)(*args), out_dim

    def dce(self, used_outs) -> Any:
        """(used arguments, results that are left, primitive): all, or none at all."""
        if any(_leaves(self.out_tree, used_outs, "dce")):
            return True, True, self
        return False, False, None

    def __call__(self, *args):
        flat = map(typed, _leaves(self.in_tree, args, f"the caller of {self}"))
        return unflatten(self.out_tree, call_hi_primitive_p.bind(*flat, _prim=self))

    def expand_flat(self, *flat):
        """`expand` on leaves."""
        out = self.expand(*unflatten(self.in_tree, flat))
        return _leaves(self.out_tree, out, "expand")

    def vjp_rules(self):
        """`fwd(primals, nonzero) -> (outs, residuals)` and `bwd(residuals, cts)` on
        leaves.
        """
        trees, kinds = [], []

        def fwd(primals, nonzero):
            kinds[:] = [ValAccum if moves else NullAccum for moves in nonzero]
            nzs = unflatten(self.in_tree, nonzero)
            out, res, *_ = self.vjp_fwd(nzs, *unflatten(self.in_tree, primals))
            residuals, tree = flatten(res)
            trees.append(tree)
            return _leaves(self.out_tree, out, "vjp_fwd"), residuals

        def bwd(residuals, cts):
            pairs = zip(kinds, self.in_avals_flat, strict=True)
            accums = [kind(aval.to_tangent_aval()) for kind, aval in pairs]
            self.vjp_bwd(
                unflatten(trees[-1], residuals), unflatten(self.out_tree, cts),
                *unflatten(self.in_tree, accums),
            )  # fmt: skip
            return [accum.total() for accum in accums]

        return fwd, bwd

    def has_vjp(self):
        """Whether there is a rule for reverse mode, rather than one for `linearize`."""
        return self._has("vjp_fwd") or not self._has("lin")

    def __repr__(self):
        return f"{type(self).__name__}[{self.params}]"

    def __hash__(self):
        return hash((type(self).__name__, tuple(self.params.items()), self.effects))

    def __eq__(self, other):
        return (
            type(self) is type(other)
            and self.params == other.params
            and self.effects == other.effects
        )


class VmapOf(VJPHiPrimitive):
    """A primitive over a batch axis."""

    prim: Any
    axis_data: Any

    def __init__(self, prim, axis_data, in_dims, out_dim):
        self._ins = prim.in_tree.flatten_up_to(in_dims)
        self._outs = prim.out_tree.flatten_up_to(out_dim)

        def unmapped(tree, avals, dims):
            pairs = zip(avals, dims, strict=True)
            size = axis_data.size
            return unflatten(
                tree, [batching.unmapped_aval(size, d, a) for a, d in pairs]
            )

        self.in_avals = unmapped(prim.in_tree, prim.in_avals_flat, self._ins)
        self.out_aval = unmapped(prim.out_tree, prim.out_avals_flat, self._outs)
        names = "prim", "axis_data", "in_dims", "out_dim"
        values = prim, axis_data, in_dims, out_dim
        self.params = dict(zip(names, values, strict=True))
        super().__init__()

    def _moved(self, values, dims):
        return [
            batching.match_axis(self.axis_data, x, d, wanted)
            for x, d, wanted in zip(values, dims, self._outs, strict=True)
        ]

    def expand_flat(self, *flat):
        found = batching.batch(self.prim.expand_flat, self.axis_data, flat, self._ins)
        return self._moved(*found)

    def has_vjp(self):
        return self.prim.has_vjp()

    def vjp_rules(self):
        fwd, bwd = self.prim.vjp_rules()
        axis, n, res_dims = self.axis_data, len(self._outs), []

        def fwd_of_batch(primals, nonzero):
            def flat(*args):
                outs, residuals = fwd(list(args), nonzero)
                return [*outs, *residuals]

            values, dims = batching.batch(flat, axis, primals, self._ins)
            res_dims[:] = dims[n:]
            return self._moved(values[:n], dims[:n]), values[n:]

        def bwd_of_batch(residuals, cts):
            return bwd_over_batch(
                bwd, axis, self._ins, residuals, res_dims, cts, self._outs
            )

        return fwd_of_batch, bwd_of_batch

    def jvp(self, primals, tangents):
        axis, prim, n = self.axis_data, self.prim, len(self._ins)
        primals, tangents = flatten(primals)[0], flatten(tangents)[0]
        live = [k for k, t in enumerate(tangents) if type(t) is not Zero]
        moves = []

        def flat(*args):
            inner = [
                Zero(batching.mapped_aval(t.aval, d, axis.size))
                if type(t) is Zero
                else None
                for t, d in zip(tangents, self._ins, strict=True)
            ]
            for k, t in zip(live, args[n:], strict=True):
                inner[k] = t
            outs, found = _jvp(args[:n], inner, _prim=prim)
            moves[:] = ad.nonzero_mask(found)
            return [*outs, *ad.without_zeros(found)]

        args = [*primals, *[tangents[k] for k in live]]
        dims = [*self._ins, *[self._ins[k] for k in live]]
        values, found = batching.batch(flat, axis, args, dims)
        n_out = len(self._outs)
        outs = self._moved(values[:n_out], found[:n_out])
        feed = iter(zip(values[n_out:], found[n_out:], strict=True))
        out_tangents = [
            batching.match_axis(axis, *next(feed), wanted) if moving
            else Zero(core.get_aval(out).to_tangent_aval())
            for moving, wanted, out in zip(moves, self._outs, outs, strict=True)
        ]  # fmt: skip
        tree = self.out_tree
        return unflatten(tree, outs), unflatten(tree, out_tangents)

    def batch_dim_rule(self, axis_data, dims, /):
        inner = [
            d if d is None or own is None else d - (own < d)
            for d, own in zip(self.in_tree.flatten_up_to(dims), self._ins, strict=True)
        ]
        found = self.prim.batch_dim_rule(axis_data, unflatten(self.in_tree, inner))
        outer = [
            d if d is None or own is None else d + (own <= d)
            for d, own in zip(
                self.out_tree.flatten_up_to(found), self._outs, strict=True
            )
        ]
        return unflatten(self.out_tree, outer)


# --- the primitive that stands for them in equations ----------------------------------


def _jvp(primals, tangents, *, _prim):
    tree = _prim.in_tree
    out, tangent = _prim.jvp(unflatten(tree, primals), unflatten(tree, tangents))
    return _leaves(_prim.out_tree, out, "jvp"), _leaves(_prim.out_tree, tangent, "jvp")


def _linearize(linear_trace, primals, tangents, *, _prim):
    nonzero = [type(t) is not Zero for t in tangents]
    for_vjp = linear_trace.pullback
    if _prim.has_vjp() if for_vjp is None else for_vjp:
        fwd, bwd = _prim.vjp_rules()
        outs, residuals = fwd(primals, nonzero)
        avals = [core.get_aval(x) for x in outs]
        with core.set_current_trace(linear_trace):
            return outs, CustomVJPCall.linear_call(bwd, residuals, tangents, avals)
    tree = _prim.in_tree
    out, residuals, *_ = _prim.lin(unflatten(tree, nonzero), *unflatten(tree, primals))
    with core.set_current_trace(linear_trace):
        tangent = _prim.linearized(residuals, *unflatten(tree, tangents))
    wanted = _prim.out_tree
    return _leaves(wanted, out, "lin"), _leaves(wanted, tangent, "linearized")


def _transpose(cts, *args, _prim):
    given = [ValAccum(x.aval) if core.is_undefined_primal(x) else x for x in args]
    _prim.transpose(unflatten(_prim.out_tree, cts), *unflatten(_prim.in_tree, given))
    return [x.total() if isinstance(x, GradAccum) else None for x in given]


def _batch(axis, args, dims, *, _prim):
    tree = _prim.in_tree
    out, out_dims = _prim.batch(axis, unflatten(tree, args), unflatten(tree, dims))
    outs = _leaves(_prim.out_tree, out, "batch")
    return outs, _prim.out_tree.flatten_up_to(out_dims)


def _broadcast(tree, prefix):
    """A prefix of booleans for every leaf of a structure."""
    n = tree.num_leaves
    return [prefix] * n if isinstance(prefix, bool) else tree.flatten_up_to(prefix)


def _dce(used, eqn):
    prim = eqn.params["_prim"]
    ins, outs, smaller = prim.dce(unflatten(prim.out_tree, used))
    ins, outs = _broadcast(prim.in_tree, ins), _broadcast(prim.out_tree, outs)
    return eqn.replace(
        invars=[v for v, read in zip(eqn.invars, ins, strict=True) if read],
        outvars=[v for v, left in zip(eqn.outvars, outs, strict=True) if left],
        params={"_prim": smaller},
    )


def _traced(prim):
    return trace(prim.expand_flat, prim.in_avals_flat)


class _Call(Primitive):
    to_lojax: Any

    def effects_of(self, params):
        return params["_prim"].effects


call_hi_primitive_p = define(
    "call_hi_primitive",
    cls=_Call,
    multiple_results=True,
    shape=lambda *_, _prim: list(_prim.out_avals_flat),
    reference=lambda *arrays, _prim: evaluate(_traced(_prim), *arrays),
    jvp=_jvp,
    linearize=_linearize,
    transpose=_transpose,
    batch=_batch,
    dce=_dce,
    lower=lambda b, ins, out_avals, *, _prim: b.inline(_traced(_prim), ins),
    narrow=AS_STORED,
)


@call_hi_primitive_p.def_impl
def _expanded(*flat, _prim):
    return _prim.expand_flat(*flat)


call_hi_primitive_p.to_lojax = _expanded
