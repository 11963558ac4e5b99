"""Errors that compiled code sets and Python raises later (`jax._src.error_check`).

The first check that fails leaves its number in a reference of the thread, which programs
read and write as any other; `raise_if_error` looks the number up.
"""

import threading
from typing import Any

import numpy as np

from minijax import core
from minijax import numpy as jnp
from minijax.source_info import traceback_at
from minijax.state.primitives import new_ref

_NO_ERROR = np.uint32(np.iinfo(np.uint32).max)
_errors = []  # (message, source) of each check, by its number


class JaxValueError(ValueError):
    """A check of a computation failed."""


class _State(threading.local):
    cell: Any = None


_state = _State()


def _cell():
    if _state.cell is None:
        with core.eval_context():
            _state.cell = new_ref(_NO_ERROR)
    return _state.cell


class error_checking_context:
    """A `with` block with a state of its own; the one before is back after it."""

    def __enter__(self):
        self._outer, _state.cell = _state.cell, None
        return self

    def __exit__(self, *exc):
        _state.cell = self._outer
        return False


def set_error_if(pred, /, msg: str) -> None:
    """Where an element of `pred` is true, have `raise_if_error` raise `msg`, unless an
    error is set already.

    Also within `jit`, loops and branches; not within a `vmap` that maps `pred`.
    """
    cell = _cell()
    number = np.uint32(len(_errors))
    _errors.append((msg, core.user_frame()))
    now = cell[...]
    cell[...] = jnp.where((now == _NO_ERROR) & jnp.any(pred), number, now)


def raise_if_error() -> None:
    """Raise the error that is set, if one is, and forget it.

    JaxValueError with the check's message and line; ValueError in a traced function.
    """
    if _state.cell is None:
        return
    number = _state.cell[...]
    if isinstance(number, core.Tracer):
        raise ValueError(
            "raise_if_error() should not be called within a traced context, such as "
            "within a jitted function."
        )
    if number == _NO_ERROR:
        return
    _state.cell[...] = _NO_ERROR
    msg, source = _errors[int(number)]
    raise JaxValueError(msg).with_traceback(traceback_at(source))
