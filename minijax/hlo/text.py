"""A closed jaxpr as a module of HLO: one computation for each jaxpr, one instruction or a
few for each equation.

What an equation becomes stands in `instructions.RULES`. A primitive that has no
instruction in HLO is a `custom-call` whose target is its name.
"""

import collections
import re

import numpy as np

from minijax import core, dtypes
from minijax.core import Literal
from minijax.hlo.instructions import RULES
from minijax.transforms.dce import dce

# How the names of dtypes begin, and what they begin with in HLO
_PREFIXES = {
    "bool": "pred", "complex": "c", "bfloat": "bf", "float": "f", "uint": "u", "int": "s",
}  # fmt: skip
# The scopes of primitives that programs in JAX's HLO know by other names
_SCOPES = {"scan": "while"}
_SHOWN = 10  # elements of a constant that are written out


class XlaComputation:
    """A program as HLO: what `compiler_ir("hlo")` gives."""

    def __init__(self, closed, name, arg_names=None):
        self._module = HloModule(closed, name, arg_names)

    def name(self):
        """The name of the module."""
        return self._module.name

    def as_hlo_module(self):
        """The module, to be printed with options."""
        return self._module

    get_hlo_module = as_hlo_module

    def as_hlo_text(self, print_large_constants=False):
        """The text; constants of more than a few elements are left out, unless asked."""
        return self._module.written(whole=print_large_constants)


class HloModule:
    """A module of HLO: the entry, and the computations that it calls."""

    def __init__(self, closed, fun_name, arg_names):
        self.fun_name, self.name = fun_name, _word(f"jit_{fun_name}").rstrip("_")
        self.closed, self.arg_names = closed, arg_names

    def written(self, whole=False, metadata=False):
        """The text: with all constants, with the scopes of the instructions."""
        return _Text(self, whole, metadata).text

    def to_string(self, options=None):
        """The text, with the scopes of instructions unless `options` want no metadata."""
        return self.written(metadata=getattr(options, "print_metadata", True))


def shape_of(aval):
    """`f32[2,3]{1,0}`: dtype, sizes, and the axes from the fastest varying one."""
    dtype = dtypes.storage_dtype(aval.dtype)
    shape = (*aval.shape, *dtype.shape)
    dtype = dtype.base
    if dtype == dtypes.float0:
        dtype = np.dtype(bool)
    prefix = next(p for p in _PREFIXES if dtype.name.startswith(p))
    name = _PREFIXES[prefix] + dtype.name[len(prefix) :].replace("_", "")
    layout = ",".join(map(str, reversed(range(len(shape)))))
    return f"{name}[{','.join(map(str, shape))}]" + (f"{{{layout}}}" if shape else "")


def _word(text):
    return re.sub(r"[^\w-]", "_", str(text))


