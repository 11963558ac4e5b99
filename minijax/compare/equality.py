"""Decides whether the sampled calls of two sides gave the same results.

Trees, shapes, dtypes, weak types and call counts must be the same; integers, booleans
and PRNG keys equal; NaNs and infinities in the same places. A float leaf passes where
its largest absolute difference is at most `relative * scale + absolute`, `scale` being
the largest finite magnitude in the reference's leaf: what rounding does to a sum has
the size of its terms, not of its result. Where the two sides' inputs of a call differ,
DRIFT_FACTOR times that is allowed, and the same call on the same inputs is judged too.
"""

from dataclasses import dataclass, field
from typing import Any

from minijax.measure.equal import DEFAULT_TOLERANCES, LeafReport, compare_outputs
from minijax.measure.reading import by_call

from .runner import Measurement

DRIFT_FACTOR = 10.0


@dataclass
class Mismatch:
    """One difference, in words that name where it is."""

    function: str
    site: str
    call: int | None  # counted from 1
    leaf: str | None
    what: str  # "call count", "tree", "shape", "dtype", "weak type", "value", …
    detail: str

    def __str__(self) -> str:
        where = f"{self.function} ({self.site})" if self.site else self.function
        if self.call is not None:
            where += f", call {self.call}"
        if self.leaf is not None:
            where += f", output {self.leaf or 'itself'}"
        return f"{where}: {self.what}: {self.detail}"


@dataclass
class CallReport:
    """How one sampled call compares."""

    index: int
    inputs: str  # "same", "differ", or why unknown
    leaves: list[LeafReport]
    replay: list[LeafReport] | None = None  # on the reference's inputs
    replay_note: str = ""


@dataclass
class FunctionReport:
    """How the calls of one jitted function compare."""

    name: str
    site: str
    counts: list[int]
    calls: list[CallReport] = field(default_factory=list)
    ok: bool = True


@dataclass
class EqualityReport:
    """The verdict, and what it rests on."""

    functions: list[FunctionReport]
    mismatches: list[Mismatch]
    tolerances: dict[str, tuple[float, float]]
    leaves_compared: int = 0
    leaves_left_out: int = 0
    drifted: bool = False  # only values differ, and no replayed call does
    drift_accepted: bool = False
    reason: str = ""  # why the verdict is not "equal"

    @property
    def equal(self) -> bool:
        """Whether every sampled result is the same within tolerance."""
        return not self.reason


def compare_measurement(
    measurement: Measurement,
    tolerances: dict[str, tuple[float, float]] | None = None,
    accept_drift: bool = False,
) -> EqualityReport:
    """Compare the check runs of the two sides of `measurement`."""
    first, second = measurement.checks
    comparer = _Comparer(
        [first.side.name, second.side.name], tolerances or DEFAULT_TOLERANCES
    )
    assert first.samples is not None and second.samples is not None
    functions = _aligned(first.result["functions"], second.result["functions"])
    samples = [by_call(first.samples), by_call(second.samples)]
    for pair in functions:
        comparer.compare_function(pair, samples)
    left_out = first.samples["left_out"] + second.samples["left_out"]
    return comparer.verdict(left_out, accept_drift)


