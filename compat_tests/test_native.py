"""Tier 1 gives the bits of tier 0; its cache withstands faults; nothing waits for it."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings

import minijax
import minijax.numpy as jnp
from cbackend import native, runtime, tiers
from cbackend.cache import Cache, CacheError
from cbackend.emit import emit
from compat_tests.native_programs import PROGRAMS, many_carries, normal
from compat_tests.op_cases import all_cases
from compat_tests.op_inputs import drawn
from compat_tests.random_programs import function, programs
from compat_tests.random_rules import FAMILIES
from compat_tests.tiers import bits, compiled, run_both
from minijax import lax

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler"),
]

ROWS = [row for row in all_cases() if row.error is None]
EVERY_DTYPE = [pytest.param(r, d, id=f"{r.id}-{d}") for r in ROWS for d in r.dtypes]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.getbasetemp() / "native"
    monkeypatch.setenv("MINIJAX_CACHE_DIR", str(folder))


# --- the bits of tier 0


def _row_function(row):
    def fun(*args):
        out = row.fun(minijax.lax, *args)
        return list(out) if isinstance(out, (list, tuple)) else [out]

    return fun


@pytest.mark.slow
@pytest.mark.parametrize(("row", "dtype"), EVERY_DTYPE)
def test_op_table(row, dtype):
    for seed in range(3):
        run_both(_row_function(row), tuple(drawn(row, dtype, seed)))


@pytest.mark.parametrize(("row", "dtype"), EVERY_DTYPE[::60])
def test_op_table_sample(row, dtype):
    run_both(_row_function(row), tuple(drawn(row, dtype, 0)))


def _check_random(program):
    try:
        fun = function(minijax, program)
        run_both(fun, tuple(program.args))
    except (TypeError, ValueError, FloatingPointError, ZeroDivisionError):
        assume(False)  # the program itself is not a valid one


@settings(max_examples=8, derandomize=True, database=None, deadline=None)
@given(programs(FAMILIES, fuel=8))
def test_random_programs(program):
    _check_random(program)


@pytest.mark.slow
@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(programs(FAMILIES, fuel=12))
def test_many_random_programs(program):
    _check_random(program)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    fun, args = PROGRAMS[name]
    run_both(fun, args)


def test_a_wrong_instruction_is_noticed(monkeypatch):
    """The comparison of this file can fail."""
    fun, args = PROGRAMS["tiny_step"]
    right = emit

    def wrong(module, order):
        source = right(module, order)
        source.text = source.text.replace("mjx_s_tanh_f32(r", "mjx_s_sqrt_f32(r")
        return source

    monkeypatch.setattr(native, "emit", wrong)
    with pytest.raises(AssertionError, match="tier 0"):
        run_both(fun, args)


# --- the emitted C


def _source(fun, args):
    program, _ = compiled(fun, args)
    executable = program.executable
    return emit(executable.module, executable.program.order)


def _compile_strictly(source, folder, *flags):
    """Compile with all warnings as errors; the path of the library."""
    text, library = folder / "emitted.c", folder / "emitted.so"
    text.write_text(source.text)
    flags = [f for f in native.compile_flags() if f != "-w"] + list(flags)
    command = ["cc", *flags, "-Wall", "-Wextra", "-Werror", "-o", library, text]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return library


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_warnings_and_no_system_headers(name, tmp_path):
    source = _source(*PROGRAMS[name])
    assert "#include" not in source.text
    library = _compile_strictly(source, tmp_path)
    said = subprocess.run(["nm", "-u", library], capture_output=True, text=True).stdout
    unknown = {line.split()[-1].split("@")[0] for line in said.splitlines() if line}
    assert unknown <= {"memcpy", "memmove", "memset", "memcmp"}


STRICT = """
import os, sys
given = [a for a in sys.argv[1:] if a != "-w"]
os.execvp("cc", ["cc", *given, "-Wall", "-Wextra", "-Werror"])
"""
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_examples_run_in_tier_1_without_a_warning(name, tmp_path):
    """Every program of an example, through a compiler for which warnings are errors."""
    strict = tmp_path / "strict.py"
    strict.write_text(STRICT)
    settings = {
        "MINIJAX_TIER": "1",
        "MINIJAX_CC": f"{sys.executable} {strict}",
        "MINIJAX_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "minijax", f"examples/{name}.py"],
        cwd=EXAMPLES.parent, env={**os.environ, **settings}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "tier 0 serves" not in done.stderr
    assert _libraries(tmp_path / "cache")


@pytest.mark.parametrize("isa", ["baseline", "avx2"])
def test_other_instruction_sets(isa):
    """The tiers agree on the bits whatever kernels the CPU has."""
    code = """
from compat_tests import native_programs
from compat_tests.tiers import run_both
for fun, args in native_programs.PROGRAMS.values():
    run_both(fun, args)
