"""Cotangents under `shard_map` vary along the mesh axes that their argument varies along.

JAX adds a cotangent up along all other axes, where the argument met values that vary
along them.  An axis has one member here, so nothing is to be added: two primitives that
leave values as they are tell `control.varying` so.
"""

import numpy as np

from minijax import core, dtypes
from minijax.core import Zero
from minijax.ops.define import define


def _jvp_of(primitive_of):
    def jvp(primals, tangents):
        bind, (x, like), t = primitive_of().bind, primals, tangents[0]
        out = bind(x, like)
        return out, Zero.of(out) if type(t) is Zero else bind(t, like)

    return jvp


def _define(name, primitive_of, transpose):
    return define(
        name,
        shape=lambda x, like: x,
        reference=lambda x, like: x,
        jvp=_jvp_of(primitive_of),
        transpose=transpose,
        batch=lambda axis, args, dims: (primitive_of().bind(*args), dims[0]),
        lower=lambda b, ins, out_avals: ins[:1],
    )


# `x` itself, whose cotangent varies as `like` does
pvary_like_p = _define(
    "pvary_like",
    lambda: pvary_like_p,
    lambda ct, x, like: [psum_invariant_like_p.bind(ct, like), None],
)

# `x`, added up along the axes that it varies along and `like` does not
psum_invariant_like_p = _define(
    "psum_invariant_like",
    lambda: psum_invariant_like_p,
    lambda ct, x, like: [ct, None],
)


def with_own_cotangents(fun):
    """A flat function, in whose pullback each cotangent varies as its argument does."""

    def followed(*args):
        return fun(*[pvary_like_p.bind(x, x) if _has_one(x) else x for x in args])

    return followed


def _has_one(x):
    """Whether `x` is a value with a cotangent."""
    aval = core.get_aval(x)
    is_array = isinstance(aval, core.ShapedArray)
    return is_array and dtypes.issubdtype(aval.dtype, np.inexact)