class _Text:
    """The writing of one module."""

    def __init__(self, module, whole, metadata):
        self.shown = np.inf if whole else _SHOWN
        self.metadata = metadata
        self.numbers = collections.Counter()
        self.computations, self.known, self.regions = [], {}, 0
        closed, scope = module.closed, f"jit({module.fun_name})"
        self.computation(closed, "main", module.arg_names, prefix="ENTRY ", scope=scope)
        ins = ", ".join(map(shape_of, closed.in_avals))
        outs = list(map(shape_of, closed.out_avals))
        out = outs[0] if len(outs) == 1 else f"({', '.join(outs)})"
        head = f"HloModule {module.name}, entry_computation_layout={{({ins})->{out}}}"
        self.text = "\n\n".join([head, *self.computations]) + "\n\n"

    def fresh(self, base):
        """A new name for an instruction."""
        base = _word(base)
        self.numbers[base] += 1
        return f"{base}.{self.numbers[base]}"

    def region(self, closed, scope):
        """The name of the computation of a loop or branch: its arguments are a tuple."""
        name = f"region_{self.regions}"
        self.regions += 1
        tupled = len(closed.in_avals) != 1
        return self.computation(closed, name, tupled=tupled, scope=scope)

    def reduction(self, base, opcode, aval):
        """The name of the computation that joins two numbers."""
        scalar = shape_of(core.ShapedArray((), aval.dtype))
        a, b, out = (self.fresh(base) for _ in range(3))
        name = f"region_{self.regions}"
        self.regions += 1
        return self._add(name, [
            f"{a} = {scalar} parameter(0)", f"{b} = {scalar} parameter(1)",
            f"ROOT {out} = {scalar} {opcode}({a}, {b})",
        ])  # fmt: skip

    def computation(
        self, closed, base, arg_names=None, tupled=False, prefix="", scope=""
    ):
        """The name of a closed jaxpr's computation, which is written at its first use.

        scope: what its instructions stand in; none for a function that is called, since
        calls from several places share it.
        """
        key = id(closed), tupled, scope
        if key not in self.known:
            body = Computation(self, closed, arg_names, tupled, scope)
            # `closed` is kept, so that its id stays its own
            self.known[key] = self._add(base, body.finished(), prefix), closed
        return self.known[key][0]

    def _add(self, base, lines, prefix=""):
        name = f"{_word(base)}.{len(self.computations) + 1}"
        body = "".join(f"  {line}\n" for line in lines)
        self.computations.append(f"{prefix}{name} {{\n{body}}}")
        return name


