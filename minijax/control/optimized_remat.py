"""Forward rules of `custom_vjp` that are computed only where their residuals are read.

`remat_opt[fwd_jaxpr, fun_jaxpr]` computes a rule's outputs and residuals. Dead-code
elimination puts a call of the function itself in its place where it finds that nothing
reads the residuals, as in the forward pass of a checkpointed function.
"""

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.call_params import call_params
from minijax.control.jit_rules import jit_p, pruned_call
from minijax.core import HigherOrderPrimitive
from minijax.ops.define import NO_RULE, define
from minijax.trace import DebugInfo, hoist_consts, trace
from minijax.transforms import batching
from minijax.transforms.evaluate import evaluate


def call_optimized(fun, fwd, args):
    """`fwd(args) -> (outputs, residuals)` on flat values, where `fun(*args)` gives the
    same outputs.
    """
    avals = [core.get_aval(x) for x in args]
    sizes = []

    def flat_fwd(*values):
        outs, residuals = fwd(list(values))
        sizes.append(len(outs))
        return [*outs, *residuals]

    info = DebugInfo("custom_vjp", getattr(fun, "__name__", "fun"))
    fun_jaxpr, fun_consts = hoist_consts(trace(fun, avals, info))
    fwd_jaxpr, fwd_consts = hoist_consts(trace(flat_fwd, avals, info))
    outs = remat_opt_p.bind(
        *fwd_consts, *fun_consts, *args, fwd_jaxpr=fwd_jaxpr, fun_jaxpr=fun_jaxpr,
        num_consts=len(fwd_consts), fun_num_consts=len(fun_consts),
    )  # fmt: skip
    return outs[: sizes[0]], outs[sizes[0] :]


def optimize_remat_of_custom_vjp_fwd(fun, fun_debug, fwd, fwd_debug):
    """`fwd(*args) -> (out, residuals)`, computed as `fun(*args)` where nothing reads the
    residuals.
    """

    def optimized(*args):
        flat, in_tree = flatten(args)
        trees = []

        def flat_fun(*values):
            return flatten(fun(*unflatten(in_tree, values)))[0]

        def flat_fwd(values):
            out, residuals = fwd(*unflatten(in_tree, values))
            found = flatten(out), flatten(residuals)
            trees[:] = [tree for _, tree in found]
            return [leaves for leaves, _ in found]

        parts = call_optimized(flat_fun, flat_fwd, flat)
        return tuple(map(unflatten, trees, parts))

    return optimized


def _of_fwd(values, num_consts, fun_num_consts):
    """What the forward rule reads of the values of an equation."""
    return [*values[:num_consts], *values[num_consts + fun_num_consts :]]


def _jvp(primals, tangents, *, fwd_jaxpr, fun_jaxpr, **numbers):
    primals, tangents = _of_fwd(primals, **numbers), _of_fwd(tangents, **numbers)
    return jit_p.jvp(primals, tangents, jaxpr=fwd_jaxpr, name="fwd")


def _batch(axis, args, dims, *, fwd_jaxpr, fun_jaxpr, num_consts, fun_num_consts):
    args = batching.all_to_front(axis, args, dims)
    front = batching.front_dims(dims)
    fwd_dims = _of_fwd(front, num_consts, fun_num_consts)
    fwd_jaxpr, out_dims = batching.batch_jaxpr(fwd_jaxpr, axis, fwd_dims, True)
    fun_jaxpr, _ = batching.batch_jaxpr(fun_jaxpr, axis, front[num_consts:], True)
    outs = remat_opt_p.bind(
        *args, fwd_jaxpr=fwd_jaxpr, fun_jaxpr=fun_jaxpr, num_consts=num_consts,
        fun_num_consts=fun_num_consts,
    )  # fmt: skip
    return outs, out_dims


def _lower(b, ins, out_avals, *, fwd_jaxpr, fun_jaxpr, **numbers):
    return b.inline(fwd_jaxpr, _of_fwd(ins, **numbers))


def _dce(used, eqn):
    fun = eqn.params["fun_jaxpr"]
    n = len(fun.jaxpr.outvars)
    if any(used[n:]):
        return eqn
    closed, reads = pruned_call(fun, used[:n])
    atoms = eqn.invars[eqn.params["num_consts"] :]
    return eqn.replace(
        primitive=jit_p,
        invars=[a for a, read in zip(atoms, reads, strict=True) if read],
        outvars=[v for v, wanted in zip(eqn.outvars, used, strict=True) if wanted],
        params=call_params(closed, "fun"),
    )


remat_opt_p = define(
    "remat_opt",
    cls=HigherOrderPrimitive,
    shape=lambda *avals, fwd_jaxpr, **_: fwd_jaxpr.out_avals,
    reference=lambda *args, fwd_jaxpr, fun_jaxpr, **numbers: evaluate(
        fwd_jaxpr, *_of_fwd(args, **numbers)
    ),
    jvp=_jvp,
    transpose=NO_RULE("differentiated before it is transposed"),
    batch=_batch,
    lower=_lower,
    dce=_dce,
)
