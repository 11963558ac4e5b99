"""Exported functions as bytes: what is read again runs, differentiates and refuses."""

import collections
import subprocess
import sys

import numpy as np
import pytest

import minijax as jax
import minijax.numpy as jnp
from minijax import export

Pair = collections.namedtuple("Pair", "first second")
X = np.arange(4, dtype=np.float32)


class Node:
    def __init__(self, x, label):
        self.x, self.label = x, label


jax.tree_util.register_pytree_node(
    Node, lambda n: ((n.x,), n.label), lambda label, xs: Node(*xs, label)
)


def _again(exported, **options):
    return export.deserialize(exported.serialize(**options))


def _loss(tree, n):
    x, _ = jax.lax.scan(lambda c, y: (jnp.sin(c) * y + c, None), tree["w"], tree["ys"])
    return jax.nn.relu(x).sum() * n, [x, None]


def test_trees_loops_and_integers():
    args = {"w": X, "ys": np.ones((3, 4), np.float32)}, np.int32(2)
    exported = export.export(jax.jit(_loss))(*args)
    read = _again(exported, vjp_order=1)
    assert (read.in_tree, read.out_tree) == (exported.in_tree, exported.out_tree)
    assert (read.in_avals, read.out_avals) == (exported.in_avals, exported.out_avals)
    for a, b in zip(
        jax.tree.leaves(read.call(*args)), jax.tree.leaves(_loss(*args)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    grads = [
        jax.grad(lambda tree, f=f: f(tree, args[1])[0])(args[0])["w"]
        for f in (read.call, jax.jit(read.call), _loss)
    ]
    np.testing.assert_allclose(grads[0], grads[2], rtol=1e-5)
    np.testing.assert_allclose(grads[1], grads[2], rtol=1e-5)


def test_order_of_derivatives():
    exported = export.export(jax.jit(lambda x: jnp.sum(jnp.sin(x))))(X)
    assert exported.has_vjp()
    for order in range(3):
        read = _again(exported, vjp_order=order)
        assert read.has_vjp() == (order > 0)
        wanted = [jnp.sin(X).sum(), jnp.cos(X), -jnp.sin(X)]
        found = [read.call, jax.grad(read.call)]
        found.append(jax.grad(lambda x, g=found[1]: g(x).sum()))
        for k, (f, want) in enumerate(zip(found, wanted, strict=True)):
            if k <= order:
                np.testing.assert_allclose(f(X), want, rtol=1e-6)
            else:
                with pytest.raises(ValueError, match="No VJP is available"):
                    f(X)


def test_derivative_by_itself():
    vjp = export.export(jax.jit(lambda x, n: jnp.sin(x) * n))(X, 2).vjp()
    assert [a.dtype for a in vjp.out_avals] == [np.float32, jax.dtypes.float0]
    (ct, _) = vjp.call(X, 2, X)
    np.testing.assert_allclose(ct, jnp.cos(X) * 2 * X, rtol=1e-6)


def test_registered_nodes():
    pair = export.export(jax.jit(lambda x: Pair(x, {"k": (x, None)})))(X)
    node = export.export(jax.jit(lambda x: Node(x, "label")))(X)
    for exported in (pair, node):
        with pytest.raises(ValueError, match="containing an unregistered type"):
            exported.serialize()
    assert (
        export.register_namedtuple_serialization(Pair, serialized_name="Pair") is Pair
    )
    export.register_pytree_node_serialization(
        Node, serialized_name="Node", serialize_auxdata=str.encode,
        deserialize_auxdata=bytes.decode,
    )  # fmt: skip
    read = _again(pair).call(X)
    assert type(read) is Pair and read.second["k"][1] is None
    assert _again(node).call(X).label == "label"
    with pytest.raises(
        ValueError, match="Duplicate serialization registration for type"
    ):
        export.register_namedtuple_serialization(Pair, serialized_name="Other")
    with pytest.raises(ValueError, match="for serialized_name `Pair`"):
        other = collections.namedtuple("Pair", "x")
        export.register_namedtuple_serialization(other, serialized_name="Pair")
    with pytest.raises(ValueError, match="for types other than"):
        export.register_namedtuple_serialization(int, serialized_name="int")


def test_functions_of_the_library():
    """In JAX they are jitted."""
    exported = export.export(jnp.sin, platforms=())(X)
    assert exported.fun_name == "sin" and exported.platforms == ("cpu",)
    assert exported.in_shardings_hlo == exported.out_shardings_hlo == (None,)
    np.testing.assert_allclose(_again(exported).call(X), np.sin(X), rtol=1e-6)
    with pytest.raises(ValueError, match="must be the result of `jit`"):
        export.export(lambda x: x)


def test_platforms():
    f, check = jax.jit(jnp.sin), export.DisabledSafetyCheck
    there = export.export(f, platforms=("tpu",))(X)
    with pytest.raises(ValueError, match="was exported for platforms"):
        _again(there).call(X)
    anywhere = export.export(f, platforms=("tpu",), disabled_checks=[check.platform()])(
        X
    )
    np.testing.assert_allclose(_again(anywhere).call(X), np.sin(X), rtol=1e-6)
    assert check.custom_call("name").is_custom_call() == "name"
    assert check.platform().is_custom_call() is None


def test_other_bytes():
    with pytest.raises(ValueError, match="no function that minijax exported"):
        export.deserialize(b"abc")


def test_another_process(tmp_path):
    exported = export.export(jax.jit(lambda x: jnp.cumsum(x) + 1))(X)
    path = tmp_path / "exported"
    path.write_bytes(exported.serialize())
    program = (
        "import sys, numpy as np; from minijax import export\n"
        "f = export.deserialize(open(sys.argv[1], 'rb').read())\n"
        "print(np.asarray(f.call(np.arange(4, dtype=np.float32))).tolist())"
    )
    out = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "[1.0, 2.0, 4.0, 7.0]"


def test_places_and_symbols_within_are_kept():
    place = jax.NamedSharding(jax.make_mesh((1,), ("x",)), jax.P("x"))
    there = jax.jit(lambda x: x * 2, in_shardings=place, out_shardings=place)
    again = _again(export.export(there)(X))
    assert (
        again.in_shardings_jax(place.mesh)
        == again.out_shardings_jax(place.mesh)
        == (place,)
    )

    shape = jax.ShapeDtypeStruct(export.symbolic_shape("n"), X.dtype)
    inner = export.export(jax.jit(jnp.sin))(shape)
    assert _again(
        export.export(jax.jit(lambda x: inner.call(x)))(X)
    ).uses_global_constants
