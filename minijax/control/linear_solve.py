"""Solvers given as functions, with the derivatives of what they solve.

`custom_linear_solve` is linear in its right side, `custom_root` differentiates by the
implicit function theorem: neither looks into the solver.
"""

import functools
from collections import namedtuple

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.body import avals_of, debug_info_of, trace_body
from minijax.control.custom_jvp import custom_jvp
from minijax.core import HigherOrderPrimitive, Zero, is_undefined_primal
from minijax.ops.arithmetic import neg
from minijax.ops.define import add_tangents, define, instantiate
from minijax.ops.identities import stop_gradient
from minijax.traceback_util import api_boundary
from minijax.transforms import ad, batching
from minijax.transforms.evaluate import evaluate

_LinearSolveTuple = namedtuple(
    "_LinearSolveTuple", "matvec vecmat solve transpose_solve"
)


def _transposed(parts):
    return _LinearSolveTuple(
        parts.vecmat, parts.matvec, parts.transpose_solve, parts.solve
    )


def _divide(values, lengths):
    """(one list for each part, the values after them)."""
    groups, at = [], 0
    for n in lengths:
        groups.append(list(values[at : at + n]))
        at += n
    return _LinearSolveTuple(*groups), list(values[at:])


def _joined(groups):
    return [x for group in groups for x in group]


# --- custom_linear_solve --------------------------------------------------------------


@api_boundary
def custom_linear_solve(
    matvec, b, solve, transpose_solve=None, symmetric=False, has_aux=False
):
    """The x with matvec(x) = b, as `solve(matvec, b)` finds it.

    Args:
        matvec: a linear function of pytrees like `b`, to pytrees like `b`.
        b: the right side, a pytree of arrays.
        solve: `solve(matvec, b) -> x`; with `has_aux`, `-> (x, aux)`.
        transpose_solve: `transpose_solve(vecmat, b) -> x` solves the transposed
            system; needed for reverse-mode differentiation.
        symmetric: matvec is its own transpose, and `solve` serves for it.
        has_aux: return (x, aux), aux being anything else that `solve` reports.

    x is differentiated as the solution, whatever `solve` does.  ValueError or TypeError
    where the functions' results are not like `b`.
    """
    if transpose_solve is None and symmetric:
        transpose_solve = solve
    flat, tree = flatten(b)
    avals = avals_of(flat)
    in_tree = flatten((b,))[1]
    matvec = _with_hash(matvec)
    apply, apply_consts, out_tree = trace_body(
        matvec, in_tree, avals, "custom_linear_solve"
    )
    _check_like("matvec", out_tree, apply.out_avals, tree, avals)
    solver, solver_consts, solved_tree = _trace_solve(
        "custom_linear_solve solve", solve, matvec, in_tree, avals
    )
    x_tree, x_avals = solved_tree, solver.out_avals
    if has_aux:
        x_tree, x_avals = _without_aux("solve", solved_tree, solver.out_avals)
    _check_like("solve", x_tree, x_avals, tree, avals)
    back = back_solver = None
    back_consts = back_solver_consts = []
    if transpose_solve is not None:
        if symmetric:
            back, back_consts, vecmat = apply, apply_consts, matvec
        else:
            vecmat = _transpose_of(matvec, avals, in_tree, tree)
            back, back_consts, _ = trace_body(vecmat, in_tree, avals, "vecmat")
        back_solver, back_solver_consts, back_tree = _trace_solve(
            "custom_linear_solve transpose_solve",
            transpose_solve, vecmat, in_tree, avals,
        )  # fmt: skip
        x_tree, x_avals = back_tree, back_solver.out_avals
        if has_aux:
            x_tree, x_avals = _without_aux(
                "transpose_solve", back_tree, back_solver.out_avals
            )
        _check_like("transpose_solve", x_tree, x_avals, tree, avals)
    consts = _LinearSolveTuple(
        apply_consts, back_consts, solver_consts, back_solver_consts
    )
    outs = linear_solve_p.bind(
        *_joined(consts),
        *flat,
        const_lengths=_LinearSolveTuple(*map(len, consts)),
        jaxprs=_LinearSolveTuple(apply, back, solver, back_solver),
    )
    return unflatten(solved_tree, outs)


def _with_hash(fun):
    """`fun`, or a function that calls it where it has no hash: JAX needs none here."""
    try:
        hash(fun)
    except TypeError:
        return lambda x: fun(x)
    return fun


def _trace_solve(what, solve, matvec, in_tree, avals):
    def inner(b):
        return solve(matvec, b)

    inner.debug_info_of = functools.partial(
        debug_info_of, what, solve, static_places=(0,)
    )
    return trace_body(inner, in_tree, avals, what)


def _without_aux(what, tree, avals):
    """Tree and avals of x alone, of the pair (x, aux)."""
    parts = tree.children()
    if len(parts) != 2:
        raise ValueError(
            f"{what}() produced a pytree with structure {tree}, but a pytree tuple with "
            "auxiliary output was expected because has_aux was set to True."
        )
    return parts[0], list(avals[: parts[0].num_leaves])


