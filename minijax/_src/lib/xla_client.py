"""By this name too, the compiled library's names."""

from minijax._src.lib._jax import *  # noqa: F403
