"""What this machine can do: FLOP/s of products and bytes/s of streams, as reached.

Streams are measured at several sizes: what stays in a cache moves faster than memory.

Measured with the frameworks at hand; the best of them counts, since a slow library does
not lower the floor.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

N = 1024  # of the square float32 matrices
# Bytes moved by a stream: as many read as written.
STREAMS = (1 << 17, 1 << 19, 1 << 21, 1 << 23, 1 << 25, 1 << 27)
TRIES = 5

Machine = dict[str, float]


_STREAM = "bytes of "  # and a size: the unit of the bytes/s of streams of so many bytes


def peaks(frameworks: Sequence[Any]) -> Machine:
    """Unit -> the best rate of jitted calls on any of `frameworks`."""
    return best_of([_rates(jax) for jax in frameworks])


def best_of(machines: Sequence[Machine]) -> Machine:
    """Unit -> the best rate in any of these."""
    units = dict.fromkeys(unit for machine in machines for unit in machine)
    return {unit: max(m.get(unit, 0.0) for m in machines) for unit in units}


def _rates(jax: Any) -> Machine:
    ones, block = jax.numpy.ones, jax.block_until_ready
    product, stream = jax.jit(jax.numpy.matmul), jax.jit(lambda x: x + 1)
    matrix = ones((N, N))
    rates = {"flops": 2 * N**3 / quickest(product, (matrix, matrix), block)}
    for size in STREAMS:
        seconds = quickest(stream, (ones((size // 8,)),), block)
        rates[f"{_STREAM}{size}"] = size / seconds
    return rates


def memory_rate(machine: Machine, size: float = float("inf")) -> float:
    """The bytes/s at which `size` bytes can move; 0 where no stream was measured.

    No less than streams of so many bytes or more reached, nor than the next smaller one
    did, so that a time derived from it stays a bound.
    """
    streams = sorted(
        (float(unit.removeprefix(_STREAM)), rate)
        for unit, rate in machine.items()
        if unit.startswith(_STREAM)
    )
    at_least = sum(s < size for s, _ in streams)  # place of the first that large
    return max((rate for _, rate in streams[max(0, at_least - 1) :]), default=0.0)


def quickest(call: Callable, args: tuple, block: Callable) -> float:
    """Seconds of the quickest of a few calls, after two that do not count."""
    times = []
    for attempt in range(TRIES + 2):
        start = time.perf_counter()
        block(call(*args))
        if attempt >= 2:
            times.append(time.perf_counter() - start)
    return min(times)
