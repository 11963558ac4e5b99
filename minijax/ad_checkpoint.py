"""Rematerialisation (`jax.ad_checkpoint`)."""

import importlib
from typing import Any

from minijax.alias import missing_attribute
from minijax.control.policies import checkpoint_policies as checkpoint_policies
from minijax.control.remat import checkpoint as checkpoint
from minijax.control.remat import checkpoint as remat  # noqa: F401
from minijax.control.remat import checkpoint_name as checkpoint_name

_LATE = {"print_saved_residuals", "saved_residuals"}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module("minijax.api.residuals"), name)
    raise missing_attribute(__name__, name)
