"""Tracebacks that show the user's frames: the framework's own are taken out.

An exception that leaves the framework through an `api_boundary` loses the frames of
files under this package, and a note says so.  `jax_traceback_filtering` says otherwise:
"off" keeps all frames, "tracebackhide" marks them for IPython and pytest to hide, and with
"remove_frames" the whole traceback is that of the exception's cause.
"""

import contextlib
import functools
import os
import sys
import types
from typing import Any

from minijax import config

_HERE = os.path.dirname(os.path.abspath(__file__))
_excluded = [_HERE + os.sep, os.path.join(os.path.dirname(_HERE), "cbackend") + os.sep]

_LAUNCHER = "minijax.launch"  # whose frames are below those of a script that it runs
_NOTE = (
    "--------------------\nFor simplicity, the framework's own frames were removed from "
    "the traceback of the following exception. Set JAX_TRACEBACK_FILTERING=off to "
    "include these."
)


_HIDDEN = "__tracebackhide__"


class UnfilteredStackTrace(Exception):
    """The cause of an exception whose traceback was filtered: has the whole of it."""


def register_exclusion(path):
    """Take frames of the file or folder `path` out of tracebacks too."""
    _excluded.append(os.path.abspath(path))


def include_frame(frame):
    """Whether a frame is the user's."""
    return not frame.f_code.co_filename.startswith(tuple(_excluded))


def filtered(traceback):
    """A traceback of the user's frames only (None if there are none), and whether any
    frame was left out.
    """
    entries, shortened = [], False
    while traceback is not None:
        if include_frame(traceback.tb_frame):
            entries.append(traceback)
        else:
            shortened = True
        traceback = traceback.tb_next
    kept = None
    for entry in reversed(entries):
        kept = types.TracebackType(
            kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno
        )
    return kept, shortened


def filter_error(error):
    """Take the framework's frames out of an exception about to leave it."""
    mode = config.values.jax_traceback_filtering
    if mode == "off":
        return
    if mode == "tracebackhide":
        _mark_hidden(error.__traceback__)
        return
    if mode == "remove_frames" and _under_another():
        return  # which the error leaves, too
    whole = error.__traceback__
    error.__traceback__, shortened = filtered(whole)
    if mode == "remove_frames":
        if shortened:
            _keep_whole(error, whole)
    elif shortened and _NOTE not in getattr(error, "__notes__", ()):
        error.add_note(_NOTE)


def _under_another():
    """Whether the user's code that called the framework was called by it."""
    frame, left = sys._getframe(2), False
    while frame is not None and frame.f_globals.get("__name__") != _LAUNCHER:
        own = not include_frame(frame)
        if own and left:
            return True
        left, frame = left or not own, frame.f_back
    return False


def _mark_hidden(traceback):
    """Frames that have the mark are left alone: asking for their variables would keep
    the exception among these.
    """
    while traceback is not None:
        frame = traceback.tb_frame
        if not include_frame(frame) and _HIDDEN not in frame.f_code.co_varnames:
            frame.f_locals[_HIDDEN] = True
        traceback = traceback.tb_next


def _keep_whole(error, traceback):
    """Put the whole traceback, and the cause, before the exception."""
    said = (
        f"{type(error).__name__}: {error}\n\nThe traceback below has the user's frames "
        "only. This is the exception as it was raised.\n\n--------------------"
    )
    whole = UnfilteredStackTrace(said).with_traceback(traceback)
    whole.__cause__, whole.__context__ = error.__cause__, error.__context__
    whole.__suppress_context__ = error.__suppress_context__
    error.__cause__ = whole


def wraps(fun) -> Any:
    """As `functools.wraps(fun, updated=())`; what of an object `fun` does not fit a
    function, as a name that is no string, stays away.
    """

    def decorate(made):
        for name in functools.WRAPPER_ASSIGNMENTS:
            with contextlib.suppress(AttributeError, TypeError):
                setattr(made, name, getattr(fun, name))
        made.__wrapped__ = fun
        return made

    return decorate


def documented(fun, text, **words) -> Any:
    """As `wraps(fun)`, with a docstring that says what was made of `fun`."""

    def decorate(made):
        made = wraps(fun)(made)
        name = getattr(fun, "__name__", type(fun).__name__)
        made.__doc__ = text.format(fun=name, **words)
        return made

    return decorate


def api_boundary(fun) -> Any:
    """`fun`, whose exceptions leave it with the user's frames only."""

    @functools.wraps(fun)
    def boundary(*args, **kwargs):
        __tracebackhide__ = True
        try:
            return fun(*args, **kwargs)
        except Exception as error:
            filter_error(error)
            raise

    return boundary
