"""The stages of compilation ahead of time: traced, lowered, compiled (`jax.stages`)."""

import importlib
from typing import Any, NamedTuple

from minijax import core, dispatch, stats
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import equality_errors_pytreedef
from minijax.api.inspection import structs
from minijax.array import placed
from minijax.compile_options import check_compiler_options
from minijax.control.body import same_type
from minijax.control.call import Wrapped as Wrapped
from minijax.control.call import delete_donated
from minijax.control.jit_rules import call_jaxpr
from minijax.device import DEFAULT_SHARDING
from minijax.effects import check_lowerable
from minijax.transforms.cost import cost
from minijax.transforms.dce import dce
from minijax.tree_util import keystr, tree_flatten_with_path

CompilerOptions = dict


class ArgInfo:
    """The type of an argument, and whether it is donated."""

    __slots__ = ("_aval", "donated")

    def __init__(self, aval, donated=False):
        self._aval, self.donated = aval, donated

    shape = property(lambda self: self._aval.shape)
    dtype = property(lambda self: self._aval.dtype)

    def __repr__(self):
        return f"ArgInfo(_aval={self._aval!r}, donated={self.donated})"


class CompiledMemoryStats:
    """Sizes in bytes of what one call of a compiled program needs."""

    generated_code_size_in_bytes = 0
    alias_size_in_bytes = 0
    host_generated_code_size_in_bytes = host_alias_size_in_bytes = 0
    host_argument_size_in_bytes = host_output_size_in_bytes = (
        host_temp_size_in_bytes
    ) = 0

    def __init__(self, arguments, outputs, temporaries):
        self.argument_size_in_bytes = arguments
        self.output_size_in_bytes = outputs
        self.temp_size_in_bytes = temporaries
        self.peak_memory_in_bytes = arguments + outputs + temporaries

    def __repr__(self):
        return (
            f"CompiledMemoryStats(argument_size_in_bytes={self.argument_size_in_bytes}, "
            f"output_size_in_bytes={self.output_size_in_bytes}, "
            f"temp_size_in_bytes={self.temp_size_in_bytes})"
        )


class _Stage:
    """A function at one signature, on its way to an executable."""

    _no_kwargs = False  # whether it may be called with positional arguments only

    def __init__(self, traced, donated=(), places=None, keep_unused=False):
        self._traced, self._donated = traced, donated
        self._keep_unused = keep_unused
        # Where arguments lie, results will, and where they were asked for, if known
        self._places = places
        self.in_tree, self.out_tree = traced.in_tree, traced.out_tree
        self.fun_name = traced.name

    def _state(self):
        """What the next stage is made from."""
        return self._traced, self._donated, self._places, self._keep_unused

    @property
    def args_info(self):
        """The tree of `ArgInfo` of (args, kwargs)."""
        avals = self._traced.closed.in_avals
        infos = [ArgInfo(a, k in self._donated) for k, a in enumerate(avals)]
        return unflatten(self.in_tree, infos)

    @property
    def in_avals(self):
        """The tree of avals of (args, kwargs)."""
        return unflatten(self.in_tree, self._traced.closed.in_avals)

    @property
    def out_avals(self):
        """The tree of avals of the results."""
        return unflatten(self.out_tree, self._traced.closed.out_avals)

    @property
    def out_info(self):
        """The tree of shapes and dtypes of the results."""
        return self._structs(self._traced.closed.out_avals)

    def _structs(self, avals):
        asked = () if self._places is None else self._places[2]
        return unflatten(self.out_tree, structs(avals, asked))

    @property
    def donate_argnums(self):
        """The numbers of the donated leaves."""
        return tuple(sorted(self._donated))


def _lojax(closed):
    """A closed jaxpr in terms of arrays."""
    return core.hi_rules.lower(closed) if core.hi_rules.in_use else closed


def _typed(aval):
    return aval.str_short()


