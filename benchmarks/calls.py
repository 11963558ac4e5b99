"""What one call costs: the call path, arrays, pytrees, eager operations.

The cases of group `api` have the names of JAX's own API micro-benchmarks. None of them
computes much, but for the two that say so.
"""

import functools

import numpy as np

GOALS = {"call": {"least": 8.0}, "eager": {"least": 10.0}, "tree": {"least": 5.0}}


def _case(run, *args, goal=None, **options):
    return {"run": run, "args": args, "jit": False, "goal": goal, **options}


def _nested(jnp, count):
    """A dict of dicts with `count` arrays of four elements."""
    leaf = jnp.arange(4.0)
    outer = {}
    for k in range(count):
        outer.setdefault(f"layer_{k // 4}", {})[f"p{k % 4}"] = leaf + k
    return outer


def _call_cases(jax):
    jnp = jax.numpy
    scalar, array = jnp.float32(1.5), jnp.arange(8.0)
    increment, add = jax.jit(lambda x: x + 1), jax.jit(lambda x, y: x + y)
    ten = [array + k for k in range(10)]
    hundred = [array + k for k in range(100)]
    increment_all = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree))
    static = jax.jit(lambda x, n: x * n, static_argnums=1)
    named = jax.jit(lambda x, *, scale: x * scale)
    numbers = [float(k) for k in range(2000)]
    yield "scalar", _case(increment, scalar, goal=15)
    yield "two arguments", _case(add, scalar, scalar, goal=15)
    yield "numpy array", _case(increment, np.arange(8.0, dtype="f"), goal=10)
    yield "python float", _case(increment, 1.5, goal=10)
    yield "static argument", _case(lambda x: static(x, 3), array, goal=8)
    yield "keyword argument", _case(lambda x: named(x, scale=x), array, goal=8)
    yield "10 leaves in, 1 out", _case(jax.jit(sum), ten, goal=12)
    yield "100 leaves, list", _case(increment_all, hundred, goal=15)
    yield "100 leaves, dict", _case(increment_all, _nested(jnp, 100), goal=12)
    first = jax.jit(lambda *xs: xs[0] + xs[-1])
    yield "2000 python scalars", _case(first, *numbers, goal=10)
    yield from _callables(jax, array)


def _callables(jax, array):
    """Jitted things that are no plain functions."""

    class Model:
        @functools.partial(jax.jit, static_argnums=0)
        def method(self, x):
            return x + 1

        def __call__(self, x):
            return x + 1

    model = Model()
    yield "method", _case(model.method, array, goal=8)
    yield "callable object", _case(jax.jit(model), array, goal=8)
    partial = jax.jit(functools.partial(jax.numpy.add, 1.0))
    yield "partial", _case(partial, array, goal=8)


def _tree_cases(jax):
    jnp = jax.numpy
    tree = _nested(jnp, 100)
    leaves, treedef = jax.tree.flatten(tree)
    yield "map 100", _case(lambda t: jax.tree.map(lambda x: x, t), tree, goal=5)
    yield "flatten 100", _case(lambda t: jax.tree.flatten(t)[0], tree, goal=5)
    yield "unflatten 100", _case(lambda xs: treedef.unflatten(xs), leaves, goal=5)
    yield "leaves 100", _case(jax.tree.leaves, tree, goal=5)


def _eager_cases(jax):
    jnp = jax.numpy
    a, host = jnp.arange(8.0), np.arange(8.0, dtype="f")
    mask, key = a > 3, jax.random.key(0)
    yield "a + a", _case(lambda x: x + x, a, goal=10)
    yield "a * 2.0", _case(lambda x: x * 2.0, a, goal=10)
    yield "sin", _case(jnp.sin, a, goal=10)
    yield "dot", _case(jnp.dot, a, a, goal=10)
    yield "sum", _case(jnp.sum, a, goal=10)
    yield "a[2]", _case(lambda x: x[2], a, goal=15)
    yield "a[1:3]", _case(lambda x: x[1:3], a, goal=15)
    yield "reshape", _case(lambda x: x.reshape(2, 4), a, goal=15)
    yield "where", _case(jnp.where, mask, a, a, goal=15)
    yield "zeros", _case(lambda: jnp.zeros(8), goal=15)
    yield "concatenate", _case(lambda x: jnp.concatenate([x, x]), a, goal=15)
    yield "device_put", _case(jax.device_put, host, goal=15, arrays=False)
    yield "a.at[2].set", _case(lambda x: x.at[2].set(1.0), a, goal=100)
    yield "random.split", _case(jax.random.split, key, goal=10)
    yield "random.normal", _case(lambda k: jax.random.normal(k, (8,)), key, goal=10)
    yield "np.asarray", _case(np.asarray, a, goal=3)
    yield "grad", _case(jax.grad(lambda x: jnp.sin(x) * x), 1.5, goal=15)
    yield "vmap", _case(jax.vmap(lambda x: jnp.sin(x) * x), a, goal=15)


