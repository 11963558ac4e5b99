"""Random bits: the primitives on typed keys.

A key is one opaque element of its key dtype.  Threefry's are hashed by a primitive of
their own (`threefry`); other generators are functions on arrays of words (`Generator`).
Bits are those of JAX's default, partitionable, layout, in which each element has a count
of its own, or, by `jax_threefry_partitionable`, of the older one, in which a block of the
counts' first half and one of the second make two elements.
"""

import importlib
import math
from typing import Any, NamedTuple

import numpy as np

from minijax import config, core, dtypes
from minijax.core import ShapedArray
from minijax.ops.bits import bitwise_or, shift_left, shift_right_logical
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    INT,
    NONDIFFERENTIABLE,
    NOT_LINEAR,
    accepts,
    define,
    elementwise_batch,
    full,
    move_axis,
)
from minijax.ops.joining import concatenate
from minijax.ops.shape import broadcast_in_dim, expand_dims, iota, reshape
from minijax.ops.slicing import index_in_dim, slice_in_dim
from minijax.ops.threefry import (
    count_words,
    hashed_counts,
    keys_of_words,
    threefry2x32,
    threefry_reference,
    words_of_keys,
)
from minijax.trace import trace

THREEFRY = dtypes.key_dtypes["threefry2x32"]

_U32, _U64 = np.dtype(np.uint32), np.dtype(np.uint64)


def _key_dtype(aval, what):
    if not dtypes.issubdtype(aval.dtype, dtypes.prng_key):
        raise TypeError(f"{what} takes key array operand, got {aval}")
    return aval.dtype


# --- other generators -----------------------------------------------------------------


class Generator(NamedTuple):
    """What a generator does, on arrays of uint32 words with the key's axes last.

    seed(seeds) -> words; split(words, shape) -> words of (*keys, *shape);
    fold_in(words, data) -> words; bits(words, bit_width, shape) -> (*keys, *shape).
    """

    seed: Any
    split: Any
    fold_in: Any
    bits: Any


generators: dict[dtypes.KeyTy, Generator] = {}


def _generator(dtype):
    if dtype not in generators:
        home = "rbg" if dtype.impl.endswith("rbg") else "counters"
        importlib.import_module(f"minijax.ops.{home}")  # few programs need it
    return generators[dtype]


def _unpacked(b, key, dtype):
    """A view of the uint32 words of keys, from one of their opaque elements."""
    if key.dtype == _U32:
        words = [key]
    elif key.dtype == _U64:
        words = words_of_keys(b, key)
    else:
        aval = ShapedArray(key.shape, np.dtype(np.float64))
        parts = [b.ewise(part, [key], aval) for part in ("real", "imag")]
        words = [w for part in parts for w in words_of_keys(b, part.reinterpret(_U64))]
    out = b.empty((*key.shape, len(words)), _U32)
    for k, word in enumerate(words):
        b.copy_into(_word(out, k), word)
    return out.reshape((*key.shape, *dtype.key_shape))


