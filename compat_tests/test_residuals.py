"""print_saved_residuals against JAX's, but for columns of lines and results of calls."""

import re

import jax
import jax.ad_checkpoint
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


@pytest.mark.parametrize("make", [_chain, _constant, _checkpointed, _tree])
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
