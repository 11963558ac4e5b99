"""Tracebacks that show the user's frames: the framework's own are taken out.

An exception that leaves the framework through an `api_boundary` loses the frames of
files under this package.  `jax_traceback_filtering` set to "off" keeps them all.
"""

import contextlib
import functools
import os
import sys
import types
from typing import Any

from minijax import config
from minijax.source_info import position

_HERE = os.path.dirname(os.path.abspath(__file__))
_excluded = [_HERE + os.sep, os.path.join(os.path.dirname(_HERE), "cbackend") + os.sep]

_NOTE = (
    "--------------------\nFor simplicity, the framework's own frames were removed from "
    "the traceback of the following exception. Set JAX_TRACEBACK_FILTERING=off to "
    "include these."
)


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


def traceback_at(source):
    """A traceback whose one entry shows the line of a source; None for no source.

    The line ran long ago: its frame is gone, and one of the same names stands for it.
    """
    if source is None or source[0] is None:
        return None
    file, name = source[0].co_filename, source[0].co_name
    frames = []
    stand_in = compile("note()", file, "exec").replace(co_name=name)
    exec(stand_in, {"note": lambda: frames.append(sys._getframe(1))})
    return types.TracebackType(None, frames[0], -1, position(source)[0] or 0)


def filter_error(error):
    """Take the framework's frames out of an exception about to leave it."""
    if config.values.jax_traceback_filtering == "off":
        return
    error.__traceback__, shortened = filtered(error.__traceback__)
    if shortened and _NOTE not in getattr(error, "__notes__", ()):
        error.add_note(_NOTE)


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
        try:
            return fun(*args, **kwargs)
        except Exception as error:
            filter_error(error)
            raise

    return boundary
