"""`jax.ref`: mutable references to arrays."""

from minijax.core import AbstractRef as AbstractRef
from minijax.state.primitives import Ref as Ref
from minijax.state.primitives import addupdate as addupdate
from minijax.state.primitives import empty_ref as empty_ref
from minijax.state.primitives import free_ref as free_ref
from minijax.state.primitives import freeze as freeze
from minijax.state.primitives import get as get
from minijax.state.primitives import new_ref as new_ref
from minijax.state.primitives import set as set
from minijax.state.primitives import swap as swap

__all__ = [
    "AbstractRef", "Ref", "addupdate", "empty_ref", "free_ref", "freeze", "get", "new_ref",
    "set", "swap",
]  # fmt: skip
