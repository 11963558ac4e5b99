"""Between which numbers an expression of sizes surely lies.

Each monomial is a name of its own, and what is known is a set of linear inequalities: what
the user requires, that variables are at least 1, and what the operations mean (`mod(a, 4)` is
less than 4). The least value of the expression under these is its bound.
"""

import itertools
import math
from collections.abc import Iterable
from typing import Any

from minijax.dims.expr import (
    FLOORDIV,
    MAX,
    MIN,
    MOD,
    ONE,
    Atom,
    Dim,
    InconclusiveDimensionOperation,
    Monomial,
    is_finite,
    is_symbolic_dim,
    operation,
    scope_of,
    terms_of,
)
from minijax.dims.simplex import IMPOSSIBLE, UNBOUNDED, minimum

# Of so many `max` and `min` both cases are looked at; of more, only what holds in both.
_MOST_CASES = 5


class Knowledge:
    """Inequalities, to which those that an expression brings are added as it is met.

    constraints: what the user requires, of `equal`, `difference` and `text`.  ValueError
    where these contradict each other.
    """

    def __init__(self, constraints: Iterable = ()):
        self.inequalities: list[tuple[dict, int]] = []
        self.met: set[Monomial] = set()
        self.cases: dict[Monomial, list] = {}  # `max` and `min` that were met
        for equal, difference, text in constraints:
            self.meet(difference)
            self.require(difference)
            if equal:  # as it stands: as sizes, the two sides are the same
                self._require_terms({m: -k for m, k in difference.terms.items()})
            if self.extreme({}) == IMPOSSIBLE:
                raise ValueError(f"Unsatisfiable constraint: {text}")
        for monomial in dict.fromkeys(m for row, _ in self.inequalities for m in row):
            self._round(monomial)

    def copy(self) -> "Knowledge":
        """The same inequalities, to which more can be added."""
        found = Knowledge()
        found.inequalities, found.met = list(self.inequalities), set(self.met)
        found.cases = dict(self.cases)
        return found

    def _round(self, monomial):
        """Add bounds of one monomial that follow from its being a whole number."""
        for sign in (1, -1):
            least = self.extreme({monomial: sign})
            if least not in (UNBOUNDED, IMPOSSIBLE) and least.denominator > 1:
                self.inequalities.append(({monomial: sign}, -math.ceil(least)))

    def bounds(self, size):
        """(lower, upper) bounds of a size: numbers, or infinities where none was found."""
        if not is_symbolic_dim(size):
            return size, size
        self.meet(size)
        form, offset = _split(terms_of(size))
        lower = self.extreme(form)
        upper = self.extreme({m: -k for m, k in form.items()})
        if IMPOSSIBLE in (lower, upper):
            raise ValueError(f"Unsatisfiable constraints, met at '{size}'")
        return (
            -math.inf if lower == UNBOUNDED else math.ceil(lower) + offset,
            math.inf if upper == UNBOUNDED else offset - math.ceil(upper),
        )

    def extreme(self, form) -> Any:
        """The least value of a linear form of monomials, in all cases together."""
        known = self._connected(form)
        names = {name for row, _ in known for name in row}
        split = [m for m in self.cases if m in names or m in form][:_MOST_CASES]
        least = IMPOSSIBLE
        for chosen in itertools.product(*[self.cases[m] for m in split]):
            found = minimum(form, known + [x for case in chosen for x in case])
            if found == UNBOUNDED:
                return UNBOUNDED
            if found != IMPOSSIBLE:
                least = found if least == IMPOSSIBLE else min(least, found)
        return least

    def _connected(self, form):
        """The inequalities that have to do with a form; all, for the empty form."""
        if not form:
            return self.inequalities
        names, rest, found = set(form), self.inequalities, []
        while True:
            near = [x for x in rest if not names.isdisjoint(x[0])]
            if not near:
                return found
            found += near
            rest = [x for x in rest if names.isdisjoint(x[0])]
            for row, _ in near:
                names.update(row)
            for m in [m for m in self.cases if m in names]:
                names.update(*[row for case in self.cases[m] for row, _ in case])

    def require(self, size):
        """Add that a size is not negative."""
        self._require_terms(terms_of(size))

    def _require_terms(self, terms):
        found = _inequality(terms)
        if found is not None:
            self.inequalities.append(found)

    def between(self, size, lower, upper):
        """Add bounds of a size, where they are numbers."""
        if is_finite(lower):
            self.require(size - int(lower))
        if is_finite(upper):
            self.require(int(upper) - size)

    def meet(self, size):
        """Add what the monomials of a size bring along."""
        for monomial in terms_of(size):
            if monomial.powers and monomial not in self.met:
                self.met.add(monomial)
                self._meet_monomial(monomial, scope_of(size))

    def _meet_monomial(self, monomial, scope):
        atom = monomial.atom()
        if atom is None:
            return self._meet_product(monomial, scope)
        itself = _as_size(monomial, scope)
        if not atom.operands:
            return self.require(itself - 1)
        for operand in atom.operands:
            self.meet(operand)
        return _MEET[atom.name](self, itself, monomial, *atom.operands)

    def _meet_product(self, monomial, scope):
        lower = upper = 1
        for atom, n in monomial.powers.items():
            low, high = self._atom_bounds(atom, scope)
            ends = [_times(a, b) for a in (lower, upper) for b in (low**n, high**n)]
            lower, upper = min(ends), max(ends)
        self.between(_as_size(monomial, scope), lower, upper)

    def _atom_bounds(self, atom: Atom, scope):
        return self.bounds(_as_size(Monomial({atom: 1}), scope))

    def _meet_mod(self, itself, monomial, whole, divisor):
        low, high = self.bounds(divisor)
        if low > 0:
            self.require(itself)
            self.require(divisor - 1 - itself)
            self.between(itself, 0, high - 1)
        elif high < 0:
            self.require(-itself)
            self.require(itself - divisor - 1)
            self.between(itself, low + 1, 0)

    def _meet_floordiv(self, itself, monomial, whole, divisor):
        ends, by = self.bounds(whole), self.bounds(divisor)
        if by[0] <= 0 <= by[1]:
            raise InconclusiveDimensionOperation(
                f"Possible division by 0 in division by {divisor}"
            )
        found = [_quotient(a, b) for a in ends for b in by]
        self.between(itself, min(found), max(found))
        rest = operation(MOD, whole, divisor, scope=scope_of(itself))
        self.meet(rest)
        same = divisor * itself + rest - whole
        self.meet(same)
        self.require(same)
        self.require(-same)

    def _meet_max(self, itself, monomial, a, b):
        self._meet_either(monomial, itself, [(a, a - b), (b, b - a)])
        self.require(itself - a)
        self.require(itself - b)

    def _meet_min(self, itself, monomial, a, b):
        self._meet_either(monomial, itself, [(a, b - a), (b, a - b)])
        self.require(a - itself)
        self.require(b - itself)

    def _meet_either(self, monomial, itself, cases):
        """Of each case what the size then is, and what is then not negative."""
        self.cases[monomial] = []
        for value, condition in cases:
            self.meet(condition)
            found = [itself - value, value - itself, condition]
            rows = [_inequality(terms_of(size)) for size in found]
            self.cases[monomial].append([row for row in rows if row is not None])


