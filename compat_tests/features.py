"""FEATURES.md: what of JAX's public API is here, and which rules every op has.

Both are looked up, not written by hand: a symbol of `surface.csv` is absent where it does
not resolve, and partial where JAX's has parameters or attributes that minijax's lacks.
What is absent or partial must have its reason in `feature_reasons.py`, and only that.
`python -m compat_tests.features` writes the document (`make features`).
"""

import csv
import gc
import importlib
import inspect
import os
import pkgutil
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np

import minijax
from compat_tests.feature_reasons import ABSENT, PARTIAL
from minijax import core
from minijax.extend import core as extend_core
from minijax.ops.define import _Marker

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "FEATURES.md"
SLOTS = ("shape", "reference", "jvp", "linearize", "transpose", "batch", "lower")


class Symbol(NamedTuple):
    """A public name of JAX: its tier, its state here, what lacks, and why."""

    name: str
    tier: str
    state: str  # full, partial, absent
    missing: tuple[str, ...]
    reason: str


# --- the API --------------------------------------------------------------------------


def resolve(lib, symbol):
    """What a dotted name of JAX means in a framework; an exception if nothing."""
    parts = symbol.split(".")
    found = lib
    for k, part in enumerate(parts[1:], 2):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(".".join([lib.__name__, *parts[1:k]]))
    return found


def has(lib, symbol):
    """Whether the name resolves."""
    try:
        resolve(lib, symbol)
    except Exception:
        return False
    return True


def _tracer(lib):
    seen = []
    lib.make_jaxpr(lambda x: seen.append(x) or x)(1.0)
    return seen[0]


def _mesh(lib):
    return lib.make_mesh((1,), ("x",))


# Attributes of these are looked for on an instance: not all are their class's.
INSTANCES = {
    "jax.Array": lambda lib: lib.numpy.ones(2),
    "jax.numpy.ndarray": lambda lib: lib.numpy.ones(2),
    "jax.core.Tracer": _tracer,
    "jax.core.ShapedArray": lambda lib: lib.core.ShapedArray((2,), np.dtype("f4")),
    "jax.custom_jvp": lambda lib: lib.custom_jvp(lambda x: x),
    "jax.stages.Traced": lambda lib: lib.jit(lambda x: x).trace(1.0),
    "jax.stages.Lowered": lambda lib: lib.jit(lambda x: x).lower(1.0),
    "jax.stages.Compiled": lambda lib: lib.jit(lambda x: x).lower(1.0).compile(),
    "jax.sharding.Mesh": _mesh,
    "jax.sharding.NamedSharding": lambda lib: lib.NamedSharding(_mesh(lib), lib.P()),
    "jax.NamedSharding": lambda lib: lib.NamedSharding(_mesh(lib), lib.P()),
}


def _has_attribute(x, name):
    try:
        getattr(x, name)
    except AttributeError:
        return False
    except Exception:  # it exists, and says that it cannot be used here
        return True
    return True


def _missing_attributes(symbol, theirs, ours):
    if symbol in INSTANCES:
        theirs, ours = (INSTANCES[symbol](lib) for lib in (jax, minijax))
    return [
        name
        for name in dir(theirs)
        if name[0] != "_"
        and _has_attribute(theirs, name)
        and not _has_attribute(ours, name)
    ]


def _parameters(fun):
    try:
        return inspect.signature(fun).parameters
    except (TypeError, ValueError):
        return {}


def _missing_parameters(theirs, ours):
    ours = _parameters(ours)
    kinds = {p.kind for p in ours.values()}
    if inspect.Parameter.VAR_KEYWORD in kinds or not ours:
        return []
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        f"{p.name}="
        for p in _parameters(theirs).values()
        if p.kind in by_name and p.name[0] != "_" and p.name not in ours
    ]


def missing(symbol):
    """The attributes and parameters (as `name=`) that JAX's has and minijax's lacks."""
    theirs, ours = resolve(jax, symbol), resolve(minijax, symbol)
    if isinstance(theirs, type):
        found = _missing_attributes(symbol, theirs, ours)
    elif callable(theirs):
        found = _missing_parameters(theirs, ours)
    else:
        found = []
    return tuple(found)


def symbols():
    """Every symbol of tier 1 and 2, in the order of the names."""
    with (ROOT / "compat_tests" / "surface.csv").open() as table:
        rows = sorted((r["tier"], r["symbol"]) for r in csv.DictReader(table))
    return [_symbol(name, tier) for tier, name in rows]


def _symbol(name, tier):
    if not has(minijax, name):
        return Symbol(name, tier, "absent", (), ABSENT.get(name, ""))
    lacks = missing(name) if has(jax, name) else ()
    reason = PARTIAL.get(name, "")
    return Symbol(name, tier, "partial" if lacks or reason else "full", lacks, reason)


# --- ops ------------------------------------------------------------------------------


# loads only where the alias gives JAX's own test helpers
_ON_THE_ALIAS = "minijax.experimental.sparse.test_util"


