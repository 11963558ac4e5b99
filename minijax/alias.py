"""Lets minijax answer to the name `jax`: `import jax.numpy as jnp` gives minijax's.

`install()` puts a finder first on `sys.meta_path`. Both names stand for the same
module objects, so `jax.numpy is minijax.numpy`. Real JAX is then out of reach in this
process, on purpose: a program must not run half on one and half on the other.
"""

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

JAX_VERSION = "0.10.2"  # the version of JAX whose meaning minijax follows
_REAL = "minijax"
_ALIAS = "jax"
# The compiled library, of which programs ask the version and the types of objects
_LIBRARY, _REAL_LIBRARY = "jaxlib", "minijax._src.lib"
# The modules that types of arrays say under the alias: those that JAX's say
_ALIASED_TYPES = {"Array": _ALIAS, "ArrayImpl": f"{_LIBRARY}._jax"}
# What `import jax` puts among the imported modules too
_WITH_JAX = ("core", "lax", "numpy", "tree", "tree_util")
# What JAX's own tests are written with. It computes nothing of a program's, and is taken
# from the JAX that is installed, to run on minijax.
_TEST_HELPERS = (
    "internal_test_util", "lax_reference", "test_loader", "test_util", "test_warning_util"
)  # fmt: skip


class AliasFinder:
    """Meta-path finder and loader that maps `jax[.x.y]` to `minijax[.x.y]`, and `jaxlib`."""

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Spec for a `jax` module; ModuleNotFoundError naming what minijax lacks."""
        helper = _test_helper(name)
        if name.partition(".")[0] not in (_ALIAS, _LIBRARY):
            return helper
        if helper is None and not _exists(real_name(name)):
            raise ModuleNotFoundError(_missing_module(name), name=name)
        loader: Any = self  # a Loader by what it can do, not by inheritance
        return ModuleSpec(name, loader, origin=f"minijax as {name}")

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The minijax module itself."""
        module = import_module(real_name(spec.name))
        # Import sets __spec__ on what this returns; exec_module puts it back.
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Undo what the import system wrote on the module; it has run already."""
        alias_spec = module.__spec__
        if alias_spec is not None and alias_spec.loader is self:
            module.__spec__ = alias_spec.loader_state
        if module.__name__ == _REAL:
            for name in _WITH_JAX:
                loaded = sys.modules.get(f"{_REAL}.{name}")
                if loaded is not None:
                    sys.modules.setdefault(f"{_ALIAS}.{name}", loaded)


def install() -> ModuleType:
    """Make `jax` mean minijax in this process; returns the module. Idempotent.

    Raises RuntimeError where another `jax` has been imported already.
    """
    package = import_module(_REAL)
    loaded = sys.modules.get(_ALIAS)
    if loaded is not None and loaded is not package:
        where = getattr(loaded, "__file__", None) or "unknown place"
        raise RuntimeError(
            f"minijax cannot take the name 'jax': another jax ({where}) was imported "
            "before it. Start the program with `python -m minijax SCRIPT`, or install "
            "the alias before anything imports jax."
        )
    if not is_installed():
        sys.meta_path.insert(0, AliasFinder())
        own_version = getattr(package, "__version__", None)
        if not hasattr(package, "__minijax_version__"):
            package.__dict__["__minijax_version__"] = own_version
        package.__dict__["__version__"] = JAX_VERSION
        package.__dict__["__version_info__"] = tuple(map(int, JAX_VERSION.split(".")))
        _name_types(_ALIASED_TYPES, public_name)
    return package


def uninstall() -> None:
    """Let `jax` mean JAX again: the next import of it finds the real one.

    For measurements that need both in one process; modules that imported the alias
    before keep what they have.
    """
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, AliasFinder)]
    for name in [n for n in sys.modules if n.partition(".")[0] in (_ALIAS, _LIBRARY)]:
        del sys.modules[name]
    _name_types(dict.fromkeys(_ALIASED_TYPES, f"{_REAL}.array"), real_name)


def _name_types(arrays, name_of):
    """Have types of values say where they are from, by which programs tell libraries apart.

    arrays: for each type in `minijax.array`, the module that it says; name_of: gives the
    tracers' from the one they say.
    """
    loaded = sys.modules.get(f"{_REAL}.array")
    if loaded is None:
        return
    for name, module in arrays.items():
        vars(loaded)[name].__module__ = module
    tracers = [loaded.Tracer]
    for kind in tracers:
        kind.__module__ = name_of(kind.__module__)
        tracers.extend(kind.__subclasses__())


def is_installed() -> bool:
    """Whether `jax` means minijax in this process."""
    return any(isinstance(finder, AliasFinder) for finder in sys.meta_path)


def real_name(name: str) -> str:
    """`jax.numpy` -> `minijax.numpy`; `jaxlib` -> what stands in for it."""
    root, dot, rest = name.partition(".")
    return (_REAL_LIBRARY if root == _LIBRARY else _REAL) + dot + rest


def public_name(name: str) -> str:
    """`minijax.numpy` -> `jax.numpy`; other names stay as they are."""
    root, dot, rest = name.partition(".")
    return _ALIAS + dot + rest if root == _REAL else name


def missing_attribute(module_name: str, attr: str) -> AttributeError:
    """The error for a module-level `__getattr__` to raise.

    `def __getattr__(name): raise missing_attribute(__name__, name)`
    """
    said = f"module {module_name!r} has no attribute {attr!r}"
    name = f"{public_name(module_name)}.{attr}"
    return _attribute_error(module_name, attr, f"minijax does not have {name} ({said})")


def unknown_attribute(module_name: str, attr: str) -> AttributeError:
    """As `missing_attribute`, for a module that has all that JAX's has."""
    said = f"module {module_name!r} has no attribute {attr!r}"
    return _attribute_error(module_name, attr, said)


