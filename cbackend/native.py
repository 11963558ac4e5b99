"""Native code for a program: emitted, compiled, kept on disk, put in place.

Nothing here is on the way to a first step: `tiers` calls it from a thread in the
background.  Whatever goes wrong, the program goes on in tier 0, and one line in the log
(`logging`, logger "minijax") says why.
"""

import atexit
import contextlib
import hashlib
import logging
import os
import platform
import shlex
import shutil
import signal
import subprocess
import tempfile

from cbackend import runtime
from cbackend.cache import Cache, CacheError
from cbackend.emit import emit
from cbackend.encode import encode
from cbackend.status import ProgramError
from minijax import ladder, stats

_log = logging.getLogger("minijax")

DEFAULT_SIZE = 256 << 20
_COMPILE_SECONDS = 300.0
_LOCK_SECONDS = 60.0

# As build_ffi.py: the flags that decide about bits are the same in both tiers.
_FLAGS = (
    "-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off",
    "-fno-math-errno", "-fno-trapping-math", "-fwrapv", "-fno-strict-aliasing",
    # -O3 would unroll inner loops before they can become vectors, -O2 alone leaves those of
    # unknown length as they are.
    "-O2", "-fvect-cost-model=dynamic", "-fpeel-loops",
    # Choices must stay choices: branches made of them keep loops from becoming vector code.
    "-fno-thread-jumps", "-fno-tree-pre",
    "-fno-tree-pta",  # half of the time for a long straight program, and no gain
    "-nostdlib", "-w",
)  # fmt: skip
_ISA_FLAGS = {
    "baseline": (),
    "avx2": ("-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2", "-mlzcnt", "-mpopcnt"),
}
_ISA_FLAGS["avx512"] = (
    "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512cd",
    "-mprefer-vector-width=512",
    *_ISA_FLAGS["avx2"],
)  # fmt: skip


class CompilerError(Exception):
    """There is no compiler, or it failed; the message says so."""


class _Once:
    """Logs each kind of trouble once in a process."""

    def __init__(self):
        self.said = set()

    def __call__(self, kind, message, *args):
        if kind not in self.said:
            self.said.add(kind)
            _log.warning(message, *args)


_warn = _Once()


def install(executable, background):
    """Give an executable native code; whether it has it now."""
    if executable.program.has_native:
        return True
    try:
        _install(executable, background)
    except CompilerError as error:
        _warn("compiler", "minijax: no native code, tier 0 serves: %s", error)
    except (OSError, ProgramError) as error:
        _warn("other", "minijax: no native code, tier 0 serves: %s", error)
    return executable.program.has_native


def _install(executable, background):
    source = emit(executable.module, executable.program.order)
    compiler = find_compiler()
    flags = compile_flags()
    key = _key(executable.module, source, compiler, flags)
    cache = _cache()
    path = cache.find(key)
    if path is None:
        stats.count("native_compile")
        path = _compile(cache, key, source, [*compiler, *flags], background)
    else:
        stats.count("native_cache_hit")
    ladder.show(5, f"emitted C, in {_kept(cache, key, source)}", source.program_text)
    try:
        executable.program.set_native(path, key)
    except ProgramError:
        # The file went away or was replaced between the check and the loading.
        path = _compile(cache, key, source, [*compiler, *flags], background, True)
        executable.program.set_native(path, key)


def _kept(cache, key, source):
    """Keep the C beside its library, where the ladder shows it."""
    if ladder.LEVEL < 5:
        return ""
    path = cache.path(key, ".c")
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "w", encoding="utf-8") as file:
        file.write(source.text)
    os.replace(fresh, path)
    return path


# --- the compiler


def find_compiler():
    """The C compiler's command: `MINIJAX_CC`, or the first of cc, gcc and clang.

    CompilerError if there is none.
    """
    wanted = os.environ.get("MINIJAX_CC")
    if wanted is not None:
        command = shlex.split(wanted)
        if not command or shutil.which(command[0]) is None:
            raise CompilerError(f"MINIJAX_CC names {wanted!r}, which was not found")
        return command
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name) is not None:
            return [name]
    raise CompilerError(
        "no C compiler was found (looked for cc, gcc and clang on PATH)"
    )


