"""The four cells and the parts of a call in words and tables, for every form of report."""

from typing import Any

from minijax.measure import statistics, units

from .cells import BACKENDS, FRONTS

DOUBTFUL = 0.25  # share of a call that the parts may leave unexplained
PARTS = ("dispatch", "runtime", "kernels", "unexplained")


def cell_table(cells: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: a warm call of each function in each cell, and what made the
    difference.
    """
    head = ["function"]
    head += [f"{front.name} x {backend}" for front in FRONTS for backend in BACKENDS]
    head += ["whole", "by the front end", "by the backend"]
    rows = []
    for function in cells["functions"]:
        if "failed" in function:
            rows.append([function["name"], function["failed"], *[""] * 6])
            continue
        row = [function["name"]]
        for front in FRONTS:
            for backend in BACKENDS:
                row.append(_interval(function["times"][front.name][backend]))
        found = function.get("attribution")
        if found is None:
            rows.append([*row, f"none: {function['withheld']}", "", ""])
            continue
        for name in ("total", "front", "backend"):
            row.append(f"{found[f'{name}_factor']:.2f}x")
        if not function["clear"]:
            row[5] += ", not clear"
        rows.append(row)
    return head, rows


def _interval(figure: dict[str, Any]) -> str:
    low, high = units.seconds(figure["low"]), units.seconds(figure["high"])
    return f"{units.seconds(figure['median'])} ({low} … {high})"


def part_table(cells: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: what a warm call is made of, on each side."""
    head = ["function", "on", "call", *PARTS, "floor", "use", "largest kernels"]
    rows = []
    for function in cells["functions"]:
        if "failed" in function:
            continue
        for front in FRONTS:
            part = function["parts"][front.name]
            if part is None:
                rows.append(
                    [function["name"], front.name, "arguments donated", *[""] * 7]
                )
                continue
            figures = [part["call"], *(part[name] for name in PARTS)]
            least = function["floor"]["seconds"] if function["floor"] else None
            use = f"{least / part['call']:.1%}" if least is not None else ""
            rows.append(
                [
                    function["name"],
                    front.name,
                    *map(signed, figures),
                    units.seconds(least),
                    use,
                    largest(part),
                ]
            )
    return head, rows


def signed(value: float) -> str:
    """Seconds that may be below zero, where a part was measured a little too long."""
    return units.seconds(value) if value >= 0 else f"-{units.seconds(-value)}"


def largest(part: dict[str, Any], count: int = 3) -> str:
    """The ops that most of the kernels' time goes to."""
    total = sum(part["by_op"].values())
    if not total:
        return ""
    found = list(part["by_op"].items())[:count]
    return "; ".join(f"{name[:40]} {seconds / total:.0%}" for name, seconds in found)


def sentences(cells: dict[str, Any]) -> list[str]:
    """What follows for each function, and how far to trust the parts."""
    lines = []
    for function in cells["functions"]:
        if "failed" in function:
            lines.append(f"{function['name']}: not measured: {function['failed']}.")
            continue
        if function["withheld"]:
            lines.append(f"{function['name']}: no ratio: {function['withheld']}.")
            continue
        lines.append(_sentence(function))
    unsteady = [f["name"] for f in cells["functions"] if _unsteady(f)]
    if unsteady:
        lines.append(
            f"Unsteady by more than {statistics.UNSTEADY:.0%}: {', '.join(unsteady)}; "
            "the machine may be busy."
        )
    overhead = cells["kernel_overhead"]
    lines.append(
        f"XLA pays {units.seconds(overhead['seconds'])} to launch a kernel (regression "
        f"over program length; the line misses by at most {overhead['error']:.0%})."
    )
    return lines


def _unsteady(function: dict[str, Any]) -> bool:
    return any(
        statistics.spread(figure) > statistics.UNSTEADY
        for row in function.get("times", {}).values()
        for figure in row.values()
    )


def _sentence(function: dict[str, Any]) -> str:
    found, verdict = function["attribution"], function["verdict"]
    doubt = "" if function["clear"] else " (the intervals meet: not clear)"
    text = (
        f"{function['name']}: {found['total_factor']:.2f}x in all{doubt}, "
        f"{found['backend_factor']:.2f}x by the backend, "
        f"{found['front_factor']:.2f}x by the front end"
    )
    if "ceiling" in verdict:
        text += (
            f"; JAX uses {verdict['utilisation_jax']:.1%} of the machine, so nothing "
            f"could be more than {units.three(verdict['ceiling'])}x quicker here"
        )
    ratios = [
        f"{name} alone {units.three(verdict[name])}x"
        for name in ("kernels", "overhead")
        if name in verdict
    ]
    part = function["parts"][FRONTS[1].name]
    if part is not None and part["call"] > 0:
        share = abs(part["unexplained"]) / part["call"]
        doubt = ", so its parts are not to be relied on" if share > DOUBTFUL else ""
        ratios.append(f"{share:.0%} of minijax's call unexplained{doubt}")
    return "; ".join([text, *ratios]) + "."