_MEET = {
    MOD: Knowledge._meet_mod,
    FLOORDIV: Knowledge._meet_floordiv,
    MAX: Knowledge._meet_max,
    MIN: Knowledge._meet_min,
}


def _as_size(monomial, scope):
    """A monomial as a size, as it stands, whatever rules the scope has for it."""
    return Dim({monomial: 1}, scope)


def _split(terms):
    """Terms as ({monomial: coefficient}, constant)."""
    return {m: k for m, k in terms.items() if m.powers}, terms.get(ONE, 0)


def _inequality(terms):
    """`terms >= 0` as (form, constant), with coefficients as small as they can be.

    None where that is no requirement.  An impossible one stays: a form without names.
    """
    form, offset = _split(terms)
    if not form:
        return None if offset >= 0 else (form, offset)
    shared = math.gcd(*form.values())
    return {m: k // shared for m, k in form.items()}, offset // shared


def _times(a, b):
    return 0 if a == 0 or b == 0 else a * b


def _quotient(a, b):
    """`a // b`, or its limit where one of them is infinite."""
    if is_finite(a) and is_finite(b):
        return a // b
    if is_finite(a):
        return 0 if a == 0 or (a > 0) == (b > 0) else -1
    return math.inf if (a > 0) == (b > 0) else -math.inf
