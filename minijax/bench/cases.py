"""The modules of cases in `benchmarks/`, as a measured process loads them.

Loaded by its path, like `worker.py`: imports neither JAX nor minijax.
"""

import os
from collections.abc import Callable
from typing import Any

OPTIONS = (
    "kind", "jit", "donate", "arrays", "x64", "tolerance", "goal", "quick", "full",
    "compare",
)  # fmt: skip
# What the parent needs to know.
_PLAIN = ("kind", "tolerance", "goal", "quick", "full")
KINDS = ("warm", "cold", "script", "measured")


class CaseError(Exception):
    """A module of cases says something that cannot be understood."""


class Case:
    """One case: its name, its options, and how its function and arguments are made."""

    def __init__(self, name: str, source: str, value: Any):
        self.name, self.source = name, source
        self.options: dict[str, Any] = {"kind": "warm", "jit": True, "arrays": True}
        self._make: Callable[[], Any] = lambda: value
        if isinstance(value, dict):
            unknown = set(value) - {*OPTIONS, "run", "args", "make"}
            if unknown:
                raise CaseError(f"{source}: {name}: unknown {sorted(unknown)}")
            self.options |= {k: v for k, v in value.items() if k in OPTIONS}
            make = value.get("make")
            if make is not None:
                self._make = make
        elif callable(value):
            self._make = value
        if self.options["kind"] not in KINDS:
            raise CaseError(f"{source}: {name}: no kind {self.options['kind']!r}")

    def make(self) -> tuple[Callable, tuple]:
        """The function and its arguments, made now."""
        made = self._make()
        if isinstance(made, dict):
            self.options |= {k: v for k, v in made.items() if k in OPTIONS}
            made = made["run"], made.get("args", ())
        function, args = made
        return function, tuple(args)

    def described(self) -> dict[str, Any]:
        """What the parent needs to know, as plain data."""
        options = {k: v for k, v in self.options.items() if k in _PLAIN}
        return {"name": self.name, "source": self.source, **options}


def load_cases(
    folder: str, getter: str, module: Any, load: Callable[[str], Any], only: str = ""
) -> tuple[dict[str, Case], dict[str, Any]]:
    """(cases by name, goals by group) of every module in `folder`, or of `only` one.

    `getter` is "cases", "numpy_cases" or "torch_cases"; it is called with `module`.
    """
    cases: dict[str, Case] = {}
    goals: dict[str, Any] = {}
    for entry in sorted(os.listdir(folder)):
        stem, ending = os.path.splitext(entry)
        if ending != ".py" or stem.startswith("_") or only not in ("", entry):
            continue
        path = os.path.join(folder, entry)
        with open(path) as file:
            if f"def {getter}(" not in file.read():
                continue  # not run where it has nothing: it may import what is not there
        source = load(path)
        function = getattr(source, getter, None)
        if function is None:
            continue
        goals |= getattr(source, "GOALS", {})
        for name, value in function(module).items():
            name = name if "/" in name else f"{stem}/{name}"
            if name in cases:
                raise CaseError(f"{entry}: a second case {name!r}")
            cases[name] = Case(name, entry, value)
    return cases, goals
