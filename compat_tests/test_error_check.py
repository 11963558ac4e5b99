"""Errors that compiled code sets and Python raises later (`jax._src.error_check`)."""

import importlib
import traceback

import jax
import numpy as np
import pytest

import minijax

SIDES = {"jax": jax, "minijax": minijax}


def _checks(side, found):
    """What the checks of a few programs report, put into `found`."""
    check = importlib.import_module(f"{side.__name__}._src.error_check")
    jnp, lax = side.numpy, side.lax

    def add(name, fun, *args):
        for run in (fun, side.jit(fun)):
            run(*args)
            try:
                found.append((name, check.raise_if_error()))
            except check.JaxValueError as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                found.append((name, str(error), where.name, where.line))

    def small(x):
        check.set_error_if(x >= 3, "3 or more")
        return x + 1

    def positive(x):
        check.set_error_if(x <= 0, "not positive")
        return x + 1

    x = jnp.arange(4)
    add("none", small, x - 2)
    add("first counts", lambda x: positive(small(x)), x)
    add("later", lambda x: small(positive(x)), x)
    add("branch", lambda x: lax.cond(x.sum() > 0, small, positive, x), x)
    add("other branch", lambda x: lax.cond(x.sum() > 9, small, positive, x), x)
    add("scan", lambda x: lax.scan(lambda c, x: (small(c) + x, positive(c)), 1, x), x)
    add("while", lambda x: lax.while_loop(lambda x: x.sum() < 9, small, x), x)
    add("grad", side.grad(lambda x: positive(x) ** 2), -1.0)
    small(np.ones(2) * 5)
    with check.error_checking_context():
        add("a state of its own", positive, x)
    add("the outer state", lambda x: x, x)
    positive(jnp.ones(2))
    with pytest.raises(ValueError, match="within a traced context"):
        side.jit(check.raise_if_error)()


def test_checks_report_the_first_failure():
    found = {}
    for name, side in SIDES.items():
        _checks(side, found.setdefault(name, []))
    assert found["minijax"] == found["jax"]
