"""print_saved_residuals against JAX's, but for columns of lines and results of calls."""

import re

import jax
import jax.ad_checkpoint
import numpy as np
import pytest

import minijax
import minijax.ad_checkpoint
import minijax.numpy


def _chain(jax, jnp):
    def f(x, y):
        z = jax.ad_checkpoint.checkpoint_name(jnp.sin(x) * y, "mid")
        return jnp.exp(z).sum()

    return f, (jnp.ones(3), jnp.ones(3))


def _constant(jax, jnp):
    c = jnp.arange(3.0)
    return lambda x: (jnp.sin(x) * c).sum(), (jnp.ones(3),)


def _checkpointed(jax, jnp):
    f, args = _chain(jax, jnp)
    return jax.checkpoint(f), args


def _tree(jax, jnp):
    params = {"a": jnp.ones((2, 3)), "b": jnp.ones((3, 2))}
    return lambda p: (p["a"] @ p["b"]).sum(), (params,)


_W = np.eye(3, dtype=np.float32) + 0.25


def _loop(jax, jnp):
    def body(c, _):
        y = jax.ad_checkpoint.checkpoint_name(jnp.sin(_W @ c), "mid")
        return jnp.sin(y) * c, y.sum()

    return lambda x: sum(map(jnp.sum, jax.lax.scan(body, x, None, length=4)))


def _nested_loop(jax, jnp):
    def outer(c, w):
        def inner(d, _):
            mid = jax.ad_checkpoint.checkpoint_name(jnp.cos(d), "mid")
            return jnp.tanh(_W @ d) + mid, None

        d, _ = jax.lax.scan(inner, c, None, length=2)
        return jnp.sin(d) * w, d.sum()

    xs = np.arange(3, dtype=np.float32)
    return lambda x: jax.lax.scan(outer, x, xs, reverse=True)[0].sum()


def _branch(jax, jnp):
    def other(x):
        return jax.ad_checkpoint.checkpoint_name(jnp.cos(x), "mid").sum() * 2

    return lambda x: jax.lax.cond(
        x.sum() > 0, lambda x: jnp.sin(_W @ x).sum(), other, x
    )


def _branches_in_loop(jax, jnp):
    branches = [
        lambda c: jnp.sin(_W @ c),
        lambda c: jax.ad_checkpoint.checkpoint_name(jnp.sin(jnp.sin(c)), "mid"),
        lambda c: c * 2,
    ]

    def body(c, k):
        return jax.lax.switch(k % 3, branches, c), None

    return lambda x: jax.lax.scan(body, x, jnp.arange(5))[0].sum()


_POLICIES = {
    "dots": lambda p: p.dots_saveable,
    "all": lambda p: p.everything_saveable,
    "names": lambda p: p.save_only_these_names("mid"),
    "none": lambda p: p.nothing_saveable,
}


@pytest.mark.parametrize("policy", _POLICIES)
@pytest.mark.parametrize("make", [_loop, _nested_loop, _branch, _branches_in_loop])
def test_policy_reaches_into(make, policy):
    """The same gradient, and the same costly operations are computed again."""
    found = []
    x = np.arange(3, dtype=np.float32) / 8
    for framework in (jax, minijax):
        keep = _POLICIES[policy](framework.checkpoint_policies)
        f = framework.checkpoint(make(framework, framework.numpy), policy=keep)
        derivative = framework.grad(f)
        text = str(framework.make_jaxpr(derivative)(x))
        counts = [
            len(re.findall(rf"\b{name}\b", text))
            for name in ("sin", "tanh", "dot_general")
        ]
        found.append((np.asarray(derivative(x)), counts))
    (want, counts), (got, our_counts) = found
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert our_counts == counts


def _checkpointed_loop(jax, jnp):
    keep = jax.checkpoint_policies.save_only_these_names("mid")
    return jax.checkpoint(_loop(jax, jnp), policy=keep), (jnp.ones(3),)


@pytest.mark.parametrize(
    "make", [_chain, _constant, _checkpointed, _checkpointed_loop, _tree]
)
def test_print_saved_residuals(make, capsys):
    said = []
    for framework in (jax, minijax):
        f, args = make(framework, framework.numpy)
        framework.ad_checkpoint.print_saved_residuals(f, *args)
        text = re.sub(
            r":\d+ \(",
            " (",
            re.sub(r":(\d+):\d+ \(", r":\1 (", capsys.readouterr().out),
        )
        said.append(re.sub(r"\([\w.<>]+\)", "()", text).splitlines())
    assert said[0] and said[0] == said[1]


def _of_constant_maximum(jax, jnp):
    return lambda x: jnp.sin(x) * jax.lax.stop_gradient(jnp.max(x)), np.ones(3)


def _softmax(jax, jnp):
    return jax.nn.softmax, np.ones(3)


def _unused_loop(jax, jnp):
    def f(x):
        last, steps = jax.lax.scan(lambda c, _: (jnp.sin(c), jnp.cos(c)), x, None, 4)
        return last * jax.lax.stop_gradient(steps).sum()

    return f, np.ones(3)


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("make", [_of_constant_maximum, _softmax, _unused_loop])
def test_nothing_is_kept_that_no_tangent_needs(make, jitted):
    kept = []
    for framework in (jax, minijax):
        f, x = make(framework, framework.numpy)
        _, tangent = framework.linearize(framework.jit(f) if jitted else f, x)
        kept.append([leaf.shape for leaf in framework.tree.leaves(tangent)])
    assert kept[1] == kept[0]
