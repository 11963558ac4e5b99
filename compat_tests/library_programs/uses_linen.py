"""A convolutional network trained with flax.linen; serialisation; lifted transformations."""
# needs: flax optax msgpack

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax import serialization
from flax.training import train_state


class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(4, (3, 3))(x)
        x = nn.BatchNorm(use_running_average=not train)(x)
        x = nn.relu(x)
        x = nn.max_pool(x, (2, 2), (2, 2))
        x = x.reshape(x.shape[0], -1)
        x = nn.Dropout(0.2, deterministic=not train)(x)
        return nn.Dense(3)(nn.LayerNorm()(x))


x = jnp.sin(jnp.arange(2 * 6 * 6.0)).reshape(2, 6, 6, 1)
net = Net()
variables = net.init(jax.random.key(0), x, False)


class State(train_state.TrainState):
    batch_stats: dict


state = State.create(
    apply_fn=net.apply,
    params=variables["params"],
    tx=optax.adam(0.01),
    batch_stats=variables["batch_stats"],
)


@jax.jit
def step(state, key):
    def loss(p):
        out, new = state.apply_fn(
            {"params": p, "batch_stats": state.batch_stats},
            x,
            True,
            rngs={"dropout": key},
            mutable=["batch_stats"],
        )
        return (out**2).mean(), new

    (value, new), g = jax.value_and_grad(loss, has_aux=True)(state.params)
    return state.apply_gradients(grads=g, batch_stats=new["batch_stats"]), value


for k in range(4):
    state, value = step(state, jax.random.key(k))
    print(float(value))
b = serialization.to_bytes(state.params)
r = serialization.from_bytes(state.params, b)
print(len(b), jax.tree.all(jax.tree.map(lambda a, c: (a == c).all(), r, state.params)))
lstm = nn.RNN(nn.LSTMCell(4))
p = lstm.init(jax.random.key(1), jnp.ones((2, 5, 3)))
print(lstm.apply(p, jnp.ones((2, 5, 3))).sum())
att = nn.MultiHeadDotProductAttention(2)
p = att.init(jax.random.key(1), jnp.ones((2, 5, 4)))
print(att.apply(p, jnp.ones((2, 5, 4))).sum())
print(nn.tabulate(nn.Dense(2), jax.random.key(0))(jnp.ones((1, 3))).count("Dense"))


class Scanned(nn.Module):
    @nn.compact
    def __call__(self, x):
        v = nn.vmap(
            nn.Dense,
            in_axes=0,
            variable_axes={"params": 0},
            split_rngs={"params": True},
        )(2)
        return nn.remat(nn.Dense)(2)(v(x))


m = Scanned()
p = m.init(jax.random.key(2), jnp.ones((3, 2)))
print(jax.grad(lambda p: m.apply(p, jnp.ones((3, 2))).sum())(p)["params"])
