"""`pjit`, the old name of `jit`."""

import warnings
from typing import Any

from minijax.alias import missing_attribute
from minijax.control import sharded


def __getattr__(name: str) -> Any:
    if name == "pjit":
        warnings.warn(
            "jax.experimental.pjit.pjit has been deprecated. Please use `jax.jit` "
            "instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return sharded.pjit
    raise missing_attribute(__name__, name)
