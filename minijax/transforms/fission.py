"""Jaxpr → jaxpr whose loops do in each turn only what must be done turn by turn.

Loop distribution (Kennedy and Allen, "Optimizing Compilers for Modern Architectures",
5.4) around matrix products: of few rows in a turn, they cost much less for all turns at
once.

*sums*: a carry that only adds up products becomes one product over all turns.
*late*: a product with a constant that only reaches stacked outputs is made after the loop,
with what reads it.
*early*: a product of slices of `xs` with a constant is made before the loop.

What depends on constants alone is computed before the loop, too; of a `while`, only that.

What a loop computes stays the same but for the order in which sums are made.  Arrays with
a row for each turn take memory: no more of it than the loop's own such arrays, or than
`_FREE_BYTES`.
"""

import importlib
import math
from typing import Any

from minijax.core import (
    AxisData,
    ClosedJaxpr,
    HigherOrderPrimitive,
    Jaxpr,
    JaxprEqn,
    Var,
)
from minijax.transforms.batching import batch_jaxpr
from minijax.transforms.dce import dce
from minijax.transforms.rotation import rotate

_LEAST_TURNS = 4
_FEW_ROWS = 64  # of a product in one turn; with more it is efficient as it is
_FREE_BYTES = 4 << 20
_FEW_NUMBERS = 16  # of an index that stays in a loop's body
# No work: as inputs of what needs them they are views.
_VIEWS = frozenset(
    ["broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose", "iota", "slice",
     "rev", "copy", "convert_element_type"]
)  # fmt: skip


def fission(closed):
    """The closed jaxpr with its scans distributed; itself where nothing changes."""
    if fission not in closed.memo:
        eqns = [new for eqn in closed.jaxpr.eqns for new in _distributed(eqn)]
        same = len(eqns) == len(closed.jaxpr.eqns) and all(
            a is b for a, b in zip(eqns, closed.jaxpr.eqns, strict=True)
        )
        # None for itself: a jaxpr that refers to itself waits for the collector.
        closed.memo[fission] = (
            None if same else closed.replace(closed.jaxpr.replace(eqns=eqns))
        )
    known = closed.memo[fission]
    return closed if known is None else known


def _distributed(eqn):
    """The equations that take the place of one."""
    if not isinstance(eqn.primitive, HigherOrderPrimitive):
        return [eqn]
    params = {name: _inside(param) for name, param in eqn.params.items()}
    if any(params[name] is not eqn.params[name] for name in params):
        eqn = eqn.replace(params=params)
    if eqn.marks:
        return [eqn]
    if eqn.primitive.name == "while" and not params["body_jaxpr"].consts:
        *before, eqn = [eqn] if params["cond_jaxpr"].consts else rotate(eqn, _VIEWS)
        return [*before, *_with_less_in_body(eqn)]
    if eqn.primitive.name != "scan" or params["length"] < _LEAST_TURNS:
        return [eqn]
    return [eqn] if params["jaxpr"].consts else _Loop(eqn).distribute()


def _inside(param) -> Any:
    """A parameter with the programs in it distributed."""
    if type(param) is ClosedJaxpr:
        return fission(param)
    if type(param) is tuple and param and type(param[0]) is ClosedJaxpr:
        new = tuple(map(fission, param))
        return param if all(a is b for a, b in zip(new, param, strict=True)) else new
    return param


