"""`jax.experimental.random`: a generator that counts by itself how often it was used."""

import dataclasses
import operator
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax import numpy as jnp
from minijax import random as _random
from minijax.array import Array
from minijax.ref import Ref, addupdate, new_ref
from minijax.tree_util import register_dataclass

__all__ = ["StatefulPRNG", "stateful_rng"]


def _shape(size: Any, *args):
    """`size` as a shape; None: that which the arguments broadcast to."""
    if size is None:
        return np.broadcast_shapes(*map(np.shape, args))
    sizes: Any = (size,) if np.ndim(size) == 0 else size
    return tuple(map(operator.index, sizes))


@register_dataclass
@dataclasses.dataclass(frozen=True, slots=True)
class StatefulPRNG:
    """Random numbers after a typed key and a reference that counts; see `stateful_rng`.

    ValueError for another kind of key or counter.
    """

    _base_key: Any
    _counter: Any

    def __post_init__(self):
        key = self._base_key
        if not isinstance(key, (Array, np.ndarray)):
            return  # what stands for a leaf while trees are compared
        if not dtypes.issubdtype(self._base_key.dtype, dtypes.prng_key):
            raise ValueError(f"Expected base_key to be a typed PRNG key; got {key}")
        if not isinstance(self._counter, Ref):
            raise ValueError(
                f"Expected counter to be a scalar integer ref; got {self._counter}"
            )

    def key(self, shape: Any = ()) -> Any:
        """A new key, or an array of them.  ValueError for a generator that was split."""
        if self._base_key.shape:
            raise ValueError("cannot operate on split stateful generator")
        key = _random.fold_in(self._base_key, self._counter[...])
        addupdate(self._counter, ..., 1)
        shape = _shape(shape)
        return _random.split(key, shape) if shape else key

    def random(self, size: Any = None, dtype: Any = float) -> Any:
        """Floats from 0 to 1, without 1."""
        return _random.uniform(self.key(), _shape(size), dtype=dtype)

    def uniform(
        self, low: Any = 0, high: Any = 1, size: Any = None, *, dtype: Any = float
    ) -> Any:
        """Floats from `low` to `high`, without `high`."""
        shape = _shape(size, low, high)
        return _random.uniform(self.key(), shape, minval=low, maxval=high, dtype=dtype)

    def normal(
        self, loc: Any = 0, scale: Any = 1, size: Any = None, *, dtype: Any = float
    ) -> Any:
        """Normal numbers of mean `loc` and standard deviation `scale`."""
        drawn = _random.normal(self.key(), _shape(size, loc, scale), dtype)
        return (jnp.asarray(loc) + jnp.asarray(scale) * drawn).astype(dtype)

    def integers(
        self, low: Any, high: Any = None, size: Any = None, *, dtype: Any = int
    ) -> Any:
        """Integers from `low` to `high`, without `high`; below `low` where it is alone."""
        if high is None:
            low, high = 0, low
        shape = _shape(size, low, high)
        return _random.randint(self.key(), shape, minval=low, maxval=high, dtype=dtype)

    def split(self, num: Any) -> "StatefulPRNG":
        """Independent generators as one, whose parts `vmap` takes."""
        return StatefulPRNG(self.key(num), new_ref(jnp.zeros(num, dtype=int)))

    def spawn(self, n_children: int) -> list["StatefulPRNG"]:
        """A list of independent generators."""
        return [self.__class__(key, new_ref(0)) for key in self.key(n_children)]


def stateful_rng(seed: Any = None, *, impl: Any = None) -> StatefulPRNG:
    """A generator like `numpy.random.default_rng`, that transformations know.

    seed: an integer; by default one of NumPy's, which is a TypeError within traces.
    impl: which generator of bits, as for `jax.random.key`.
    """
    if seed is None:
        if core.current_trace() is not core.eval_trace:
            raise TypeError(
                "When used within transformed code, jax.experimental.random.stateful_rng() "
                "requires an explicit seed to be set."
            )
        entropy: Any = np.random.SeedSequence().entropy
        seed = np.int64(entropy & np.iinfo(np.int64).max)
    return StatefulPRNG(_random.key(seed, impl=impl), new_ref(0))
