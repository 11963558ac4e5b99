"""The flags, each as an object: `enable_x64.value`, `with enable_x64(True):`."""

import enum
import os
from collections.abc import Mapping

from minijax import config as config
from minijax.alias import missing_attribute
from minijax.config import ExplicitX64Mode as ExplicitX64Mode
from minijax.config import State as State
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


class _States(Mapping):
    """Every flag as an object, by name."""

    def __getitem__(self, name):
        if name not in config._FLAGS:
            raise KeyError(name)
        return _states.setdefault(name, config.context_manager(name))

    def __iter__(self):
        return iter(config._FLAGS)

    def __len__(self):
        return len(config._FLAGS)


config_states = _States()


def bool_env(varname, default):
    """An environment variable as a truth value.  ValueError where it is none."""
    text = os.environ.get(varname, str(default)).lower()
    if text in ("y", "yes", "t", "true", "on", "1"):
        return True
    if text in ("n", "no", "f", "false", "off", "0"):
        return False
    raise ValueError(f"invalid truth value {text!r} for environment {varname!r}")


def int_env(varname, default):
    """An environment variable as an int."""
    return int(os.environ.get(varname, str(default)))


def _flag(name, default, help="", **_):
    """A new flag that the environment does not set."""
    config.define(name, default, help, environment=False)
    return config_states[name]


bool_flag = int_flag = float_flag = string_flag = _flag


def enum_flag(name, default, enum_values, help="", **_):
    """A new flag with named values."""
    config.define(name, default, help, choices=enum_values, environment=False)
    return config_states[name]


def _state(
    name, default, help="", *, kind=None, include_in_trace_context=False, **options
):
    """A new flag, which a `with` block may hold at another value."""
    taken = {k: v for k, v in options.items() if v is not None}
    if taken.keys() - {"include_in_jit_key"}:
        raise NotImplementedError(f"options of flags: {sorted(taken)}")
    traced = include_in_trace_context or bool(options.get("include_in_jit_key"))
    config.define(name.lower(), default, help, traced=traced, kind=kind)
    return config_states[name.lower()]


def _state_of(kind, optional=False):
    """Of a type and whether None is a value too: the function that makes such flags."""
    noun = f"{kind.__name__}{' or None' * optional}"

    def state(name, default, help="", **options):
        """A new flag of one type.  TypeError for another default."""
        if not (isinstance(default, kind) or (optional and default is None)):
            raise TypeError(
                f"Default value must be of type {noun}, got {default} of type "
                f"{type(default).__name__}"
            )
        # None is let through for numbers, as JAX has it.
        checked = None if kind is bool else (kind, optional or kind is not str)
        return _state(name, default, help, kind=checked, **options)

    return state


bool_state, int_state, float_state = map(_state_of, (bool, int, float))
string_state, optional_string_state = _state_of(str), _state_of(str, optional=True)


def enum_state(name, enum_values, default, help="", *, include_in_trace_context=False):
    """A new flag with named values.  TypeError for a default that is no name."""
    if not (isinstance(default, str) or default in enum_values):
        kind = type(default).__name__
        raise TypeError(
            f"Default value must be of type str, got {default} of type {kind}"
        )
    name = name.lower()
    traced = include_in_trace_context
    config.define(name, default, help, traced=traced, choices=enum_values)
    return config_states[name]


def optional_enum_state(name, enum_values, default, help="", **options):
    """A new flag with named values, or None."""
    return enum_state(name, (None, *enum_values), default, help, **options)


def __getattr__(name):
    if name == "xla_runtime_errors":
        return config_states["jax_experimental_unsafe_xla_runtime_errors"]
    for flag in (f"jax_{name}", name, name.lstrip("_")):
        if flag in config._FLAGS:
            return config_states[flag]
    raise missing_attribute(__name__, name)
