"""Edges of the functions of `lax`: odd arguments, their errors, what no-ops return.

Each case gives the same text on both sides: types, weak types and values of the results,
or the error with its whole message.
"""

import numpy as np
import pytest
from outcomes import outcome
from sides import NAMES, Side

F32 = np.float32
ONES = np.ones(2, np.float32)


def _ragged(s, lhs, rhs, groups, contract, ragged, group, batch=((), ())):
    numbers = s.lax.RaggedDotDimensionNumbers((contract, batch), [ragged], group)
    lhs, rhs = (np.arange(np.prod(n), dtype=F32).reshape(n) for n in (lhs, rhs))
    return s.lax.ragged_dot_general(lhs, rhs, np.ones(groups, "i4"), numbers)


def _kinds(values):
    return [isinstance(v, (int, float, complex, np.ndarray)) for v in values]


def _token(s):
    return s.lax.after_all(s.lax.create_token(), s.lax.create_token(1.0))


def _tokens(s):
    """What can be done with tokens: eagerly, traced, jitted, given and got."""

    def fun(t, x):
        return s.lax.after_all(t, s.lax.create_token(x)), x + 1

    token = _token(s)
    assert token.block_until_ready() is None and s.device_put(token) is not None
    jitted = s.jit(fun)
    jitted(token, ONES)
    out, x = jitted(token, ONES)
    return [
        str(s.make_jaxpr(fun)(token, ONES)), str(s.make_jaxpr(
            lambda t: s.lax.optimization_barrier((t, ONES)))(token)),
        type(out) is type(token), x,
        repr(s.typeof(out)), str(s.eval_shape(lambda: token)),
        isinstance(s.typeof(token), s("extend.core").AbstractToken),
        s.jit(lambda x: (token, x))(ONES)[1],
        s.jvp(lambda x: fun(token, x * x)[1], [ONES], [ONES]),
        s.vmap(fun, (None, 0), (None, 0))(token, ONES)[1],
    ]  # fmt: skip


