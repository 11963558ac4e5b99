"""Packages whose submodules load when they are first asked for."""

import importlib
import sys


def attach(package_name, submodules):
    """`__getattr__`, `__dir__` and `__all__` for the package that calls this.

    `__getattr__` imports one of `submodules` and keeps it in the package.
    """
    owner = sys._getframe(1).f_globals.get("__name__")
    if owner is None:
        raise RuntimeError("Cannot determine the ``__name__`` of the caller.")
    public = list(submodules)

    def find(name):
        if name not in public:
            raise AttributeError(
                f"module '{package_name}' has no attribute '{name}'", name=name
            )
        module = importlib.import_module(f"{package_name}.{name}")
        setattr(sys.modules[owner], name, module)
        return module

    return find, lambda: public, public
