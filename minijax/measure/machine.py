"""What this machine can do: FLOP/s of products and bytes/s of streams, as reached.

Measured with the frameworks at hand; the best of them counts, since a slow library does
not lower the floor.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

N = 1024  # of the square float32 matrices
STREAM = 8_000_000  # elements, read once and written once
TRIES = 5


def peaks(frameworks: Sequence[Any]) -> dict[str, float]:
    """{"flops", "bytes"}: the best rates of jitted calls on any of `frameworks`."""
    best = {"flops": 0.0, "bytes": 0.0}
    for jax in frameworks:
        ones, block = jax.numpy.ones, jax.block_until_ready
        product, stream = jax.jit(jax.numpy.matmul), jax.jit(lambda x: x + 1)
        matrix, vector = ones((N, N)), ones((STREAM,))
        seconds = quickest(product, (matrix, matrix), block)
        best["flops"] = max(best["flops"], 2 * N**3 / seconds)
        seconds = quickest(stream, (vector,), block)
        best["bytes"] = max(best["bytes"], 8 * STREAM / seconds)
    return best


def quickest(call: Callable, args: tuple, block: Callable) -> float:
    """Seconds of the quickest of a few calls, after two that do not count."""
    times = []
    for attempt in range(TRIES + 2):
        start = time.perf_counter()
        block(call(*args))
        if attempt >= 2:
            times.append(time.perf_counter() - start)
    return min(times)
