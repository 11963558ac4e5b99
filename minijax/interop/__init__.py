"""JAX's jaxprs as minijax's and back, so that either front end runs on either backend.

    closed = jax.make_jaxpr(f)(x)            # real JAX
    minijax.interop.from_jax(closed)         # a minijax ClosedJaxpr, for the C backend
    minijax.interop.to_jax(ours)             # a function of JAX arrays, run by XLA

Real JAX is imported when one of these is called, never before. Both directions keep
nested calls, control flow and custom derivatives, and check every equation's result
type against what the other side said it was: a difference is an InteropError.
"""

from .from_jax import executable_from_jax, from_jax
from .to_jax import closed_to_jax, to_jax
from .values import InteropError, array_from_jax, array_to_jax

__all__ = [
    "InteropError", "array_from_jax", "array_to_jax", "closed_to_jax",
    "executable_from_jax", "from_jax", "to_jax",
]  # fmt: skip
