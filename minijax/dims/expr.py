"""Expressions of dimension variables that may stand for the size of an axis.

A `Dim` is a polynomial with integer coefficients. Its indeterminates are `Atom`s: variables
and the operations that are no polynomials (`floordiv`, `mod`, `max`, `min`). The form is
normal: equal polynomials are equal objects, and a constant one is an `int`. So rules of
shapes that add, multiply, divide and compare sizes work as they are.
"""

import functools
import math
import operator
from typing import Any

from minijax import _callpath, errors
from minijax.core import SymbolicSize, aval_rules
from minijax.dims.value import size_aval, traced_size

FLOORDIV, MOD, MAX, MIN = "floordiv", "mod", "max", "min"
OPERATIONS = (FLOORDIV, MOD, MAX, MIN)


class InconclusiveDimensionOperation(errors.InconclusiveDimensionOperation):
    """What is asked of symbolic sizes has not one answer for all that they stand for."""

    def __init__(self, message: str):
        super().__init__(
            f"{message}\nSizes that are symbols stand for many numbers, and what was asked "
            "is not the same for all of them. State what is known of them as constraints "
            "of `symbolic_shape`, or compute with values rather than with sizes."
        )


class _Keyed:
    """What is equal, and in order, as its key is."""

    __slots__ = ("_hash", "key")

    def __init__(self, key: tuple):
        self.key, self._hash = key, hash(key)

    def __eq__(self, other):
        return type(other) is type(self) and self.key == other.key

    def __hash__(self):
        return self._hash

    def __lt__(self, other):
        return self.key < other.key

    def __le__(self, other):
        return self.key <= other.key


class Atom(_Keyed):
    """A variable, or an operation on sizes: what polynomials are made of.

    name: of the variable or operation; operands: a pair of sizes for an operation, else ().
    """

    __slots__ = ("name", "operands", "size", "variables")

    def __init__(self, name: str, *operands: Any):
        self.name, self.operands = name, operands
        self.size = 1 + sum(_size(o) for o in operands)
        super().__init__((self.size, name, *map(_key, operands)))
        inner = map(variables_of, operands)
        self.variables = frozenset().union(*inner) if operands else frozenset((name,))

    def __str__(self):
        if not self.operands:
            return self.name
        return f"{self.name}({', '.join(map(_spelled, self.operands))})"

    __repr__ = __str__


class Monomial(_Keyed):
    """A product of powers of atoms; without any, it is 1."""

    __slots__ = ("powers", "size")

    def __init__(self, powers: dict):
        self.powers = dict(sorted(powers.items(), reverse=True))
        self.size = sum(1 + n * atom.size for atom, n in self.powers.items())
        super().__init__((self.size, tuple((a.key, n) for a, n in self.powers.items())))

    def __mul__(self, other):
        powers = dict(self.powers)
        for atom, n in other.powers.items():
            powers[atom] = powers.get(atom, 0) + n
        return Monomial(powers)

    def divided(self, other) -> "Monomial | None":
        """The monomial that gives this one when it is multiplied with `other`, or None."""
        powers = dict(self.powers)
        for atom, n in other.powers.items():
            powers[atom] = powers.get(atom, 0) - n
            if powers[atom] < 0:
                return None
        return Monomial({atom: n for atom, n in powers.items() if n})

    def atom(self) -> Atom | None:
        """The one atom that this is, or None."""
        if len(self.powers) != 1:
            return None
        ((atom, n),) = self.powers.items()
        return atom if n == 1 else None

    def __str__(self):
        powers = sorted(self.powers.items())
        return "*".join([str(a) if n == 1 else f"{a}^{n}" for a, n in powers])

    __repr__ = __str__


ONE = Monomial({})


def _size_operand(dim, other, check=True):
    """`other` as a size, or None where it is none; ValueError for one of another scope."""
    if isinstance(other, Dim):
        if other._scope is not dim._scope:
            if not check:
                return None
            dim._scope.check_same(other, "for an operation on sizes")
        return other
    if type(other) is int:
        return other
    try:
        return operator.index(other)
    except Exception:  # whatever an array, or a tracer, says of this
        return None


def _operators(name, compute) -> Any:
    """The two methods of an operator: on sizes `compute`, else the operator of arrays."""
    apply = getattr(operator, name)

    def method(self, other):
        size = _size_operand(self, other)
        return apply(self.as_value(), other) if size is None else compute(self, size)

    def reflected(self, other):
        size = _size_operand(self, other)
        return apply(other, self.as_value()) if size is None else compute(size, self)

    return method, reflected


def _array_operators(name) -> Any:
    apply = getattr(operator, name)
    return (
        lambda self, other: apply(self.as_value(), other),
        lambda self, other: apply(other, self.as_value()),
    )


