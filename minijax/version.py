"""The JAX release that is mirrored, and minijax's own version."""

from minijax.alias import JAX_VERSION

__version__ = JAX_VERSION
__version_info__ = tuple(int(part) for part in JAX_VERSION.split("."))
