"""Jaxpr → Program: each equation through its primitive's `lower` rule.

The rules see a `Builder`: it turns views into views, and adds instructions.  Nothing
here knows any primitive by name.
"""

from typing import Any

import numpy as np

from cbackend import narrow
from cbackend.program import (
    CODES,
    CONST,
    INPUT,
    OUTPUT,
    SUFFIXES,
    Buffer,
    Ewise,
    Instr,
    Micro,
    Module,
    Program,
    Table,
    View,
    dense_strides,
    new_view,
)
from cbackend.runtime import Callback
from minijax import core
from minijax.core import Literal
from minijax.dtypes import cell_dtype, narrow_dtypes
from minijax.trace import trace


def lower(closed, kernels):
    """The Module of a closed jaxpr; its constants become leading inputs of the main
    program.

    `kernels`: name -> `runtime.Kernel`.
    """
    module = Module()
    _lower_program(module, closed.jaxpr, kernels)
    return module


def _lower_program(module, jaxpr, kernels):
    """Append the program of a jaxpr to the module; its index.

    A program comes before those it calls, as the runtime demands.
    """
    index = len(module.programs)
    program = Program()
    module.programs.append(program)
    builder = Builder(module, program, kernels)
    env = {}
    for var in jaxpr.constvars + jaxpr.invars:
        env[var] = builder.add_input(var.aval)
    outs = builder.lower_eqns(jaxpr, env)
    for view in outs:
        builder.add_output(view)
    return index


