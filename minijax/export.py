"""A function at one signature, apart from the Python code it came from (`jax.export`).

What is exported is the jaxpr. Sizes in it may be symbols (`dims`): a call finds their values
in the shapes of its arguments, and runs the jaxpr at these.
"""

import contextvars
import dataclasses
import functools
import importlib
from typing import Any

import numpy as np

from minijax import config, export_bytes
from minijax._pytree import flatten, unflatten
from minijax.alias import missing_attribute
from minijax.api.differentiate import vjp as pullback
from minijax.control.call import PjitFunction, is_own, jit
from minijax.control.custom_vjp import custom_vjp
from minijax.control.jit_rules import call_jaxpr
from minijax.core import ClosedJaxpr, argument_aval
from minijax.dims.expr import Dim
from minijax.dims.expr import is_symbolic_dim as is_symbolic_dim
from minijax.dims.instantiate import instantiate
from minijax.dims.scope import SymbolicScope as SymbolicScope
from minijax.dims.solve import Solver
from minijax.dims.specs import symbolic_args_specs as symbolic_args_specs
from minijax.dims.specs import symbolic_shape as symbolic_shape
from minijax.dispatch import canonicalize_dtype_handlers
from minijax.export_bytes import (
    register_namedtuple_serialization as register_namedtuple_serialization,
)
from minijax.export_bytes import (
    register_pytree_node_serialization as register_pytree_node_serialization,
)
from minijax.trace import trace
from minijax.transforms.dce import dce
from minijax.tree_util import equality_errors, keystr, tree_flatten_with_path

canonicalize_dtype_handlers[Dim] = Dim.as_value  # which nothing is outside of a trace

__all__ = [
    "DisabledSafetyCheck", "Exported", "SymbolicScope", "default_export_platform",
    "deserialize", "export", "is_symbolic_dim", "register_namedtuple_serialization",
    "register_pytree_node_serialization", "symbolic_args_specs", "symbolic_shape",
]  # fmt: skip

minimum_supported_calling_convention_version = 9
maximum_supported_calling_convention_version = 10


class DisabledSafetyCheck:
    """A check that is to be left out."""

    def __init__(self, _impl: str):
        self._impl = _impl

    @classmethod
    def platform(cls) -> "DisabledSafetyCheck":
        """That a function runs where it was exported for."""
        return cls("platform")

    @classmethod
    def custom_call(cls, target_name: str) -> "DisabledSafetyCheck":
        """That a foreign function is known to be stable; none is called here."""
        return cls(f"custom_call:{target_name}")

    def is_custom_call(self) -> str | None:
        """The name of the foreign function, or None."""
        return self._impl.partition("custom_call:")[2] or None

    def __repr__(self):
        return self._impl

    def __eq__(self, other):
        return isinstance(other, DisabledSafetyCheck) and self._impl == other._impl

    def __hash__(self):
        return hash(self._impl)


