"""The programs that benchmarks time: plain JAX, one function each.

Every function in `PROGRAMS` gives (step, args): `step(*args)` is what is timed, jitted
or not by whoever times it.  Arguments are NumPy arrays from fixed seeds, so that JAX and
minijax (`python -m minijax`, which answers to the name jax) get the same ones.
"""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

F32 = np.float32


def _normal(rng, *shape, scale=1.0):
    return (scale * rng.standard_normal(shape)).astype(F32)


# --- multilayer perceptrons -----------------------------------------------------------


def _mlp(sizes, batch):
    """SGD on the mean cross-entropy of a tanh network."""
    rng = np.random.default_rng(0)
    params = [
        (_normal(rng, n, m, scale=n**-0.5), np.zeros(m, F32))
        for n, m in pairwise(sizes)
    ]
    x = _normal(rng, batch, sizes[0])
    y = rng.integers(0, sizes[-1], batch).astype(np.int32)

    def loss_fn(params, x, y):
        for w, b in params[:-1]:
            x = jnp.tanh(x @ w + b)
        w, b = params[-1]
        log_probs = jax.nn.log_softmax(x @ w + b)
        return -jnp.mean(jnp.take_along_axis(log_probs, y[:, None], axis=1))

    def step(params, x, y):
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), loss

    return step, (params, x, y)


def mlp_2_4_2():
    """Four examples."""
    return _mlp([2, 4, 2], 4)


def mlp_8_16_16_4():
    """Eight examples."""
    return _mlp([8, 16, 16, 4], 8)


def mlp_64_64_64_10():
    """32 examples."""
    return _mlp([64, 64, 64, 10], 32)


def mlp_784_128_10():
    """128 examples."""
    return _mlp([784, 128, 10], 128)


def mlp_784_1024_1024_10():
    """128 examples."""
    return _mlp([784, 1024, 1024, 10], 128)


# --- transformers ---------------------------------------------------------------------


def _gpt(layers, width, heads, batch, time, vocabulary=65):
    """A step of Adam on a GPT with causal attention, layer norms and GELU."""
    rng = np.random.default_rng(0)

    def block():
        return {
            "qkv": _normal(rng, width, 3 * width, scale=0.02),
            "out": _normal(rng, width, width, scale=0.02),
            "up": _normal(rng, width, 4 * width, scale=0.02),
            "up_b": np.zeros(4 * width, F32),
            "down": _normal(rng, 4 * width, width, scale=0.02),
            "down_b": np.zeros(width, F32),
            "norm1": (np.ones(width, F32), np.zeros(width, F32)),
            "norm2": (np.ones(width, F32), np.zeros(width, F32)),
        }

    params = {
        "tokens": _normal(rng, vocabulary, width, scale=0.02),
        "places": _normal(rng, time, width, scale=0.02),
        "blocks": [block() for _ in range(layers)],
        "norm": (np.ones(width, F32), np.zeros(width, F32)),
    }
    text = rng.integers(0, vocabulary, (batch, time + 1)).astype(np.int32)

    def normalise(x, scale_shift):
        scale, shift = scale_shift
        mean = jnp.mean(x, -1, keepdims=True)
        variance = jnp.mean((x - mean) ** 2, -1, keepdims=True)
        return (x - mean) * lax.rsqrt(variance + 1e-5) * scale + shift

    def attention(p, x):
        qkv = (x @ p["qkv"]).reshape(batch, time, 3, heads, width // heads)
        q, k, v = (qkv[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(width // heads).astype(F32)
        mask = jnp.tril(jnp.ones((time, time), bool))
        weights = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), axis=-1)
        mixed = (weights @ v).transpose(0, 2, 1, 3).reshape(batch, time, width)
        return mixed @ p["out"]

    def predict(params, tokens):
        x = params["tokens"][tokens] + params["places"]
        for p in params["blocks"]:
            x = x + attention(p, normalise(x, p["norm1"]))
            hidden = jax.nn.gelu(normalise(x, p["norm2"]) @ p["up"] + p["up_b"])
            x = x + hidden @ p["down"] + p["down_b"]
        return normalise(x, params["norm"]) @ params["tokens"].T

    def loss_fn(params, text):
        log_probs = jax.nn.log_softmax(predict(params, text[:, :-1]))
        return -jnp.mean(jnp.take_along_axis(log_probs, text[:, 1:, None], axis=-1))

    def step(params, means, squares, count, text):
        loss, grads = jax.value_and_grad(loss_fn)(params, text)
        count = count + 1
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, grads)
        squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, squares, grads)

        def update(p, m, s):
            m, s = m / (1 - 0.9**count), s / (1 - 0.999**count)
            return p - 1e-3 * m / (jnp.sqrt(s) + 1e-8)

        params = jax.tree.map(update, params, means, squares)
        return params, means, squares, count, loss

    # Moments as after some steps: from zeros, Adam divides a gradient by its own size,
    # which turns the rounding of small ones into whole steps.
    means = jax.tree.map(np.zeros_like, params)
    squares = jax.tree.map(lambda p: np.full_like(p, 1e-6), params)
    return step, (params, means, squares, F32(100), text)


