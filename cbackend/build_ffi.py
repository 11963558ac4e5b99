"""Builds the C code: the runtime, the call path, and the runtime's C tests.

The runtime is the cffi extension `cbackend._mjx`. The call path is the plain CPython
extension `minijax._callpath`, from every file in cbackend/callpath; it does not link
with the runtime, whose functions reach it as pointers.

One builder serves `pip` (through setup.py), `make` and the sanitizers. It needs cffi
and a C compiler, nothing else. It compiles in parallel and only what changed: an object
is rebuilt when the compile command, the compiler, its source or a header that it
includes has other contents than last time. (Contents, not times: a git checkout that
touches files rebuilds nothing.)

    python -P cbackend/build_ffi.py                    build both extensions in place
    python -P cbackend/build_ffi.py --variant asan     into build/asan/, instrumented
    python -P cbackend/build_ffi.py --ctests           build and run the C tests
    python -P cbackend/build_ffi.py --variant asan --preload   what LD_PRELOAD needs
"""

import argparse
import contextlib
import fcntl
import filecmp
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RUNTIME = "cbackend._mjx"
CALLPATH = "minijax._callpath"
MODULES = (RUNTIME, CALLPATH)
ROOT = Path(__file__).resolve().parent.parent
INCLUDE_DIRS = ("cbackend/include", "cbackend/src", "cbackend/kernels")
LIBRARIES = ("-ldl", "-lpthread", "-lm")

# -fno-math-errno and -fno-trapping-math change no value: they let loops vectorise.
# -ffp-contract=off keeps a*b+c two roundings on every ISA, so that all agree.
COMMON_FLAGS = (
    "-std=gnu11",
    "-fPIC",
    "-fvisibility=hidden",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fwrapv",
    "-pthread",
    "-Wall",
    "-Wextra",
)
_DEBUG = ("-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
VARIANT_FLAGS = {
    "release": ("-O3",),
    "asan": (*_DEBUG, "-fsanitize=address,undefined,float-cast-overflow"),
    "tsan": (*_DEBUG, "-fsanitize=thread"),
}
SANITIZER_LIBRARY = {"asan": "libasan.so", "tsan": "libtsan.so"}

# cffi's generated code is not ours to clean; drift of cdef.txt from mjx.h still shows.
WRAPPER_FLAGS = ("-Wno-unused-parameter", "-Wno-missing-field-initializers")


class BuildError(Exception):
    """The runtime could not be built; the message says why and what to do."""


def find_compiler() -> list[str]:
    """Return the C compiler's command: $CC, or else the first of gcc, cc and clang."""
    if os.environ.get("CC"):
        command = shlex.split(os.environ["CC"])
        if shutil.which(command[0]) is None:
            raise BuildError(
                f"the C compiler named by CC, {command[0]!r}, was not found: "
                "set CC to an installed C11 compiler, or unset it."
            )
        return command
    for name in ("gcc", "cc", "clang"):
        if shutil.which(name) is not None:
            return [name]
    raise BuildError(
        "no C compiler was found (looked for gcc, cc and clang on PATH): install one, "
        "for example Debian's package gcc, or set CC."
    )


def python_include() -> str:
    """Return the folder of Python.h, or raise BuildError if it is not installed."""
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").is_file():
        raise BuildError(
            f"Python's C headers are missing ({include}/Python.h): install them, for "
            "example Debian's package python3-dev."
        )
    return include


def numpy_include() -> str:
    """Return the folder of NumPy's headers."""
    spec = importlib.util.find_spec("numpy")
    if spec is None or not spec.submodule_search_locations:
        raise BuildError("numpy is not installed in this Python: `pip install numpy`.")
    return str(Path(spec.submodule_search_locations[0]) / "_core" / "include")


def check_tools() -> None:
    """Raise BuildError unless a compiler and Python's headers are there."""
    find_compiler()
    python_include()


def sources_in(*folders: str) -> list[str]:
    """Return the translation units in `folders`, relative to ROOT, in a fixed order."""
    found = [p for folder in folders for p in (ROOT / folder).glob("*.c")]
    if not found:
        raise BuildError(
            f"no C sources under {ROOT / 'cbackend'}: is the copy complete?"
        )
    return sorted(str(p.relative_to(ROOT)) for p in found)


def runtime_sources() -> list[str]:
    """Return the runtime's translation units."""
    return sources_in("cbackend/src", "cbackend/kernels")


def compile_flags(variant: str) -> list[str]:
    """Return the flags of every unit; the user's CFLAGS come first, so ours win."""
    user = shlex.split(os.environ.get("CFLAGS", ""))
    werror = ["-Werror"] if os.environ.get("MINIJAX_WERROR") else []
    includes = [f"-I{folder}" for folder in INCLUDE_DIRS]
    return [*user, *VARIANT_FLAGS[variant], *COMMON_FLAGS, *werror, *includes]


def link_flags(variant: str) -> list[str]:
    """Return the flags that the linker needs besides objects and libraries."""
    sanitize = [f for f in VARIANT_FLAGS[variant] if f.startswith("-fsanitize=")]
    return [*shlex.split(os.environ.get("LDFLAGS", "")), *sanitize, "-pthread"]


# ---- objects ----------------------------------------------------------------------


def _digest(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "little"))
        total.update(part)
    return total.hexdigest()


