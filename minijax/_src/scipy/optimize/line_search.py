"""Steps along a line, asked for and answered as SciPy does."""

from typing import Any, NamedTuple

from minijax.api.differentiate import value_and_grad
from minijax.numpy.promotion import promote_dtypes_inexact
from minijax.scipy.optimize import line_search as search


class _LineSearchResults(NamedTuple):
    failed: Any
    nit: Any
    nfev: Any
    ngev: Any
    k: Any
    a_k: Any
    f_k: Any
    g_k: Any
    status: Any


def line_search(
    f,
    xk,
    pk,
    old_fval=None,
    old_old_fval=None,
    gfk=None,
    c1=1e-4,
    c2=0.9,
    maxiter=20,
):
    """A step from `xk` along `pk` that satisfies the strong Wolfe conditions.

    old_fval, gfk: the value and the gradient of `f` there, where both are known.
    old_old_fval: the value one iteration before. c1, c2: constants of the conditions.
    """
    xk, pk = promote_dtypes_inexact(xk, pk)
    calls = int(old_fval is None)
    if old_fval is None or gfk is None:
        old_fval, gfk = value_and_grad(f)(xk)
    found = search.line_search(
        f, xk, pk, old_fval, gfk, old_old_fval, c1=c1, c2=c2, maxiter=maxiter
    )
    calls += found.evaluations
    return _LineSearchResults(
        failed=found.failed,
        nit=found.iterations,
        nfev=calls,
        ngev=calls,
        k=found.iterations + 1,
        a_k=found.step,
        f_k=found.value,
        g_k=found.gradient,
        status=found.status,
    )
