"""Executables kept on disk."""

from minijax._src._homes import names_of

_cache = None  # JAX's own cache of executables: never in use, here


def is_persistent_cache_enabled():
    """Whether JAX's own cache of executables is in use: never, here."""
    return False


__getattr__ = names_of(
    __name__, "minijax.experimental.compilation_cache.compilation_cache"
)
