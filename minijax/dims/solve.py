"""The values of dimension variables, from the shapes that arguments have."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from minijax.dims.expr import (
    Dim,
    InconclusiveDimensionOperation,
    Monomial,
    evaluate,
    terms_of,
    variables_of,
)


class UnexpectedDimVar(Exception):
    """A variable has no value, since no argument's shape says one."""


class Specification(NamedTuple):
    """What an argument's axis is to be: `args[0].shape[1]` is `size`.

    place: (number of the flat argument, axis).
    """

    name: str
    size: Dim
    place: tuple[int, int]


class Solver:
    """How the variables of arguments' shapes follow from the sizes there are.

    arguments: pairs of an argument's name and its shape.  ValueError where the variables
    do not follow: each must be found in a size that is linear in it, and in which all
    others are known by then.
    """

    def __init__(self, arguments: Sequence[tuple[str, tuple]]):
        specified = [
            (name, shape)
            for name, shape in arguments
            if any(isinstance(n, Dim) for n in shape)
        ]
        said = ",".join(f"{name}.shape = {_text(shape)}" for name, shape in specified)
        self.using = f" Using the following polymorphic shapes specifications: {said}."
        rest = [
            Specification(f"{name}.shape[{axis}]", n, (k, axis))
            for k, (name, shape) in enumerate(arguments)
            for axis, n in enumerate(shape)
            if isinstance(n, Dim)
        ]
        self.scope = rest[0].size.scope if rest else None
        # pairs of a specification and the variable that it gives, or None
        self.steps: list[tuple[Specification, str | None]] = []
        self.variables: set[str] = set()
        self._order(rest)
        self._check_constraints()

    def _order(self, rest):
        while rest:
            left = [spec for spec in rest if not self._add_step(spec)]
            if len(left) == len(rest):
                raise self._unsolved(left)
            rest = left

    def _add_step(self, spec):
        """Whether a specification says a variable, or that all its variables are known."""
        unknown = [m for m in spec.size.terms if not _variables(m) <= self.variables]
        variable = None
        if unknown:
            atom = unknown[0].atom()
            if len(unknown) > 1 or atom is None or atom.operands:
                return False
            variable = atom.name
            self.variables.add(variable)
        self.steps.append((spec, variable))
        return True

    def _unsolved(self, left):
        names = set().union(*[spec.size.variables for spec in left]) - self.variables
        said = ", ".join(
            [f"'{spec.size}' for dimension size {spec.name}" for spec in left]
        )
        return ValueError(
            f"Cannot solve for values of dimension variables {names}. We can only solve "
            f"linear uni-variate constraints.{self.using} Unprocessed specifications: "
            f"{said}. "
            + _PAGE.format("dimension-variables-must-be-solvable-from-the-input-shapes")
        )

    def _check_constraints(self):
        for constraint in self.scope.constraints if self.scope else ():
            for name in sorted(constraint.difference.variables - self.variables):
                raise UnexpectedDimVar(
                    f"Encountered dimension variable '{name}' that is not appearing in "
                    "the shapes of the function arguments. The following dimension "
                    "variables are appearing in the shapes of the function arguments: "
                    f"{sorted(self.variables)}."
                )

    def check_known(self, sizes) -> None:
        """UnexpectedDimVar for sizes of variables that are not in the arguments' shapes."""
        for size in sizes:
            for name in sorted(variables_of(size) - self.variables):
                raise UnexpectedDimVar(
                    f"Encountered dimension variable '{name}' that is not appearing in "
                    f"the shapes of the function arguments, in the size '{size}'."
                )

    def values(self, shapes: Sequence[tuple]) -> dict[str, Any]:
        """The value of each variable where the flat arguments have these shapes.

        ValueError for shapes that are not as specified, or break a constraint.
        """
        found = _Solution(self)
        for spec, variable in self.steps:
            k, axis = spec.place
            found.take(spec, variable, shapes[k][axis])
        for constraint in self.scope.constraints if self.scope else ():
            found.check_constraint(constraint)
        return found.env


class _Solution:
    """Values of variables as they are found, and what to tell of them in an error."""

    def __init__(self, solver):
        self.solver = solver
        self.env: dict[str, Any] = {}
        self.told = ""

    def take(self, spec, variable, size):
        """Find a variable's value from a size, or check the size."""
        if variable is None:
            return self._check_size(spec, size)
        k = spec.size.terms[_power_of(spec, variable)]
        for monomial, c in spec.size.terms.items():
            if _variables(monomial) <= self.env.keys():
                size_of = Dim({monomial: c}, spec.size.scope) if monomial.powers else c
                size = size - evaluate(size_of, self.env)
        value, remainder = divmod(size, k)
        self._require(
            remainder == 0,
            f"Division had remainder {remainder} when computing the value of "
            f"'{variable}'.",
        )
        self.env[variable] = value
        actual = self._actual(spec)
        self.told += (
            f"'{variable}' = {value} from specification '{spec.size}' for dimension "
            f"{spec.name} (= {actual}), "
        )
        self._require(
            _holds(lambda: value >= 1),
            f"Expected value >= 1 for dimension variable '{variable}'.",
        )
        return None

    def _actual(self, spec):
        return evaluate(spec.size, self.env)

    def _check_size(self, spec, size):
        value = evaluate(spec.size, self.env)
        self._require(
            size == value,
            f"Found inconsistency between dimension size {spec.name} (= {size}) and the "
            f"specification '{spec.size}' (= {value}).",
        )

    def check_constraint(self, constraint):
        """That a constraint of the scope holds."""
        value = evaluate(constraint.difference, self.env)
        holds = value == 0 if constraint.equal else _holds(lambda: value >= 0)
        if not holds:
            what = "equal" if constraint.equal else "greater or equal"
            raise ValueError(
                "Input shapes do not match the symbolic shape constraint "
                f"{constraint.text}. Expected '{constraint.difference}' to be {what} to "
                f"0, but found {value}.{self._origin()}"
            )

    def _require(self, holds, why):
        if not holds:
            raise ValueError(
                "Input shapes do not match the polymorphic shapes specification. "
                f"{why}{self._origin()}"
            )

    def _origin(self):
        told = f"{self.solver.using} Obtained dimension variables: {self.told}. "
        return told + _PAGE.format("shape-assertion-errors")


_PAGE = "Please see https://docs.jax.dev/en/latest/export/shape_poly.html#{} for more details."


def _holds(comparison):
    """Whether a comparison of sizes holds; not where nobody can say."""
    try:
        return comparison()
    except InconclusiveDimensionOperation:
        return False


def _variables(monomial: Monomial) -> frozenset:
    return frozenset().union(*[atom.variables for atom in monomial.powers])


def _power_of(spec, variable):
    """The monomial of a specification that is a variable alone."""
    atoms = {m.atom(): m for m in terms_of(spec.size)}
    return next(m for a, m in atoms.items() if a is not None and a.name == variable)


def _text(shape):
    return str(tuple(shape))
