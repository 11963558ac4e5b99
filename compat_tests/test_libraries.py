"""Public libraries, unmodified: the same short programs on JAX and under the alias.

Each program prints numbers; it runs in a process of its own on each side, and the two
outputs are compared number by number.
"""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent

OPTAX = """
import jax, jax.numpy as jnp, optax
params = {"w": jnp.arange(6.0).reshape(2, 3) / 7, "b": jnp.ones(3) / 3}
loss = lambda p: ((jnp.ones((4, 2)) @ p["w"] + p["b"]) ** 2).mean() + p["w"][0, 0]
schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 3, 10)
for make in (
    optax.sgd(schedule, momentum=0.9, nesterov=True),
    optax.adamw(schedule, mask=lambda p: {"w": True, "b": False}),
    optax.chain(optax.clip_by_global_norm(0.5), optax.lion(0.01)),
    optax.adafactor(0.01), optax.rmsprop(0.01), optax.lamb(0.01), optax.adabelief(0.01),
    optax.MultiSteps(optax.adagrad(0.1), 2),
    optax.partition({"a": optax.adam(0.1), "z": optax.set_to_zero()},
                    {"w": "a", "b": "z"}),
    optax.lbfgs(),
):
    p, state = params, make.init(params)
    @jax.jit
    def step(p, state):
        value, grads = jax.value_and_grad(loss)(p)
        kwargs = dict(value=value, grad=grads, value_fn=loss)
        update = optax.with_extra_args_support(make).update
        updates, state = update(grads, state, p, **kwargs)
        return optax.apply_updates(p, updates), state
    for _ in range(4):
        p, state = step(p, state)
    print(float(loss(p)), p["b"])
logits, labels = jnp.arange(12.0).reshape(4, 3) / 5, jnp.array([0, 2, 1, 1])
print(optax.softmax_cross_entropy_with_integer_labels(logits, labels))
print(optax.sigmoid_binary_cross_entropy(logits[:, 0], labels > 1))
print(optax.projections.projection_simplex(logits[0]))
print(jax.grad(lambda x: optax.losses.ctc_loss(
    x[None], jnp.zeros((1, 4)), jnp.array([[1, 2]]), jnp.zeros((1, 2))).sum())(logits))
"""

ADAMW = """
import jax, jax.numpy as jnp, optax
params = {"w": jnp.arange(6.0).reshape(2, 3) / 7, "b": jnp.ones(3) / 3}
loss = lambda p: optax.losses.huber_loss(jnp.ones((4, 2)) @ p["w"] + p["b"]).mean()
schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 3, 10)
optimizer = optax.chain(
    optax.clip_by_global_norm(0.5),
    optax.adamw(schedule, mask=lambda p: {"w": True, "b": False}))
@jax.jit
def step(p, state):
    updates, state = optimizer.update(jax.grad(loss)(p), state, p)
    return optax.apply_updates(p, updates), state
state = optimizer.init(params)
for i in range(5):
    params, state = step(params, state)
    print(float(loss(params)), params["b"], float(schedule(i)))
"""

CHEX = """
import chex, jax, jax.numpy as jnp
@chex.dataclass
class State:
    mean: chex.Array
    count: int = 0
state = State(mean=jnp.arange(3.0), count=2)
print(jax.tree.map(lambda x: x * 2, state).mean, jax.tree.leaves(state)[0])
chex.assert_shape(state.mean, (3,))
chex.assert_rank([state.mean, 1.0], [1, 0])
chex.assert_type(state.mean, float)
chex.assert_trees_all_close({"a": jnp.ones(2)}, {"a": jnp.ones(2) + 1e-7})
chex.assert_tree_all_finite(state)
for call in (
    lambda: chex.assert_shape(state.mean, (4,)),
    lambda: chex.assert_equal_shape([jnp.ones(2), jnp.ones(3)]),
    lambda: chex.assert_trees_all_equal({"a": jnp.ones(2)}, {"a": jnp.zeros(2)}),
):
    try:
        call()
        print("passed")
    except AssertionError as error:
        print("AssertionError", str(error).splitlines()[0])
@chex.chexify
@jax.jit
def logarithm(x):
    chex.assert_tree_all_finite(x)
    return jnp.log(x)
print(logarithm(jnp.array([1.0, 2.0])))
try:
    logarithm(jnp.array([1.0, jnp.inf]))
    logarithm.wait_checks()
except Exception as error:
    print(type(error).__name__, "inf" in str(error))
@jax.jit
@chex.assert_max_traces(n=1)
def once(x):
    return x + 1
print(once(1.0), once(2.0))
try:
    once(jnp.ones(2))
except AssertionError:
    print("traced twice")
with chex.restrict_backends(forbidden=["cpu"]):
    try:
        jax.jit(lambda x: x * 3 - 1)(jnp.ones(7))
    except Exception as error:
        print(type(error).__name__)
with chex.fake_pmap_and_jit():
    print(jax.pmap(lambda x: x + 1)(jnp.arange(2.0)))
"""

