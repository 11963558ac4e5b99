"""Rules of how the axes of operands and results are cut together, in words like einsum's.

`"... i j, j k -> ... i k"`: a name (a factor) for each axis; brackets for an axis that is
made of several; `...` (or `...1`, of another group) for leading axes.
"""

from typing import Any

BATCHING = "…"  # what stands for `...` in a mapping


def _check_factor(factor):
    if not factor[0].isalpha():
        raise ValueError(
            f"Factor names have to start with a letter, but got '{factor[0]}'"
        )
    for char in factor[1:]:
        if not (char == "_" or char.isdigit() or char.isalpha()):
            raise ValueError(f"Unknown character '{char}'")


def _is_batching(factor):
    rest = factor[1:]
    return factor[:1] == BATCHING and (not rest or rest.isdigit())


class CompoundFactor(tuple):
    """The factors, two or more, that one axis is made of."""

    def __new__(cls, *factors: str):
        """ValueError for fewer than two, for batching axes and for what is no name."""
        if len(factors) < 2:
            raise ValueError("A compound factor should contain at least two factors")
        for factor in factors:
            if not isinstance(factor, str):
                raise ValueError(
                    "Each element of CompoundFactor must be a str, but got "
                    f"{type(factor)}"
                )
            if _is_batching(factor):
                raise ValueError("Ellipsis can't be used in a compound factor")
            _check_factor(factor)
        return super().__new__(cls, factors)


class ArrayMapping(tuple):
    """What each axis of an operand or result is: a factor, or a `CompoundFactor`.

    `BATCHING` at the beginning stands for any number of leading axes.
    """

    def __new__(cls, *dim_mappings: str | CompoundFactor):
        """ValueError for `BATCHING` at another place and for what is no name."""
        for place, factor in enumerate(dim_mappings):
            if isinstance(factor, CompoundFactor):
                continue
            if not isinstance(factor, str):
                raise ValueError(
                    "Each element of ArrayMapping must be a str or CompoundFactor, but "
                    f"got {type(factor)}"
                )
            if not _is_batching(factor):
                _check_factor(factor)
            elif place:
                raise ValueError(
                    "Ellipsis can only be used at the beginning of a dimension"
                )
        return super().__new__(cls, dim_mappings)


class SdyShardingRule:
    """The mappings of an operation's operands and results.

    Args:
        reduction_factors, need_replication_factors, permutation_factors: those that
            are not simply passed through.
        factor_sizes: the sizes of those that only stand in compound factors.

    ValueError for sizes that are missing or not needed, and for names that are not used.
    """

    _kinds = "reduction_factors", "need_replication_factors", "permutation_factors"

    def __init__(
        self,
        operand_mappings: tuple[ArrayMapping, ...],
        result_mappings: tuple[ArrayMapping, ...],
        *,
        reduction_factors: tuple[str, ...] = (),
        need_replication_factors: tuple[str, ...] = (),
        permutation_factors: tuple[str, ...] = (),
        **factor_sizes: int,
    ):
        self.operand_mappings, self.result_mappings = operand_mappings, result_mappings
        self.reduction_factors = reduction_factors
        self.need_replication_factors = need_replication_factors
        self.permutation_factors = permutation_factors
        self.factor_sizes = factor_sizes
        whole = self._whole_axes()
        _check_sizes(whole, factor_sizes)
        seen = set()
        for kind in self._kinds:
            _check_special(kind, getattr(self, kind), whole, seen)

    def _whole_axes(self):
        """factor -> whether it is a whole axis anywhere."""
        whole = {}
        for mapping in self.operand_mappings + self.result_mappings:
            for axis in mapping:
                for factor in axis if isinstance(axis, CompoundFactor) else ():
                    whole.setdefault(factor, False)
                if isinstance(axis, str):
                    whole[axis] = True
        return whole

    def __str__(self):
        special = "".join(
            f" {kind}={getattr(self, kind)}"
            for kind in self._kinds
            if getattr(self, kind)
        )
        return (
            f"SdyShardingRule({self.operand_mappings}, {self.result_mappings}, "
            f"{self.factor_sizes}{special})"
        )