"""
    _finish(_python(code, MINIJAX_ISA=isa, JAX_PLATFORMS="cpu", MINIJAX_TIER="0"))


def test_c_text():
    text = minijax.jit(lambda x: x + 1).lower(jnp.ones(3)).as_text(dialect="c")
    assert "mjx_s_add_f32(" in text and "mjx_native_module" in text


DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include "emitted.c"
static int32_t no_run(void *run, int64_t code, int64_t instr, char **slots) {
  (void)run, (void)code, (void)instr, (void)slots;
  return 4;
}
static void no_sums(void *run, int64_t code, int64_t instr, char **slots, char *const *pieces,
                    int64_t first, int64_t lines, char *scratch) {
  (void)run, (void)code, (void)instr, (void)slots, (void)pieces, (void)first, (void)lines;
  (void)scratch;
}
static void alone(int64_t n, int64_t cost, int64_t scratch_bytes, char *scratch,
                  void (*task)(void *, int64_t, int64_t, char *), void *context) {
  (void)cost, (void)scratch_bytes;
  task(context, 0, n / 2, scratch);
  task(context, n / 2, n, scratch);
}
static int32_t no_stop(void) { return 6; }
int main(void) {
  static const int64_t in_bytes[] = {%s 1}, out_bytes[] = {%s 1};
  static const int go;
  const mjx_native_host host = {no_run, no_sums, alone, no_stop, &go, 0};
  const mjx_native_module *module = &MJX_NATIVE_SYMBOL;
  const void *in[64];
  void *out[64];
  FILE *file = fopen("data", "rb");
  char *consts = aligned_alloc(64, %d);
  if (fread(consts, 1, %d, file) != %d) return 2;
  for (int k = 0; k < module->n_inputs; k++) {
    in[k] = malloc((size_t)in_bytes[k]);
    if (fread((void *)in[k], 1, (size_t)in_bytes[k], file) != (size_t)in_bytes[k]) return 2;
  }
  for (int k = 0; k < module->n_outputs; k++) out[k] = malloc((size_t)out_bytes[k]);
  char *memory = aligned_alloc(64, (size_t)(module->memory_bytes + 63) / 64 * 64 + 64);
  int status = module->run(&host, 0, memory, consts, in, out);
  for (int k = 0; k < module->n_outputs; k++)
    fwrite(out[k], 1, (size_t)out_bytes[k], stdout);
  return status;
}
"""


@pytest.mark.parametrize(
    "name",
    ["tiny_step", "nested_flow", "awkward_numbers", "sums_in_registers"],
)
def test_emitted_c_runs_alone_under_sanitizers(name, tmp_path):
    """The C with a `main` of its own: no undefined behaviour, nothing out of bounds."""
    fun, args = PROGRAMS[name]
    program, leaves = compiled(fun, args)
    wanted = program(leaves)
    module = program.executable.module
    source = emit(module, program.executable.program.order)
    if any(
        f"host->{call}" in source.program_text for call in ("run", "reduce", "kernels")
    ):
        pytest.skip("this program calls the runtime")
    (tmp_path / "emitted.c").write_text(source.text)
    blob = module.const_blob().tobytes().ljust(64, b"\0")
    consts = program.consts
    arrays = [*consts, *[np.asarray(x) for x in leaves]]
    data = blob + b"".join(a.tobytes() for a in arrays)
    (tmp_path / "data").write_bytes(data)
    n = len(blob)
    sizes = "".join(f"{a.nbytes}, " for a in arrays)
    results = "".join(f"{np.asarray(w._data).nbytes}, " for w in wanted)
    rounded = -(-n // 64) * 64
    (tmp_path / "main.c").write_text(DRIVER % (sizes, results, rounded, n, n))
    skip = {"-shared", "-nostdlib", "-w", "-fvisibility=hidden", "-fwrapv", "-fPIC"}
    flags = [f for f in native.compile_flags() if f not in skip]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
    command = ["cc", *flags, *sanitize, "-o", "main", "main.c", "-lm"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "LD_PRELOAD": "", "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        ["./main"], cwd=tmp_path, capture_output=True, env=environment
    )
    assert done.returncode == 0, done.stderr.decode()
    sizes = [np.asarray(w._data).nbytes for w in wanted]
    assert len(done.stdout) == sum(sizes)


def test_rows_are_reduced_in_registers():
    """No element of what is reduced is stored: the sums of a strip are."""
    fun, args = PROGRAMS["trees_of_rows"]
    text = minijax.jit(lambda x, y: fun(x, y)[1]).lower(*args).as_text(dialect="c")
    assert "float x0[40];" in text and "float tree0[4][40];" in text
    assert "host->reduce(" not in text.partition("run_main")[2]


def test_long_lines_are_reduced_in_registers():
    """What only the sum reads is not stored; a long line is a tree of leaves."""
    fun, args = PROGRAMS["leaves_of_lines"]
    text = minijax.jit(lambda x, y: fun(x, y)[1]).lower(*args).as_text(dialect="c")
    assert "float x0[64];" in text and "float tree0[3];" in text
    assert "host->reduce(" not in text.partition("run_main")[2]


def test_one_function_for_all_sizes():
    def many(xs):
        return [jnp.tanh(x) * 2 + x for x in xs]

    source = _source(many, ([normal(k) for k in range(30, 60)],))
    assert source.functions == 1


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
while not tiers._pending and tiers._worker is None: f(x)
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
        with pytest.raises(runtime.RuntimeFailure, match="interrupted"):
            program([np.int32(5)])
    finally:
        runtime.lib.mjx_interrupt_clear()


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint8", "int16"])
@pytest.mark.parametrize("divisor", [7, -3, 1, -1, 2**31 - 1])
def test_division_by_constants(dtype, divisor):
    """The compiler knows the divisor, and still gives tier 0's results."""
    with minijax.enable_x64(True):
        kind = jnp.iinfo(dtype)
        low = 1 if kind.min == 0 else kind.min
        divisor = np.dtype(dtype).type(min(max(divisor, low), kind.max))
        x = np.linspace(kind.min, kind.max, 77).astype(dtype)
        x = np.concatenate([x, [kind.min, kind.max, 0, 1]]).astype(dtype)
        run_both(
            lambda x: (lax.div(x, divisor), lax.rem(x, divisor), x // divisor), (x,)
        )


def test_constants_are_in_the_text():
    text = minijax.jit(lambda x: x // 7).lower(np.arange(99)).as_text(dialect="c")
    assert re.search(r"f\d+\(.*, 7\b", text)


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
