"""Medians with 95 % intervals, ratios of medians, and warnings of unsteadiness.

A figure comes as one list of samples for each process. Processes differ by more than
their samples do (addresses, threads, the moment), so the bootstrap draws processes:
their medians, which have the samples' noise in them already. The quantiles of so few
draws would cover too little; what is taken from them is the standard error, and the
interval is Student's with as many degrees of freedom as processes allow:
`docs/isolation.md` says how. The generator is seeded: the same data, the same interval.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp, sqrt
from statistics import median
from typing import Any

import numpy

DRAWS = 2000
UNSTEADY = 0.2  # largest less smallest process over the median, above which we warn
# The 0.975 quantiles of Student's distribution with 1, 2, … degrees of freedom.
STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
)  # fmt: skip
NORMAL = 1.960

Processes = Sequence[Sequence[float]]


def summary(processes: Processes) -> dict[str, Any]:
    """{"median", "low", "high", "min", "max", "n", "each"} of several processes.

    The median is that of the processes' medians ("each"); "low" to "high" is its 95 %
    interval. With one process (n = 1) the interval is that of its samples, and leaves
    out how processes differ.
    """
    each = [median(samples) for samples in processes if len(samples)]
    middle = median(each)
    draws, units = _draw(processes, _generator())
    low, high = _around(middle, _error(middle, draws, units), units - 1)
    if min(each) >= 0:
        low = max(0.0, low)
    return {
        "median": middle,
        "low": low,
        "high": high,
        "min": min(each),
        "max": max(each),
        "n": len(each),
        "each": each,
    }


def combined(
    columns: Sequence[Processes], combine: Callable[..., Mapping[str, Any]]
) -> dict[str, dict[str, float]]:
    """Name -> {"value", "low", "high"} of what is reckoned from several medians.

    `combine` is called with each column's median, and with arrays of drawn medians.
    Processes of the same number ran in turns, or are the same: they are drawn together,
    so that what slowed all columns down does not widen the interval.
    """
    values = combine(*(median([median(s) for s in column]) for column in columns))
    drawn = [_draw(column, _generator()) for column in columns]
    units = min(units for _, units in drawn)
    found = {}
    for name, draws in combine(*(draws for draws, _ in drawn)).items():
        value = float(values[name])
        low, high = _around(value, _error(value, draws, units), units - 1)
        found[name] = {"value": value, "low": low, "high": high}
    return found


def ratio(first: Processes, second: Processes) -> dict[str, float]:
    """{"ratio", "low", "high"}: the first's median over the second's."""
    found = combined([first, second], lambda a, b: {"ratio": a / b})["ratio"]
    return {"ratio": found["value"], "low": found["low"], "high": found["high"]}


def change(before: Sequence[float], after: Sequence[float]) -> dict[str, float]:
    """{"factor", "low", "high"}: the median after over the one before, of positive
    figures of processes that have nothing to do with each other (Welch's interval).
    """
    sides = [
        (median(each), *_draw([[x] for x in each], _generator()))
        for each in (before, after)
    ]
    squares = [_error(*side)[1] ** 2 for side in sides]
    factor = sides[1][0] / sides[0][0]
    parts = [s**2 / (units - 1) for s, (_, _, units) in zip(squares, sides) if s]
    freedom = sum(squares) ** 2 / sum(parts) if parts else 1.0
    low, high = _around(factor, (True, sqrt(sum(squares))), freedom)
    return {"factor": factor, "low": low, "high": high}


def apart(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two intervals do not meet."""
    return first["low"] > second["high"] or second["low"] > first["high"]


def student(freedom: float) -> float:
    """The 0.975 quantile of Student's distribution; of broken degrees, the next less."""
    whole = max(1, int(freedom))
    if whole <= len(STUDENT):
        return STUDENT[whole - 1]
    return NORMAL + (NORMAL**3 + NORMAL) / (4 * whole)


def _error(middle: float, draws: Any, units: int) -> tuple[bool, float]:
    """The standard error that the draws show, and whether it is one of the logarithm.

    Times vary by factors; only what can be zero or negative is left as it is. A draw of
    n from n varies by (n - 1) / n of what n from the whole world would.
    """
    if units < 2 or numpy.min(draws) == numpy.max(draws):
        return middle > 0, 0.0
    logarithmic = bool(middle > 0 and numpy.min(draws) > 0)
    error = float(numpy.std(numpy.log(draws) if logarithmic else draws))
    return logarithmic, error * sqrt(units / max(1, units - 1))


def _around(
    middle: float, error: tuple[bool, float], freedom: float
) -> tuple[float, float]:
    """Student's interval around `middle`."""
    logarithmic, standard = error
    half = student(freedom) * standard
    if not logarithmic:
        return middle - half, middle + half
    factor = exp(min(half, 50.0))
    return middle / factor, middle * factor


def spread(figure: dict[str, Any]) -> float:
    """How far a summary's processes are apart, as a share of its median."""
    middle = figure["median"]
    return (figure["max"] - figure["min"]) / middle if middle > 0 else 0.0


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean of positive numbers."""
    return float(numpy.exp(numpy.mean(numpy.log(values))))


def crossover(
    sizes: Sequence[float], ratios: Sequence[float], level: float
) -> float | None:
    """The size at which a ratio falls below `level` for good; None if it never does.

    Between two measured sizes the line is straight on logarithmic axes.
    """
    pairs = sorted(zip(sizes, ratios))
    above = [k for k, (_, value) in enumerate(pairs) if value >= level]
    if not above or above[-1] == len(pairs) - 1:
        return None if above else pairs[0][0]
    (x0, y0), (x1, y1) = pairs[above[-1]], pairs[above[-1] + 1]
    share = numpy.log(y0 / level) / numpy.log(y0 / y1)
    return float(x0 * (x1 / x0) ** share)


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """(slope, intercept) of the straight line with the least squares of relative error."""
    weights = 1 / numpy.maximum(numpy.abs(numpy.asarray(y, float)), 1e-12)
    slope, intercept = numpy.polyfit(x, y, 1, w=weights)
    return float(slope), float(intercept)


def _generator() -> numpy.random.Generator:
    return numpy.random.default_rng(20)


def _draw(processes: Processes, generator: Any) -> tuple[Any, int]:
    """(medians of DRAWS resampled measurements, the number of units that are drawn).

    The units are the processes' medians; where there is but one process, its samples.
    """
    units = [median(samples) for samples in processes if len(samples)]
    if len(units) == 1:
        units = [sample for samples in processes for sample in samples]
    n = len(units)
    picked = generator.integers(0, n, (DRAWS, n))
    return numpy.median(numpy.array(units, float)[picked], axis=1), n