class _Comparer:
    def __init__(self, names: list[str], tolerances: dict[str, tuple[float, float]]):
        self._names = names
        self._tolerances = tolerances
        self._functions: list[FunctionReport] = []
        self._mismatches: list[Mismatch] = []
        self._unexplained = False  # a value differs that no replay clears

    def compare_function(self, pair: Any, samples: Any) -> None:
        """Compare call counts and all sampled calls of one function on both sides."""
        known = pair[0] or pair[1]
        counts = [len(side["returned"]) if side else 0 for side in pair]
        if not any(counts):
            return
        report = FunctionReport(known["name"], known["site"], counts)
        self._functions.append(report)
        before = len(self._mismatches)
        if counts[0] != counts[1]:
            self._count_mismatch(report)
        if all(counts):
            keys = [
                {k for k in s if k[:2] == (f["name"], f["site"])}
                for s, f in zip(samples, pair)
            ]
            shared = {k[2] for k in keys[0]} & {k[2] for k in keys[1]}
            for index in sorted(shared):
                calls = [s[f["name"], f["site"], index] for s, f in zip(samples, pair)]
                report.calls.append(self._compare_call(report, index, *calls))
        report.ok = len(self._mismatches) == before

    def verdict(self, left_out: int, accept_drift: bool) -> EqualityReport:
        """Sum up everything compared so far."""
        report = EqualityReport(self._functions, self._mismatches, self._tolerances)
        report.leaves_left_out = left_out
        report.leaves_compared = sum(
            len(call.leaves) for f in self._functions for call in f.calls
        )
        values_only = all(m.what == "value" for m in self._mismatches)
        report.drifted = (
            bool(self._mismatches) and values_only and not self._unexplained
        )
        if not self._functions:
            report.reason = (
                "the script calls no jitted function at top level, so there is nothing "
                "to compare"
            )
        elif report.drifted and accept_drift:
            report.drift_accepted = True
        elif report.drifted:
            report.reason = (
                "the runs drift apart: every sampled call gives the same result on the "
                "same inputs, but the inputs themselves come to differ"
            )
        elif self._mismatches:
            report.reason = f"{len(self._mismatches)} results differ"
            if len(self._mismatches) == 1:
                report.reason = "one result differs"
        elif not report.leaves_compared:
            report.reason = "no output could be compared"
        return report

    def _note(self, report, index, leaf, what: str, values: Any) -> None:
        detail = values
        if not isinstance(values, str):
            detail = ", ".join(f"{v} on {n}" for v, n in zip(values, self._names))
        call = None if index is None else index + 1
        self._mismatches.append(
            Mismatch(report.name, report.site, call, leaf, what, detail)
        )

    def _count_mismatch(self, report: FunctionReport) -> None:
        counts = report.counts
        if all(counts):
            self._note(report, None, None, "call count", [f"{n} calls" for n in counts])
            return
        called, silent = self._names if counts[0] else reversed(self._names)
        text = f"called {max(counts)} times on {called}, never on {silent}"
        self._note(report, None, None, "call count", text)

    def _compare_call(self, report, index: int, first, second) -> CallReport:
        start = len(self._mismatches)
        replay = second.get("replay")
        factor = 1.0 if replay == "same inputs" else DRIFT_FACTOR
        leaves = self._compare_outputs(
            report, index, first["outputs"], second["outputs"], factor
        )
        call = CallReport(index, "differ", leaves)
        new = self._mismatches[start:]
        if replay == "same inputs":
            call.inputs = "same"
            self._unexplained |= bool(new)
        elif isinstance(replay, dict):
            call.replay = self._compare_outputs(
                report, index, first["outputs"], replay, 1.0, "on the same inputs: "
            )
            self._unexplained |= len(self._mismatches) > start + len(new)
        else:
            call.inputs = "unknown"
            call.replay_note = replay or ""
            self._unexplained |= bool(new)
        return call

    def _compare_outputs(
        self, report, index: int, first, second, factor: float, where: str = ""
    ) -> list[LeafReport]:
        leaves, problems = compare_outputs(first, second, self._tolerances, factor)
        for path, what, values in problems:
            if what == "value" and isinstance(values, str):
                values = where + values
            self._note(report, index, path, what, values)
        return leaves


def _aligned(first: list[dict], second: list[dict]) -> list[tuple[Any, Any]]:
    """Pairs of records with the same name and site; None where one side lacks it.

    Functions whose names differ but which are the only ones left at one site belong
    together: how a wrapper names what it wraps is not what is compared.
    """
    theirs = {(f["name"], f["site"]): f for f in second}
    pairs: list[tuple[Any, Any]] = []
    alone: dict[str, list] = {}
    for function in first:
        other = theirs.pop((function["name"], function["site"]), None)
        pairs.append((function, other))
        if other is None:
            alone.setdefault(function["site"], []).append(len(pairs) - 1)
    left: dict[str, list] = {}
    for function in theirs.values():
        left.setdefault(function["site"], []).append(function)
    for site, functions in left.items():
        mine = alone.get(site, [])
        if len(mine) == len(functions) == 1:
            pairs[mine[0]] = (pairs[mine[0]][0], functions[0])
        else:
            pairs += [(None, function) for function in functions]
    return pairs
