"""dtypes.py and jnp's scalar types against real JAX's, with x64 off and on."""

import contextlib
import itertools
import pickle
import warnings

import jax
import jax.numpy as jnp
import jax.scipy.special
import ml_dtypes
import numpy as np
import pytest

import minijax
import minijax.scipy.special
from minijax import config, dtypes
from minijax.numpy import scalar_types

enable_x64 = config.context_manager("jax_enable_x64")
numpy_dtype_promotion = config.context_manager("jax_numpy_dtype_promotion")

NAMES = [
    "bool", "int1", "int2", "int4", "int8", "int16", "int32", "int64", "uint1", "uint2",
    "uint4", "uint8", "uint16", "uint32", "uint64", "float4_e2m1fn", "float6_e2m3fn",
    "float6_e3m2fn", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
    "float8_e8m0fnu", "bfloat16", "float16", "float32", "float64", "complex64",
    "complex128",
]  # fmt: skip
DTYPES = [np.dtype(getattr(ml_dtypes, n, None) or n) for n in NAMES]
WEAK = [int, float, complex]
ABSTRACT = [
    np.generic, np.number, np.integer, np.signedinteger, np.unsignedinteger, np.inexact,
    np.floating, np.complexfloating, np.flexible, np.character,
]  # fmt: skip


@contextlib.contextmanager
def both(x64, promotion="standard"):
    """x64 and the promotion mode in JAX and in minijax; truncation warnings silent."""
    with (
        warnings.catch_warnings(),
        jax.enable_x64(x64),
        enable_x64(x64),
        jax.numpy_dtype_promotion(promotion),
        numpy_dtype_promotion(promotion),
    ):
        warnings.simplefilter("ignore")
        yield


