"""A convolutional network with state trained with haiku; a GRU; attention."""
# needs: haiku optax

import haiku as hk
import jax
import jax.numpy as jnp
import optax


def f(x, train):
    x = hk.Conv2D(4, 3)(x)
    x = hk.BatchNorm(True, True, 0.9)(x, train)
    x = jax.nn.relu(x)
    x = hk.Flatten()(x)
    x = hk.dropout(hk.next_rng_key(), 0.1, x)
    return hk.nets.MLP([8, 2])(x)


net = hk.transform_with_state(f)
x = jnp.sin(jnp.arange(2 * 6 * 6.0)).reshape(2, 6, 6, 1)
params, state = net.init(jax.random.PRNGKey(0), x, True)
opt = optax.sgd(0.1)
os = opt.init(params)


@jax.jit
def step(params, state, os, key):
    def loss(p):
        out, s = net.apply(p, state, key, x, True)
        return ((out - 1) ** 2).mean(), s

    (v, state_), g = jax.value_and_grad(loss, has_aux=True)(params)
    u, os = opt.update(g, os, params)
    return optax.apply_updates(params, u), state_, os, v


for k in range(4):
    params, state, os, v = step(params, state, os, jax.random.PRNGKey(k))
    print(float(v))


def r2(x):
    core = hk.GRU(4)
    return hk.dynamic_unroll(core, x, core.initial_state(2))[0].sum()


n = hk.without_apply_rng(hk.transform(r2))
p = n.init(jax.random.PRNGKey(1), jnp.ones((5, 2, 3)))
print(
    n.apply(p, jnp.ones((5, 2, 3))),
    jax.grad(n.apply)(p, jnp.ones((5, 2, 3)))["gru"]["b"],
)
a = hk.without_apply_rng(
    hk.transform(
        lambda q: hk.MultiHeadAttention(2, 4, w_init=hk.initializers.VarianceScaling())(
            q, q, q
        ).sum()
    )
)
p = a.init(jax.random.PRNGKey(1), jnp.ones((2, 5, 3)))
print(a.apply(p, jnp.ones((2, 5, 3))))
