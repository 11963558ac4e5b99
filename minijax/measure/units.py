"""Figures in words: seconds, bytes, counts, with their ranges."""

import re
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
    """Median, and its interval where more than one process gives one."""
    if value is None:
        return NONE
    text = amount(value["median"], unit)
    if value["n"] > 1 and value["high"] > value["low"]:
        text += f"  ({span(value['low'], value['high'], unit)})"
    return text


def span(low: float, high: float, unit: str = "s") -> str:
    """`243 … 266 µs`, `0.91 … 1.20 ms`, `890 µs … 1.20 ms`: from … to."""
    first, last = amount(low, unit), amount(high, unit)
    number, _, name = first.partition(" ")
    return f"{number if name and last.endswith(' ' + name) else first} … {last}"


def plain(value: float) -> str:
    """A number on an axis: `0.01`, `100`, `1000`, `10k`, `1M`, `100G`."""
    for unit, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if value >= scale:
            return f"{value / (1e3 if unit == 'k' else scale):g}{unit}"
    return f"{value:g}"


def whole(text: str) -> str:
    """A figure on an axis: `1 ms` for `1.00 ms`."""
    return re.sub(r"\.0+\b", "", text)


def three(value: float) -> str:
    """Three significant digits without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
