"""The call path in C: signatures, statics, donation, operators, indexing, memory."""

import contextlib
import functools
import gc
import operator
import resource
import threading
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minijax
import minijax.numpy as mnp
from minijax import _callpath, stats


def traces():
    return stats.counters.get("trace", 0), stats.counters.get("lower", 0)


# --- signatures -----------------------------------------------------------------------


def test_a_known_signature_is_neither_traced_nor_compiled():
    f = minijax.jit(lambda x, *, k: {"a": x["p"] + k, "b": [x["q"]]})
    x = {"q": mnp.ones(3), "p": mnp.arange(3.0)}
    f(x, k=2.0)
    before = traces()
    for _ in range(5):
        f(x, k=3.0)
        f(dict(reversed(x.items())), k=4.0)
    assert traces() == before
    f(x, k=2)  # an int is another type
    assert traces() != before


@pytest.mark.parametrize(
    "first, second",
    [
        (1, 1.0),
        (1, True),
        ("a", "b"),
        ((1, 2), (1, 3)),
        (None, 0),
    ],
)
def test_static_arguments_are_told_apart(first, second):
    seen = []

    @functools.partial(minijax.jit, static_argnums=0)
    def f(static, x):
        seen.append(static)
        return x

    for value in (first, second, first, second):
        f(value, 1.0)
    assert seen == [first, second]
    assert [type(s) for s in seen] == [type(first), type(second)]


class Key:
    """A static argument with an equality and a hash of its own."""

    def __init__(self, value, log=None, fails=()):
        self.value, self.log, self.fails = value, log, fails

    def __hash__(self):
        if "hash" in self.fails:
            raise RuntimeError("no hash today")
        return 7

    def __eq__(self, other):
        if "eq" in self.fails or "eq" in other.fails:
            raise RuntimeError("no equality today")
        for key in (self, other):
            if key.log is not None:
                key.log()
        return self.value == other.value


def test_equal_static_arguments_share_a_program():
    count = []
    f = minijax.jit(lambda s, x: (count.append(s), x + s.value)[1], static_argnums=0)
    assert f(Key(1), 1.0) == 2.0
    assert f(Key(1), 1.0) == 2.0
    assert f(Key(2), 1.0) == 3.0
    assert len(count) == 2


def test_errors_of_static_arguments_reach_the_caller():
    f = minijax.jit(lambda s, x: x + s.value, static_argnums=0)
    f(Key(1), 1.0)
    with pytest.raises(ValueError, match="comparable using __eq__") as caught:
        f(Key(1, fails=("eq",)), 1.0)
    assert "no equality today" in str(caught.value.__cause__ or caught.value)
    with pytest.raises(RuntimeError, match="no hash today"):
        f(Key(1, fails=("hash",)), 1.0)
    with pytest.raises(ValueError, match="Non-hashable static arguments"):
        f([1], 1.0)
    assert f(Key(1), 1.0) == 2.0


def test_clearing_the_cache_while_it_is_searched():
    f = minijax.jit(lambda s, x: x + s.value, static_argnums=0)
    f(Key(1), 1.0)
    f(Key(2), 1.0)
    assert f(Key(2, log=f.clear_cache), 1.0) == 3.0
    assert f(Key(1), 1.0) == 2.0


def test_the_table_grows_while_it_is_searched():
    def outgrow():
        for n in range(31):  # and one more: half of a table of 64
            f(n, 1.0)

    # What then stands at the old place depends on addresses: about every other time something.
    for size in range(16):
        f = minijax.jit(lambda s, x: x + getattr(s, "value", s), static_argnums=0)
        x = np.ones(size + 1, np.float32)
        f(Key(100), x)
        np.testing.assert_array_equal(f(Key(100, log=outgrow), x), x + 100)


def test_forgetting_a_primitives_programs_while_it_compiles():
    class Forgetful(_callpath.Primitive):
        asked = 0

        def _compile(self, aval):
            self.asked += 1
            self._forget()

    primitive = Forgetful()
    for _ in range(2):
        # None of `_compile`: the trace computes, which knows no such primitive.
        with pytest.raises(AttributeError):
            primitive.bind(1.0)
    assert primitive.asked == 2


def test_an_argument_that_deletes_another_one():
    class Deletes:
        shape, dtype = (1 << 10,), np.dtype(np.float32)

        def __array__(self, dtype=None, copy=None):
            x.delete()
            others.extend(mnp.zeros(self.shape) for _ in range(100))
            return np.ones(self.shape, self.dtype)

    x, others = mnp.full(1 << 10, 3.0), []
    f = minijax.jit(operator.add)
    executable = minijax.dispatch.compiled(f.trace(x, x)._traced.closed, "f")
    np.testing.assert_array_equal(executable([x, Deletes()])[0], 4.0)
    assert x.is_deleted()