def _shapes(avals):
    return [a.shape for a in avals]


def _check_like(what, tree, avals, wanted_tree, wanted):
    if _shapes(avals) != _shapes(wanted):
        raise ValueError(
            f"{what}() output shapes must match b, got {_shapes(avals)} and "
            f"{_shapes(wanted)}"
        )
    if tree != wanted_tree:
        raise TypeError(
            f"{what}() output pytree structure must match b, got {tree} and "
            f"{wanted_tree}."
        )


def _transpose_of(matvec, avals, in_tree, tree):
    """The transpose of a linear function of one pytree, as a function."""

    def flat(*leaves):
        return flatten(matvec(*unflatten(in_tree, leaves)))[0]

    def vecmat(y):
        closed = ad.trace_linear(flat, avals)
        args = [core.UndefinedPrimal(aval) for aval in avals]
        cts = ad.backward_pass(closed.jaxpr, closed.consts, args, flatten(y)[0])
        return unflatten(tree, [instantiate(ct) for ct in cts])

    return vecmat


# --- its rules ------------------------------------------------------------------------


def _solve_shape(*avals, const_lengths, jaxprs):
    return jaxprs.solve.out_avals


def _solve_reference(*args, const_lengths, jaxprs):
    consts, b = _divide(args, const_lengths)
    return evaluate(jaxprs.solve, *consts.solve, *b)


def _solve_jvp(primals, tangents, *, const_lengths, jaxprs):
    """A x = b, so A x' = b' - A' x; how `solve` works does not matter."""
    params = {"const_lengths": const_lengths, "jaxprs": jaxprs}
    outs = linear_solve_p.bind(*primals, **params)
    consts, _ = _divide(primals, const_lengths)
    t_consts, t_b = _divide(tangents, const_lengths)
    n = len(t_b)
    if any(type(t) is not Zero for t in t_consts.matvec):
        moved = _apply_tangent(jaxprs.matvec, consts.matvec, t_consts.matvec, outs[:n])
        t_b = [
            add_tangents(t, Zero(m.aval) if type(m) is Zero else neg(m))
            for t, m in zip(t_b, moved, strict=True)
        ]
    if all(type(t) is Zero for t in t_b):
        return outs, [Zero.of(x) for x in outs]
    t_b = [instantiate(t) for t in t_b]
    solved = linear_solve_p.bind(*_joined(consts), *t_b, **params)
    return outs, [*solved[:n], *[Zero.of(x) for x in outs[n:]]]


def _apply_tangent(matvec, consts, t_consts, x):
    """A' x."""

    def apply(*consts):
        return core.eval_jaxpr(matvec.jaxpr, matvec.consts, *consts, *x)

    return ad.jvp(apply, consts, t_consts)[1]


def _solve_transpose(cts, *args, const_lengths, jaxprs):
    if jaxprs.transpose_solve is None:
        raise TypeError(
            "transpose_solve required for backwards mode automatic differentiation of "
            "custom_linear_solve"
        )
    consts, b = _divide(args, const_lengths)
    assert all(map(is_undefined_primal, b))
    cts = [instantiate(ct) for ct in cts[: len(b)]]
    outs = linear_solve_p.bind(
        *_joined(_transposed(consts)),
        *cts,
        const_lengths=_transposed(const_lengths),
        jaxprs=_transposed(jaxprs),
    )
    return [None] * sum(const_lengths) + list(outs[: len(b)])


def _solve_batch(axis, args, dims, *, const_lengths, jaxprs):
    consts, b = _divide(args, const_lengths)
    const_dims, b_dims = _divide(dims, const_lengths)
    n = len(b)
    mapped = [d is not None for d in b_dims]
    for _ in range(n + 1):
        derived, grown = _batch_parts(axis, jaxprs, const_dims, tuple(mapped))
        if grown == mapped:
            break
        mapped = grown
    flat_consts = batching.all_to_front(axis, _joined(consts), _joined(const_dims))
    b = [
        batching.match_axis(axis, x, d, 0) if m else x
        for x, d, m in zip(b, b_dims, mapped, strict=True)
    ]
    outs = linear_solve_p.bind(
        *flat_consts, *b, const_lengths=const_lengths, jaxprs=derived.jaxprs
    )
    return outs, derived.out_dims


_Batched = namedtuple("_Batched", "jaxprs out_dims")


def _batch_parts(axis, jaxprs, const_dims, mapped):
    """The parts over a batch where `mapped` values have a batch axis.

    Returns (batched parts, which values must have one for all parts to agree).
    """
    n = len(mapped)
    value_dims = tuple(0 if m else None for m in mapped)
    parts, grown, out_dims = {}, list(mapped), None
    for role in _LinearSolveTuple._fields:
        closed = getattr(jaxprs, role)
        parts[role] = closed
        if closed is None:
            continue
        front = batching.front_dims(getattr(const_dims, role))
        n_aux = len(closed.out_avals) - n
        force = (*mapped, *[False] * n_aux)
        parts[role], found = batching.batch_jaxpr(
            closed, axis, front + value_dims, force
        )
        if role == "solve":
            out_dims = found
        for k in range(n):
            grown[k] = grown[k] or found[k] is not None
    return _Batched(_LinearSolveTuple(**parts), out_dims), grown