class _Loop:
    """One scan: what stays in it, and the equations before and after it."""

    def __init__(self, eqn):
        self.eqn, params = eqn, eqn.params
        body = params["jaxpr"].jaxpr
        self.length, n_consts = params["length"], params["num_consts"]
        n = n_consts + params["num_carry"]
        self.consts = dict(zip(body.invars[:n_consts], eqn.invars, strict=False))
        self.carry = body.invars[n_consts:n]
        self.init = eqn.invars[n_consts:n]
        self.xs = dict(zip(body.invars[n:], eqn.invars[n:], strict=True))
        self.eqns = body.eqns
        self.outs = list(zip(body.outvars, eqn.outvars, strict=True))
        self.carry_outs = self.outs[: params["num_carry"]]
        self.ys = self.outs[params["num_carry"] :]
        self.maker = {var: e for e in self.eqns for var in e.outvars}
        self.uses = _uses(self.eqns, body.outvars)
        self.before, self.after = [], []
        self.stacked = {}  # variable of the body -> all its turns' values, after the loop
        self.given = {}  # variable of the body -> all its values, made before the loop
        self.invariant = _depending_only_on(self.consts, self.eqns)
        own = eqn.invars[n:] + eqn.outvars[params["num_carry"] :]
        self.budget = max(_FREE_BYTES, sum(_nbytes(a.aval) for a in own))

    def distribute(self):
        """The equations that do what the scan did."""
        self._sum_products()
        self._sum_stacked()
        self._late()
        self._early()
        outs = [v for v, _ in self.outs]
        hoisted = _hoist(self.eqns, self.consts, outs, self._spend_once)
        before, self.eqns, self.consts = hoisted
        self.before += before
        if not self.before and not self.after:
            return [self.eqn]
        return [*self.before, *self._what_is_left(), *self.after]

    # --- what is known of the body

    def _is_varying(self, atom):
        return type(atom) is Var and atom not in self.invariant

    def _is_few_rows(self, eqn):
        """Whether an equation is a product of a few varying rows with a constant."""
        if eqn.primitive.name != "dot_general":
            return False
        varying = [self._is_varying(a) for a in eqn.invars]
        if sum(varying) != 1:
            return False
        side = varying.index(True)
        contract, batch = eqn.params["dimension_numbers"]
        shape, fixed = eqn.invars[side].aval.shape, {*contract[side], *batch[side]}
        rows = math.prod(n for d, n in enumerate(shape) if d not in fixed)
        return not batch[side] and rows < _FEW_ROWS

    def _spend(self, nbytes):
        """Whether that many bytes for each turn are within what may be used."""
        nbytes *= self.length
        if nbytes > self.budget:
            return False
        self.budget -= nbytes
        return True

    def _spend_once(self, nbytes):
        """The same for arrays that do not depend on the turn."""
        return self._spend(-(-nbytes // self.length))

    def _all_turns(self, var):
        """The outer atom with the values of every turn; stacked from now on."""
        if var in self.xs:
            return self.xs[var]
        if var not in self.stacked:
            self.stacked[var] = Var(_stacked(var.aval, self.length))
        return self.stacked[var]

    def _cost_of(self, variables):
        """Bytes for each turn that stacking these takes anew."""
        new = {v for v in variables if v not in self.xs and v not in self.stacked}
        return sum(_nbytes(v.aval) for v in new)

    # --- sums over the turns

    def _added(self, place):
        """What a carry adds up, and the equation that does; None where it does not."""
        var, (out, _) = self.carry[place], self.carry_outs[place]
        eqn = self.maker.get(out)
        if eqn is None or eqn.primitive.name not in ("add", "add_any"):
            return None
        if self.uses[out] != 1 or self.uses.get(var) != 1 or var not in eqn.invars:
            return None
        value = eqn.invars[1 - eqn.invars.index(var)]
        if not self._is_varying(value) or value.aval.shape != var.aval.shape:
            return None
        return value, eqn

    def _sums(self):
        """(place, value, equation) of the carries that add up values, the last first."""
        for place in reversed(range(len(self.carry))):
            found = self._added(place)
            if found is not None:
                yield place, *found

    def _only_made_by(self, var, name):
        eqn = self.maker.get(var)
        found = eqn is not None and eqn.primitive.name == name and self.uses[var] == 1
        return eqn if found else None

    def _sum_products(self):
        for place, value, add in self._sums():
            moved = self._only_made_by(value, "transpose")
            product = self._only_made_by(
                value if moved is None else moved.invars[0], "dot_general"
            )
            if product is None or not all(map(self._is_varying, product.invars)):
                continue
            cost = self._cost_of(product.invars)
            if cost > _nbytes(value.aval) or not self._spend(cost):
                continue
            total = self._bind_after(
                product,
                map(self._all_turns, product.invars),
                _over_turns(product.params),
            )
            if moved is not None:
                total = self._bind_after(moved, [total], moved.params)
            self._end_carry(place, total, add)

    def _sum_stacked(self):
        """Carries that add up what has an array of all turns anyway."""
        for place, value, add in self._sums():
            inner = self._only_made_by(value, "reduce_sum")
            source = value if inner is None else inner.invars[0]
            if source not in self.stacked and source not in self.xs:
                continue
            axes = () if inner is None else inner.params["axes"]
            params = {
                "axes": (0, *(d + 1 for d in axes)),
                "out_sharding": None,
            }
            total = Var(value.aval)
            self.after.append(
                JaxprEqn(_reduce_sum(), [self._all_turns(source)], [total], params,
                         source=add.source)
            )  # fmt: skip
            self._end_carry(place, total, add)

    def _bind_after(self, eqn, ins, params):
        """An equation like that one after the loop; its result."""
        out = Var(eqn.outvars[0].aval)
        self.after.append(eqn.replace(invars=list(ins), outvars=[out], params=params))
        return out

    def _end_carry(self, place, total, add):
        """Let a carry end as its first value plus the total."""
        _, outer = self.carry_outs.pop(place)
        self.after.append(
            add.replace(invars=[self.init[place], total], outvars=[outer])
        )
        del self.carry[place], self.init[place]

    # --- after the loop

    def _late(self):
        needed = self._needed_inside()
        late = [e for e in self.eqns if not any(v in needed for v in e.outvars)]
        moved, reached = [], set()
        for eqn in late:
            if self._is_few_rows(eqn) or any(a in reached for a in _variables(eqn)):
                moved.append(eqn)
                reached.update(eqn.outvars)
        results = [(v, outer) for v, outer in self.ys if v in reached]
        if len({v for v, _ in results}) < len(results) or not _may_move(moved):
            return
        if not results:
            return
        sources = [v for v in _read_from_outside(moved) if v not in self.invariant]
        cost = self._cost_of(sources) + _made(moved) - sum(
            _nbytes(v.aval) for v, _ in results
        )  # fmt: skip
        if not self._spend(max(0, cost)):
            return
        outers = [outer for _, outer in results]
        atoms = [self._all_turns(v) for v in sources]
        if not self._for_all_turns(moved, sources, atoms, results, self.after):
            return
        self.ys = [(v, outer) for v, outer in self.ys if outer not in outers]

    def _needed_inside(self):
        """The variables from which the carries and the stacked values follow."""
        needed = {v for v, _ in self.carry_outs if type(v) is Var}
        needed.update(self.stacked)
        for eqn in reversed(self.eqns):
            if eqn.marks or any(v in needed for v in eqn.outvars):
                needed.update(eqn.outvars)
                needed.update(_variables(eqn))
        return needed

    # --- before the loop

    def _early(self):
        known = _depending_only_on([*self.consts, *self.xs], self.eqns)
        products = [
            e for e in self.eqns
            if self._is_few_rows(e) and all(v in known for v in _variables(e))
        ]  # fmt: skip
        if not products:
            return
        results = [e.outvars[0] for e in products]
        moved = self._slice_of(results)
        if not _may_move(moved) or not self._spend(_made(moved)):
            return
        sources = [v for v in _read_from_outside(moved) if v in self.xs]
        atoms = [self.xs[v] for v in sources]
        given = {v: Var(_stacked(v.aval, self.length)) for v in results}
        if self._for_all_turns(moved, sources, atoms, list(given.items()), self.before):
            self.given = given

    def _slice_of(self, results):
        """The equations, in order, that these variables need beyond constants."""
        needed, found = set(results), []
        for eqn in reversed(self.eqns):
            if any(v in needed and v not in self.invariant for v in eqn.outvars):
                found.append(eqn)
                needed.update(_variables(eqn))
        return found[::-1]

    # --- both

    def _for_all_turns(self, moved, sources, atoms, results, place):
        """Append the equations over all turns; whether that could be done.

        sources: variables that change from turn to turn, with all their turns' `atoms`;
        results: pairs of a variable and the outer one for all its turns.
        """
        needed = _read_from_outside(moved)
        moved = [*_slice_of_invariants(self.eqns, self.invariant, needed), *moved]
        consts = [v for v in _read_from_outside(moved) if v in self.consts]
        inner = Jaxpr([], [*consts, *sources], [v for v, _ in results], moved)
        dims = [None] * len(consts) + [0] * len(sources)
        batched, _ = batch_jaxpr(
            ClosedJaxpr(inner), AxisData(self.length), dims, force=True
        )
        jaxpr = batched.jaxpr
        made = {v for e in jaxpr.eqns for v in e.outvars}
        if batched.consts or len(made.intersection(jaxpr.outvars)) < len(results):
            return False  # a result that no equation makes cannot be given its name
        outer = [*(self.consts[v] for v in consts), *atoms]
        names = dict(zip(jaxpr.invars, outer, strict=True))
        for var, (_, result) in zip(jaxpr.outvars, results, strict=True):
            names[var] = result
        for eqn in jaxpr.eqns:
            ins = [names.get(a, a) if type(a) is Var else a for a in eqn.invars]
            outs = [names.get(v, v) for v in eqn.outvars]
            place.append(eqn.replace(invars=ins, outvars=outs))
        return True

    def _what_is_left(self):
        """The scan itself, if anything is."""
        outs = self.carry_outs + self.ys + list(self.stacked.items())
        if not outs:
            return []
        gone = set(self.given)
        eqns = [e for e in self.eqns if not any(v in gone for v in e.outvars)]
        xs = {**self.xs, **self.given}
        body, read = dce(
            Jaxpr([], [*self.consts, *self.carry, *xs], [v for v, _ in outs], eqns)
        )
        n_consts, n = len(self.consts), len(self.consts) + len(self.carry)
        keep = [used or n_consts <= k < n for k, used in enumerate(read)]
        outer = [*self.consts.values(), *self.init, *xs.values()]
        body = body.replace(invars=_kept(body.invars, keep))
        params = {
            **self.eqn.params,
            "jaxpr": ClosedJaxpr(body),
            "num_consts": sum(keep[:n_consts]),
            "num_carry": len(self.carry),
        }
        return [
            self.eqn.replace(
                invars=_kept(outer, keep), outvars=[v for _, v in outs], params=params
            )
        ]


def _with_less_in_body(eqn):
    """A `while` equation, after those of its body that follow from its constants."""
    params, body = eqn.params, eqn.params["body_jaxpr"].jaxpr
    first, n = params["cond_nconsts"], params["body_nconsts"]
    consts = dict(zip(body.invars[:n], eqn.invars[first:], strict=False))
    budget = max(_FREE_BYTES, sum(_nbytes(a.aval) for a in eqn.invars))
    before, eqns, consts = _hoist(
        body.eqns, consts, body.outvars, lambda nbytes: nbytes <= budget
    )
    if not before:
        return [eqn]
    read = _uses(eqns, body.outvars)
    consts = {v: atom for v, atom in consts.items() if v in read}
    body = Jaxpr([], [*consts, *body.invars[n:]], body.outvars, eqns)
    params = {**params, "body_nconsts": len(consts), "body_jaxpr": ClosedJaxpr(body)}
    invars = [*eqn.invars[:first], *consts.values(), *eqn.invars[first + n :]]
    return [*before, eqn.replace(invars=invars, params=params)]


# --- what follows from a loop's constants ---------------------------------------------


def _depending_only_on(variables, eqns):
    """The variables that follow from these alone, these included."""
    found = set(variables)
    for eqn in eqns:
        if eqn.marks or eqn.primitive.stays:
            continue
        if all(a in found for a in _variables(eqn)):
            found.update(eqn.outvars)
    return found


def _slice_of_invariants(eqns, invariant, variables):
    """The equations over constants alone that these variables need, in order."""
    needed, found = set(variables), []
    for eqn in reversed(eqns):
        if any(v in needed and v in invariant for v in eqn.outvars):
            found.append(eqn)
            needed.update(_variables(eqn))
    return found[::-1]


def _is_index(eqn):
    """Whether an equation puts a few numbers together, as an index."""
    return (
        eqn.primitive.name == "concatenate" and eqn.outvars[0].aval.size <= _FEW_NUMBERS
    )


def _hoist(eqns, consts, outs, spend):
    """Compute before a loop what follows from its constants by more than views; an index
    made of literals stays a constant of the body.

    consts: variable of the body -> atom outside; outs: what the body returns; spend(nbytes):
    whether values of that size may be kept.  The equations to go before, those left, and the
    constants that these have.
    """
    invariant, literal = _depending_only_on(consts, eqns), _depending_only_on((), eqns)
    work = [
        e for e in eqns
        if all(v in invariant for v in e.outvars) and e.primitive.name not in _VIEWS
        and not (_is_index(e) and e.outvars[0] in literal)
    ]  # fmt: skip
    made, moved = [v for e in work for v in e.outvars], set(work)
    left = [e for e in eqns if e not in moved]
    read = _uses(left, outs)
    results = [v for v in made if v in read]
    if not results or not spend(sum(_nbytes(v.aval) for v in made)):
        return [], eqns, consts
    names, before = dict(consts), []
    for eqn in _slice_of_invariants(eqns, invariant, made):
        outvars = [Var(v.aval) for v in eqn.outvars]
        ins = [names.get(a, a) if type(a) is Var else a for a in eqn.invars]
        names.update(zip(eqn.outvars, outvars, strict=True))
        before.append(eqn.replace(invars=ins, outvars=outvars))
    return before, left, {**consts, **{v: names[v] for v in results}}


def _reduce_sum():
    # Loaded at its first use: most programs have no such sum.
    return importlib.import_module("minijax.ops.reduce").reduce_sum_p


def _kept(values, keep):
    return [v for v, wanted in zip(values, keep, strict=True) if wanted]


def _variables(eqn):
    return [a for a in eqn.invars if type(a) is Var]


def _uses(eqns, outs):
    """variable -> how many equations and outputs read it."""
    found = {}
    for atoms in (*(e.invars for e in eqns), outs):
        for atom in atoms:
            if type(atom) is Var:
                found[atom] = found.get(atom, 0) + 1
    return found


def _read_from_outside(eqns):
    """The variables that equations read and do not make, in order."""
    made = {v for e in eqns for v in e.outvars}
    return list(dict.fromkeys(v for e in eqns for v in _variables(e) if v not in made))


def _may_move(eqns):
    return not any(e.marks or e.primitive.stays for e in eqns)


def _nbytes(aval):
    return aval.size * getattr(aval.dtype, "itemsize", 8)


def _made(eqns):
    """Bytes of everything that the equations make in a turn."""
    return sum(_nbytes(v.aval) for e in eqns for v in e.outvars)


def _stacked(aval, length):
    return aval.update(shape=(length, *aval.shape))


def _over_turns(params):
    """The parameters of a product that contracts a new first axis as well."""
    contract, batch = params["dimension_numbers"]
    shifted = [[d + 1 for d in dims] for dims in (*contract, *batch)]
    numbers = (
        ((0, *shifted[0]), (0, *shifted[1])),
        (tuple(shifted[2]), tuple(shifted[3])),
    )
    return {**params, "dimension_numbers": numbers}
