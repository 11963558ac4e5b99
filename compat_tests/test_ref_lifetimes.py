"""References that are freed, and those that outlive a loop: rules of a user's write them."""

import re

import jax
import numpy as np
import pytest
from sides import assert_same

import minijax


def _freed(package, late=lambda ref: None):
    def fun(x):
        ref = package.new_ref(package.numpy.zeros(3))
        ref[...] = package.numpy.sin(x)
        value = ref[...]
        package.free_ref(ref)
        found = late(ref)
        return (value * value).sum() if found is None else found

    return fun


def test_freed():
    ones, found = np.ones(3, np.float32), []
    for package in (jax, minijax):
        fun, traced = _freed(package), package.make_jaxpr
        found.append(
            (
                re.sub("0x[0-9a-f]+", "", str(traced(fun)(ones))),
                str(traced(package.free_ref)(package.new_ref(ones))),
                package.grad(package.jit(fun))(ones).tolist(),
                package.jit(package.grad(fun))(ones).tolist(),
            )
        )
    assert found[1] == found[0]
    assert minijax.vmap(_freed(minijax))(np.ones((2, 3), np.float32)).shape == (2,)


LATE = [
    lambda package: package.free_ref,
    lambda package: lambda ref: ref[0],
    lambda package: lambda ref: package.ref.swap(ref, 0, 1.0),
    lambda package: lambda ref: package.jit(lambda: ref[0])(),
]


@pytest.mark.parametrize("late", LATE)
def test_what_is_freed_is_not_used(late):
    for package, words in ((jax, None), (minijax, "after `free_ref`")):
        with pytest.raises(Exception, match=words):
            package.jit(_freed(package, late(package)))(np.ones(3, np.float32))


def _stashing(package, remat):
    """A loop whose turns write cotangents to a reference when its derivative is taken."""

    @package.custom_vjp
    def stash(ref, x):
        return x

    def backward(ref, ct):
        ref[...] += ct
        return None, ct

    stash.defvjp(lambda ref, x: (x, ref), backward)

    def fun(ref, x):
        def body(x, w):
            x = package.numpy.sin(stash(ref, package.numpy.sin(x) * w))
            return x, x * 2

        body = package.remat(body) if remat else body
        last, every = package.lax.scan(body, x, np.arange(1, 4, dtype=np.float32))
        return last + every.sum()

    return fun


STASHING = {
    "forward": lambda jax, f: f,
    "jit": lambda jax, f: jax.jit(f),
    "grad": lambda jax, f: jax.value_and_grad(f, 1),
    "grad of jit": lambda jax, f: jax.value_and_grad(jax.jit(f), 1),
    "jit of grad": lambda jax, f: jax.jit(jax.value_and_grad(f, 1)),
}


@pytest.mark.parametrize("remat", [False, True])
@pytest.mark.parametrize("how", STASHING)
def test_cotangents_are_written_within_loops(how, remat):
    found = []
    for package in (jax, minijax):
        ref = package.new_ref(np.float32(0))
        outs = STASHING[how](package, _stashing(package, remat))(ref, np.float32(1))
        found.append(package.tree.leaves(outs) + [ref[...]])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def test_rules_are_not_lost_where_references_were_replaced():
    def fun(x):
        return _stashing(minijax, False)(minijax.new_ref(np.float32(0)), x)

    with pytest.raises(NotImplementedError, match="residuals are mutable references"):
        minijax.grad(minijax.jit(fun))(np.float32(1))


def _adding(side):
    """A custom_vjp function that adds to a reference."""

    def both(ref, x):
        ref[...] += x
        return x * ref[...], (x, ref[...])

    @side.custom_vjp
    def add(ref, x):
        return both(ref, x)[0]

    add.defvjp(both, lambda res, ct: (None, ct * (res[0] + 2 * res[1])))
    return add


def _out_and_last(side, x):
    ref = side.new_ref(side.jnp.sin(x))
    out = _adding(side)(ref, 2 * x)
    return (out * ref[...]).sum()


def _last_alone(side, x):
    ref = side.new_ref(x * x)
    _adding(side)(ref, x)
    return ref[...].sum()


def _in_branch(side, x):
    ref = side.new_ref(side.jnp.ones(3))
    out = side.lax.cond(x[0] >= 0, lambda: _adding(side)(ref, x), lambda: x)
    return out.sum()


@pytest.mark.parametrize("fun", [_out_and_last, _last_alone, _in_branch])
def test_rules_where_a_jitted_function_makes_the_reference(fun):
    def body(side):
        x = side.jnp.arange(3.0)
        whole = side.jit(lambda x: fun(side, x))
        return whole(x), side.grad(whole)(x), side.jit(side.grad(whole))(x)

    assert_same(body)
