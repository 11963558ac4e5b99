"""The C backend: `compile(jaxpr) -> Executable` is its only seam to the front end."""

from cbackend import runtime, tiers
from cbackend.encode import encode
from cbackend.fuse import fuse
from cbackend.lower import lower
from cbackend.plan import begin_in_outputs, plan, plan_loops
from cbackend.program import Instr
from cbackend.runtime import LoadedProgram
from cbackend.status import ProgramError

__all__ = ["Executable", "ProgramError", "build", "compile", "runtime"]


class Executable:
    """A compiled jaxpr: runs on addresses of arrays.

    Constants come before the arguments.
    """

    __slots__ = ("program", "module", "consts", "__weakref__")

    def __init__(self, module):
        self.module = module
        self.program = LoadedProgram(
            encode(module, runtime.tables.opcodes), module.const_blob()
        )
        tiers.register(self)

    def run(self, inputs, outputs):
        """See `runtime.LoadedProgram.run`."""
        self.program.run(inputs, outputs)

    def as_c(self):
        """The program as one C file: what native code is made from."""
        return tiers.c_text(self)

    @property
    def long_running(self):
        """Whether a run may take more than a few microseconds."""
        return sum(map(_work, self.module.programs[0].instrs)) > _FEW_MICROSECONDS


# In elementwise operations; a core does some thousands in a microsecond.
_FEW_MICROSECONDS = 10_000


def _work(instr):
    """The operations of an instruction; of one that holds no simple count, many."""
    if instr.op not in ("EWISE", "MAP_REDUCE", "REDUCE", "GATHER", "DYNAMIC_SLICE"):
        return _FEW_MICROSECONDS
    n = max(view.size for view in (*instr.outs, *instr.ins))
    return n * len(instr.micros) if type(instr) is not Instr else n


def build(closed, watch=None, fused=True):
    """Lower, fuse and plan a closed jaxpr: a Module.

    `watch(pass name, module)` is called after each pass.  Without `fused`, for tests,
    every kernel stays an instruction of its own.
    """
    module = lower(closed, runtime.tables.kernels)
    if watch is not None:
        watch("lower", module)
    if fused:
        for program in module.programs:
            fuse(program)
        if watch is not None:
            watch("fuse", module)
    for program in module.programs:
        begin_in_outputs(program)
    plan_loops(module)
    for program in module.programs:
        plan(program)
    if watch is not None:
        watch("plan", module)
    return module


def compile(closed):
    """A closed jaxpr as an Executable.

    NotImplementedError, naming the op and the user's line, where the backend cannot run
    it.
    """
    return Executable(build(closed))
