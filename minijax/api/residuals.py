"""What reverse mode keeps of a function: `saved_residuals`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.control.call import parameters
from minijax.core import Literal
from minijax.trace import DebugInfo, JaxprTrace, describe_function
from minijax.transforms import ad
from minijax.transforms.dce import dce
from minijax.tree_util import keystr, tree_flatten_with_path


def saved_residuals(f: Callable, *args: Any, **kwargs: Any) -> list[tuple[Any, str]]:
    """(aval, where it comes from) of every value that the derivative of `f` keeps."""
    flat, in_tree = flatten((args, kwargs))

    def flat_fun(*leaves):
        given, named = unflatten(in_tree, leaves)
        return flatten(f(*given, **named))[0]

    level = JaxprTrace(
        core.current_trace(), DebugInfo("saved_residuals", describe_function(f))
    )
    tracers = [level.new_arg(core.get_aval(x)) for x in flat]
    nonzero = tuple([dtypes.issubdtype(t.dtype, np.inexact) for t in tracers])
    try:
        with core.set_current_trace(level):
            _, linear, _ = ad.linearize(flat_fun, tracers, nonzero)
        jaxpr, _ = level.finish([t.variable for t in tracers], linear.consts)
    finally:
        level.valid = False
    return _described(dce(jaxpr)[0], _argument_names(f, args, kwargs))


def _argument_names(f, args, kwargs):
    """The name of each leaf: its parameter's, and the path within it."""
    known = parameters(f)
    names = () if known is None else known.names
    found = []
    for k, arg in enumerate(args):
        name = names[k] if k < len(names) else f"args[{k}]"
        found += [name + keystr(path) for path, _ in tree_flatten_with_path(arg)[0]]
    for name in sorted(kwargs):
        paths = tree_flatten_with_path(kwargs[name])[0]
        found += [name + keystr(path) for path, _ in paths]
    return found


def _described(jaxpr, names):
    kept = {v for v in jaxpr.outvars if type(v) is not Literal}
    found = [(v.aval, "from a literal") for v in jaxpr.outvars if type(v) is Literal]
    found += [(v.aval, "from a constant") for v in jaxpr.constvars if v in kept]
    found += [
        (v.aval, f"from the argument {name}")
        for v, name in zip(jaxpr.invars, names, strict=True)
        if v in kept
    ]
    for eqn in jaxpr.eqns:
        where = core.describe_source(eqn.source)
        found += [
            (v.aval, f"{_maker(eqn)} from {where}") for v in eqn.outvars if v in kept
        ]
    return found


def _maker(eqn):
    """What an equation is called in the list."""
    if eqn.primitive.name == "name":
        return f"named '{eqn.params['name']}'"
    if eqn.primitive.name == "jit":
        return f"output of jitted function '{eqn.params['name']}'"
    if eqn.primitive.name == "scan":
        return "output of closed_call"  # what JAX calls the loop's known part
    return f"output of {eqn.primitive.name}"


def print_saved_residuals(f: Callable, *args: Any, **kwargs: Any) -> None:
    """Print every value that the derivative of `f` keeps, one a line."""
    for aval, where in saved_residuals(f, *args, **kwargs):
        print(f"{aval.str_short(short_dtypes=True)} {where}")
