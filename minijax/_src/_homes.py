"""Where the names of an adapter module are found."""

import importlib
from collections.abc import Callable, Collection
from typing import Any

from minijax.alias import missing_attribute


def names_of(
    module: str, *homes: str, submodules: Collection[str] = ()
) -> Callable[[str], Any]:
    """A `__getattr__` for `module`: a name is what the first home that has it says.

    Homes load when a name is first asked for. AttributeError where none has it.
    """

    def find(name: str) -> Any:
        if name in submodules:
            return importlib.import_module(f"{module}.{name}")
        if name.startswith("__"):
            raise missing_attribute(module, name)
        for home in homes:
            try:
                return getattr(importlib.import_module(home), name)
            except AttributeError:
                continue
        raise missing_attribute(module, name)

    return find
