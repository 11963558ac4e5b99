"""How programs come by native code: when, through which compiler, from a cache that withstands
faults; nothing waits for it.
"""

import errno
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import numpy as np
import pytest

import minijax.numpy as jnp
from cbackend import native, runtime, tiers
from cbackend.cache import Cache, CacheError
from compat_tests.native_programs import many_carries, normal
from compat_tests.tiers import bits, compiled
from minijax import lax
from minijax.errors import JaxRuntimeError

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler"),
]


# --- the cache


def _fresh(k):
    """A program that no cache has: (a thing to run, its arguments)."""
    return compiled(lambda x: (x * k + 1).sum() - jnp.tanh(x), (normal(5 + k),))


def _install(k):
    program, args = _fresh(k)
    before = program(args)
    done = native.install(program.executable, background=False)
    after = program(args)
    assert [bits(x) for x in before] == [bits(x) for x in after]
    return done


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache of its own; compilations and warnings start anew."""
    path = tmp_path / "cache"
    monkeypatch.setenv("MINIJAX_CACHE_DIR", str(path))
    monkeypatch.setattr(native, "_caches", {})
    monkeypatch.setattr(native, "_warn", native._Once())
    return path


@pytest.fixture
def runs(monkeypatch):
    """The compiler's commands, as they are run."""
    commands, right = [], native._run

    def run(command, *rest):
        commands.append(command)
        right(command, *rest)

    monkeypatch.setattr(native, "_run", run)
    return commands


def _libraries(folder):
    return sorted(folder.glob("*.so"))


