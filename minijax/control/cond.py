"""cond and switch: branches of which the runtime runs one (the rules: `cond_rules`)."""

from collections.abc import Sequence

import numpy as np

from minijax import config, core, dtypes
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import equality_errors_pytreedef
from minijax.control.body import (
    as_array,
    avals_of,
    forwarded,
    leaf_paths,
    listed,
    pruned,
    same_type,
    trace_body,
    type_name,
    why_unlike,
)
from minijax.control.cond_rules import cond_p
from minijax.control.ref_checks import check_operands
from minijax.core import ClosedJaxpr
from minijax.ops.comparison import ne
from minijax.ops.convert import convert_element_type
from minijax.ops.define import scalar
from minijax.ops.select import clamp
from minijax.trace import describe_function
from minijax.traceback_util import api_boundary
from minijax.transforms import ad
from minijax.tree_util import keystr

_ABSENT = object()
_COND_NAMES = ("false_fun", "true_fun")


def switch_names(n):
    """What errors call the branches of a switch over n functions."""
    return ["branch 0", *[f"branch{k}" for k in range(1, n)]]


@api_boundary
def cond(pred, true_fun, false_fun, *operands, operand=_ABSENT, linear=None):
    """`true_fun(*operands) if pred else false_fun(*operands)`; only one branch runs.

    TypeError where pred is not a scalar, or the branches' results differ in tree or
    type.
    """
    if not (callable(true_fun) and callable(false_fun)):
        if len(operands) == 2 and callable(false_fun) and callable(operands[1]):
            return _cond_of_two(pred, true_fun, false_fun, *operands)
        raise TypeError(
            "lax.cond: true_fun and false_fun arguments should be callable."
        )
    operands = _with_keyword(operands, operand)
    aval = _scalar_predicate(pred)
    if config.values.jax_disable_jit and ad.concrete(pred) is not None:
        return (true_fun if ad.concrete(pred) else false_fun)(*operands)
    if aval.dtype != bool:
        pred = ne(pred, scalar(aval.dtype, 0))
    index = convert_element_type(pred, np.int32)
    return bind_branches("cond", index, (false_fun, true_fun), operands, _COND_NAMES)


def _with_keyword(operands, operand):
    if operand is _ABSENT:
        return operands
    if operands:
        raise TypeError(
            "if 'operand' keyword is passed then no positional operands can be passed, "
            f"got {operand=} and positional operands {operands}"
        )
    return (operand,)


def _cond_of_two(pred, true_operand, true_fun, false_operand, false_fun):
    """The older form of `cond`, with an operand for each branch."""
    return cond(
        pred,
        lambda x, _: true_fun(x),
        lambda _, y: false_fun(y),
        true_operand,
        false_operand,
    )


def _scalar_predicate(pred):
    if pred is None:
        raise TypeError("cond predicate is None")
    if isinstance(pred, Sequence):
        raise TypeError(f"Pred must be a scalar, got {pred} of type {type(pred)}")
    if np.ndim(pred):
        raise TypeError(f"Pred must be a scalar, got {pred} of shape {np.shape(pred)}.")
    try:
        aval = core.get_aval(pred)
    except TypeError:
        raise TypeError(
            f"Pred type must be either boolean or number, got {pred}."
        ) from None
    if aval.dtype != bool and not any(
        dtypes.issubdtype(aval.dtype, kind) for kind in (np.integer, np.floating)
    ):
        raise TypeError(
            f"Pred type must be either boolean or number, got {aval.dtype}."
        )
    return aval


@api_boundary
def switch(index, branches, *operands, operand=_ABSENT):
    """`branches[clamp(index)](*operands)`; only that branch runs.

    TypeError where index is not an integer scalar, or the branches' results differ in
    tree or type.
    """
    if not all(callable(branch) for branch in branches):
        raise TypeError(
            "lax.switch: branches argument should be a sequence of callables."
        )
    operands = _with_keyword(operands, operand)
    _check_index(index)
    branches = tuple(branches)
    if not branches:
        raise ValueError("Empty branch sequence")
    if len(branches) == 1:
        return branches[0](*operands)
    index = convert_element_type(index, np.int32)
    index = clamp(np.int32(0), index, np.int32(len(branches) - 1))
    if config.values.jax_disable_jit and ad.concrete(index) is not None:
        return branches[int(ad.concrete(index))](*operands)
    return bind_branches(
        "switch", index, branches, operands, switch_names(len(branches))
    )


def _check_index(index):
    if np.shape(index):
        raise TypeError(
            f"Branch index must be scalar, got {index} of shape {np.shape(index)}."
        )
    try:
        dtype = dtypes.result_type(index)
    except TypeError:
        raise TypeError(f"Index type must be an integer, got {index}.") from None
    if not dtypes.issubdtype(dtype, np.integer):
        raise TypeError(f"Index type must be an integer, got {index} as {dtype.name}")


