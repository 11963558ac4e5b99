"""Numbers and verdicts in words, for every form of the report."""

from typing import Any

from minijax.measure.units import seconds, three


def ratio(row: dict[str, Any], unit: str = "s") -> str:
    """`minijax 3.4x faster`, `JAX 1.2x less`, or that there is no clear difference."""
    if "ratio" not in row or any(value is None for value in row["values"]):
        return ""
    if all(not value["median"] for value in row["values"]):
        return ""
    if min(value["n"] for value in row["values"]) < 2:
        return "unknown: one run"
    if row["ratio"] is None:
        return "no clear difference"
    times = f"{row['ratio']:.0f}" if row["ratio"] >= 99.5 else three(row["ratio"])
    return f"{row['faster']} {times}x {'faster' if unit == 's' else 'less'}"


def headline(report: dict[str, Any]) -> str:
    """The answer in one or two sentences."""
    script = " ".join([report["script"], *report["args"]])
    first, second = (side["name"] for side in report["sides"])
    equality = report["equality"]
    if not equality["equal"]:
        why = equality["reason"]
        return f"{script} is NOT shown equal on {first} and {second}: {why}."
    row = report["totals"]["process"]
    times = [seconds(value["median"]) for value in row["values"]]
    text = (
        f"{script} gives equal results on {first} and {second}. "
        f"It takes {times[0]} on {first} and {times[1]} on {second}"
    )
    if row["ratio"] is None:
        return f"{text}: {ratio(row)}."
    return text + f": {ratio(row)}, from start to end of the process."


def equality_lines(report: dict[str, Any], limit: int = 12) -> list[str]:
    """What the verdict rests on, or what differs."""
    equality = report["equality"]
    calls = [call for f in equality["functions"] for call in f["calls"]]
    lines = [
        f"Compared: {equality['leaves_compared']} output leaves of {len(calls)} "
        f"sampled calls in {len(equality['functions'])} jitted functions (tree, "
        "shape, dtype, weak type, values; call counts)."
    ]
    lines += _worst(equality)
    drifted = [c for c in calls if c["inputs"] != "same" and c["leaves"]]
    if drifted:
        worst = max(leaf["scaled"] for call in drifted for leaf in call["leaves"])
        replayed = sum(call["replay"] is not None for call in drifted)
        lines.append(
            f"{len(drifted)} calls had other inputs on the two sides (earlier "
            "rounding, or code outside jitted functions): their results differ by "
            f"{worst:.2g}; {replayed} of them were also run on the same inputs."
        )
    if equality["leaves_left_out"]:
        lines.append(f"{equality['leaves_left_out']} leaves were too large to keep.")
    mismatches = equality["mismatches"]
    lines += [f"Differs: {mismatch['text']}" for mismatch in mismatches[:limit]]
    if len(mismatches) > limit:
        lines.append(f"… and {len(mismatches) - limit} more (--json has them all)")
    if equality["drifted"] and not equality["drift_accepted"]:
        lines.append(
            "Each of these calls agrees on the same inputs. If the program amplifies "
            "rounding, as long training does, --accept-drift takes that as equal."
        )
    return lines


def _worst(equality: dict[str, Any]) -> list[str]:
    """For each dtype: the largest difference seen and the one allowed."""
    seen: dict[str, list[tuple[float, float]]] = {}
    for function in equality["functions"]:
        for call in function["calls"]:
            for leaf in call["replay"] or call["leaves"]:
                pair = leaf["scaled"], leaf["tolerance"]
                seen.setdefault(leaf["dtype"], []).append(pair)
    lines = []
    for dtype, pairs in sorted(seen.items()):
        worst, allowed = max(pairs)
        if not allowed:
            verdict = "differs" if worst else "equal"
            lines.append(f"{dtype}: {verdict} (must be equal).")
            continue
        lines.append(
            f"{dtype}: largest difference on the same inputs {worst:.2g} of a leaf's "
            f"largest magnitude; allowed {allowed:g}."
        )
    return lines


def environment(
    report: dict[str, Any],
) -> list[tuple[str, list[tuple[str, str | list[str]]]]]:
    """What the figures hold for: (of what, [(term, text or pairs)]), machine first."""
    first = report["environment"][0]
    cpu = first["cpu"]
    machine: list[tuple[str, str | list[str]]] = [
        (
            "CPU",
            f"{cpu['model']}, {first['cpus_usable']} of {cpu['count']} cores usable",
        ),
        ("vectors", " ".join(cpu["vector"])),
        ("system", f"{first['platform']}, Python {first['python']}"),
        ("variables", [f"{k}={v}" for k, v in first["variables"].items()]),
    ]
    found = [("Machine", machine)]
    for side, own in zip(report["sides"], report["environment"]):
        pairs: list[tuple[str, str | list[str]]] = [
            ("versions", ", ".join(f"{k} {v}" for k, v in own["versions"].items())),
            ("OS threads", f"{own['os_threads']} at the end"),
        ]
        for blas in own["blas"]:
            text = f"{blas['internal_api']} {blas['version']}, "
            text += f"kernels {blas['architecture']}, {blas['num_threads']} threads"
            pairs.append(("BLAS", text))
        pairs += [(name, f"{value}") for name, value in own.get("minijax", {}).items()]
        pairs.append(("settings", [f"{k}={v}" for k, v in own["config"].items()]))
        found.append((f"{side['name']} ({side['backend']})", pairs))
    return found


def environment_lines(report: dict[str, Any]) -> list[str]:
    """The same as lines of text."""
    return [
        f"{title}, {term}: "
        + (value if isinstance(value, str) else ", ".join(value) or "none that matter")
        for title, pairs in environment(report)
        for term, value in pairs
    ]


def change(found: dict[str, Any]) -> str:
    """One change since the baseline, as a sentence's part."""
    before, after = seconds(found["before"]), seconds(found["after"])
    return (
        f"{found['group']}, {found['what']}: {before} before, {after} now "
        f"({beyond(found)})"
    )


def beyond(found: dict[str, Any]) -> str:
    """By how much one figure changed, and whether a drift is left out of that."""
    return times(found["factor"]) + (
        " but for the drift" if found["drift"] != 1 else ""
    )


def times(factor: float) -> str:
    """`1.50x slower`, `1.20x faster`: of a time after over the one before."""
    direction = "slower" if factor > 1 else "faster"
    return f"{three(max(factor, 1 / factor))}x {direction}"


def baseline_lines(found: dict[str, Any] | None) -> list[str]:
    """What changed since the baseline: the common drifts, then single figures."""
    if found is None:
        return []
    return verdicts(found) + [change(entry) for entry in found["changes"]]


def verdicts(found: dict[str, Any]) -> list[str]:
    """The common drifts, and how many single figures changed."""
    lines = [
        f"{drift['group']} as a whole: {times(drift['factor'])} than in the baseline "
        f"(interval of the factor {drift['low']:.2f} … {drift['high']:.2f})."
        for drift in found["drifts"]
    ]
    more = " beyond that" if lines else ""
    count, every = len(found["changes"]), found["figures"]
    if count:
        return [*lines, f"{count} of {every} figures changed{more}:"]
    return [*lines, f"None of {every} single figures changed{more}."]
