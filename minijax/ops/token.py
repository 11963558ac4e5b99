"""Tokens: values without contents, whose use orders effects."""

import numpy as np

from minijax import core, dtypes
from minijax.core import AbstractToken, Token, Zero
from minijax.ops.define import NO_RULE, NOT_LINEAR, define


def _stored():
    """What stands for a token in a program."""
    return np.zeros((), dtypes.storage_dtype(dtypes.token))


def create_token(_=None):
    """A new token.  The argument is not looked at."""
    return create_token_p.bind()


create_token_p = define(
    "create_token",
    shape=AbstractToken,
    reference=_stored,
    jvp=NO_RULE("create_token has no arguments"),
    transpose=NOT_LINEAR,
    batch=NO_RULE("create_token has no arguments"),
    lower=lambda b, ins, out_avals: [b.constant(_stored())],
)
create_token_p.stays = True
create_token_p.def_impl(Token)


def after_all(*operands):
    """A token that is there once all of the tokens `operands` are.

    TypeError for an operand that is no token.
    """
    return after_all_p.bind(*operands)


def _after_all_shape(*avals):
    if any(type(aval) is not AbstractToken for aval in avals):
        raise TypeError("Arguments to after_all must be tokens")
    return AbstractToken()


def _after_all_jvp(primals, tangents):
    out = after_all_p.bind(*primals)
    return out, Zero.of(out)


def _after_all_impl(*operands):
    _after_all_shape(*map(core.get_aval, operands))
    return Token()


after_all_p = define(
    "after_all",
    shape=_after_all_shape,
    reference=lambda *tokens: _stored(),
    jvp=_after_all_jvp,
    transpose=NO_RULE("a token has no cotangent"),
    batch=lambda axis, args, dims: (after_all_p.bind(*args), None),
    lower=lambda b, ins, out_avals: [b.constant(_stored())],
)
after_all_p.def_impl(_after_all_impl)