def bind_branches(what, index, funs, operands, names, **params):
    """Trace the functions and bind `cond_p`; `what` and `names` are for errors.

    TypeError where the branches' results differ in tree or type.
    """
    flat, in_tree = flatten(operands)
    avals = avals_of(flat)
    check_operands(what, funs[0], operands)
    traced = [trace_body(fun, in_tree, avals, what) for fun in funs]
    for fun, (_, consts, _) in zip(funs, traced, strict=True):
        check_operands(what, fun, operands, consts)
    _check_agreement(what, funs, traced, names)
    branches, consts, out_tree = _joined(traced)
    given = [*consts, *flat]
    places = [
        column[0] if len({*column}) == 1 else None
        for column in zip(*[forwarded(b.jaxpr) for b in branches], strict=True)
    ]
    keep = [place is None for place in places]
    branches = tuple([pruned(b, keep, [False] * len(given)) for b in branches])
    outs = iter(cond_p.bind(index, *given, branches=branches, **params))
    outs = [next(outs) if place is None else as_array(given[place]) for place in places]
    return unflatten(out_tree, outs)


def _check_agreement(what, funs, traced, names):
    """TypeError where branches give results of other trees or types."""
    last = len(funs) - 1
    # The two branches of `cond` are told in the order that they are written in.
    pairs = [(1, 0)] if what == "cond" else [(0, k) for k in range(1, last + 1)]
    for one, other in pairs:
        (a, _, tree), (b, _, other_tree) = traced[one], traced[other]
        name, other_name = names[one], names[other]
        if tree == other_tree and all(map(same_type, a.out_avals, b.out_avals)):
            continue
        of = (
            f"{name} is {describe_function(funs[one])}\n"
            f"{other_name} is {describe_function(funs[other])}\n\n"
        )
        revise = f"\n\nRevise {name} and/or {other_name} so that "
        if tree != other_tree:
            rows = [
                f"{name} output{_at(keystr(path))} is a {want} but {other_name} "
                f"output{_at(keystr(path))} is a {got}, so {why}"
                for path, want, got, why in equality_errors_pytreedef(tree, other_tree)
            ]
            said = listed(rows) if len(rows) > 1 else f"{rows[0]}."
            raise TypeError(
                f"{what} branch outputs must have the same pytree structure, but they "
                f"differ:\n\n{of}{said}{revise}they have the same pytree structure."
            )
        rows = [
            f"the output of {name}{_at(path)} has type {type_name(x)} but the "
            f"corresponding output of {other_name} has type {type_name(y)}, so "
            f"{why_unlike(x, y)}"
            for path, x, y in zip(
                leaf_paths(tree), a.out_avals, b.out_avals, strict=True
            )
            if not same_type(x, y)
        ]
        raise TypeError(
            f"{what} branches must have equal output types but they differ.\n\n{of}"
            f"{listed(rows)}{revise}all output types match."
        )


def _at(path):
    return f" at path {path}" if path else ""


def _joined(traced):
    """Branches over the constants of all of them: (tuple, constants, tree of results).

    A constant that several branches have is one input of all.
    """
    out_tree = traced[0][2]
    consts, slots = [], []
    for _, mine, _ in traced:
        taken = []
        for c in mine:
            slot = next(
                (k for k, d in enumerate(consts) if d is c and k not in taken), None
            )
            if slot is None:
                slot = len(consts)
                consts.append(c)
            taken.append(slot)
        slots.append(tuple(taken))
    key = _joined, tuple(id(closed) for closed, _, _ in traced[1:]), tuple(slots)
    first = traced[0][0]
    known = first.memo.get(key)
    if known is None or any(
        a is not b for a, (b, _, _) in zip(known[1], traced, strict=True)
    ):
        every = [t[0] for t in traced]
        branches = _over_slots(every, slots, len(consts))
        known = first.memo[key] = branches, every
    return known[0], consts, out_tree


def _over_slots(branches, slots, n_slots):
    """Branches with `n_slots` leading inputs, each with its own constants at its slots."""
    variables = {
        slot: var
        for closed, taken in zip(branches, slots, strict=True)
        for slot, var in zip(taken, closed.jaxpr.invars, strict=False)
    }
    wide = []
    for closed, taken in zip(branches, slots, strict=True):
        jaxpr = closed.jaxpr
        leading = [variables[k].twin() for k in range(n_slots)]
        for slot, var in zip(taken, jaxpr.invars, strict=False):
            leading[slot] = var
        operands = jaxpr.invars[len(taken) :]
        wide.append(ClosedJaxpr(jaxpr.replace(invars=leading + operands)))
    return tuple(wide)
