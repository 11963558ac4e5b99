"""The ways of jax.image to resize; test_jnp.py has its table."""

import jax
import pytest

import minijax
import minijax.image


def test_methods_have_the_same_names():
    names = [m.name for m in jax.image.ResizeMethod]
    assert [m.name for m in minijax.image.ResizeMethod] == names
    for name in ("bicubic", "area", "triangle", "lanczos5", "cubic-pytorch"):
        theirs, ours = (f.image.ResizeMethod.from_string(name) for f in (jax, minijax))
        assert theirs.name == ours.name
    with pytest.raises(ValueError, match="Unknown resize method"):
        minijax.image.ResizeMethod.from_string("none")
