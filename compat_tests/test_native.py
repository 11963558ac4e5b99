"""Tier 1 gives the bits of tier 0, from C that is sound by itself."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings

import minijax
import minijax.numpy as jnp
from cbackend import native, runtime, tiers
from cbackend.emit import emit
from compat_tests.native_programs import PROGRAMS, masked_rows, normal
from compat_tests.op_cases import all_cases
from compat_tests.op_inputs import drawn
from compat_tests.random_programs import function, programs
from compat_tests.random_rules import FAMILIES
from compat_tests.tiers import compiled, run_both
from minijax import lax

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler"),
]

ROWS = [row for row in all_cases() if row.error is None]
EVERY_DTYPE = [pytest.param(r, d, id=f"{r.id}-{d}") for r in ROWS for d in r.dtypes]


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
    assert list((tmp_path / "cache").glob("*.so"))


@pytest.mark.parametrize("isa", ["baseline", "avx2"])
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_other_instruction_sets(isa, every):
    """The tiers agree on the bits whatever kernels the CPU has."""
    code = f"""
from compat_tests import native_programs
from compat_tests.tiers import run_both
for fun, args in list(native_programs.PROGRAMS.values())[::{every}]:
    run_both(fun, args)
"""
    settings = {"MINIJAX_ISA": isa, "JAX_PLATFORMS": "cpu", "MINIJAX_TIER": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=EXAMPLES.parent,
        env={**os.environ, **settings}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


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
  const mjx_native_host host = {
    .run = no_run, .reduce = no_sums, .parallel = alone, .interrupted = no_stop,
    .interrupt = &go};
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
    for call in ("run", "reduce", "product", "kernels"):
        assert f"host->{call}" not in source.program_text, "alone means without it"
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


@pytest.mark.skipif(not runtime.half_arithmetic(), reason="the CPU has none")
def test_float16s_are_computed_with_in_stages():
    """Arithmetic in loops of its own, exponentials in others, also where one kernel is all."""
    x = np.ones((60, 70), np.float16)
    for fun in (minijax.nn.silu, minijax.nn.sigmoid, lambda x: x * 3 - x):
        text = _source(fun, (x,)).program_text
        assert "mjx_h_mul" in text or "mjx_h_one_more" in text
    executable = minijax.jit(minijax.nn.sigmoid).lower(x).compile().runtime_executable()
    assert tiers.saving(executable.module) > 0.5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masks_beside_wider_elements(dtype):
    with minijax.enable_x64(True):
        for n in (5, 13, 35):
            x = np.random.default_rng(n).normal(size=(3, n)).astype(dtype)
            run_both(masked_rows, (x, x > 0))


def test_one_function_for_all_sizes():
    def many(xs):
        return [jnp.tanh(x) * 2 + x for x in xs]

    source = _source(many, ([normal(k) for k in range(30, 60)],))
    assert source.functions == 1


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
