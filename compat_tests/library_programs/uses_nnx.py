"""A network trained with flax.nnx."""
# needs: flax optax

import jax
import jax.numpy as jnp
import optax
from flax import nnx


class Net(nnx.Module):
    def __init__(self, rngs):
        self.a = nnx.Linear(3, 8, rngs=rngs)
        self.bn = nnx.BatchNorm(8, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)
        self.b = nnx.Linear(8, 2, rngs=rngs)

    def __call__(self, x):
        return self.b(self.drop(nnx.relu(self.bn(self.a(x)))))


net = Net(nnx.Rngs(0))
opt = nnx.Optimizer(net, optax.sgd(0.1), wrt=nnx.Param)
x = jnp.sin(jnp.arange(15.0)).reshape(5, 3)


@nnx.jit
def step(net, opt):
    value, grads = nnx.value_and_grad(lambda m: ((m(x) - 1) ** 2).mean())(net)
    opt.update(net, grads)
    return value


for _ in range(4):
    print(float(step(net, opt)))
net.eval()
print(net(x))
graph, state = nnx.split(net)
print(len(jax.tree.leaves(state)))
m2 = nnx.merge(graph, state)
print(m2(x).sum())
