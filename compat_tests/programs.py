"""Small whole programs, each a function of a framework, its numpy and a pytree of arrays.

Tests run every one on JAX and on minijax; a new program is one more function here.
"""

import numpy as np

X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
V = np.arange(4, dtype=np.float32)
MASK = np.array([True, False, True])
PROGRAMS = {}


def program(*args):
    """Register a program with the arguments it runs on."""

    def register(fun):
        PROGRAMS[fun.__name__] = fun, args
        return fun

    return register


@program(X)
def statistics(jax, jnp, x):
    return jnp.var(x, axis=0), jnp.std(x), jnp.mean(x, axis=1, keepdims=True)


@program(X)
def indexing(jax, jnp, x):
    rows, columns = jnp.array([0, 2]), jnp.array([1, 3])
    return (
        x[0], x[:, 1], x[::2], x[..., None], x[rows], x[rows, columns], x[-1, -1],
        x[1:, ::-1], x[:, None, 1:3], x[rows[:, None], columns],
    )  # fmt: skip


@program(X)
def updates(jax, jnp, x):
    twice = jnp.array([0, 0, 1])
    return (
        x.at[0].set(1.0), x.at[:, 1].add(2.0), x.at[twice].add(1.0), x.at[1, 2].mul(3.0),
        x.at[5].get(mode="fill", fill_value=7.0), x.at[1].min(0.0), x.at[1].max(0.0),
    )  # fmt: skip


@program(X)
def gradient_of_indexing(jax, jnp, x):
    return jax.grad(lambda x: jnp.sum(x[jnp.array([0, 0, 1])] ** 2))(x)


@program(X, V)
def products(jax, jnp, x, v):
    return (
        x @ x.T, jnp.dot(x, v), jnp.einsum("ij,kj->ik", x, x), jnp.einsum("ij->j", x),
        jnp.tensordot(x, x, axes=[[0], [0]]), jnp.outer(v, v), jnp.vdot(v, v),
    )  # fmt: skip


@program(X)
def selection(jax, jnp, x):
    return (
        jnp.where(x > 0, x, 0.0), jnp.clip(x, -1, 1), jnp.maximum(x, 0), jnp.sign(x),
        jnp.argmax(x, axis=1), jnp.argmin(x), jnp.any(x > 1), jnp.all(x > -9),
    )  # fmt: skip


@program(X)
def arranging(jax, jnp, x):
    return (
        jnp.concatenate([x, x], 0), jnp.stack([x, x], 1), jnp.split(x, 2, axis=1),
        jnp.tile(x, (2, 1)), jnp.repeat(x, 2, axis=0), jnp.roll(x, 1, axis=1),
        jnp.pad(x, ((1, 1), (0, 2))), jnp.transpose(x), x.reshape(2, 6), jnp.flip(x, 0),
    )  # fmt: skip


@program()
def creation(jax, jnp):
    return (
        jnp.zeros((2, 3)), jnp.ones(3, int), jnp.full((2,), 7.0), jnp.eye(3), jnp.arange(5),
        jnp.linspace(0, 1, 7), jnp.tril(jnp.ones((3, 3))), jnp.meshgrid(jnp.arange(2), V),
    )  # fmt: skip


@program(np.arange(-5, 5))
def integers(jax, jnp, n):
    return n // 2, n % 3, -n // 2, n**2, n << 1, n & 3, abs(n), n / 2


@program(X)
def loop_with_state(jax, jnp, x):
    return jax.lax.scan(lambda c, y: (c + y, c * y), jnp.zeros(4), x)


@program(X)
def gradient_of_loop(jax, jnp, x):
    def total(x):
        return jax.lax.scan(lambda c, y: (jnp.sin(c + y), c * y), jnp.zeros(4), x)[
            1
        ].sum()

    return jax.grad(total)(x)


@program(X, np.full((4, 4), 0.1, np.float32))
def gradient_of_recurrence(jax, jnp, x, w):
    """An RNN: the weights are loop-invariant residuals."""

    def loss(w):
        last, outs = jax.lax.scan(
            lambda h, y: (jnp.tanh(h @ w + y), jnp.sum(h)), jnp.zeros(4), x
        )
        return jnp.sum(last) + jnp.sum(outs)

    return jax.value_and_grad(loss)(w)


@program(X)
def batched_loop(jax, jnp, x):
    return jax.vmap(lambda x: jax.lax.scan(lambda c, y: (c + y, c * y), 0.0, x))(x)


@program(X)
def reversed_and_empty_loops(jax, jnp, x):
    step = lambda c, y: (c + y, c)  # noqa: E731
    return (
        jax.lax.scan(step, jnp.zeros(4), x, reverse=True),
        jax.lax.scan(step, jnp.zeros(4), x[:0]),
        jax.lax.scan(step, jnp.zeros(4), x[:1], unroll=2),
        jax.lax.scan(lambda c, _: (c * 2, None), 1.0, None, length=5),
    )


