"""jnp's objects that make arrays when they are indexed: mgrid, ogrid, r_, c_, and index
makers.
"""

import re

import numpy as np

import minijax.numpy as jnp
from minijax import config
from minijax.core import own_aval
from minijax.numpy.creation import array
from minijax.numpy.promotion import concrete_or_error, promote_dtypes
from minijax.numpy.ranges import arange, linspace

_standard_promotion = config.context_manager("jax_numpy_dtype_promotion")
index_exp = np.index_exp
s_ = np.s_


def _range(key, name):
    """The range that a slice denotes; an imaginary step is a number of points."""
    start = concrete_or_error(None, key.start, f"slice start of jnp.{name}") or 0
    stop = concrete_or_error(None, key.stop, f"slice stop of jnp.{name}")
    step = concrete_or_error(None, key.step, f"slice step of jnp.{name}")
    step = 1 if step is None else step
    if isinstance(step, complex):
        return linspace(start, stop, int(abs(step)))
    return arange(start, stop, step)


def _axes(key, name):
    """The ranges of several slices, of one dtype."""
    with _standard_promotion("standard"):
        return promote_dtypes(*[_range(item, name) for item in key])


class _Mgrid:
    """`jnp.mgrid[0:3, 0:2]`: full grids of coordinates, stacked; `0:1:5j` has five
    points.
    """

    def __getitem__(self, key):
        if isinstance(key, slice):
            return _range(key, "mgrid")
        axes = _axes(key, "mgrid")
        if not axes:
            return array([], dtype=int)
        return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), 0)


class _Ogrid:
    """`jnp.ogrid[0:3, 0:2]`: coordinates that broadcast to grids; `0:1:5j` has five
    points.
    """

    def __getitem__(self, key):
        if isinstance(key, slice):
            return _range(key, "ogrid")
        axes = _axes(key, "ogrid")
        return jnp.meshgrid(*axes, indexing="ij", sparse=True)


class _Concatenator:
    """Indexing joins arrays, scalars and ranges; a first string as '-1' or '0,2,1' says
    how.
    """

    def __init__(self, name, axis, ndmin, trans1d):
        self.name = name
        self.options = axis, ndmin, trans1d

    def _directive(self, text):
        if not re.fullmatch(r"-?\d+(,-?\d+){0,2}", text):
            raise ValueError(f"could not understand directive {text!r}")
        given = [int(x) for x in text.split(",")]
        return (*given, *self.options[len(given) :])

    def __getitem__(self, key):
        key = key if isinstance(key, tuple) else (key,)
        axis, ndmin, trans1d = self.options
        matrix = ""
        if key and isinstance(key[0], str):
            if key[0] in ("r", "c"):
                matrix = key[0]
            else:
                axis, ndmin, trans1d = self._directive(key[0])
            key = key[1:]
        if any(isinstance(item, str) for item in key):
            raise ValueError("string directive must be placed at the beginning")
        out = jnp.concatenate(
            [_part(item, self.name, ndmin, trans1d) for item in key], axis
        )
        return _as_matrix(out, matrix) if matrix else out


def _as_matrix(x, kind):
    """A vector as a row ('r') or a column ('c')."""
    if x.ndim >= 2:
        return x
    return x[None, :] if kind == "r" else x[:, None]


def _part(item, name, ndmin, trans1d):
    if isinstance(item, slice):
        x = _range(item, name)
    else:
        x = array(item) if own_aval(item) is None else item
    missing = ndmin - jnp.ndim(x)
    if missing > 0:
        was = jnp.ndim(x)
        x = array(x, copy=False, ndmin=ndmin)
        if was == 0:
            return x
        place = trans1d + missing + was if trans1d < 0 else trans1d
        order = [i for i in range(ndmin) if i < missing]
        order[place:place] = range(missing, ndmin)
        return jnp.transpose(x, order)
    return x if jnp.ndim(x) else array(x, copy=False, ndmin=1)


mgrid = _Mgrid()
ogrid = _Ogrid()
r_ = _Concatenator("r_", 0, 1, -1)
c_ = _Concatenator("c_", -1, 2, 0)
