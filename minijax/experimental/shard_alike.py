"""Two trees that are to be cut over a mesh in the same way; there is one device."""

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.ops.define import define, instantiate
from minijax.ops.identities import stage
from minijax.transforms.batching import to_front


def shard_alike(x, y):
    """The trees `x` and `y`, whose leaves are to be cut over a mesh alike.

    ValueError where the trees, or the shapes of leaves that belong together, differ.
    """
    xs, x_tree = flatten(x)
    ys, y_tree = flatten(y)
    if x_tree != y_tree:
        raise ValueError(
            f"Trees should match. Got x_tree: {x_tree}, y_tree: {y_tree}: give two trees "
            "of one structure."
        )
    pairs = [shard_alike_p.bind(*_pair(a, b)) for a, b in zip(xs, ys, strict=True)]
    return (
        unflatten(x_tree, [a for a, _ in pairs]),
        unflatten(y_tree, [b for _, b in pairs]),
    )


def _pair(x, y):
    x, y = stage(x), stage(y)
    if x.shape != y.shape:
        raise ValueError(
            "The leaves shapes of `x` and `y` should match. Got `x` leaf shape: "
            f"{x.shape} and `y` leaf shape: {y.shape}: broadcast one of them first."
        )
    return x, y


def _jvp(primals, tangents):
    outs = shard_alike_p.bind(*primals)
    return outs, shard_alike_p.bind(*map(instantiate, tangents))


def _transpose(cts, *args):
    cts = shard_alike_p.bind(*map(instantiate, cts))
    return [
        ct if core.is_undefined_primal(x) else None
        for ct, x in zip(cts, args, strict=True)
    ]


def _batch(axis, args, dims):
    args = [to_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
    return shard_alike_p.bind(*args), [0 if d is not None else None for d in dims]


shard_alike_p = define(
    "shard_alike",
    multiple_results=True,
    shape=lambda x, y: [x, y],
    reference=lambda x, y: [x, y],
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    lower=lambda b, ins, out_avals: ins,
    narrow=core.AS_STORED,
)
