"""Results do not depend on the number of threads, to the last bit."""

import numpy as np
import pytest

import minijax as jax
import minijax.numpy as jnp
from cbackend import runtime

RNG = np.random.default_rng(0)
BIG = RNG.normal(size=(700, 900)).astype(np.float32)
LONG = RNG.normal(size=1_000_003).astype(np.float32)
IMAGES = RNG.normal(size=(16, 24, 24, 8)).astype(np.float32)
KERNEL = RNG.normal(size=(3, 3, 8, 16)).astype(np.float32)

CASES = {
    "elementwise": (lambda x: jnp.tanh(x * 2 + 1) * jnp.exp(-x * x), BIG),
    "sum": (jnp.sum, LONG),
    "sum_rows": (lambda x: jnp.sum(x, axis=1), BIG),
    "sum_columns": (lambda x: jnp.sum(x, axis=0), BIG),
    "max": (lambda x: (jnp.max(x), jnp.argmax(x, axis=1)), BIG),
    "softmax": (jax.nn.softmax, BIG),
    "matmul": (lambda x: x @ x.T, BIG),
    "matmul_half": (lambda x: x.astype(jnp.bfloat16) @ x.T.astype(jnp.bfloat16), BIG),
    "matmul_of_one_block": (lambda x: x[:256] @ x[:64].T, BIG),
    "matmul_handed_on": (lambda x: jnp.tanh(x[:256, :64].T @ x[:256, :256]), BIG),
    "batched_matmul": (
        lambda x: jnp.einsum("bij,bkj->bik", x, x),
        BIG.reshape(9, 700, 100),
    ),
    "transpose": (lambda x: x.T + 0, BIG),
    "cumsum": (lambda x: jnp.cumsum(x, axis=1), BIG),
    "sort": (lambda x: jnp.sort(x, axis=1), BIG),
    "convolution": (
        lambda x: jax.lax.conv_general_dilated(
            x, KERNEL, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ),
        IMAGES,
    ),
    "gather": (lambda x: x[jnp.arange(0, 700, 3)], BIG),
    "random": (lambda x: jax.random.normal(jax.random.key(0), x.shape), BIG),
    "gradient": (jax.grad(lambda x: jnp.sum(jax.nn.log_softmax(x @ x.T)[0])), BIG),
}


@pytest.mark.parametrize("name", CASES)
def test_bits_do_not_depend_on_threads(name):
    fun, x = CASES[name]
    results = []
    try:
        for threads in (1, 2, 5):
            runtime.set_num_threads(threads)
            leaves = jax.tree.leaves(jax.jit(fun)(x))
            results.append([np.asarray(leaf).tobytes() for leaf in leaves])
    finally:
        runtime.set_num_threads(0)
    assert results[0] == results[1] == results[2]
