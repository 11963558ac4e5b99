"""Modules, training, layers with state, serialisation and errors of equinox."""
# needs: equinox optax

import io

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

key = jax.random.key(0)


class Net(eqx.Module):
    layers: list
    scale: jax.Array

    def __init__(self, key):
        a, b = jax.random.split(key)
        self.layers = [
            eqx.nn.Linear(3, 8, key=a),
            eqx.nn.LayerNorm(8),
            eqx.nn.Dropout(0.1),
            eqx.nn.MLP(8, 2, 8, 1, key=b),
        ]
        self.scale = jnp.ones(2)

    def __call__(self, x, key):
        x = jax.nn.relu(self.layers[1](self.layers[0](x)))
        return self.layers[3](self.layers[2](x, key=key)) * self.scale


net = Net(key)
x = jnp.sin(jnp.arange(15.0)).reshape(5, 3)
opt = optax.adam(0.01)
state = opt.init(eqx.filter(net, eqx.is_inexact_array))


@eqx.filter_jit
def step(net, state, x, key):
    def loss(net):
        return jnp.mean((jax.vmap(net)(x, jax.random.split(key, 5)) - 1) ** 2)

    value, grads = eqx.filter_value_and_grad(loss)(net)
    updates, state = opt.update(grads, state, net)
    return eqx.apply_updates(net, updates), state, value


for k in range(4):
    net, state, value = step(net, state, x, jax.random.fold_in(key, k))
    print(float(value))
print(net.scale, eqx.tree_equal(net, net))
conv = eqx.nn.Conv2d(1, 2, 3, key=key)
print(conv(jnp.ones((1, 5, 5))).sum())
gru = eqx.nn.GRUCell(3, 4, key=key)
print(gru(x[0], jnp.zeros(4)))
att = eqx.nn.MultiheadAttention(2, 4, key=key)
q = jnp.ones((3, 4))
print(att(q, q, q).sum())
bn, st = eqx.nn.make_with_state(eqx.nn.BatchNorm)(3, "batch", mode="batch")
y, st = jax.vmap(bn, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(x, st)
print(y.sum(0))
file = io.BytesIO()
eqx.tree_serialise_leaves(file, net)
file.seek(0)
print(eqx.tree_equal(net, eqx.tree_deserialise_leaves(file, net)))
checked = eqx.filter_jit(lambda x: eqx.error_if(x, x < 0, "negative"))
try:
    checked(-jnp.ones(2))
except RuntimeError as error:
    print("negative" in str(error))
print(eqx.filter_jit(lambda x: eqx.error_if(x, x < 0, "negative"))(jnp.ones(2)))
print(
    eqx.internal.while_loop(
        lambda c: c[0] < 3,
        lambda c: (c[0] + 1, c[1] * 2),
        (0, 1.5),
        kind="checkpointed",
        max_steps=8,
    )[1]
)
