"""`jax.experimental.random` against JAX's, and the counters behind generators."""

import numpy as np
from sides import Side, assert_same, both, raised


def _stateful(side):
    make = side("experimental.random").stateful_rng

    rng, data = make(547), side.random.key_data
    keys = [data(rng.key()), data(rng.key(2)), data(rng.spawn(1)[0].key())]
    return (
        keys,
        rng._counter[...],
        data(rng._base_key),
        side.tree.structure(rng).num_leaves,
    )


def test_normal_and_random():
    """Of JAX's samplers: no program of JAX's own is compiled."""
    side = Side("minijax")
    rng, key = side("experimental.random").stateful_rng(5), side.random.key(5)
    drawn = [
        rng.random(2), side.jit(lambda rng: rng.normal(1, 2.0, (2,)))(rng),
        rng.uniform(0, np.array([1, 2])), rng.integers(9, size=3),
        rng.integers(3, np.array([5, 9]), dtype="int8"),
    ]  # fmt: skip
    feed = (side.random.fold_in(key, k) for k in range(5))
    want = [
        side.random.uniform(next(feed), (2,)),
        1 + 2 * side.random.normal(next(feed), (2,)),
        side.random.uniform(next(feed), (2,), maxval=np.array([1, 2])),
        side.random.randint(next(feed), (3,), 0, 9),
        side.random.randint(next(feed), (2,), 3, np.array([5, 9]), "int8"),
    ]
    for a, b in zip(drawn, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert a.dtype == b.dtype
    apart = side.vmap(lambda rng: rng.uniform())(rng.split(3))
    assert len(set(apart.tolist())) == 3
    keys = [side.random.key_data(child.key()) for child in rng.spawn(2)]
    assert keys[0].tolist() != keys[1].tolist()
    assert rng.key((2, 3)).shape == (2, 3)


def test_stateful_rng():
    assert_same(_stateful)


def test_stateful_rng_refuses():
    def told(side):
        module = side("experimental.random")
        words, counter = side.numpy.zeros(2, "uint32"), side.new_ref(0)
        cases = [
            lambda: module.StatefulPRNG(words, counter),
            lambda: module.StatefulPRNG(side.random.key(0), 0),
            lambda: module.stateful_rng(0).split(3).uniform(),
            lambda: side.jit(lambda: module.stateful_rng().uniform())(),
        ]
        return [(type(e).__name__, str(e)[:40]) for e in map(raised, cases)]

    theirs, ours = both(told)
    assert ours == theirs


def test_iota_2x32_shape():
    def told(side):
        prng = side("_src.random.prng")
        return prng.iota_2x32_shape((2, 3)), side.jit(
            lambda: prng.iota_2x32_shape_p.bind(shape=(4,))
        )()

    assert_same(told)