JAXTYPING = """
import jax, jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree, jaxtyped, Key
print(isinstance(jnp.ones((2, 3)), Float[Array, "a b"]))
print(isinstance(jnp.ones((2, 3)), Float[Array, "a a"]))
print(isinstance(jnp.ones((2, 3)), Int[Array, "a b"]))
print(isinstance(jnp.ones(3, jnp.bfloat16), Float[jax.Array, "3"]))
print(isinstance({"a": jnp.ones(2)}, PyTree[Float[Array, "_"]]))
print(isinstance(jax.random.key(0), Key[Array, ""]))
print(jax.jit(lambda x: jnp.sum(x) * isinstance(x, Float[Array, "n"]))(jnp.ones(4)))
"""

EINOPS = """
import jax, jax.numpy as jnp
from einops import einsum, pack, rearrange, reduce, repeat, unpack
x = jnp.arange(24.0).reshape(2, 3, 4)
print(rearrange(x, "b (h w) c -> b w h c", h=3).shape, rearrange(x, "a b c -> (a c) b"))
print(reduce(x, "a b c -> b", "mean"), reduce(x, "a (b k) c -> a b", "max", k=3))
print(repeat(x[0, 0], "c -> c k", k=2), einsum(x, x, "a b c, a d c -> a b d"))
packed, shapes = pack([x, x[:, :, 0]], "a *")
print(packed.shape, [part.shape for part in unpack(packed, shapes, "a *")])
print(jax.grad(lambda x: reduce(rearrange(x, "a b c -> (a b) c") ** 2, "p c -> ", "sum"))(x)[0])
print(jax.vmap(lambda y: rearrange(y, "b c -> c b"))(x)[1])
"""

PROGRAMS = {"optax": ADAMW, "chex": CHEX, "jaxtyping": JAXTYPING, "einops": EINOPS}
PROGRAM_FILES = sorted(Path(__file__).parent.glob("library_programs/uses_*.py"))
_NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")


def output_of(command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_same_text(ours, theirs):
    """Equal words, and numbers equal to about float32's precision."""
    words = [re.sub(r"[\s\[\],]+", " ", _NUMBER.sub("#", t)) for t in (ours, theirs)]
    assert words[0] == words[1]
    got, want = (np.array(_NUMBER.findall(text), float) for text in (ours, theirs))
    np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_library(name, tmp_path):
    check_library(name, PROGRAMS[name], tmp_path)


@pytest.mark.slow
def test_optax_widely(tmp_path):
    """Ten optimizers, losses and projections; JAX takes its time to compile them."""
    check_library("optax", OPTAX, tmp_path)


@pytest.mark.parametrize("script", PROGRAM_FILES, ids=lambda path: path.stem)
def test_larger_library(script):
    """Libraries that reach into JAX's private modules; skipped where not installed."""
    (needs,) = re.findall("^# needs: (.*)$", script.read_text(), re.MULTILINE)
    for name in needs.split():
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    check_script(script)


def check_library(name, program, tmp_path):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    script = tmp_path / f"uses_{name}.py"
    script.write_text(program)
    check_script(script)


def check_script(script):
    theirs = output_of([sys.executable, str(script)])
    ours = output_of([sys.executable, "-m", "minijax", str(script)])
    assert_same_text(ours, theirs)


def test_real_jax_stays_out(tmp_path):
    """None of the libraries brings the other framework into the process."""
    for name in PROGRAMS:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    script = tmp_path / "imports.py"
    names = ", ".join(PROGRAMS)
    script.write_text(
        f"import sys, jax, {names}\n"
        "print(jax.__name__, any(m.startswith('jaxlib') for m in sys.modules))"
    )
    said = output_of([sys.executable, "-m", "minijax", str(script)])
    assert said.split() == ["minijax", "False"]


def test_texts_that_differ_are_caught():
    with pytest.raises(AssertionError):
        assert_same_text("loss 1.0 done", "loss 1.1 done")
    with pytest.raises(AssertionError):
        assert_same_text("loss 1.0 done", "loss 1.0")
