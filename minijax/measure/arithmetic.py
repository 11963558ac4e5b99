"""Whether two programs do the same arithmetic, and the least time it can take."""

from typing import Any

from .machine import memory_rate

# Relative differences that are still the same arithmetic. The front ends' small
# equations differ (a mask here, a conversion there); products must agree.
PRODUCTS_AGREE = 0.01
FLOPS_AGREE = 0.2

Counted = dict[str, Any]


def disagreement(
    first: Counted | None, second: Counted | None, names: list[str]
) -> str | None:
    """Why two counted programs may not be compared; None where they may."""
    if not first or not second:
        return None
    ours, theirs = first["products"], second["products"]
    if set(ours) != set(theirs):
        kinds = [", ".join(sorted(c)) or "none" for c in (ours, theirs)]
        return f"precision differs: products of {kinds[0]} against {kinds[1]}"
    pairs = [(ours[kind], theirs[kind], PRODUCTS_AGREE) for kind in ours]
    for a, b, allowed in [*pairs, (first["flops"], second["flops"], FLOPS_AGREE)]:
        if abs(a - b) > allowed * max(a, b):
            return f"FLOPs differ: {a:.4g} on {names[0]}, {b:.4g} on {names[1]}"
    return None


def floor(counted: Counted | None, machine: dict[str, float]) -> dict[str, Any] | None:
    """The least time that arithmetic or memory allows, in seconds, and which it is."""
    if not counted or not machine.get("flops") or not memory_rate(machine):
        return None
    moved = counted["bytes accessed"]
    arithmetic = counted["flops"] / machine["flops"]
    memory = moved / memory_rate(machine, moved)
    bound = "arithmetic" if arithmetic > memory else "memory"
    return {"seconds": max(arithmetic, memory), "bound": bound}
