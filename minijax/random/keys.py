"""Random keys: making, wrapping, splitting them, and folding data into them.

A key is either typed (an array of a key dtype, from `key`) or raw (uint32 words, from
`PRNGKey`); functions take both kinds and give back the kind they got.
"""

import warnings
from typing import Any

import numpy as np

from minijax import config, core, dtypes
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import convert, dtype_of, literal, shape_of
from minijax.ops import random as ops
from minijax.ops.arithmetic import add

_U32 = np.dtype("uint32")
_LEGACY = (
    "Legacy uint32 key array passed as key to jax.random function. Please create keys "
    "using jax.random.key(). If use of a raw key array was intended, set "
    'jax_legacy_prng_key="allow".'
)

# --- generators ---------------------------------------------------------------------


def _find_impl(name):
    found = dtypes.key_dtypes.get(name)
    if found is None:
        known = [name for name in dtypes.key_dtypes if type(name) is str]
        names = ", ".join(f'"{name}"' for name in known)
        raise ValueError(
            f'unrecognized PRNG implementation "{name}". Did you mean one of: {names}?'
        )
    return found


def key_dtype(impl_spec=None) -> dtypes.KeyTy:
    """The dtype of keys of a generator: named, given as a key dtype, or the default.

    ValueError for an unknown name, TypeError for anything else.
    """
    if impl_spec is None:
        return _find_impl(config.values.jax_default_prng_impl)
    if isinstance(impl_spec, dtypes.KeyTy):
        return impl_spec
    if isinstance(impl_spec, str):
        return _find_impl(impl_spec)
    raise TypeError(
        f"unrecognized type {type(impl_spec)} for specifying PRNG implementation."
    )


def key_impl(keys) -> str:
    """The name of the generator that keys (typed or raw) belong to."""
    return check_key("key_impl", keys, batched=True)[0].dtype.impl


# --- typed and raw ------------------------------------------------------------------


def is_typed(keys) -> bool:
    """Whether `keys` is an array or tracer of a key dtype."""
    return isinstance(getattr(keys, "dtype", None), dtypes.KeyTy)


def _wrap(words, impl) -> Any:
    """Typed keys from raw words.  TypeError unless they are words of keys of `impl`."""
    problem = "JAX encountered invalid PRNG key data: expected key_data"
    if not all(hasattr(words, name) for name in ("ndim", "shape", "dtype")):
        raise TypeError(
            f"{problem} to have ndim, shape, and dtype attributes. Got {words}"
        )
    if words.ndim < 1:
        raise TypeError(f"{problem}.ndim >= 1; got ndim={words.ndim}")
    n = len(impl.key_shape)
    if tuple(words.shape[-n:]) != impl.key_shape:
        raise TypeError(
            f"{problem}.shape to end with {impl.key_shape}; got shape={words.shape} for "
            f"impl={impl.impl}"
        )
    if words.dtype != _U32:
        raise TypeError(f"{problem}.dtype = uint32; got dtype={words.dtype}")
    return ops.random_wrap(words, impl)


def check_key(name: str, key, batched: bool = False, legacy: bool = True) -> Any:
    """(typed key, whether `key` was raw).

    TypeError for what is no key; ValueError for an array of keys, unless `batched`: the
    function `name` takes one.
    """
    typed = is_typed(key)
    if not typed:
        if not core.valid_jaxtype(key) and not isinstance(key, str):
            raise TypeError(f"unexpected PRNG key type {type(key)}")
    wrapped: Any = key if typed else _wrap(key, key_dtype())
    if legacy and not typed:
        _complain_of_raw()
    if wrapped.ndim and not batched:
        raise ValueError(
            f"{name} accepts a single key, but was given a key array of shape "
            f"{tuple(shape_of(key))} != (). Use jax.vmap for batching."
        )
    return wrapped, not typed


def _complain_of_raw():
    if config.values.jax_enable_custom_prng:
        warnings.warn(
            "Raw arrays as random keys to jax.random functions are deprecated. Assuming "
            f"valid {config.values.jax_default_prng_impl} key for now.",
            FutureWarning,
            stacklevel=4,
        )
    if config.values.jax_legacy_prng_key == "warn":
        warnings.warn(_LEGACY, stacklevel=4)
    elif config.values.jax_legacy_prng_key == "error":
        raise ValueError(_LEGACY)


