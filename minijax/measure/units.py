"""Figures in words: seconds, bytes, counts, with their ranges."""

from typing import Any

NONE = "\N{EN DASH}"  # stands for a figure that there is not


def seconds(value: float | None) -> str:
    """`1.23 s`, `45.6 ms`, `7.89 µs`; a dash for none."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size * 0.9995:
            return f"{three(value / size)} {unit}"
    return f"{three(value * 1e9)} ns"


def size(value: float | None) -> str:
    """Bytes as `312 MB` (10^6)."""
    if value is None:
        return NONE
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{three(value / scale)} {unit}"
    return f"{value:.0f} B"


def amount(value: float | None, unit: str) -> str:
    """A figure in its unit, "s" or "B"."""
    return seconds(value) if unit == "s" else size(value)


def with_range(value: dict[str, Any] | None, unit: str = "s") -> str:
    """Median, and the smallest and largest over the processes."""
    if value is None:
        return NONE
    text = amount(value["median"], unit)
    if value["n"] > 1 and value["max"] > value["min"]:
        text += f"  ({amount(value['min'], unit)} … {amount(value['max'], unit)})"
    return text


def three(value: float) -> str:
    """Three significant digits without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
