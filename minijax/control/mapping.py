"""lax.map: a function applied to each slice of a leading axis, by scan or in batches."""

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.scan import leading_size, scan
from minijax.ops.joining import concatenate
from minijax.traceback_util import api_boundary
from minijax.transforms import batching
from minijax.tree_util import tree_map


@api_boundary
def map(f, xs, *, batch_size=None):
    """`f` applied to each slice of `xs` along axis 0, the results stacked.

    `batch_size`: that many slices at a time go through `vmap(f)`; 0 for all at once.
    """
    if batch_size is None:
        _, ys = scan(lambda _, x: ((), f(x)), (), xs)
        return ys
    return _map_in_batches(f, xs, int(batch_size))


def _map_in_batches(f, xs, batch_size):
    leaves, tree = flatten(xs)
    n = leading_size(leaves, None)
    whole = n // batch_size * batch_size if batch_size else 0

    def batched(x):
        flat, in_tree = flatten(x)
        trees = []

        def flat_fun(*slices):
            outs, out_tree = flatten(f(unflatten(in_tree, slices)))
            trees.append(out_tree)
            return outs

        axis = core.AxisData(flat[0].shape[0])
        outs, dims = batching.batch(flat_fun, axis, flat, [0] * len(flat))
        outs = [
            batching.match_axis(axis, o, d, 0) for o, d in zip(outs, dims, strict=True)
        ]
        return unflatten(trees[0], outs)

    split, rest = [], []
    for x in leaves:
        if whole:
            split.append(x[:whole].reshape(-1, batch_size, *x.shape[1:]))
        if whole < n or not n:
            rest.append(x[whole:])
    parts = []
    if whole:
        _, ys = scan(lambda _, x: ((), batched(x)), (), unflatten(tree, split))
        parts.append(tree_map(lambda y: y.reshape(-1, *y.shape[2:]), ys))
    if whole < n or not n:
        parts.append(batched(unflatten(tree, rest)))
    if len(parts) == 1:
        return parts[0]
    return tree_map(lambda *ys: concatenate(ys, 0), *parts)
