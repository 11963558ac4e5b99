"""Runs a script or a module as `__main__`, leaving no frame of its own behind.

This file imports nothing from minijax: `compare` also loads it, by its path, in
processes that run real JAX.
"""

import builtins
import importlib.util
import itertools
import os
import sys
import types
from collections.abc import Callable
from importlib.machinery import BuiltinImporter, SourceFileLoader
from types import CodeType, TracebackType
from typing import Any

_HERE = __file__


class LaunchError(Exception):
    """The script or module cannot be started; the message says why."""


def load_script(path: str) -> tuple[CodeType, dict[str, Any]]:
    """Compile the script at `path`; returns its code and its module attributes.

    Raises LaunchError where there is no such file; a SyntaxError passes through.
    """
    if os.path.isdir(path):
        raise LaunchError(f"{path!r} is a folder; name the script inside it")
    try:
        with open(path, "rb") as file:
            source = file.read()
    except FileNotFoundError:
        raise LaunchError(f"there is no script {path!r} here ({os.getcwd()})") from None
    except OSError as error:
        raise LaunchError(f"cannot read {path!r}: {error.strerror}") from None
    path = os.path.abspath(path)
    code = compile(source, path, "exec", dont_inherit=True)
    attributes = {
        "__file__": path,
        "__loader__": SourceFileLoader("__main__", path),
        "__package__": None,
        "__spec__": None,
        "__cached__": None,
    }
    return code, attributes


def load_command(text: str) -> tuple[CodeType, dict[str, Any]]:
    """Compile a program given as text, as `python -c` does; its code and attributes."""
    code = compile(text, "<string>", "exec", dont_inherit=True)
    attributes = {"__loader__": BuiltinImporter, "__package__": None, "__spec__": None}
    return code, attributes


def load_module(name: str) -> tuple[CodeType, dict[str, Any]]:
    """Find module `name` (a package: its `__main__`) as `python -m` does.

    Raises LaunchError where it cannot be found or has no Python code.
    """
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            name += ".__main__"
            spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        raise LaunchError(f"cannot run module {name!r}: {error}") from None
    get_code = getattr(spec and spec.loader, "get_code", None)
    code = get_code(name) if get_code else None
    if spec is None or code is None:
        raise LaunchError(f"there is no module {name!r} to run")
    attributes = {
        "__file__": spec.origin,
        "__loader__": spec.loader,
        "__package__": spec.parent,
        "__spec__": spec,
        "__cached__": spec.cached,
    }
    return code, attributes


def script_path_entry(path: str) -> str:
    """The folder that Python puts first on `sys.path` for the script at `path`."""
    return os.path.dirname(os.path.realpath(path))


def run_as_main(
    code: CodeType,
    attributes: dict[str, Any],
    hidden: tuple[str, ...] = (),
    shorten: Callable[[Exception], None] | None = None,
) -> int:
    """Execute `code` as the module `__main__`; returns the exit status.

    An exception is shown by `sys.excepthook` without this file's frames and without
    those of the files named in `hidden`, after `shorten` has had it; SystemExit passes
    to the caller.
    """
    module = types.ModuleType("__main__")
    module.__dict__.update(attributes, __builtins__=builtins)
    if sys.version_info < (3, 14):
        module.__annotations__ = {}
    sys.modules["__main__"] = module
    try:
        exec(code, module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        strip_traceback(error, (_HERE, *hidden))
        if shorten is not None and isinstance(error, Exception):
            shorten(error)
        _note_missing_symbol(error)
        _show(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def strip_traceback(error: BaseException, hidden: tuple[str, ...]) -> None:
    """Drop the frames of the files in `hidden` from the tracebacks of `error`."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = _without(current.__traceback__, hidden)
        pending += [current.__cause__, current.__context__]


def _without(
    traceback: TracebackType | None, hidden: tuple[str, ...]
) -> TracebackType | None:
    kept = []
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename not in hidden:
            kept.append(traceback)
        traceback = traceback.tb_next
    for outer, inner in itertools.pairwise(kept):
        outer.tb_next = inner
    return kept[0] if kept else None


def _note_missing_symbol(error: BaseException) -> None:
    """`from jax.x import y` does not say why y is missing; add it."""
    opening = "cannot import name '"
    if not isinstance(error, ImportError) or not error.name:
        return
    if error.name.partition(".")[0] == "minijax" and error.msg.startswith(opening):
        symbol = error.msg[len(opening) :].partition("'")[0]
        module = "jax" + error.name[len("minijax") :]
        error.add_note(f"minijax does not have {module}.{symbol}")


def _show(error: BaseException) -> None:
    sys.last_type = type(error)
    sys.last_value = error
    sys.last_traceback = error.__traceback__
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except Exception:
        sys.__excepthook__(type(error), error, error.__traceback__)