def _api_cases(jax):
    """JAX's own micro-benchmarks, by their names."""
    jnp, lax = jax.numpy, jax.lax
    one, two = jax.device_put(1), jax.device_put(2)
    yield "eager_unary", _case(lax.neg, one)
    yield "eager_binary", _case(lax.add, one, two)
    yield "jit_trivial", _case(jax.jit(lambda x: x), one)
    yield "jit_simple", _case(jax.jit(lambda x, y: x + y), one, two)
    array = jax.device_put(np.arange(16.0, dtype="f"))
    yield "jit_simple_array", _case(jax.jit(lambda x, y: x + y), array, array)
    for name, n in (("jit_small_matmul", 2), ("jit_big_matmul", 100)):
        square = jax.device_put(np.random.default_rng(0).random((n, n), np.float32))
        yield name, _case(jax.jit(jnp.dot), square, square)
    for count in (10, 100, 1000, 2000):
        many = [jax.device_put(k) for k in range(count)]
        yield f"jit_simple_many_args_{count}", _case(jax.jit(lambda xs: xs[0]), many)
    for count in (10, 100, 1000, 2000):
        many = [jax.device_put(k) for k in range(count)]
        pruned = jax.jit(lambda *xs: xs[0])
        yield f"jit_simple_pruned_args_{count}", _case(pruned, *many)


def _api_transfers(jax):
    jnp = jax.numpy
    host = np.random.default_rng(0).random((128, 64, 64), np.float32)
    images = jax.device_put(host)
    step = jax.jit(lambda x: x[0, 0, 0] + 1)
    yield "jit_dispatch_without_transfer", _case(step, images)
    yield "jit_dispatch_with_transfer", _case(step, host, arrays=False)
    rows = np.random.default_rng(0).random((1024, 16), np.float32)
    yield "device_put_from_numpy_array", _case(jax.device_put, rows, arrays=False)
    yield "device_put_from_jax_array", _case(jax.device_put, images)

    add = jax.jit(jax.lax.add)

    def add_chain(x):
        for _ in range(100):
            x = add(x, x)
        return x

    yield "jit_add_chain", _case(add_chain, jnp.zeros(100))
    dot, square = jax.jit(jnp.dot), jnp.eye(16)

    def dot_products(x):
        for _ in range(50):
            x = dot(x, square)
        return x

    yield "serial_dot_products", _case(dot_products, square)
    indexed = jnp.arange(500.0)
    yield (
        "repeated_static_indexing",
        _case(lambda x: [x[k] for k in range(500)], indexed),
    )
    yield (
        "repeated_static_slicing",
        _case(lambda x: [x[k : k + 2] for k in range(0, 500, 2)], indexed),
    )


_IMPORT = "import {jax}"
_FIRST = "import {jax}.numpy as jnp; a = jnp.arange(4.0); print((a + a).tolist())"
_FIRST_JIT = (
    "import {jax} as jax; print(jax.jit(lambda x: x * 2 + 1)(jax.numpy.arange(4.0)))"
)


def _process_cases():
    yield "import", {"kind": "script", "goal": 8, "make": lambda: (_IMPORT, ())}
    yield "first eager", {"kind": "script", "goal": 8, "make": lambda: (_FIRST, ())}
    yield "first jit", {"kind": "script", "goal": 8, "make": lambda: (_FIRST_JIT, ())}


def _live_functions(jax):
    """Dispatch among many live jitted functions, and among many signatures."""
    jnp = jax.numpy

    def among(count):
        def make():
            x = jnp.float32(1)
            made = [jax.jit(lambda x, k=k: x + k) for k in range(count)]
            for function in made:
                function(x)
            return {"run": made[0], "args": (x,), "jit": False}

        return make

    yield "100 live functions", {"make": among(100)}
    # JAX compiles each for some 10 ms
    yield "10000 live functions", {"make": among(10000), "full": True}

    def signatures():
        increment = jax.jit(lambda x: x + 1)
        arrays = [jnp.zeros(n) for n in range(1, 101)]
        for x in arrays:
            increment(x)
        return {"run": increment, "args": (arrays[0],), "jit": False}

    yield "100 signatures", {"make": signatures}


def cases(jax):
    groups = {
        "call": [*_call_cases(jax), *_live_functions(jax)],
        "tree": _tree_cases(jax),
        "eager": _eager_cases(jax),
        "api": [*_api_cases(jax), *_api_transfers(jax)],
        "process": _process_cases(),
    }
    return {f"{g}/{name}": case for g, every in groups.items() for name, case in every}


def numpy_cases(numpy):
    a = numpy.arange(8.0, dtype="f")
    mask = a > 3
    return {
        "eager/a + a": (lambda x: x + x, (a,)),
        "eager/a * 2.0": (lambda x: x * 2.0, (a,)),
        "eager/sin": (numpy.sin, (a,)),
        "eager/dot": (numpy.dot, (a, a)),
        "eager/sum": (numpy.sum, (a,)),
        "eager/a[2]": (lambda x: x[2], (a,)),
        "eager/a[1:3]": (lambda x: x[1:3], (a,)),
        "eager/reshape": (lambda x: x.reshape(2, 4), (a,)),
        "eager/where": (numpy.where, (mask, a, a)),
        "eager/zeros": (lambda: numpy.zeros(8, "f"), ()),
        "eager/concatenate": (lambda x: numpy.concatenate([x, x]), (a,)),
    }