def gpt_2_16():
    """2 layers of width 16, 2 heads; 4 texts of 16 tokens."""
    return _gpt(2, 16, 2, 4, 16)


def gpt_4_64():
    """4 layers of width 64, 4 heads; 8 texts of 32 tokens."""
    return _gpt(4, 64, 4, 8, 32)


def gpt_6_384():
    """6 layers of width 384, 6 heads; 12 texts of 64 tokens."""
    return _gpt(6, 384, 6, 12, 64)


def gpt_12_768():
    """GPT-2's smallest, 124M parameters: 12 layers of 768, 12 heads; 4 texts of 64."""
    return _gpt(12, 768, 12, 4, 64, vocabulary=50257)


# --- images ---------------------------------------------------------------------------


def cnn_28():
    """SGD on two convolutions with max pooling and a dense layer; 64 images of 28x28."""
    rng = np.random.default_rng(0)
    params = {
        "conv1": (_normal(rng, 3, 3, 1, 16, scale=0.3), np.zeros(16, F32)),
        "conv2": (_normal(rng, 3, 3, 16, 32, scale=0.1), np.zeros(32, F32)),
        "dense": (_normal(rng, 7 * 7 * 32, 10, scale=0.03), np.zeros(10, F32)),
    }
    images = _normal(rng, 64, 28, 28, 1)
    labels = rng.integers(0, 10, 64).astype(np.int32)

    def layer(x, weights, bias):
        names = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(
            x, weights, (1, 1), "SAME", dimension_numbers=names
        )
        x = jax.nn.relu(x + bias)
        window = (1, 2, 2, 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")

    def loss_fn(params, images, labels):
        x = layer(layer(images, *params["conv1"]), *params["conv2"])
        w, b = params["dense"]
        log_probs = jax.nn.log_softmax(x.reshape(len(x), -1) @ w + b)
        return -jnp.mean(jnp.take_along_axis(log_probs, labels[:, None], axis=1))

    def step(params, images, labels):
        loss, grads = jax.value_and_grad(loss_fn)(params, images, labels)
        return jax.tree.map(lambda p, g: p - 0.03 * g, params, grads), loss

    return step, (params, images, labels)


# --- loops ----------------------------------------------------------------------------


def _rnn_parts(time, width):
    rng = np.random.default_rng(0)
    params = {
        "w": _normal(rng, width, width, scale=width**-0.5),
        "u": _normal(rng, width, width, scale=width**-0.5),
        "b": np.zeros(width, F32),
    }
    xs = _normal(rng, time, width)

    def loss_fn(params, xs):
        def cell(h, x):
            h = jnp.tanh(h @ params["w"] + x @ params["u"] + params["b"])
            return h, h

        return jnp.mean(lax.scan(cell, jnp.zeros(width, F32), xs)[1] ** 2)

    return loss_fn, (params, xs)


def rnn_forward():
    """100 steps of width 32."""
    return _rnn_parts(100, 32)


def rnn_gradient():
    """100 steps of width 32."""
    loss_fn, args = _rnn_parts(100, 32)
    return jax.value_and_grad(loss_fn), args


def scan_tiny():
    """1000 steps on one scalar."""

    def step(x):
        def body(carry, _):
            return carry * F32(0.999) + F32(0.1), None

        return lax.scan(body, x, None, length=1000)[0]

    return step, (F32(1.0),)


def while_tiny():
    """1000 steps on a counter and a scalar."""

    def step(x):
        def body(state):
            i, x = state
            return i + 1, x * F32(0.999) + F32(0.1)

        return lax.while_loop(lambda state: state[0] < 1000, body, (0, x))

    return step, (F32(1.0),)


def cartpole():
    """256 carts with poles for 200 steps, each steered by a linear policy."""
    rng = np.random.default_rng(0)
    weights = _normal(rng, 4)
    starts = _normal(rng, 256, 4, scale=0.05)

    def physics(state, push_right):
        place, speed, angle, spin = state
        force = jnp.where(push_right, F32(10.0), F32(-10.0))
        sin, cos = jnp.sin(angle), jnp.cos(angle)
        push = (force + F32(0.05) * spin**2 * sin) / F32(1.1)
        bend = (F32(9.8) * sin - cos * push) / (
            F32(0.5) * (F32(4 / 3) - F32(0.1) * cos**2 / F32(1.1))
        )
        drive = push - F32(0.05) * bend * cos / F32(1.1)
        change = jnp.stack([speed, drive, spin, bend])
        return jnp.stack([place, speed, angle, spin]) + F32(0.02) * change

    def episode(weights, start):
        def step(carry, _):
            state, running = carry
            state = jnp.where(running, physics(state, state @ weights > 0), state)
            upright = (jnp.abs(state[0]) < 2.4) & (jnp.abs(state[2]) < 0.21)
            running = running & upright
            return (state, running), running

        return lax.scan(step, (start, True), None, length=200)[1].sum()

    return jax.vmap(episode, (None, 0)), (weights, starts)


def _scalar_carries(count):
    """The gradient of 200 steps that mix `count` scalars."""
    rng = np.random.default_rng(0)
    start = [F32(x) for x in rng.uniform(0.1, 0.5, count)]

    def loss(start):
        def body(carry, _):
            mixed = [
                a + F32(0.01) * jnp.sin(b)
                for a, b in zip(carry, carry[1:] + carry[:1], strict=True)
            ]
            return mixed, None

        return sum(lax.scan(body, start, None, length=200)[0])

    return jax.grad(loss), (start,)


def scan_gradient_4():
    """4 scalar carries."""
    return _scalar_carries(4)


def scan_gradient_20():
    """20 scalar carries."""
    return _scalar_carries(20)


def scan_gradient_80():
    """80 scalar carries."""
    return _scalar_carries(80)


# --- parts of models ------------------------------------------------------------------


def softmax_rows():
    """512 rows of 512."""
    return jax.nn.softmax, (_normal(np.random.default_rng(0), 512, 512),)


def log_softmax_gradient():
    """The gradient of a weighted sum of 256 rows of 256."""
    rng = np.random.default_rng(0)
    x, w = _normal(rng, 256, 256), _normal(rng, 256, 256)
    return jax.grad(lambda x, w: jnp.sum(jax.nn.log_softmax(x) * w)), (x, w)


def layer_norm_gradient():
    """256 rows of 256, with respect to rows and scale."""
    rng = np.random.default_rng(0)

    def loss(x, scale, w):
        mean = jnp.mean(x, -1, keepdims=True)
        variance = jnp.mean((x - mean) ** 2, -1, keepdims=True)
        return jnp.sum((x - mean) * lax.rsqrt(variance + 1e-5) * scale * w)

    args = _normal(rng, 256, 256), np.ones(256, F32), _normal(rng, 256, 256)
    return jax.grad(loss, (0, 1)), args


def attention_gradient():
    """4 sequences of 64 tokens, 4 heads of 16, each sequence under vmap."""
    rng = np.random.default_rng(0)
    shape = 4, 64, 4, 16

    def attention(q, k, v):
        scores = jnp.einsum("qhd,khd->hqk", q, k) / 4
        mask = jnp.tril(jnp.ones((64, 64), bool))
        weights = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf))
        return jnp.einsum("hqk,khd->qhd", weights, v)

    def loss(q, k, v):
        return jnp.sum(jax.vmap(attention)(q, k, v) ** 2)

    return jax.grad(loss, (0, 1, 2)), tuple(_normal(rng, *shape) for _ in range(3))