def compile_flags():
    """The flags for this CPU, as the runtime's kernels chose it."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return _FLAGS
    return _FLAGS + _ISA_FLAGS[runtime.isa()]


def _compile(cache, key, source, command, background, again=False):
    """Compile a source into the cache; the library's path."""
    with cache.lock(key, _LOCK_SECONDS), cache.workshop() as folder:
        path = None if again else cache.find(key)  # another process may have made it
        if path is not None:
            return path
        text = os.path.join(folder, "program.c")
        library = os.path.join(folder, "program.so")
        with open(text, "w", encoding="utf-8") as file:
            file.write(source.text)
        define = f'-DMJX_NATIVE_KEY="{key}"'
        full = [*command, define, "-o", library, text]
        ladder.show(6, "compiler command", shlex.join(full))
        with runtime.lent_cpu() if background else contextlib.nullcontext():
            _run(full, folder, background)
        return cache.store(key, library)


_running = set()


def _run(command, folder, background):
    """Run the compiler; CompilerError if it fails or does not end."""
    nice = shutil.which("nice") if background else None
    if nice is not None:
        command = [nice, "-n", "10", *command]
    environment = {**os.environ, "LC_ALL": "C", "TMPDIR": folder}
    environment.pop("LD_PRELOAD", None)
    said = os.path.join(folder, "said")
    with open(said, "wb") as output:
        # A session of its own would have a share of the CPU of its own, whatever `nice` says.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env=environment, process_group=0,
        )  # fmt: skip
    _running.add(process)
    try:
        code = process.wait(_COMPILE_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise CompilerError(f"{command[-1]}: the compiler did not end") from None
    finally:
        _running.discard(process)
    if code:
        with open(said, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines
        what = errors[0] if errors else "it said nothing"
        raise CompilerError(f"the compiler failed with status {code}: {what}")


def _kill(process):
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _at_exit():
    for process in list(_running):
        _kill(process)


atexit.register(_at_exit)


def _after_fork():
    """The compilers are the parent's."""
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# --- the key


def _key(module, source, compiler, flags):
    """The hash of everything that the library is made from and meant for."""
    total = hashlib.sha256()
    words = encode(module, runtime.tables.opcodes)
    for part in (
        source.text.encode(),
        words.tobytes(),
        _compiler_identity(compiler).encode(),
        "\0".join(flags).encode(),
        f"{platform.system()} {platform.machine()} {runtime.isa()}".encode(),
        "\0".join(runtime.tables.kernels).encode(),
    ):
        total.update(len(part).to_bytes(8, "little"))
        total.update(part)
    return total.hexdigest()


def _compiler_identity(command):
    """Tells one compiler from another, an upgrade included, without running it."""
    path = os.path.realpath(shutil.which(command[0]) or command[0])
    info = os.stat(path)
    return f"{path} {info.st_size} {info.st_mtime_ns} {' '.join(command[1:])}"


# --- the cache


def _cache_folder():
    """Where libraries are kept, by the settings."""
    named = os.environ.get("MINIJAX_CACHE_DIR")
    if named:
        return os.path.expanduser(named)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(home, "minijax")


def cache_size(text):
    """The number of bytes that `MINIJAX_CACHE_SIZE` means: digits, perhaps K, M or G."""
    text = text.strip().upper()
    unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:], 1)
    digits = text[:-1] if unit > 1 else text
    if not digits.isdigit():
        raise CompilerError(f"MINIJAX_CACHE_SIZE must be a size as 256M, got {text!r}")
    return int(digits) * unit


_caches = {}  # folder -> Cache


def _cache():
    """The cache, or one of this process's own where the folder cannot be used."""
    folder = _cache_folder()
    known = _caches.get(folder)
    if known is None:
        text = os.environ.get("MINIJAX_CACHE_SIZE")
        limit = cache_size(text) if text else DEFAULT_SIZE
        try:
            known = Cache(folder, limit)
        except CacheError as error:
            _warn("cache", "minijax: native code is not kept on disk: %s", error)
            known = Cache(_own_folder(), limit)
        _caches[folder] = known
    return known


def _own_folder():
    folder = tempfile.mkdtemp(prefix="minijax-")
    owner = os.getpid()

    def remove():
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
