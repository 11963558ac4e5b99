"""Dtypes of a library's own, whose elements are represented by numbers."""

import dataclasses
import types

import numpy as np
import pytest
from sides import Side, assert_same, raised


def _largest(side, represented=np.float32):
    """A dtype whose values are their own tangents, and add up to the larger one."""
    lax, own = side.lax, side("_src.dtypes")

    class Rules:
        allow_conversion = True

        @staticmethod
        def physical_element_aval(dtype):
            return types.SimpleNamespace(shape=(), dtype=np.dtype(dtype.of))

        @staticmethod
        def tangent_dtype(dtype):
            return dtype

        @staticmethod
        def add(dtype, x, y):
            x, y = (lax.convert_element_type(v, dtype.of) for v in (x, y))
            return lax.convert_element_type(lax.max(x, y), dtype)

        @staticmethod
        def zero(dtype):
            least = np.array(-np.inf).astype(dtype.of)
            return lax.convert_element_type(least, dtype)

    class largest(own.extended):
        pass

    @dataclasses.dataclass(frozen=True)
    class Largest(own.ExtendedDType):
        of: type = represented
        name: str = "largest"
        type: type = largest
        _rules: type = Rules

    assert own.issubdtype(Largest(), largest)
    return Largest()


def _through(side, inner, represented=np.float32):
    """`inner` on values of the dtype, between conversions, compiled."""
    dtype, convert = _largest(side, represented), side.lax.convert_element_type
    x = side.jnp.asarray([3, 1, 2], represented)
    back = side.jit(lambda x: convert(inner(convert(x, dtype)), represented))
    return back(x)


MOVED = {
    "reversed": lambda s: _through(s, lambda v: v[::-1]),
    "chosen": lambda s: _through(s, lambda v: s.jnp.where(np.arange(3) > 1, v, v[::-1])),
    "joined": lambda s: _through(
        s, lambda v: s.jnp.concatenate([v, v]).reshape(2, 3).T),
    "taken": lambda s: _through(s, lambda v: v[1]),
    "in a loop": lambda s: _through(
        s, lambda v: s.lax.scan(lambda c, _: (c, c), v, None, length=2)[1]),
    "narrow": lambda s: _through(
        s, lambda v: v[::-1], s.jnp.float8_e5m2).astype(np.float32),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVED)
def test_elements_are_moved(name):
    assert_same(MOVED[name])


def _cotangents(side):
    """Uses whose cotangents are of the dtype, before they are converted back."""
    dtype, convert = _largest(side), side.lax.convert_element_type
    to, back = side.custom_vjp(lambda x: x), side.custom_vjp(lambda x: x)
    to.defvjp(lambda x: (x, None), lambda _, ct: (convert(ct, dtype),))
    back.defvjp(lambda x: (x, None), lambda _, ct: (convert(ct, ct.dtype.of),))

    def f(x):
        x = back(x)
        return to(x) * 2.0 + to(x) * 5.0

    return side.jit(side.grad(f))(1.0)


def _carried(side):
    """A scale that rules of a loop's body derive, the largest over all turns."""
    dtype, convert = _largest(side), side.lax.convert_element_type
    body = side.custom_vjp(lambda c, scale: c)
    body.defvjp(
        lambda c, scale: (c, scale),
        lambda scale, ct: (ct, convert(convert(scale, np.float32) + ct, dtype)),
    )

    def f(x, scale):
        scale = convert(scale, dtype)
        return side.lax.scan(lambda c, _: (body(c, scale), None), x, None, length=3)[0]

    return side.jit(side.grad(f, (0, 1)))(2.0, 3.0)


def _two_dtypes(side):
    """Integers whose tangents are short floats."""
    own = side("_src.dtypes")
    dtype = own.primal_tangent_dtype(np.int8, side.jnp.bfloat16)
    f = side.custom_gradient(
        lambda x: (x.astype(np.int8).astype("bfloat16") * 2, lambda g: (3 * g,))
    )

    @side.jit
    def both(x):
        out, back = side.vjp(f, x.astype(dtype))
        return out, *back(out)

    found = [x.astype(np.float32) for x in both(side.jnp.asarray([1, -2], np.int8))]
    return *found, repr(dtype)


@pytest.mark.parametrize("case", [_cotangents, _carried, _two_dtypes])
def test_derivatives_follow_the_rules_of_the_dtype(case):
    assert_same(case)


REFUSED = {
    "another dtype": lambda s, v: v.astype("int32"),
    "from another dtype": lambda s, v: s.lax.convert_element_type(np.int32(1), v.dtype),
    "a key": lambda s, v: s.lax.convert_element_type(s.random.key(0), v.dtype),
}


@pytest.mark.parametrize("name", REFUSED)
def test_conversions_that_are_refused(name):
    def body(side):
        error = raised(lambda: _through(side, lambda v: REFUSED[name](side, v)))
        return type(error).__name__, " ".join(str(error).split()[:4])

    assert_same(body)


@pytest.mark.parametrize("dtype", [int, "float64", np.uint32, bool])
def test_keys_are_no_numbers(dtype):
    def body(side):
        key = side.random.key(0)
        return str(raised(lambda: side.lax.convert_element_type(key, dtype)))

    assert_same(body)


def test_elements_of_several_numbers_are_refused():
    side = Side("minijax")
    dtype = _largest(side)
    pair = types.SimpleNamespace(
        allow_conversion=True,
        physical_element_aval=lambda _: types.SimpleNamespace(
            shape=(2,), dtype="int32"
        ),
    )
    with pytest.raises(NotImplementedError, match="one number each"):
        side.lax.convert_element_type(
            np.ones(2, np.int32), dataclasses.replace(dtype, _rules=pair)
        )
