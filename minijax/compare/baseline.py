"""`compare --baseline old.json`: what changed since an earlier report."""

import json
from pathlib import Path
from typing import Any

from minijax.measure.processes import MeasureError


def read_baseline(path: Path | None) -> dict[str, Any] | None:
    """An earlier report; MeasureError where the file is none."""
    if path is None:
        return None
    try:
        report = json.loads(path.read_text())
        report["totals"], report["functions"], report["sides"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MeasureError(
            f"--baseline {path}: no report of compare's: {error}"
        ) from None
    return report


def compared(
    report: dict[str, Any], baseline: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """Figures whose ranges no longer meet those of the baseline, the largest first.

    {"what", "side", "before", "after", "factor"}: factor is after over before.
    """
    if baseline is None:
        return []
    found = []
    for what, before, after in _pairs(baseline, report):
        names = [side["name"] for side in report["sides"]]
        for side, old, new in zip(names, before, after):
            if old is None or new is None or not old["median"]:
                continue
            if new["min"] > old["max"] or new["max"] < old["min"]:
                found.append(
                    {
                        "what": what,
                        "side": side,
                        "before": old["median"],
                        "after": new["median"],
                        "factor": new["median"] / old["median"],
                    }
                )
    return sorted(found, key=lambda c: -max(c["factor"], 1 / max(c["factor"], 1e-9)))


def _pairs(before: dict[str, Any], after: dict[str, Any]):
    for name, row in after["totals"].items():
        if name in before["totals"] and not name.endswith("memory"):
            yield name, before["totals"][name]["values"], row["values"]
    old = {(f["name"], f["site"]): f for f in before["functions"]}
    for function in after["functions"]:
        known = old.get((function["name"], function["site"]))
        if known is not None:
            for figure, label in (("ready", "warm call"), ("first", "first call")):
                yield (
                    f"{function['name']}: {label}",
                    known["figures"][figure]["values"],
                    function["figures"][figure]["values"],
                )
