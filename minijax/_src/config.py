"""The flags, each as an object: `enable_x64.value`, `with enable_x64(True):`."""

import enum

from minijax import config as config
from minijax.alias import missing_attribute
from minijax.config import parse_flags_with_absl as parse_flags_with_absl
from minijax.config import read as _read  # noqa: F401
from minijax.config import trace_key as trace_context  # noqa: F401
from minijax.config import update as update


class EffortLevel(enum.Enum):
    """How hard compilers try; accepted in compiler options."""

    UNKNOWN = 0
    O0 = 9
    O1 = 19
    O2 = 29
    O3 = 39


_states = {}


def __getattr__(name):
    for flag in (f"jax_{name}", name, name.lstrip("_")):
        if flag in config._FLAGS:
            return _states.setdefault(flag, config.context_manager(flag))
    raise missing_attribute(__name__, name)
