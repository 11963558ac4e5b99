"""Scatters in NumPy, slow and obvious: the references of `scatter.py`."""

import numpy as np

from minijax import core
from minijax.ops.gather import GatherScatterMode, kept_dims, slice_starts


def window_sizes(operand_rank, updates_shape, numbers):
    """The sizes of a window as a slice of the operand."""
    window, inserted, _, batching, _ = numbers
    sizes = [1] * operand_rank
    kept = kept_dims(operand_rank, inserted, batching)
    for d, source in zip(kept, window, strict=True):
        sizes[d] = updates_shape[source]
    return tuple(sizes)


def reference_rule(combine):
    """The reference rule of a scatter that combines by a NumPy function (None: replaces)."""

    def reference(
        operand, indices, updates, *, dimension_numbers, mode, update_jaxpr, **params
    ):
        window, _, scatter_map, batching, index_batching = dimension_numbers
        function = combine
        if combine is None and update_jaxpr is not None:
            function = _reference_of(update_jaxpr, params["update_consts"])
        out = operand.copy()
        sizes = window_sizes(operand.ndim, updates.shape, dimension_numbers)
        front = kept_dims(updates.ndim, window)
        updates = updates.transpose(front + window)
        numbers = scatter_map, batching, index_batching
        for place in np.ndindex(*indices.shape[:-1]):
            starts, fits = slice_starts(
                numbers, operand.shape, sizes, indices[place], place
            )
            if not fits and mode is GatherScatterMode.FILL_OR_DROP:
                continue
            cut = tuple(slice(s, s + n) for s, n in zip(starts, sizes, strict=True))
            new = updates[place].reshape(sizes)
            if function is not None:
                new = function(out[cut], new).astype(out.dtype)
            out[cut] = new
        return out

    return reference


def _reference_of(jaxpr, consts):
    """A scalar jaxpr as a NumPy function, through the reference rules."""

    def run(*args):
        env = dict(zip(jaxpr.constvars, consts, strict=True))
        env.update(zip(jaxpr.invars, args, strict=True))

        def read(atom):
            if type(atom) is core.Literal:
                return np.asarray(atom.val).astype(atom.aval.dtype)
            return env[atom]

        for eqn in jaxpr.eqns:
            env[eqn.outvars[0]] = eqn.primitive.reference(
                *[read(a) for a in eqn.invars], **eqn.params
            )
        return np.asarray(read(jaxpr.outvars[0]))

    return run
