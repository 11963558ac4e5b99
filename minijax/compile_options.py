"""The options of XLA's compiler that a program may name: checked, since they name nothing here.

XLA's options have a type each. Its own list is not repeated: what an option's name says of
its type is what is checked.
"""

import re
from collections.abc import Mapping
from typing import Any

from minijax.errors import JaxRuntimeError

# Fields of the options that are no flags, and whether a value fits.
_EFFORTS = {
    "exec_time_optimization_effort": (int, float),
    "memory_fitting_effort": (int, float),
    "optimization_level": int,
    "memory_fitting_level": int,
}
_IS_BOOL = re.compile(
    r"xla_(embed_ir|dump_hlo_as|dump_include|allow|disable|enable|use|"
    r"(cpu|gpu)_(enable|allow|disable|use))_"
)
_IS_INT = re.compile(r"xla_\w*(_level|_max_hlo_modules|_device_count|_threshold)$")


def check_compiler_options(options: Mapping[str, Any] | None) -> None:
    """JaxRuntimeError for an option that XLA cannot have or that does not fit its type."""
    for name, value in (options or {}).items():
        if name in _EFFORTS:
            if not isinstance(value, _EFFORTS[name]):
                raise TypeError(f"the option {name} is a number, got {value!r}")
        elif not name.startswith("xla_"):
            raise JaxRuntimeError(f"INVALID_ARGUMENT: No such compile option: '{name}'")
        elif not isinstance(value, (str, bool, int, float)):
            raise TypeError(f"the option {name} cannot be {value!r}")
        elif _IS_BOOL.match(name) and str(value).lower() not in ("true", "false"):
            raise _unfit(name, value, "bool")
        elif _IS_INT.match(name) and not re.fullmatch(r"-?\d+", str(value)):
            raise _unfit(name, value, "int32")


def _unfit(name, value, kind):
    return JaxRuntimeError(
        f"INVALID_ARGUMENT: While setting option {name}, '{value}' is not a valid {kind} "
        "value."
    )
