"""The reference interpreter: a jaxpr run in NumPy, op by op, through each primitive's
`reference` rule.

Slow and obvious: the C backend is checked against it.
"""

import ml_dtypes
import numpy as np

from minijax import dtypes
from minijax.core import AS_STORED, Literal
from minijax.trace import trace


def evaluate(closed, *args):
    """Run a closed jaxpr on NumPy arrays; a list of NumPy arrays."""
    with np.errstate(all="ignore"):
        return _evaluate(closed.jaxpr, closed.consts, args)


def _evaluate(jaxpr, consts, args):
    env = {}

    def read(atom):
        if type(atom) is Literal:
            return np.asarray(atom.val).astype(atom.aval.dtype)
        return env[atom]

    env.update(zip(jaxpr.constvars, map(np.asarray, consts), strict=True))
    env.update(zip(jaxpr.invars, map(np.asarray, args), strict=True))
    for eqn in jaxpr.eqns:
        ins = [read(a) for a in eqn.invars]
        outs = _reference(eqn, ins)
        for var, value in zip(eqn.outvars, outs, strict=True):
            env[var] = _stored(np.asarray(value), var.aval.dtype)
    return [read(a) for a in jaxpr.outvars]


_HALVES = np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)


def _stored(value, dtype):
    """A result in its dtype; keys are held as plain words."""
    if isinstance(dtype, dtypes.ExtendedDType) or dtype == dtypes.float0:
        return value
    return value.astype(dtype, copy=False)


def _reference(eqn, ins):
    """Apply a first-order op; 16-bit floats go through float32, as in the kernels, and
    narrow dtypes through wider ones.
    """
    rule = eqn.primitive.narrow
    if rule is not AS_STORED and any(x.dtype in dtypes.narrow_dtypes for x in ins):
        if rule is not None:
            closed = trace(
                lambda *xs: [rule(*xs, **eqn.params)],
                [atom.aval for atom in eqn.invars],
            )
            return _evaluate(closed.jaxpr, closed.consts, ins)
        ins = [x.astype(dtypes.wide_dtype(x.dtype)) for x in ins]
    if eqn.primitive.name not in _KEEPS_BITS:
        ins = [x.astype(np.float32) if x.dtype in _HALVES else x for x in ins]
    typed = eqn.primitive.typed_reference
    if typed is None:
        out = eqn.primitive.reference(*ins, **eqn.params)
    else:
        out = typed([atom.aval for atom in eqn.invars], *ins, **eqn.params)
    return out if eqn.primitive.multiple_results else [out]


# ops whose meaning is in the bits, not the value
_KEEPS_BITS = {"bitcast_convert_type", "nextafter", "reduce_precision"}
