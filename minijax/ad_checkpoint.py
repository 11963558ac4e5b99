"""Rematerialisation (`jax.ad_checkpoint`)."""

import importlib
from typing import Any, NamedTuple

from minijax.alias import missing_attribute
from minijax.control.policies import checkpoint_policies as checkpoint_policies
from minijax.control.remat import checkpoint_name as checkpoint_name

_LATE = {"print_saved_residuals", "saved_residuals"}


class Offloadable(NamedTuple):
    """What a policy says of values to keep in another memory: here there is one."""

    src: str
    dst: str


class _Kind:
    """What a policy says of values: whether to keep them."""

    def __init__(self, name, kept):
        self._name, self._kept = name, kept

    def __bool__(self):
        return self._kept

    def __repr__(self):
        return self._name


Recompute, Saveable = _Kind("Recompute", False), _Kind("Saveable", True)


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module("minijax.api.residuals"), name)
    raise missing_attribute(__name__, name)
