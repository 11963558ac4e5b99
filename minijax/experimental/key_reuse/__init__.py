"""Checks that no random key is used twice (`jax.debug_key_reuse`).

With the flag `jax_debug_key_reuse` a typed key that was used up (drawn from, or split)
and is used again raises `jax.errors.KeyReuseError`: in traced functions when they are
traced, by their jaxprs; among computed values when the second use is computed.
"""

from minijax.errors import KeyReuseError as KeyReuseError

__all__ = ["KeyReuseError"]
