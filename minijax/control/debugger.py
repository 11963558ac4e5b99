"""breakpoint: stop where a program gets to, and look at the values of the frames that
were there when it was traced.
"""

import cmd
import inspect
import pprint
import sys
import traceback

from minijax import core, source_info
from minijax._pytree import flatten, unflatten
from minijax.array import ArrayImpl
from minijax.control.callback import debug_callback

# How many lines of source are shown after the current one, and one more before it.
_LISTED, _MOVED = 5, 2


def breakpoint(
    *,
    backend=None,
    filter_frames=True,
    num_frames=None,
    ordered=False,
    token=None,
    stdin=None,
    stdout=None,
    **_,
):
    """Open a debugger on the terminal when the program gets here.

    Args:
        backend: accepted; there is one debugger.
        filter_frames: leave this library's own frames out.
        num_frames: how many frames are there to go to, from here upwards; default: all.
        ordered: keep the order of this and other ordered effects.
        token: any value; it is given back.
        stdin, stdout: files in place of the terminal.
    """
    frames = _frames(sys._getframe(1), filter_frames, num_frames)
    values, tree = flatten([frame.dynamic for frame in frames])

    def stop(*values):
        given = unflatten(tree, values)
        shown = [f.with_values(v) for f, v in zip(frames, given, strict=True)]
        _Debugger(shown, stdin, stdout).cmdloop()

    debug_callback(stop, *values, ordered=ordered)
    return token


def _frames(frame, filtered, limit):
    found = []
    while frame is not None and (limit is None or len(found) < limit):
        if not (filtered and source_info.is_own_file(frame.f_code.co_filename)):
            found.append(_Frame(frame))
        frame = frame.f_back
    return found


class _Frame:
    """A frame as it was: its place, its source, and its variables.

    `dynamic` are the arrays among these, which have values only when the program runs.
    """

    def __init__(self, frame):
        self.filename, self.lineno = frame.f_code.co_filename, frame.f_lineno
        self.globals = dict(frame.f_globals)
        self.trees, self.dynamic = {}, {}
        for name, value in frame.f_locals.items():
            self._take(name, value)
        try:
            lines, start = inspect.getsourcelines(frame)
        except (OSError, TypeError):
            lines, start = [], 1
        self.source = "".join(lines).split("\n") if lines else []
        self.offset = self.lineno - max(start, 1)

    def _take(self, name, value):
        try:
            leaves, tree = flatten(value)
        except Exception:  # keys without an order, say
            leaves, tree = [_Unknown()], None
        arrays = {k: x for k, x in enumerate(leaves) if _is_array(x)}
        self.dynamic[name] = arrays
        fixed = [None if k in arrays else x for k, x in enumerate(leaves)]
        self.trees[name] = tree, fixed

    def with_values(self, dynamic):
        """(the frame, its variables with the arrays of now)."""
        variables = {}
        for name, (tree, fixed) in self.trees.items():
            leaves = [dynamic[name].get(k, x) for k, x in enumerate(fixed)]
            variables[name] = leaves[0] if tree is None else unflatten(tree, leaves)
        return self, variables

    def current_line(self):
        """The source of the line, or None."""
        known = 0 <= self.offset < len(self.source)
        return self.source[self.offset].strip() if known else None


def _is_array(x):
    return isinstance(x, (ArrayImpl, core.Tracer))


class _Unknown:
    """Stands for a variable whose parts cannot be told."""

    def __repr__(self):
        return "<cant_flatten>"


class _Debugger(cmd.Cmd):
    """The commands; each prints to `stdout`."""

    prompt = "(jdb) "
    intro = "Entering jdb:"

    def __init__(self, frames, stdin, stdout):
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = stdin is None
        self.frames, self.at = frames, 0

    def _say(self, text):
        print(text, file=self.stdout)

    def _value_of(self, expression):
        """(whether there is one, the value); what is wrong is said."""
        frame, variables = self.frames[self.at]
        try:
            return True, eval(expression, frame.globals, variables)
        except Exception as error:
            self._say(f"*** {traceback.format_exception_only(error)[-1].strip()}")
            return False, None

    def default(self, line):
        """Any other line is an expression."""
        self.do_p(line)

    def do_p(self, arg):
        """p EXPRESSION: print a value."""
        known, value = self._value_of(arg)
        if known:
            self._say(repr(value))

    def do_pp(self, arg):
        """pp EXPRESSION: print a value over several lines."""
        known, value = self._value_of(arg)
        if known:
            self._say(pprint.pformat(value))

    def do_list(self, arg):
        """list (l): show the source around the current line."""
        self._show(_LISTED)

    def _show(self, n):
        frame, _ = self.frames[self.at]
        self._say(f"> {frame.filename}({frame.lineno})")
        first = max(0, frame.offset - n - 1)
        shown = frame.source[first : frame.offset + n + 1]
        for k, line in enumerate(shown, first):
            self._say(("->  " if k == frame.offset else "    ") + line)

    def do_where(self, arg):
        """where (w, bt): show the frames, the innermost last."""
        self._say("Traceback:")
        for frame, _ in reversed(self.frames):
            self._say(f'  File "{frame.filename}", line {frame.lineno}')
            line = frame.current_line()
            if line is not None:
                self._say(f"    {line}")

    def do_up(self, arg):
        """up (u): go to the frame that called this one."""
        if self.at == len(self.frames) - 1:
            self._say("At topmost frame.")
        else:
            self.at += 1
        self._show(_MOVED)

    def do_down(self, arg):
        """down (d): go to the frame that this one called."""
        if self.at == 0:
            self._say("At bottommost frame.")
        else:
            self.at -= 1
        self._show(_MOVED)

    def do_continue(self, arg):
        """continue (c, cont): let the program go on."""
        return True

    def do_quit(self, arg):
        """quit (q, exit): end the program."""
        sys.exit(0)

    do_l = do_list
    do_w = do_bt = do_where
    do_u, do_d = do_up, do_down
    do_c = do_cont = do_continue
    do_q = do_EOF = do_exit = do_quit