class Computation:
    """The instructions of one closed jaxpr."""

    _metadata = ""  # what is said of the equation that is written

    def __init__(self, module, closed, arg_names=None, tupled=False, scope=""):
        self.module, self.scope = module, scope
        self.lines = []  # (name, what stands behind it)
        self._values = {}  # variable -> name, or a constant that is not written yet
        avals = closed.in_avals
        if tupled:
            whole = self.emit("arg_tuple", list(avals), "parameter(0)")
            ins = self.unpack("get-tuple-element", whole, avals)
        else:
            names = arg_names or [f"Arg_{k}" for k in range(len(avals))]
            ins = [
                self._parameter(k, name, aval, arg_names is not None)
                for k, (name, aval) in enumerate(zip(names, avals, strict=True))
            ]
        self._outs = self.inline(closed, ins)
        self._avals = closed.out_avals

    def _write(self, eqns):
        for eqn in eqns:
            self._metadata = self._said_of(eqn)
            ins = [self.read(a) for a in eqn.invars]
            rule = RULES.get(eqn.primitive.name, _custom_call)
            outs = rule(self, eqn, ins)
            self._values.update(zip(eqn.outvars, outs, strict=True))
        self._metadata = ""

    def _said_of(self, eqn):
        stack, name = eqn.source_info.name_stack, eqn.primitive.name
        if name == "jit":  # a scope, which transformations go round
            stack = stack.extend(f"jit({eqn.params['name']})")
            return self._named("/".join(filter(None, [self.scope, str(stack)])))
        return self._named(self.scope_of(eqn, _SCOPES.get(name, name)))

    def scope_of(self, eqn, *inner):
        """The scopes round an equation, and `inner` ones, as one name."""
        stack = str(eqn.source_info.name_stack)
        return "/".join(filter(None, [self.scope, stack, *inner]))

    def _named(self, name):
        return f', metadata={{op_name="{name}"}}' if self.module.metadata else ""

    def _parameter(self, k, name, aval, known):
        said = self._named(name) if known else ""
        return self.emit(name, aval, f"parameter({k}){said}")

    def inline(self, closed, ins, scope=None):
        """Write a closed jaxpr's equations here; the names of its results."""
        jaxpr, _ = dce(closed.jaxpr)
        self._values.update(zip(jaxpr.constvars, closed.consts, strict=True))
        self._values.update(zip(jaxpr.invars, ins, strict=True))
        outer, self.scope = self.scope, self.scope if scope is None else scope
        self._write(jaxpr.eqns)
        self.scope = outer
        return [self.read(a) for a in jaxpr.outvars]

    def read(self, atom):
        """The name of the instruction that gives a value."""
        value = atom.val if type(atom) is Literal else self._values[atom]
        if isinstance(value, str):
            return value
        name = self.constant(value, atom.aval)
        if type(atom) is not Literal:
            self._values[atom] = name
        return name

    def emit(self, base, avals, text):
        """One instruction of results `avals` (a list: a tuple); its name."""
        name = self.module.fresh(base)
        many = isinstance(avals, list)
        shape = f"({', '.join(map(shape_of, avals))})" if many else shape_of(avals)
        self.lines.append((name, f"{shape} {text}{self._metadata}"))
        return name

    def constant(self, value, aval):
        """A constant: its elements, as far as they are shown."""
        data = np.asarray(getattr(value, "_data", value))
        if aval.shape and data.size and not isinstance(value, np.ndarray):
            data = np.broadcast_to(data, aval.shape)
        shown = data.size <= self.module.shown
        said, self._metadata = self._metadata, ""
        name = self.emit("constant", aval, f"constant({_elements(data, shown)})")
        self._metadata = said
        return name

    def spread(self, base, name, aval, out_aval):
        """A value in the shape of a result: a scalar, or one with axes of size 1."""
        if aval.shape == out_aval.shape:
            return name
        kept = [k for k in range(aval.ndim) if aval.shape[k] == out_aval.shape[k]]
        if len(kept) < aval.ndim:  # axes of size 1 are dropped before
            smaller = core.ShapedArray([aval.shape[k] for k in kept], aval.dtype)
            name = self.emit(base, smaller, f"reshape({name})")
        whole = core.ShapedArray(out_aval.shape, aval.dtype)
        places = ",".join(map(str, kept))
        return self.emit(base, whole, f"broadcast({name}), dimensions={{{places}}}")

    def unpack(self, base, name, avals):
        """The names of the parts of a tuple."""
        return [
            self.emit(base, aval, f"get-tuple-element({name}), index={k}")
            for k, aval in enumerate(avals)
        ]

    def pack(self, base, names, avals):
        """The name of a tuple; a single value stands for itself."""
        if len(names) == 1:
            return names[0]
        return self.emit(base, list(avals), f"tuple({', '.join(names)})")

    def results(self, base, avals, text):
        """An instruction of these results: the names of each."""
        if len(avals) == 1:
            return [self.emit(base, avals[0], text)]
        return self.unpack(base, self.emit(base, list(avals), text), avals)

    def finished(self):
        """The lines, the result's the last."""
        root = self.pack("tuple", self._outs, self._avals)
        lines = dict(self.lines)
        result = lines.pop(root)
        return [f"{n} = {rest}" for n, rest in lines.items()] + [
            f"ROOT {root} = {result}"
        ]


def _elements(data, shown, inner=False):
    if not data.ndim:
        return _number(data[()])
    if not shown:
        return "{...}"
    if data.dtype == bool:
        data = data.astype(np.int8)
    parts = ", ".join(_elements(x, shown, inner=True) for x in data)
    wide = data.ndim > 1 or (inner and len(data) > 1)
    return f"{{ {parts} }}" if wide else f"{{{parts}}}"


def _number(x):
    if isinstance(x, np.bool_):
        return str(bool(x)).lower()
    if isinstance(x, np.complexfloating):
        return f"({_number(x.real)}, {_number(x.imag)})"
    return str(x).removesuffix(".0")


def _custom_call(body, eqn, ins):
    name = eqn.primitive.name
    scope = body.scope_of(eqn, _SCOPES.get(name, name), "body")
    called = [
        body.module.region(value, scope)
        for param in eqn.params.values()
        for value in (param if isinstance(param, tuple) else (param,))
        if isinstance(value, core.ClosedJaxpr)
    ]
    text = f'custom-call({", ".join(ins)}), custom_call_target="{name}"'
    if called:
        text += f", called_computations={{{', '.join(called)}}}"
    return body.results(name, [v.aval for v in eqn.outvars], text)
