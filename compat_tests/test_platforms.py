"""Functions chosen by platform, places of arrays and what is said of the machine."""

import numpy as np
import pytest
from sides import NAMES, Side, assert_same, raised


def _chosen(s, x):
    return s.lax.platform_dependent(x, cpu=s.jnp.sin, tpu=s.jnp.cos, default=s.jnp.tan)


def _default(s, x):
    return s.lax.platform_dependent(x, cuda=s.jnp.sin, default=lambda x: x * x)


@pytest.mark.parametrize("fun", [_chosen, _default])
def test_platform_dependent(fun):
    x = np.linspace(0.1, 0.9, 4, dtype=np.float32)
    assert_same(lambda s: fun(s, x))
    assert_same(lambda s: s.jit(lambda x: fun(s, x))(x))
    assert_same(lambda s: s.jit(s.vmap(s.grad(lambda x: fun(s, x))))(x))
    assert_same(lambda s: s.jvp(lambda x: fun(s, x), (x,), (x,)))
    for of in (lambda s, f: f, lambda s, f: s.vmap(f)):
        assert_same(lambda s, of=of: str(s.make_jaxpr(of(s, lambda x: fun(s, x)))(x)))


def test_platforms_with_one_function_share_a_branch():
    assert_same(
        lambda s: str(
            s.make_jaxpr(
                lambda x: s.lax.platform_dependent(x, cuda=abs, cpu=abs, tpu=s.jnp.sin)
            )(1.0)
        )
    )


WRONG = {
    "no platform": lambda s: s.lax.platform_dependent(1.0),
    "no function for this platform": lambda s: s.jit(
        lambda x: s.lax.platform_dependent(x, tpu=abs)
    )(1.0),
    "gpu": lambda s: s.lax.platform_dependent(1.0, gpu=abs),
    "no function": lambda s: s.lax.platform_dependent(1.0, cpu=1),
    "no default": lambda s: s.lax.platform_dependent(1.0, cpu=abs, default=1),
    "another type": lambda s: s.jit(
        lambda x: s.lax.platform_dependent(x, cpu=abs, tpu=s.jnp.int32)
    )(1.0),
    "axis twice": lambda s: s.NamedSharding(_mesh(s), s.P("b", ("a", "b"))),
    "axes twice": lambda s: s.NamedSharding(_mesh(s), s.P(("b", "a"), "a", "b")),
    "stream": lambda s: s.jnp.ones(2).to_device(None, stream=1),
    "no device": lambda s: s.jnp.ones(2).to_device("cpu"),
    "mulhi of floats": lambda s: s.lax.mulhi(1.0, 2.0),
    "mulhi of two types": lambda s: s.lax.mulhi(np.int32(1), np.int8(1)),
    "order of a text": lambda s: s.jnp.ones(2) < "a",
}


def _mesh(s):
    return s.make_mesh((1, 1), ("a", "b"))


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    theirs, ours = (raised(lambda s=s: WRONG[name](Side(s))) for s in NAMES)
    assert type(ours).__name__ == type(theirs).__name__
    said = str(theirs).replace("jaxlib._jax.", "")
    if name != "another type":  # which names the lines of functions
        assert str(ours) == said


def test_sums_of_partition_specs():
    def body(s):
        spec = s.P("a") + s.P(None, ("b", "c"))
        assert isinstance(spec, s.P) and isinstance(("x",) + spec, s.P)
        return [str(spec), str(spec + ("d",)), str(("x",) + spec)]

    assert_same(body)
    for side in map(Side, NAMES):
        with pytest.raises(NotImplementedError):
            side.P("a") + None


def test_arrays_are_unlike_texts():
    assert_same(lambda s: [s.jnp.ones(2) == "a", s.jnp.ones(2) != "a"])
    assert_same(lambda s: s.jit(lambda x: [x == "a", x != "a"])(1.0))


def test_to_device():
    def body(s):
        device = s.devices()[0]
        x = s.jnp.arange(3)
        places = None, device, s.sharding.SingleDeviceSharding(device)
        return [
            *[x.to_device(place) for place in places],
            x.to_device(device).committed,
            s.jit(lambda x: x.to_device(device))(x),
        ]

    assert_same(body)


def test_map_in_one_batch():
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    for size in (0, 2):
        for rows in (3, 0):
            assert_same(
                lambda s, size=size, rows=rows: s.lax.map(
                    lambda row: row.sum(), s.jnp.array(x[:rows]), batch_size=size
                )
            )


@pytest.mark.parametrize("n", [-1, 0, 1, 5])
def test_frequencies_of_few_points(n):
    assert_same(lambda s: s.jnp.fft.rfftfreq(n))


def test_environment(capsys):
    theirs, ours = (
        Side(name).print_environment_info(return_string=True) for name in NAMES
    )
    assert [line.strip('"') for line in theirs.splitlines()][:7] == ours.splitlines()[
        :7
    ]
    assert Side("minijax").print_environment_info() is None
    assert capsys.readouterr().out.strip() == ours