def test_many_signatures_stay_apart():
    f = minijax.jit(lambda n, x: x + n, static_argnums=0)
    for n in range(300):
        assert f(n, 1.0) == n + 1
    before = traces()
    for n in range(300):
        assert f(n, 1.0) == n + 1
    assert traces() == before


def test_methods_partials_and_callable_objects():
    class Model:
        def __init__(self, k):
            self.k = k

        @functools.partial(minijax.jit, static_argnums=0)
        def scaled(self, x):
            return x * self.k

        def __call__(self, x):
            return x - self.k

    model = Model(3.0)
    assert model.scaled(2.0) == 6.0
    assert Model.scaled(model, 2.0) == 6.0
    assert minijax.jit(model)(2.0) == -1.0
    assert minijax.jit(functools.partial(operator.add, 1.0))(2.0) == 3.0
    assert callable(model.scaled)


def test_flags_are_part_of_the_signature():
    f = minijax.jit(lambda x: x + 1)
    assert f(1.5).dtype == np.float32
    with minijax.enable_x64(True):
        assert f(1.5).dtype == np.float64
    assert f(1.5).dtype == np.float32


def test_a_failing_callback_leaves_everything_usable():
    def host(x):
        if x > 1:
            raise KeyError("too large")
        return x

    shape = minijax.ShapeDtypeStruct((), np.float32)
    f = minijax.jit(lambda x: minijax.pure_callback(host, shape, x) + 1)
    assert f(1.0) == 2.0
    with pytest.raises(minijax.errors.JaxRuntimeError, match="too large"):
        f(2.0)
    assert f(0.5) == 1.5


def test_calls_within_a_callback():
    f = minijax.jit(lambda x: x * 2)
    shape = minijax.ShapeDtypeStruct((), np.float32)
    g = minijax.jit(
        lambda x: minijax.pure_callback(lambda v: np.asarray(f(v)), shape, x)
    )
    assert g(3.0) == 6.0


def test_arguments_of_every_kind_agree_with_jax():
    values = [
        1, 1.5, True, 2j, np.float32(2), np.float64(2), np.int8(3), np.bool_(True),
        np.arange(3), np.arange(3.0)[::2], np.zeros((0, 2)),
        np.array(3.0), np.arange(6).reshape(2, 3).T, np.float16(1.5),
    ]  # fmt: skip
    for value in values:
        theirs = jax.jit(lambda x: x + x)(value)
        ours = minijax.jit(lambda x: x + x)(value)
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, value
        assert ours.weak_type == theirs.weak_type, value
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_program_refuses_arrays_of_another_type():
    f = minijax.jit(lambda x: x + 1)
    executable = minijax.dispatch.compiled(f.trace(mnp.ones(3))._traced.closed, "f")
    assert executable([mnp.ones(3)])[0].tolist() == [2.0, 2.0, 2.0]
    ones = np.ones(2, np.float32)
    for wrong in (mnp.arange(3), mnp.ones(2), mnp.ones((3, 1)), ones, 1.0):
        with pytest.raises(TypeError, match="a program for"):
            executable([wrong])


def test_integers_out_of_range_are_refused():
    with pytest.raises(OverflowError):
        minijax.jit(lambda x: x)(2**40)


# --- donation and deletion ------------------------------------------------------------


def test_donated_arrays_are_deleted():
    f = minijax.jit(lambda p, x: {"w": p["w"] + x}, donate_argnums=0)
    p, x = {"w": mnp.ones(3)}, mnp.ones(3)
    out = f(p, x)
    assert p["w"].is_deleted() and not x.is_deleted()
    with pytest.raises(RuntimeError, match="deleted"):
        np.asarray(p["w"])
    with pytest.raises(RuntimeError, match="deleted"):
        f(p, x)
    assert out["w"].tolist() == [2.0, 2.0, 2.0]


def test_donation_by_name_beside_static_arguments():
    f = minijax.jit(
        lambda n, a, *, b: a * n + b, static_argnums=0, donate_argnames=("b",)
    )
    for _ in range(2):
        a, b = mnp.ones(2), mnp.ones(2)
        f(3, a, b=b)
        assert b.is_deleted() and not a.is_deleted()


def test_shared_memory_outlives_a_deleted_array():
    a = mnp.arange(6.0)
    b, view = a.reshape(2, 3), np.asarray(a)
    a.delete()
    assert b.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert view.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert not view.flags.writeable


