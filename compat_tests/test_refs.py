"""Mutable references against JAX's: values, derivatives, batches, errors."""

import functools
import importlib
import re

import jax
import numpy as np
import pytest

import minijax
import minijax.lax
import minijax.numpy


def _store(ref, index, value):
    ref[index] = value
    return ref


# Each is a function of the framework and its numpy, giving a tree of arrays.
PROGRAMS = {}


def program(fun):
    """Keep a program under its name."""
    PROGRAMS[fun.__name__] = fun
    return fun


@program
def every_index(jax, jnp):
    ref = jax.new_ref(jnp.arange(12.0).reshape(3, 4))
    places = jnp.array([0, 2])
    parts = [
        ref[...], ref[1], ref[1, 2], ref[-1], ref[..., 1], ref[1:, ::2], ref[places],
        ref[:, places], ref[places, places], ref[jnp.int32(1)], ref[places, 1:],
        jax.ref.get(ref), jax.ref.get(ref, (0,)),
    ]  # fmt: skip
    return [*parts, ref[1].dtype == ref.dtype, ref.shape, ref.ndim, ref.size]


@program
def every_write(jax, jnp):
    ref = jax.new_ref(jnp.arange(12.0).reshape(3, 4))
    ref[0] = jnp.ones(4)
    ref[1, 2] = 7.0
    ref[2, 1:3] += jnp.float32(2.0)
    ref[jnp.array([0, 1]), 0] = jnp.array([8.0, 9.0])
    jax.ref.addupdate(ref, (1,), jnp.arange(4.0))
    ref.addupdate(jnp.ones((3, 4)))
    old = jax.ref.swap(ref, (0, 0), 3.0)
    jax.ref.set(ref, (0, 1), -1.0)
    return old, ref[...], jax.freeze(ref)


@program
def slices_of_a_size(jax, jnp):
    ref, flat = (
        jax.new_ref(jnp.arange(12.0).reshape(3, 4)),
        jax.new_ref(jnp.arange(7.0)),
    )

    @jax.jit
    def step(i):
        flat[jax.ds(i, 2)] = jnp.zeros(2)
        jax.ref.addupdate(flat, jax.ds(i + 1, 2), jnp.ones(2))
        return flat[jax.ds(i, 3)], ref[jax.ds(i, 2), 1]

    ref[jax.ds(1, 2), jax.ds(2)] += jnp.float32(1.0)
    return step(1), step(4), ref[jax.ds(0, 2, 2)], ref[...], flat[...]


# Functions with references of their own, each with one that says the same in values.
PAIRS = {}


def _with_values(fun):
    """Pair a function on values with the one before it on references."""
    PAIRS[fun.__name__.removesuffix("_values")] = _last_written[0], fun
    return fun


_last_written = []


def _with_refs(fun):
    _last_written[:] = [fun]
    return fun


@_with_refs
def in_place(jax, x, mix):
    ref = jax.new_ref(jax.numpy.zeros_like(x))
    ref[...] = x * 2
    ref[0] = ref[1] * mix
    jax.ref.addupdate(ref, (1,), x[0] * x[1])
    ref[2] = jax.ref.swap(ref, (0,), jax.numpy.sin(x[2]))
    return jax.freeze(ref)


@_with_values
def in_place_values(jax, x, mix):
    first = x[1] * 2 * mix
    return jax.numpy.stack([jax.numpy.sin(x[2]), x[1] * 2 + x[0] * x[1], first])


@_with_refs
def in_scan(jax, x, mix):
    ref = jax.new_ref(jax.numpy.zeros_like(x))

    def body(c, i):
        ref[i] = jax.numpy.sin(c) * x[i]
        return ref[i] + c, ref[0]

    c, ys = jax.lax.scan(body, mix, jax.numpy.arange(3))
    return c + ys + jax.freeze(ref)


@_with_values
def in_scan_values(jax, x, mix):
    c, parts = mix, []
    for i in range(3):
        parts.append(jax.numpy.sin(c) * x[i])
        c = c + parts[-1]
    return c + parts[0] + jax.numpy.stack(parts)


@_with_refs
def in_fori(jax, x, mix):
    ref = jax.new_ref(x)

    def body(i, total):
        ref[...] = ref[...] * mix + i
        return total + ref[1]

    return jax.lax.fori_loop(0, 3, body, mix) * ref[...]


@_with_values
def in_fori_values(jax, x, mix):
    total = mix
    for i in range(3):
        x = x * mix + i
        total = total + x[1]
    return total * x