class Dim(SymbolicSize):
    """A size that is a polynomial of atoms and not a constant.

    terms: {monomial: coefficient}, the largest monomial first; scope: its `SymbolicScope`.
    Sums, products, powers, `//` and `%` with sizes of the same scope give sizes; with arrays
    and numbers that are no integers they give arrays, as the other operators do. Comparisons
    but for `==` raise `InconclusiveDimensionOperation` where the scope does not decide them;
    `==` is then False.
    """

    __slots__ = ("_hash", "_key", "_scope", "terms")
    __array_priority__ = 1000  # operators with NumPy's arrays come here

    def __init__(self, terms: dict, scope: Any):
        self.terms = dict(sorted(terms.items(), reverse=True))
        self._scope = scope
        self._key: Any = None
        self._hash: Any = None

    scope = property(lambda self: self._scope)
    aval = property(lambda self: size_aval())

    @property
    def variables(self) -> frozenset:
        """The names of the variables that this depends on."""
        atoms = [atom for monomial in self.terms for atom in monomial.powers]
        return frozenset().union(*[atom.variables for atom in atoms])

    def get_vars(self) -> set:
        """The names of the variables that this depends on."""
        return set(self.variables)

    def evaluate(self, env: dict) -> Any:
        """The size where variables have the values of `env`: numbers, or other sizes.

        KeyError for a variable that `env` lacks.
        """
        total = 0
        for monomial, k in self.terms.items():
            total = total + k * _evaluate_monomial(monomial, env)
        return total

    def as_value(self) -> Any:
        """The size as a traced array without axes."""
        return traced_size(self)

    __jax_array__ = dimension_as_value = as_value

    __add__, __radd__ = _operators("add", lambda a, b: combination(a, 1, b, 1))
    __sub__, __rsub__ = _operators("sub", lambda a, b: combination(a, 1, b, -1))
    __mul__, __rmul__ = _operators("mul", lambda a, b: _product(a, b))
    __floordiv__, __rfloordiv__ = _operators("floordiv", lambda a, b: _divmod(a, b)[0])
    __mod__, __rmod__ = _operators("mod", lambda a, b: _divmod(a, b)[1])
    __truediv__, __rtruediv__ = _array_operators("truediv")

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    @staticmethod
    def larger(a, b):
        """The larger of two sizes."""
        return extreme(MAX, a, b)

    @staticmethod
    def smaller(a, b):
        """The smaller of two sizes."""
        return extreme(MIN, a, b)

    def __hash__(self):
        if self._hash is None:
            self._hash = hash((_key(self), id(self._scope)))
        return self._hash

    def __eq__(self, other):
        if self is other:
            return True
        other = _size_operand(self, other, check=False)
        if other is None:
            return False
        if isinstance(other, Dim) and self.terms == other.terms:
            return True
        # Rules of the scope may make the difference zero though the two look otherwise.
        rest = self - other if self._scope.rules else self
        return type(rest) is int and rest == 0

    def __ne__(self, other):
        return not self == other

    def __ge__(self, other):
        return self._scope.is_at_least(self, other, ">=", (self, other))

    def __le__(self, other):
        return self._scope.is_at_least(other, self, "<=", (self, other))

    def __gt__(self, other):
        return not self._scope.is_at_least(other, self, ">", (self, other))

    def __lt__(self, other):
        return not self._scope.is_at_least(self, other, "<", (self, other))

    def __int__(self):
        raise InconclusiveDimensionOperation(
            f"Symbolic dimension '{self}' used in a context that requires a constant"
        )

    def __pow__(self, power, modulo=None):
        if modulo is not None:
            raise NotImplementedError("powers of sizes are not taken modulo anything")
        if isinstance(power, Dim):
            return power.__rpow__(self)
        if power != int(power) or power < 0:
            kind = "negative" if power < 0 and power == int(power) else "non-integer"
            raise ValueError(
                f"Symbolic dimension cannot be raised to {kind} powers: "
                f"'{self}' ** '{power}'"
            )
        return functools.reduce(operator.mul, [self] * int(power), 1)

    def __rpow__(self, base, modulo=None):
        return base ** self.as_value()

    def __neg__(self):
        return scaled(self, -1)

    def __str__(self):
        parts = []
        for monomial, k in self.terms.items():
            factor = "" if abs(k) == 1 and monomial.powers else str(abs(k))
            star = "*" if factor and monomial.powers else ""
            parts.append(f"{'+' if k > 0 else '-'} {factor}{star}{monomial}")
        return " ".join(parts).removeprefix("+ ")

    __repr__ = __str__

    def __reduce__(self):
        return _read, (str(self), self._scope)

    def __deepcopy__(self, memo):
        return self


aval_rules[Dim] = lambda _: size_aval()
_callpath.set_symbol_type(Dim)


def _read(text, scope):
    (dim,) = scope.parse(text)
    return dim


# --- operators ------------------------------------------------------------------


def scope_of(*sizes) -> Any:
    """The scope of the first of the sizes that is no number; None without any."""
    return next((s.scope for s in sizes if isinstance(s, Dim)), None)


