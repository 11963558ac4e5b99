"""Names for stretches of a program, and computing while tracing."""

import contextlib
import functools

from minijax import core


class named_scope(contextlib.ContextDecorator):
    """Names the equations made within the block."""

    def __init__(self, name):
        if not isinstance(name, str):
            raise TypeError("named_scope name argument must be a string.")
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


def named_call(fun, *, name=None):
    """`fun`, with its equations named."""
    if not callable(fun):
        raise TypeError(f"named_call requires a callable, got {fun}")

    @functools.wraps(fun, updated=())
    def wrapped(*args, **kwargs):
        with named_scope(name or getattr(fun, "__name__", "fun")):
            return fun(*args, **kwargs)

    return wrapped


class ensure_compile_time_eval(contextlib.ContextDecorator):
    """Within the block, operations on known values are computed at once, also under
    `jit`.
    """

    def __enter__(self):
        self._held = core.set_current_trace(core.eval_trace)
        self._held.__enter__()
        return self

    def __exit__(self, *exc):
        return self._held.__exit__(*exc)