CASES = {
    "tokens": _tokens,
    "stage": lambda s: [
        s.lax.stage(1), s.lax.stage(ONES), s.grad(lambda x: s.lax.stage(x) ** 2)(3.0),
        s.Shard.__name__, s.vmap(s.lax.stage)(ONES)],
    "stage of a list": lambda s: s.lax.stage([1.0]),
    "after_all of a number": lambda s: s.lax.after_all(1.0),
    "no number in a token": lambda s: _token(s) + 1,
    # arguments
    "text to add": lambda s: s.lax.add("a", 1.0),
    "list to sin in jit": lambda s: s.jit(lambda x: s.lax.atan2(x, [1.0]))(1.0),
    "None to neg": lambda s: s.lax.neg(None),
    "unlike dtypes of mul": lambda s: (s.jnp, s.lax.mul(0, 0.0))[1],
    "unlike dtypes of max": lambda s: s.lax.max(np.int8(3), 300),
    "unlike dtypes of lt": lambda s: s.lax.lt(0, 0.0),
    "second of shift_left": lambda s: s.lax.shift_left(1.0, 1),
    "pow of integers": lambda s: s.lax.pow(2, 3),
    "pow of an integer": lambda s: s.lax.pow(2, 3.0),
    "pow of booleans": lambda s: s.lax.pow(True, False),
    "complex of halves": lambda s: s.lax.complex(np.ones(2, "f2"), np.ones(2, "f2")),
    "full of an imaginary truth": lambda s: s.lax.full((2,), 2j, "bool"),
    "literal that is cut": lambda s: str(
        s.make_jaxpr(lambda x: s.lax.add(x, np.int64(2**40 + 3)))(1)),
    # derivatives
    "slope of zeta": lambda s: s.grad(s.lax.zeta, 1)(2.0, 1.0),
    "slope of polygamma's order": lambda s: s.grad(s.lax.polygamma)(2.0, 1.0),
    "slope of betainc's parameter": lambda s: s.grad(s.lax.betainc)(0.5, 1.0, 0.5),
    "slope of bessel_i1e": lambda s: s.grad(s.lax.bessel_i1e)(s.jnp.bfloat16(0.5)),
    "vjp of no conversion": lambda s: s.vjp(
        lambda x: s.lax.convert_element_type(x, "float32"), ONES)[0],
    "vjp that passes on float0": lambda s: s.vjp(
        lambda x: (x * 2, np.zeros(2, s.dtypes.float0)), ONES)[0][1].dtype,
    # accuracy and dtypes of results
    "accuracy": lambda s: [
        getattr(s.lax, name)(0.5, accuracy=s.lax.AccuracyMode.HIGHEST)
        for name in ("exp", "exp2", "log", "log1p", "expm1", "sqrt", "rsqrt", "cbrt",
                     "logistic", "sin", "cos", "tan", "tanh")],
    "tolerance": lambda s: s.lax.exp(1.0, accuracy=s.lax.Tolerance(rtol=1e-3)),
    "no accuracy": lambda s: s.lax.exp(1.0, accuracy="HIGHEST"),
    "negative tolerance": lambda s: s.lax.Tolerance(atol=-1.0),
    "no tolerance": lambda s: s.lax.Tolerance(),
    "mul of int8": lambda s: s.lax.mul(
        np.array([100, 3], "i1"), np.array([100, 2], "i1"), out_dtype="int32"),
    # reductions
    "reduce from a weak 0": lambda s: s.lax.reduce(ONES, 0, s.lax.add, (0,)),
    "reduce of weak from strong": lambda s: s.lax.reduce(
        s.jnp.full(3, 2), np.int32(1), lambda a, b: a * b, (0,)),
    "or of floats": lambda s: s.lax.reduce(ONES, F32(0), s.lax.bitwise_or, (0,)),
    "sum of booleans": lambda s: s.lax.reduce(ONES > 0, False, s.lax.add, (0,)),
    "axes before dtypes": lambda s: s.lax.reduce_sum(ONES > 0, (3,)),
    "window with another tree": lambda s: s.lax.reduce_window(
        ONES, 0.0, lambda x, y: [x + y], (1,), (1,), "VALID"),
    "jvp of any window": lambda s: s.jvp(
        lambda x: s.lax.reduce_window(x, F32(1), lambda x, y: x * s.numpy.sin(y), (2,)),
        (ONES,), (ONES,)),
    "true as an identity": lambda s: s.lax.reduce(
        np.ones(2, "i1"), True, s.lax.bitwise_and, (0,)),
    "an infinity as an identity": lambda s: s.lax.reduce(
        np.ones(2, "i1"), -np.inf, s.lax.max, (0,)),
    "no identity of its own dtype": lambda s: s.lax.reduce(
        ONES > 0, 1, s.lax.bitwise_and, (0,)),
    "jvp of a window with a choice": lambda s: s.jvp(
        lambda x: s.lax.reduce_window(x, F32(1), s.numpy.maximum, (2,)),
        (ONES,), (ONES,)),
    "gradient of any window": lambda s: s.grad(
        lambda x: s.lax.reduce_window(x, F32(1), lambda x, y: x * y, (2,)).sum())(ONES),
    "jvp in the window's start": lambda s: s.jvp(
        lambda x: s.lax.reduce_window(ONES, x, lambda x, y: x * y, (2,)),
        (F32(1),), (F32(1),)),
    "weak sum from a strong start": lambda s: s.lax.reduce(
        s.numpy.asarray(2), np.int32(0), s.lax.add, ()),
    "weak truth reduced": lambda s: s.jit(lambda n: [
        f(n == 1, ()) for f in (s.lax.reduce_and, s.lax.reduce_or, s.lax.reduce_xor)])(1),
    "unrolled as often as traced": lambda s: s.jit(lambda n: s.lax.scan(
        lambda c, x: (c, x), 0, s.jnp.ones(2), unroll=n))(2),
    "gumbel of all bits": lambda s: s.random.gumbel(
        s.random.key(7), (9,), mode="highest"),
    "export": lambda s: s.export.export(s.jit(lambda x, *, y: [x, x * y]))(
        ONES, y=F32(2)).call(ONES + 1, y=F32(3)),
    "export for elsewhere": lambda s: s.export.export(
        s.jit(lambda x: x), platforms=["tpu"])(ONES).call(ONES),
    "export of no jit": lambda s: s.export.export(len)(ONES),
    "scaled_dot": lambda s: s.lax.scaled_dot(
        np.arange(16, dtype=F32).reshape(2, 8), np.ones((8, 3), F32),
        lhs_scale=np.array([[2, 1], [4, 8]], F32), preferred_element_type=F32),
    "scaled_dot of a batch": lambda s: s.vmap(s.lax.scaled_dot)(
        np.ones((5, 2, 8), F32), np.ones((5, 8, 3), F32)),
    "scaled_dot by every element": lambda s: s.lax.scaled_dot(
        np.ones((2, 8), F32), np.ones((8, 3), F32), rhs_scale=np.ones((8, 3), F32)),
    "no dtype": lambda s: s.lax.convert_element_type(1.0, None),
    "argmin of complex": lambda s: s.lax.argmin(np.ones(2, "c8"), 0, np.int32),
    # sorting
    "no key": lambda s: s.lax.sort(ONES, num_keys=0),
    "half a k": lambda s: s.lax.top_k(ONES, 1.5),
    "top_k of too many": lambda s: s.eval_shape(
        lambda x: s.lax.top_k(x, 1), s.ShapeDtypeStruct((2**31 + 1,), np.dtype("f2"))),
    # shapes
    "conv of unlike ranks": lambda s: s.lax.conv_general_dilated(
        np.ones((1, 1, 1)), np.ones((1, 1, 1, 1)), (1,), ((0, 0),),
        dimension_numbers=s.lax.ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2))),
    "half a bit": lambda s: s.lax.reduce_precision(1.0, 5.0, 10),
    "rank that it has": lambda s: s.lax.broadcast_to_rank(np.ones((2, 2)), 1),
    # products by groups of rows
    "ragged_dot": lambda s: s.lax.ragged_dot(
        np.ones((5, 2), F32), np.arange(12, dtype=F32).reshape(2, 2, 3), np.array([2, 2])),
    "grad of ragged_dot": lambda s: s.grad(
        lambda x: s.lax.ragged_dot(x, np.ones((2, 2, 3), F32), np.array([2, 1])).sum())(
            np.ones((4, 2), F32)),
    "vmap of ragged_dot": lambda s: s.vmap(s.lax.ragged_dot)(
        np.ones((2, 4, 1), F32), np.arange(4, dtype=F32).reshape(2, 2, 1, 1),
        np.array([[1, 2], [0, 4]])),
    "ragged rows of batches": lambda s: _ragged(
        s, (2, 3, 2), (2, 2, 2, 1), (2, 2), ([2], [2]), 1, [0], ([0], [1])),
    "ragged and contracted": lambda s: _ragged(s, (4, 5), (5, 3), 3, ([1], [0]), 1, []),
    "ragged and batched": lambda s: _ragged(
        s, (3, 4, 5), (3, 5, 2), 2, ([2], [1]), 0, [], ([0], [0])),
    "ragged out of range": lambda s: _ragged(
        s, (11, 5), (3, 5, 7), 3, ([1], [1]), 2, [0]),
    "sizes of groups": lambda s: _ragged(
        s, (4, 5), (3, 5, 7), (2, 3), ([1], [1]), 0, [0]),
    "number of groups": lambda s: _ragged(s, (4, 5), (3, 5, 7), 2, ([1], [1]), 0, [0]),
    "group that is contracted": lambda s: _ragged(
        s, (4, 3), (3, 3, 7), 3, ([1], [1]), 0, [1]),
    "group without need": lambda s: _ragged(s, (4, 5), (3, 5, 7), 3, ([1], [1]), 1, [0]),
    "no group": lambda s: _ragged(s, (4, 5), (5, 7), 3, ([1], [0]), 0, []),
    # what is handed back
    "stop_gradient": lambda s: _kinds(
        s.lax.stop_gradient((1, 2.0, 3j, ONES, np.ones(2, int)))),
    "stop_gradient of arrays": lambda s: (
        lambda x: s.lax.stop_gradient(x) is x)(s.jnp.ones(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    theirs, ours = (outcome(CASES[name], Side(n)) for n in NAMES)
    assert ours == theirs