def terms_of(size) -> dict:
    """A size, be it a number, as {monomial: coefficient}."""
    if isinstance(size, Dim):
        return size.terms
    return {ONE: size} if size else {}


def _normal(terms, scope):
    """The size of these terms, some of which may be zero; an int where it is constant."""
    terms = scope.simplified({m: k for m, k in terms.items() if k})
    if all(m is ONE or not m.powers for m in terms):
        return sum(terms.values())
    return Dim(terms, scope)


def combination(a, k, b, n) -> Any:
    """The size `a * k + b * n`, of sizes a and b and numbers k and n."""
    terms = {m: k * c for m, c in terms_of(a).items()}
    for m, c in terms_of(b).items():
        terms[m] = terms.get(m, 0) + n * c
    scope = scope_of(a, b)
    return sum(terms.values()) if scope is None else _normal(terms, scope)


def scaled(a, k) -> Any:
    """The size `a * k`, of a size and a number."""
    return combination(a, k, 0, 0)


def _product(a, b):
    terms = {}
    for m, k in terms_of(a).items():
        for n, c in terms_of(b).items():
            terms[m * n] = terms.get(m * n, 0) + k * c
    return _normal(terms, scope_of(a, b))


def operation(name, *operands, scope=None) -> Any:
    """The size that is one operation on two others, as it stands."""
    scope = scope_of(*operands) or scope
    return _normal({Monomial({Atom(name, *operands): 1}): 1}, scope)


def from_variable(name, scope) -> Any:
    """The size that is a variable; what the scope says it equals, where it does."""
    return _normal({Monomial({Atom(name): 1}): 1}, scope)


def _polynomial_quotient(a, b):
    """(quotient, remainder) of sizes, where the quotient is a polynomial; else None.

    Only a divisor that is a number leaves a remainder, which then is one too.
    """
    lead, lead_k = next(iter(terms_of(b).items()))
    quotient, rest = 0, a
    while isinstance(rest, Dim):
        m, k = next(iter(rest.terms.items()))
        part = m.divided(lead)
        if part is None or k % lead_k:
            return None
        step = _normal({part: k // lead_k}, rest.scope)
        quotient, rest = quotient + step, rest - step * b
    if isinstance(b, Dim):
        return None if rest else (quotient, 0)
    q, r = divmod(rest, b)
    return quotient + q, r


def _divmod(a, b):
    if type(b) is int and b == 0:
        raise ZeroDivisionError(f"division of the size {a} by zero")
    found = _polynomial_quotient(a, b)
    return found or (operation(FLOORDIV, a, b), operation(MOD, a, b))


def extreme(name, a, b) -> Any:
    """The larger (`MAX`) or smaller (`MIN`) of two sizes, as a size."""
    scope = scope_of(a, b)
    if scope is None:
        return max(a, b) if name == MAX else min(a, b)
    lower, upper = scope.bounds(a - b)
    if lower >= 0:
        return a if name == MAX else b
    if upper <= 0:
        return b if name == MAX else a
    return operation(name, a, b)


# --- parts ----------------------------------------------------------------------

_APPLY = {
    FLOORDIV: operator.floordiv,
    MOD: operator.mod,
    MAX: functools.partial(extreme, MAX),
    MIN: functools.partial(extreme, MIN),
}


def _evaluate_monomial(monomial, env):
    product = 1
    for atom, n in monomial.powers.items():
        product = product * evaluate_atom(atom, env) ** n
    return product


def evaluate_atom(atom: Atom, env: dict) -> Any:
    """The value of an atom where variables have the values of `env`."""
    if not atom.operands:
        return env[atom.name]
    return _APPLY[atom.name](*[evaluate(o, env) for o in atom.operands])


def evaluate(size, env: dict) -> Any:
    """A size where variables have the values of `env`: see `Dim.evaluate`."""
    return size.evaluate(env) if isinstance(size, Dim) else size


def variables_of(size) -> frozenset:
    """The names of the variables of a size: none for a number."""
    return size.variables if isinstance(size, Dim) else frozenset()


def _size(size):
    if isinstance(size, Dim):
        return sum(1 + abs(k) * m.size for m, k in size.terms.items())
    return 1


def _key(size):
    """What sizes are ordered by: how large the expressions are, then how they read."""
    if not isinstance(size, Dim):
        return 1, ((ONE.key, size),)
    if size._key is None:
        terms = tuple([(m.key, k) for m, k in size.terms.items()])
        size._key = _size(size), terms
    return size._key


def _spelled(size):
    """A size as expressions show it: signs stand apart."""
    return str(size) if isinstance(size, Dim) or size >= 0 else f"- {-size}"


def is_symbolic_dim(p: Any) -> bool:
    """Whether a size is symbolic rather than a number."""
    return isinstance(p, Dim)


def is_finite(bound) -> bool:
    """Whether a bound is a number rather than an infinity."""
    return abs(bound) != math.inf
