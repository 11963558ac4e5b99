"""Compiled programs as bytes: made in one process, run in another."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import minijax as jax
from minijax import lax
from minijax import numpy as jnp
from minijax.experimental.serialize_executable import deserialize_and_load, serialize

X = jnp.arange(6.0).reshape(2, 3) + 1
KEY = jax.random.key(0)

FUNCTIONS = {
    "loops": (
        lambda x: lax.scan(
            lambda c, r: (lax.while_loop(lambda c: c.sum() < 9, lambda c: c + r, c), c),
            x[0],
            x,
        ),
        X,
    ),
    "branches": (lambda x: lax.cond(x.sum() > 3, jnp.sin, jnp.cos, x), X),
    "custom rules": (lambda x: jax.nn.relu(x) + jax.nn.silu(x), X),
    "derivatives": (jax.grad(jax.checkpoint(lambda x: jnp.linalg.norm(x @ x.T))), X),
    "solvers": (lambda x: jnp.linalg.inv(x @ x.T + jnp.eye(2)), X),
    "constants": (
        lambda x: x.astype(jnp.bfloat16) + jnp.arange(3, dtype=jnp.bfloat16),
        X,
    ),
    "keys": (
        lambda k: jax.random.key_data(jax.random.permutation(k, jax.random.split(k))),
        KEY,
    ),
}
_RUN = """
import pickle, sys
import numpy as np
from minijax.experimental.serialize_executable import deserialize_and_load
import minijax as jax
for kept, args in pickle.load(sys.stdin.buffer):
    key = isinstance(args, int)
    out = deserialize_and_load(*kept)(jax.random.key(args) if key else jax.numpy.asarray(args))
    print([np.asarray(leaf).astype(np.float32).tolist() for leaf in jax.tree.leaves(out)])
"""


def test_programs_run_in_another_process():
    given, wanted = [], []
    for fun, x in FUNCTIONS.values():
        compiled = jax.jit(fun).lower(x).compile()
        given.append((serialize(compiled), 0 if x is KEY else np.asarray(x)))
        leaves = jax.tree.leaves(compiled(x))
        wanted.append(
            str([np.asarray(leaf).astype(np.float32).tolist() for leaf in leaves])
        )
    data = pickle.dumps(given)
    run = subprocess.run([sys.executable, "-c", _RUN], input=data, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout.decode().splitlines() == wanted


def test_what_is_loaded_is_a_compiled_function():
    compiled = jax.jit(lambda x, n, *, y: {"a": x * n + y}, static_argnums=1).lower(
        1.0, 2, y=3.0
    )
    loaded = deserialize_and_load(*serialize(compiled.compile()))
    assert loaded(4.0, y=5.0) == {"a": 13.0}
    assert deserialize_and_load(*serialize(loaded), backend="cpu")(4.0, y=5.0) == {
        "a": 13.0
    }
    assert loaded.in_avals == compiled.in_avals
    with pytest.raises(TypeError, match="Argument types differ"):
        loaded(np.ones(3), y=5.0)
    with pytest.raises(TypeError, match="does not match the input pytree"):
        loaded(4.0)


def test_what_cannot_be_kept():
    ref = jax.new_ref(0.0)

    def writes(x):
        ref[...] = x

    compiled = jax.jit(writes).lower(1.0).compile()
    compiled(2.0)
    assert ref[...] == 2.0
    with pytest.raises(ValueError, match="closed-over mutable array ref"):
        serialize(compiled)
    with pytest.raises(AttributeError, match="Can't pickle local object"):
        serialize(
            jax.jit(lambda x: jax.pure_callback(lambda x: x, x, x)).lower(1.0).compile()
        )
    with pytest.raises(TypeError, match=r"takes a jax.stages.Compiled"):
        serialize(jax.jit(jnp.sin).lower(1.0))
    kept, in_tree, _ = serialize(jax.jit(jnp.sin).lower(1.0).compile())
    with pytest.raises(ValueError, match="1 results"):
        deserialize_and_load(kept, in_tree, jax.tree.structure((1, 2)))
    with pytest.raises(RuntimeError, match="Unknown backend"):
        deserialize_and_load(kept, in_tree, in_tree, backend="tpuu")