@_with_refs
def in_cond(jax, x, mix):
    ref = jax.new_ref(x)

    def double():
        ref[...] = ref[...] * 2 * mix

    jax.lax.cond(mix > 0.0, double, lambda: None)
    jax.lax.switch(2, [lambda: None, double, lambda: ref.__setitem__(0, mix * x[1])])
    return ref[...]


@_with_values
def in_cond_values(jax, x, mix):
    x = jax.numpy.where(mix > 0.0, x * 2 * mix, x)
    return x.at[0].set(mix * x[1] / jax.numpy.where(mix > 0.0, 2 * mix, 1.0))


@_with_refs
def in_jit(jax, x, mix):
    ref = jax.new_ref(x)

    @jax.jit
    def update(ref, y):
        ref[0] = y * ref[1]
        return ref[...].sum()

    return update(ref, mix) + update(ref, x[2]) + ref[...]


@_with_values
def in_jit_values(jax, x, mix):
    first = mix * x[1] + x[1] + x[2]
    x = x.at[0].set(x[2] * x[1])
    return first + x.sum() + x


def _transformed(fun, jax, jnp):
    x, batch = jnp.array([0.5, -1.5, 2.0]), jnp.arange(12.0).reshape(4, 3) / 7
    mixes = jnp.linspace(-0.25, 1.0, 4)

    def f(x, mix):
        return fun(jax, x, mix)

    def total(x, mix):
        return f(x, mix).sum()

    return {
        "value": f(x, 0.5),
        "jit": jax.jit(f)(x, 0.5),
        "grad": jax.grad(total, (0, 1))(x, 0.5),
        "grad of jit": jax.grad(jax.jit(total), (0, 1))(x, 0.5),
        "jit of grad": jax.jit(jax.grad(total))(x, 0.5),
        "grad of checkpoint": jax.grad(jax.checkpoint(total))(x, 0.5),
        "jvp": jax.jvp(f, (x, 0.5), (x + 1, 2.0)),
        "vmap": jax.vmap(f, (0, None))(batch, 0.5),
        "vmap of jit": jax.vmap(jax.jit(f), (1, 0))(batch.T, mixes),
        "vmap of grad": jax.vmap(jax.grad(total))(batch, mixes),
        "hessian": jax.hessian(jax.jit(total))(x, 0.5),
    }


@pytest.mark.parametrize("name", PAIRS)
def test_transformed_as_values_are(name):
    """JAX transforms the function on values: it does not take all of these on references."""
    on_refs, on_values = PAIRS[name]
    want = _transformed(on_values, jax, jax.numpy)
    got = _transformed(on_refs, minijax, minijax.numpy)
    for what, parts in want.items():
        for a, b in zip(
            jax.tree.leaves(parts), minijax.tree.leaves(got[what]), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5, err_msg=what)
    x = jax.numpy.array([0.5, -1.5, 2.0])
    np.testing.assert_allclose(on_refs(jax, x, 0.5), want["value"], rtol=1e-6)


@program
def a_reference_lives_between_calls(jax, jnp):
    ref = jax.new_ref(jnp.zeros(3))

    @jax.jit
    def step(ref, x):
        ref[0] += x
        return ref[0]

    @jax.jit
    def closed_over(x):
        ref[1] = x + ref[0]

    outs = [step(ref, 2.0), step(ref, 3.0)]
    closed_over(1.0)
    closed_over(4.0)
    loop = jax.lax.scan(lambda c, x: (c + step(ref, x), ref[1]), 0.0, jnp.arange(3.0))
    return outs, ref[...], loop, jax.jit(lambda r: r.shape[0])(ref)


@program
def a_tree_of_references(jax, jnp):
    refs = {"w": jax.new_ref(jnp.ones(2)), "b": jax.new_ref(jnp.int32(3))}

    @jax.jit
    def update(refs, by):
        refs["w"][...] *= by
        refs["b"][...] += 1

    update(refs, 2.0)
    update(refs, 3.0)
    return jax.tree.map(lambda r: r[...], refs), [repr(r) for r in refs.values()]


@program
def scalars(jax, jnp):
    ref, weak = jax.new_ref(jnp.float32(1.0)), jax.new_ref(1.0)
    ref[...] += 1.0
    ref[()] = ref[()] * 2
    weak[...] = ref[...]
    same = [jax.typeof(ref).shape, isinstance(ref, jax.Ref), ref[...].weak_type]
    return ref[...], same, weak[...], weak[...].weak_type


