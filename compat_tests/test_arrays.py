"""Arrays as objects: expressions evaluated on both sides, equal results or equal errors.

A result is compared by its type, dtype, weak type, shape and elements; an error by its
type and its whole message.
"""

import copy
import itertools
import pickle
import re
import warnings

import numpy as np
import pytest
from sides import NAMES, Side

EXPRESSIONS = [
    # attributes and methods
    "x.byteswap().tobytes()",
    "jnp.array([1, 2], 'int16').byteswap()",
    "jnp.array([1j, 2]).byteswap().tobytes()",
    "x.flat",
    "x.format",
    "x.platform()",
    "x.clone()",
    "x.addressable_data(0)",
    "sorted(n for n in dir(jax.Array) if n in ('T', 'at', 'sum', 'flat', 'byteswap'))",
    "jit(lambda x: x.byteswap())(x)",
    # deleted arrays
    *[f"deleted.{use}" for use in (
        "devices()", "addressable_data(0)", "copy_to_host_async()", "_check_if_deleted()",
        "_arrays", "_npy_value", "is_deleted()", "shape", "format",
    )],
    "copy.copy(deleted)",
    "pickle.dumps(deleted)",
    # conversions
    "f'{x:.2f}'",
    "f'{x[0]:.2f}'",
    "x in x",
    "1.0 in x",
    "jnp.array([1j, 0]).astype(bool)",
    "jnp.array([1j, 2]).astype(int)",
    "jax.random.key(0).astype(int)",
    "x.astype(jax.random.key(0).dtype)",
    "jnp.asarray(jnp.array([1j, 2]), 'float32')",
    "jnp.concatenate([jnp.ones(1), jnp.ones(1) * 1j], dtype='float32')",
    "x.astype('complex128')",
    # copies of keys and through pickle
    "copy.copy(key)", "copy.deepcopy(key)", "key.copy()",
    "pickle.loads(pickle.dumps(key))",
    "pickle.loads(pickle.dumps(jax.random.split(key)))",
    "pickle.loads(pickle.dumps(jnp.full(2, 1)))",
    # operators with what is no array
    *[f"{left} {op} {right}" for op in ("+", "*", "-", "@", "&", "==", "!=", "<")
      for left, right in (("n", "[1, 2]"), ("(1, 2)", "n"), ("n", "{1}"), ("{}", "n"))],
    # powers: an exponent that is one integer keeps the base's dtype
    "jnp.array([1, 2], 'uint8') ** jnp.array(2, 'int8')",
    "jnp.array([True]) ** jnp.array(2, 'uint8')",
    "jnp.power(jnp.array(2, 'int8'), jnp.array(2))",
    "2 ** jnp.array([True, False])",
    "jnp.full(2, 2) ** jnp.full(2, 2)",
    # what needs an array in memory, of tracers
    *[f"jit(lambda x: x.{use})(x)" for use in (
        "devices()", "delete()", "is_deleted()", "tobytes()", "unsafe_buffer_pointer()",
        "addressable_data(0)", "on_device_size_in_bytes()", "is_fully_replicated",
        "committed", "addressable_shards", "global_shards", "sharding", "flat",
    )],
    "jit(pickle.dumps)(x)",
    "jit(jax.block_until_ready)(x)",
    "jit(lambda x: hasattr(x, 'block_until_ready'))(x)",
    # indices
    "x[[[0, 1]]]", "x[range(2)]", "x.at[range(2)].set(1.)", "x[[None]]", "x[object]",
    "x[{}]", "x[np.array([True])]", "jnp.array(1.)[False]", "jnp.array(1.)[True]",
    "x.at[True].set(1.)", "x.at[False].set(1.)", "x.at[jnp.array(True), 0].add(1.)",
    "x.at[True, 0].apply(jnp.exp)", "jnp.zeros((3, 0)).at[0].set(1.)",
    "jnp.zeros((0, 4)).at[0].set(1.)", "jnp.zeros((0, 4))[0]",
    "x.at[9].get(mode='fill', fill_value=jnp.ones(2))", "x.at[0].get(out_sharding=None)",
    "x.at[0].set(1., foo=1)", "x.at[0].foo", "x.at(0)", "repr(x.at[0])",
    "x.at[0].set(jnp.ones(2))", "jnp.broadcast_to(x, (2, 2))", "jnp.full(2, x)",
    "jnp.array([1j, 1]).at[jnp.array([0, 0, 1])].min(jnp.array([1, 2, 1 - 1j]))",
    "jnp.array([1j, 1]).at[jnp.array([0, 0, 1])].max(jnp.array([1, 2, 1 - 1j]))",
]  # fmt: skip


RENAMED = {"jaxlib._jax.": "", "DynamicJaxprTracer": "JaxprTracer", "minijax": "jax"}


def _names(side):
    jnp, deleted = side.jnp, side.jnp.arange(3)
    deleted.delete()
    return {
        "jax": side.jax,
        "jnp": jnp,
        "np": np,
        "jit": side.jit,
        "copy": copy,
        "pickle": pickle,
        "x": jnp.array([1.0, 2.5, -3.0]),
        "n": jnp.arange(2),
        "key": side("random").key(3),
        "deleted": deleted,
    }


def _described(side, x):
    """A result as text and lists that are equal where the results are."""
    if isinstance(x, (tuple, list)):
        return type(x).__name__, [_described(side, item) for item in x]
    if not isinstance(x, side.Array):
        return type(x).__name__, str(x)
    if side.jnp.issubdtype(x.dtype, side("dtypes").prng_key):
        return str(x.dtype), x.shape, side("random").key_data(x).tolist()
    return str(x.dtype), x.weak_type, x.shape, np.asarray(x).tolist()


def outcome(expression, side):
    """What the expression gives: a described result, or the words of its error; and
    the warnings.
    """
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            found = _described(side, eval(expression, _names(side)))
        except Exception as error:
            found = type(error).__name__, _renamed(str(error))
    return found, [(w.category.__name__, _renamed(str(w.message))) for w in given]


def _renamed(text):
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return re.sub(r"<string>:[:0-9]*", "<string>", text)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression):
    theirs, ours = (outcome(expression, Side(name)) for name in NAMES)
    assert ours == theirs


def test_an_other_result_is_seen():
    seen = [outcome(e, Side("jax")) for e in ("x", "x + 0j", "x.at[0].add(1)", "x[0]")]
    assert all(a != b for a, b in itertools.pairwise(seen))
