"""A measured process: `python child.py CONFIG.json` imports one side, then works on it.

Started by its path, with real JAX or minijax as "jax" according to CONFIG, and imports
nothing of minijax on JAX's side. CONFIG's "worker" is the file that does the work:
`work(child)` gets a `Child` and returns the exit status. What it leaves in
`child.result` is written to `result.json` in the folder that CONFIG names.
"""

import importlib.util
import json
import os
import sys
import time
from importlib import import_module
from types import ModuleType
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
clock = time.perf_counter_ns


def load(path: str) -> ModuleType:
    """The file at `path` as a module, under a name no script would import."""
    stem = os.path.splitext(os.path.basename(path))[0]
    name = f"_minijax_measure_{stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Child:
    """What the worker is given: the configuration, the side's modules, the result."""

    def __init__(self, config: dict[str, Any]):
        self.config = config
        self.result: dict[str, Any] = {"stage": "import", "times": {}}
        self.environment = load(os.path.join(HERE, "environment.py"))
        self.jax: Any = None
        self.numpy: Any = None
        self.file = __file__

    def load(self, name: str) -> ModuleType:
        """A file of the minijax package by its path within it, as a module alone."""
        return load(os.path.join(os.path.dirname(HERE), name))

    def load_file(self, path: str) -> ModuleType:
        """A file anywhere, as a module alone."""
        return load(path)

    def import_side(self) -> bool:
        """Import numpy, then the side's `jax`, timed in ns; False where that fails."""
        times = self.result["times"]
        try:
            start = clock()
            self.numpy = import_module("numpy")
            times["import_numpy"] = clock() - start
            if self.config["module"] == "minijax":
                find_own_checkout(self.config["root"])
            start = clock()
            self.jax = import_module(self.config["module"])
            if self.config["module"] in ("jax", "minijax"):
                import_module(f"{self.config['module']}.numpy")
            times["import"] = clock() - start
        except ImportError as error:
            self.fail_import(error)
            return False
        if self.config["module"] == "minijax":
            import_module("minijax.alias").install()
        return True

    def fail_import(self, error: Exception) -> None:
        """Tell the parent that the side itself cannot be used."""
        self.result["error"] = f"{type(error).__name__}: {error}"
        self.result["missing"] = getattr(error, "name", None)

    def write(self) -> None:
        """Leave the result where the parent looks for it, whole or not at all."""
        path = os.path.join(self.config["folder"], "result.json")
        with open(path + ".part", "w") as file:
            json.dump(self.result, file)
        os.replace(path + ".part", path)


def find_own_checkout(root: str) -> None:
    """Make `import minijax` find the minijax that runs this measurement."""
    spec = importlib.util.find_spec("minijax")
    if spec is None:
        sys.path.append(root)
    elif os.path.dirname(os.path.dirname(os.path.abspath(spec.origin or ""))) != root:
        sys.path.insert(0, root)


def main() -> int:
    """Do what the configuration says; returns the exit status."""
    with open(sys.argv[1]) as file:
        child = Child(json.load(file))
    worker = load(child.config["worker"])
    sys.path.pop(0)  # this folder: the script must not find our files in it
    status = worker.work(child) if child.import_side() else 1
    child.write()
    return status


if __name__ == "__main__":
    sys.exit(main())
