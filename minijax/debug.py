"""Looking into a running program (`jax.debug`)."""

from minijax.control.callback import debug_callback as callback
from minijax.control.callback import debug_print as print

__all__ = ["callback", "print"]