def _compiler_identity(compiler: Sequence[str]) -> str:
    """Tell one compiler from another (an upgrade included) without running it."""
    path = Path(shutil.which(compiler[0]) or compiler[0]).resolve()
    stat = path.stat()
    return f"{path} {stat.st_size} {stat.st_mtime_ns} {' '.join(compiler[1:])}"


def _dependencies(depfile: Path) -> list[str]:
    """Read the files that a make-style dependency file names."""
    text = depfile.read_text().replace("\\\n", " ")
    names = re.split(r"(?<!\\)\s+", text.partition(":")[2].strip())
    return [name.replace("\\ ", " ") for name in names]


def _object_key(command: Sequence[str], identity: str, depfile: Path) -> str | None:
    """Digest everything that the object is made from; None if a part is gone."""
    try:
        contents = [(ROOT / name).read_bytes() for name in _dependencies(depfile)]
    except OSError:
        return None
    return _digest(identity.encode(), "\0".join(command).encode(), *contents)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _run(command: Sequence[str], what: str) -> None:
    """Run a tool in ROOT; show what it says; raise BuildError if it fails."""
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    said = (done.stdout + done.stderr).strip()
    if said:
        print(said, file=sys.stderr, flush=True)
    if done.returncode:
        lines = [line for line in said.splitlines() if re.search(r"(?i)error\b", line)]
        raise BuildError(f"{what} failed. {lines[0] if lines else ''}".strip())


def _compile(source: str, folder: Path, flags: Sequence[str]) -> bool:
    """Compile one unit to `folder` unless it is up to date; return whether it ran."""
    compiler = find_compiler()
    stem = folder / source.replace("/", "-").replace("\\", "-")
    obj, dep, key = (stem.with_name(stem.name + end) for end in (".o", ".d", ".key"))
    relative = str(obj.relative_to(ROOT))
    command = [*compiler, *flags, "-c", source, "-o", relative]
    identity = _compiler_identity(compiler)
    saved = _read(key)
    if obj.exists() and saved and saved == _object_key(command, identity, dep):
        return False
    key.unlink(missing_ok=True)
    depflags = ["-MMD", "-MF", str(dep.relative_to(ROOT))]
    _run([*command, *depflags], f"compiling {source}")
    key.write_text(_object_key(command, identity, dep) or "")
    return True


