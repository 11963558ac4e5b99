"""Vector quantisation: which code is nearest."""

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import ensure_arraylike, promote_dtypes_inexact


def vq(obs, code_book, check_finite=True):
    """(the index of the nearest code, the distance to it) of each observation.

    obs: shape (m, d) or (m,); code_book: (n, d) or (n,).  check_finite: accepted, not used.
    """
    obs, code_book = ensure_arraylike("scipy.cluster.vq.vq", obs, code_book)
    if jnp.ndim(obs) != jnp.ndim(code_book):
        raise ValueError("Observation and code_book should have the same rank")
    if jnp.ndim(obs) not in (1, 2):
        raise ValueError("ndim different than 1 or 2 are not supported")
    return _vq(obs, code_book)


@jit
def _vq(obs, code_book):
    obs, code_book = [asarray(x) for x in promote_dtypes_inexact(obs, code_book)]
    if obs.ndim == 1:
        obs, code_book = obs[:, None], code_book[:, None]
    difference = obs[:, None] - code_book[None]
    distance = jnp.sqrt(jnp.sum(lax.square(jnp.abs(difference)), axis=-1))
    code = jnp.argmin(distance, axis=-1)
    return code, jnp.min(distance, axis=-1)