def _return(keys, raw):
    return ops.random_unwrap(keys) if raw else keys


# --- making keys --------------------------------------------------------------------


def seed_value(seed):
    """A seed as an array or literal of an integer dtype; Python ints wrap to it."""
    if isinstance(seed, int):
        try:
            seed = np.int64(seed)
        except OverflowError:
            raise OverflowError("Python int too large to convert to C long") from None
        return seed.astype(dtypes.canonicalize_dtype(np.int64))
    if isinstance(seed, np.ndarray | np.generic):
        return np.asarray(seed).astype(dtypes.canonicalize_dtype(seed.dtype))[...]
    return asarray(seed)


def _seeded(name, seed, impl):
    if is_typed(seed):
        raise TypeError(f"{name} accepts a scalar seed, but was given a PRNG key.")
    seed = seed_value(seed)
    if shape_of(seed):
        raise TypeError(
            f"{name} accepts a scalar seed, but was given an array of shape "
            f"{tuple(shape_of(seed))} != (). Use jax.vmap for batching"
        )
    dtype = dtype_of(seed)
    if not dtypes.issubdtype(dtype, np.integer):
        raise TypeError(f"PRNG key seed must be an integer; got {core.get_aval(seed)}")
    offset = config.values.jax_random_seed_offset
    if offset:
        seed = add(seed, literal(offset, dtype, core.get_aval(seed).weak_type))
    return ops.random_seed(seed, impl)


def key(seed, *, impl=None, dtype=None):
    """A typed key from an integer seed.

    Args:
        seed: a scalar integer; 64 bits of it count, 32 without x64.
        impl: the generator's name; dtype: the same said by a key dtype; the default
            generator if neither.
    """
    if dtype is not None:
        if impl is not None:
            raise ValueError(
                "Cannot specify both `impl` and `dtype` arguments to jax.random.key"
            )
        impl = dtype
    return _seeded("key", seed, key_dtype(impl))


def PRNGKey(seed, *, impl=None):
    """A raw key (uint32 words) from an integer seed; typed under `jax_enable_custom_prng`."""
    keys = _seeded("PRNGKey", seed, key_dtype(impl))
    return _return(keys, not config.values.jax_enable_custom_prng)


def key_data(keys):
    """The uint32 words of keys, typed or raw, along a new last axis."""
    return ops.random_unwrap(check_key("key_data", keys, batched=True)[0])


def wrap_key_data(key_bits_array, *, impl=None, dtype=None):
    """Typed keys from uint32 words: the inverse of `key_data`."""
    if dtype is not None:
        if impl is not None:
            raise ValueError(
                "Cannot specify both `impl` and `dtype` arguments to "
                "jax.random.wrap_key_data"
            )
        impl = dtype
    return _wrap(key_bits_array, key_dtype(impl))


# --- deriving keys ------------------------------------------------------------------


def _split_shape(num):
    if isinstance(num, tuple | list) or shape_of(num):
        return tuple([core.as_size(n) for n in num])
    return (core.as_size(num),)


def split_typed(key, num=2):
    """As `split`, of a typed key."""
    return ops.random_split(key, _split_shape(num))


def split(key, num=2):
    """New keys from one key.

    num: how many, or the shape of the array of keys.
    """
    typed, raw = check_key("split", key)
    return _return(split_typed(typed, num), raw)


def fold_in(key, data):
    """A new key from a key and a scalar, of which the low 32 bits count.

    OverflowError for Python integers outside of uint32.
    """
    typed, raw = check_key("fold_in", key)
    if shape_of(data):
        raise TypeError(
            "fold_in accepts a scalar, but was given an array of"
            f"shape {tuple(shape_of(data))} != (). Use jax.vmap for batching."
        )
    if hasattr(data, "__jax_array__"):
        data = data.__jax_array__()
    if isinstance(data, int | float | str):
        data = np.uint32(int(data))
    elif isinstance(data, np.ndarray | np.generic):
        data = np.asarray(data).astype(_U32)[()]
    return _return(ops.random_fold_in(typed, convert(data, _U32)), raw)


def clone(key):
    """The same key again, under a new name."""
    return ops.random_clone(key)
