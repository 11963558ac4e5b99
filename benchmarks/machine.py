"""What the machine can do: the peaks that the floor of every other case is made of.

The best of all sides counts, so a slow library does not lower the floor.
"""

import time

LOOPS = 5
# Bytes that a stream moves, half of them read and half written: in caches, and in memory.
STREAMS = (1 << 17, 1 << 19, 1 << 21, 1 << 23, 1 << 25, 1 << 27)


def _best(call, block) -> float:
    """Seconds of the quickest of a few calls, after two that do not count."""
    block(call())
    block(call())
    times = []
    for _ in range(LOOPS):
        start = time.perf_counter()
        block(call())
        times.append(time.perf_counter() - start)
    return min(times)


def _rates(ones, matmul, add, block):
    n = 1536
    a, b = ones((n, n)), ones((n, n))
    found = {"flops": 2 * n**3 / _best(lambda: matmul(a, b), block)}
    for size in STREAMS:
        c = ones((size // 8,))
        found[f"bytes of {size}"] = size / _best(lambda c=c: add(c), block)
    return found


def _cases(rates):
    return {"machine/peaks": {"kind": "measured", "make": lambda: (rates, ())}}


def cases(jax):
    jnp = jax.numpy
    matmul, add = jax.jit(jnp.matmul), jax.jit(lambda x: x + 1)
    return _cases(lambda: _rates(jnp.ones, matmul, add, jax.block_until_ready))


def numpy_cases(numpy):
    def ones(shape):
        return numpy.ones(shape, numpy.float32)

    outs = {}

    def add(x):
        if x.size not in outs:
            outs[x.size] = numpy.empty_like(x)
        return numpy.add(x, numpy.float32(1), out=outs[x.size])

    def rates():
        outs.clear()
        return _rates(ones, numpy.matmul, add, lambda x: None)

    return _cases(rates)