def test_a_second_program_is_loaded_not_compiled(folder, runs):
    assert _install(2) and _install(2)
    assert len(runs) == 1
    assert len(_libraries(folder)) == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "harm", ["truncated", "empty", "foreign", "flipped", "renamed"]
)
def test_broken_entries_are_replaced(folder, runs, harm):
    assert _install(3)
    (path,) = _libraries(folder)
    data = path.read_bytes()
    if harm == "renamed":  # whole, but of another program
        assert _install(4)
        (other,) = [p for p in _libraries(folder) if p != path]
        data = other.read_bytes()
    bad = {
        "truncated": data[: len(data) // 2],
        "empty": b"",
        "foreign": b"#!/bin/sh\necho no\n",
        "flipped": data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        "renamed": data,
    }[harm]
    path.unlink()  # a process has it mapped
    path.write_bytes(bad)
    count = len(runs)
    assert _install(3)
    assert len(runs) == count + 1
    assert path.read_bytes() != bad


def test_folder_open_to_others_is_refused(folder, caplog):
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(CacheError, match="others can write"):
        Cache(folder, 1 << 20)
    assert _install(5)  # in a folder of this process's own
    assert not _libraries(folder)
    assert [r.message for r in caplog.records if "others can write" in r.message]


def test_folder_that_cannot_be_made(tmp_path, monkeypatch, folder, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MINIJAX_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert _install(6) and _install(7)
    lines = [r.message for r in caplog.records if "not kept on disk" in r.message]
    assert len(lines) == 1


def test_full_disk(folder, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert not _install(8) and not _install(9)
    assert len([r for r in caplog.records if "tier 0 serves" in r.message]) == 1
    assert not _libraries(folder) and not list(folder.glob("tmp-*"))


def test_size_bound(folder, monkeypatch):
    assert _install(10)
    size = _libraries(folder)[0].stat().st_size
    monkeypatch.setenv("MINIJAX_CACHE_SIZE", str(3 * size + size // 2))
    monkeypatch.setattr(native, "_caches", {})
    first = _libraries(folder)[0]
    for k in (11, 12, 13):
        time.sleep(0.01)
        assert _install(k)
    assert len(_libraries(folder)) == 3 and first not in _libraries(folder)


def test_a_file_system_without_locks_delays_nobody(folder, monkeypatch):
    def flock(handle, how):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    begun = time.monotonic()
    with Cache(folder, 1 << 20).lock("0" * 64, timeout=20):
        assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    ("text", "value"), [("10", 10), ("2K", 2048), ("3m", 3 << 20), ("1G", 1 << 30)]
)
def test_sizes(text, value):
    assert native.cache_size(text) == value


# --- the compiler


def test_no_compiler(folder, monkeypatch, caplog):
    monkeypatch.setenv("MINIJAX_CC", "no-such-compiler")
    assert not _install(20) and not _install(21)
    lines = [r.message for r in caplog.records]
    assert len(lines) == 1 and "tier 0 serves" in lines[0] and "no-such" in lines[0]


def _script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_compiler_that_fails(folder, tmp_path, monkeypatch, caplog):
    wrong = _script(tmp_path / "bad-cc", "echo 'error: bad weather' >&2; exit 3")
    monkeypatch.setenv("MINIJAX_CC", wrong)
    assert not _install(22)
    assert "bad weather" in caplog.records[0].message


def test_compiler_that_makes_rubbish(folder, tmp_path, monkeypatch, caplog):
    text = 'while [ "$1" != -o ]; do shift; done; echo rubbish > "$2"'
    monkeypatch.setenv("MINIJAX_CC", _script(tmp_path / "odd-cc", text))
    assert not _install(23)
    assert "tier 0 serves" in caplog.records[0].message


def test_compiler_that_is_killed(folder, tmp_path, monkeypatch, caplog):
    text = "kill -9 $$"
    monkeypatch.setenv("MINIJAX_CC", _script(tmp_path / "dead-cc", text))
    assert not _install(24)
    assert "status -9" in caplog.records[0].message
    assert not list(folder.glob("tmp-*"))


# --- when it happens


HOT = """
import sys, time
import minijax, minijax.numpy as jnp
from minijax import lax
from cbackend import tiers, native
f = minijax.jit(lambda x: lax.scan(lambda c, v: (c * 0.9 + v, c), 0.0, x))
x = jnp.ones(1000)
"""


def _python(code, *args, **settings):
    environment = {**os.environ, **settings}
    return subprocess.Popen(
        [sys.executable, "-c", HOT + code, *args], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip


def _finish(process, seconds=120):
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out, err


COUNT = """
from minijax import executable
made = []
right = executable.load
executable.load = lambda module: made.append(right(module)) or made[-1]
first = [float(f(x)[0])]
assert not made[0].program.has_native or tiers.MODE == "1"
for _ in range(2000): first.append(float(f(x)[0]))
tiers.wait(60)
print(made[0].program.has_native, len(set(first)), float(f(x)[0]) == first[0])
"""


@pytest.mark.parametrize(
    ("tier", "native_code"), [("0", False), ("1", True), ("auto", True)]
)
def test_settings(tier, native_code, tmp_path):
    process = _python(COUNT, MINIJAX_TIER=tier, MINIJAX_CACHE_DIR=str(tmp_path / "c"))
    out, _ = _finish(process)
    assert out.split() == [str(native_code), "1", "True"]


def test_unknown_tier_is_refused(tmp_path):
    process = _python("", MINIJAX_TIER="2")
    assert "MINIJAX_TIER must be 0, 1 or auto" in process.communicate()[1]


def test_a_defect_is_logged_and_the_next_program_compiled(folder, monkeypatch, caplog):
    def emit(module, order):
        raise KeyError("a defect")

    (first, _), (second, _) = _fresh(40), _fresh(41)
    with monkeypatch.context() as patch:
        patch.setattr(native, "emit", emit)
        tiers._Hot(first.executable)()
        assert tiers.wait(60)
    assert not first.executable.program.has_native
    assert "a defect" in caplog.text
    tiers._Hot(second.executable)()
    assert tiers.wait(60)
    assert second.executable.program.has_native


def test_exit_does_not_wait_for_a_compiler(tmp_path):
    """A compiler that never ends is killed when the process ends."""
    marker = tmp_path / "pid"
    slow = _script(tmp_path / "slow-cc", f"echo $$ > {marker}; exec sleep 1000")
    code = f"""
import os
while not os.path.exists({str(marker)!r}): f(x)
time.sleep(0.2)
"""
    process = _python(code, MINIJAX_CC=slow, MINIJAX_CACHE_DIR=str(tmp_path / "c"))
    _finish(process, 60)
    pid = int(marker.read_text())
    deadline = time.time() + 10
    while time.time() < deadline and _alive(pid):
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


FORK = """
import os
while not tiers._pending and not tiers._workers: f(x)
pid = os.fork()
value = float(f(x)[0])
if pid:
    tiers.wait(60)
    print(os.waitpid(pid, 0)[1] == 0, value)
else:
    for _ in range(100): assert float(f(x)[0]) == value
    os._exit(0)
"""


def test_fork_while_compiling(tmp_path):
    process = _python(FORK, MINIJAX_CACHE_DIR=str(tmp_path / "c"))
    assert _finish(process)[0].startswith("True")


@pytest.mark.parametrize(
    "count", [8, pytest.param(200, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_many_processes_at_once(count, tmp_path):
    """All get the same right library; some are killed on the way."""
    settings = {"MINIJAX_TIER": "1", "MINIJAX_CACHE_DIR": str(tmp_path / "c")}
    code = "print(float(f(x)[0]))"
    all_processes = [_python(code, **settings) for _ in range(count)]
    killed = all_processes[::5]
    time.sleep(0.3)
    for process in killed:
        process.send_signal(signal.SIGKILL)
    said = set()
    for process in all_processes:
        out, err = process.communicate(timeout=300)
        if process not in killed:
            assert process.returncode == 0, err
            said.add(out)
    assert len(said) == 1
    cache = Cache(tmp_path / "c", 1 << 30)
    assert all(cache.find(p.stem) == str(p) for p in _libraries(tmp_path / "c"))


def test_swap_between_runs_of_many_threads():
    """Threads that run a program while native code comes see no other bits."""
    script = """
import threading
wanted = minijax.device_get(f(x))
import numpy as np
stop, wrong = [], []
def run():
    while not stop:
        got = minijax.device_get(f(x))
        if any(a.tobytes() != b.tobytes() for a, b in zip(got, wanted)): wrong.append(got)
threads = [threading.Thread(target=run) for _ in range(4)]
for t in threads: t.start()
time.sleep(1.5)
tiers.wait(60)
stop.append(1)
for t in threads: t.join()
print(len(wrong))
"""
    assert _finish(_python(script))[0].strip() == "0"


def test_native_code_comes_once_and_only_its_own(folder):
    program, _ = _fresh(30)
    loaded = program.executable.program
    assert native.install(program.executable, background=False)
    (path,) = _libraries(folder)
    with pytest.raises(runtime.ProgramError, match="already"):
        loaded.set_native(str(path), path.stem)
    other, _ = _fresh(31)
    with pytest.raises(runtime.ProgramError, match="another program"):
        other.executable.program.set_native(str(path), "0" * 64)
    with pytest.raises(runtime.ProgramError, match="does not fit"):
        wrong, _ = compiled(lambda x, y: x + y, (normal(3), normal(3)))
        wrong.executable.program.set_native(str(path), path.stem)


def test_interrupt_stops_a_native_loop():
    fun = lambda n: lax.while_loop(lambda c: c < n, lambda c: c + 0 * c, jnp.int32(0))  # noqa: E731
    program, _ = compiled(fun, (np.int32(1),))
    assert native.install(program.executable, background=False)
    runtime.lib.mjx_interrupt()
    try:
        with pytest.raises(JaxRuntimeError, match="interrupted"):
            program([np.int32(5)])
    finally:
        runtime.lib.mjx_interrupt_clear()


def test_copies_take_nothing_from_what_is_saved():
    """Else a program with many would be hot after a negative number of runs."""
    copies, _ = compiled(lambda a: (a.T, a[:, ::2] + 0), (normal(40, 50),))
    assert tiers._runs_until_hot(copies.executable.module) > 0


def test_expected_saving_orders_programs():
    """A loop of tiny steps becomes hot soon, one product hardly ever."""
    loop, _ = compiled(many_carries, ([np.float32(1)] * 4,))
    product, _ = compiled(lambda a: a @ a + 1, (normal(200, 200),))
    hot = tiers._runs_until_hot(loop.executable.module)
    assert hot < 10_000 < tiers._runs_until_hot(product.executable.module)


class _Named:
    def __init__(self, name):
        self.name = name


def test_the_newest_is_compiled_first_and_beside_one_that_takes_long(monkeypatch):
    assert tiers.wait(60)
    done, begun, release = [], threading.Event(), threading.Event()

    def install(executable, background):
        begun.set()
        if executable.name == "long":
            release.wait(60)
        done.append(executable.name)

    native = types.SimpleNamespace(install=install)
    monkeypatch.setattr(tiers, "_native", lambda: native)
    monkeypatch.setattr(tiers, "_PATIENCE", 0.5)
    programs = [_Named(name) for name in ("long", "old", "new")]
    tiers._Hot(programs[0])()
    assert begun.wait(60)
    for program in programs[1:]:
        tiers._Hot(program)()
    deadline = time.monotonic() + 60
    while len(done) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done == ["new", "old"]
    release.set()
    assert tiers.wait(60)
    assert done == ["new", "old", "long"]
