"""A function at one signature, apart from the Python code it came from (`jax.export`).

What is exported is the jaxpr, in this process: it has no form as bytes and no symbolic
sizes.
"""

import dataclasses
from typing import Any

from minijax._pytree import flatten, unflatten
from minijax.alias import missing_attribute
from minijax.control.call import PjitFunction, call_jaxpr
from minijax.core import ClosedJaxpr, argument_aval

__all__ = ["Exported", "default_export_platform", "export", "is_symbolic_dim"]


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
    closed: ClosedJaxpr = dataclasses.field(repr=False)
    nr_devices: int = 1

    def call(self, *args, **kwargs):
        """The function's results, also within transformations.

        ValueError for other trees, shapes, dtypes or platforms than it was exported for.
        """
        here = default_export_platform()
        if here not in self.platforms:
            raise ValueError(
                f"Function '{self.fun_name}' was exported for platforms "
                f"'{self.platforms}' but it is used on '{(here,)}'."
            )
        flat, tree = flatten((args, kwargs))
        if tree != self.in_tree:
            raise ValueError(
                "The invocation args and kwargs must have the same tree structure as when "
                f"the function '{self.fun_name}' was exported, but they differ: "
                f"{self.in_tree} and {tree}"
            )
        for k, (x, aval) in enumerate(zip(flat, self.in_avals, strict=True)):
            got = argument_aval(x)
            if (got.shape, got.dtype) != (aval.shape, aval.dtype):
                raise ValueError(
                    f"Argument {k} of the exported function '{self.fun_name}' must be "
                    f"{aval.str_short()}, got {got.str_short()}"
                )
        return unflatten(
            self.out_tree, call_jaxpr(self.closed, *flat, name=self.fun_name)
        )


def default_export_platform():
    """The platform that functions are exported for where none is named."""
    return "cpu"


def export(fun_jit, *, platforms=None, disabled_checks=()):
    """A function of example arguments (or their types) that gives an `Exported`.

    fun_jit: a function that `jit` made, else ValueError.
    platforms: names of platforms, by default this one.
    disabled_checks: accepted; there are no calls of foreign code to be checked.
    """
    if not isinstance(fun_jit, PjitFunction):
        raise ValueError(
            f"Function to be exported must be the result of `jit` but is: {fun_jit}"
        )
    where = (default_export_platform(),) if platforms is None else tuple(platforms)

    def export_at(*args, **kwargs):
        traced = fun_jit.trace(*args, **kwargs)
        closed = traced.jaxpr
        return Exported(
            fun_name=traced.fun_name,
            in_tree=traced.in_tree,
            in_avals=tuple(closed.in_avals),
            out_tree=traced.out_tree,
            out_avals=tuple(a.strip_weak_type() for a in closed.out_avals),
            platforms=where,
            closed=closed,
        )

    return export_at


def is_symbolic_dim(p):
    """Whether a size is symbolic; none is."""
    return False


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
