"""Timing of calls: until they return, and until their outputs are ready.

Loaded by its path in measured processes. Times are seconds per call. The collector of
garbage rests during a loop, as in `timeit`. A loop adds about 20 ns to a call.
"""

import contextlib
import gc
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

clock = time.perf_counter


class Call:
    """A function with its arguments, as it is called again and again.

    `donate`: places of arguments that are given away; the call's first outputs take
    their places.
    """

    def __init__(self, function: Callable, args: tuple, donate: tuple[int, ...] = ()):
        self.function = function
        self.args = args
        self.donate = donate

    def once(self) -> Any:
        """Call once; the outputs, perhaps not ready yet."""
        outputs = self.function(*self.args)
        self._advance(outputs)
        return outputs

    def _advance(self, outputs: Any) -> None:
        if self.donate:
            args = list(self.args)
            for place, value in zip(self.donate, outputs):
                args[place] = value
            self.args = tuple(args)

    def returned(self, loops: int) -> float:
        """Time until a call returns; what is still running is waited for afterwards."""
        function, args = self.function, self.args
        outputs = None
        start = clock()
        if self.donate:
            for _ in itertools.repeat(None, loops):
                outputs = self.once()
        else:
            for _ in itertools.repeat(None, loops):
                outputs = function(*args)
        elapsed = clock() - start
        wait(outputs)
        return elapsed / loops

    def ready(self, loops: int) -> float:
        """Time until the outputs of a call are ready."""
        function, args = self.function, self.args
        start = clock()
        if self.donate:
            for _ in itertools.repeat(None, loops):
                wait(self.once())
        else:
            for _ in itertools.repeat(None, loops):
                wait(function(*args))
        return (clock() - start) / loops


def wait(outputs: Any) -> None:
    """Block on one array of `outputs`: one execution's get ready together.

    Walking to the first leaf costs less than flattening the whole tree, which for a
    call of a few microseconds would be most of the figure.
    """
    while True:
        block = getattr(outputs, "block_until_ready", None)
        if block is not None:
            block()
            return
        kind = type(outputs)
        if (kind is tuple or kind is list) and outputs:
            outputs = outputs[0]
        elif kind is dict and outputs:
            outputs = next(iter(outputs.values()))
        elif hasattr(outputs, "_fields") and outputs:
            outputs = outputs[0]
        else:
            return


def calibrate(timed: Callable[[int], float], seconds: float, guess: float) -> int:
    """How many calls take about `seconds`, at least 1; one takes about `guess`."""
    if guess > seconds:
        return 1
    loops = max(1, round(0.1 * seconds / max(guess, 1e-9)))
    while True:
        elapsed = timed(loops) * loops
        if elapsed >= seconds * 0.1 or loops >= 1 << 24:
            return max(1, round(loops * seconds / max(elapsed, 1e-9)))
        loops *= 4


def settle(call: Call, seconds: float) -> float:
    """Call until caches, predictors and background work have had `seconds`.

    The time of one call, roughly: the quickest.
    """
    start = before = clock()
    best = float("inf")
    while True:
        wait(call.once())
        now = clock()
        best = min(best, now - before)
        if now - start > seconds:
            return best
        before = now


def samples(timed: Callable[[int], float], loops: int, count: int) -> list[float]:
    """`count` figures of `timed(loops)`, without collections of garbage in between."""
    with no_collections():
        return [timed(loops) for _ in range(count)]


@contextlib.contextmanager
def no_collections() -> Iterator[None]:
    """Garbage is collected now, and then not until the end."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
