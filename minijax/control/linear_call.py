"""linear_call: a function linear in some arguments, with a transpose of the user's."""

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.body import debug_info_of
from minijax.core import HigherOrderPrimitive, Zero
from minijax.ops.define import define, instantiate
from minijax.trace import DebugInfo, describe_function, hoist_consts, trace
from minijax.transforms import batching
from minijax.transforms.evaluate import evaluate


def linear_call(fun, fun_transpose, residual_args, linear_args):
    """`fun(residual_args, linear_args)`, linear in the latter.

    Its transpose is `fun_transpose(residual_args, cotangent) -> cotangents of
    linear_args`.
    """
    residuals, res_tree = flatten(residual_args)
    operands, lin_tree = flatten(linear_args)
    trees = []

    def flat_fun(*leaves):
        n = len(residuals)
        out = fun(unflatten(res_tree, leaves[:n]), unflatten(lin_tree, leaves[n:]))
        outs, tree = flatten(out)
        trees.append(tree)
        return outs

    avals = [core.get_aval(x) for x in residuals + operands]
    info = debug_info_of("linear_call fun", fun, (residual_args, linear_args))
    callee, consts = hoist_consts(trace(flat_fun, avals, info))
    out_tree = trees[0]

    def flat_transpose(*leaves):
        n = len(residuals)
        cts = fun_transpose(
            unflatten(res_tree, leaves[:n]), unflatten(out_tree, leaves[n:])
        )
        found, tree = flatten(cts)
        if tree != lin_tree:
            raise TypeError(
                "transpose output pytree structure must match that of linear inputs, got "
                f"output structure {tree} and input structure {lin_tree}."
            )
        return found

    outs = linear_call_p.bind(
        *consts,
        *residuals,
        *operands,
        callee=callee,
        transpose=flat_transpose,
        num_consts=len(consts),
        num_res=len(residuals),
    )
    return unflatten(out_tree, outs)


def _jvp(primals, tangents, *, num_consts, num_res, **params):
    fixed = num_consts + num_res
    if any(type(t) is not Zero for t in tangents[:fixed]):
        raise NotImplementedError("linear_call is not differentiable in its residuals")
    params.update(num_consts=num_consts, num_res=num_res)
    outs = linear_call_p.bind(*primals, **params)
    moving = [instantiate(t) for t in tangents[fixed:]]
    return outs, linear_call_p.bind(*primals[:fixed], *moving, **params)


def _transpose(cts, *args, callee, transpose, num_consts, num_res):
    # A linear call too, which the function itself transposes
    fixed = num_consts + num_res
    consts, residuals = args[:num_consts], args[num_consts:fixed]
    operands = [*residuals, *map(instantiate, cts)]
    info = DebugInfo("linear_call fun_transpose", describe_function(transpose))
    traced = trace(transpose, [core.get_aval(x) for x in operands], info)
    transposed, transposed_consts = hoist_consts(traced)

    def back(*leaves):
        return core.jaxpr_as_fun(callee)(*consts, *leaves)

    outs = linear_call_p.bind(
        *transposed_consts,
        *operands,
        callee=transposed,
        transpose=back,
        num_consts=len(transposed_consts),
        num_res=num_res,
    )
    return [None] * fixed + list(outs)


def _batch(axis, args, dims, *, callee, transpose, num_consts, num_res):
    in_dims = batching.front_dims(dims)
    derived, out_dims = batching.batch_jaxpr(callee, axis, in_dims)
    args = batching.all_to_front(axis, args, dims)
    fixed = num_consts + num_res

    def batched_transpose(*leaves):
        ct_dims = [*in_dims[num_consts:fixed], *out_dims]
        outs, found = batching.batch(transpose, axis, leaves, ct_dims)
        return [
            batching.match_axis(axis, x, d, want) if want is not None else x
            for x, d, want in zip(outs, found, in_dims[fixed:], strict=True)
        ]

    outs = linear_call_p.bind(
        *args,
        callee=derived,
        transpose=batched_transpose,
        num_consts=num_consts,
        num_res=num_res,
    )
    return outs, out_dims


linear_call_p = define(
    "linear_call",
    cls=HigherOrderPrimitive,
    shape=lambda *avals, callee, **_: callee.out_avals,
    reference=lambda *args, callee, **_: evaluate(callee, *args),
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    lower=lambda b, ins, out_avals, *, callee, **_: b.inline(callee, ins),
)
