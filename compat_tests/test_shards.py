"""`shard_map` on a mesh of one device, against JAX's: nested, gathered, refused."""

import numpy as np
import pytest
from sides import assert_same, both, raised, said


def _mesh(side, *names):
    auto = side("sharding").AxisType.Auto
    return side.make_mesh((1,) * len(names), names, axis_types=(auto,) * len(names))


X = np.arange(8, dtype=np.float32)


def test_nested():
    """The inner one maps over the mesh of the outer."""

    def outs(side):
        def inner(b):
            return side.lax.psum(b, "y") * 2

        def outer(a):
            return side.shard_map(
                inner, in_specs=side.P("y"), out_specs=side.P(), axis_names={"y"}
            )(a)

        f = side.shard_map(
            outer, mesh=_mesh(side, "x", "y"), in_specs=side.P("x"),
            out_specs=side.P("x"), axis_names={"x"},
        )  # fmt: skip
        return side.jit(f)(X)

    assert_same(outs)


def test_gathered_alike():
    """A result that is the same for all may have a spec without the axis."""

    def outs(side):
        def f(a):
            return side.lax.all_gather(a, "x", tiled=True, to="invarying")

        spec, mesh = side.P("x"), _mesh(side, "x")
        g = side.shard_map(f, mesh=mesh, in_specs=spec, out_specs=side.P())
        return g(X), side.grad(lambda x: (g(x) ** 2).sum())(X)

    assert_same(outs)


def _step(s, w, x):
    loss, grads = s.value_and_grad(lambda w: s.lax.pmean(_squares(w, x), "x"))(w)
    return loss, s.tree.map(lambda w, g: w - 0.1 * g, w, grads)


def _squares(w, x):
    return ((x * w[0] + w[1]) ** 2).sum()


# Of whole weights and of rows that are cut: what is the same for all devices
STEPS = {
    "grad": _step,
    "of jit": lambda s, w, x: s.jit(lambda w, x: _step(s, w, x))(w, x),
    "in a loop": lambda s, w, x: s.lax.fori_loop(
        0, 2, lambda _, c: _step(s, c[1], x), (np.float32(0), w)
    ),
    "vjp": lambda s, w, x: s.vjp(lambda w: s.lax.psum(_squares(w, x), "x"), w)[1](
        s.jnp.float32(1)
    ),
    "second order": lambda s, w, x: s.grad(
        lambda u: s.grad(lambda w: s.lax.psum(_squares(w, x), "x"))((u, w[1]))[0]
    )(w[0]),
    "jacobian": lambda s, w, x: s.jacrev(lambda u: s.lax.psum(x * u**2, "x"))(w[0]),
    "vmap": lambda s, w, x: s.vmap(
        lambda u: s.grad(lambda u: s.lax.psum(x * u, "x").sum())(u)
    )(s.jnp.stack(w)),
    "with integers": lambda s, w, x: s.grad(
        lambda w, n: s.lax.psum(x * w * n, "x").sum(), allow_int=True, argnums=(0, 1)
    )(w[0], 2)[0],
}


@pytest.mark.parametrize("name", STEPS)
def test_gradients_of_whole_arguments_are_whole(name):
    """The gradient of a sum over all shards is the same everywhere: `P()` is right."""

    def outs(side):
        f = side.shard_map(
            lambda w, x: STEPS[name](side, w, x), mesh=_mesh(side, "x"),
            in_specs=(side.P(), side.P("x")), out_specs=side.P(),
        )  # fmt: skip
        return f((np.float32(2), np.float32(3)), X)

    assert_same(outs)


def test_gradients_of_shards_are_shards():
    def told(side):
        f = side.shard_map(
            lambda x: side.grad(lambda x: side.lax.psum(x**2, "x").sum())(x),
            mesh=_mesh(side, "x"), in_specs=side.P("x"), out_specs=side.P(),
        )  # fmt: skip
        return str(raised(lambda: f(X)))

    theirs, ours = both(told)
    assert "require replication" in ours
    assert "require replication" in theirs


@pytest.mark.parametrize("tiled", [True, False])
def test_gathered_alike_in_vmap(tiled):
    """JAX has no such batch rule: as with `to="varying"`."""
    import minijax as jax

    def loss(x, to):
        whole = jax.lax.all_gather(x, "i", axis=0, tiled=tiled, to=to)
        return (whole * (1 + jax.lax.axis_index("i"))).sum()

    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    outs = [
        jax.vmap(lambda x, to=to: loss(x, to), axis_name="i")(x)
        for to in ("varying", "invarying")
    ]
    np.testing.assert_allclose(*outs)
    own = jax.vmap(jax.grad(lambda x: loss(x, "invarying")), axis_name="i")(x)
    np.testing.assert_allclose(own, np.array([[1.0], [2], [3]]) * np.ones((3, 2)))


def test_specs_that_are_too_long():
    def told(side):
        mesh, spec = _mesh(side, "x", "y"), side.P("x")

        def f(a, b):
            return a["k"], b.sum()

        args = {"k": X}, X[None]
        return [
            str(
                raised(
                    lambda s=s, o=o: side.shard_map(
                        f, mesh=mesh, in_specs=s, out_specs=o
                    )(*args)
                )
            )
            for s, o in ((side.P("x", "y"), spec), (side.P(), spec))
        ]

    (theirs, ours) = both(told)
    assert ours[0] == theirs[0]
    assert theirs[1].startswith(ours[1])  # JAX adds a hint for scalars


