"""The first step: everything between a Python function and its first result.

`first` cases run in a fresh process, so nothing is warm but what making the parameters
warmed. `growth` cases trace and lower programs of many equations, without compiling.
"""

import time
from importlib import import_module

GOALS = {"first": {"geomean": 10.0}}
# name in benchmarks/programs.py -> options
PROGRAMS = {
    "mlp_784_128_10": {},
    "cnn": {},
    "gpt_tiny": {},
    "gpt_small": {},
    "gpt2": {"quick": False},
}


def _first(jax, name):
    def make():
        programs = import_module("programs").programs(jax)
        function, args = programs[name]()
        return {"run": function, "args": args}

    return make


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
        traced.lower()
        end = time.perf_counter()
        return {"trace": middle - start, "lower": end - middle}

    return {"kind": "measured", "make": lambda: (run, ()), "full": count > 20_000}


def cases(jax):
    found = {
        f"first/{name}": {"kind": "cold", "make": _first(jax, name), **options}
        for name, options in PROGRAMS.items()
    }
    for count in (100, 1000, 10_000, 100_000):
        found[f"growth/{count} equations"] = _growth(jax, count)
    return found