def _packed(b, words, dtype):
    """The inverse of `_unpacked`."""
    shape = words.shape[: len(words.shape) - len(dtype.key_shape)]
    words = b.dense(words).reshape((*shape, dtype.itemsize // 4))
    if dtype.itemsize == 4:
        return _word(words, 0)
    parts = [
        keys_of_words(b, _word(words, k), _word(words, k + 1))
        for k in range(0, dtype.itemsize // 4, 2)
    ]
    if len(parts) == 1:
        return parts[0]
    halves = [b.dense(part).reinterpret(np.float64) for part in parts]
    return b.ewise("complex", halves, ShapedArray(shape, np.dtype(np.complex128)))


def _lower_keys(b, fun, words, dtype):
    """New keys of `dtype` by a function on words."""
    avals = [ShapedArray(view.shape, view.dtype) for view in words]
    (out,) = b.lower_fun(lambda *args: [fun(*args)], words, avals)
    return _packed(b, out, dtype)


def _reference_words(keys, dtype):
    words = np.ascontiguousarray(keys)[..., None].view(_U32)
    return words.reshape(*np.shape(keys), *dtype.key_shape)


def _reference_keys(words, dtype):
    shape = words.shape[: words.ndim - len(dtype.key_shape)]
    flat = np.ascontiguousarray(words).reshape(*shape, dtype.itemsize // 4)
    return flat.view(dtypes.storage_dtype(dtype))[..., 0]


def by_reference(fun, *args):
    """The results that a function of arrays gives, by the reference rules of what it does."""
    avals = [ShapedArray(x.shape, x.dtype) for x in args]
    return _run(trace(lambda *xs: list(fun(*xs)), avals), args)


def _typed(primitive_of, by_generator, new_keys=True):
    """The typed reference of an op on keys: `by_generator(generator, *words, **params)`
    gives words, or bits where it makes no new keys.
    """

    def reference(avals, keys, *args, **params):
        dtype = avals[0].dtype
        if dtype == THREEFRY:
            return primitive_of().reference(keys, *args, **params)
        words = _reference_words(keys, dtype)

        def fun(*arrays):
            return [by_generator(_generator(dtype), *arrays, **params)]

        (out,) = by_reference(fun, words, *args)
        return _reference_keys(out, dtype) if new_keys else out

    return reference


def _run(closed, args):
    env = dict(zip(closed.jaxpr.constvars, map(np.asarray, closed.consts), strict=True))
    env.update(zip(closed.jaxpr.invars, args, strict=True))

    def read(atom):
        if type(atom) is core.Literal:
            return np.asarray(atom.val).astype(atom.aval.dtype)
        return env[atom]

    for eqn in closed.jaxpr.eqns:
        typed = eqn.primitive.typed_reference
        ins = [read(atom) for atom in eqn.invars]
        if typed is None:
            out = eqn.primitive.reference(*ins, **eqn.params)
        else:
            out = typed([atom.aval for atom in eqn.invars], *ins, **eqn.params)
        outs = out if eqn.primitive.multiple_results else [out]
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(atom) for atom in closed.jaxpr.outvars]


def _keys_batch(primitive_of):
    """The batch rule of ops that treat every key alone: keys lead."""

    def batch(axis, args, dims, **params):
        (keys,), (dim,) = args, dims
        return primitive_of().bind(move_axis(keys, dim, 0), **params), 0

    return batch


# --- seeds and raw words --------------------------------------------------------------


def random_seed(seeds, impl):
    """Keys of the generator with dtype `impl` from integer seeds."""
    return random_seed_p.bind(seeds, impl=impl)


def _seed_shape(seeds, *, impl):
    if not accepts(INT, seeds.dtype):
        raise TypeError(f"PRNG key seed must be an integer; got {seeds}")
    return ShapedArray(seeds.shape, impl)


def _seed_lower(b, ins, out_avals, *, impl):
    if impl != THREEFRY:
        return [_lower_keys(b, _generator(impl).seed, ins, impl)]
    (seeds,) = ins
    if seeds.dtype.itemsize == 8:
        low, high = words_of_keys(b, b.convert(seeds, _U64))
    else:
        low, high = b.convert(seeds, _U32), b.full(ShapedArray(seeds.shape, _U32), 0)
    return [keys_of_words(b, high, low)]


def _seed_reference(seeds, *, impl):
    if impl != THREEFRY:
        (words,) = by_reference(lambda x: [_generator(impl).seed(x)], seeds)
        return _reference_keys(words, impl)
    wide = seeds.astype(np.uint64) if seeds.dtype.itemsize == 8 else seeds.astype(_U32)
    low = wide.astype(_U32).astype(_U64)
    high = (wide.astype(_U64) >> np.uint64(32)) & np.uint64(0xFFFFFFFF)
    return high | (low << np.uint64(32))


random_seed_p = define(
    "random_seed",
    shape=_seed_shape,
    reference=_seed_reference,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=_keys_batch(lambda: random_seed_p),
    lower=_seed_lower,
)


def random_wrap(words, impl):
    """Typed keys from raw uint32 words, the key's words along the last axis."""
    return random_wrap_p.bind(words, impl=impl)


def _wrap_shape(words, *, impl):
    n = len(impl.key_shape)
    if words.dtype != _U32:
        raise TypeError(f"JAX encountered invalid PRNG key data: expected key_data to have "
                        f"dtype uint32; got dtype={words.dtype}")  # fmt: skip
    if words.shape[words.ndim - n :] != impl.key_shape or words.ndim < n:
        raise TypeError(
            "JAX encountered invalid PRNG key data: expected key_data.shape to end with "
            f"{impl.key_shape}; got shape={words.shape} for impl={impl.impl}"
        )
    return ShapedArray(words.shape[: words.ndim - n], impl)


def _wrap_lower(b, ins, out_avals, *, impl):
    return [_packed(b, ins[0], impl)]


def _word(words, k):
    rank = len(words.shape) - 1
    starts = [0] * rank + [k]
    limits = [*words.shape[:-1], k + 1]
    return words.slice(starts, limits).squeeze((rank,))


random_wrap_p = define(
    "random_wrap",
    shape=_wrap_shape,
    reference=lambda words, *, impl: _reference_keys(words, impl),
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=_keys_batch(lambda: random_wrap_p),
    lower=_wrap_lower,
)


def random_unwrap(keys):
    """The raw uint32 words of typed keys, along a new last axis."""
    return random_unwrap_p.bind(keys)


def _unwrap_shape(keys):
    dtype = _key_dtype(keys, "random_unwrap")
    return ShapedArray((*keys.shape, *dtype.key_shape), _U32)


def _unwrap_lower(b, ins, out_avals):
    return [_unpacked(b, ins[0], b.eqn.invars[0].aval.dtype)]


random_unwrap_p = define(
    "random_unwrap",
    shape=_unwrap_shape,
    reference=lambda keys: np.array(keys)[..., None].view(_U32),
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=_keys_batch(lambda: random_unwrap_p),
    lower=_unwrap_lower,
    typed_reference=lambda avals, keys: _reference_words(keys, avals[0].dtype),
)


def random_clone(keys):
    """Keys, typed or raw, under a new name."""
    return random_clone_p.bind(keys)


random_clone_p = define(
    "random_clone",
    shape=lambda keys: keys,
    reference=lambda keys: keys,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=_keys_batch(lambda: random_clone_p),
    lower=lambda b, ins, out_avals: ins,
)

# --- splitting and folding ------------------------------------------------------------


def random_split(keys, shape):
    """`shape` new keys from each key: shape (*keys, *shape)."""
    if keys.dtype == THREEFRY and not config.values.jax_threefry_partitionable:
        return _split_in_sequence(keys, shape)
    return random_split_p.bind(keys, shape=shape)


def _split_reference(keys, *, shape):
    k1, k2 = (np.array(keys)[..., None].view(_U32)[..., k] for k in (0, 1))
    expand = (...,) + (None,) * len(shape)
    first, second = threefry_reference(k1[expand], k2[expand], *count_words(shape))
    return first.astype(_U64) | (second.astype(_U64) << np.uint64(32))


def _split_lower(b, ins, out_avals, *, shape):
    dtype = out_avals[0].dtype
    if dtype != THREEFRY:
        words = _unpacked(b, ins[0], dtype)
        return [
            _lower_keys(b, lambda w: _generator(dtype).split(w, shape), [words], dtype)
        ]
    return [keys_of_words(b, *hashed_counts(b, ins[0], shape))]


random_split_p = define(
    "random_split",
    shape=lambda keys, *, shape: ShapedArray(
        (*keys.shape, *shape), _key_dtype(keys, "random_split")
    ),
    reference=_split_reference,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=_keys_batch(lambda: random_split_p),
    lower=_split_lower,
    typed_reference=_typed(
        lambda: random_split_p, lambda g, w, shape: g.split(w, shape)
    ),
)


def random_fold_in(keys, data):
    """New keys from keys and uint32 data of the same shape (or scalars)."""
    return random_fold_in_p.bind(keys, data)


def _fold_in_shape(keys, data):
    dtype = _key_dtype(keys, "random_fold_in")
    return ShapedArray(np.broadcast_shapes(keys.shape, data.shape), dtype)


def _fold_in_reference(keys, data):
    k1, k2 = (np.array(keys)[..., None].view(_U32)[..., k] for k in (0, 1))
    first, second = threefry_reference(k1, k2, np.uint32(0), data.astype(_U32))
    return first.astype(_U64) | (second.astype(_U64) << np.uint64(32))


def _fold_in_by(generator, words, data):
    if len(data.shape) > len(words.shape) - 1:  # one key for all data
        shape = (*data.shape, *words.shape)
        words = broadcast_in_dim(words, shape, range(len(data.shape), len(shape)))
    return generator.fold_in(words, data)


def _fold_in_lower(b, ins, out_avals):
    shape, dtype = out_avals[0].shape, out_avals[0].dtype
    if dtype != THREEFRY:
        words = [_unpacked(b, ins[0].broadcast_to(shape), dtype), ins[1]]
        return [_lower_keys(b, _generator(dtype).fold_in, words, dtype)]
    keys, data = (view.broadcast_to(shape) for view in ins)
    zero = b.full(ShapedArray(shape, _U32), 0)
    words = [*words_of_keys(b, keys), zero, b.convert(data, _U32)]
    return [keys_of_words(b, *b.kernel("threefry2x32_u32", words, shape, [_U32] * 2))]


random_fold_in_p = define(
    "random_fold_in",
    shape=_fold_in_shape,
    reference=_fold_in_reference,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=elementwise_batch(lambda: random_fold_in_p),
    lower=_fold_in_lower,
    typed_reference=_typed(lambda: random_fold_in_p, _fold_in_by),
)

# --- bits -----------------------------------------------------------------------------


def random_bits(keys, bit_width, shape):
    """Random unsigned integers of 8, 16, 32 or 64 bits: shape (*keys, *shape)."""
    if keys.dtype == THREEFRY and not config.values.jax_threefry_partitionable:
        return _bits_in_sequence(keys, bit_width, shape)
    return random_bits_p.bind(keys, bit_width=bit_width, shape=shape)


def _bits_shape(keys, *, bit_width, shape):
    _key_dtype(keys, "random_bits")
    return ShapedArray((*keys.shape, *shape), np.dtype(f"uint{bit_width}"))


def _bits_reference(keys, *, bit_width, shape):
    k1, k2 = (np.array(keys)[..., None].view(_U32)[..., k] for k in (0, 1))
    expand = (...,) + (None,) * len(shape)
    first, second = threefry_reference(k1[expand], k2[expand], *count_words(shape))
    if bit_width == 64:
        return (first.astype(_U64) << np.uint64(32)) | second
    return (first ^ second).astype(f"uint{bit_width}")


def _bits_lower(b, ins, out_avals, *, bit_width, shape):
    (aval,) = out_avals
    dtype = b.eqn.invars[0].aval.dtype
    if dtype != THREEFRY:
        words = _unpacked(b, ins[0], dtype)
        bits = _generator(dtype).bits
        in_avals = [ShapedArray(words.shape, _U32)]
        return b.lower_fun(lambda w: [bits(w, bit_width, shape)], [words], in_avals)
    first, second = hashed_counts(b, ins[0], shape)
    if bit_width == 64:
        return [keys_of_words(b, second, first)]
    mixed = b.ewise("xor", [first, second], aval.update(dtype=_U32))
    return [b.convert(mixed, aval.dtype)]


random_bits_p = define(
    "random_bits",
    shape=_bits_shape,
    reference=_bits_reference,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=_keys_batch(lambda: random_bits_p),
    lower=_bits_lower,
    typed_reference=_typed(
        lambda: random_bits_p,
        lambda g, w, bit_width, shape: g.bits(w, bit_width, shape),
        new_keys=False,
    ),
)

# --- the older layout -----------------------------------------------------------------


def _words_in_sequence(keys, n):
    """The `n` words of every key: threefry of 0, ..., n - 1, in pairs half of them apart."""
    half = -(-n // 2)
    lead = keys.shape
    axis, shape = len(lead), (*lead, half)
    words = random_unwrap(keys)
    k1, k2 = (
        broadcast_in_dim(
            index_in_dim(words, k, axis, keepdims=True), shape, range(axis + 1)
        )
        for k in (0, 1)
    )
    counts = iota(_U32, 2 * half)
    first, second = slice_in_dim(counts, 0, half), slice_in_dim(counts, half, 2 * half)
    if n % 2:
        padding = full(ShapedArray((1,), _U32), 0)
        second = concatenate([slice_in_dim(second, 0, half - 1), padding], 0)
    first, second = (broadcast_in_dim(x, shape, (axis,)) for x in (first, second))
    both = concatenate(threefry2x32(k1, k2, first, second), axis)
    return slice_in_dim(both, 0, n, axis=axis)


def _split_in_sequence(keys, shape):
    words = _words_in_sequence(keys, 2 * math.prod(shape))
    return random_wrap(reshape(words, (*keys.shape, *shape, 2)), THREEFRY)


def _bits_in_sequence(keys, bit_width, shape):
    size, axis = math.prod(shape), len(keys.shape)
    words = _words_in_sequence(keys, -(-size * bit_width // 32))
    if bit_width == 64:
        high = convert_element_type(slice_in_dim(words, 0, size, axis=axis), _U64)
        low = convert_element_type(slice_in_dim(words, size, 2 * size, axis=axis), _U64)
        words = bitwise_or(shift_left(high, np.uint64(32)), low)
    elif bit_width < 32:
        words = slice_in_dim(_parts(words, bit_width), 0, size, axis=axis)
    return reshape(words, (*keys.shape, *shape))


def _parts(words, bit_width):
    """Words taken apart along the last axis, the low bits of each first."""
    *lead, n = words.shape
    places = np.arange(0, 32, bit_width, dtype=_U32)
    places = places.reshape((1,) * len(words.shape) + (-1,))
    split = shift_right_logical(expand_dims(words, (len(words.shape),)), places)
    parts = convert_element_type(split, np.dtype(f"uint{bit_width}"))
    return reshape(parts, (*lead, n * places.size))
