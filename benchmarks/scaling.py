"""From bound by overhead to bound by arithmetic: one program at growing sizes.

A name ends with the size; the report draws each row of names as a curve, and says at
which size minijax's advantage falls below 2x and below 1.1x. The cases of group "memory"
are about the highest resident set of a fresh process, against the size of the model.
"""


def _network(jax, width, batch, layers=3):
    """A step of gradient descent on a network of equal layers."""
    jnp = jax.numpy

    def make():
        keys = jax.random.split(jax.random.key(0), layers + 1)
        params = [jax.random.normal(k, (width, width)) / width**0.5 for k in keys[1:]]
        x = jax.random.normal(keys[0], (batch, width))

        def loss(params):
            h = x
            for w in params:
                h = jnp.tanh(h @ w)
            return jnp.mean(h**2)

        def step(params):
            grads = jax.grad(loss)(params)
            return [p - 0.1 * g for p, g in zip(params, grads)]

        return step, (params,)

    return make


def _leaves(jax, count):
    def make():
        leaves = [jax.numpy.arange(4.0) + k for k in range(count)]
        return (lambda xs: [x + 1 for x in xs]), (leaves,)

    return make


def _equations(jax, count):
    """Products that no compiler can merge, each of next to no work."""

    def chain(x):
        for _ in range(count):
            x = jax.numpy.tanh(x @ x)
        return x

    return lambda: (chain, (jax.numpy.eye(4) * 0.5,))


def _scan(jax, length):
    def loop(x):
        return jax.lax.scan(lambda c, _: (c * 0.5 + 1.0, None), x, None, length)[0]

    return lambda: (loop, (jax.numpy.ones(4),))


def cases(jax):
    found = {}
    for width in (4, 16, 64, 256, 1024):
        found[f"scaling/width {width}"] = {"make": _network(jax, width, 32)}
    for width in (64, 512, 1536, 3072):
        name = f"memory/parameters {3 * width**2}"
        found[name] = {"make": _network(jax, width, 32), "kind": "cold"}
    for batch in (1, 16, 256, 4096):
        found[f"scaling/batch {batch}"] = {"make": _network(jax, 64, batch)}
    for count in (1, 10, 100, 1000):
        found[f"scaling/leaves {count}"] = {"make": _leaves(jax, count)}
    for count in (1, 10, 100):
        found[f"scaling/equations {count}"] = {"make": _equations(jax, count)}
    for length in (10, 100, 1000, 10_000):
        found[f"scaling/scan {length}"] = {"make": _scan(jax, length)}
    return found
