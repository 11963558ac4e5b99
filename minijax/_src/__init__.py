"""The few names private to JAX that public libraries import, as adapters.

Nothing of minijax's own is here: each module says which library needs it.
"""

import importlib

from minijax.alias import missing_attribute

_LAZY = {"compiler", "traceback_util", "xla_bridge"}


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    raise missing_attribute(__name__, name)
