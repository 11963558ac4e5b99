"""jax.test_util, and modules of jax.experimental that are there to be imported only."""

import importlib

import numpy as np
import pytest
from sides import Side, assert_same

# --- test_util ------------------------------------------------------------------------


@pytest.mark.parametrize("modes", [("fwd",), ("rev",), ("fwd", "rev")])
@pytest.mark.parametrize("name", ["minijax", "jax"])
def test_check_grads(name, modes):
    side = Side(name)
    check_grads = side("test_util").check_grads

    def f(x, y):
        return side.jnp.sin(x) * y["w"] + (x @ x), x.sum()

    args = np.float32([0.3, -1.2]), {"w": np.float32([0.5, 2.0])}
    args = side.tree_util.tree_map(side.jnp.asarray, args)
    check_grads(f, args, order=2, modes=modes, atol=1e-2, rtol=1e-2)
    check_grads(lambda z: z * z, (side.jnp.complex64(1 + 2j),), order=2)

    @side.custom_jvp
    def wrong(x):
        return x**2

    wrong.defjvps(lambda t, ans, x: 3 * x * t)
    with pytest.raises(AssertionError):
        check_grads(wrong, (side.jnp.float32(2),), order=1, modes=modes)


# --- what is there to be imported only ----------------------------------------------------


def test_kernels_by_hand_are_called_missing():
    """Libraries import `pallas` for accelerators; only what it lacks is refused."""
    for name in ("pallas", "pallas.tpu", "pallas.triton", "pallas.mosaic_gpu"):
        module = importlib.import_module(f"minijax.experimental.{name}")
        with pytest.raises(
            AttributeError, match=f"not have jax.experimental.{name}.load"
        ):
            _ = module.load


# --- rnn ----------------------------------------------------------------------------------


def test_lstm():
    """Of ragged sequences; JAX itself runs only the reference on CPUs."""
    sizes = 2, 3, 2, True
    draw = np.random.default_rng(0)
    x = np.float32(draw.normal(size=(3, 5, 2)))
    h, c = np.float32(draw.normal(size=(2, 4, 3, 3)))
    lengths = np.int32([5, 3, 1])

    def body(side):
        rnn, asarray = side("experimental.rnn"), side.jnp.asarray
        weights = rnn.init_lstm_weight(side.random.key(1), *sizes)
        parts = rnn.unpack_lstm_weights(weights, *sizes)
        states = asarray(x), asarray(h), asarray(c)
        reference = side.jit(rnn.lstm_ref, static_argnums=range(8, 13))
        args = *states, *parts, asarray(lengths), *sizes[:3], 0.0, True
        outs = reference(*args)
        swapped = rnn.swap_lstm_gates(weights, *sizes)
        if side.name == "minijax":
            again = rnn.lstm(*states, weights, lengths, *sizes[:3], 0.0, True)
            for a, b in zip(again, outs, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        return weights, swapped, rnn.get_num_params_in_lstm(*sizes), *outs

    assert_same(body)


def test_version_of_the_library():
    assert_same(lambda side: side("lib").__version__)
