"""The four cells and the parts of a call in words and tables, for every form of report."""

from typing import Any

from minijax.measure import statistics, units

from .cells import BACKENDS, FRONTS

DOUBTFUL = 0.25  # share of a call that the parts may leave unexplained
AT_FLOOR = 1.05  # a ceiling that leaves nothing to gain
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
                row.append(units.with_range(function["times"][front.name][backend]))
        found = function.get("factors")
        if found is None:
            rows.append([*row, f"none: {function['withheld']}", "", ""])
            continue
        rows.append([*row, *(factor(found[n]) for n in ("total", "front", "backend"))])
    return head, rows


def factor(found: dict[str, Any]) -> str:
    """`2.31x`, or that it may as well be 1."""
    return f"{found['value']:.2f}x" + ("" if found["clear"] else ", not clear")


def two_by_two(function: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of one function's four cells, with the factors along each axis.

    Right of a row is what the backend makes with that front end, below a column what
    the front end makes with that backend, and in the corner the whole.
    """
    times = function["times"]
    middles = {
        (front.name, backend): times[front.name][backend]["median"]
        for front in FRONTS
        for backend in BACKENDS
    }
    given = function["withheld"] is None
    first, second = (front.name for front in FRONTS)
    xla, ours = BACKENDS
    rows = []
    for front in (first, second):
        row = [f"{front}'s front end"]
        row += [units.with_range(times[front][backend]) for backend in BACKENDS]
        by = middles[front, xla] / middles[front, ours]
        rows.append([*row, f"{by:.2f}x" if given else ""])
    if given:
        below = [middles[first, b] / middles[second, b] for b in BACKENDS]
        whole = middles[first, xla] / middles[second, ours]
        cells = [f"{by:.2f}x" for by in below]
        rows.append(["by the front end", *cells, f"{whole:.2f}x"])
    return ["", *BACKENDS, "by the backend" if given else ""], rows


def part_table(
    cells: dict[str, Any], ranges: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Head and rows: what a warm call is made of, on each side.

    With `ranges` a part's interval stands in full, after two spaces.
    """
    head = ["function", "on", "call", *PARTS, "floor (of the call)", "largest kernels"]
    rows = []
    for function in cells["functions"]:
        if "failed" in function:
            continue
        for front in FRONTS:
            part = function["parts"][front.name]
            if part is None:
                rows.append(
                    [function["name"], front.name, "arguments donated", *[""] * 6]
                )
                continue
            least = function["floor"]["seconds"] if function["floor"] else None
            floor = units.seconds(least)
            if least is not None:
                floor += f"  ({least / part['call']:.1%})"
            rows.append(
                [
                    function["name"],
                    front.name,
                    *(_part(part, name, ranges) for name in ("call", *PARTS)),
                    floor,
                    largest(part),
                ]
            )
    return head, rows


def _part(part: dict[str, Any], name: str, ranges: bool) -> str:
    """A part with its interval; what is left over may be no more than the error."""
    value, (low, high) = part[name], part["intervals"][name]
    if part["processes"] < 2 or low == high:
        return signed(value)
    if name == "unexplained" and within_error(part):
        return f"within error  ({signed(value)} ± {signed((high - low) / 2)})"
    if ranges:
        text = units.span(low, high) if low >= 0 else f"{signed(low)} … {signed(high)}"
        return f"{signed(value)}  ({text})"
    share = f" ± {(high - low) / 2 / value:.0%}" if value > 0 else ""
    return signed(value) + share


def within_error(part: dict[str, Any]) -> bool:
    """Whether nothing may be left unexplained, as far as the processes agree."""
    low, high = part["intervals"]["unexplained"]
    return part["processes"] > 1 and low <= 0 <= high


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
        text = " ".join([cause(function), *limits(function)])
        lines.append(f"{function['name']}: {text}")
    return lines + remarks(cells)


def remarks(cells: dict[str, Any]) -> list[str]:
    """What holds for all functions."""
    lines = []
    unsteady = [f["name"] for f in cells["functions"] if _unsteady(f)]
    if unsteady:
        lines.append(
            f"Unsteady by more than {statistics.UNSTEADY:.0%} from process to process: "
            f"{', '.join(unsteady)}; the machine may be busy."
        )
    price = cells["kernel_overhead"]
    low, high = units.seconds(price["low"]), units.seconds(price["high"])
    lines.append(
        f"XLA pays {units.seconds(price['seconds'])} ({low} … {high}) to launch a kernel "
        "(regression over program length; the line misses by at most "
        f"{price['error']:.0%})."
    )
    return lines


def _unsteady(function: dict[str, Any]) -> bool:
    return any(
        statistics.spread(figure) > statistics.UNSTEADY
        for row in function.get("times", {}).values()
        for figure in row.values()
    )


def cause(function: dict[str, Any]) -> str:
    """How much quicker a function is, and what makes it so, in one sentence."""
    if "failed" in function:
        return f"not measured: {function['failed']}."
    if function["withheld"]:
        return f"no ratio: {function['withheld']}."
    found = function["factors"]
    first, second = (front.name for front in FRONTS)
    whole = found["total"]
    value, low, high = whole["value"], whole["low"], whole["high"]
    if not whole["clear"]:
        text = f"{first} and {second} are not clearly apart ({value:.2f}x"
    elif value > 1:
        text = f"{second} is {units.three(value)}x quicker ({low:.2f} … {high:.2f}"
    else:
        text = f"{first} is {units.three(1 / value)}x quicker "
        text += f"({1 / high:.2f} … {1 / low:.2f}"
    if not (found["backend"]["clear"] or found["front"]["clear"]):
        return f"{text}), nor does either axis make a clear difference."
    backend = _axis("backend", found["backend"])
    return f"{text}); {backend}, {_axis('front end', found['front'])}."


def _axis(name: str, found: dict[str, Any]) -> str:
    if not found["clear"]:
        return f"the {name} makes no clear difference"
    way = "quicker" if found["value"] > 1 else "slower"
    by = max(found["value"], 1 / found["value"])
    return f"minijax's {name} makes it {units.three(by)}x {way}"


def limits(function: dict[str, Any]) -> list[str]:
    """How much quicker a function could be, and what its parts tell; as sentences."""
    verdict = function.get("verdict", {})
    lines = []
    if verdict.get("ceiling", AT_FLOOR) < AT_FLOOR:
        lines.append("JAX's time is the least that this machine needs for it.")
    elif "ceiling" in verdict:
        lines.append(
            f"JAX uses {verdict['utilisation_jax']:.1%} of the machine, so nothing could "
            f"be more than {units.three(verdict['ceiling'])}x quicker here."
        )
    ratios = [
        f"{name} alone {units.three(verdict[name])}x"
        for name in ("kernels", "overhead")
        if name in verdict
    ]
    if ratios:
        lines.append(f"JAX's parts over minijax's: {', '.join(ratios)}.")
    part = function.get("parts", {}).get(FRONTS[1].name)
    if part is not None and part["call"] > 0:
        lines.append(_explained(part))
    return lines


def _explained(part: dict[str, Any]) -> str:
    """What minijax's parts leave of its call."""
    if within_error(part):
        return "minijax's parts explain its call within the error."
    share = abs(part["unexplained"]) / part["call"]
    doubt = ", so they are not to be relied on" if share > DOUBTFUL else ""
    if part["unexplained"] < 0:
        return f"minijax's parts together are {share:.0%} longer than its call{doubt}."
    return f"minijax's parts leave {share:.0%} of its call unexplained{doubt}."
