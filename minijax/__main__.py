"""`python -m minijax`: runs JAX scripts on the C backend, and `compare`."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from . import alias, launch

USAGE = """\
usage: python -m minijax SCRIPT [ARGS...]          run a JAX script on the C backend
       python -m minijax -m MODULE [ARGS...]       run a module likewise
       python -m minijax -c CODE [ARGS...]         run a program given as text
       python -m minijax compare SCRIPT [ARGS...]  run it on JAX and on minijax, compare
       python -m minijax bench [OPTIONS...]        run the benchmarks of a checkout
       python -m minijax --version | --help

Every `import jax` in the script, and in what it imports, gives minijax.
`compare --help` and `bench --help` list what those take.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name)."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args:
        sys.stderr.write(USAGE)
        return 2
    first = args[0]
    if first in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return 0
    if first in ("-V", "--version"):
        print(_version())
        return 0
    if first in ("compare", "bench"):
        # Only here: nothing that runs a script should pay for the report's imports.
        return import_module(f"minijax.{first}.cli").main(args[1:])
    if first == "-m":
        if len(args) < 2:
            return _refuse("-m needs the name of a module")
        return _run(args[1:], "module")
    if first == "-c":
        if len(args) < 2:
            return _refuse("-c needs a program")
        return _run(args[1:], "command")
    if first.startswith("-"):
        return _refuse(f"unknown option {first!r}\n{USAGE.rstrip()}")
    return _run(args, "script")


def _run(args: list[str], kind: str) -> int:
    target = args[0]
    try:
        # A module is looked for after the alias is there: it may be one of jax's.
        if kind == "module":
            alias.install()
            code, attributes = launch.load_module(target)
        else:
            load = launch.load_script if kind == "script" else launch.load_command
            code, attributes = load(target)
            alias.install()
    except launch.LaunchError as error:
        return _refuse(str(error))
    except SyntaxError as error:
        launch.strip_traceback(error, (__file__, launch.__file__))
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    shown = {"script": target, "command": "-c"}.get(kind) or attributes["__file__"]
    sys.argv[:] = [shown, *args[1:]]
    if kind != "module":
        entry = launch.script_path_entry(target) if kind == "script" else ""
        _set_script_folder(entry)
    return launch.run_as_main(code, attributes, hidden=(__file__,), shorten=_shorten)


def _shorten(error: Exception) -> None:
    """Take the framework's frames out of a script's traceback, if it came that far."""
    module = sys.modules.get("minijax.traceback_util")
    if module is not None:
        module.filter_error(error)


def _set_script_folder(folder: str) -> None:
    """Put the script's folder first on sys.path, where `-m` put the current one."""
    if sys.flags.safe_path:
        return
    package_root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[0] = folder
    if not any(os.path.abspath(entry) == package_root for entry in sys.path):
        sys.path.append(package_root)  # a checkout: its parts are imported later on


def _version() -> str:
    package = import_module("minijax")
    own = getattr(package, "__version__", "unknown version")
    return f"minijax {own} (follows JAX {alias.JAX_VERSION})"


def _refuse(message: str) -> int:
    sys.stderr.write(f"minijax: {message}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
