"""Where equations come from (`jax.extend.source_info_util`)."""

import contextlib
from typing import NamedTuple

from minijax import core
from minijax.core import SourceInfo as SourceInfo
from minijax.source_info import (
    JaxStackTraceBeforeTransformation as JaxStackTraceBeforeTransformation,
)
from minijax.source_info import NameStack as NameStack
from minijax.source_info import Transform as Transform
from minijax.source_info import has_user_context as has_user_context
from minijax.traceback_util import register_exclusion as register_exclusion


def current():
    """The user's line, as equations record it."""
    return core.user_frame()


new_source_info = current


def summarize(source_info, num_frames=1):
    """`file:line (function)`."""
    return core.describe_source(source_info)


class Frame(NamedTuple):
    """A place in a program; numbers that are not known are 0."""

    file_name: str
    function_name: str
    start_line: int
    start_column: int
    end_line: int
    end_column: int


def user_frames(traceback):
    """The user's frames: here the innermost, which is all that equations keep."""
    if traceback is None:
        return iter(())
    code, offset, _ = traceback
    places = list(code.co_positions())
    start, end, column, end_column = places[min(offset // 2, len(places) - 1)]
    numbers = [n or 0 for n in (start, column, end, end_column)]
    return iter([Frame(code.co_filename, code.co_qualname, *numbers)])


def user_frame(traceback):
    """The user's innermost frame, or None."""
    return next(user_frames(traceback), None)


# --- name stacks ----------------------------------------------------------------------


def new_name_stack(name=""):
    """A stack of one scope, or of none."""
    return NameStack((name,) if name else ())


def current_name_stack():
    """The scopes in force."""
    return NameStack(core.scopes())


class set_name_stack(contextlib.ContextDecorator):
    """Within the block, or the function, the scopes are those of a stack."""

    def __init__(self, name_stack):
        self._change = lambda outer: name_stack
        self._open = []

    def __enter__(self):
        stack = self._change(current_name_stack())
        self._open.append(core.scopes_set(tuple(stack)))
        self._open[-1].__enter__()
        return stack

    def __exit__(self, *exc):
        self._open.pop().__exit__(*exc)
        return False


class extend_name_stack(set_name_stack):
    """`set_name_stack` of the scopes in force with one more inside."""

    def __init__(self, name):
        self._change = lambda outer: outer.extend(name)
        self._open = []


class transform_name_stack(set_name_stack):
    """`set_name_stack` of the scopes in force with a transformation inside."""

    def __init__(self, name):
        self._change = lambda outer: outer.transform(name)
        self._open = []


def reset_name_stack():
    """`set_name_stack` of no scopes."""
    return set_name_stack(NameStack())


@contextlib.contextmanager
def user_context(traceback=None, *, name_stack=None):
    """A block whose errors are the user's; they carry their lines already."""
    yield
