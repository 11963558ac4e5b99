"""Fusion changes no bit, and is not lost: exact counts for programs that matter."""

import json
import os
import subprocess
import sys
from functools import partial
from importlib import import_module

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cbackend
import minijax
import minijax.numpy as jnp
from cbackend import boxes, products, runtime
from cbackend.program import OUTPUT, Table
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
            ["map", "map", "reduce", "mask", "move", "join", "stack", "pad", "roll",
             "product"]
        )  # fmt: skip
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

    def product(self, values):
        x = self.pick(values)
        if x.ndim < 2 or x.size > 2000:
            return self.map(values)
        y = jnp.swapaxes(x, -1, -2) @ x
        return jnp.moveaxis(y, 0, -2 if self.draw(st.booleans()) else -1)

    def pad(self, values):
        x = self.pick(values)
        config = [(self.draw(st.integers(-(n > 1), 2)), 0, 0) for n in x.shape]
        return lax.pad(x, jnp.zeros((), x.dtype), config)

    def roll(self, values):
        x = self.pick(values)
        axes = [d for d in range(x.ndim) if self.draw(st.booleans())]
        return jnp.roll(x, [self.draw(st.integers(-2, 2)) for _ in axes], axes)

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
        patch.setattr(boxes, "FEW_ELEMENTS", 4)
        patch.setattr(boxes, "MIN_RUN", 1)
        patch.setattr(boxes, "COPIED_PER_INSTRUCTION", -1000)
        patch.setattr(products, "MIN_ELEMENTS", 4)
        patch.setattr(products, "MIN_EXTENT", 2)
        for threads in (1, 3):
            runtime.set_num_threads(threads)
            assert outputs(closed, args, fused=True) == plain
    runtime.set_num_threads(0)


# --- counts: a lost fusion is a failed test -------------------------------------------

COUNTING = """
import json
import jax
from benchmarks.programs import PROGRAMS

def counts(name):
    step, args = PROGRAMS[name]()
    executable = jax.jit(step).lower(*args).compile().runtime_executable()
    programs = executable.module.programs
    instrs = [instr for program in programs for instr in program.instrs]
    groups = [instr for instr in instrs if hasattr(instr, "micros")]
    flags = [
        sum(instr.params[5 if instr.op == "SCAN" else 4 :])
        for instr in instrs
        if instr.op in ("SCAN", "WHILE")
    ]
    return {
        "instructions": [len(program.instrs) for program in programs],
        "kernels": sum(len(group.micros) for group in groups),
        "reductions": [
            sum(len(group.kinds) for group in groups if group.op == "MAP_REDUCE"),
            sum(instr.op == "REDUCE" for instr in instrs),
        ],
        "copies": sum(not group.micros for group in groups),
        "carries in place": sum(flags),
        "arena": sum(program.arena_bytes for program in programs),
    }

print(json.dumps({name: counts(name) for name in %r}))
"""