class Builder:
    """What `lower` rules build a program with."""

    def __init__(self, module, program, kernels):
        self.module, self.program, self.kernels = module, program, kernels
        self.literals = {}
        self.pieces = {}  # buffer -> its parts, and what was stored there
        self.source = None
        self.primitive = None
        self.eqn: Any = None  # the one that is being lowered
        self.jaxpr: Any = None  # what it belongs to

    # --- programs

    def add_input(self, aval):
        """The view of a new input."""
        dtype = cell_dtype(aval.dtype)
        if dtype not in CODES:
            raise NotImplementedError(f"the C backend cannot compute on {dtype}")
        buffer = Buffer(dtype, aval.size, INPUT)
        buffer.where = len(self.program.inputs)
        self.program.inputs.append(buffer)
        return _whole(buffer, aval.shape)

    def add_output(self, view):
        """Make `view` the next output: written in place where it can be, else copied."""
        outputs = self.program.outputs
        buffer = view.buffer
        if buffer is None or buffer.space != 0 or not view.is_whole():
            copy = self.empty(view.shape, view.dtype)
            self.copy_into(copy, view)
            buffer = copy.buffer
        buffer.space, buffer.where = OUTPUT, len(outputs)
        outputs.append(buffer)

    def lower_eqns(self, jaxpr, env):
        """Lower the equations of a jaxpr whose inputs are views in `env`.

        The output views.
        """
        literal = self._literal
        for eqn in jaxpr.eqns:
            ins = [literal(a) if type(a) is Literal else env[a] for a in eqn.invars]
            self.source, self.primitive, self.eqn = eqn.source, eqn.primitive, eqn
            self.jaxpr = jaxpr
            outvars = eqn.outvars
            avals = [v.aval for v in outvars]
            rule = eqn.primitive.narrow
            if rule is core.AS_STORED or not _is_narrow(eqn):
                outs = eqn.primitive.lower(self, ins, avals, **eqn.params)
            elif rule is None:
                outs = self._lower_wide(eqn, ins)
            else:
                outs = self._lower_narrow(eqn, ins)
            if len(outvars) == 1:
                (env[outvars[0]],) = outs
            else:
                env.update(zip(outvars, outs, strict=True))
        return [literal(a) if type(a) is Literal else env[a] for a in jaxpr.outvars]

    def is_read(self, index):
        """Whether anything needs output `index` of the equation that is being lowered."""
        var, jaxpr = self.eqn.outvars[index], self.jaxpr
        read = any(atom is var for eqn in jaxpr.eqns for atom in eqn.invars)
        return read or any(atom is var for atom in jaxpr.outvars)

    def _literal(self, atom):
        """The view of a literal; those of the same bits share one."""
        key = atom.identity()
        known = self.literals.get(key)
        if known is None:
            known = self.constant(narrow.stored(atom.val, atom.aval.dtype))
            self.literals[key] = known
        return known

    def _lower_narrow(self, eqn, ins):
        """An equation on narrow dtypes, through its primitive's `narrow` rule."""

        def fun(*args):
            out = eqn.primitive.narrow(*args, **eqn.params)
            return out if eqn.primitive.multiple_results else [out]

        return self.lower_fun(fun, ins, [atom.aval for atom in eqn.invars])

    def _lower_wide(self, eqn, ins):
        """An equation on narrow dtypes as one on wider elements, rounded."""
        avals, params = narrow.widened(eqn)

        def fun(*args):
            out = eqn.primitive.bind(*args, **params)
            return out if eqn.primitive.multiple_results else [out]

        ins = [
            self.convert(self.from_cells(view, atom.aval.dtype), aval.dtype)
            for view, atom, aval in zip(ins, eqn.invars, avals, strict=True)
        ]
        outs = self.lower_fun(fun, ins, avals)
        return [
            self.convert_to(view, var.aval.dtype)
            for view, var in zip(outs, eqn.outvars, strict=True)
        ]

    def from_cells(self, view, dtype):
        """Elements of `dtype` as there is arithmetic on: narrow ones widened."""
        return narrow.widen(self, view, dtype) if dtype in narrow_dtypes else view

    def convert_to(self, view, dtype):
        """As `convert`, to a narrow dtype too."""
        if dtype in narrow_dtypes:
            return narrow.narrow(self, view, dtype)
        return self.convert(view, dtype)

    def inline(self, closed, ins):
        """Lower a closed jaxpr in place, on views."""
        env = {
            var: self.constant(np.asarray(value))
            for var, value in zip(closed.jaxpr.constvars, closed.consts, strict=True)
        }
        env.update(zip(closed.jaxpr.invars, ins, strict=True))
        return self.lower_eqns(closed.jaxpr, env)

    def lower_fun(self, fun, ins, in_avals):
        """Lower a Python function written with other ops: `fun(*tracers) -> list`."""
        return self.inline(core.without_refs(trace(fun, in_avals)), ins)

    def subprogram(self, closed):
        """Lower a closed jaxpr without constants to a program of its own; its index."""
        assert not closed.consts
        return _lower_program(self.module, closed.jaxpr, self.kernels)

    # --- views

    def empty(self, shape, dtype):
        """A new dense buffer, to be written by `copy_into` or an instruction."""
        shape, dtype = tuple(shape), cell_dtype(np.dtype(dtype))
        if dtype not in CODES:
            raise self.unsupported(f"there is no arithmetic on {dtype}")
        return new_view(shape, dtype)

    def constant(self, array):
        """A constant array."""
        array = narrow.cells(array)
        return _whole(self.module.constant(array), array.shape)

    def is_constant(self, view):
        """Whether the elements are known when the program is built."""
        return view.buffer is not None and view.buffer.space == CONST

    def known(self, view):
        """The elements of a small constant as a NumPy array; None for what is none."""
        if not self.is_constant(view) or view.size > _SMALL:
            return None
        arrays = (a for where, a in self.module.consts if where == view.buffer.where)
        flat = next(arrays).reshape(-1)[view.offset :].view(view.dtype)
        strides = [stride * flat.itemsize for stride in view.strides]
        return np.lib.stride_tricks.as_strided(flat, view.shape, strides)

    def full(self, aval, value):
        """`value` everywhere, by zero strides."""
        scalar = narrow.stored(value, aval.dtype)
        return self.constant(scalar).broadcast(aval.shape, ())

    def iota(self, aval, dimension, step=1):
        """The index along `dimension` times `step`: an affine view, never stored."""
        strides = [0] * len(aval.shape)
        strides[dimension] = step
        return View(None, aval.dtype, aval.shape, tuple(strides))

    def dense(self, view):
        """The view itself if it is row-major, else a row-major copy."""
        if view.is_dense():
            return view
        copy = self.empty(view.shape, view.dtype)
        self.copy_into(copy, view)
        return copy

    def reshape(self, view, shape):
        """Other extents, same row-major order; copies only where strides force it."""
        reshaped = view.reshape(shape)
        if reshaped is None:
            reshaped = self.dense(view).reshape(shape)
        return reshaped

    def copy_into(self, target, source):
        """Store `source` in `target`, a view (perhaps strided) of an `empty` buffer."""
        if not target.size:
            return
        source = source.broadcast_to(target.shape)
        self._add(Ewise([target], [source], ["x"], [], ["x"], self.source))

    def put_together(self, parts, sources):
        """Store each of `sources` in a part of one new buffer; who reads no more than one of
        them reads the source itself.
        """
        for part, source in zip(parts, sources, strict=True):
            self.copy_into(part, source)
            known = part, source.broadcast_to(part.shape)
            self.pieces.setdefault(part.buffer, []).append(known)

    def _origin(self, view):
        """What was stored in the very elements of a view, if that is known."""
        pieces = () if type(view) is Table else self.pieces.get(view.buffer, ())
        for part, source in pieces:
            if part.offset == view.offset and part.walk() == view.walk():
                return source.reshape(view.shape)
        return view

    # --- instructions

    def _add(self, instr):
        self.program.instrs.append(instr)

    def ewise(self, op, ins, out_aval):
        """One elementwise kernel of the last operand's dtype, operands broadcast to the
        result.
        """
        dtype = ins[-1].dtype
        suffix = f"x{dtype.itemsize}" if op in _BY_SIZE else SUFFIXES[dtype]
        out_dtype = cell_dtype(out_aval.dtype)
        return self.kernel(f"{op}_{suffix}", ins, out_aval.shape, [out_dtype])[0]

    def convert(self, view, dtype):
        """The elements converted to another dtype, as `convert_element_type`."""
        dtype = np.dtype(dtype)
        if view.dtype == dtype:
            return view
        if view.buffer is None and dtype.kind in "iu":
            return View(None, dtype, view.shape, view.strides, view.offset)
        name = f"convert_{SUFFIXES[view.dtype]}_{SUFFIXES[dtype]}"
        return self.kernel(name, [view], view.shape, [dtype])[0]

    def take(self, view, index):
        """The elements that lie `index` (int32) elements behind the first one of a stored
        view; within its buffer, which is for the caller to see to.
        """
        table = Table(view.buffer, view.dtype, (), (), view.offset)
        name = f"take_x{view.dtype.itemsize}"
        return self.kernel(name, [table, index], index.shape, [view.dtype])[0]

    def kernel(self, name, ins, shape, out_dtypes):
        """A tile kernel by its full name; a list of result views."""
        kernel = self.kernels.get(name)
        if kernel is None:
            raise self.unsupported(f"there is no kernel {name}")
        shape = tuple(shape)
        outs = [self.empty(shape, dtype) for dtype in out_dtypes]
        if outs[0].buffer.size:
            if self.pieces:
                ins = [self._origin(view) for view in ins]
            ins = [self._spread(view, shape) for view in ins]
            results = [out.buffer for out in outs]
            regs = list(range(len(ins)))
            micro = Micro(kernel, regs, results)
            self._add(Ewise(outs, ins, regs, [micro], results, self.source))
        return outs

    def _spread(self, view, shape):
        """The view over a kernel's shape; an index that is one number, as a constant."""
        if view.shape != shape:
            view = view.broadcast_to(shape)
        if view.buffer is None and not any(view.strides):
            number = np.asarray(view.offset).astype(view.dtype)
            view = self.constant(number).broadcast(shape, ())
        return view

    def instr(self, op, ins, outs, params=()):
        """An instruction with new dense results `outs`, [(shape, dtype), ...]."""
        views = [self.empty(shape, cell_dtype(dtype)) for shape, dtype in outs]
        self._add(Instr(op, views, list(ins), list(params), self.source))
        return views

    def callback(self, fun, ins, outs):
        """Call the Python function `fun(*arrays) -> arrays` while the program runs."""
        ins = [self.dense(view) for view in ins]
        outs = [(shape, cell_dtype(dtype)) for shape, dtype in outs]
        callback = Callback(fun, [(v.shape, v.dtype) for v in ins], outs)
        self.module.kept_alive.append(callback)
        return self.instr("CALLBACK", ins, outs, [callback.number])

    def unsupported(self, why):
        """The error for a primitive that the C backend cannot run as asked."""
        return NotImplementedError(
            f"the C backend cannot run '{self.primitive}': {why} "
            f"(asked for at {core.describe_source(self.source)})"
        )


_SMALL = 16  # elements
_BY_SIZE = {"select", "copy"}


def _is_narrow(eqn):
    for atom in (*eqn.invars, *eqn.outvars):
        if getattr(atom.aval, "dtype", None) in narrow_dtypes:
            return True
    return False


def _whole(buffer, shape):
    return View(buffer, buffer.dtype, tuple(shape), dense_strides(shape))