@program(V)
def loops_without_length(jax, jnp, v):
    return jax.lax.while_loop(
        lambda c: c[0] < 10, lambda c: (c[0] + 1, c[1] * 1.1), (0, v)
    )


@program(np.array([1, 5, 3]))
def batched_condition(jax, jnp, n):
    def count(n):
        return jax.lax.while_loop(
            lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * 1.5), (0, 1.0)
        )

    return jax.vmap(count)(n)


@program(X)
def counted_loops(jax, jnp, x):
    loop = lambda x: jax.lax.fori_loop(0, 5, lambda i, c: c * x + i, x)  # noqa: E731
    return loop(x), jax.grad(lambda x: loop(x).sum())(x)


@program(X, V)
def forward_mode_of_while(jax, jnp, x, v):
    def power(x):
        return jax.lax.while_loop(
            lambda c: c[0] < 4, lambda c: (c[0] + 1, c[1] * x), (0, x)
        )[1]

    return jax.jvp(power, (x,), (x,))


@program(X)
def branches(jax, jnp, x):
    lax = jax.lax
    return (
        lax.cond(True, lambda x: x + 1, lambda x: x - 1, x),
        lax.switch(2, [lambda x: x, lambda x: x * 2, lambda x: x * 3], x),
        lax.switch(9, [lambda x: x, lambda x: x * 2, lambda x: x * 3], x),
    )


@program(MASK, X)
def batched_branches(jax, jnp, which, x):
    return jax.vmap(lambda p, y: jax.lax.cond(p, jnp.sin, jnp.cos, y))(which, x)


@program(X)
def gradient_of_branches(jax, jnp, x):
    def f(x):
        return jax.lax.cond(
            jnp.sum(x) > 1, lambda x: jnp.sin(x) * x, lambda x: jnp.cos(x), x
        ).sum()

    return jax.grad(f)(x), jax.grad(f)(x + 1)


@program(V)
def jacobians(jax, jnp, v):
    return (
        jax.jacfwd(jnp.sin)(v), jax.jacrev(lambda v: jnp.outer(v, v))(v),
        jax.hessian(lambda v: jnp.sum(v**3))(v),
    )  # fmt: skip


@program(V)
def modes_of_differentiation(jax, jnp, v):
    f = lambda v: jnp.sum(jnp.tanh(v) ** 2)  # noqa: E731
    return (
        jax.jvp(jax.grad(f), (v,), (jnp.ones(4),)),
        jax.linearize(jnp.sin, v)[1](v),
        jax.linear_transpose(lambda v: 3 * v, v)(v),
        jax.vjp(lambda v: (v * 2, jnp.sin(v)), v)[1]((v, v)),
        jax.value_and_grad(lambda v: (f(v), v), has_aux=True)(v),
        jax.grad(lambda a, b: jnp.sum(a * b), argnums=(0, 1))(v, v + 1),
    )


@program(V)
def derivatives_of_constants(jax, jnp, v):
    """Zeros have the weak type of what they are the derivative of."""
    w = jnp.full(3, 1.5)
    return (
        jax.jvp(lambda v: w, (v,), (v,)), jax.grad(lambda w: 1.0)(w),
        jax.vjp(lambda v, w: w, v, w)[1](w), jax.linearize(lambda w: 2.5, w)[1](w),
    )  # fmt: skip


@program(V)
def recomputed_loops(jax, jnp, v):
    def loop(v):
        def body(c, x):
            jax.debug.callback(lambda _: None, c)
            return jnp.sin(c) * x, c + x

        return jax.lax.scan(body, v[1], v)

    def branch(v):
        return jax.lax.cond(v[1] > 0, lambda: jnp.cos(v).sum(), lambda: v[0])

    def total(v):
        c, ys = loop(v)
        return c + ys.sum() + jax.checkpoint(branch)(v * 2)

    return jax.grad(jax.checkpoint(total))(v), jax.jit(jax.grad(jax.checkpoint(total)))(
        v
    )


@program(X)
def recomputation(jax, jnp, x):
    f = lambda x: jnp.sin(jnp.sin(x) @ x.T)  # noqa: E731
    keep = jax.checkpoint_policies.dots_with_no_batch_dims_saveable
    return (
        jax.grad(lambda x: jax.checkpoint(f)(x).sum())(x),
        jax.grad(lambda x: jax.checkpoint(f, policy=keep)(x).sum())(x),
        jax.vmap(jax.grad(lambda y: jax.checkpoint(jnp.sin)(y).sum()))(x),
    )