@dataclasses.dataclass(frozen=True)
class Exported:
    """A function that was exported: `call` runs it.

    in_avals, out_avals: the types of the flat arguments and results; in_tree: of (args,
    kwargs); platforms: where it may be called.
    """

    fun_name: str
    in_tree: Any
    in_avals: tuple
    out_tree: Any
    out_avals: tuple
    platforms: tuple[str, ...]
    closed: ClosedJaxpr
    disabled_safety_checks: tuple = ()
    nr_devices: int = 1
    calling_convention_version: int = maximum_supported_calling_convention_version
    in_specs: tuple = ()  # how flat arguments were said to lie over a mesh, or None
    out_specs: tuple = ()
    calls_symbolic: bool = False  # whether it calls an exported function with symbols
    # of one that was read from bytes: its derivative's, or None
    derivative: "Exported | None" = None
    was_read: bool = False

    ordered_effects = unordered_effects = ()

    @property
    def uses_global_constants(self) -> bool:
        """Whether sizes in it are symbols."""
        return bool(self._solver.variables) or self.calls_symbolic

    @functools.cached_property
    def _solver(self):
        shapes = [
            (_path_to(self.in_tree, k), aval.shape)
            for k, aval in enumerate(self.in_avals)
        ]
        return Solver(shapes)

    def __repr__(self):
        return f"Exported(fun_name={self.fun_name}, ...)"

    @property
    def in_shardings_hlo(self) -> tuple:
        """How each flat argument is split: on one device, not at all."""
        return (None,) * len(self.in_avals)

    @property
    def out_shardings_hlo(self) -> tuple:
        """How each flat result is split: on one device, not at all."""
        return (None,) * len(self.out_avals)

    def in_shardings_jax(self, mesh) -> tuple:
        """How each flat argument lies over a mesh; None where nothing was said of it."""
        return _over(mesh, self.in_specs or (None,) * len(self.in_avals))

    def out_shardings_jax(self, mesh) -> tuple:
        """How each flat result lies over a mesh; None where nothing was said of it."""
        return _over(mesh, self.out_specs or (None,) * len(self.out_avals))

    @property
    def module_kept_var_idx(self) -> tuple[int, ...]:
        """Which of the flat arguments are read."""
        _, reads = dce(self.closed.jaxpr)
        return tuple([k for k, read in enumerate(reads) if read])

    def call(self, *args, **kwargs):
        """The function's results, also within transformations.

        ValueError for other trees, shapes, dtypes or platforms than it was exported for.
        """
        around = _exporting.get()
        used = (default_export_platform(),) if around is None else around.platforms
        check = DisabledSafetyCheck.platform()
        if {*used} - {*self.platforms} and check not in self.disabled_safety_checks:
            raise ValueError(
                f"Function '{self.fun_name}' was exported for platforms "
                f"'{self.platforms}' but it is used on '{used}'."
            )
        if around is not None:
            around.calls_symbolic |= self.uses_global_constants
        flat, tree = flatten((args, kwargs))
        if tree != self.in_tree:
            raise ValueError(_other_tree(self, tree))
        given = list(map(argument_aval, flat))
        for k, aval in enumerate(self.in_avals):
            _check_argument(tree, k, given[k], aval)
        plain = not self.was_read and not self._solver.variables
        run = self._call_flat if plain else self._call_with_derivative
        return unflatten(self.out_tree, run(*flat))

    def _call_flat(self, *flat):
        closed = self._at_sizes_of(flat) if self._solver.variables else self.closed
        return call_jaxpr(closed, *flat, name=self.fun_name)

    def _at_sizes_of(self, flat):
        """What is exported, at the sizes that these arguments have."""
        shapes = tuple([argument_aval(x).shape for x in flat])
        key = "at sizes", shapes
        found = self.closed.memo.get(key)
        if found is None:
            env = self._solver.values(shapes)
            found = self.closed.memo[key] = instantiate(self.closed, env)
        return found

    def _call_with_derivative(self, *flat):
        call = custom_vjp(self._call_flat)
        call.defvjp(lambda *flat: (self._call_flat(*flat), flat), self._pull_back)
        return call(*flat)

    def _pull_back(self, flat, cts):
        given = [
            np.zeros(aval.shape, aval.dtype) if aval.dtype.kind == "V" else ct
            for aval, ct in zip(_cotangents(self.out_avals), cts, strict=True)
        ]
        return tuple(self.vjp().call(*flat, *given))

    def check_sizes(self) -> None:
        """ValueError where the shapes of arguments do not say what all sizes are."""
        self._solver.check_known([n for aval in self.out_avals for n in aval.shape])

    def has_vjp(self) -> bool:
        """Whether there is a derivative."""
        return not self.was_read or self.derivative is not None

    def vjp(self) -> "Exported":
        """The function from flat arguments and cotangents of the results to cotangents of
        the arguments.  ValueError where it was not serialized.
        """
        if self.derivative is not None:
            return self.derivative
        if self.was_read:
            raise ValueError("No VJP is available")
        n = len(self.in_avals)

        def fun_vjp_jax(*args):
            run = functools.partial(call_jaxpr, self.closed, name=self.fun_name)
            _, back = pullback(run, *args[:n])
            return back(list(args[n:]))

        avals = [*self.in_avals, *_cotangents(self.out_avals)]
        closed = trace(lambda *flat: list(fun_vjp_jax(*flat)), avals)
        return Exported(
            fun_name="fun_vjp_jax",
            in_tree=flatten(((0,) * len(avals), {}))[1],
            in_avals=tuple(avals),
            out_tree=flatten((0,) * n)[1],
            out_avals=tuple(closed.out_avals),
            platforms=self.platforms,
            closed=closed,
            disabled_safety_checks=self.disabled_safety_checks,
        )

    def serialize(self, vjp_order: int = 0) -> bytearray:
        """The function as bytes for `deserialize`, with so many derivatives.

        ValueError for trees with nodes that were not registered for that.
        """
        derivative = self.vjp().serialize(vjp_order - 1) if vjp_order > 0 else None
        names = (
            "fun_name", "in_avals", "out_avals", "platforms", "closed", "nr_devices",
            "calling_convention_version", "in_specs", "out_specs", "calls_symbolic",
        )  # fmt: skip
        fields = {name: getattr(self, name) for name in names}
        fields["disabled_safety_checks"] = list(map(str, self.disabled_safety_checks))
        written = export_bytes.write(fields, self.in_tree, self.out_tree, derivative)
        return bytearray(written)


class _Exporting:
    """What is known of an export while its function is traced."""

    def __init__(self, platforms):
        self.platforms, self.calls_symbolic = platforms, False


_exporting: contextvars.ContextVar[_Exporting | None] = contextvars.ContextVar(
    "minijax_exporting", default=None
)


def _over(mesh, specs):
    named = importlib.import_module("minijax.named_sharding")
    return tuple([None if s is None else named.NamedSharding(mesh, s) for s in specs])


def _specs_of(places):
    """The partition specs among places; () where there is none."""
    specs = tuple([getattr(place, "spec", None) for place in places])
    return specs if any(spec is not None for spec in specs) else ()


