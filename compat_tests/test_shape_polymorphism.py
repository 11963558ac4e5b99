"""Functions exported for symbolic sizes, beside JAX's: types, results, errors."""

import re

import numpy as np
import pytest
from sides import Side, both, raised

import minijax
from minijax import export as own_export

F32 = np.float32
BC = "b, c"
KERNEL = "4, 3, 3, 3"

# name: (function of the side and of arrays, shapes of these)
PROGRAMS = {
    "means": (lambda s, x: (x.mean(), s.numpy.var(x, axis=0), x.size + 0 * x), BC),
    "sizes as values": (
        lambda s, x: (x + x.shape[0], x.shape[0] * 2, x.shape[0] / 2, 2.5 * x.shape[1]), BC,
    ),
    "sizes as arrays": (
        lambda s, x: (s.numpy.array(x.shape[0]), s.numpy.asarray(2 * x.shape[1], float), x), BC,
    ),
    "softmax": (lambda s, x: (s.nn.softmax(x), s.nn.log_softmax(x, axis=0)), BC),
    "reshape": (
        lambda s, x: (x.reshape(-1), x.reshape(x.shape[0] * x.shape[1]), x.ravel()), BC,
    ),
    "reshape in part": (lambda s, x: x.reshape(x.shape[0], -1, 2), "b, 2*c"),
    "arange": (
        lambda s, x: (
            s.numpy.arange(x.shape[0]), s.numpy.arange(1, x.shape[0] + 2),
            s.numpy.arange(0, 2 * x.shape[1], 2),
        ), BC,
    ),
    "products": (
        lambda s, x, y: (x @ y, s.numpy.einsum("ij,jk->ki", x, y), s.numpy.outer(x, x)),
        BC, "c, 2*b",
    ),
    "joining": (
        lambda s, x, y: (
            s.numpy.concatenate([x, x]), s.numpy.concatenate([x, y], axis=1),
            s.numpy.stack([x, x], axis=1), s.numpy.tile(x, (x.shape[0], 1)),
        ), BC, "b, 2",
    ),
    "pad": (
        lambda s, x: (
            s.numpy.pad(x, ((1, 2), (0, x.shape[1]))),
            s.lax.pad(x, 0.0, ((1, 0, 1), (0, 1, 0))),
        ), BC,
    ),
    "filled": (
        lambda s, x: (
            s.numpy.zeros(x.shape) + s.numpy.ones((x.shape[1],)), s.numpy.eye(x.shape[0]),
            s.numpy.broadcast_to(x[:, None], (x.shape[0], x.shape[0], x.shape[1])),
        ), BC,
    ),
    "reductions": (
        lambda s, x: (s.numpy.cumsum(x, 0), x.max(1), s.numpy.argmax(x, 1), x.sum(0)), BC,
    ),
    "slices": (
        lambda s, x: (
            x[1:], x[:-1], x[: x.shape[0]], x[::2], x[::-1], x[:5], x[: x.shape[0] // 2],
            x[0], x[-1], x[:, None], x[:1],
        ), BC,
    ),
    "gathers": (
        lambda s, x: (
            x[s.numpy.arange(x.shape[0])], s.numpy.take(x, np.array([0, 0]), axis=1),
            x.at[0].set(7.0), x.at[:, 0].add(1.0), s.lax.dynamic_index_in_dim(x, 0, axis=1),
        ), BC,
    ),
    "order": (
        lambda s, x: (s.numpy.sort(x, 0), x.T, s.numpy.flip(x), s.lax.top_k(x, 1)), BC,
    ),
    "split": (lambda s, x: s.numpy.split(x, 2), "2*b, c"),
    "square": (lambda s, x: (s.numpy.diagonal(x), s.numpy.tril(x), x @ x), "b, b"),
    "convolution": (
        lambda s, x, k: (
            s.lax.conv_general_dilated(x, k, (1, 1), "VALID"),
            s.lax.conv_general_dilated(x, k, (2, 2), "SAME"),
        ), "b, 3, c + 4, c + 4", KERNEL,
    ),
    "windows": (
        lambda s, x: (
            s.lax.reduce_window(x, -np.inf, s.lax.max, (1, 2), (1, 2), "VALID"),
            s.lax.reduce_window(x, 0.0, s.lax.add, (1, 3), (1, 1), "SAME"),
        ), "b, 2*c",
    ),
    "scan": (
        lambda s, x: s.lax.scan(lambda c, y: (c + y, c * 2), s.numpy.zeros(x.shape[1]), x), BC,
    ),
    "loops": (
        lambda s, x: (
            s.lax.while_loop(lambda c: c.sum() < 50, lambda c: c + 1, x),
            s.lax.fori_loop(
                0, x.shape[0], lambda i, c: c + x[i], s.numpy.zeros(x.shape[1])),
            s.lax.cond(x.sum() > 0, lambda a: a + a.shape[0], lambda a: a - 1, x),
        ), BC,
    ),
    "vmap": (lambda s, x: s.vmap(lambda r: r * r.shape[0] - r.mean())(x), BC),
    "grad": (lambda s, x: s.grad(lambda y: s.numpy.mean(s.numpy.sin(y) ** 2))(x), BC),
    "grad of scan": (
        lambda s, x: s.grad(lambda y: s.lax.scan(
            lambda c, r: (s.numpy.sin(c) + r, None), s.numpy.zeros(y.shape[1]), y)[0].sum())(x),
        BC,
    ),
    "calls": (
        lambda s, x: (
            s.jit(lambda y: y * y.shape[1])(x), s.nn.relu(x),
            s.grad(lambda y: s.checkpoint(lambda z: s.numpy.sin(z))(y).sum())(x),
        ), BC,
    ),
    "random": (lambda s, x: s.random.normal(s.random.key(0), x.shape), BC),
    "steps that are symbols": (
        lambda s, x: (
            x[:: x.shape[1]], x[:: -x.shape[1]], x[-2 : x.shape[1] : -1], x[3:1:-2],
            x[x.shape[1] : -1 : 2], s.numpy.arange(0, 10, x.shape[0]),
            s.numpy.arange(x.shape[0], -1, -2), x[0:None:-2],
        ), BC,
    ),
    "several contractions": (
        lambda s, x, y, z: s.numpy.einsum("ab,bc,cd->ad", x, y, z), BC, "c, b", "b, 4",
    ),
    "image": (
        lambda s, x: s.image.resize(x, (2, 2 * x.shape[1], 8), method="linear"), "2, b, c",
    ),
    "jacobians": (
        lambda s, x: (
            s.jacrev(s.numpy.sin)(x), s.jacfwd(s.numpy.cumsum)(x),
            s.hessian(lambda y: (y**3).sum())(x),
        ), "b",
    ),
    "places": (
        lambda s, x: (
            s.numpy.nonzero(x > 0, size=x.shape[0] * 2),
            s.ops.segment_sum(x, np.zeros(3, int)[0] + s.numpy.arange(x.shape[0]) * 0,
                              num_segments=x.shape[0]),
            s.vmap(lambda r, i: r[i])(x, s.numpy.arange(x.shape[0]) * 0),
            x[: x.shape[0] // 2] * 2,
            x.at[1:].add(x[:-1]), s.lax.slice_in_dim(x, 0, -1),
            s.numpy.roll(x, x.shape[0] // 2),
        ), BC,
    ),
    "factorizations": (
        lambda s, x: (
            s.numpy.linalg.inv(x @ x.T + 9 * s.numpy.eye(x.shape[0])),
            s.numpy.linalg.svd(x, compute_uv=False),
        ), BC,
    ),
    "linalg": (
        lambda s, a: s.numpy.linalg.solve(a + 9 * s.numpy.eye(3), a), "b, 3, 3",
    ),
    "several axes of one size": (lambda s, x: x * x.shape[0], "b, b + c, 2*b"),
}  # fmt: skip

# name: (function, shapes, constraints): what JAX refuses to export
REFUSED = {
    "inconclusive": (lambda s, x: x if x.shape[0] >= 2 else x + 1, [BC], ()),
    "other sizes": (lambda s, x, y: x + y, ["b", "c"], ()),
    "product": (lambda s, x, y: x @ y, [BC, BC], ()),
    "a number": (lambda s, x: int(x.shape[0]), [BC], ()),
    "rows": (lambda s, x: sum(x), [BC], ()),
    "range": (lambda s, x: list(range(x.shape[0])), [BC], ()),
    "unsolvable": (lambda s, x: x, ["b*b"], ()),
    "unsolvable sum": (lambda s, x: x, ["b + b*c"], ()),
    "constraint on nothing": (lambda s, x: x, ["b"], ["d >= 2"]),
    "split": (lambda s, x: s.numpy.split(x, 3), [BC], ()),
    "a slice of either sign": (lambda s, x: x[: x.shape[0] - 3], [BC], ()),
}

# (shapes of the export, constraints, shapes of the call)
MISFITS = [
    (["b"], (), [(0,)]),
    (["b, c"], (), [(3,)]),
    (["b, 4"], (), [(3, 3)]),
    (["2*b"], (), [(3,)]),
    (["b, b"], (), [(3, 4)]),
    (["b", "b + 2"], (), [(3,), (4,)]),
    (["b + 3"], (), [(3,)]),
    (["b"], ["b >= 4"], [(3,)]),
    (["b, c"], ["mod(b, 2) == 0", "c <= 3"], [(3, 2)]),
    (["b, c"], ["mod(b, 2) == 0", "c <= 3"], [(2, 4)]),
    (["b, c", "floordiv(b, c)"], (), [(6, 3), (3,)]),
]


def _export(side, fun, shapes, constraints=()):
    export = side("export")
    scope = export.SymbolicScope(constraints)
    args = [
        side.ShapeDtypeStruct(export.symbolic_shape(shape, scope=scope), F32)
        for shape in shapes
    ]
    return export.export(side.jit(lambda *xs: fun(side, *xs)))(*args)


def _arguments(shapes, **sizes):
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal(eval(f"({shape},)", {}, dict(sizes))).astype(F32)
        for shape in shapes
    ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_types_and_results(name):
    fun, *shapes = PROGRAMS[name]

    def body(side):
        exported = _export(side, fun, shapes)
        results = exported.call(*_arguments(shapes, b=3, c=4))
        return list(map(str, exported.out_avals)), side.tree.leaves(results)

    (want_types, want), (types, got) = both(body)
    assert types == want_types
    for a, b in zip(got, want, strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    theirs, ours = both(
        lambda side: type(raised(lambda: _export(side, *REFUSED[name])))
    )
    assert ours.__name__ == theirs.__name__


@pytest.mark.parametrize(("shapes", "constraints", "given"), MISFITS)
def test_sizes_that_do_not_fit(shapes, constraints, given):
    def body(side):
        exported = _export(side, lambda s, *xs: xs, shapes, constraints)
        return str(raised(lambda: exported.call(*[np.zeros(n, F32) for n in given])))

    theirs, ours = both(body)
    assert " ".join(ours.split()) == " ".join(theirs.split())


def test_scopes_do_not_mix():
    def body(side):
        b, c = [side("export").symbolic_shape(n)[0] for n in "bc"]
        args = [side.ShapeDtypeStruct((n,), F32) for n in (b, c)]
        export = side("export").export(side.jit(lambda x, y: x))
        return re.sub(r"\d{6,}.*", "", str(raised(lambda: export(*args))))[:130]

    theirs, ours = both(body)
    assert ours == theirs


def test_shapes_without_values():
    def body(side):
        b, c = side("export").symbolic_shape("b, c")
        x = side.ShapeDtypeStruct((b, 2 * c), F32)
        made = side.eval_shape(lambda x: (x @ x.T, x.shape[0] + x), x)
        jaxpr = side.make_jaxpr(lambda x: side.numpy.sin(x).T.reshape(b * c, 2) + b)(x)
        return str(made), str(jaxpr)

    theirs, ours = both(body)
    assert ours == theirs


def test_derivatives():
    def body(side):
        exported = _export(side, lambda s, x, y: s.numpy.tanh(x @ y), [BC, "c, 2"])
        x, y = _arguments([BC, "c, 2"], b=3, c=4)
        vjp = exported.vjp()
        loss = side.grad(lambda *args: exported.call(*args).sum(), argnums=(0, 1))
        types = list(map(str, vjp.in_avals)), list(map(str, vjp.out_avals))
        return types, vjp.call(x, y, np.ones((3, 2), F32)), loss(x, y)

    (want_types, *want), (types, *got) = both(body)
    assert types == want_types
    for a, b in zip(*[sum(map(tuple, out), ()) for out in (got, want)], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# (shape of the inner export, shape of the outer one that calls it): sizes of one are found
# in symbolic sizes of the other, or what is wrong with them is said
NESTED = [
    ("3, a, a + b", "3, 4, 12"), ("3, a, a", "3, 4, 12"), ("3, 4, 12 + a", "3, 4, 12"),
    ("3, a, b", "3, 4, c"), ("3, 4, 3*a", "3, 4, 6*c"), ("3, a, a + 8", "3, c + 2, c + 10"),
    ("3, a, a + b", "3, 4, c"), ("3, a, a", "3, 4, c"), ("3, a, a", "3, c"),
    ("3, 4, 5*a", "3, 4, c"), ("3, a, a + b", "3, c, c"), ("3, a, a + b", "c, 4, 12"),
    ("3, 4, 5*a", "3, 4, 25*c"), ("a, b, a*b", "c, d, d*c"), ("a, b, a*b", "c, d, c"),
]  # fmt: skip


@pytest.mark.parametrize(("inner", "outer"), NESTED)
def test_exported_within_exported(inner, outer):
    def body(side):
        one = _export(side, lambda s, x: x.reshape(-1, x.shape[1]), [inner])
        try:
            two = _export(side, lambda s, x: one.call(x) + x.shape[0], [outer])
        except ValueError as error:
            return str(error)
        (x,) = _arguments([outer], c=5, d=2)
        return str(two.out_avals), side.tree.map(np.asarray, two.call(x)).tolist()

    theirs, ours = both(body)
    assert ours == theirs


def test_calls_within_transformations():
    def body(side):
        exported = _export(side, lambda s, x: s.numpy.sin(x) / x.shape[0], ["b"])
        (x,) = _arguments(["b"], b=3)
        return side.jit(exported.call)(x), side.jit(lambda x: exported.call(x[1:]))(x)

    for a, b in zip(*both(body), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_a_size_is_instantiated_once():
    exported = _export(Side("minijax"), lambda s, x: s.numpy.sin(x), ["b"])
    exported.call(np.ones(3, F32))
    known = len(exported.closed.memo)
    exported.call(np.ones(3, F32))
    assert len(exported.closed.memo) == known
    exported.call(np.ones(4, F32))
    assert len(exported.closed.memo) == known + 1


def test_bytes_keep_symbols_and_constraints():
    exported = _export(
        Side("minijax"), lambda s, x: s.numpy.sin(x[: x.shape[0] // 2]) * x.shape[0],
        ["b"], ["b >= 3", "mod(b, 2) == 0"],
    )  # fmt: skip
    read = own_export.deserialize(exported.serialize(vjp_order=1))
    assert str(read.out_avals) == str(exported.out_avals)
    x = np.arange(4, dtype=F32)
    assert np.array_equal(read.call(x), exported.call(x))
    ours, theirs = [
        minijax.grad(lambda x, e=e: e.call(x).sum())(x) for e in (read, exported)
    ]
    assert np.array_equal(ours, theirs)
    for n, why in ((2, "b >= 3"), (5, "floordiv(b, 2)")):
        with pytest.raises(ValueError, match=re.escape(why)):
            read.call(np.ones(n, F32))


def test_sizes_outside_of_a_trace():
    """A symbolic size is no number, and no value where nothing is traced."""
    (b,) = own_export.symbolic_shape("b")
    with pytest.raises(NotImplementedError, match="outside jax"):
        minijax.numpy.sin(b)
    for fun in (
        lambda: minijax.numpy.ones(b),
        minijax.jit(lambda: minijax.numpy.ones(b).sum()),
    ):
        with pytest.raises(ValueError, match="a size that is a symbol"):
            fun()
    assert own_export.is_symbolic_dim(b) and not own_export.is_symbolic_dim(3)


def test_exports_within_exports_have_the_platforms():
    def body(side):
        export, x = side("export"), np.ones(3, np.float32)
        shape = side.ShapeDtypeStruct(export.symbolic_shape("n"), x.dtype)
        inner = export.export(side.jit(lambda x: x + 1))(shape)
        refused = raised(
            lambda: export.export(
                side.jit(lambda x: inner.call(x)), platforms=("tpu",)
            )(x)
        )
        outer = export.export(side.jit(lambda x: inner.call(x) * 2))(x)
        return str(refused), outer.uses_global_constants, outer.in_shardings_jax(None)

    theirs, ours = both(body)
    assert ours == theirs


def test_version_of_the_calling_convention():
    def body(side):
        export, found = side("export"), []
        config = side("_src.config").jax_export_calling_convention_version
        for version in (8, 9, 10, 11):
            with config(version):
                f = export.export(side.jit(lambda x: x))
                try:
                    found.append(f(1.0).calling_convention_version)
                except ValueError as error:
                    found.append(str(error))
        return found

    theirs, ours = both(body)
    assert ours == theirs