def _attribute_error(module_name, attr, said):
    name = f"{public_name(module_name)}.{attr}"
    if name in _REMOVED:
        said = f"JAX {JAX_VERSION} does not have {name} any more{_REMOVED[name]}"
    error = AttributeError(said)
    error.name = attr
    error.obj = sys.modules.get(module_name)
    return error


_EXTENDED = "mapped_aval unmapped_aval take_current_trace TraceTag call_impl"
_PMAP = (
    "Chunked NoSharding Replicated ShardedAxis ShardingSpec Unstacked spec_to_indices"
)
# Names that JAX had, and what it has in their place
_REMOVED = {
    **dict.fromkeys(
        ("jax.device_put_replicated", "jax.device_put_sharded"), "; use jax.device_put"
    ),
    "jax.numpy.fix": "; use jax.numpy.trunc",
    "jax.lax.pvary": "; use jax.lax.pcast(..., to='varying')",
    "jax.scipy.special.sph_harm": "; use jax.scipy.special.sph_harm_y",
    "jax.ad_checkpoint.checkpoint": "; use jax.checkpoint",
    "jax.ad_checkpoint.remat": "; use jax.remat",
    "jax.core.traverse_jaxpr_params": "",
    "jax.interpreters.ad.reducing_transposes": "",
    "jax.interpreters.batching.NotMapped": "",
    **{f"jax.core.{n}": f"; use jax.extend.core.{n}" for n in _EXTENDED.split()},
    **{f"jax.interpreters.pxla.{n}": "; use jax.shard_map" for n in _PMAP.split()},
}


def _test_helper(name: str) -> ModuleSpec | None:
    """The spec of a module of JAX's own tests, by either name, where JAX is installed."""
    package, _, path = name.partition("._src.")
    if package not in (_ALIAS, _REAL) or path.partition(".")[0] not in _TEST_HELPERS:
        return None
    installed = PathFinder.find_spec(_ALIAS)
    if installed is None or not installed.submodule_search_locations:
        return None
    folders = path.split(".")[:-1]
    place = os.path.join(installed.submodule_search_locations[0], "_src", *folders)
    return PathFinder.find_spec(name, [place])


def _exists(real: str) -> bool:
    if real in sys.modules:
        return True
    parent_name, _, _ = real.rpartition(".")
    if not parent_name:
        return True  # minijax itself: this file is inside it
    try:
        parent = import_module(parent_name)
    except ModuleNotFoundError as error:
        if error.name is not None and parent_name.startswith(error.name):
            return False
        raise
    path = getattr(parent, "__path__", None)
    return path is not None and PathFinder.find_spec(real, path) is not None


def _missing_module(name: str) -> str:
    if name.startswith((f"{_ALIAS}._", f"{_LIBRARY}.")):
        return f"{name!r} is private to JAX; minijax has only JAX's public modules"
    return f"minijax does not have the module {name!r}"
