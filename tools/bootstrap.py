"""Sets up .venv for the Makefile: only when something that it is made from changed.

    python3 tools/bootstrap.py EXTRA [EXTRA...]

Makes .venv if it is not there and installs the checkout into it, editable, with the
extras. What was installed is noted in .venv/minijax-setup.json with a digest of the
inputs, so a second run costs milliseconds. Needs nothing but Python's standard library.
It parses on any Python 3.6 or newer, to say in a sentence when that is too old.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
NOTE = os.path.join(VENV, "minijax-setup.json")
INPUTS = ("pyproject.toml", "setup.py", "MANIFEST.in")
NEEDED = (3, 11)
IMPLIED = {"test": ["demo", "test"], "lint": ["demo", "lint"]}
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def fail(message):
    """Say in one sentence what is missing, and stop."""
    sys.stderr.write("minijax: " + message + "\n")
    raise SystemExit(1)


def works(python, module="pip"):
    """Tell whether this Python runs, is new enough and has the module."""
    code = f"import {module}, sys; raise SystemExit(sys.version_info < {NEEDED})"
    try:
        done = subprocess.run([python, "-c", code], stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return done.returncode == 0


def ensure_python():
    """Go on with a new enough Python, or say that there is none."""
    if sys.version_info >= NEEDED:
        return
    for name in NEWER:
        path = shutil.which(name)
        # A version manager's stand-in is on PATH but may not run.
        if path and works(path, "venv"):
            os.execv(path, [path, *sys.argv])
    version = ".".join(str(part) for part in sys.version_info[:2])
    fail(f"needs Python 3.11 or newer, but {sys.executable} is {version}: set PYTHON.")


def make_venv(moved):
    """Create .venv, or replace one that an interruption or a move broke."""
    if works(PYTHON) and not moved:
        return
    print("making the virtual environment .venv", flush=True)
    command = [sys.executable, "-m", "venv"] + (["--clear"] if moved else [])
    done = subprocess.run([*command, VENV])
    if done.returncode or not works(PYTHON):
        fail(
            f"could not make .venv with {sys.executable}: on Debian, install the "
            "package python3-venv; if .venv is damaged, remove it."
        )


def inputs_digest():
    """Digest what the installed environment depends on."""
    digest = hashlib.sha256()
    for name in INPUTS:
        with open(os.path.join(ROOT, name), "rb") as handle:
            digest.update(handle.read())
    return digest.hexdigest()


def read_note():
    """Return what was installed: the folder, the inputs' digest, the extras."""
    try:
        with open(NOTE) as handle:
            return json.load(handle)
    except (OSError, ValueError):
        return {}


def install(extras):
    """Install the checkout, editable, with the extras; a person sees pip's progress."""
    # `compat` puts one plain path into site-packages. The default is an import hook,
    # which every later Python start would pay for, measurements included.
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
    command += [] if sys.stdout.isatty() else ["--quiet"]
    command += ["--config-settings", "editable_mode=compat"]
    command += ["--editable", f".[{','.join(extras)}]"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL)
    if done.returncode:
        fail("setting up .venv failed: the reason stands above, in pip's messages.")


def check_compiler():
    """Say at once, before any download, when the C runtime cannot be built."""
    builder = os.path.join(ROOT, "cbackend", "build_ffi.py")
    code = (
        "import runpy, sys; m = runpy.run_path(sys.argv[1])\n"
        "try: m['check_tools']()\n"
        "except m['BuildError'] as e: raise SystemExit(f'minijax: {e}')"
    )
    if subprocess.run([PYTHON, "-c", code, builder]).returncode:
        raise SystemExit(1)


def main(extras):
    """Bring .venv up to date for these extras."""
    ensure_python()
    digest = inputs_digest()
    note = read_note()
    # The scripts in .venv/bin name their interpreter by its full path.
    moved = note.get("root", ROOT) != ROOT
    have = [] if moved else note.get("extras", [])
    fresh = note.get("inputs") == digest and os.path.exists(PYTHON)
    if fresh and set(extras) <= set(have):
        return
    make_venv(moved)
    check_compiler()
    wanted = sorted(set(have).union(*(IMPLIED.get(e, [e]) for e in extras)))
    print(f"installing minijax[{','.join(wanted)}] into .venv", flush=True)
    install(wanted)
    with open(NOTE, "w") as handle:
        json.dump({"root": ROOT, "inputs": digest, "extras": wanted}, handle)


if __name__ == "__main__":
    main(sys.argv[1:])