def _checked_version():
    """The version of the calling convention that is asked for.  ValueError for others."""
    version = config.values.jax_export_calling_convention_version
    least = minimum_supported_calling_convention_version
    most = maximum_supported_calling_convention_version
    if not least <= version <= most:
        raise ValueError(
            f"The requested export calling convention version {version} is outside the "
            f"range of supported versions [{least}..{most}]"
        )
    return version


def _cotangents(avals):
    return [aval.to_tangent_aval() for aval in avals]


def _path_to(tree, k):
    """`args[0]` or `kwargs['b']`: where the leaf `k` of the arguments stands."""
    paths, _ = tree_flatten_with_path(unflatten(tree, range(tree.num_leaves)))
    return _spelled(paths[k][0])


def _spelled(path):
    if not path:
        return "args_kwargs"
    return ("args", "kwargs")[path[0].idx] + keystr(path[1:])


def _check_argument(tree, k, got, aval):
    if got.dtype != aval.dtype:
        what = f"expected {aval.dtype} and called with {got.dtype}"
        raise ValueError(f"Dtype mismatch for {_path_to(tree, k)}: {what}")
    shapes = f"expected {aval.shape} and called with {got.shape}"
    if got.ndim != aval.ndim:
        raise ValueError(f"Rank mismatch for {_path_to(tree, k)}: {shapes}")
    for axis, (a, b) in enumerate(zip(got.shape, aval.shape, strict=True)):
        if not isinstance(b, Dim) and a != b:
            raise ValueError(
                f"Shape mismatch for {_path_to(tree, k)}.shape[{axis}] (expected same "
                f"constant): {shapes}"
            )


def _other_tree(exported, tree):
    given, wanted = (unflatten(t, [0] * t.num_leaves) for t in (tree, exported.in_tree))
    found = "\n".join(
        f"   - {_spelled(path)} is a {a} in the invocation and a {b} when exported, so "
        f"{why}.\n"
        for path, a, b, why in equality_errors(given, wanted)
    )
    return (
        "The invocation args and kwargs must have the same pytree structure as when the "
        f"function '{exported.fun_name}' was exported, but they have the following "
        f"structural differences:\n{found}"
    )


def default_export_platform():
    """The platform that functions are exported for where none is named."""
    return "cpu"


def export(fun_jit, *, platforms=None, disabled_checks=()):
    """A function of example arguments (or their types) that gives an `Exported`.

    fun_jit: a function that `jit` made, or one of the library's, else ValueError.
    platforms: names of platforms, by default this one.
    disabled_checks: `DisabledSafetyCheck`s.
    """
    if not isinstance(fun_jit, PjitFunction) and is_own(fun_jit):
        fun_jit = jit(fun_jit)
    if not isinstance(fun_jit, PjitFunction):
        raise ValueError(
            f"Function to be exported must be the result of `jit` but is: {fun_jit}"
        )
    where = tuple(platforms or (default_export_platform(),))

    def export_at(*args, **kwargs):
        version = _checked_version()
        _check_scopes(fun_jit, (args, kwargs))
        around = _Exporting(where)
        token = _exporting.set(around)
        try:
            traced = fun_jit.trace(*args, **kwargs)
        finally:
            _exporting.reset(token)
        closed = traced.jaxpr
        ins, _, outs = traced._places
        exported = Exported(
            fun_name=traced.fun_name,
            in_tree=traced.in_tree,
            in_avals=tuple(closed.in_avals),
            out_tree=traced.out_tree,
            out_avals=tuple(closed.out_avals),
            platforms=where,
            closed=closed,
            disabled_safety_checks=tuple(disabled_checks),
            calling_convention_version=version,
            in_specs=_specs_of(ins),
            out_specs=_specs_of(outs),
            calls_symbolic=around.calls_symbolic,
        )
        exported.check_sizes()
        return exported

    return export_at


def _check_scopes(fun, args_kwargs):
    """ValueError where the arguments' symbolic sizes are of several scopes."""
    first = None
    for path, x in tree_flatten_with_path(args_kwargs)[0]:
        for n in getattr(x, "shape", ()):
            if not isinstance(n, Dim):
                continue
            if first is None:
                first = n.scope, _spelled(path)
            first[0].check_same(
                n,
                f"when exporting {getattr(fun, '__name__', fun)}",
                f"current (from {first[1]}) ",
                _spelled(path),
            )


def deserialize(blob: Any) -> Exported:
    """The function of what `Exported.serialize` gave: bytes that one trusts, since reading
    them may run any code.  ValueError for other bytes.
    """
    fields, in_tree, out_tree, derivative = export_bytes.read(blob)
    checks = fields.pop("disabled_safety_checks")
    return Exported(
        in_tree=in_tree,
        out_tree=out_tree,
        disabled_safety_checks=tuple(map(DisabledSafetyCheck, checks)),
        derivative=None if derivative is None else deserialize(derivative),
        was_read=True,
        **fields,
    )


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
