"""The primitive of `shard_map`: it calls a jaxpr on the shards of its arguments.

The mesh's axes have size 1, so a shard is the whole; what is derived from a call is a
call over the same mesh, whose specs say how its arguments and results are cut.
"""

from minijax import core
from minijax.control.jit_rules import pruned_call, without_inputs
from minijax.control.varying import varying_axes
from minijax.core import HigherOrderPrimitive
from minijax.ops.define import define
from minijax.partition_spec import PartitionSpec
from minijax.trace import hoist_consts
from minijax.transforms import ad, batching
from minijax.transforms.evaluate import evaluate


def manual_axes(mesh, newly_manual_axes, **_):
    """A context in which the axes that a call is mapped over have names."""
    return core.extend_axis_env({name: mesh.shape[name] for name in newly_manual_axes})


def call_on_shards(closed, args, in_specs, out_specs, **params):
    """Call a closed jaxpr on shards; its constants are whole everywhere.

    in_specs, out_specs: a spec for each argument and each result.
    """
    closed, consts = hoist_consts(closed)
    whole = (PartitionSpec(),) * len(consts)
    return shard_map_p.bind(
        *consts, *args, jaxpr=closed, in_specs=(*whole, *in_specs),
        out_specs=tuple(out_specs), **params,
    )  # fmt: skip


def _chosen(values, mask):
    return [x for x, wanted in zip(values, mask, strict=True) if wanted]


def _jvp(primals, tangents, *, jaxpr, in_specs, out_specs, **params):
    nonzero = ad.nonzero_mask(tangents)
    with manual_axes(**params):
        derived, out_nonzero = ad.jvp_jaxpr(jaxpr, nonzero)
    outs = call_on_shards(
        derived,
        [*primals, *_chosen(tangents, nonzero)],
        [*in_specs, *_chosen(in_specs, nonzero)],
        [*out_specs, *_chosen(out_specs, out_nonzero)],
        **params,
    )
    n = len(out_nonzero)
    return outs[:n], ad.with_zeros(outs[n:], out_nonzero, jaxpr.out_avals)


def _linearize(
    linear_trace, primals, tangents, *, jaxpr, in_specs, out_specs, **params
):
    """Residuals are cut along every axis that they vary along."""
    nonzero = ad.nonzero_mask(tangents)
    with manual_axes(**params):
        primal, linear, out_nonzero, n_residuals = ad.linearize_jaxpr(jaxpr, nonzero)
    primal, from_inputs = without_inputs(primal, n_residuals)
    n = len(out_specs)
    computed_specs = _residual_specs(primal.jaxpr, n, in_specs, **params)
    outs = call_on_shards(
        primal, primals, in_specs, [*out_specs, *computed_specs], **params
    )
    computed = iter(zip(outs[n:], computed_specs, strict=True))
    residuals = [
        next(computed) if k is None else (primals[k], in_specs[k]) for k in from_inputs
    ]
    with core.set_current_trace(linear_trace):
        found = call_on_shards(
            linear,
            [x for x, _ in residuals] + _chosen(tangents, nonzero),
            [spec for _, spec in residuals] + _chosen(in_specs, nonzero),
            _chosen(out_specs, out_nonzero),
            **params,
        )
    return outs[:n], ad.with_zeros(found, out_nonzero, jaxpr.out_avals)


def _residual_specs(jaxpr, n_out, in_specs, *, mesh, newly_manual_axes, check_vma):
    """Specs of a jaxpr's outputs but for the first `n_out`."""
    if not check_vma:
        found = [newly_manual_axes] * len(jaxpr.outvars)
    else:
        found = varying_axes(jaxpr, [frozenset(spec.names()) for spec in in_specs])
    specs = []
    for var, varies in zip(jaxpr.outvars[n_out:], found[n_out:], strict=True):
        names = tuple(name for name in mesh.axis_names if name in varies)
        cut = bool(names) and bool(var.aval.shape)
        specs.append(PartitionSpec(names) if cut else PartitionSpec())
    return specs


def _transpose(cts, *args, jaxpr, in_specs, out_specs, **params):
    linear = ad.linear_mask(args)
    is_known = [not is_linear for is_linear in linear]
    ct_nonzero = ad.nonzero_mask(cts)
    with manual_axes(**params):
        derived, in_nonzero = ad.transpose_jaxpr(jaxpr, linear, ct_nonzero)
    in_nonzero = list(in_nonzero)
    found = call_on_shards(
        derived,
        _chosen(args, is_known) + _chosen(cts, ct_nonzero),
        _chosen(in_specs, is_known) + _chosen(out_specs, ct_nonzero),
        _chosen(_chosen(in_specs, linear), in_nonzero),
        **params,
    )
    avals = [x.aval for x in _chosen(args, linear)]
    return ad.at_linear(ad.with_zeros(found, in_nonzero, avals), linear)


def _batch(axis, args, dims, *, jaxpr, in_specs, out_specs, **params):
    with manual_axes(**params):
        derived, out_dims = batching.batch_jaxpr(jaxpr, axis, batching.front_dims(dims))
    names = axis.spmd_name or ()
    names = names if isinstance(names, tuple) else (names,)
    params["newly_manual_axes"] = params["newly_manual_axes"] | frozenset(names)

    def cut(specs, dims):
        return [
            spec if d is None else PartitionSpec(names, *spec.partitions)
            for spec, d in zip(specs, dims, strict=True)
        ]

    args = batching.all_to_front(axis, args, dims)
    outs = call_on_shards(
        derived, args, cut(in_specs, dims), cut(out_specs, out_dims), **params
    )
    return outs, out_dims


def _dce(used, eqn):
    closed, reads = pruned_call(eqn.params["jaxpr"], used)
    params = {
        **eqn.params,
        "jaxpr": closed,
        "in_specs": tuple(_chosen(eqn.params["in_specs"], reads)),
        "out_specs": tuple(_chosen(eqn.params["out_specs"], used)),
    }
    return eqn.replace(
        invars=_chosen(eqn.invars, reads),
        outvars=_chosen(eqn.outvars, used),
        params=params,
    )


def _impl(*args, jaxpr, in_specs, out_specs, **params):
    """Outside of programs the equations run one by one, as JAX's do."""
    try:
        with manual_axes(**params):
            return core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *args)
    except FloatingPointError as error:
        bad = "inf" if "(inf)" in str(error) else "nan"
        raise FloatingPointError(
            f"Invalid value ({bad}) encountered in sharded computation."
        ) from error


shard_map_p = define(
    "shard_map",
    cls=HigherOrderPrimitive,
    shape=lambda *_, jaxpr, **__: jaxpr.out_avals,
    reference=lambda *args, jaxpr, **_: evaluate(jaxpr, *args),
    jvp=_jvp,
    linearize=_linearize,
    transpose=_transpose,
    batch=_batch,
    dce=_dce,
    lower=lambda b, ins, out_avals, *, jaxpr, **_: b.inline(jaxpr, ins),
)
shard_map_p.impl = _impl
shard_map_p.is_call = True
