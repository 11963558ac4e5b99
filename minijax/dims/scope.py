"""Which symbolic sizes belong together, and what is required of their variables."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from minijax.dims.bounds import Knowledge
from minijax.dims.expr import (
    FLOORDIV,
    MOD,
    Dim,
    InconclusiveDimensionOperation,
    operation,
    scaled,
    terms_of,
)
from minijax.dims.parse import parse_shape
from minijax.source_info import describe_source, user_frame

# How often rules are applied to one expression: rules that lead back to themselves end here.
_MOST_STEPS = 32


class Constraint(NamedTuple):
    """`difference >= 0`, or `== 0` where `equal`; text: as the user wrote it."""

    equal: bool
    difference: Any
    text: str


class SymbolicScope:
    """What symbolic sizes that occur together have in common.

    constraints_str: texts of the form `e1 >= e2`, `e1 <= e2` or `e1 == e2`; the left side of
    an equality is a number times a product. Each variable is at least 1 anyway.

    ValueError for other texts, and for constraints that nothing fulfils.
    """

    def __init__(self, constraints_str: Sequence[str] = ()):
        if isinstance(constraints_str, str):
            raise ValueError(
                "The symbolic constraints should be a sequence of strings. "
                f"Got {constraints_str!r}"
            )
        self.texts = tuple(constraints_str)
        self.source = user_frame()
        self.constraints: list[Constraint] = []
        # monomial -> (what k times it equals, k)
        self.rules: dict = {}
        self._known_bounds: dict = {}
        self._knowledge: Knowledge | None = None
        for text in self.texts:
            self._add(text)

    def __reduce__(self):
        return SymbolicScope, (self.texts,)

    def __deepcopy__(self, memo):
        return self

    def __str__(self):
        lines = [f"{id(self)} created at {describe_source(self.source)}"]
        if self.constraints:
            lines[0] += " with constraints:"
            lines += [f"  {c.text}" for c in self.constraints]
        return "\n".join(lines)

    __repr__ = __str__

    def parse(self, text: str, like=None) -> tuple:
        """The sizes that a text says, of this scope: see `symbolic_shape`."""
        return parse_shape(text, self, like)

    def _add(self, text):
        if not isinstance(text, str):
            raise ValueError(f"SymbolicScope constraint must be a string: got {text!r}")
        sign = next((s for s in ("==", ">=", "<=") if s in text), None)
        if sign is None:
            raise ValueError(
                "Constraint parsing error: must contain one of '==' or '>=' or '<='"
            )
        (left,), (right,) = map(self.parse, text.split(sign, 1))
        if sign == "<=":
            left, right = right, left
        self._require(sign == "==", left, right, text)

    def _require(self, equal, left, right, text):
        difference = left - right
        if not isinstance(difference, Dim):
            if difference if equal else difference < 0:
                raise ValueError(f"Unsatisfiable explicit constraint: {text}")
            return
        if equal:
            self._add_rule(left, right)
        self.constraints.append(Constraint(equal, difference, text))
        self._known_bounds.clear()
        self._knowledge = None

    def _add_rule(self, left, right):
        if not isinstance(left, Dim) or len(left.terms) != 1:
            raise ValueError(
                f"Invalid equality constraint: {left} == {right}. The left-hand-side must "
                "be of the form `term * coefficient`."
            )
        ((monomial, k),) = left.terms.items()
        if monomial in self.rules:
            raise NotImplementedError(
                "Found multiple equality constraints with the same left-hand-side: "
                f"{monomial}"
            )
        self.rules[monomial] = right, k
        atom = monomial.atom()
        if atom is None or atom.name != MOD or right != 0 or k != 1:
            return
        whole, divisor = atom.operands
        if type(divisor) is int:  # what is divisible is its quotient times the divisor
            quotient = operation(FLOORDIV, whole, divisor, scope=self)
            product = scaled(quotient, divisor)
            self._require(True, product, whole, f"{product} == {whole}")

    def simplified(self, terms: dict) -> dict:
        """Terms in which what a constraint says equal to something is replaced by that."""
        if not self.rules:
            return terms
        for _ in range(_MOST_STEPS):
            found = self._replaced(terms)
            if found is None:
                break
            terms = found
        return terms

    def _replaced(self, terms):
        for monomial, k in sorted(terms.items(), reverse=True):
            for left, (right, times) in self.rules.items():
                rest = monomial.divided(left)
                if rest is None or k % times:
                    continue
                out = dict(terms)
                del out[monomial]
                for m, c in terms_of(right).items():
                    m = m * rest
                    out[m] = out.get(m, 0) + c * (k // times)
                return {m: c for m, c in out.items() if c}
        return None

    def check_same(self, other: Dim, when="", here=" ", there="unknown"):
        """ValueError for a size of another scope."""
        if other.scope is not self:
            raise ValueError(
                f"Invalid mixing of symbolic scopes {when}.\n"
                f"Expected {here}scope {self}\n"
                f"and found for '{other}' ({there}) scope {other.scope}\n"
                "Sizes that occur together must come from one call of symbolic_shape, or "
                "from calls with the same scope=..."
            )

    def bounds(self, size) -> tuple:
        """(lower, upper) bounds of a size: numbers, or infinities where none was found."""
        if not isinstance(size, Dim):
            return size, size
        known = self._known_bounds.get(size)
        if known is None:
            if self._knowledge is None:
                self._knowledge = Knowledge(self.constraints)
            known = self._known_bounds[size] = self._knowledge.copy().bounds(size)
        return known

    def is_at_least(self, a: Any, b: Any, sign, said) -> bool:
        """Whether `a >= b`, for all values of the variables, or for none.

        InconclusiveDimensionOperation, which quotes the comparison as it was `said`, else.
        """
        if isinstance(a, Dim) and isinstance(b, Dim):
            a.scope.check_same(b, f"when comparing '{said[0]}' {sign} '{said[1]}'")
        lower, upper = self.bounds(a - b)
        if lower >= 0:
            return True
        if upper < 0:
            return False
        where = f"\nUsing symbolic scope {self}" if self.constraints else ""
        raise InconclusiveDimensionOperation(
            f"Symbolic dimension comparison '{said[0]}' {sign} '{said[1]}' is "
            f"inconclusive.{where}"
        )