class _Compiling(_Stage):
    """A stage in which weak types play no part any more."""

    @property
    def out_info(self):
        """The tree of shapes and dtypes of the results."""
        avals = [a.strip_weak_type() for a in self._traced.closed.out_avals]
        return self._structs(avals)


class Traced(_Stage):
    """A function's jaxpr for one signature."""

    @property
    def jaxpr(self):
        """The closed jaxpr."""
        return self._traced.closed

    @property
    def lojax(self):
        """This stage for a jaxpr in terms of arrays."""
        return LoweredJaxpr(_lojax(self.jaxpr))

    def lower(self, **_):
        """Lower to a program of the C backend."""
        return Lowered(*self._state())


class LoweredJaxpr(NamedTuple):
    """The jaxpr of a function in terms of arrays."""

    jaxpr: Any


class Lowered(_Compiling):
    """A function as a program of the C backend."""

    def __init__(self, traced, *options):
        check_lowerable(_lojax(traced.closed).marks)
        super().__init__(traced, *options)

    def as_text(self, dialect=None, *, debug_info=False):
        """The program: its buffers and instructions; with dialect="c", as one C file;
        with dialect="hlo", as a module of HLO.
        """
        if dialect == "hlo":
            module = self.compiler_ir(dialect).as_hlo_module()
            return module.written(whole=True, metadata=debug_info)
        compiled = dispatch.compiled(self._traced.closed, self.fun_name)
        if dialect == "c":
            return compiled.executable.as_c()
        return "\n".join(map(repr, compiled.executable.module.programs))

    def compiler_ir(self, dialect=None):
        """The backend's module object; with dialect="hlo", one that gives the text of it
        as HLO.
        """
        if dialect == "hlo":
            hlo = importlib.import_module("minijax.hlo.text")
            closed = self._traced.closed
            info = closed.jaxpr.debug_info
            return hlo.XlaComputation(closed, self.fun_name, info and info.arg_names)
        return dispatch.compiled(self._traced.closed, self.fun_name).executable.module

    def cost_analysis(self):
        """FLOPs and bytes, counted from the jaxpr."""
        return cost(self._traced.closed)

    def compile(self, compiler_options=None):
        """The executable.  The options are checked, and change nothing."""
        check_compiler_options(compiler_options)
        if self._traced.is_program():  # else each call does more than that
            dispatch.compiled(self._traced.closed, self.fun_name)
        return Compiled(*self._state())


class _CallParams(NamedTuple):
    """What calls of an executable need to know."""

    in_tree: Any
    out_tree: Any
    const_args: tuple
    no_kwargs: bool


