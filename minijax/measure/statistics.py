"""Medians with bootstrap intervals, ratios of medians, and warnings of unsteadiness.

A figure comes as one list of samples for each process. Processes differ by more than
their samples do (addresses, threads, the moment), so the bootstrap draws processes
first, then samples within each. The generator is seeded: the same data give the same
interval.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy

DRAWS = 2000
LEVEL = 0.95
UNSTEADY = 0.2  # width of the interval over the median, above which we warn


def summary(processes: Sequence[Sequence[float]]) -> dict[str, Any]:
    """{"median", "low", "high", "n", "each"} of the samples of several processes.

    The median is that of the processes' medians ("each").
    """
    each = [median(samples) for samples in processes if len(samples)]
    low, high = interval(_draw(processes, _generator()))
    return {
        "median": median(each),
        "low": low,
        "high": high,
        "min": min(each),
        "max": max(each),
        "n": len(each),
        "each": each,
    }


def ratio(
    first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]
) -> dict[str, float]:
    """{"ratio", "low", "high"}: the first's median over the second's.

    Processes of the same number ran in turns; they are drawn together, so that what
    slowed both down does not widen the interval.
    """
    generator, again = _generator(), _generator()
    draws = _draw(first, generator) / _draw(second, again)
    low, high = interval(draws)
    middle = median([median(s) for s in first]) / median([median(s) for s in second])
    return {"ratio": middle, "low": min(low, middle), "high": max(high, middle)}


def interval(draws: Any) -> tuple[float, float]:
    """The range that holds LEVEL of the bootstrap's draws."""
    edge = (1 - LEVEL) / 2
    low, high = numpy.quantile(draws, [edge, 1 - edge])
    return float(low), float(high)


def spread(figure: dict[str, Any]) -> float:
    """Width of a summary's interval as a share of its median."""
    middle = figure["median"]
    return (figure["high"] - figure["low"]) / middle if middle > 0 else 0.0


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


def _draw(processes: Sequence[Sequence[float]], generator: Any) -> Any:
    """Medians of DRAWS resampled measurements."""
    shortest = min(len(samples) for samples in processes)
    table = numpy.array([list(samples)[:shortest] for samples in processes], float)
    n = len(table)
    picked = generator.integers(0, n, (DRAWS, n))
    within = generator.integers(0, shortest, (DRAWS, n, shortest))
    drawn = numpy.take_along_axis(table[picked], within, axis=2)
    return numpy.median(numpy.median(drawn, axis=2), axis=1)
