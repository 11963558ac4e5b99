"""Traces of what a program does (`jax.profiler`).

A trace holds what minijax knows of its work: the phases of each function (traced,
lowered, compiled) and the user's annotations. It is written in the Chrome trace format,
which https://ui.perfetto.dev shows. `python -m minijax compare` splits the time further.
"""

import contextlib
import functools
import gzip
import json
import os
import platform
import threading
import time
from pathlib import Path
from typing import Any

from minijax import monitoring
from minijax.alias import missing_attribute
from minijax.extend.backend import get_backend


class _Session:
    """A trace that is being recorded."""

    def __init__(self, log_dir, perfetto):
        self.log_dir, self.perfetto = Path(log_dir), perfetto
        self.events = []
        self.start = time.strftime("%Y_%m_%d_%H_%M_%S")
        monitoring.register_event_time_span_listener(self._phase)

    def _phase(self, event, start, end, **details):
        self.add(event.rpartition("/")[2], start, end, details)

    def add(self, name, start, end, details):
        """Record that `name` happened, between two times in seconds."""
        self.events.append({
            "name": name, "ph": "X", "ts": start * 1e6, "dur": (end - start) * 1e6,
            "pid": os.getpid(), "tid": threading.get_ident(),
            "args": {key: str(value) for key, value in details.items()},
        })  # fmt: skip

    def close(self):
        """Write what was recorded."""
        with contextlib.suppress(AssertionError):  # the program may have cleared them
            monitoring.unregister_event_time_span_listener(self._phase)
        folder = self.log_dir / "plugins" / "profile" / self.start
        folder.mkdir(parents=True, exist_ok=True)
        names = [f"{platform.node()}.trace.json.gz"]
        if self.perfetto:
            names.append("perfetto_trace.json.gz")
        for name in names:
            with gzip.open(folder / name, "wt") as file:
                json.dump({"traceEvents": self.events}, file)


_session: _Session | None = None
_lock = threading.Lock()


def start_trace(
    log_dir,
    create_perfetto_link=False,
    create_perfetto_trace=False,
    profiler_options=None,
):
    """Start a trace, which `stop_trace` writes below the folder `log_dir`.

    RuntimeError where one is running.  No link is served, so `create_perfetto_link` is a
    NotImplementedError.
    """
    global _session
    if create_perfetto_link:
        raise NotImplementedError(
            "minijax serves no traces; open the file of create_perfetto_trace=True at "
            "https://ui.perfetto.dev"
        )
    with _lock:
        if _session is not None:
            raise RuntimeError(
                "Profile has already been started. Only one profile may be run at a time."
            )
        _session = _Session(log_dir, create_perfetto_trace)


def stop_trace():
    """Write the trace that is running.  RuntimeError where none is."""
    global _session
    with _lock:
        if _session is None:
            raise RuntimeError("No profile started")
        session, _session = _session, None
    session.close()


@contextlib.contextmanager
def trace(
    log_dir,
    create_perfetto_link=False,
    create_perfetto_trace=False,
    profiler_options=None,
):
    """A `with` block between `start_trace` and `stop_trace`."""
    start_trace(log_dir, create_perfetto_link, create_perfetto_trace, profiler_options)
    try:
        yield
    finally:
        stop_trace()


class TraceAnnotation(contextlib.ContextDecorator):
    """Names a stretch of work in the trace that is running, if any."""

    def __init__(self, name, **kwargs):
        self.name, self._details = name, kwargs

    def __enter__(self):
        self._start = time.time()
        return self

    def __exit__(self, *exc):
        session = _session
        if session is not None:
            session.add(self.name, self._start, time.time(), self._details)
        return False


class StepTraceAnnotation(TraceAnnotation):
    """Names a training step."""


def annotate_function(func, name=None, **kwargs):
    """`func` with its calls named in traces."""
    name = name or getattr(func, "__qualname__", None) or func.__name__

    @functools.wraps(func)
    def wrapped(*args, **named):
        with TraceAnnotation(name, **kwargs):
            return func(*args, **named)

    return wrapped


class ProfileOptions:
    """Accepted: everything that is known is recorded."""

    def __init__(self):
        self.host_tracer_level, self.python_tracer_level = 2, 1
        self.enable_hlo_proto = self.include_dataset_ops = True
        self.raise_error_on_start_failure = False
        self.duration_ms = self.start_timestamp_ns = 0
        self.repository_path = self.session_id = ""
        self.advanced_configuration = {}


def device_memory_profile(backend=None):
    """What the live arrays take, as bytes: a profile for pprof, compressed by gzip."""
    return gzip.compress(get_backend(backend).heap_profile())


def save_device_memory_profile(filename, backend=None):
    """Write `device_memory_profile` to a file."""
    Path(filename).write_bytes(device_memory_profile(backend))


def _absent(*args, **kwargs):
    raise NotImplementedError(
        "minijax serves no profiles; jax.profiler.trace writes a trace, `python -m "
        "minijax compare SCRIPT` splits the time"
    )


start_server = stop_server = _absent


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