def outcome(function, *args, **kwargs):
    """The result, or the names of the exception's classes that a user may catch."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return "raises", type(error).__name__


@pytest.fixture(params=[False, True], ids=["x32", "x64"])
def x64(request):
    with both(request.param):
        yield request.param


class WeakArray:
    """Has what `result_type` looks at: a dtype, and an aval with a weak type."""

    def __init__(self, x):
        self.dtype = x.dtype
        self.aval = x.aval


# -- promotion -----------------------------------------------------------------------


@pytest.mark.parametrize("promotion", ["standard", "strict"])
@pytest.mark.parametrize("x64", [False, True])
def test_result_type_of_every_pair(x64, promotion):
    with both(x64, promotion):
        for a, b in itertools.product([*DTYPES, *WEAK], repeat=2):
            got = outcome(dtypes.result_type, a, b, return_weak_type_flag=True)
            want = outcome(jax.dtypes.result_type, a, b, return_weak_type_flag=True)
            assert got == want, (a, b)


def test_result_type_of_triples(x64):
    some = [np.dtype(n) for n in ("bool", "int8", "uint8", "uint32", "int64", "uint64")]
    some += [np.dtype(ml_dtypes.bfloat16), np.dtype("float16"), np.dtype("complex64")]
    for triple in itertools.product([*some, np.dtype(ml_dtypes.int4), *WEAK], repeat=3):
        got = outcome(dtypes.result_type, *triple, return_weak_type_flag=True)
        want = outcome(jax.dtypes.result_type, *triple, return_weak_type_flag=True)
        assert got == want, triple


def test_result_type_of_weak_arrays(x64):
    with jax.enable_x64(False):
        arrays = [jnp.asarray(x) + 0 for x in (1, 1.0, 1j)]
    with jax.enable_x64(True):
        arrays += [jnp.asarray(x) + 0 for x in (1, 1.0, 1j)]
    assert sum(x.weak_type for x in arrays) == 6
    others = [
        np.dtype("int8"),
        np.dtype("float16"),
        np.dtype("complex64"),
        1,
        2.0,
        True,
    ]
    for x in arrays:
        single = dtypes.result_type(WeakArray(x), return_weak_type_flag=True)
        assert single == jax.dtypes.result_type(x, return_weak_type_flag=True), x.aval
        for y in [*arrays, *others]:
            ours = WeakArray(y) if isinstance(y, jax.Array) else y
            got = dtypes.result_type(WeakArray(x), ours, return_weak_type_flag=True)
            want = jax.dtypes.result_type(x, y, return_weak_type_flag=True)
            assert got == want, (x.aval, y)


VALUES = [
    1, 2.0, 1j, True, 2**40, np.float64(1), np.int64(1), np.ones(3), np.int8(1), bool,
    int, float, complex, None, np.float64, "float64", "int32", np.dtype("uint64"), "a",
    [1, 2], (), object(), np.array(["x"]), np.array([None]), jax.dtypes.float0,
    "datetime64[s]", ml_dtypes.bfloat16, ml_dtypes.bfloat16(1), "nope",
]  # fmt: skip


@pytest.mark.parametrize("x", VALUES, ids=[str(i) for i in range(len(VALUES))])
def test_result_type_of_one_value(x64, x):
    got = outcome(dtypes.result_type, x, return_weak_type_flag=True)
    want = outcome(jax.dtypes.result_type, x, return_weak_type_flag=True)
    assert got == want


def test_result_type_of_a_value_and_a_dtype(x64):
    for x, other in itertools.product(
        VALUES, [np.dtype("int8"), np.dtype("float16"), 1]
    ):
        got = outcome(dtypes.result_type, x, other, return_weak_type_flag=True)
        want = outcome(jax.dtypes.result_type, x, other, return_weak_type_flag=True)
        assert got == want, (x, other)
    assert outcome(dtypes.result_type) == outcome(jax.dtypes.result_type)


def test_result_dtype_is_what_result_type_gives(x64):
    canonical = [dt for dt in DTYPES if dtypes.canonicalize_dtype(dt) == dt]
    python = {int: np.dtype("int64"), float: np.dtype("float64")}
    cases = [(dt, False, dt) for dt in canonical]
    cases += [(dtypes.canonicalize_dtype(python[t]), True, t) for t in python]
    for (dt1, weak1, arg1), (dt2, weak2, arg2) in itertools.product(cases, repeat=2):
        got = outcome(dtypes.result_dtype, (dt1, dt2), (weak1, weak2))
        want = outcome(jax.dtypes.result_type, arg1, arg2, return_weak_type_flag=True)
        assert got == want, (arg1, arg2)


def test_result_dtype_follows_the_flags():
    args = (np.dtype("uint32"), np.dtype("int32")), (False, False)
    with both(False):
        assert dtypes.result_dtype(*args) == (np.dtype("int32"), False)
    with both(True):
        assert dtypes.result_dtype(*args) == (np.dtype("int64"), False)
    with both(True, "strict"), pytest.raises(dtypes.TypePromotionError, match="strict"):
        dtypes.result_dtype(*args)


@pytest.mark.parametrize("promotion", ["standard", "strict"])
@pytest.mark.parametrize("x64", [False, True])
def test_promote_types(x64, promotion):
    with both(x64, promotion):
        for a, b in itertools.product([*DTYPES, *WEAK, bool, None], repeat=2):
            got, want = (
                outcome(dtypes.promote_types, a, b),
                outcome(jnp.promote_types, a, b),
            )
            assert got == want, (a, b)


def test_promotion_errors_name_the_dtypes():
    with pytest.raises(dtypes.TypePromotionError, match=r"float8_e4m3fn.*8-bit floats"):
        dtypes.result_type(ml_dtypes.float8_e4m3fn, np.dtype("float32"))
    with pytest.raises(dtypes.TypePromotionError, match=r"int4.*4-bit integers"):
        dtypes.result_type(ml_dtypes.int4, np.dtype("int8"))
    with pytest.raises(ValueError, match="not a valid dtype for JAX type promotion"):
        dtypes.result_type(dtypes.float0, 1)


# -- canonical dtypes ----------------------------------------------------------------


def test_canonicalize_dtype(x64):
    for x in [*DTYPES, *NAMES, *WEAK, bool, None, "O", "S3", "M8[s]", ">f4", "nope", 3]:
        got = outcome(dtypes.canonicalize_dtype, x)
        assert got == outcome(jax.dtypes.canonicalize_dtype, x), x
    for x in [np.float32, jnp.float64, np.longdouble, np.longlong, jax.dtypes.float0]:
        assert dtypes.canonicalize_dtype(x) == jax.dtypes.canonicalize_dtype(x), x


def test_canonicalize_extended_dtype():
    key = dtypes.key_dtypes["threefry2x32"]
    assert dtypes.canonicalize_dtype(key, allow_extended_dtype=True) is key
    with pytest.raises(ValueError, match="extended dtype key<fry>"):
        dtypes.canonicalize_dtype(key)


def user_dtype(function):
    """-> (dtype or error, whether a warning of truncation was given)"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = outcome(function)
    return result, any("will be truncated" in str(w.message) for w in caught), caught


