"""Time per instruction of a loaded program: what ran, how often, and whose line it was.

with profile.Recording(executable) as recording:
    step(*args)
print(profile.table(recording.rows()))
"""

from cbackend.program import SUFFIXES
from minijax import core


class Row:
    """One instruction's share.

    `program` is its program's number in the module (0 is the main one), `index` its
    place there; `what` opcode and kernels, `shapes` outputs and inputs, `source` the
    user's line; `seconds` over all `calls`, those of nested programs included.
    """

    __slots__ = (
        "program", "index", "opcode", "what", "shapes", "source", "calls", "seconds"
    )  # fmt: skip

    def __init__(self, program, index, instr, calls, seconds):
        self.program, self.index = program, index
        self.opcode, self.what = instr.op, _what(instr)
        self.shapes = f"{_shapes(instr.outs)} <- {_shapes(instr.ins)}"
        self.source = core.describe_source(instr.source) if instr.source else ""
        self.calls, self.seconds = calls, seconds


def _what(instr):
    micros = getattr(instr, "micros", ())
    kernels = " ".join(micro.kernel.name for micro in micros)
    if instr.op == "EWISE":
        kernels = kernels or "copy"
    return f"{instr.op} {kernels}".strip()


def _shapes(views):
    return " ".join(
        f"{SUFFIXES[view.dtype]}[{','.join(map(str, view.shape))}]" for view in views
    )


class Recording:
    """Counts the calls and the time of an Executable's instructions while it is open."""

    __slots__ = ("_executable",)

    def __init__(self, executable):
        self._executable = executable

    def __enter__(self):
        self._executable.program.profile_start()
        return self

    def __exit__(self, *exc_info):
        self._executable.program.profile_stop()

    def rows(self):
        """A Row for every instruction of the module, in its order."""
        return rows(self._executable)


def rows(executable):
    """The rows of an executable whose counting was started at some time."""
    programs = executable.module.programs
    instrs = [
        (number, index, instr)
        for number, program in enumerate(programs)
        for index, instr in enumerate(program.instrs)
    ]
    counted = executable.program.profile_read(len(instrs))
    return [
        Row(*place, calls, seconds)
        for place, (calls, seconds) in zip(instrs, counted, strict=False)
    ]


def table(found, limit=None):
    """Rows as text, the longest first; share is of the main program's time."""
    total = sum(row.seconds for row in found if not row.program) or 1.0
    ordered = sorted(found, key=lambda row: -row.seconds)[:limit]
    lines = ["  share      calls     ns/call  instruction"]
    for row in ordered:
        if row.calls:
            lines.append(
                f"{row.seconds / total:7.1%} {row.calls:10d} "
                f"{row.seconds / row.calls * 1e9:11.0f}  "
                f"p{row.program}.{row.index} {row.what}  {row.shapes}  {row.source}"
            )
    return "\n".join(lines)
