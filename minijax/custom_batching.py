"""Functions with batching rules of the user's (`jax.custom_batching`)."""

from typing import Any

from minijax.alias import missing_attribute
from minijax.control.custom_vmap import custom_vmap as custom_vmap
from minijax.control.custom_vmap import sequential_vmap as sequential_vmap


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