def _compile_all(
    sources: Sequence[str], folder: Path, flags: Sequence[str]
) -> list[str]:
    """Compile `sources` in parallel; return the objects, relative to ROOT."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    # Big units first, so that no core waits for one long unit at the end.
    order = sorted(sources, key=lambda s: -(ROOT / s).stat().st_size)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        ran = list(pool.map(lambda source: _compile(source, folder, flags), order))
    if any(ran):
        took = time.monotonic() - started
        print(f"compiled {sum(ran)} of {len(ran)} C files in {took:.1f} s", flush=True)
    names = [s.replace("/", "-").replace("\\", "-") + ".o" for s in sources]
    return [str((folder / name).relative_to(ROOT)) for name in names]


def _link(
    target: Path, objects: Sequence[str], flags: Sequence[str], check: bool = False
) -> None:
    """Link `objects` to `target` unless it is up to date; replace it in one step.

    With `check`, a library that cannot be loaded is an error and replaces nothing.
    """
    compiler = find_compiler()
    key_file = target.with_name(target.name + ".key")
    keys = [(ROOT / f"{name[:-2]}.key").read_bytes() for name in objects]
    command = [*compiler, *objects, *flags, *LIBRARIES]
    key = _digest("\0".join(command).encode(), *keys)
    if target.exists() and _read(key_file) == key:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.new")
    _run([*command, "-o", str(fresh.relative_to(ROOT))], f"linking {target.name}")
    if check:
        # A shared library may lack symbols; Python itself provides some of them.
        code = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1], os.RTLD_NOW)"
        _run([sys.executable, "-c", code, str(fresh)], f"loading {target.name}")
    fresh.replace(target)
    key_file.write_text(key)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one build at a time use `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


# ---- the extensions ---------------------------------------------------------------


def _write_wrapper(folder: Path) -> str:
    """Let cffi write the extension's C code from cdef.txt; return its path."""
    import cffi  # noqa: PLC0415  (tools are checked before cffi is installed)

    declarations = (ROOT / "cbackend" / "cdef.txt").read_text()
    source = folder / "_mjx.c"
    key_file = folder / "_mjx.c.cdef-key"
    key = _digest(declarations.encode(), cffi.__version__.encode())
    if not source.exists() or _read(key_file) != key:
        builder = cffi.FFI()
        try:
            builder.cdef(declarations)
        except (cffi.CDefError, cffi.FFIError) as error:
            raise BuildError(f"cbackend/cdef.txt: {error}") from error
        builder.set_source(RUNTIME, '#include "mjx.h"\n')
        builder.emit_c_code(str(source))
        key_file.write_text(key)
    return str(source.relative_to(ROOT))


def _runtime_objects(folder: Path, flags: Sequence[str]) -> list[str]:
    objects = _compile_all(runtime_sources(), folder / "obj", flags)
    wrapper_flags = [*flags, *WRAPPER_FLAGS, f"-I{python_include()}"]
    return objects + _compile_all(
        [_write_wrapper(folder)], folder / "obj", wrapper_flags
    )


def _callpath_objects(folder: Path, flags: Sequence[str]) -> list[str]:
    flags = [*flags, f"-I{python_include()}", f"-I{numpy_include()}"]
    return _compile_all(sources_in("cbackend/callpath"), folder / "obj", flags)


def build_extension(module: str, target: Path, variant: str = "release") -> None:
    """Build one of MODULES as `variant` and put it at `target`.

    Raises BuildError with one clear sentence when a tool is missing or fails.
    """
    check_tools()
    folder = ROOT / "build" / variant
    make_objects = _runtime_objects if module == RUNTIME else _callpath_objects
    with _locked(folder):
        objects = make_objects(folder, compile_flags(variant))
        shared = folder / _relative_path(module)
        linking = ["-shared", *link_flags(variant)]
        _link(shared, objects, linking, check=variant == "release")
    if target.resolve() != shared and not _same(shared, target):
        _replace(shared, target)


def _same(left: Path, right: Path) -> bool:
    return right.exists() and filecmp.cmp(left, right, shallow=False)


