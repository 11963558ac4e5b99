"""Whether two described trees of outputs (see `outputs.py`) are equal, leaf by leaf.

Trees, shapes, dtypes and weak types must be the same; integers, booleans and PRNG keys
equal; NaNs and infinities in the same places. A float leaf passes where its largest
absolute difference is at most `relative * scale + absolute`, `scale` being the largest
finite magnitude in the reference's leaf: what rounding does to a sum has the size of
its terms, not of its result.
"""

from dataclasses import dataclass
from typing import Any

import numpy

# dtype -> (relative, absolute). Other dtypes must be equal.
DEFAULT_TOLERANCES = {
    "float64": (1e-12, 0.0),
    "complex128": (1e-12, 0.0),
    "float32": (2e-5, 0.0),
    "complex64": (2e-5, 0.0),
    "bfloat16": (2e-2, 0.0),
    "float16": (5e-3, 0.0),
}


@dataclass
class LeafReport:
    """How one output leaf of one sampled call compares."""

    path: str
    shape: list[int]
    dtype: str
    weak: bool
    max_abs: float = 0.0
    max_rel: float = 0.0  # elementwise
    scaled: float = 0.0  # max_abs over the reference leaf's scale
    tolerance: float = 0.0
    ok: bool = True


def compare_outputs(
    first: dict[str, Any],
    second: dict[str, Any],
    tolerances: dict[str, tuple[float, float]],
    factor: float = 1.0,
) -> tuple[list[LeafReport], list[tuple[str | None, str, Any]]]:
    """Reports of the leaves compared, and problems: (path, what, values or words).

    `factor` multiplies the tolerances.
    """
    if first["tree"] != second["tree"]:
        return [], [(None, "tree", [first["tree"], second["tree"]])]
    reports, problems = [], []
    for ours, theirs in zip(first["leaves"], second["leaves"]):
        problem = _metadata_problem(ours, theirs)
        if problem is not None:
            problems.append((ours["path"], *problem))
        elif "data" in ours and "data" in theirs:
            leaf = compare_leaf(ours, theirs["data"], tolerances, factor)
            reports.append(leaf)
            if not leaf.ok:
                problems.append((ours["path"], "value", describe_difference(leaf)))
    return reports, problems


def compare_leaf(
    reference: dict[str, Any],
    other: numpy.ndarray,
    tolerances: dict[str, tuple[float, float]],
    factor: float = 1.0,
) -> LeafReport:
    """Compare the numbers of one leaf, whose shape and dtype are the same already.

    `factor` multiplies the tolerance.
    """
    dtype = reference["dtype"]
    leaf = LeafReport(reference["path"], reference["shape"], dtype, reference["weak"])
    relative, absolute = (factor * t for t in tolerances.get(dtype, (0.0, 0.0)))
    leaf.tolerance = relative
    ours, theirs = reference["data"], other
    if ours.tobytes() == theirs.tobytes() or not ours.size:
        return leaf
    wide = numpy.complex128 if ours.dtype.kind == "c" else numpy.float64
    if ours.dtype.kind in "biu" and dtype not in tolerances:
        leaf.ok = bool(numpy.array_equal(ours, theirs))
        wide = numpy.longdouble  # holds every 64-bit integer
    a, b = ours.astype(wide), theirs.astype(wide)
    special = ~(numpy.isfinite(a) & numpy.isfinite(b))
    same_special = numpy.array_equal(a[special], b[special], equal_nan=True)
    a, b = a[~special], b[~special]
    difference = numpy.abs(a - b)
    scale = float(numpy.max(numpy.abs(a), initial=0.0))
    leaf.max_abs = float(numpy.max(difference, initial=0.0))
    larger = numpy.maximum(numpy.abs(a), numpy.abs(b))
    nonzero = larger > 0
    leaf.max_rel = float(numpy.max(difference[nonzero] / larger[nonzero], initial=0.0))
    leaf.scaled = (
        leaf.max_abs / scale if scale else (0.0 if not leaf.max_abs else float("inf"))
    )
    if not same_special:
        leaf.max_abs = leaf.max_rel = leaf.scaled = float("inf")
    leaf.ok &= same_special and leaf.max_abs <= relative * scale + absolute
    return leaf


def describe_difference(leaf: LeafReport) -> str:
    """The numbers of a leaf that failed, as a sentence's part."""
    if leaf.max_abs == float("inf"):
        return "NaN or infinity in other places"
    allowed = f"{leaf.tolerance:g} of the leaf's largest magnitude is allowed"
    if not leaf.tolerance:
        allowed = f"{leaf.dtype} must be equal"
    return (
        f"largest difference {leaf.max_abs:.3g} absolute, {leaf.scaled:.3g} of the "
        f"leaf's largest magnitude ({allowed})"
    )


def _metadata_problem(ours: dict[str, Any], theirs: dict[str, Any]) -> Any:
    if ours["kind"] != theirs["kind"]:
        return "kind", [ours["kind"], theirs["kind"]]
    for aspect, what in (("shape", "shape"), ("dtype", "dtype"), ("weak", "weak type")):
        values = [ours.get(aspect), theirs.get(aspect)]
        if values[0] != values[1]:
            if aspect == "shape":
                values = [f"({', '.join(map(str, v or ()))})" for v in values]
            elif aspect == "weak":
                values = ["weakly typed" if v else "strongly typed" for v in values]
            return what, values
    if ours.get("value") != theirs.get("value"):
        return "value", [ours.get("value"), theirs.get("value")]
    return None
