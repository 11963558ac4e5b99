"""The least value of a linear form under linear inequalities, exactly.

The simplex method, on integers: an equation is a row, and a row may be multiplied with any
positive number, so rows are kept without denominators.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

UNBOUNDED = "unbounded"
IMPOSSIBLE = "impossible"


def minimum(form: dict, inequalities: Sequence[tuple[dict, int]]) -> Any:
    """The least value of a linear form, as a Fraction, over all real values of its names.

    form: {name: coefficient}; inequalities: pairs (form, n), each for `form + n >= 0`.
    `UNBOUNDED` where there is no least value, `IMPOSSIBLE` where nothing fulfils them all.
    """
    names = dict.fromkeys(form)
    for row, _ in inequalities:
        names.update(dict.fromkeys(row))
    # The dual problem: which sums of inequalities, none taken negatively, are the form?
    # The one that bounds it best says what it is bounded by.
    columns = [row for row, _ in inequalities]
    table = []
    for name in names:
        row = [column.get(name, 0) for column in columns] + [form.get(name, 0)]
        table.append(row if row[-1] >= 0 else [-n for n in row])
    gains = [-n for _, n in inequalities]
    return _maximum(table, gains)


def _maximum(table, gains):
    """The largest `gains . y` over y >= 0 with the rows of the table (last: right side)."""
    rows, n = len(table), len(gains)
    for k, row in enumerate(table):
        row[n:n] = [int(k == j) for j in range(rows)]
    basis = list(range(n, n + rows))
    costs = [0] * n + [-1] * rows
    _improve(table, basis, costs, n + rows)
    if any(j >= n and table[k][-1] for k, j in enumerate(basis)):
        return UNBOUNDED  # no sum of inequalities is the form
    _leave_artificial(table, basis, n)
    costs = [*gains, *[0] * rows]
    if not _improve(table, basis, costs, n):
        return IMPOSSIBLE
    return sum(
        (Fraction(costs[j] * table[k][-1], table[k][j]) for k, j in enumerate(basis)),
        Fraction(0),
    )


def _leave_artificial(table, basis, n):
    """Put real columns into the basis in place of artificial ones, which are zero there."""
    for k, j in enumerate(basis):
        if j >= n:
            real = next((c for c in range(n) if table[k][c]), None)
            if real is not None:
                _pivot(table, basis, k, real)


def _improve(table, basis, costs, columns):
    """Pivot until nothing gains any more; False where the gain has no end.

    Always the first column that gains (Bland's rule), so that this ends.
    """
    while True:
        column = next(
            (c for c in range(columns) if _gain(table, basis, costs, c) > 0), None
        )
        if column is None:
            return True
        ratios = [
            (Fraction(row[-1], row[column]), basis[k], k)
            for k, row in enumerate(table)
            if row[column] > 0
        ]
        if not ratios:
            return False
        _pivot(table, basis, min(ratios)[2], column)


def _gain(table, basis, costs, column):
    """What one more of a column adds to the sum."""
    return costs[column] - sum(
        Fraction(costs[j] * table[k][column], table[k][j])
        for k, j in enumerate(basis)
        if costs[j] and table[k][column]
    )


def _pivot(table, basis, at, column):
    """Solve the row `at` for a column, and put that into the other rows."""
    row = table[at]
    if row[column] < 0:  # its right side is zero
        row[:] = [-n for n in row]
    for k, other in enumerate(table):
        if k != at and other[column]:
            p, q = row[column], other[column]
            other[:] = [p * a - q * b for a, b in zip(other, row, strict=True)]
            shared = math.gcd(*other)
            if shared > 1:
                other[:] = [a // shared for a in other]
    basis[at] = column