# --- operators and indexing -----------------------------------------------------------

OPERANDS = [3, 2.5, True, 2, np.float32(3), np.arange(3), np.int8(2)]
BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv,
    operator.mod, operator.pow, operator.lt, operator.ge, operator.eq, operator.ne,
    divmod,
]  # fmt: skip


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_operators_agree_with_jax(op):
    def outcome(array, other, swapped):
        args = (other, array) if swapped else (array, other)
        return jax.tree.leaves(jax.tree.map(np.asarray, op(*args)))

    for other in OPERANDS:
        for swapped in (False, True):
            for dtype in (np.float32, np.int32):
                data = np.array([1, 2, 4], dtype)
                theirs = outcome(jax.numpy.asarray(data), other, swapped)
                ours = outcome(mnp.asarray(data), other, swapped)
                for t, o in zip(theirs, ours, strict=True):
                    assert o.dtype == t.dtype
                    np.testing.assert_allclose(o, t, rtol=1e-6)


def test_operators_leave_room_for_others():
    class Other:
        def __radd__(self, x):
            return "mine"

        def __eq__(self, x):
            return "equal"

    a = mnp.ones(2)
    assert a + Other() == "mine"
    assert (a == Other()) == "equal"
    with pytest.raises(TypeError, match="unsupported operand"):
        a + [1, 2]
    with pytest.raises(TypeError):
        a + None


bounds = st.none() | st.integers(-5, 5)
entries = (
    st.integers(-3, 2)
    | st.just(None)
    | st.just(...)
    | st.builds(slice, bounds, bounds, st.none() | st.sampled_from([-2, -1, 1, 2, 3]))
)


@given(st.lists(entries, max_size=5), st.booleans())
def test_basic_indexing_is_numpys(index, alone):
    data = np.arange(3 * 4 * 3, dtype=np.int16).reshape(3, 4, 3)
    index = index[0] if alone and len(index) == 1 else tuple(index)
    try:
        wanted = data[index]
    except IndexError:
        with pytest.raises(IndexError):
            mnp.asarray(data)[index]
        return
    got = mnp.asarray(data)[index]
    assert got.shape == wanted.shape and got.dtype == wanted.dtype
    np.testing.assert_array_equal(np.asarray(got), wanted)


def test_reshape_shares_and_complains():
    a = mnp.arange(6.0)
    assert a.reshape(6) is a
    assert a.reshape(2, -1).shape == a.reshape((2, -1)).shape == (2, 3)
    for bad in [(4,), (-1, -1), (-2, 3), (0, -1)]:
        with pytest.raises(Exception) as theirs:
            jax.numpy.arange(6.0).reshape(bad)
        with pytest.raises(theirs.type):
            a.reshape(bad)
    assert mnp.zeros((0, 3)).reshape(3, 0).shape == (3, 0)


UPDATES = [
    (2, 5.0), (-1, 5.0), (slice(1, 3), 0.0), ((slice(None, None, 2),), 9.0),
    (np.array([0, 2]), np.array([7.0, 8.0])), (..., 1.0), (None, 2.0), (10, 3.0),
    ((np.array([0, 0]),), 1), (np.array([True, False, True, False]), 4.0),
]  # fmt: skip


@pytest.mark.parametrize("method", ["set", "add", "multiply", "min", "max"])
def test_updates_agree_with_jax(method):
    for index, value in UPDATES:
        results = []
        for np_like in (jax.numpy, mnp):
            a = np_like.arange(4.0)
            results.append(np.asarray(getattr(a.at[index], method)(value)))
        np.testing.assert_array_equal(*results, err_msg=str(index))


# --- functions of the library ---------------------------------------------------------


def test_warnings_are_given_each_time():
    for _ in range(3):
        with pytest.warns(UserWarning, match="float64"):
            mnp.zeros(2, np.float64)


def test_what_depends_on_values_still_works():
    a = mnp.array([3, 0, 1])
    for _ in range(3):
        assert mnp.nonzero(a)[0].tolist() == [0, 2]
        assert mnp.repeat(mnp.arange(3), a).tolist() == [0, 0, 0, 2]
    assert (a**2).tolist() == [9, 0, 1]


def test_arguments_come_back_as_themselves():
    a = mnp.ones((2, 2))
    for _ in range(2):
        assert mnp.asarray(a) is a
        assert a.astype(a.dtype) is a
        assert mnp.squeeze(a) is a