def test_check_user_dtype(x64):
    for x in [*DTYPES, *NAMES, *WEAK, bool, None, "O", "S3", "M8[s]", "nope", 3]:
        got, warned, _ = user_dtype(lambda x=x: dtypes.check_user_dtype(x, "zeros"))
        want, should_warn, _ = user_dtype(
            lambda x=x: jax.eval_shape(lambda: jnp.zeros((), x)).dtype
        )
        assert (got, warned) == (want, should_warn), x


def test_truncation_warning_points_at_the_user():
    with both(False):
        _, warned, caught = user_dtype(
            lambda: dtypes.check_user_dtype("float64", "zeros")
        )
    assert warned
    assert caught[0].filename == __file__


def test_truncation_warning_of_no_function():
    def said(package):
        check = package.dtypes.check_and_canonicalize_user_dtype
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check("float64")
            check("int64", "zeros")
        return [str(w.message) for w in caught]

    with both(False):
        assert said(minijax._src) == said(jax._src)


def test_dtype_of_values(x64):
    keys = 1, 2.0, 1j, True, np.float64(1), np.ones(3, "int64"), np.uint8(3)
    for x in keys:
        assert dtypes.dtype(x) == jnp.asarray(x).dtype
        assert dtypes.is_weakly_typed(x) == jnp.asarray(x).weak_type
    assert dtypes.dtype(np.ones(3), canonicalize=False) == np.dtype("float64")
    for kind in (bool, int, float, complex):
        assert dtypes.python_scalar_dtype(kind) == jnp.asarray(kind(1)).dtype
    with pytest.raises(ValueError, match="None"):
        dtypes.dtype(None)


def test_scalar_type_of(x64):
    values = [1, 1.0, 1j, True, np.float32(1), np.ones(3, bool), ml_dtypes.bfloat16(1)]
    for x in [*values, np.array(1, ml_dtypes.int4), "a", [1], None, object()]:
        want = outcome(jax.dtypes.scalar_type_of, x)
        assert outcome(dtypes.scalar_type_of, x) == want, x


def test_itemsize_bits():
    key = dtypes.key_dtypes["threefry2x32"]
    for dt in DTYPES:
        assert dtypes.itemsize_bits(dt) == jax.dtypes.itemsize_bits(dt), dt
    with pytest.raises(ValueError):
        dtypes.itemsize_bits(key)


# -- kinds ---------------------------------------------------------------------------


def test_issubdtype():
    ours = [*DTYPES, *ABSTRACT, *WEAK, bool, None, dtypes.float0, np.float32, "int32"]
    ours += [dtypes.prng_key, dtypes.extended, dtypes.key_dtypes["threefry2x32"]]
    theirs = ours[:-3] + [jax.dtypes.prng_key, jax.dtypes.extended]
    theirs.append(jax.random.key(0).dtype)
    for i, j in itertools.product(range(len(ours)), repeat=2):
        got = outcome(dtypes.issubdtype, ours[i], ours[j])
        want = outcome(jax.dtypes.issubdtype, theirs[i], theirs[j])
        assert got == want, (ours[i], ours[j])
    for bad in (1, "foo"):
        got = outcome(dtypes.issubdtype, bad, np.integer)
        assert got == outcome(jax.dtypes.issubdtype, bad, np.integer)


def test_issubdtype_takes_jnp_scalar_types():
    assert dtypes.issubdtype(scalar_types.float32, np.floating)
    assert dtypes.issubdtype(scalar_types.bfloat16, scalar_types.bfloat16)
    assert dtypes.issubdtype(np.float32, scalar_types.float32)
    assert not dtypes.issubdtype(scalar_types.int4, scalar_types.inexact)