# instructions of each program; kernels in groups; reductions with a producer and without;
# groups that only copy; loop values updated in place; bytes of arenas
EXPECTED = {
    "mlp_2_4_2": ([27], 40, [0, 6], 0, 0, 512),
    "mlp_8_16_16_4": ([34], 50, [0, 7], 0, 0, 3648),
    "mlp_64_64_64_10": ([26], 50, [6, 1], 0, 0, 46336),
    "mlp_784_128_10": ([20], 40, [5, 1], 0, 0, 142336),
    "gpt_2_16": ([155], 615, [33, 17], 6, 0, 286272),
    "gpt_4_64": ([255], 1164, [60, 28], 0, 0, 6687680),
    "cnn_28": ([34], 46, [6, 1], 0, 0, 8028224),
    "rnn_forward": ([5, 2], 6, [1, 0], 1, 1, 25856),
    "rnn_gradient": ([13, 2, 2], 17, [1, 1], 1, 2, 64384),
    "scan_tiny": ([1, 1], 2, [0, 0], 0, 1, 0),
    "while_tiny": ([1, 1, 1], 4, [0, 0], 0, 2, 0),
    "cartpole": ([3, 5], 33, [1, 0], 1, 2, 64960),
    "scan_gradient_4": ([2, 1, 1], 28, [0, 0], 0, 8, 3584),
    "scan_gradient_20": ([2, 1, 1], 140, [0, 0], 0, 40, 17920),
    "softmax_rows": ([5], 5, [1, 1], 0, 0, 1052672),
    "log_softmax_gradient": ([6], 7, [2, 1], 0, 0, 264192),
    "layer_norm_gradient": ([12], 28, [3, 3], 0, 0, 528640),
    "attention_gradient": ([17], 21, [3, 0], 0, 0, 934016),
}  # fmt: skip


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """The counts of all programs, from a process where `jax` is minijax."""
    script = tmp_path_factory.mktemp("counts") / "counting.py"
    script.write_text(COUNTING % list(EXPECTED))
    run = subprocess.run(
        [sys.executable, "-m", "minijax", script],
        env={**os.environ, "PYTHONPATH": os.getcwd(), "MINIJAX_TIER": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not run.returncode, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", EXPECTED)
def test_counts(counted, name):
    got = counted[name]
    row = (
        got["instructions"], got["kernels"], got["reductions"], got["copies"],
        got["carries in place"], got["arena"],
    )  # fmt: skip
    assert row == EXPECTED[name]


def program_of(fun, *args):
    """The instructions of a function's main program."""
    closed = simplify(minijax.make_jaxpr(fun)(*args))
    return cbackend.build(closed).programs[0].instrs


BIG = np.ones((64, 64), np.float32)
LINES = np.arange(64 * 128, dtype=np.float32).reshape(64, 128)


def test_a_chain_is_one_instruction():
    (group,) = program_of(
        lambda x, y: jnp.tanh(x * y + jnp.sin(x)) * jnp.exp(-y), BIG, BIG
    )
    assert group.op == "EWISE" and len(group.micros) == 7 and len(group.outs) == 1


def test_a_producer_runs_in_its_reduction():
    (group,) = program_of(lambda x, y: jnp.sum(x * y, axis=1), BIG, BIG)
    assert group.op == "MAP_REDUCE" and len(group.outs) == 1


def test_an_outer_product_joins_its_readers():
    def both(a, b):
        return jnp.tanh(jnp.einsum("bi,bj->bij", a, b)).sum(2)

    text = minijax.jit(both).lower(*[np.ones((8, 40), np.float32)] * 2).as_text()
    assert "DOT" not in text and text.count("REDUCE[") == 1


@pytest.mark.parametrize("equation", ["ij,ij->i", "ji,ji->i", "ij,ji->j", "ij,ij->ij"])
@pytest.mark.parametrize("n", [5, 40])
def test_sums_of_paired_lines_are_no_products_of_matrices(equation, n):
    """But where many terms lie side by side."""
    x, y = [np.random.default_rng(i).normal(size=(n, n)) for i in range(2)]
    x, y = x.astype(np.float32), y.astype(np.float32)
    product = [i.op for i in program_of(lambda *a: jnp.einsum(equation, *a), x, y)]
    assert ("DOT" in product) == (n == 40 and equation == "ij,ij->i")
    got = jnp.einsum(equation, x, y)
    np.testing.assert_allclose(got, np.einsum(equation, x, y), rtol=1e-4, atol=1e-5)


def dense_layer(x, w, b):
    return jnp.tanh(x @ w + b)


def sgd(x, w, b):
    def loss(w):
        return jnp.sum(jnp.abs(dense_layer(x, w, b)))

    rate = jnp.sum(jnp.cos(b))  # made after the gradient
    return w - rate * minijax.grad(loss)(w)


def shared_product(x, w, b):
    y = x @ w
    return jnp.exp(y), y @ w


def concatenated(x, w, b):
    return jnp.concatenate([x @ w + b, b[None]], axis=0)


def two_products(x, w, b):
    return x @ w * jnp.sin(x.T @ w)


def read_twice(x, w, b):
    y = x @ w
    return y * y.T


def read_reshaped(x, w, b):
    return jnp.exp((x @ w).reshape(16, 4, 64) + b).reshape(8, 512)


@pytest.mark.parametrize(
    ("fun", "mapped"),
    [
        (dense_layer, 1), (sgd, 2), (shared_product, 1), (concatenated, 1),
        (two_products, 1), (read_twice, 0), (read_reshaped, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "complex64"])
def test_groups_take_the_elements_of_products(fun, mapped, dtype):
    """They do so of real numbers that are multiplied as they are; with the same bits."""
    rng = np.random.default_rng(0)
    with minijax.enable_x64(dtype == "float64"):
        args = [
            jnp.asarray(rng.standard_normal(shape), dtype)
            for shape in ((64, 64), (64, 64), (64,))
        ]
        instrs = program_of(fun, *args)
        wanted = mapped if dtype.startswith("float") else 0
        assert sum(instr.op == "DOT_MAP" for instr in instrs) == wanted
        closed = minijax.make_jaxpr(fun)(*args)
        flat = [np.asarray(arg) for arg in args]
        assert outputs(closed, flat, fused=True) == outputs(closed, flat, fused=False)


def test_softmax_is_three_passes_over_its_elements():
    big = [i for i in program_of(minijax.nn.softmax, BIG) if i.ins[0].size == BIG.size]
    assert [instr.op for instr in big] == ["REDUCE", "MAP_REDUCE", "EWISE"]


def test_two_sums_of_one_group_are_one_instruction():
    def fun(x, y):
        z = x * y
        return jnp.sum(z, axis=0), jnp.sum(z * x, axis=0)

    (group,) = program_of(fun, BIG, BIG)
    assert group.op == "MAP_REDUCE" and len(group.kinds) == 2 and len(group.outs) == 2


@pytest.mark.parametrize(
    ("dtype", "fused"), [("bool", 1), ("int8", 1), ("float16", 2), ("int32", 2)]
)
def test_sums_of_several_dtypes(dtype, fused):
    """They are one instruction where the accumulators have equal sizes."""

    def fun(x):
        other = (x == 1) if dtype == "bool" else x.astype(dtype)
        kept = jnp.max(other, axis=1)
        return kept, jnp.sum(jnp.log(x), axis=1)

    groups = [i for i in program_of(fun, BIG) if i.op == "MAP_REDUCE"]
    assert sorted(len(group.kinds) for group in groups)[-1] == fused
    largest, logarithms = minijax.jit(fun)(BIG)
    assert largest.tolist() == [1] * 64 and not logarithms.any()


def test_masks_are_never_stored():
    def fun(x):
        row = lax.broadcasted_iota(jnp.int32, x.shape, 0)
        column = lax.broadcasted_iota(jnp.int32, x.shape, 1)
        return jnp.where(row >= column, x, 0.0)

    (group,) = program_of(fun, BIG)
    assert [view.dtype for view in group.outs] == [np.float32]


INDICES = np.zeros((64, 64), np.int32)


PLACE, PLACES = np.int32(2), np.array([3, -1, 0, 9, -7, 4], np.int32)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("zeros(7).at[i].set(3.0)", (PLACE,)),
        ("ones(7).at[i].mul(3.0, mode='clip')", (np.int32(40),)),
        ("ones(7).at[i].add(3.0)", (np.int32(40),)),
        ("ones((4, 5)).at[:, i].max(jnp.arange(4.0))", (PLACE,)),
        ("ones((4, 5, 6)).at[i, :, k].min(-jnp.arange(5.0))", (PLACE, np.uint8(3))),
        ("full((3, 4), jnp.nan).at[i].add(1.0)", (PLACE,)),
        ("zeros(300, 'bfloat16').at[i].set(1.0)", (np.uint8(255),)),
    ],
)
def test_an_update_of_a_uniform_array_is_a_mask(name, args):
    fun = eval(f"lambda i, k=0: jnp.{name}", {"jnp": jnp})
    want = eval(f"lambda i, k=0: jnp.{name}", {"jnp": jax.numpy})(*args)
    assert {instr.op for instr in program_of(fun, *args)} == {"EWISE"}
    np.testing.assert_array_equal(minijax.jit(fun)(*args), want)


@pytest.mark.parametrize(
    ("name", "large"),
    [
        ("x.at[1:-1, 1:-1].add(x[2:, 1:-1] - x[:-2, 1:-1])", True),
        ("x.at[:, 1:].min(x[:, :-1])", True),
        ("x.at[1:7].set(x[:6]).at[0].set(x[6])", False),
        ("x.at[2:4, 3].max(jnp.arange(2.0))", False),
        ("x.at[10].set(3.0, mode='clip')", False),
        ("x.at[10].set(3.0)", True),
        ("x.at[0].set(jnp.arange(8))", False),
        ("jnp.zeros((5, 5)).at[1:-1, 1:].set(x[:3, :4])", True),
    ],
)
def test_an_update_at_a_known_place_is_no_scatter(name, large):
    """A large window is elementwise; a small one leaves the rest where it is."""
    x = np.arange(64, dtype=np.float32).reshape(8, 8) ** 1.5
    fun = eval(f"lambda x: {name}", {"jnp": jnp})
    want = eval(f"lambda x: {name}", {"jnp": jax.numpy})(jax.numpy.asarray(x))
    found = {i.op for i in program_of(lambda x: fun(jnp.asarray(x)), x)}
    assert "SCATTER" not in found and ("DYNAMIC_UPDATE_SLICE" in found) != large
    np.testing.assert_array_equal(minijax.jit(fun)(x), want)


@pytest.mark.parametrize("place", [2, -1, 9, -9])
@pytest.mark.parametrize(
    "name",
    [
        "x.at[i].set(3.0)",
        "x.at[i, 2].mul(3.0)",
        "x.at[:, i].min(jnp.arange(8.0))",
        "x.at[i].add(x[0], mode='clip')",
        "(x > 0).at[i, i].set(True)",
        "x.astype('bfloat16').at[i].set(1)",
    ],
)
def test_a_small_window_is_read_and_put_back(name, place):
    """Where the place is outside, as it was."""
    x, place = np.arange(64, dtype=np.float32).reshape(8, 8), np.int32(place)
    fun = eval(f"lambda x, i: {name}", {"jnp": jnp})
    want = eval(f"lambda x, i: {name}", {"jnp": jax.numpy})
    found = {i.op for i in program_of(lambda x, i: fun(jnp.asarray(x), i), x, place)}
    assert found == {"EWISE", "DYNAMIC_SLICE", "DYNAMIC_UPDATE_SLICE"}
    got = minijax.jit(fun)(x, place)
    np.testing.assert_array_equal(got, want(jax.numpy.asarray(x), place))


def test_transforms_of_further_axes_go_on_in_place():
    x = np.arange(4 * 6 * 8, dtype=np.complex64).reshape(4, 6, 8)
    fft, real = minijax.numpy.fft, x.real
    for fun, arg in [(fft.fftn, x), (fft.ifftn, x), (fft.rfftn, real)]:
        program = cbackend.build(simplify(minijax.make_jaxpr(fun)(arg))).programs[0]
        assert len(program.instrs) == 3 and not program.arena_bytes

    def kept(x):
        first = fft.fft(2 * x)
        return fft.fft(first, axis=0) + first, fft.ifft(fft.fft(first, axis=1)), first

    first = np.fft.fft(2 * x)
    wanted = np.fft.fft(first, axis=0) + first, np.fft.fft(first, axis=1), first
    got = minijax.jit(kept)(x)
    np.testing.assert_allclose(got[0], wanted[0], rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(fft.fft(got[1]), wanted[1], rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(got[2], wanted[2], rtol=1e-4, atol=1e-2)


def test_an_index_of_literals_stays_in_the_loop():
    """So that an update by it is one at a known place."""

    def body(_, x):
        return x.at[1:-1, 1:-1].add(x[2:, 1:-1])

    text = minijax.jit(lambda x: lax.fori_loop(0, 3, body, x)).lower(BIG).as_text()
    assert "SCAN" in text and "SCATTER" not in text


def test_who_reads_one_piece_of_a_stack_reads_its_maker():
    """As bilinear look-ups do of stacked indices."""

    def fun(x):
        pieces = jnp.stack([x * 2, x + 1], -1)
        return pieces[..., 0] * pieces[..., 1]

    (group,) = program_of(fun, BIG)
    assert group.op == "EWISE" and len(group.outs) == 1


def test_a_gradient_of_one_element_a_row_is_a_mask():
    x = np.arange(24, dtype=np.float32).reshape(6, 4)

    def picked(jax, jnp):
        return jax.grad(lambda x, i: (jnp.take_along_axis(x, i[:, None], 1) ** 2).sum())

    fun = picked(minijax, jnp)
    assert "SCATTER" not in [instr.op for instr in program_of(fun, x, PLACES)]
    want = picked(jax, jax.numpy)(x, PLACES)
    np.testing.assert_array_equal(minijax.jit(fun)(x, PLACES), want)


def test_what_is_read_at_indices_joins_their_maker_and_its_readers():
    (group,) = program_of(
        lambda x, i, j: jnp.sin(x[i + 1, j * 2]), BIG, INDICES, INDICES
    )
    assert sum(m.kernel.name == "take_x4" for m in group.micros) == 1
    (group,) = program_of(lambda x, i: jnp.sum(x.reshape(-1)[i], 1), BIG, INDICES)
    assert group.op == "MAP_REDUCE"


def test_a_group_that_picks_from_what_it_makes_is_two():
    first, second = program_of(lambda x, i: jnp.sin(x).reshape(-1)[i], BIG, INDICES)
    (table,) = [view for view in second.ins if type(view) is Table]
    assert table.buffer is first.outs[0].buffer


def test_a_kernel_runs_once_on_the_same_operands():
    def fun(x, i):
        x = x.reshape(-1)
        return x[i + 1] * (x + 1)[i + 1]

    *_, group = program_of(fun, BIG, INDICES)
    names = [micro.kernel.name for micro in group.micros]
    assert names.count("take_x4") == 2 and names.count("clamp_i32") == 1


def test_one_number_of_an_index_is_a_constant():
    (group,) = program_of(lambda x: x * jnp.arange(5.0)[3] + jnp.arange(4.0)[0], BIG)
    assert all(view.buffer is not None for view in group.ins)


def test_readers_of_a_transpose_or_reshape_join_its_maker():
    (group,) = program_of(lambda x: jnp.sin(x).T + 1, BIG)
    assert len(group.micros) == 2
    (group,) = program_of(lambda x: jnp.sin(x).reshape(-1) + 1, BIG)
    assert len(group.micros) == 2


def test_pieces_of_a_concatenation_are_written_in_place():
    instrs = program_of(
        lambda x, y: jnp.concatenate([jnp.sin(x), jnp.cos(y)]),
        BIG,
        np.ones((3, 64), "f"),
    )
    assert [len(instr.micros) for instr in instrs] == [1, 1]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("reduce", ["sum", "max"])
def test_reductions_of_a_few_short_rows_are_those_of_a_group(reduce, dtype):
    """As in pooling by `reshape`; native code then has the sums in registers."""
    x = np.random.default_rng(0).integers(-50, 50, (400, 3, 20)).astype(dtype)

    def fun(jnp):
        return lambda x: getattr(jnp, reduce)(x, 1)

    (instr,) = program_of(fun(jnp), x)
    assert instr.op == "MAP_REDUCE"
    got = minijax.jit(fun(jnp))(x)
    np.testing.assert_array_equal(got, fun(jax.numpy)(x))


@pytest.mark.parametrize("mode", ["reflect", "symmetric", "edge", "wrap"])
def test_joins_of_joins_are_made_in_one_place(mode):
    """A whole value is copied once, however many joins it goes through."""

    def fun(jnp):
        return lambda x: jnp.pad(x, ((1, 2), (3, 1)), mode=mode)

    instrs = program_of(fun(jnp), BIG)
    assert all(view.buffer.space == OUTPUT for i in instrs for view in i.outs)
    assert sum(view.size for i in instrs for view in i.outs) == 67 * 68
    got = minijax.jit(fun(jnp))(LINES)
    np.testing.assert_array_equal(got, fun(jax.numpy)(LINES))


def test_a_join_that_is_read_otherwise_is_made_in_one_place():
    def fun(jnp):
        def run(x, y):
            inner = jnp.concatenate([jnp.sin(x), y], 1)
            return jnp.concatenate([inner, inner[:, ::-1], x[:, :1]], 1), inner[3:5]

        return run

    args = LINES, LINES[:, :7]
    instrs = program_of(fun(jnp), *args)
    assert all(view.buffer.space == OUTPUT for i in instrs for view in i.outs)
    for got, want in zip(
        minijax.jit(fun(jnp))(*args), fun(jax.numpy)(*args), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-6)


def laplacian(jnp):
    def run(u):
        shifts = [jnp.roll(u, k, axis) for k in (-1, 1) for axis in (0, 1)]
        return sum(shifts) - 4 * u

    return run


def neighbours(jnp):
    def run(u):
        rows = [jnp.roll(u, k, 0) for k in (-1, 0, 1)]
        return sum(jnp.roll(row, k, 1) for row in rows for k in (-1, 0, 1))

    return run


def bordered(jnp):
    def run(u):
        x = jnp.pad(u, 1, constant_values=0.5)
        return x[2:, 1:-1] * x[:-2, 1:-1] + x[1:-1, 2:] * x[1:-1, :-2]

    return run


@pytest.mark.parametrize("fun", [laplacian, neighbours, bordered])
def test_a_stencil_reads_its_neighbours_where_they_lie(fun):
    """Inner points, four edges, and the corners as one group."""
    u = np.random.default_rng(0).standard_normal((100, 130)).astype("f")
    instrs = program_of(fun(jnp), u)
    assert all(view.buffer.space == OUTPUT for i in instrs for view in i.outs)
    assert len(instrs) == 6
    got = minijax.jit(fun(jnp))(u)
    np.testing.assert_allclose(got, fun(jax.numpy)(u), rtol=1e-5, atol=1e-6)


def test_boxes_join_groups_that_have_lost_inputs():
    def fun(x):
        moved = jnp.concatenate([x[2:], x[:2] * 0.5])
        padded = jnp.pad(moved, 2, constant_values=-1)
        ends = padded[: x.size] + 2 * padded[4:]
        return ends, ends + (x[::-1] + x) * 0.25 + moved * 0.25

    x = jnp.asarray(np.random.default_rng(0).standard_normal(5000).astype("f"))
    closed = simplify(minijax.make_jaxpr(fun)(x))
    assert outputs(closed, [x], fused=True) == outputs(closed, [x], fused=False)


def test_the_gradient_of_slices_is_made_in_one_place():
    """The cotangents of slices are padded with zeros, and added up."""

    def fun(jnp):
        return lambda x: jnp.sum(jnp.sin(x[:, 0]) * x[:, 1] * jnp.cos(x[:, 2]))

    x = np.random.default_rng(0).standard_normal((64, 3, 4, 16)).astype("f")
    instrs = program_of(minijax.grad(fun(jnp)), x)
    assert all(view.buffer.space == OUTPUT for i in instrs for view in i.outs)
    assert len(instrs) == 1
    got = minijax.jit(minijax.grad(fun(jnp)))(x)
    np.testing.assert_allclose(got, jax.grad(fun(jax.numpy))(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("width", "shuffling"), [(16, True), (128, False)])
def test_short_rows_are_reversed_in_native_code(width, shuffling):
    (instr,) = program_of(lambda x: x.reshape(-1, width)[:, ::-1], LINES)
    assert instr.is_shuffling() == shuffling


def test_long_copies_go_one_by_one():
    instrs = program_of(lambda x, y: jnp.concatenate([x, y]), BIG, BIG)
    assert [len(instr.outs) for instr in instrs] == [1, 1]


def test_padding_stores_nothing_where_the_operand_comes():
    instrs = program_of(lambda x: jnp.pad(x, 1), LINES)
    assert sum(view.size for i in instrs for view in i.outs) == 66 * 130


def test_what_a_loop_leaves_as_it_is_stays_where_it_is():
    """Neither are borders copied nor is a value stored that is a piece of another."""
    inner = (slice(1, -1), slice(1, -1))

    def mean(a):
        return a[2:, 1:-1] + a[1:-1, 2:] - a[1:-1, :-2]

    def step(_, grids):
        a, b = grids
        b = b.at[inner].set(jnp.tanh(mean(a)))
        return a.at[inner].set(mean(b) + b[inner]), b

    closed = simplify(
        minijax.make_jaxpr(lambda *grids: lax.fori_loop(0, 9, step, grids))(BIG, BIG)
    )
    module = cbackend.build(closed)
    (loop,) = module.programs[0].instrs
    assert loop.params[-2:] == [1, 1]
    assert not module.programs[1].arena_bytes
    for move in (lambda a: a[::-1], lambda a: a.T):
        closed = simplify(
            minijax.make_jaxpr(
                lambda a, move=move: lax.fori_loop(
                    0, 9, lambda _, a: a.at[inner].set(move(a)[inner]), a
                )
            )(BIG)
        )
        (loop,) = cbackend.build(closed).programs[0].instrs
        assert loop.params[-1:] == [0]


def test_what_is_updated_last_is_made_where_the_output_is():
    inner = (slice(1, -1), slice(1, -1))

    def step(a, b):
        a = a.at[inner].add(b[inner] - b[1:-1, 2:])
        return a.at[3, 4].add(b[0, 0]).at[5].set(0)

    *_, first, second = program_of(step, BIG, BIG)
    for update in (first, second):
        assert update.op == "DYNAMIC_UPDATE_SLICE"
        assert update.ins[0].buffer is update.outs[0].buffer

    def loop(fori_loop, also, x):
        def turn(_, grids):
            return step(*grids), also(*grids)

        return fori_loop(0, 3, turn, (x, x + 1))

    x = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    for also, flags in (
        (lambda a, b: b + 1, [1, 1]),
        (lambda a, b: a[::-1] + b, [0, 1]),
    ):
        fun = partial(loop, lax.fori_loop, also)
        *_, instr = program_of(fun, x)
        assert instr.params[-2:] == flags
        want = jax.jit(partial(loop, jax.lax.fori_loop, also))(x)
        for got, expected in zip(minijax.jit(fun)(x), want, strict=True):
            np.testing.assert_array_equal(got, expected)


def test_cheap_values_are_computed_again_rather_than_stored():
    def fun(x, w):
        y = x * 2
        return (y @ w) + y

    closed = simplify(minijax.make_jaxpr(fun)(BIG, BIG))
    *_, last = cbackend.build(closed).programs[0].instrs
    assert [micro.kernel.name for micro in last.micros] == [
        "add_f32"
    ]  # y is stored anyway

    def late(x):
        y = x * 2
        return jnp.sin(y), jnp.cos(jnp.sum(jnp.sin(y)) + y)

    *_, last = program_of(late, BIG)
    assert "mul_f32" in [micro.kernel.name for micro in last.micros]


def test_an_update_in_a_loop_costs_the_slice_only():
    def fun(x):
        return lax.fori_loop(0, 4, lambda i, x: x.at[i].set(x[i] * 2), x)

    (loop,) = [i for i in program_of(fun, BIG) if i.op in ("SCAN", "WHILE")]
    assert loop.params[-1] == 1


@pytest.mark.parametrize("width", [2, 3, 17])
def test_short_broadcast_rows_stay_in_their_tile(width):
    """Filled by whole vectors, but for the last ones of a tile, which ends its memory.

    Writing past it breaks the heap: the process ends within a few calls.
    """
    column = np.arange(100_000, dtype=np.int8)[:, None]
    rows = np.ones((100_000, width), np.int8)
    want = column | rows
    for _ in range(5):
        np.testing.assert_array_equal(lax.bitwise_or(column, rows), want)


def test_a_piece_without_elements_is_no_other_piece():
    x = np.array([3.0], np.float32)
    got = minijax.jit(lambda x: jnp.concatenate([x[:0], x, -x])[:1] * 2)(x)
    assert got.tolist() == [6.0]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("dtype", ["int4", "int2"])
@pytest.mark.parametrize("window", [(), (0,)])
def test_narrow_indices_of_masks_and_windows_keep_their_sign(known, dtype, window):
    """The bits of such an index are not its number: -1 is before the first element."""

    def fun(place):
        inserted = () if window else (0,)
        numbers = lax.ScatterDimensionNumbers(window, inserted, (0,))
        base = jnp.arange(6.0) if window else jnp.zeros(6)
        new = jnp.full(2, 9.0) if window else jnp.float32(9)
        return lax.scatter(base, place, new, numbers, mode="clip")

    place = jnp.array([-1], dtype)
    got = minijax.jit(lambda: fun(place))() if known else minijax.jit(fun)(place)
    assert got[0] == 9 and got.tolist() == fun(jnp.array([-1], "int32")).tolist()


def test_large_constants_of_literals_leave_the_loop():
    def body(_, x):
        return x * jnp.concatenate([jnp.zeros(100), jnp.ones(100)])

    fun = minijax.jit(lambda x: lax.fori_loop(0, 30, body, x))
    main, *bodies = fun.lower(np.ones(200, np.float32)).as_text().split("program [")[1:]
    assert main.count("[copy]") == 1 and "[copy]" not in "".join(bodies)