@program(X)
def named_axes(jax, jnp, x):
    lax = jax.lax

    def exchanged(y, *where, **how):
        def f(y):
            return lax.all_to_all(y, ("i", "j"), *where, **how)

        return jax.vmap(jax.vmap(f, axis_name="j"), 1, axis_name="i")(y)

    y = jnp.arange(72.0).reshape(2, 3, 6, 2) + jnp.sum(x)
    return (
        exchanged(jnp.arange(36.0).reshape(2, 3, 6), 0, 0),
        exchanged(y.reshape(2, 3, 2, 6), 1, 0),
        exchanged(y, 0, 1, tiled=True),
        jax.vmap(lambda x: lax.psum(x, "i"), axis_name="i")(x),
        jax.vmap(lambda x: x - lax.pmean(x, "i"), axis_name="i")(x),
        jax.vmap(lambda x: lax.axis_index("i") * x, axis_name="i")(x),
        jax.vmap(lambda x: lax.all_gather(x, "i"), axis_name="i")(x),
        jax.vmap(jax.grad(lambda x: lax.psum(jnp.sum(x * x), "i")), axis_name="i")(x),
    )


@program(X)
def activations(jax, jnp, x):
    nn = jax.nn
    return (
        nn.softmax(x), nn.log_softmax(x), nn.relu(x), nn.gelu(x), nn.silu(x),
        nn.sigmoid(x), nn.softplus(x), nn.one_hot(V, 3), nn.logsumexp(x, axis=1),
    )  # fmt: skip


@program(X)
def gradients_of_activations(jax, jnp, x):
    nn = jax.nn
    return (
        jax.grad(lambda x: nn.softmax(x)[0, 1])(x),
        jax.grad(lambda x: nn.log_softmax(x)[0, 1])(x),
        jax.grad(lambda x: nn.relu(x).sum())(x),
        jax.grad(lambda x: nn.gelu(x).sum())(x),
    )


@program()
def random_numbers(jax, jnp):
    random = jax.random
    key = random.key(3)
    return (
        random.normal(key, (5,)), random.uniform(key, (3,)), random.randint(key, (4,), 0, 10),
        random.bernoulli(key, 0.3, (4,)), random.split(random.PRNGKey(1), 3),
        random.permutation(key, 10), random.key_data(random.fold_in(key, 5)),
        jax.vmap(lambda k: random.normal(k, (2,)))(random.split(key, 3)),
    )  # fmt: skip


@program(X)
def ordering(jax, jnp, x):
    return (
        jnp.sort(x[::-1], axis=0), jnp.argsort(-V), jax.lax.top_k(V, 2),
        jnp.cumsum(x, axis=1), jnp.cumprod(V + 1), jax.lax.associative_scan(jnp.multiply, x),
        jax.lax.associative_scan(jnp.add, jnp.full((3, 2), 1.5)),
    )  # fmt: skip


@program(
    np.arange(50, dtype=np.float32).reshape(1, 2, 5, 5),
    np.ones((3, 2, 3, 3), np.float32),
)
def convolution(jax, jnp, x, w):
    conv = jax.lax.conv_general_dilated
    return (
        conv(x, w, (1, 1), "SAME"),
        jax.grad(lambda w: (conv(x, w, (2, 2), "VALID") ** 2).sum())(w),
        jax.grad(lambda x: (conv(x, w, (2, 2), "SAME") ** 2).sum())(x),
    )


@program(X)
def pooling(jax, jnp, x):
    def pool(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (2, 2), (1, 1), "VALID")

    return pool(x), jax.grad(lambda x: pool(x).sum())(x)


@program(X)
def half_precision(jax, jnp, x):
    y = x.astype(jnp.bfloat16)
    return (y @ y.T).astype(jnp.float32), y + 1, jnp.sum(x.astype(jnp.float16), axis=0)


@program(X)
def complex_numbers(jax, jnp, x):
    return (
        jnp.exp(1j * x),
        jnp.abs(x + 1j),
        jax.grad(lambda z: jnp.abs(z) ** 2)(1.0 + 2j),
    )


@program(X, V)
def custom_derivatives(jax, jnp, x, v):
    @jax.custom_jvp
    def f(x, y):
        return jnp.sin(x) * y

    @f.defjvp
    def f_jvp(primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        return f(x, y), 2 * dx * y + dy

    @jax.custom_vjp
    def g(x):
        return jnp.sin(x)

    g.defvjp(lambda x: (g(x), x), lambda x, ct: (3 * ct * x,))
    return (
        jax.grad(lambda x: f(x, v).sum())(x), jax.jit(jax.grad(lambda x: g(x).sum()))(x),
        jax.vmap(jax.grad(lambda y: g(y).sum()))(x), jax.grad(jax.grad(g))(1.0),
    )  # fmt: skip


@program({"w": X, "b": V}, X[:, :3])
def train_step(jax, jnp, params, x):
    def loss(params):
        h = jax.nn.relu(x @ params["w"] + params["b"])
        return -jnp.mean(jax.nn.log_softmax(h)[:, 0])

    value, grads = jax.jit(jax.value_and_grad(loss))(params)
    return value, jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