def test_to_inexact_dtype(x64):
    for dt in DTYPES:
        dt = dtypes.canonicalize_dtype(dt)
        x = jax.ShapeDtypeStruct((), dt)
        want = outcome(lambda x=x: jax.eval_shape(jnp.true_divide, x, x).dtype)
        got = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(dt))
        assert got == want, dt


def test_to_numeric_dtype():
    for name in ("bool", "int8", "float32"):
        want = jnp.cumsum(jnp.zeros(2, name)).dtype
        assert dtypes.to_numeric_dtype(np.dtype(name)) == want


def test_finfo_and_iinfo():
    assert dtypes.finfo is jax.dtypes.finfo
    assert dtypes.iinfo is jax.dtypes.iinfo
    assert dtypes.bfloat16 is jax.dtypes.bfloat16
    assert dtypes.float0 == jax.dtypes.float0
    assert issubclass(dtypes.TypePromotionError, ValueError)


def test_supports_inf():
    for dt in DTYPES:
        if jax.dtypes.issubdtype(dt, np.floating) and jax.dtypes.itemsize_bits(dt) >= 8:
            with both(True), np.errstate(all="ignore"):
                want = bool(jnp.isinf(jnp.asarray(jnp.inf).astype(dt)))
            assert dtypes.supports_inf(dt) == want, dt


def test_short_name():
    with both(True):
        for dt in DTYPES:
            if dt.name in ("int1", "uint1"):
                continue
            aval = jax.core.ShapedArray((), dt)
            want = aval.str_short(short_dtypes=True).removesuffix("[]")
            assert dtypes.short_name(dt) == want
    aval = jax.core.ShapedArray((), jax.dtypes.float0)
    want = aval.str_short(short_dtypes=True).removesuffix("[]")
    assert dtypes.short_name(dtypes.float0) == want


# -- extended dtypes -----------------------------------------------------------------


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_key_dtypes(impl):
    ours, theirs = dtypes.key_dtypes[impl], jax.random.key(0, impl=impl).dtype
    assert repr(ours) == repr(theirs)
    assert str(ours) == str(theirs)
    assert ours.name == theirs.name == dtypes.short_name(ours)
    assert ours.itemsize == theirs.itemsize
    assert ours.type is dtypes.prng_key
    assert ours == pickle.loads(pickle.dumps(ours))
    assert hash(ours) == hash(pickle.loads(pickle.dumps(ours)))
    assert [ours == other for other in dtypes.key_dtypes.values()].count(True) == 1
    assert ours != str(ours)
    with pytest.raises(TypeError):
        np.dtype(ours)


def test_result_type_of_keys():
    class Key:
        dtype = dtypes.key_dtypes["threefry2x32"]

    assert dtypes.result_type(Key()) == Key.dtype
    with pytest.raises(TypeError, match="Cannot determine dtype of key<fry>"):
        dtypes.result_type(Key.dtype)
    with pytest.raises(ValueError, match="not a valid dtype for JAX type promotion"):
        dtypes.result_type(Key(), 1)


# -- jnp's scalar types --------------------------------------------------------------

SCALAR_TYPES = [
    name
    for name in dir(jnp)
    if isinstance(getattr(jnp, name), type)
    and getattr(jnp, name).__module__ in ("jax.numpy", "numpy")
    and name not in ("ndarray", "ufunc")
    and (hasattr(getattr(jnp, name), "dtype"))
    and isinstance(getattr(jnp, name).dtype, np.dtype)
]


def test_there_are_all_scalar_types():
    assert len(SCALAR_TYPES) > 35
    missing = [name for name in SCALAR_TYPES if not hasattr(scalar_types, name)]
    assert not missing
    for name in ABSTRACT:
        theirs = getattr(jnp, name.__name__)
        assert getattr(scalar_types, name.__name__) is theirs


