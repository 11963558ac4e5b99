"""The version of JAX's compiled library (`jax.lib`) whose meaning minijax follows."""

from minijax.alias import JAX_VERSION as __version__  # noqa: F401