class Compiled(_Compiling):
    """An executable for one signature; call it with arguments of that signature."""

    _called = False

    def __call__(self, *args, **kwargs):
        flat, in_tree = flatten((args, kwargs))
        if in_tree != self.in_tree:
            raise self._other_tree(in_tree)
        self._check_types(flat)
        if not self._called:
            self._called = True
            stats.event("stages_compiled_call")
        outs = self._run(flat)
        if self._donated:
            delete_donated(flat, self._traced.donation(self._donated, False))
        places = self._places_of(1)
        if any(place is not None for place in places):
            outs = [placed(x, place) for x, place in zip(outs, places, strict=True)]
        return unflatten(self.out_tree, outs)

    def _run(self, flat):
        closed = self._traced.closed
        if not self._traced.is_program():
            return call_jaxpr(closed, *flat, name=self.fun_name)
        return dispatch.compiled(closed, self.fun_name)(flat)

    def _places_of(self, side):
        """Where arguments (0) lie or results (1) shall; None where nothing says it."""
        if self._places is not None:
            return self._places[side]
        return [None] * (self.out_tree if side else self.in_tree).num_leaves

    def _check_types(self, flat):
        avals = self._traced.closed.in_avals
        wrong = []
        for k, (x, aval) in enumerate(zip(flat, avals, strict=True)):
            if isinstance(x, core.Tracer):
                raise TypeError(
                    "Cannot apply JAX transformations to a function lowered and compiled "
                    "for a particular signature. Detected argument of Tracer type "
                    f"{type(x)}."
                )
            got = core.get_aval(x)
            if not same_type(got, getattr(aval, "aval", aval)):
                wrong.append(
                    f"Argument {self._argument(k)} compiled with {_typed(aval)} and "
                    f"called with {_typed(got)}"
                )
        if wrong:
            raise TypeError(
                "Argument types differ from the types for which this computation was "
                "compiled. Perhaps you are calling the compiled executable with a "
                "different enable_x64 mode than when it was AOT compiled? The mismatches "
                "are:\n" + "\n".join(wrong)
            )

    def _argument(self, k):
        """How leaf `k` of (args, kwargs) is reached."""
        numbered = unflatten(self.in_tree, range(self.in_tree.num_leaves))
        path = tree_flatten_with_path(numbered)[0][k][0]
        if path[0].idx == 1:
            return f"'{path[1].key}{keystr(path[2:])}'"
        names = self._traced.arg_names
        place = path[1].idx
        name = names[place] if place < len(names) else f"args[{place}]"
        return f"'{name}{keystr(path[2:])}'"

    def _other_tree(self, in_tree):
        rows = list(equality_errors_pytreedef(self.in_tree, in_tree))
        said = "\n".join(
            f"    * at {('args', 'kwargs')[path[0].idx]}{keystr(path[1:])}, seen {want} "
            f"but now given {got}, so {why}"
            for path, want, got, why in rows
        )
        return TypeError(
            "Function compiled with input pytree does not match the input pytree it was "
            f"called with. There are {len(rows)} mismatches, including:\n{said}"
        )

    call = __call__

    def as_text(self):
        """The program: its buffers and instructions."""
        return Lowered(self._traced).as_text()

    def cost_analysis(self):
        """FLOPs and bytes, counted from the jaxpr."""
        return cost(self._traced.closed)

    def memory_analysis(self):
        """Bytes of arguments, results and temporaries of one call."""
        closed = self._traced.closed
        run = dispatch.compiled(closed, self.fun_name)
        return CompiledMemoryStats(
            sum(a.size * a.dtype.itemsize for a in closed.in_avals),
            sum(a.size * a.dtype.itemsize for a in closed.out_avals),
            run.executable.program.arena_bytes,
        )

    def runtime_executable(self):
        """The backend's executable."""
        return dispatch.compiled(self._traced.closed, self.fun_name).executable

    @property
    def _params(self):
        """What a call needs to know: constants are in the program, not arguments."""
        return _CallParams(self.in_tree, self.out_tree, (), self._no_kwargs)

    @property
    def _executable(self):
        """What the program takes of the arguments."""
        closed = self._traced.closed
        _, reads = dce(closed.jaxpr)
        kept = [k for k, read in enumerate(reads) if read or self._keep_unused]
        return _Taken(set(kept), [closed.in_avals[k] for k in kept])

    @property
    def input_shardings(self):
        """The tree of shardings of (args, kwargs)."""
        leaves = [place or DEFAULT_SHARDING for place in self._places_of(0)]
        return unflatten(self.in_tree, leaves)

    @property
    def output_shardings(self):
        """The tree of shardings of the results."""
        leaves = [place or DEFAULT_SHARDING for place in self._places_of(1)]
        return unflatten(self.out_tree, leaves)

    @property
    def input_formats(self):
        """The tree of formats of (args, kwargs)."""
        return _formats(self.in_tree, self._traced.closed.in_avals)

    @property
    def output_formats(self):
        """The tree of formats of the results."""
        return _formats(self.out_tree, self._traced.closed.out_avals)


class _Taken:
    """The leaves of the arguments that a program reads: their numbers and avals."""

    def __init__(self, numbers, avals):
        self._kept_var_idx, self.in_avals = numbers, avals


def _formats(tree, avals):
    """The tree of formats of arrays of these avals: in row-major order."""
    row_major = importlib.import_module("minijax.experimental.layout").row_major
    return unflatten(tree, [row_major(aval, DEFAULT_SHARDING) for aval in avals])
