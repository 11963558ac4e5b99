"""The C runtime as Python sees it: loading programs, running them, its tables."""

import contextlib
import functools
import importlib.util
import itertools
import math
import os
import sys
import threading
import weakref
from array import array

import numpy as np

try:
    from cbackend._mjx import ffi, lib
except ImportError as error:
    raise ImportError(
        "minijax's C runtime is not built or does not load: run `make build` in a "
        f"checkout, or `pip install .` ({error})"
    ) from error
from cbackend.status import ProgramError
from minijax.errors import JaxRuntimeError

_STATUS_OK, _STATUS_NO_MEMORY, _STATUS_CALLBACK = 0, 2, 5


class Kernel:
    """An elementwise tile kernel: its number in the runtime's table, and how many
    operands.
    """

    __slots__ = ("number", "name", "n_in", "n_out")

    def __init__(self, number):
        self.number = number
        self.name = ffi.string(lib.mjx_kernel_name(number)).decode()
        self.n_in = lib.mjx_kernel_n_in(number)
        self.n_out = lib.mjx_kernel_n_out(number)

    @property
    def in_types(self):
        """The suffixes of the operands' types, as 'f32'; 'x4' for any of 4 bytes."""
        return [
            _TYPES[lib.mjx_kernel_in_dtype(self.number, k)] for k in range(self.n_in)
        ]

    @property
    def out_types(self):
        """The suffixes of the results' types."""
        return [
            _TYPES[lib.mjx_kernel_out_dtype(self.number, k)] for k in range(self.n_out)
        ]

    def __repr__(self):
        return self.name


_NAMED = "b1 i8 i16 i32 i64 u8 u16 u32 u64 f16 bf16 f32 f64 c64 c128".split()  # noqa: SIM905
# By number of `enum mjx_dtype`; from 32 on, any type of 1, 2, 4, 8, 16 bytes.
_TYPES: dict[int, str] = {
    **dict(enumerate(_NAMED)),
    **{32 + k: f"x{1 << k}" for k in range(5)},
}


class _Tables:
    """The runtime's kernels and opcodes by name, read at the first need."""

    def __init__(self):
        self._kernels = self._opcodes = None

    @property
    def kernels(self):
        """name -> Kernel."""
        if self._kernels is None:
            every = map(Kernel, range(lib.mjx_kernel_count()))
            self._kernels = {kernel.name: kernel for kernel in every}
        return self._kernels

    @property
    def opcodes(self):
        """name -> number."""
        if self._opcodes is None:
            self._opcodes = {
                ffi.string(lib.mjx_opcode_name(k)).decode(): k
                for k in range(lib.mjx_opcode_count())
            }
        return self._opcodes


tables = _Tables()


def last_error():
    """The runtime's message for the last failure in this thread."""
    return ffi.string(lib.mjx_last_error()).decode(errors="replace")


class LoadedProgram:
    """A program inside the runtime; freed with this object."""

    __slots__ = ("_handle", "_watch", "n_inputs", "n_outputs")

    def __init__(self, words, consts):
        out = ffi.new("mjx_program **")
        status = lib.mjx_program_load(
            ffi.from_buffer("int64_t[]", words),
            len(words),
            ffi.from_buffer(consts),
            consts.nbytes,
            out,
        )
        if status != _STATUS_OK:
            if status == _STATUS_NO_MEMORY:
                fail(status)
            raise ProgramError(f"the runtime refused a program: {last_error()}")
        self._handle = ffi.gc(out[0], lib.mjx_program_free)
        self.n_inputs = lib.mjx_program_n_inputs(self._handle)
        self.n_outputs = lib.mjx_program_n_outputs(self._handle)

    @property
    def arena_bytes(self):
        """Working memory that one run needs, in bytes."""
        return lib.mjx_program_arena_bytes(self._handle)

    def profile_start(self):
        """Count each instruction's calls and time from now on, from zero."""
        status = lib.mjx_program_profile_start(self._handle)
        if status != _STATUS_OK:
            fail(status)

    def profile_stop(self):
        """Count no longer; what was counted can still be read."""
        lib.mjx_program_profile_stop(self._handle)

    def profile_read(self, n):
        """[(calls, seconds), ...] of the first n instructions; [] if never started."""
        calls, seconds = ffi.new("int64_t[]", n), ffi.new("double[]", n)
        n = min(n, lib.mjx_program_profile_read(self._handle, n, calls, seconds))
        return list(zip(ffi.unpack(calls, n), ffi.unpack(seconds, n), strict=True))

    def watch(self, runs, hot):
        """Have `hot()` called, once, after that many runs in tier 0."""
        self._watch = _Watch(hot)
        lib.mjx_program_watch(self._handle, runs, self._watch.number)

    def set_native(self, path, key):
        """Let later runs take a library of native code.  ProgramError if it is not ours."""
        if lib.mjx_program_set_native(self._handle, path.encode(), key.encode()):
            raise ProgramError(last_error())

    @property
    def has_native(self):
        """Whether runs take native code."""
        return bool(lib.mjx_program_has_native(self._handle))

    def order(self, program, instr):
        """(The order in which an instruction's sums are made, as `mjx_order`; the elements of
        a chunk, 0 if there are no chunks.)
        """
        chunk = ffi.new("int64_t *")
        return lib.mjx_program_order(self._handle, program, instr, chunk), chunk[0]

    def run(self, inputs, outputs):
        """Run on addresses of dense arrays: `inputs` are read, `outputs` written.

        The caller keeps both alive.  JaxRuntimeError if the runtime reports a failure.
        """
        status = lib.mjx_program_run(
            self._handle,
            ffi.from_buffer("void *[]", array("Q", inputs)),
            ffi.from_buffer("void *[]", array("Q", outputs)),
        )
        if status != _STATUS_OK:
            fail(status)

    def entry_point(self):
        """For callers in C: (address of mjx_program_run, of the program, `fail`)."""
        return (
            _address(ffi.addressof(lib, "mjx_program_run")),
            _address(self._handle),
            fail,
        )


