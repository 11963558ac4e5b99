"""Which programs get native code (tier 1), and when.

Tier 0 runs every program at once.  With `MINIJAX_TIER=auto`, the default, a program that
has run so often that native code would have saved a good part of what its compilation
takes is handed to a thread in the background; the code is put in between two runs.
`0` never does so, `1` compiles each program before its first run (for tests and for
measuring).
"""

import importlib
import logging
import os
import threading
import weakref

from cbackend.program import DotMap, Ewise, MapReduce, small_dots
from cbackend.runtime import half_arithmetic

# What native code saves, in microseconds: for each instruction that it does not walk to,
# each turn of a loop, each kernel that is called for a few elements only, each element
# that a kernel of a group hands on to the next, or that is spread out for it, in a register
# rather than in memory.
_SAVED_INSTRUCTION = 0.06
_SAVED_TURN = 0.03
_SAVED_KERNEL = 0.01
_SAVED_ELEMENT = 0.00004
_QUICK_KERNEL = (
    5  # such elements: float16 in the CPU's own arithmetic, not by conversions
)
_SAVED_PRODUCT = 0.02  # of a batch of small ones
_FEW = 4
_COST_OF_CALL = 0.2  # more than the walk to one instruction
_WHILE_TURNS = 50  # how often a `while` is taken to turn

# What a compilation may cost, in microseconds: a small part of what it takes, since it is
# the time of another core that would mostly be idle.
_PRICE = 1_500.0
_PRICE_PER_INSTRUCTION = 15.0
_NEVER = 1 << 40

_MOST_COMPILERS = 2  # at a time; a second only beside one that takes longer than ..
_PATIENCE = 1.0  # .. so many seconds


def _mode():
    text = os.environ.get("MINIJAX_TIER", "auto").strip() or "auto"
    if text not in ("0", "1", "auto"):
        raise ValueError(f"MINIJAX_TIER must be 0, 1 or auto, got {text!r}")
    return text


MODE = _mode()

_log = logging.getLogger("minijax")
_pending = []  # weak references to executables, in the order in which they became hot
_state = threading.Condition()
_workers = 0  # threads that are to empty `_pending`
_compiling = 0  # those of them that have found something


def register(executable):
    """Let a new executable have native code when that pays."""
    if MODE == "1":
        _native().install(executable, background=False)
    elif MODE == "auto":
        runs = _runs_until_hot(executable.module)
        if runs < _NEVER:
            executable.program.watch(runs, _Hot(executable))


def _runs_until_hot(module):
    """After how many runs native code would have saved what it costs to make."""
    saved = saving(module)
    size = sum(len(program.instrs) for program in module.programs)
    if size < 2:
        saved -= _COST_OF_CALL
    if saved <= 0:
        return _NEVER
    return int((_PRICE + _PRICE_PER_INSTRUCTION * size) / saved) + 1


def saving(module, index=0):
    """An estimate of the microseconds that native code saves in a run of a program."""
    total = 0.0
    for instr in module.programs[index].instrs:
        total += _SAVED_INSTRUCTION
        if type(instr) is DotMap:
            instr = instr.group
        if isinstance(instr, Ewise):
            if instr.size <= _FEW:
                total += _SAVED_KERNEL * len(instr.micros)
            else:
                sums = len(instr.kinds) if type(instr) is MapReduce else 0
                handed_on = max(0, len(instr.micros) + sums - 1) + _spread_out(instr)
                handed_on += _QUICK_KERNEL * (
                    _half_kernels(instr) + instr.by_constants()
                )
                total += _SAVED_ELEMENT * instr.size * handed_on
        elif instr.op == "DOT":
            total += _SAVED_PRODUCT * small_dots(instr)
        elif instr.op == "SCAN":
            turn = _SAVED_TURN + saving(module, instr.params[0])
            total += instr.params[1] * turn
        elif instr.op == "WHILE":
            turn = sum(_SAVED_TURN + saving(module, p) for p in instr.params[:2])
            total += _WHILE_TURNS * turn
        elif instr.op == "COND":
            total += max(saving(module, p) for p in instr.params)
        elif instr.op == "CALL":
            total += saving(module, instr.params[0])
    return total


def _half_kernels(group):
    """How many kernels are in the CPU's own arithmetic in native code alone."""
    if not half_arithmetic():
        return 0
    return sum(micro.kernel.name.endswith("_f16") for micro in group.micros)


def _spread_out(group):
    """How many operands tier 0 has to lay out before a kernel can read them."""
    return sum(
        view.buffer is None or (any(view.strides) and not view.is_dense())
        for view in group.ins
        if group.micros or group.is_shuffling()
    )


class _Hot:
    """What the runtime calls when a program has run often; does not keep it alive."""

    __slots__ = ("executable",)

    def __init__(self, executable):
        self.executable = weakref.ref(executable)

    def __call__(self):
        with _state:
            _pending.append(self.executable)
            _start_worker()


def _start_worker():
    """Threads, and so compilers, as long as there is work."""
    global _workers
    if _workers < _MOST_COMPILERS:
        _workers += 1
        threading.Thread(target=_work, name="minijax-tier1", daemon=True).start()


def _work():
    global _workers, _compiling
    while True:
        with _state:
            _state.wait_for(_may_go_on, _PATIENCE)
            if not _pending:
                _workers -= 1
                _state.notify_all()
                return
            # The newest is what runs now; an older one may never run again.
            executable = _pending.pop()()
            _compiling += 1
        try:
            if executable is not None:
                _native().install(executable, background=True)
        except Exception:  # the next programs are to have theirs
            _log.exception("minijax: no native code, tier 0 serves: a defect")
        del executable
        with _state:
            _compiling -= 1
            _state.notify_all()


def _may_go_on():
    return not _compiling or not _pending


def wait(timeout=None):
    """Wait until no compilation is pending; whether that is so."""
    with _state:
        return _state.wait_for(lambda: not _workers, timeout)


def c_text(executable):
    """A program as C, whatever the tier it runs in."""
    emit = importlib.import_module("cbackend.emit").emit
    return emit(executable.module, executable.program.order).text


def _native():
    # Loaded at the first need: it brings modules that most processes never use.
    return importlib.import_module("cbackend.native")


def _after_fork():
    """A forked child has no workers; what was pending becomes hot there no more."""
    global _state, _workers, _compiling
    _state = threading.Condition()
    _workers = _compiling = 0
    _pending.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