def test_errors_are_the_functions_own():
    for _ in range(2):
        with pytest.raises(TypeError):
            mnp.concatenate(3)
        with pytest.raises(ValueError, match="axis"):
            mnp.sum(mnp.ones(3), axis=5)


def test_debug_nans_is_seen_by_served_calls():
    a = mnp.array([-1.0])
    mnp.log(a)
    with minijax.debug_nans(True), pytest.raises(FloatingPointError):
        mnp.log(a)
    mnp.log(a)


# --- memory and threads ---------------------------------------------------------------


def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def calls():
    a, x = mnp.arange(8.0), np.ones(8, np.float32)
    f = minijax.jit(lambda p, k=1.0: {"a": p["x"] * k, "b": (p["y"],)})
    g = minijax.jit(lambda n, x: x + n, static_argnums=0)
    tree = {"x": a, "y": x}

    def bad():
        with contextlib.suppress(ValueError):
            g([], 1.0)

    def refused():
        with contextlib.suppress(TypeError):
            a + "text"

    return [
        lambda: f(tree, k=2.0), lambda: f(tree), lambda: g(3, 1.5), lambda: a + a,
        lambda: a * 2.0, lambda: 1 - a, lambda: a[1:3], lambda: a[2], lambda: a[::-1],
        lambda: a.reshape(2, 4), lambda: a.at[1].set(2.0), lambda: mnp.where(a > 1, a, 0),
        lambda: mnp.concatenate([a, a]), lambda: np.asarray(a + 1),
        lambda: minijax.device_put(x), lambda: mnp.zeros(3), lambda: a.sum(axis=0),
        lambda: minijax.lax.add(a, a), bad, refused, lambda: float(a[1]),
    ]  # fmt: skip


@pytest.mark.usefixtures("young_heap")
def test_calls_leave_memory_as_it_was():
    for call in calls():
        for _ in range(300):
            call()
        before = resident()
        for _ in range(5000):
            call()
        assert resident() - before < 1 << 20


def test_large_results_are_given_back():
    f = minijax.jit(lambda x: x + 1)
    x = mnp.zeros(1 << 20)
    for _ in range(3):
        x = f(x)
    before = resident()
    for _ in range(100):
        x = f(x)
    assert resident() - before < 32 << 20


def test_memory_that_there_is_not():
    exhausted = pytest.raises(
        minijax.errors.JaxRuntimeError, match=r"^RESOURCE_EXHAUSTED: Out of memory"
    )
    with exhausted:
        mnp.zeros(1 << 43, np.int8)
    # room for the arguments and results, but not for what lies between
    f = minijax.jit(lambda x: mnp.cumsum(mnp.cumsum(mnp.full(1 << 29, x)))[3])
    run = f.lower(1.0).compile()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + (1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (room, hard))
    try:
        with exhausted:
            run(1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_threads_share_functions():
    f = minijax.jit(lambda n, x: x * n, static_argnums=0)
    wrong = []

    def work(seed):
        for k in range(200):
            n = (seed * 7 + k) % 23
            x = mnp.full(1000, float(seed))
            if float((f(n, x) + x)[3]) != seed * n + seed:
                wrong.append((seed, k))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_thread_has_its_own_flags_and_trace():
    found = []

    def work():
        found.append(minijax.jit(lambda x: x)(1.5).dtype)

    with minijax.enable_x64(True):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert minijax.jit(lambda x: x)(1.5).dtype == np.float64
    assert found == [np.float32]


def test_functions_are_collected():
    class Big:
        pass

    def use(big):
        f = minijax.jit(lambda x: x if big else 0)
        f(1.0)

    use(Big())
    gc.collect()
    assert not [o for o in gc.get_objects() if type(o) is Big]


def test_avals_are_one_object_each():
    a = minijax.core.ShapedArray((2, 3), np.float32)
    assert a is minijax.core.ShapedArray([2, 3], np.dtype("f4"))
    assert a is mnp.zeros((2, 3)).aval
    assert a is not minijax.core.ShapedArray((2, 3), np.float32, weak_type=True)
    with pytest.raises(TypeError):
        minijax.core.ShapedArray(3, np.float32)


def test_an_array_needs_data_of_its_aval():
    aval = minijax.core.ShapedArray((2,), np.float32)
    for data in (np.zeros(3, np.float32), np.zeros(2), np.zeros(4, np.float32)[::2]):
        with pytest.raises(ValueError):
            type(mnp.zeros(2))(aval, data)
    with pytest.raises(TypeError):
        _callpath.Array("f32[2]", np.zeros(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        type(mnp.zeros(2))(aval, np.zeros(2, np.float32))
