"""The generators beside threefry, and threefry's older layout: JAX's bits."""

import functools
import importlib
import itertools

import jax
import numpy as np
import pytest

import minijax
import minijax.extend.random
from minijax import ladder

pytestmark = pytest.mark.filterwarnings("ignore")


def of_own(framework, key_shape):
    """A generator that is not random at all."""
    jnp = framework.numpy

    def counted(shape):
        return jnp.arange(np.prod(shape, dtype=int), dtype=jnp.uint32).reshape(shape)

    return importlib.import_module(
        f"{framework.__name__}.extend.random"
    ).define_prng_impl(
        key_shape=key_shape,
        seed=lambda seed: seed.astype(jnp.uint32) + counted(key_shape),
        split=lambda key, shape: (
            key + counted(shape).reshape(*shape, *[1] * len(key_shape))
        ),
        random_bits=lambda key, width, shape: (
            key.sum() + counted(shape) * 77777777
        ).astype(f"uint{width}"),
        fold_in=lambda key, data: key ^ data,
        name="own",
        tag="own",
    )


def test_keys_of_other_sizes_are_refused_by_name():
    with pytest.raises(NotImplementedError, match=r"key_shape=\(13,\)"):
        of_own(minijax, (13,))


GENERATORS = {
    "rbg": lambda framework: "rbg",
    "unsafe_rbg": lambda framework: "unsafe_rbg",
    "own": lambda framework: of_own(framework, (2,)),
    "own of four words": lambda framework: of_own(framework, (2, 2)),
}
ON_GENERATORS = {
    "key": lambda f, k: k,
    "text": lambda f, k: f.numpy.zeros(len(repr(k))),
    "split": lambda f, k: f.random.split(k, (2, 3)),
    "fold_in": lambda f, k: f.random.fold_in(k, 7),
    "bits": lambda f, k: [f.random.bits(k, (2, 3), f"uint{w}") for w in (8, 16, 32)],
    "uniform": lambda f, k: f.random.uniform(k, (5,)),
    "normal": lambda f, k: f.jit(f.random.normal, static_argnums=1)(k, (5,)),
    "wrap": lambda f, k: f.random.wrap_key_data(
        f.random.key_data(k) + np.uint32(1), impl=f.random.key_impl(k)
    ),
    "map of bits": lambda f, k: f.vmap(lambda k: f.random.bits(k, (3,)))(
        f.random.split(k, 4)
    ),
    "map of split": lambda f, k: f.vmap(f.random.split)(f.random.split(k, 4)),
    "map of fold_in": lambda f, k: [
        f.vmap(f.random.fold_in, axes)(a, b)
        for axes, a, b in [
            ((0, None), f.random.split(k), 3),
            ((None, 0), k, np.arange(3)),
            (0, f.random.split(k, 3), np.arange(3)),
        ]
    ],
    "map of keys": lambda f, k: f.vmap(
        lambda seed: f.random.key(seed, impl=f.random.key_impl(k))
    )(np.arange(3)),
    "equal": lambda f, k: [k == k, f.random.split(k, 3) != f.random.split(k, 3)[0]],
    "all ones": lambda f, k: (
        lambda ones: [ones == ones, ones != ones, f.numpy.stack([k, ones])]
    )(
        f.random.wrap_key_data(
            f.numpy.full_like(f.random.key_data(k), 2**32 - 1),
            impl=f.random.key_impl(k),
        )
    ),
    "out of bounds": lambda f, k: [
        f.random.split(k).at[f.numpy.array([0, 5])].get(mode="fill"),
        f.random.split(k).at[5].get(mode="fill", fill_value=7),
    ],
    "scan": lambda f, k: f.lax.scan(
        lambda k, _: (f.random.split(k)[0], f.random.uniform(k)), k, None, length=3
    ),
}


