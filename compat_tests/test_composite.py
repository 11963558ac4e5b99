"""`lax.composite`, and the types that annotations of `lax` functions use."""

import types
import typing

import numpy as np
import pytest
from sides import NAMES, Side, assert_same, raised


def _scaled(s, scale=None):
    def body(x, *, k):
        return {"a": x * k, "b": s.jnp.sin(x)}

    return lambda x: s.lax.composite(body, name="my.scaled", version=3)(x, k=scale)


@pytest.mark.parametrize(
    "scale", [2.0, np.ones(2, np.float32)], ids=["number", "array"]
)
def test_composite(scale):
    x = np.array([1.0, 2.0], np.float32)
    assert_same(lambda s: _scaled(s, scale)(x))
    assert_same(lambda s: s.jit(_scaled(s, scale))(x))
    said = []
    for side in map(Side, NAMES):
        (eqn,) = side.make_jaxpr(_scaled(side, scale))(x).eqns
        attributes = [(key, str(leaves)) for key, leaves, _ in eqn.params["attributes"]]
        inner = str(eqn.params["jaxpr"])
        names = [eqn.primitive.name, eqn.params["name"], eqn.params["version"]]
        said.append((*names, attributes, inner))
    assert said[1] == said[0]


WRONG = {
    "gradient": lambda s: s.grad(s.lax.composite(lambda x: x * 2, name="c"))(1.0),
    "batch": lambda s: s.vmap(s.lax.composite(lambda x: x * 2, name="c"))(np.ones(2)),
    "traced constant": lambda s: s.jit(
        lambda y: s.lax.composite(lambda x: x * y, name="c")(1.0)
    )(1.0),
    "traced attribute": lambda s: s.jit(
        lambda y: s.lax.composite(lambda x, *, k: x * k, name="c")(1.0, k=y)
    )(1.0),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    theirs, ours = (raised(lambda s=s: WRONG[name](Side(s))) for s in NAMES)
    assert type(ours).__name__ == type(theirs).__name__
    assert str(ours).split(". ")[0] == str(theirs).split(". ")[0]


_UNIONS = typing.Union, types.UnionType


@pytest.mark.parametrize(
    "name",
    ["PrecisionLike", "DotDimensionNumbers", "ConvGeneralDilatedDimensionNumbers"],
)
def test_types_for_annotations(name):
    def words(kind):
        parts = sorted(map(words, typing.get_args(kind)))
        name = "" if typing.get_origin(kind) in _UNIONS else kind.__name__
        return f"{name}[{', '.join(parts)}]"

    theirs, ours = (words(getattr(Side(s).lax, name)) for s in NAMES)
    assert ours == theirs