def _import_all():
    for found in pkgutil.walk_packages(minijax.__path__, "minijax."):
        if {"__main__", "compare", "launch"} & set(found.name.split(".")):
            continue
        if found.name != _ON_THE_ALIAS:
            importlib.import_module(found.name)


def primitives():
    """Every primitive of the package, by name."""
    _import_all()
    found = {
        x.name: x
        for x in gc.get_objects()
        if isinstance(x, core.Primitive) and _is_ours(x)
    }
    return dict(sorted(found.items()))


def _is_ours(primitive):
    """Not one that a test made, be it through `extend.core.Primitive`."""
    home = getattr(primitive.shape, "__module__", "minijax")
    foreign = extend_core.Primitive in type(primitive).__mro__
    homes = home, type(primitive).__module__
    return all(name.startswith("minijax") for name in homes) and not foreign


def rule_state(primitive, slot):
    """What a slot holds: yes, zero (the derivative), -- (not needed), or why nothing."""
    rule = getattr(primitive, slot)
    if isinstance(rule, _Marker):
        return rule.what
    if rule is None:
        return "--"
    if getattr(rule, "__qualname__", "").startswith("_zero_tangent"):
        return "zero"
    return "yes"


# --- the document ---------------------------------------------------------------------

HEAD = """\
# Features

What of JAX {version}'s public API minijax has, and which rules each of its ops has. This
file is generated by `make features`; a test compares it with what the code says.

A symbol is *full* where it resolves and takes every parameter (a class: has every public
attribute) that JAX's takes; that it also works as JAX's does is for the tests to show.

## The API

Tier 1 is what scripts of users call, tier 2 what libraries on top of JAX call.

| tier | symbols | full | partial | absent |
| --- | --- | --- | --- | --- |
{counts}

### Absent

| symbol | tier | why |
| --- | --- | --- |
{absent}

### Partial

| symbol | tier | what is missing | why |
| --- | --- | --- | --- |
{partial}

### Full

{full}

## Ops and their rules

{count} primitives. *yes*: the rule is there. *zero*: the derivative is zero everywhere
(or there is none to speak of), so nothing is computed. *nonlinear*: it has no transpose.
*--*: `linearize` is only for ops that hold jaxprs; all others use `jvp`. A number is a
reason below.

| op | {slots} |
| --- | {dashes} |
{matrix}

{notes}
"""


def _counts(found):
    lines = []
    for tier in "12":
        states = [s.state for s in found if s.tier == tier]
        numbers = " | ".join(
            str(states.count(k)) for k in ("full", "partial", "absent")
        )
        lines.append(f"| {tier} | {len(states)} | {numbers} |")
    return "\n".join(lines)


def _full(found):
    """One paragraph of names for each module."""
    modules = {}
    for s in sorted(found):
        if s.state == "full":
            head, _, name = s.name.rpartition(".")
            modules.setdefault(head or "jax", []).append(f"`{name}`")
    return "\n\n".join(f"**{m}**: {', '.join(names)}" for m, names in modules.items())


def _matrix(found):
    """(lines of the table, lines of the notes)."""
    numbers, lines = {}, []
    for name, primitive in found.items():
        cells = []
        for slot in SLOTS:
            state = rule_state(primitive, slot)
            if state.startswith("is not linear"):
                state = "nonlinear"
            elif state not in ("yes", "zero", "--"):
                state = f"[{numbers.setdefault(state, len(numbers) + 1)}]"
            cells.append(state)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    notes = [f"{number}. {reason}" for reason, number in numbers.items()]
    return "\n".join(lines), "\n".join(notes)


def document():
    """The text of FEATURES.md."""
    found, ops = symbols(), primitives()
    matrix, notes = _matrix(ops)
    rows = {
        "absent": [
            f"| `{s.name}` | {s.tier} | {s.reason} |"
            for s in found
            if s.state == "absent"
        ],
        "partial": [
            f"| `{s.name}` | {s.tier} | {_names(s.missing)} | {s.reason} |"
            for s in found
            if s.state == "partial"
        ],
    }
    return HEAD.format(
        version=jax.__version__,
        counts=_counts(found),
        absent="\n".join(rows["absent"]),
        partial="\n".join(rows["partial"]),
        full=_full(found),
        count=len(ops),
        slots=" | ".join(SLOTS),
        dashes=" | ".join("---" for _ in SLOTS),
        matrix=matrix,
        notes=notes,
    )


def _names(names):
    return ", ".join(f"`{n}`" for n in names) or "see right"


def main():
    """Write the document."""
    warnings.simplefilter("ignore")
    DOCUMENT.write_text(document())
    print(f"{DOCUMENT.name}: {len(symbols())} symbols, {len(primitives())} primitives")
    unexplained = [s for s in symbols() if s.state != "full" and not s.reason]
    for s in unexplained:
        print(f"no reason for {s.state} {s.name}: {' '.join(s.missing)}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
