"""Module → int64 words, as `include/mjx_encoding.h` lays them out."""

from array import array

from cbackend.program import CODES, DotMap, Ewise, MapReduce
from minijax.errors import JaxRuntimeError

_MAGIC, _VERSION = 0x4D4A5831, 1
_MAX_BYTES = 1 << 46  # as MJX_MAX_BYTES in src/internal.h


def encode(module, opcodes):
    """The words of a module; `opcodes` maps instruction names to numbers.

    JaxRuntimeError for an array that no machine has memory for.
    """
    words = array("q", [_MAGIC, _VERSION, len(module.programs), module.const_bytes])
    for program in module.programs:
        _encode_program(words, program, opcodes)
    return words


def _check_memory(program, buffers):
    nbytes = max(program.arena_bytes, *[buffer.nbytes for buffer in buffers], 0)
    if nbytes > _MAX_BYTES:
        raise JaxRuntimeError(
            f"RESOURCE_EXHAUSTED: Out of memory allocating {nbytes} bytes."
        )


def _encode_program(words, program, opcodes):
    numbers = {}
    for buffer in program.inputs + program.outputs:
        numbers.setdefault(buffer, len(numbers))
    for instr in program.instrs:
        for view in instr.outs + instr.ins:
            if view.buffer is not None:
                numbers.setdefault(view.buffer, len(numbers))
    _check_memory(program, numbers)
    words.extend([
        len(program.inputs), len(program.outputs), program.arena_bytes,
        len(numbers), len(program.instrs),
    ])  # fmt: skip
    for buffer in numbers:
        words.extend([CODES[buffer.dtype], buffer.size, buffer.space, buffer.where])
    for instr in program.instrs:
        _encode_instr(words, instr, numbers, opcodes)


def _encode_instr(words, instr, numbers, opcodes):
    params = instr.params
    if isinstance(instr, (Ewise, DotMap)):
        params = _ewise_params(instr.group if type(instr) is DotMap else instr)
    if type(instr) is MapReduce:
        params = [len(instr.kinds), *instr.extents, *instr.kinds, *params]
    payload = [len(instr.outs), len(instr.ins)]
    for view in instr.outs + instr.ins:
        payload += (
            -1 if view.buffer is None else numbers[view.buffer],
            view.offset,
            len(view.shape),
            CODES[view.dtype],
            *view.shape,
            *view.strides,
        )
    payload.append(len(params))
    payload += params
    words.extend([opcodes[instr.op], len(payload), *payload])


def _ewise_params(group):
    registers = {reg: number for number, reg in enumerate(group.in_regs)}
    params = [len(group.micros)]
    for micro in group.micros:
        params.append(micro.kernel.number)
        params += [registers[reg] for reg in micro.sources]
        for reg in micro.results:
            registers[reg] = len(registers)
    params += [registers[reg] for reg in group.out_regs]
    return params