def _solve_lower(b, ins, out_avals, *, const_lengths, jaxprs):
    consts, right = _divide(ins, const_lengths)
    return b.inline(jaxprs.solve, [*consts.solve, *right])


linear_solve_p = define(
    "custom_linear_solve",
    cls=HigherOrderPrimitive,
    shape=_solve_shape,
    reference=_solve_reference,
    jvp=_solve_jvp,
    transpose=_solve_transpose,
    batch=_solve_batch,
    lower=_solve_lower,
)

# --- custom_root ----------------------------------------------------------------------


@api_boundary
def custom_root(f, initial_guess, solve, tangent_solve, has_aux=False):
    """The x with f(x) = 0, as `solve(f, initial_guess)` finds it.

    Args:
        f: a function of a pytree like `initial_guess`, to one like it.
        solve: `solve(f, initial_guess) -> x`; with `has_aux`, `-> (x, aux)`.
        tangent_solve: `tangent_solve(g, y)` gives the x with g(x) = y for linear g.

    x is differentiated by the implicit function theorem: with f depending on further
    values c, x' = -(df/dx)^-1 (df/dc) c'.  TypeError where results are not like the
    guess.
    """
    guess, tree = flatten(initial_guess)
    in_tree = flatten((initial_guess,))[1]
    avals = avals_of(guess)
    f_jaxpr, f_consts, f_tree = trace_body(f, in_tree, avals, "custom_root")
    _check_root("f", f_tree, tree)
    solver, solver_consts, out_tree = _trace_solve(
        "custom_root solve", solve, f, in_tree, avals
    )
    x_tree = out_tree
    if has_aux:
        x_tree, _ = _without_aux("solve", out_tree, solver.out_avals)
    _check_root("solve", x_tree, tree)

    def step(flat_x, consts):
        return core.eval_jaxpr(f_jaxpr.jaxpr, f_jaxpr.consts, *consts, *flat_x)

    def tangent(x, y):
        x, y = flatten(x)[0], flatten(y)[0]
        return unflatten(
            tree, _solve_tangent(step, tangent_solve, x, f_consts, y, tree)
        )

    # What is wrong with it is said here, though it runs only in derivatives
    pair = flatten((initial_guess, initial_guess))[1]
    what = "custom_root tangent_solve"
    tangent.debug_info_of = functools.partial(debug_info_of, what, tangent_solve)
    trace_body(tangent, pair, [*avals, *avals], what)

    @custom_jvp
    def _custom_root(f_consts, solver_consts, guess):
        return core.eval_jaxpr(solver.jaxpr, solver.consts, *solver_consts, *guess)

    @_custom_root.defjvp
    def _root_jvp(primals, tangents):
        consts, t_consts = primals[0], tangents[0]
        outs = _custom_root(*primals)
        n = len(guess)
        x = outs[:n]
        moved = _root_tangent(step, x, consts, t_consts)
        x_dot = _solve_tangent(step, tangent_solve, x, consts, moved, tree)
        rest = [instantiate(Zero.of(aux)) for aux in outs[n:]]
        return outs, [*[neg(t) for t in x_dot], *rest]

    outs = _custom_root(f_consts, solver_consts, [stop_gradient(x) for x in guess])
    return unflatten(out_tree, outs)


def _check_root(what, tree, wanted, like="initial_guess"):
    if tree != wanted:
        raise TypeError(
            f"{what}() output pytree structure must match {like}, got {tree} and "
            f"{wanted}."
        )


def _root_tangent(step, x, consts, t_consts):
    """(df/dc) c' at x."""
    if not consts:
        return [instantiate(Zero.of(value)) for value in x]
    moving = [
        Zero.of(c) if core.get_aval(t).dtype != core.get_aval(c).dtype else t
        for c, t in zip(consts, t_consts, strict=True)
    ]
    _, out = ad.jvp(lambda *c: step(x, c), consts, moving)
    return [instantiate(t) for t in out]


def _solve_tangent(step, tangent_solve, x, consts, y, tree):
    """The solution of (df/dx) z = y."""
    _, linear, out_nonzero = ad.linearize(
        lambda *values: step(values, consts), x, [True] * len(x), [True] * len(x)
    )
    assert all(out_nonzero)

    def apply(z):
        outs = core.eval_jaxpr(linear.jaxpr, linear.consts, *flatten(z)[0])
        return unflatten(tree, outs)

    solved, solved_tree = flatten(tangent_solve(apply, unflatten(tree, y)))
    _check_root("tangent_solve", solved_tree, tree, "x")
    return solved