def _check_sizes(whole, sizes):
    for factor in sizes:
        if factor not in whole:
            raise ValueError(
                f"Factor {factor} is not used in the rule, but size is provided"
            )
    for factor, is_axis in whole.items():
        if not is_axis and factor not in sizes:
            raise ValueError(
                f"Factor {factor} is only used in compound factors; must specify its size"
            )
        if is_axis and factor in sizes:
            raise ValueError(
                f"Factor {factor} represents a whole dimension; do not specify its size"
            )


def _check_special(kind, factors, known, seen):
    if not isinstance(factors, tuple):
        raise ValueError(f"{kind} must be a tuple of factors")
    if len(set(factors)) < len(factors):
        raise ValueError(f"{kind} contains duplicated factors")
    for factor in factors:
        if factor not in known:
            raise ValueError(f"Factor {factor} in {kind} is not used in the rule")
        if factor in seen:
            raise ValueError(
                f"Factor {factor} can only be in one of the reduction, need replication, "
                "or permutation factor sets."
            )
        seen.add(factor)


# --- from words -----------------------------------------------------------------------


class _Side:
    """One side of a rule, read from left to right."""

    def __init__(self, text):
        self.text = " ".join(text.split())
        self.mappings, self.axes, self.inside, self.name = [], [], None, ""

    def read(self):
        """The mappings."""
        place = 0
        while place < len(self.text):
            char = self.text[place]
            place += 1
            if char == BATCHING:
                end = place
                while end < len(self.text) and self.text[end].isdigit():
                    end += 1
                self._batching(self.text[place:end])
                place = end
            elif char in "(), ":
                self._separator(char)
            elif char == "_" or char.isdigit() or char.isalpha():
                if not self.name and char.isdigit():
                    raise ValueError(
                        f"Factor names have to start with a letter, but got '{char}'"
                    )
                self.name += char
            else:
                raise ValueError(f"Unknown character '{char}'")
        if self.inside is not None:
            raise ValueError(f"Brackets are not balanced in rule: '{self.text}'")
        self._end_name()
        return (*self.mappings, ArrayMapping(*self.axes))

    def _end_name(self):
        if self.name:
            (self.axes if self.inside is None else self.inside).append(self.name)
            self.name = ""

    def _batching(self, group):
        if self.name or self.inside is not None or self.axes:
            raise ValueError(
                "Ellipsis can only be used at the beginning of a dimension"
            )
        self.axes.append(f"{BATCHING}{int(group or 0)}")

    def _separator(self, char):
        self._end_name()
        if char == "(":
            if self.inside is not None:
                raise ValueError(
                    "Compound factors should be one level, nested brackets are not allowed"
                )
            self.inside = []
        elif char == ")":
            if self.inside is None:
                raise ValueError("Brackets are not balanced")
            if len(self.inside) < 2:
                raise ValueError("Brackets should contain at least two factors")
            self.axes.append(CompoundFactor(*self.inside))
            self.inside = None
        elif char == ",":
            self.mappings.append(ArrayMapping(*self.axes))
            self.axes = []


def str_to_sdy_sharding_rule(rule: Any, **options: Any) -> SdyShardingRule:
    """The rule that `rule` says; options as of `SdyShardingRule`.

    TypeError for what is no string and sizes that are no integers, ValueError for what is
    no rule.
    """
    if not isinstance(rule, str):
        raise TypeError(f"rule must be a str, but got {type(rule)}")
    sizes = {k: v for k, v in options.items() if k not in SdyShardingRule._kinds}
    if not all(isinstance(size, int) for size in sizes.values()):
        raise TypeError(f"factor_sizes must be a dict of str to int, but got {sizes}")
    if BATCHING in rule:
        raise ValueError(f"Unknown character '{BATCHING}'")
    rule = rule.replace("...", BATCHING)
    if "." in rule:
        raise ValueError("Character '.' must be used inside ellipsis '...'")
    sides = rule.split("->")
    if len(sides) != 2:
        raise ValueError(f"There is no -> in rule: '{rule}'")
    operands, results = (_Side(side).read() for side in sides)
    return SdyShardingRule(operands, results, **options)
