"""Rematerialisation (`jax.ad_checkpoint`)."""

from typing import Any

from minijax.alias import missing_attribute
from minijax.control.remat import checkpoint as checkpoint
from minijax.control.remat import checkpoint as remat  # noqa: F401
from minijax.control.remat import checkpoint_name as checkpoint_name
from minijax.control.remat import checkpoint_policies as checkpoint_policies


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
