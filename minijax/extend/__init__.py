"""Building blocks for libraries (`jax.extend`); submodules load when asked for."""

import importlib

from minijax.alias import missing_attribute

_LAZY = {
    "backend", "core", "ifrt_programs", "linear_util", "random", "source_info_util",
}  # fmt: skip


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    raise missing_attribute(__name__, name)