def _pmapped(side, fun, *args, **options):
    """What `pmap` gives, and where it lies; or the error's words."""
    try:
        out = side.pmap(fun, **options)(*args)
    except Exception as error:
        return type(error).__name__, str(error)
    leaves = side.jax.tree.leaves(out)
    return [(np.asarray(x).tolist(), str(x.sharding)) for x in leaves]


PMAPS = {
    "plain": lambda s: _pmapped(s, lambda x: x + 1, np.ones((1, 2))),
    "named": lambda s: _pmapped(
        s, lambda x: (s.lax.psum(x, "i"), s.lax.axis_index("i")), np.ones((1, 2)),
        axis_name="i",
    ),
    "axes": lambda s: _pmapped(
        s, lambda x, y: {"a": x + y, "b": y}, np.ones((2, 1)), np.ones(2),
        in_axes=(1, None), out_axes={"a": 1, "b": None},
    ),
    "tree": lambda s: _pmapped(s, lambda x: x, {"a": np.ones(1)}, in_axes=({"a": 0},)),
    "static": lambda s: _pmapped(
        s, lambda x, n: x * n, np.ones(1), 3, in_axes=(0, None),
        static_broadcasted_argnums=1,
    ),
    "scalar": lambda s: _pmapped(s, lambda x: x, 1.0),
    "nothing mapped": lambda s: _pmapped(s, lambda x: x, np.ones(1), in_axes=(None,)),
    "other size": lambda s: _pmapped(s, lambda x: x, np.ones(1), axis_size=2),
    "jaxpr": lambda s: str(s.make_jaxpr(s.pmap(lambda x: x * 2))(np.ones((1, 2)))).replace(
        "name=_fun", "name=<lambda>"
    ),
    "transformed": lambda s: s.vmap(s.grad(lambda x: s.pmap(s.jnp.sin)(x).sum()))(
        np.ones((3, 1, 2), np.float32)
    ).tolist(),
}  # fmt: skip


@pytest.mark.parametrize("name", PMAPS)
def test_pmap(name):
    theirs, ours = both(PMAPS[name])
    assert ours == theirs


def test_collectives_are_checked_with_their_axes_in_scope():
    def body(side):
        mesh, x = _mesh(side, "i"), side.jnp.arange(3.0)[None]
        lax, spec = side.lax, side.P("i")

        def total(x):
            return lax.psum(x, "i")

        def twice(x):
            return lax.scan(lambda c, _: (total(c), None), x, None, length=2)[0]

        shards = {"mesh": mesh, "in_specs": spec, "out_specs": spec, "check_vma": False}
        before = side.config.jax_enable_checks
        side.config.update("jax_enable_checks", True)
        try:
            return [
                side.pmap(total, "i")(x),
                side.grad(lambda x: side.pmap(total, "i")(x).sum())(x),
                side.jit(side.shard_map(twice, **shards))(x),
            ]
        finally:
            side.config.update("jax_enable_checks", before)

    assert_same(body)


def test_exchanges_with_one_member():
    def body(side):
        lax, x = side.lax, side.jnp.arange(3.0)[None]
        tried = [
            lambda x: lax.psum(x, "i", axis_index_groups=[[0]]),
            lambda x: lax.psum(x, "i", axis_index_groups=[[0], [0]]),
            lambda x: lax.all_gather(x, "i", axis_index_groups=[[0]]),
            lambda x: lax.ppermute(x, "i", [(0, 0), (0, 0)]),
            lambda x: lax.pshuffle(x, "i", [0, 0]),
        ]
        return [said(lambda _, f=f: side.pmap(f, "i")(x), side) for f in tried]

    assert_same(body)


def test_words_of_what_pmap_refuses():
    def body(side):
        x = np.ones(1, np.float32)
        tried = [
            lambda: side.pmap(abs, devices=[])(x),
            lambda: side.pmap(abs, in_axes=(0, 0))(x),
            lambda: side.pmap(abs, out_axes=(0, 0))(x),
            lambda: side.pmap(lambda x: "a")(x),
            lambda: side.pmap(abs, backend="no such")(x),
        ]
        return [said(lambda _, f=f: f(), side)[0][:70] for f in tried]

    assert_same(body)


def test_scattered_sums_of_batches():
    def body(side):
        mesh, spec = _mesh(side, "i"), side.P("i")
        scatter = side.shard_map(
            lambda x: side.lax.psum_scatter(x, "i", tiled=True),
            mesh=mesh, in_specs=spec, out_specs=spec,
        )  # fmt: skip
        x = side.jnp.arange(6.0).reshape(2, 3, 1)
        ct = side.jnp.cos(side.vmap(scatter)(x))
        return (
            ct,
            side.vmap(scatter, 2, 1)(x.reshape(3, 1, 2)),
            side.grad(lambda x: (side.vmap(scatter)(x) * ct).sum())(x),
        )

    assert_same(body)