PROGRAMS = {
    program.__name__: program
    for program in (
        mlp_2_4_2, mlp_8_16_16_4, mlp_64_64_64_10, mlp_784_128_10,
        mlp_784_1024_1024_10, gpt_2_16, gpt_4_64, gpt_6_384, gpt_12_768, cnn_28, rnn_forward,
        rnn_gradient, scan_tiny, while_tiny, cartpole, scan_gradient_4,
        scan_gradient_20, scan_gradient_80, softmax_rows, log_softmax_gradient,
        layer_norm_gradient, attention_gradient,
    )
}  # fmt: skip

# How programs are grouped, and what each group is to reach: JAX's time over minijax's.
GROUPS = {
    "tiny": (
        "mlp_2_4_2", "mlp_8_16_16_4", "mlp_64_64_64_10", "gpt_2_16", "gpt_4_64",
        "rnn_gradient",
    ),
    "middle": ("mlp_784_128_10", "mlp_784_1024_1024_10", "cnn_28", "gpt_6_384"),
    "large": ("gpt_12_768",),
    "loops": ("scan_tiny", "while_tiny", "rnn_forward", "cartpole"),
    "carries": ("scan_gradient_4", "scan_gradient_20", "scan_gradient_80"),
    "blocks": (
        "softmax_rows", "log_softmax_gradient", "layer_norm_gradient",
        "attention_gradient",
    ),
}  # fmt: skip
GOALS = {
    "tiny": {"geomean": 10.0, "least": 4.0},
    "middle": {"geomean": 2.5, "least": 1.2},
    "large": {"geomean": 1.7},
    "loops": {"geomean": 3.0, "least": 1.5},
    "blocks": {"least": 1.0},
    "first": {"geomean": 10.0},
}
# The first step of these is timed as well, in a fresh process.
FIRST = ("mlp_784_128_10", "cnn_28", "gpt_2_16", "gpt_4_64", "gpt_12_768")
OPTIONS = {
    "gpt_12_768": {"quick": False},
    "scan_gradient_80": {"goal": 10.0},
    # 200 steps amplify rounding until some pole falls a step earlier or later
    "cartpole": {"tolerance": 0.05},
}
# Adam divides by the root of the squared gradient: where that is all rounding, so is
# the step, and two correct runs differ by a part of it.
ADAM = 2e-2


def cases(jax):
    """The programs by group, and the first steps of some of them."""
    found = {}
    for group, names in GROUPS.items():
        for name in names:
            options = OPTIONS.get(name, {})
            if name.startswith("gpt"):
                options = {**options, "tolerance": ADAM}
            found[f"{group}/{name}"] = {"make": PROGRAMS[name], **options}
            if name in FIRST:
                found[f"first/{name}"] = {
                    "make": PROGRAMS[name],
                    **options,
                    "kind": "cold",
                }
    return found
