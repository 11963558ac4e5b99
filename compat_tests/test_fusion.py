"""Fusion changes no bit, and is not lost: exact counts for programs that matter."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cbackend
import minijax
import minijax.numpy as jnp
from cbackend import runtime
from minijax import lax
from minijax.transforms.simplify import simplify

fusion = import_module("cbackend.fuse")  # the package has the function of this name

# --- fused and unfused give the same bits ---------------------------------------------

DTYPES = [jnp.float32, jnp.float16, jnp.bfloat16, jnp.int32, jnp.float32]
SHAPES = [(3, 5, 70), (2, 130), (700,), (4, 3, 2, 9), (150, 3), (1, 9, 1), (2, 9000)]


class Maker:
    """Draws a program over arrays of one shape, what they reduce to, and transposes."""

    def __init__(self, draw, shape):
        self.draw, self.shape = draw, shape

    def pick(self, options):
        return options[self.draw(st.integers(0, len(options) - 1))]

    def step(self, values):
        """One more value made of those there are."""
        kind = self.pick(
            ["map", "map", "reduce", "mask", "move", "join", "stack", "pad"]
        )
        return getattr(self, kind)(values)

    def two(self, values):
        """Two values that broadcast together, of one dtype."""
        x, y = self.pick(values), self.pick(values)
        try:
            np.broadcast_shapes(x.shape, y.shape)
        except ValueError:
            y = x
        return x, y.astype(x.dtype)

    def map(self, values):
        x, y = self.two(values)
        op = self.pick([jnp.add, jnp.multiply, jnp.subtract, jnp.maximum, jnp.exp,
                        jnp.sin, jnp.negative, jnp.abs])  # fmt: skip
        two = op in (jnp.add, jnp.multiply, jnp.subtract, jnp.maximum)
        return op(x, y) if two else op(x).astype(x.dtype)

    def reduce(self, values):
        x = self.pick(values)
        axes = tuple(d for d in range(x.ndim) if self.draw(st.booleans()))
        op = self.pick([jnp.sum, jnp.max, jnp.min, jnp.prod, jnp.mean])
        keep = self.draw(st.booleans()) or x.ndim == 0
        return op(x, axis=axes or None, keepdims=keep).astype(x.dtype)

    def mask(self, values):
        x, y = self.two(values)
        if not x.ndim:
            return jnp.where(x > y, x, y)
        row = lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
        column = lax.broadcasted_iota(jnp.int32, x.shape, 0)
        return jnp.where(row <= column, x, jnp.zeros_like(x))

    def move(self, values):
        x = self.pick(values)
        if self.draw(st.booleans()):
            return x.reshape(self.pick([(-1,), (1, -1), (x.size, 1)]))
        return jnp.transpose(x)

    def join(self, values):
        x = self.pick(values)
        return jnp.concatenate([x.reshape(-1), self.pick(values).reshape(-1)])

    def pad(self, values):
        x = self.pick(values)
        config = [(self.draw(st.integers(-(n > 1), 2)), 0, 0) for n in x.shape]
        return lax.pad(x, jnp.zeros((), x.dtype), config)

    def stack(self, values):
        x, y = self.two(values)
        return jnp.stack([x, x * 2] if x.shape != y.shape else [x, y], axis=-1)


def drawn_program(draw):
    """(function, arguments): the function remembers what was drawn by drawing again."""
    shape = draw(st.sampled_from(SHAPES))
    seed, length = draw(st.integers(0, 2**16)), draw(st.integers(2, 12))
    dtypes = draw(st.lists(st.sampled_from(DTYPES), min_size=2, max_size=3))
    choices = []
    rng = np.random.default_rng(seed)
    args = [
        jnp.asarray(rng.standard_normal(shape) * 3).astype(dtype) for dtype in dtypes
    ]

    def program(*xs):
        taken = iter(choices)

        def again(strategy):
            value = next(taken, None)
            if value is None:
                value = (draw(strategy),)
                choices.append(value)
            return value[0]

        maker, values = Maker(again, shape), list(xs)
        values.append(xs[0].reshape(-1)[0])
        for _ in range(length):
            value = maker.step(values)
            if value.size <= 50_000:
                values.append(value)
        return values[len(xs) + 1 :]

    return program, args


@st.composite
def drawn_programs(draw):
    return drawn_program(draw)


def outputs(closed, args, fused):
    """The outputs' bytes."""
    executable = cbackend.Executable(cbackend.build(closed, fused=fused))
    ins = [np.asarray(x) for x in (*closed.consts, *args)]
    outs = [np.empty(a.shape, a.dtype) for a in closed.out_avals]
    executable.run(
        *[[x.__array_interface__["data"][0] for x in group] for group in (ins, outs)]
    )
    return [(out.dtype.name, out.shape, out.tobytes()) for out in outs]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(drawn_programs())
def test_fused_programs_give_the_same_bits(drawn):
    program, args = drawn
    closed = simplify(minijax.make_jaxpr(program)(*args))
    plain = outputs(closed, args, fused=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fusion, "MIN_MAPPED", 0)
        patch.setattr(fusion, "FEW_ELEMENTS", 4)
        for threads in (1, 3):
            runtime.set_num_threads(threads)
            assert outputs(closed, args, fused=True) == plain
    runtime.set_num_threads(0)