@pytest.mark.parametrize("checked", [False, True], ids=["", "checked"])
@pytest.mark.parametrize("use", ON_GENERATORS)
@pytest.mark.parametrize("name", GENERATORS)
def test_other_generators(name, use, checked, monkeypatch):
    def found(framework):
        key = framework.random.key(42, impl=GENERATORS[name](framework))
        leaves = framework.tree.leaves(ON_GENERATORS[use](framework, key))
        typed = framework.dtypes.prng_key
        return [
            framework.random.key_data(x)
            if framework.dtypes.issubdtype(x.dtype, typed)
            else x
            for x in leaves
        ]

    monkeypatch.setattr(ladder, "CHECK", checked)
    theirs, ours = found(jax), found(minijax)
    for want, got in zip(theirs, ours, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("x64", [False, True], ids=["", "x64"])
@pytest.mark.parametrize("shape", [(), (3, 5), (0,)], ids=str)
def test_rng_bit_generator(shape, x64):
    def found(framework):
        lax, out = framework.lax, []
        with framework.enable_x64(x64):
            for state in ([1, 2, 3, 4], [5, 2**32 - 1, 2**32 - 1, 2**32 - 1]):
                states = [np.array(state, np.uint32)]
                if x64:
                    states.append(states[0].view(np.uint64))
                for key, dtype, way in itertools.product(
                    states, ("uint8", "uint16", "uint32", "uint64"), lax.RandomAlgorithm
                ):
                    out += lax.rng_bit_generator(key, shape, dtype, way)
            keys = np.arange(8, dtype=np.uint32).reshape(2, 4)
            out += framework.vmap(lambda k: lax.rng_bit_generator(k, shape))(keys)
        return out

    for want, got in zip(found(jax), found(minijax), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


OLDER_LAYOUT = [
    lambda r, k: r.key_data(r.split(k, 3)),
    lambda r, k: r.key_data(r.split(k, (2, 3))),
    lambda r, k: r.key_data(r.fold_in(k, 7)),
    *[
        lambda r, k, w=width, n=n: r.bits(k, (n,), f"uint{w}")
        for width in (8, 16, 32)
        for n in (0, 1, 5, 8)
    ],
    lambda r, k: r.normal(k, (3, 5)),
    lambda r, k: r.randint(k, (7,), 0, 100),
    lambda r, k: r.permutation(k, 9),
    lambda r, k: r.gamma(k, 2.0, (3,)),
]


@pytest.mark.parametrize("number", range(len(OLDER_LAYOUT)))
def test_the_older_layout(number):
    """Bits of `jax_threefry_partitionable=False`, alone, under jit and under vmap."""
    results = []
    for framework in (jax, minijax):
        random = framework.random
        draw = functools.partial(OLDER_LAYOUT[number], random)
        keys = random.split(random.key(3), 2)
        default = draw(keys[0])
        with framework.threefry_partitionable(False):
            found = [
                draw(keys[0]),
                framework.jit(draw)(keys[1]),
                framework.vmap(draw)(keys),
            ]
        results.append([np.asarray(x) for x in [default, *found, draw(keys[0])]])
    for want, got in zip(*results, strict=True):
        assert want.dtype == got.dtype
        # samplers that iterate round in their own way
        np.testing.assert_allclose(got, want, rtol=1e-6 if got.dtype.kind == "f" else 0)


def test_the_older_layout_of_64_bits():
    results = []
    for framework in (jax, minijax):
        with framework.enable_x64(True), framework.threefry_partitionable(False):
            key = framework.random.key(3)
            results.append(np.asarray(framework.random.bits(key, (5,), "uint64")))
    np.testing.assert_array_equal(*results)


def test_every_name_is_there():
    public = {name for name in dir(jax.random) if not name.startswith("_")}
    for name in public:
        assert getattr(minijax.random, name, None) is not None, name


@pytest.mark.parametrize("impl", ["philox2x32", "philox4x32", "threefry4x32"])
def test_hashes_of_counters(impl):
    def found(framework):
        jr = framework.random

        def use(key, seed):
            keys = jr.split(key, (2, 3))
            bits = [jr.bits(key, (2, 3), f"uint{width}") for width in (8, 16, 32, 64)]
            new = [jr.key(seed, impl=impl), jr.fold_in(key, 7), keys]
            spread = framework.vmap(jr.bits)(keys[0])
            return [*bits, spread, *map(jr.key_data, new)]

        with framework.enable_x64(True):
            return framework.jit(use)(jr.key(-42, impl=impl), 2**40 + 3)

    for want, got in zip(found(jax), found(minijax), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "uint8", "int16"])
def test_rng_uniform(dtype):
    """Numbers in [a, b), other ones for every equation and at every execution."""
    lax, jnp = minijax.lax, minijax.numpy
    low, high = jnp.asarray(2, dtype), jnp.asarray(100, dtype)
    draw = minijax.jit(lambda a, b: [lax.rng_uniform(a, b, (40, 50)) for _ in range(2)])
    results = [*draw(low, high), *draw(low, high)]
    for x in results:
        assert (x.shape, x.dtype) == ((40, 50), dtype)
        assert (x >= low).all() and (x < high).all()
        assert abs(x.astype("float32").mean() - 50.5) < 4
    for x, y in itertools.combinations(results, 2):
        assert (x == y).mean() < 0.5


def test_rng_uniform_in_a_loop():
    lax = minijax.lax
    _, values = lax.scan(
        lambda c, _: (c, lax.rng_uniform(0.0, 1.0, ())), 0, None, length=9
    )
    assert len(set(values.tolist())) == 9


@pytest.mark.parametrize(
    "call",
    [
        "lax.rng_uniform(0, 1.0, (3,))",
        "lax.rng_uniform(jnp.zeros(1), jnp.ones(()), (3,))",
        "jax.vmap(lambda a: lax.rng_uniform(a, a, (3,)))(jnp.zeros(2))",
        "jax.grad(lambda a: lax.rng_uniform(a, a, ()))(1.0)",
    ],
)
def test_rng_uniform_refuses(call):
    said = []
    for framework in (jax, minijax):
        scope = {"jax": framework, "jnp": framework.numpy, "lax": framework.lax}
        with pytest.raises((ValueError, NotImplementedError)) as caught:
            eval(call, scope)
        said.append((caught.type, str(caught.value)))
    assert said[0] == said[1]