def _replace(source: Path, target: Path) -> None:
    """Copy in one step: a process that has the old library mapped keeps it whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".mjx-")
    os.close(handle)
    shutil.copyfile(source, name)
    os.chmod(name, 0o755)
    os.replace(name, target)


def _relative_path(module: str) -> str:
    return module.replace(".", "/") + sysconfig.get_config_var("EXT_SUFFIX")


def in_place_target(module: str, variant: str = "release") -> Path:
    """Return where the extension `module` of `variant` lives in a checkout."""
    base = ROOT if variant == "release" else ROOT / "build" / variant
    return base / _relative_path(module)


# ---- the C tests ------------------------------------------------------------------


def build_ctests(variant: str) -> list[Path]:
    """Build cbackend/ctests: each file with a `main` is one program.

    Files without a `main` are helpers that every program links with.
    """
    find_compiler()
    folder = ROOT / "build" / variant
    files = sorted((ROOT / "cbackend" / "ctests").glob("*.c"))
    names = [str(p.relative_to(ROOT)) for p in files]
    has_main = [bool(re.search(r"\bmain\s*\(", p.read_text())) for p in files]
    with _locked(folder):
        flags = [*compile_flags(variant), "-Icbackend/ctests"]
        runtime = _compile_all(
            runtime_sources(), folder / "obj", compile_flags(variant)
        )
        objects = _compile_all(names, folder / "obj", flags) if names else []
        helpers = [
            o for o, is_main in zip(objects, has_main, strict=True) if not is_main
        ]
        programs = []
        for file, obj, is_main in zip(files, objects, has_main, strict=True):
            if is_main:
                target = folder / "ctests" / file.stem
                _link(target, [obj, *helpers, *runtime], link_flags(variant))
                programs.append(target)
    return programs


def run_ctests(variant: str, timeout: float = 900.0) -> int:
    """Build and run the C tests; return how many programs failed."""
    failed = []
    programs = build_ctests(variant)
    for program in programs:
        started = time.monotonic()
        try:
            code = subprocess.run([program], cwd=ROOT, timeout=timeout).returncode
            verdict = "ok" if code == 0 else f"FAILED (exit status {code})"
        except subprocess.TimeoutExpired:
            verdict = f"FAILED (still running after {timeout:.0f} s)"
        took = time.monotonic() - started
        print(f"C test {program.name} [{variant}]: {verdict}, {took:.1f} s", flush=True)
        if verdict != "ok":
            failed.append(program.name)
    passed = len(programs) - len(failed)
    print(f"C test programs [{variant}]: {passed} ok, {len(failed)} not", flush=True)
    return len(failed)


def sanitizer_libraries(variant: str) -> str:
    """Return what to preload into Python, so that the instrumented extension loads.

    The C++ library comes along because the sanitizer looks up its exceptions at start,
    and Python, which does not link it, would otherwise load it only with JAX.
    """
    compiler = find_compiler()
    found = []
    for name in (SANITIZER_LIBRARY[variant], "libstdc++.so.6"):
        command = [*compiler, f"-print-file-name={name}"]
        path = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        if os.path.isabs(path):
            found.append(path)
        elif name == SANITIZER_LIBRARY[variant]:
            raise BuildError(f"{compiler[0]} has no {name}: install its sanitizers.")
    return " ".join(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Build minijax's C code.")
    parser.add_argument("--variant", choices=VARIANT_FLAGS, default="release")
    parser.add_argument("--ctests", action="store_true", help="build and run C tests")
    parser.add_argument("--preload", action="store_true", help="print libraries")
    options = parser.parse_args(argv)
    try:
        if options.preload:
            print(sanitizer_libraries(options.variant))
        elif options.ctests:
            return 1 if run_ctests(options.variant) else 0
        else:
            for module in MODULES:
                target = in_place_target(module, options.variant)
                build_extension(module, target, options.variant)
    except BuildError as error:
        print(f"minijax: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