@program
def loops_over_slices(jax, jnp):
    xs, ws, total = (jax.new_ref(jnp.arange(n, n + 3.0)) for n in (0, 4, 0))

    def body(c, part):
        x, i, w = part
        x[...] += i * c
        total[0] += w[...]
        return c + x[...], x[...]

    def loop(xs, start):
        return jax.lax.scan(body, start, (xs, jnp.arange(3), ws), reverse=True)

    return loop(xs, 1.0), jax.jit(loop)(xs, 2.0), xs[...], total[...]


@program
def rules_that_write(jax, jnp):
    history, uses = jax.new_ref(jnp.zeros(3)), jax.new_ref(jnp.int32(0))

    @jax.custom_vjp
    def recorded(x, history):
        uses[...] += 1
        return x * 1.0

    def bwd(history, ct):
        history[...] = jnp.roll(history[...], 1).at[0].set(jnp.max(ct))
        return ct / history[0], None

    recorded.defvjp(lambda x, ref: (recorded(x, ref), ref), bwd)

    def loss(x, y):
        return recorded(jnp.dot(x, y), history).sum()

    x = jnp.arange(3.0)
    outs = [jax.grad(fun)(x, x + 1) for fun in (loss, jax.jit(loss))]
    outs += [jax.jit(jax.grad(lambda x, h: recorded(x, h) * 3))(2.0, history)]
    return outs, history[...], uses[...]


def _copied(a, b):
    a[...] = b[...] + 1
    b[1] = a[1] * 2
    return a[...] * b[...]


@pytest.mark.parametrize("chosen", [True, False, [False, True], [True, False]])
def test_discharged(chosen):
    """The same equations as JAX's, whichever references become values."""

    def text(package):
        state = importlib.import_module(f"{package.__name__}._src.state.discharge")
        struct = functools.partial(
            package.ShapeDtypeStruct, (3,), np.float32, is_ref=True
        )
        jaxpr = package.make_jaxpr(_copied)(struct(), struct())
        pure = state.discharge_state(jaxpr, should_discharge=chosen)
        return [str(v.aval) for v in pure.jaxpr.invars + pure.jaxpr.outvars], [
            eqn.primitive.name for eqn in pure.eqns if eqn.primitive.name in REF_OPS
        ]

    assert text(minijax) == text(jax)


REF_OPS = "get", "swap", "addupdate"


def _moved(package, a, k):
    """What lies out of bounds is moved inside, as a block is."""
    jnp = package.numpy
    a[k, 0] = a[1, k] * 2
    a[-1] += jnp.ones(4)
    a[jnp.uint8(1), 1:3] = a[1:3, k]
    a[:2, 3] = a[k, :2] + 1
    return a[0, 0], a[k], a[1:, 1], a[jnp.array([2, 0]), k]


@pytest.mark.parametrize("k", [0, 2, 9, -1, -7])
def test_blocks_of_discharged_references(k):
    def outs(package):
        state = importlib.import_module(f"{package.__name__}._src.state.discharge")
        ref = package.ShapeDtypeStruct((3, 4), np.float32, is_ref=True)
        body = functools.partial(_moved, package)
        pure = state.discharge_state(package.make_jaxpr(body)(ref, np.int32(0)))
        names = {eqn.primitive.name for eqn in pure.eqns} & BLOCKS
        value = np.arange(12, dtype=np.float32).reshape(3, 4)
        core = importlib.import_module(f"{package.__name__}.core")
        found = core.eval_jaxpr(pure.jaxpr, pure.consts, value, np.int32(k))
        return sorted(names), [np.asarray(x).tolist() for x in found]

    assert outs(minijax) == outs(jax)


BLOCKS = {"dynamic_slice", "dynamic_update_slice", "scatter", "scatter-add"}


def test_zeros_are_added_to_tangents_of_references():
    def text(package):
        def jvp(ref, dot):
            return package.jvp(_increased, (ref,), (dot,))

        refs = [package.ShapeDtypeStruct((), np.float32, is_ref=True) for _ in "ab"]
        return str(package.make_jaxpr(jvp)(*refs))

    assert text(minijax) == text(jax)


def _increased(ref):
    ref[...] += np.float32(1)
    return ref[...]


