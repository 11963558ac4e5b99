"""Programs of many equations: the time to trace and to lower grows with their number.

Nothing is compiled. In the figures of a straight line, ten times the equations take ten
times as long.
"""

import time


def _growth(jax, count):
    """Seconds to trace and to lower a chain of `count` small equations."""

    def chain(x):
        for k in range(count // 2):
            x = jax.numpy.sin(x) if k % 7 else x + 1.5
            x = x * 0.5
        return x

    def run():
        start = time.perf_counter()
        traced = jax.jit(chain).trace(jax.numpy.ones(4))
        middle = time.perf_counter()
        traced.lower().compiler_ir()  # minijax lowers when it is needed
        end = time.perf_counter()
        return {"trace": middle - start, "lower": end - middle}

    return {"kind": "measured", "make": lambda: (run, ()), "full": count > 20_000}


def cases(jax):
    counts = (100, 1000, 10_000, 100_000)
    return {f"growth/{count} equations": _growth(jax, count) for count in counts}