@pytest.mark.parametrize("name", SCALAR_TYPES)
def test_scalar_type(name):
    ours, theirs = getattr(scalar_types, name), getattr(jnp, name)
    assert ours.dtype == theirs.dtype
    assert np.dtype(ours) == np.dtype(theirs)
    assert ours.__name__ == theirs.__name__
    assert repr(ours) == repr(theirs).replace("jax.", "minijax.")
    assert hash(ours) == hash(theirs)
    numpy_class = theirs.dtype.type
    for other in (numpy_class, theirs.dtype, theirs.dtype.name, 3, None, jnp.float16):
        assert (ours == other) == (theirs == other), other
        assert (other == ours) == (other == theirs), other
        assert (ours != other) == (theirs != other), other
    assert {numpy_class: 1}[ours] == 1
    assert np.zeros(2, ours).dtype == theirs.dtype
    one = numpy_class(1)
    assert isinstance(one, ours) == isinstance(one, theirs)
    assert isinstance(1.0, ours) == isinstance(1.0, theirs)
    assert issubclass(ours, np.generic) == issubclass(theirs, np.generic)
    assert (ours | None).__args__ == (ours, type(None))


def test_scalar_type_aliases():
    for a, b in itertools.combinations(SCALAR_TYPES, 2):
        same = getattr(jnp, a) is getattr(jnp, b)
        assert (getattr(scalar_types, a) is getattr(scalar_types, b)) == same, (a, b)


def test_calling_a_scalar_type(monkeypatch):
    calls = []
    hooks = scalar_types._Hooks
    monkeypatch.setattr(
        hooks, "asarray", staticmethod(lambda x, dtype: calls.append((x, dtype)))
    )
    scalar_types.float32(3)
    scalar_types.int8(x=[1])
    assert calls == [(3, np.dtype("float32")), ([1], np.dtype("int8"))]
    for bad in ((), (1, 2)):
        with pytest.raises(TypeError):
            scalar_types.float32(*bad)


def test_jnps_scalar_types_promote_without_a_warning():
    """They say a kind; NumPy's dtypes ask for a size."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for side in (jax, minijax):
            assert side.numpy.result_type(side.numpy.float64) == np.float32
            with pytest.raises(UserWarning, match="float64"):
                side.numpy.result_type(np.dtype("float64"))


def test_reshape_leaves_numpys_arrays_to_numpy():
    for side in (jax, minijax):
        for value in (np.arange(6), np.float32(1)):
            assert type(side.numpy.reshape(value, (-1, 1))) is np.ndarray
        assert type(side.numpy.reshape(1.0, (1,))) is not np.ndarray


def test_functions_of_weakly_typed_arrays():
    """Their own constants are as strong as an array is, and as weak as a scalar."""

    def results(side, shape):
        lib, special = side.numpy, side.scipy.special
        x = side.lax.full(shape, 0.5)
        one = [lib.deg2rad, lib.rad2deg, lib.sinc, lib.isreal, lib.iscomplex, lib.trunc]
        two = [lib.logaddexp2, lib.heaviside, lib.floor_divide, lib.divmod, lib.hypot]
        found = [side.eval_shape(f, x) for f in (*one, special.logit)]
        found += [side.eval_shape(f, x, x) for f in (*two, special.rel_entr)]
        found.append(side.eval_shape(lambda x: lib.round(x, 1), x))
        found.append(side.eval_shape(lambda x: lib.angle(x, deg=True), x))
        if shape:
            whole, matrix = side.lax.full(shape, 2), side.lax.full((3, 3), 2.0)
            found.append(side.eval_shape(lib.gradient, x))
            found.append(side.eval_shape(lib.diag, whole))
            found.append(side.eval_shape(lib.floor_divide, whole, whole))
            for f in (lib.linalg.cholesky, lib.linalg.qr, side.scipy.linalg.lu_factor):
                found.append(side.eval_shape(f, matrix))
            for f in (lib.linalg.eigh, lib.linalg.svd, lib.linalg.eigvals):
                found.append(side.eval_shape(f, matrix))
            found.append(side.eval_shape(lib.linalg.solve, matrix, matrix))
        leaves = side.tree.leaves(found)
        return [(out.shape, str(out.dtype), out.weak_type) for out in leaves]

    for shape in ((), (3,)):
        assert results(jax, shape) == results(minijax, shape)