@pytest.mark.parametrize("name", ["run_state", "run_state_reference"])
def test_run_state(name):
    def outs(package):
        jnp = package.numpy
        state = importlib.import_module(f"{package.__name__}._src.state.discharge")

        @functools.partial(getattr(state, name))
        def run(refs):
            x, y = refs["x"], refs["y"]
            package.lax.fori_loop(
                0, 3, lambda i, _: y.__setitem__(0, y[0] * x[...] + i), None
            )
            x[...] += jnp.sin(y[1])

        args = {"x": jnp.float32(2), "y": jnp.arange(1.0, 3.0)}
        dots = package.tree.map(jnp.ones_like, args)
        found = [run(args), package.jit(run)(args), package.jvp(run, (args,), (dots,))]
        return package.tree.leaves(found)

    for a, b in zip(outs(jax), outs(minijax), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_jax(name):
    run = PROGRAMS[name]
    want, want_tree = jax.tree.flatten(run(jax, jax.numpy))
    got, got_tree = minijax.tree.flatten(run(minijax, minijax.numpy))
    assert str(got_tree) == str(want_tree)
    for a, b in zip(want, got, strict=True):
        if isinstance(a, str):
            assert a == b
            continue
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_while_loop_reads_and_writes():
    """JAX takes a reference in the body or in the condition, minijax in both."""

    def doubled(x):
        ref = minijax.new_ref(x)

        def body(i):
            ref[0] = ref[0] * 2
            return i + 1

        steps = minijax.lax.while_loop(lambda i: ref[0] < 10.0, body, 0)
        return steps, ref[...]

    ones = np.ones(2, np.float32)
    for fun in (doubled, minijax.jit(doubled)):
        steps, value = fun(ones)
        assert int(steps) == 4 and value.tolist() == [16.0, 1.0]
    _, value = minijax.vmap(doubled)(np.float32([[1, 2], [3, 4]]))
    assert value.tolist() == [[16.0, 2.0], [12.0, 4.0]]


ERRORS = [
    lambda jax, jnp, ref: _store(ref, slice(None), 3.0),
    lambda jax, jnp, ref: _store(ref, 0, jnp.ones(1)),
    lambda jax, jnp, ref: _store(ref, 0, 2),
    lambda jax, jnp, ref: _store(ref, 0, jnp.bfloat16(2)),
    lambda jax, jnp, ref: ref[0, 0],
    lambda jax, jnp, ref: ref[7],
    lambda jax, jnp, ref: ref[::-1],
    lambda jax, jnp, ref: ref + 1,
    lambda jax, jnp, ref: jnp.sin(ref),
    lambda jax, jnp, ref: jax.jit(jnp.sin)(ref),
    lambda jax, jnp, ref: jax.jit(lambda r: r)(ref),
    lambda jax, jnp, ref: jax.jit(jax.new_ref)(1.0),
    lambda jax, jnp, ref: jax.jit(lambda a, b: a[0] + b[0])(ref, ref),
    lambda jax, jnp, ref: jax.lax.scan(lambda c, x: (c, c), ref, None, length=2),
    lambda jax, jnp, ref: jax.vmap(lambda x: _store(ref, 0, x)[0])(jnp.ones(2)),
    lambda jax, jnp, ref: jax.grad(lambda x: _store(ref, 0, x)[0])(1.0),
    lambda jax, jnp, ref: jax.new_ref([1.0]),
    lambda jax, jnp, ref: jax.ref.get(jnp.ones(2)),
]


@pytest.mark.parametrize("name", ["get", "set", "swap", "addupdate"])
@pytest.mark.parametrize("value", [3.0, np.ones(2), "a", None, [1.0]])
def test_words_of_what_is_no_reference(name, value):
    said = []
    for package in (jax, minijax):
        with pytest.raises((TypeError, ValueError)) as error:
            getattr(package.ref, name)(value, (), *([] if name == "get" else [1.0]))
        said.append((type(error.value), str(error.value)))
    assert said[1] == said[0]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors(number):
    with pytest.raises(Exception) as theirs:
        ERRORS[number](jax, jax.numpy, jax.new_ref(jax.numpy.arange(4.0)))
    with pytest.raises(theirs.type):
        ERRORS[number](
            minijax, minijax.numpy, minijax.new_ref(minijax.numpy.arange(4.0))
        )


def test_what_is_done_with_mapped_values_is_said():
    def adds(package, ref, x):
        module = importlib.import_module(f"{package.__name__}._src.state.primitives")
        module.ref_addupdate(ref, 0, x)

    for store in (lambda package, ref, x: _store(ref, 0, x), adds):
        said = []
        for package in (jax, minijax):
            ref = package.new_ref(package.numpy.zeros(3))
            with pytest.raises(Exception, match="vmapped value") as error:
                package.vmap(functools.partial(store, package, ref))(np.ones(2))
            said.append(str(error.value))
        assert said[1] == said[0]


def _custom(jax, fun, fwd=lambda *_: (None, None)):
    custom = jax.custom_vjp(fun)
    custom.defvjp(fwd, lambda *_: None)
    return custom


def test_written_in_shard_map():
    """JAX takes references there only in programs, and reads them afterwards as before."""
    mesh, spec = minijax.make_mesh((1,), ("x",)), minijax.P("x")

    def body(ref, x):
        ref[...] += x
        return ref[...] * 2

    mapped = minijax.shard_map(body, mesh=mesh, in_specs=spec, out_specs=spec)
    ones = np.ones(3, np.float32)
    for fun in (mapped, minijax.jit(mapped)):
        ref = minijax.new_ref(ones)
        assert fun(ref, ones * 2).tolist() == [6.0] * 3 and ref[0] == 3.0

    @minijax.grad
    def through(x):
        ref = minijax.new_ref(x * x)
        return mapped(ref, x).sum() + ref[...].sum()

    assert through(ones * 2).tolist() == [15.0] * 3


# What the error of a custom_vjp function that misuses a reference says.
CUSTOM = {
    "custom_vjp primal function": lambda jax, ref: _custom(jax, lambda r: r)(ref),
    r"custom_vjp fwd function .* at output tree path \[1\] that was not an argument": (
        lambda jax, ref: jax.vjp(
            _custom(jax, lambda x, r: x, lambda x, r: (x, jax.new_ref(0))), 1.0, ref
        )
    ),
    r"custom_vjp fwd function .* at output tree path \[0\], but": (
        lambda jax, ref: jax.vjp(
            _custom(jax, lambda x, r: x, lambda x, r: (r, x)), 1.0, ref
        )
    ),
    "at x_ref and y_ref|at both x_ref and y_ref": lambda jax, ref: _custom(
        jax, lambda x_ref, y_ref: None
    )(ref, ref),
    "x_ref and z_ref": lambda jax, ref: jax.vjp(
        _custom(jax, lambda x_ref, z_ref: None, lambda x_ref, z_ref: (None, None)),
        ref, ref,
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", CUSTOM)
def test_words_of_custom_functions(words):
    for package in (jax, minijax):
        with pytest.raises(ValueError, match=words):
            CUSTOM[words](package, package.new_ref(0.0))


WORDS = {
    "made": lambda jax, ref: jax.jit(lambda: {"a": jax.new_ref(1.0)})(),
    "given": lambda jax, ref: jax.jit(lambda x_ref: x_ref)(ref),
    "twice": lambda jax, ref: jax.jit(lambda x, y: x[...] + y[...])(ref, ref),
    "closed over": lambda jax, ref: jax.jit(lambda y: ref[...] + y[...])(ref),
    "scan": lambda jax, ref: jax.lax.scan(
        lambda c, x: (jax.new_ref(c), x), 0, np.arange(3)
    ),
    "scan twice": lambda jax, ref: jax.lax.scan(
        lambda c, x: (None, None), (ref, ref), None, length=1
    ),
    "scan closed over": lambda jax, ref: jax.lax.scan(
        lambda y, x: (ref[...] + y[...], None), ref, None, length=1
    ),
    "cond twice": lambda jax, ref: jax.lax.cond(
        True, lambda x, y: ..., lambda x, y: ..., ref, ref
    ),
    "cond closed over": lambda jax, ref: jax.lax.cond(
        True, lambda y: ref[...] + y[...], lambda y: ref[...] + y[...], ref
    ),
    "mapped twice": lambda jax, ref: jax.vmap(lambda x, y: None)(
        {"a": jax.new_ref(np.ones(3)), "b": (shared := jax.new_ref(np.ones(3)))}, shared
    ),
    "differentiated twice": lambda jax, ref: jax.vjp(
        jax.jit(lambda x, y: x[...] + y[...]), ref, ref
    ),
}


def test_one_reference_may_be_an_argument_twice_where_it_is_not_mapped():
    for package in (jax, minijax):
        ref = package.new_ref(np.arange(3, dtype=np.float32))
        read = package.vmap(lambda x, y: x[2] + y[...], (None, 0))(ref, ref)
        assert read.tolist() == [2.0, 3.0, 4.0]


@pytest.mark.parametrize("name", WORDS)
def test_words(name):
    """Errors tell a reference by the line that made it, or by the argument that it is."""

    def said(package):
        with pytest.raises(ValueError) as error:
            WORDS[name](package, package.new_ref(package.numpy.float32(0)))
        return re.sub(r":\d+ \(", " (", str(error.value))

    assert said(minijax) == said(jax)
