"""Where equations come from: the user's line, and the named scopes it stands in.

A source is a tuple `(code, offset of the instruction, scopes)`; line and column follow
from it when somebody asks.  While a jaxpr is run again, each equation stands for its
own line (`Replay`).
"""

import sys
import types
from typing import Any

from minijax import _callpath

_PACKAGE = __file__.rpartition("source_info.py")[0]
_own_files = {}  # file name -> whether it is one of this package's


class Transform(str):
    """The name of a transformation among scopes: it goes round what follows it."""

    __slots__ = ()


class NameStack(tuple):
    """The scopes of an equation, from the outside in."""

    __slots__ = ()

    stack = property(tuple)

    def extend(self, name):
        """The stack with one more scope inside."""
        return NameStack((*self, name))

    def transform(self, name):
        """The stack with a transformation inside."""
        return NameStack((*self, Transform(name)))

    def __add__(self, other):
        return NameStack((*self, *other))

    def __str__(self):
        shown = []
        for name in reversed(self):
            if type(name) is not Transform:
                shown.append(name)
            elif shown:
                shown[-1] = f"{name}({shown[-1]})"
            else:
                shown.append(f"{name}()")
        return "/".join(reversed(shown))


class SourceInfo(tuple):
    """A source, with names for what it has."""

    __slots__ = ()

    @property
    def name_stack(self):
        """The scopes; as text `outer/inner`."""
        return NameStack(self[2])

    @property
    def traceback(self):
        """What `user_frame` of JAX's tells the place from: this, or None."""
        return None if self[0] is None else self

    @property
    def line(self) -> Any:
        """The line's number."""
        return position(self)[0]


# What is replayed in this thread (`replayed`: a source or None), and the scopes in force
# (`scopes`).
_place = _callpath.Place()


def is_own_file(name):
    """Whether a file is one of this package's."""
    own = _own_files.get(name)
    if own is None:
        own = _own_files[name] = name.startswith(_PACKAGE)
    return own


_callpath.set_own_files(_own_files, is_own_file)
user_frame = _callpath.user_frame


class Replay:
    """A `with` block that runs equations again: `at(source)`, or `within(source)`, comes
    before each.
    """

    __slots__ = ("outer", "replayed")

    def __enter__(self):
        self.outer, self.replayed = _place.scopes, _place.replayed
        return self

    def at(self, source):
        """What follows stands for the equation of this source, within today's scopes."""
        if source is not None:
            _place.replayed = source
            _place.scopes = self.outer + source[2] if self.outer else source[2]

    def within(self, source):
        """What follows stands in the scopes of this source too, on the line that runs it."""
        if source is not None:
            _place.scopes = self.outer + source[2] if self.outer else source[2]

    def __exit__(self, kind, error, traceback):
        if isinstance(error, Exception) and _place.replayed is not self.replayed:
            attach_source(error, _place.replayed)
        _place.scopes, _place.replayed = self.outer, self.replayed
        return False


class JaxStackTraceBeforeTransformation(Exception):
    """The cause of an exception that arose while an equation ran again, transformed: its
    traceback shows the user's line that the equation stands for.
    """


def has_user_context(error):
    """Whether the user's line is attached as a cause."""
    while error is not None:
        if isinstance(error, JaxStackTraceBeforeTransformation):
            return True
        error = error.__cause__
    return False


def attach_source(error, source):
    """Make the user's line a cause of an exception, if it has none yet."""
    place = None if has_user_context(error) else traceback_at(source)
    if place is None:
        return
    said = (
        f"{type(error).__name__}: {error}\n\nThe traceback above shows the line of the "
        "operation that led, once it was transformed, to the following exception.\n\n"
        "--------------------"
    )
    before = JaxStackTraceBeforeTransformation(said).with_traceback(place)
    before.__cause__, before.__context__ = error.__cause__, error.__context__
    before.__suppress_context__ = error.__suppress_context__
    error.__cause__ = before


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


class scopes_set:
    """Within a `with` block, `scopes` are in force (none: a jaxpr of its own begins)."""

    __slots__ = ("outer", "scopes")

    def __init__(self, scopes=()):
        self.scopes = scopes

    def __enter__(self):
        self.outer, _place.scopes = _place.scopes, self.scopes

    def __exit__(self, *exc):
        _place.scopes = self.outer
        return False


def within(*names):
    """`scopes_set` with more scopes, or `Transform`s, inside those in force."""
    return scopes_set(_place.scopes + names)


def scopes():
    """The scopes in force, from the outside in."""
    return _place.scopes


def position(source) -> Any:
    """(line, column) of a source; either may be None."""
    code, offset, _ = source
    for k, (line, _, column, _) in enumerate(code.co_positions()):
        if 2 * k >= offset:
            return line, column
    return None, None


def describe_source(source):
    """`file:line:column (function)` of a source, which may be None."""
    code = None if source is None else source[0]
    if code is None:
        return "an unknown line"
    line, column = position(source)
    where = ":".join(str(n) for n in (line, column) if n is not None)
    return f"{code.co_filename}:{where} ({code.co_qualname})"
