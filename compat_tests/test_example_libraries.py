"""jax.example_libraries: layers and optimizers on both sides."""

import numpy as np
import pytest
from sides import assert_same

LAYERS = {
    "dense": lambda stax: (stax.Dense(3), (2, 4)),
    "conv": lambda stax: (stax.Conv(3, (2, 2), (2, 2), "SAME"), (2, 5, 5, 2)),
    "conv transpose": lambda stax: (
        stax.ConvTranspose(3, (2, 2), (2, 2), "SAME"), (2, 4, 4, 2)),
    "conv 1d transpose": lambda stax: (stax.Conv1DTranspose(3, (2,)), (2, 5, 2)),
    "batch norm": lambda stax: (stax.BatchNorm(), (2, 5, 5, 2)),
    "batch norm, one axis": lambda stax: (stax.BatchNorm(axis=(0,), center=False), (4, 3)),
    "max pool": lambda stax: (stax.MaxPool((2, 2), (2, 2), "SAME"), (2, 5, 5, 2)),
    "sum pool": lambda stax: (stax.SumPool((2, 3)), (2, 5, 5, 2)),
    "avg pool": lambda stax: (stax.AvgPool((2, 2), None, "SAME"), (2, 5, 5, 2)),
    "network": lambda stax: (
        stax.serial(
            stax.Conv(4, (3, 3), padding="SAME"), stax.Relu, stax.MaxPool((2, 2)),
            stax.Flatten, stax.FanOut(2),
            stax.parallel(stax.Dense(3), stax.serial(stax.Dense(3), stax.Tanh)),
            stax.FanInSum, stax.Dropout(0.7), stax.shape_dependent(
                lambda shape: stax.Dense(shape[-1])), stax.LogSoftmax,
        ),
        (2, 4, 4, 1),
    ),
    "concatenation": lambda stax: (
        stax.serial(stax.FanOut(2), stax.FanInConcat(), stax.Gelu, stax.Identity), (2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_stax(name):
    def body(side):
        (init, apply), shape = LAYERS[name](side("example_libraries.stax"))
        key = side("random").key(0)
        out_shape, params = init(key, shape)
        x = side.jnp.asarray(np.random.RandomState(0).randn(*shape), "float32")
        return str(out_shape), (
            side.tree_util.tree_leaves(params),
            apply(params, x, rng=key),
        )

    assert_same(body, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["network", "conv 1d transpose"])
def test_stax_makes_weights_of_the_default_float(name):
    def body(side):
        with side.enable_x64(True):
            (init, _), shape = LAYERS[name](side("example_libraries.stax"))
            _, params = init(side.random.key(0), shape)
        return side.tree_util.tree_leaves(params)

    assert_same(body, rtol=2e-6, atol=2e-7)


OPTIMIZERS = {
    "sgd": lambda o: o.sgd(0.1),
    "momentum": lambda o: o.momentum(0.1, 0.9),
    "nesterov": lambda o: o.nesterov(o.exponential_decay(0.1, 3, 0.5), 0.9),
    "adagrad": lambda o: o.adagrad(o.inverse_time_decay(0.1, 3, 0.5)),
    "rmsprop": lambda o: o.rmsprop(o.inverse_time_decay(0.1, 3, 0.5, staircase=True)),
    "rmsprop_momentum": lambda o: o.rmsprop_momentum(
        o.polynomial_decay(0.1, 4, 0.01, 2.0)
    ),
    "adam": lambda o: o.adam(o.piecewise_constant([2, 3], [0.1, 0.05, 0.01])),
    "adamax": lambda o: o.adamax(o.constant(0.1)),
    "sm3": lambda o: o.sm3(0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    def body(side):
        optimizers = side("example_libraries.optimizers")
        init, update, get_params = OPTIMIZERS[name](optimizers)
        params = {"w": side.jnp.ones((2, 3)), "b": (side.jnp.float32(0.5),)}
        state = init(params)

        def step(i, state):
            def loss(p):
                scale = side.jnp.arange(6.0).reshape(2, 3)
                return ((p["w"] * scale - p["b"][0]) ** 2).sum()

            grads = side.grad(loss)(get_params(state))
            return update(i, optimizers.clip_grads(grads, 3.0), state)

        if name != "sm3":  # JAX's keeps shapes among the arrays of its state
            step = side.jit(step)
        for i in range(5):
            state = step(i, state)
        marked = optimizers.unpack_optimizer_state(state)
        packed = optimizers.pack_optimizer_state(marked)
        return side.tree_util.tree_leaves((get_params(state), get_params(packed)))

    assert_same(body, rtol=1e-4, atol=1e-6)


def test_states_of_optimizers_are_trees_as_jax_has_them():
    def body(side):
        init, update, _ = side("example_libraries.optimizers").adam(0.1)
        params = {"w": np.ones(2, np.float32), "b": (np.float32(2),)}
        states = [init(params), update(0, params, init(params)), init(())]
        packed = side("example_libraries.optimizers").unpack_optimizer_state(states[0])
        again = side("example_libraries.optimizers").pack_optimizer_state(packed)
        return [
            (str(side.tree_util.tree_structure(state)), len(state.packed_state))
            for state in [*states, again]
        ]

    assert_same(body)
