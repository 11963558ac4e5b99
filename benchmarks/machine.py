"""What the machine can do: the peaks that the floor of every other case is made of.

The best of all sides counts, so a slow library does not lower the floor.
"""

import time

LOOPS = 5


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
    n, m = 1536, 20_000_000
    a, b, c = ones((n, n)), ones((n, n)), ones((m,))
    product = _best(lambda: matmul(a, b), block)
    # read and written once each
    moved = _best(lambda: add(c), block)
    return {"flops": 2 * n**3 / product, "bytes": 8 * m / moved}


def _cases(rates):
    def part(name):
        def run():
            return {name: rates()[name]}

        return {"kind": "measured", "make": lambda: (run, ())}

    return {f"machine/{name}": part(name) for name in ("flops", "bytes")}


def cases(jax):
    jnp = jax.numpy
    matmul, add = jax.jit(jnp.matmul), jax.jit(lambda x: x + 1)
    return _cases(lambda: _rates(jnp.ones, matmul, add, jax.block_until_ready))


def numpy_cases(numpy):
    def ones(shape):
        return numpy.ones(shape, numpy.float32)

    out = []

    def add(x):
        if not out:
            out.append(numpy.empty_like(x))
        return numpy.add(x, numpy.float32(1), out=out[0])

    def rates():
        out.clear()
        return _rates(ones, numpy.matmul, add, lambda x: None)

    return _cases(rates)
