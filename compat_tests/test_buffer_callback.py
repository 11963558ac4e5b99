"""`jax.experimental.buffer_callback` against JAX's: results written in place."""

import numpy as np
import pytest
from sides import Side, assert_same, both, raised

X = np.arange(3, dtype=np.float32)


def _doubled(ctx, out, x):
    np.asarray(out)[...] = np.asarray(x) * 2


def _struct(side, *shape, dtype="float32"):
    return side.ShapeDtypeStruct(shape, np.dtype(dtype))


def test_arrays_and_trees():
    def outs(side):
        make = side("experimental.buffer_callback").buffer_callback

        def added(ctx, out, tree, y, *, z):
            np.copyto(np.asarray(out["sum"]), np.asarray(tree["x"]) + np.asarray(y))
            np.copyto(np.asarray(out["last"]), np.from_dlpack(z))

        f = make(_doubled, _struct(side, 3))
        g = make(
            added, {"sum": _struct(side, 3), "last": _struct(side, 2, dtype="int32")}
        )
        z = side.numpy.arange(2)
        return f(X), side.jit(f)(X), g({"x": X}, side.numpy.ones(3), z=z)

    assert_same(outs)


@pytest.mark.parametrize("method", ["sequential", "expand_dims", "broadcast_all"])
def test_vmap(method):
    def outs(side):
        def added(ctx, out, x, y):
            np.asarray(out)[...] = np.asarray(x) + np.asarray(y)

        make = side("experimental.buffer_callback").buffer_callback
        f = make(added, _struct(side, 3), vmap_method=method)
        return side.vmap(f, (0, None))(np.stack([X, X + 1]), X)

    assert_same(outs)


def test_context_and_buffers():
    def told(side):
        module, found = side("experimental.buffer_callback"), []

        def look(ctx, out, x):
            found.extend([
                type(ctx) is module.ExecutionContext, type(out) is module.Buffer,
                ctx.stage == module.ExecutionStage.EXECUTE, out.writeable, x.writeable,
                out.shape, x.ndim, str(np.dtype(x.dtype)),
            ])  # fmt: skip
            error = raised(lambda: ctx.stream)
            found.append(
                (type(error).__name__, "GPU context is not available" in str(error))
            )
            np.asarray(out)[...] = 1

        np.asarray(module.buffer_callback(look, _struct(side, 3))(X))
        return found

    theirs, ours = both(told)
    assert ours == theirs


def test_aliases():
    def told(side):
        make = side("experimental.buffer_callback").buffer_callback

        def one_more(ctx, out, x):
            np.asarray(out)[0] += 1

        aliased = {"input_output_aliases": {0: 0}}
        f = make(one_more, _struct(side, 3), **aliased)
        cases = [
            lambda: make(one_more, _struct(side, 3), input_output_aliases={1: 0})(X),
            lambda: make(one_more, _struct(side, 3), input_output_aliases={0: 1})(X),
            lambda: make(one_more, _struct(side, 4), **aliased)(X),
        ]
        return np.asarray(f(X)).tolist(), [str(raised(case))[:60] for case in cases]

    theirs, ours = both(told)
    assert ours == theirs


def test_effects_and_failures():
    side, seen = Side("minijax"), []
    make = side("experimental.buffer_callback").buffer_callback

    def note(ctx, out, x):
        seen.append(np.asarray(x).tolist())

    side.jit(lambda x: make(note, (), has_side_effect=True)(x))(X)
    side.effects_barrier()
    assert seen == [X.tolist()]
    with pytest.raises(side.errors.JaxRuntimeError, match="must not return any values"):
        np.asarray(make(lambda ctx, out, x: 1, _struct(side, 3))(X))
