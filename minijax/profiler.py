"""Tracing hooks (`jax.profiler`).

Time is split by `python -m minijax compare`; the annotations here are accepted, so that
programs that use them run.
"""

import contextlib
import functools
from typing import Any

from minijax.alias import missing_attribute


class TraceAnnotation(contextlib.ContextDecorator):
    """Names a stretch of work."""

    def __init__(self, name, **kwargs):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


class StepTraceAnnotation(TraceAnnotation):
    """Names a training step."""


def annotate_function(func, name=None, **kwargs):
    """`func` itself, named."""

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapped


class ProfileOptions:
    """Accepted; nothing is recorded."""


def _unrecorded(*args, **kwargs):
    raise NotImplementedError(
        "minijax writes no profiles; `python -m minijax compare SCRIPT` splits the time"
    )


start_trace = stop_trace = start_server = stop_server = _unrecorded
trace = save_device_memory_profile = device_memory_profile = _unrecorded


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