def _address(pointer):
    return int(ffi.cast("uintptr_t", pointer))


def fail(status):
    """Raise for the status of what failed in this thread: what a callback raised, or
    JaxRuntimeError with the runtime's message.
    """
    if status == _STATUS_CALLBACK and _raised.error is not None:
        error, _raised.error = _raised.error, None
        raise error
    kind = "RESOURCE_EXHAUSTED: " if status == _STATUS_NO_MEMORY else ""
    raise JaxRuntimeError(kind + last_error())


class Callback:
    """A Python function that CALLBACK instructions of one number call.

    `fun(*arrays) -> arrays` gets read-only views of the runtime's memory, valid during
    the call.  It can be reached as long as this object lives.
    """

    _by_number = weakref.WeakValueDictionary()
    _numbers = itertools.count()

    __slots__ = ("fun", "in_specs", "number", "out_specs", "__weakref__")

    def __init__(self, fun, in_specs, out_specs):
        self.fun, self.in_specs, self.out_specs = fun, in_specs, out_specs
        self.number = next(self._numbers)
        self._by_number[self.number] = self

    def __call__(self, n_in, ins, n_out, outs):
        arrays = []
        for k, (shape, dtype) in enumerate(self.in_specs):
            array = _memory(ins[k], shape, dtype)
            array.flags.writeable = False
            arrays.append(array)
        results = self.fun(*arrays)
        for k, (shape, dtype) in enumerate(self.out_specs):
            _memory(outs[k], shape, dtype)[...] = results[k]


def _memory(pointer, shape, dtype):
    """A NumPy view of memory of the runtime's."""
    size = math.prod(shape)
    if not size:
        return np.empty(shape, dtype)
    data = ffi.buffer(ffi.cast("char *", pointer), size * dtype.itemsize)
    return np.frombuffer(data, dtype, size).reshape(shape)


class _Raised(threading.local):
    error: BaseException | None = None


_raised = _Raised()


@ffi.def_extern(error=1)
def mjx_host_callback(number, n_in, ins, n_out, outs):
    """What the runtime calls; a failure is kept for the thread that runs the program."""
    try:
        Callback._by_number[number](n_in, ins, n_out, outs)
    except BaseException as error:
        _raised.error = error
        return 1
    return 0


lib.mjx_set_callback(lib.mjx_host_callback)


class _Watch:
    """What to call when a program has run often; it lives as long as the program."""

    by_number = weakref.WeakValueDictionary()
    numbers = itertools.count(1)

    __slots__ = ("hot", "number", "__weakref__")

    def __init__(self, hot):
        self.hot, self.number = hot, next(self.numbers)
        self.by_number[self.number] = self


@ffi.def_extern()
def mjx_host_hot(number):
    """What the runtime calls when a program has run as often as `watch` said."""
    watch = _Watch.by_number.get(number)
    if watch is not None:
        watch.hot()


lib.mjx_set_hot_hook(lib.mjx_host_hot)


def set_num_threads(n):
    """Let runs use `n` threads, their own included (n < 1: one per CPU)."""
    lib.mjx_set_num_threads(n)


def num_threads():
    """How many threads a run may use."""
    return lib.mjx_get_num_threads()


@contextlib.contextmanager
def lent_cpu():
    """Runs leave one CPU to whoever works within, a compiler: two on it hinder each other."""
    lib.mjx_lend_cpus(1)
    try:
        yield
    finally:
        lib.mjx_lend_cpus(-1)


def isa():
    """The instruction set of the kernels in use: 'baseline', 'avx2' or 'avx512'."""
    return ffi.string(lib.mjx_isa()).decode()


@functools.cache
def half_arithmetic():
    """Whether the CPU has arithmetic on float16s, and native code is to use it."""
    return bool(lib.mjx_half_arithmetic())


def blas_corename():
    """OpenBLAS's name for its kernels in use; opens the library."""
    lib.mjx_blas_load(ffi.NULL)
    return ffi.string(lib.mjx_blas_corename()).decode()


def _find_blas():
    """The path of the OpenBLAS library of the `scipy-openblas32` package, or None."""
    spec = importlib.util.find_spec("scipy_openblas32")
    if spec is None or spec.origin is None:
        return None
    endings = {"darwin": "dylib", "win32": "dll"}
    name = f"libscipy_openblas.{endings.get(sys.platform, 'so')}"
    path = os.path.join(os.path.dirname(spec.origin), "lib", name)
    return path if os.path.exists(path) else None


_path = _find_blas()
lib.mjx_blas_set_path(ffi.NULL if _path is None else _path.encode())
