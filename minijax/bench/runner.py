"""Runs the cases: fresh processes for every side, several times, taking turns.

In one round each side has one live process. They are asked in turn, case by case and
sample by sample, so that whatever happens on the machine happens to all of them; who
goes first alternates. While one works the others wait at a pipe.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from minijax.measure import equal, processes, reading
from minijax.measure.processes import JAX, MINIJAX, MeasureError, Side

from .children import Child, ChildError

OTHERS = (Side("NumPy", "numpy", "NumPy"), Side("PyTorch", "torch", "PyTorch"))
# The first step again where JAX's own cache on disk has the compiled program.
WARM_CACHE = "JAX, warm cache"
FIGURES = ("returned", "ready")
QUICK_CASES = 8  # of a group, under --quick
LOOSE = 1e-3  # tolerance against sides that are not JAX


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 3  # fresh processes of each side
    turns: int = 2  # visits to each side within a round
    samples: int = 2  # loops in one visit, or one where a call alone takes longer
    seconds: float = 0.01  # of one loop
    timeout: float = 300.0  # of one question
    budget: float | None = None  # seconds, after which no further case is begun
    quick: bool = False
    full: bool = False


@dataclass
class Measured:
    """What one case gave."""

    case: dict[str, Any]
    # side -> figure -> one list of samples (seconds) for each round
    times: dict[str, dict[str, list[list[float]]]] = field(default_factory=dict)
    first: dict[str, list[float]] = field(default_factory=dict)
    phases: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    memory: dict[str, list[int]] = field(default_factory=dict)  # highest resident set
    counted: dict[str, Any] = field(default_factory=dict)
    unequal: dict[str, str] = field(default_factory=dict)  # side -> why
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class Session:
    """What a whole run of the benchmarks gave."""

    sides: list[Side]
    results: dict[str, Measured]
    goals: dict[str, Any]
    environment: dict[str, Any]
    plan: Plan
    seconds: float = 0.0
    stopped: str = ""  # why the run ended before its time


class Stopped(Exception):
    """The time is up."""


def measure(
    benchmarks: Path,
    plan: Plan,
    wanted: Callable[[dict[str, Any]], bool] = lambda case: True,
    sides: Sequence[Side] = (JAX, MINIJAX),
    progress: Callable[[str], None] = lambda step: None,
    others: bool = True,
) -> Session:
    """Measure every case that is `wanted`; the reference side is the first."""
    for side in sides:
        processes.require_module(side.module)
    if not benchmarks.is_dir():
        raise MeasureError(f"there is no folder of benchmarks {str(benchmarks)!r}")
    every = [*sides]
    if others:
        every += [side for side in OTHERS if find_spec(side.module)]
    started = time.monotonic()
    runner = _Runner(benchmarks, plan, wanted, every, progress)
    session = runner.session
    try:
        runner.run()
    except Stopped:
        session.stopped = f"the budget of {plan.budget:g} s was used up"
    except KeyboardInterrupt:
        session.stopped = "it was interrupted"
    session.seconds = time.monotonic() - started
    return session


class _Runner:
    def __init__(self, benchmarks, plan, wanted, sides, progress):
        self._benchmarks, self._plan, self._wanted = benchmarks, plan, wanted
        self._tell = progress
        self._started = time.monotonic()
        self._scripts: dict[str, dict[str, str]] = {}
        self._cache: tempfile.TemporaryDirectory | None = None
        self.session = Session(list(sides), {}, {}, {}, plan)

    def _progress(self, text: str) -> None:
        """Say what comes now, if there is time left for it."""
        budget = self._plan.budget
        if budget is not None and time.monotonic() - self._started > budget:
            raise Stopped
        self._tell(text)

    def run(self) -> None:
        """All rounds, and then the cases that need processes of their own."""
        for turn in range(self._plan.rounds):
            with self._children() as children:
                warm = self._list(children)
                for number, (name, sides) in enumerate(warm.items(), start=1):
                    where = f"round {turn + 1} of {self._plan.rounds}"
                    self._progress(f"{where}: {number} of {len(warm)}: {name}")
                    self._case(name, sides, children, turn)
                self._note_environment(children)
        for turn in range(self._plan.rounds):
            for name in self._names("script"):
                self._progress(f"round {turn + 1} of {self._plan.rounds}: {name}")
                self._script(name, turn)
            for name in self._names("cold"):
                self._progress(f"round {turn + 1} of {self._plan.rounds}: {name}")
                source = self.session.results[name].case["source"]
                with self._children(self._sides_of(name), source) as children:
                    self._cold(name, children, turn)
                if any(side.module == "jax" for side in self.session.sides):
                    self._warm_cache(name, turn)

    @contextlib.contextmanager
    def _children(self, only: Sequence[str] | None = None, source: str = ""):
        """A fresh process for each side, by the side's name."""
        children: dict[str, Child] = {}
        try:
            for side in self.session.sides:
                if side.name in only if only is not None else side.name != WARM_CACHE:
                    children[side.name] = Child(side, self._benchmarks, source)
            yield children
        finally:
            for child in children.values():
                child.close()

    def _list(self, children: dict[str, Child]) -> dict[str, list[str]]:
        """The warm cases that are wanted: name -> the sides that have it."""
        found: dict[str, list[str]] = {}
        for side, child in children.items():
            answer = child.ask(self._plan.timeout, do="list")
            if "failed" in answer:
                raise MeasureError(f"{side}: {answer['failed']}\n{answer['trace']}")
            self.session.goals |= answer["goals"]
            for case in self._chosen(answer["cases"]):
                known = self.session.results.setdefault(case["name"], Measured(case))
                known.times.setdefault(side, {})
                if case["kind"] == "script":
                    texts = self._scripts.setdefault(case["name"], {})
                    texts[side] = child.ask(
                        self._plan.timeout, do="script", name=case["name"]
                    )["text"]
                if case["kind"] in ("warm", "measured"):
                    found.setdefault(case["name"], []).append(side)
        return found

    def _chosen(self, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The cases that are wanted; under --quick some of each group, evenly spread."""
        plan = self._plan
        fit = [case for case in cases if self._wanted(case)]
        fit = [case for case in fit if plan.full or not case.get("full")]
        if not plan.quick:
            return fit
        groups: dict[str, list[dict[str, Any]]] = {}
        for case in fit:
            if case.get("quick") is not False:
                groups.setdefault(case["name"].partition("/")[0], []).append(case)
        return [
            group[round(k * (len(group) - 1) / max(1, count - 1))]
            for group in groups.values()
            for count in [min(len(group), QUICK_CASES)]
            for k in range(count)
        ]

    def _names(self, kind: str) -> list[str]:
        found = self.session.results.items()
        return [name for name, m in found if m.case["kind"] == kind]

    def _sides_of(self, name: str) -> list[str]:
        sides = self.session.results[name].times
        return [side for side in sides if side != WARM_CACHE]

    def _note_environment(self, children: dict[str, Child]) -> None:
        for side, child in children.items():
            with contextlib.suppress(ChildError):
                answer = child.ask(self._plan.timeout, do="environment")
                self.session.environment[side] = answer

    def _case(self, name: str, sides: list[str], children: Any, turn: int) -> None:
        """One warm case, or one that measures itself, on all sides that have it."""
        measured = self.session.results[name]
        sides = [side for side in sides if side not in measured.failed]
        try:
            if measured.case["kind"] == "measured":
                self._self_measured(measured, sides, children)
            else:
                sides = self._prepare(measured, sides, children, turn == 0)
                self._take_turns(measured, sides, children, turn)
        except ChildError as error:
            measured.failed[str(error).partition(":")[0]] = str(error)
            self._replace_dead(children)

    def _replace_dead(self, children: dict[str, Child]) -> None:
        """Start again what a failed case may have left in disorder."""
        for side in self.session.sides:
            if side.name in children:
                children[side.name].close()
                children[side.name] = Child(side, self._benchmarks)

    def _ask(self, measured: Measured, child: Child, **command: Any) -> Any:
        """The answer, or None where the side failed (which is noted)."""
        answer = child.ask(self._plan.timeout, **command)
        if "failed" in answer:
            measured.failed[child.side.name] = answer["failed"]
            return None
        return answer

    def _prepare(self, measured, sides, children, check: bool) -> list[str]:
        """Compile on every side, compare outputs at the first time; the sides left."""
        outputs: dict[str, Any] = {}
        with tempfile.TemporaryDirectory(prefix="minijax-bench-") as folder:
            for side in sides:
                answer = self._ask(
                    measured,
                    children[side],
                    do="prepare",
                    name=measured.case["name"],
                    folder=folder if check else None,
                )
                if answer is None:
                    continue
                measured.first.setdefault(side, []).append(answer["first"])
                measured.phases.setdefault(side, []).append(answer["phases"])
                measured.memory.setdefault(side, []).append(answer["memory"])
                measured.counted[side] = answer["counted"]
                outputs[side] = answer.get("outputs")
            if check:
                self._compare(measured, outputs, Path(folder))
        return [side for side in sides if side in outputs]

    def _compare(self, measured: Measured, outputs: Any, folder: Path) -> None:
        modules = {side.name: side.module for side in self.session.sides}
        for side, described in outputs.items():
            blob = reading.read_numbers(str(folder / f"{modules[side]}.bin"))
            reading.attach(described, blob)
        reference = self.session.sides[0].name
        if reference not in outputs:
            return
        for side in outputs:
            if side != reference:
                strict = modules[side] in ("jax", "minijax")
                why = difference(
                    outputs[reference], outputs[side], measured.case, strict
                )
                if why:
                    measured.unequal[side] = why

    def _take_turns(self, measured, sides, children, turn: int) -> None:
        """Time the prepared case on each side, several times around."""
        plan = self._plan
        loops = {}
        for side in sides:
            answer = self._ask(
                measured, children[side], do="settle", seconds=plan.seconds
            )
            if answer is not None:
                loops[side] = answer
        for visit in range(plan.turns):
            order = list(loops) if (visit + turn) % 2 == 0 else list(loops)[::-1]
            for side in order:
                answer = self._ask(
                    measured,
                    children[side],
                    do="time",
                    loops=loops[side],
                    count=plan.samples if loops[side]["ready"] > 1 else 1,
                )
                self._add(measured, side, turn, answer or {})
        for side in sides:
            self._ask(measured, children[side], do="drop")

    def _add(self, measured: Measured, side: str, turn: int, times: Any) -> None:
        for figure, samples in times.items():
            rounds = measured.times[side].setdefault(figure, [])
            while len(rounds) <= turn:
                rounds.append([])
            rounds[turn] += samples

    def _self_measured(self, measured, sides, children) -> None:
        for side in sides:
            name = measured.case["name"]
            answer = self._ask(measured, children[side], do="measured", name=name)
            for figure, value in (answer or {}).get("figures", {}).items():
                rounds = measured.times[side].setdefault(figure, [])
                rounds.append([value] if isinstance(value, int | float) else value)

    def _script(self, name: str, turn: int) -> None:
        """A whole process, from its start to its end, on each side."""
        measured = self.session.results[name]
        sides = [s for s in self.session.sides if s.name in self._scripts[name]]
        printed = {}
        for side in sides if turn % 2 == 0 else sides[::-1]:
            text = self._scripts[name][side.name]
            started = time.perf_counter()
            done = processes.run_text(side, text, self._plan.timeout)
            elapsed = time.perf_counter() - started
            if done.returncode:
                measured.failed[side.name] = processes.tail(done.stderr, 1).strip()
                continue
            printed[side.name] = done.stdout
            self._add(measured, side.name, turn, {"process": [elapsed]})
        if len(set(printed.values())) > 1:
            reference, *others = printed
            for side in others:
                if printed[side] != printed[reference]:
                    measured.unequal[side] = "the process prints other text"

    def _cold(self, name: str, children: dict[str, Child], turn: int) -> None:
        """The first call of a program in a fresh process, phase by phase."""
        measured = self.session.results[name]
        sides = [side for side in children if side not in measured.failed]
        try:
            left = self._prepare(measured, sides, children, turn == 0)
        except ChildError as error:
            measured.failed[str(error).partition(":")[0]] = str(error)
            return
        for side in left:
            figures = {
                "first": measured.first[side][-1],
                **measured.phases[side][-1],
                "memory": measured.memory[side][-1],
            }
            self._add(measured, side, turn, {k: [v] for k, v in figures.items()})

    def _warm_cache(self, name: str, turn: int) -> None:
        """As `_cold`, on JAX, with what an earlier process compiled on disk."""
        if self._cache is None:
            self._cache = tempfile.TemporaryDirectory(prefix="minijax-bench-")
            variables = {
                "JAX_COMPILATION_CACHE_DIR": self._cache.name,
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
            }
            side = Side(WARM_CACHE, "jax", "XLA", variables)
            self.session.sides.append(side)
        side = self.session.sides[-1]
        for attempt in range(2 if turn == 0 else 1):  # the very first one fills it
            source = self.session.results[name].case["source"]
            child = Child(side, self._benchmarks, source)
            try:
                self._progress(f"{WARM_CACHE}: {name}")
                measured = self.session.results[name]
                measured.times.setdefault(side.name, {})
                if attempt == 0 and turn == 0:
                    child.ask(self._plan.timeout, do="prepare", name=name, folder=None)
                else:
                    self._cold(name, {side.name: child}, turn + 1)
            except ChildError as error:
                self.session.results[name].failed[side.name] = str(error)
            finally:
                child.close()


def difference(
    reference: dict[str, Any], other: dict[str, Any], case: dict[str, Any], strict: bool
) -> str:
    """Why the outputs of two sides are not equal; "" if they are.

    Not `strict`: dtypes and trees may differ, as they do outside JAX.
    """
    tolerances = dict(equal.DEFAULT_TOLERANCES)
    if case.get("tolerance") is not None:
        tolerances = dict.fromkeys(tolerances, (case["tolerance"], 0.0))
    if not strict:
        return _loose_difference(reference, other)
    _, problems = equal.compare_outputs(reference, other, tolerances)
    for path, what, values in problems:
        where = f"output {path}: " if path else ""
        text = values if isinstance(values, str) else " against ".join(map(str, values))
        return f"{where}{what}: {text}"
    return ""


def _loose_difference(reference: dict[str, Any], other: dict[str, Any]) -> str:
    ours = [leaf["data"] for leaf in reference["leaves"] if "data" in leaf]
    theirs = [leaf["data"] for leaf in other["leaves"] if "data" in leaf]
    if len(ours) != len(theirs):
        return f"{len(ours)} outputs against {len(theirs)}"
    for want, got in zip(ours, theirs):
        if want.shape != got.shape:
            return f"shape: {want.shape} against {got.shape}"
        leaf = {"path": "", "shape": [], "dtype": "any", "weak": False, "data": want}
        report = equal.compare_leaf(leaf, got.astype(want.dtype), {"any": (LOOSE, 0.0)})
        if not report.ok:
            return f"value: {equal.describe_difference(report)}"
    return ""
