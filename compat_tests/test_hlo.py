"""The text of lowered functions as HLO, against JAX's."""

import re
from typing import Any

import numpy as np
import pytest
from sides import NAMES, Side


def convolution(side, x, w, *, strides, padding: Any = "VALID", **options):
    """A program of one convolution: of ones of these shapes."""

    def fun(x, w):
        return side.lax.conv_general_dilated(x, w, strides, padding, **options)

    return fun, (np.ones(x, "f"), np.ones(w, "f"))


SAME_TEXT = {
    "names": lambda s: (lambda a, b: a["q"] + b["z"][0], ({"q": 1.0}, {"z": [2.0]})),
    "tuple": lambda s: (lambda x: (x, x + 1), (1,)),
    "argument": lambda s: (lambda x: x, (s.jnp.ones(2, s.jnp.bfloat16),)),
    "rows": lambda s: (lambda: np.array([[1, 2], [3, 4]]), ()),
    "row": lambda s: (lambda: s.jnp.asarray(np.array([0.1, -np.inf, 2e-7], "f")), ()),
    "truth": lambda s: (lambda: np.array([True, False]), ()),
    "complex": lambda s: (lambda: 1 + 2j, ()),
    "long": lambda s: (lambda: s.jnp.asarray(np.arange(40.0)), ()),
    "dot": lambda s: (s.jnp.matmul, (np.ones((2, 3, 3)), np.ones((2, 3, 3)))),
    "convolution": lambda s: convolution(s, (8, 4, 6), (4, 4, 3), strides=(1,)),
    "strided": lambda s: convolution(
        s, (8, 4, 6, 5), (4, 4, 3, 2), strides=(2, 1), padding=[(1, 2), (0, 0)],
        lhs_dilation=(1, 2), rhs_dilation=(2, 1), precision=("high", "default"),
    ),
    "groups": lambda s: convolution(
        s, (3, 6, 4), (3, 2, 4), strides=(1,), padding="SAME",
        dimension_numbers=("NWC", "WIO", "NCW"), feature_group_count=2,
    ),
    "batch groups": lambda s: convolution(
        s, (8, 4, 6), (4, 4, 3), strides=(1,), batch_group_count=2
    ),
    "no space": lambda s: convolution(s, (2, 8), (3, 8), strides=(), padding=()),
    "slices": lambda s: (lambda x: x[1:3, ::2], (np.ones((3, 4)),)),
    "bool": lambda s: (lambda x: x.astype(bool), (1.0,)),
    "square": lambda s: (s.jnp.square, (np.ones(2),)),
    "call": lambda s: (lambda x: s.jit(s.lax.sin)(x) + x, (1.0,)),
}  # fmt: skip


def hlo(name, program):
    side = Side(name)
    fun, args = program(side)
    lowered = side.jit(fun).lower(*args)
    computation = lowered.compiler_ir("hlo")
    assert computation.as_hlo_module().to_string().startswith("HloModule jit_")
    return computation.as_hlo_text(), lowered.as_text("hlo")


@pytest.mark.parametrize("name", SAME_TEXT)
def test_the_text_is_jax_s(name):
    theirs, ours = (hlo(side, SAME_TEXT[name]) for side in NAMES)
    assert ours == theirs


LIKE = {
    "loop": lambda s: (
        lambda x, y: s.lax.while_loop(
            lambda c: c[0] < y, lambda c: (c[0] + y, c[1] * x), (0.0, x)
        ),
        (np.ones((2, 3)), 2.0),
    ),
    "branches": lambda s: (
        lambda x, y: s.lax.switch(x, [lambda a: a, lambda a: a + 1], y), (1, 2.0)
    ),
    "powers": lambda s: (lambda x: x**3 + x**-2 + s.jnp.ones((2, 3)), (np.ones((1, 3)),)),
    "reduce": lambda s: (
        lambda x: s.lax.reduce_or(x, axes=(0,)), (np.ones((2, 3), bool),)
    ),
    "max": lambda s: (lambda x: s.jnp.max(x, 0), (np.ones((2, 3)),)),
}  # fmt: skip


def opcodes(text):
    """The kinds of instructions in the text."""
    return set(re.findall(r" = (?:\(.*?\)|\S+) ([\w-]+)\(", text))


@pytest.mark.parametrize("name", LIKE)
def test_the_instructions_are_jax_s(name):
    theirs, ours = (opcodes(hlo(side, LIKE[name])[0]) for side in NAMES)
    assert ours == theirs


def test_what_hlo_has_not_is_called_by_name():
    text, _ = hlo("minijax", lambda s: (s.jnp.cumsum, (np.ones(3),)))
    assert 'custom_call_target="cumsum"' in text


def scopes_of_control(side):
    lax, inner = side.lax, side.named_scope("inner")

    @side.jit
    def called(x):
        return lax.sin(x)

    loop = lax.while_loop(lambda x: x < 5.0, inner(lambda x: called(x) + 1.0), 1.0)
    chosen = lax.cond(loop > 0, inner(lambda x: x * 2), lambda x: x - 1.0, loop)
    slope = side.grad(side.named_scope("of")(called))(chosen)
    return slope, side.checkpoint(lax.tanh)(slope)


def scopes(name):
    """The names of what is computed, without those by which JAX looks up a truth."""
    lowered = Side(name).jit(lambda: scopes_of_control(Side(name))).lower()
    assert "op_name" not in lowered.as_text("hlo")
    said = re.findall(r'op_name="(.*?)"', lowered.as_text("hlo", debug_info=True))
    return set(said) - {"while"}


def test_metadata_names_the_scopes():
    theirs, ours = map(scopes, NAMES)
    assert ours == theirs and "jit(<lambda>)/while/body/inner/jit(called)" in ours


def test_metadata_names_what_is_computed_again():
    side = Side("minijax")
    slope = side.grad(side.checkpoint(lambda x: side.jnp.sin(side.jnp.sin(x))))
    text = side.jit(slope).lower(1.0).as_text("hlo", debug_info=True)
    assert "/checkpoint/rematted_computation/cos" in text
