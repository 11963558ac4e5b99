"""Arrays as objects, and where they lie: expressions evaluated on both sides, equal
results or equal errors.

A result is compared by its type, dtype, weak type, shape and elements; an error by its
type and its whole message.
"""

import copy
import enum
import io
import itertools
import pickle
import re
import warnings

import numpy as np
import pytest
from outcomes import in_order
from sides import NAMES, Side

EXPRESSIONS = [
    # attributes and methods
    "x.byteswap().tobytes()",
    "jnp.array([1, 2], 'int16').byteswap()",
    # more than there is memory for
    "jnp.zeros(2**45)",
    "jit(lambda x: x + jnp.zeros(2**45))(x[0, 0])",
    "jax.core.ShapedArray((2**33, 2**33), 'float32').size",
    "jax.core.ShapedArray((2**33, 0, 2**33), 'float32').size",
    # what files hold
    "read_back(jnp.ones(2, 'bfloat16'))",
    "read_back(jnp.ones(2, 'float16'))",
    "read_back(jnp.ones(2, 'float8_e4m3fn'))",
    "read_back(jnp.ones(2, bool))",
    "jnp.array([1j, 2]).byteswap().tobytes()",
    "x.flat",
    "x.partition(1)",
    "jnp.apply_over_axes(lambda a, k: a.sum(k), x, [0])",
    "jnp.apply_over_axes(jnp.sum, x, 0)",
    "x.format",
    "x.platform()",
    "x.clone()",
    "x.addressable_data(0)",
    "sorted(n for n in dir(jax.Array) if n in ('T', 'at', 'sum', 'flat', 'byteswap'))",
    "jit(lambda x: x.byteswap())(x)",
    # deleted arrays
    *[f"deleted.{use}" for use in (
        "devices()", "addressable_data(0)", "copy_to_host_async()", "_check_if_deleted()",
        "_arrays", "_npy_value", "is_deleted()", "shape", "format",
    )],
    "copy.copy(deleted)",
    "pickle.dumps(deleted)",
    # conversions
    "f'{x:.2f}'",
    "f'{x[0]:.2f}'",
    "x in x",
    "1.0 in x",
    "jnp.array([1j, 0]).astype(bool)",
    "jnp.array([1j, 2]).astype(int)",
    "jax.random.key(0).astype(int)",
    "x.astype(jax.random.key(0).dtype)",
    "jnp.asarray(jnp.array([1j, 2]), 'float32')",
    "jnp.concatenate([jnp.ones(1), jnp.ones(1) * 1j], dtype='float32')",
    "x.astype('complex128')",
    # copies of keys and through pickle
    "copy.copy(key)", "copy.deepcopy(key)", "key.copy()",
    "pickle.loads(pickle.dumps(key))",
    "pickle.loads(pickle.dumps(jax.random.split(key)))",
    "pickle.loads(pickle.dumps(jnp.full(2, 1)))",
    # operators with what is no array
    *[f"{left} {op} {right}" for op in ("+", "*", "-", "@", "&", "==", "!=", "<")
      for left, right in (("n", "[1, 2]"), ("(1, 2)", "n"), ("n", "{1}"), ("{}", "n"))],
    # powers: an exponent that is one integer keeps the base's dtype
    "jnp.array([1, 2], 'uint8') ** jnp.array(2, 'int8')",
    "jnp.array([True]) ** jnp.array(2, 'uint8')",
    "jnp.power(jnp.array(2, 'int8'), jnp.array(2))",
    "2 ** jnp.array([True, False])",
    "jnp.full(2, 2) ** jnp.full(2, 2)",
    # what needs an array in memory, of tracers
    *[f"jit(lambda x: x.{use})(x)" for use in (
        "devices()", "delete()", "is_deleted()", "tobytes()", "unsafe_buffer_pointer()",
        "addressable_data(0)", "on_device_size_in_bytes()", "is_fully_replicated",
        "committed", "addressable_shards", "global_shards", "sharding", "flat",
    )],
    "jit(pickle.dumps)(x)",
    "jit(jax.block_until_ready)(x)",
    "jit(lambda x: hasattr(x, 'block_until_ready'))(x)",
    # from and to other libraries
    "jax.dlpack.from_dlpack(external_array=np.ones(2, 'f4'), copy=True)",
    "jax.dlpack.from_dlpack([1])", "jax.dlpack.from_dlpack(np.arange(6)[::2])",
    "jax.dlpack.from_dlpack(np.ones((2, 3), 'f4').T).committed",
    "jax.dlpack.from_dlpack(jnp.ones(2, 'bfloat16'))",
    "jax.dlpack.is_supported_dtype(jnp.bfloat16)", "jax.dlpack.is_supported_dtype(None)",
    "jax.dlpack.is_supported_dtype(np.longdouble)", "x.__cuda_array_interface__",
    "np.from_dlpack(x).flags.writeable",
    "np.array(x, 'int32', copy=False)", "x.__array__('int32', copy=True)",
    "jnp.shape(convertible)", "jnp.ndim(convertible)", "jnp.size(convertible)",
    "jit(jnp.sin)(convertible)", "jax.lax.sin(convertible)", "jax.device_put(convertible)",
    "jax.vmap(jnp.sin)(convertible)", "x[0] + convertible", "jnp.asarray(convertible)",
    "jnp.zeros_like(convertible)", "x % convertible", "jnp.roll(x, scalar)",
    *[f"jnp.{call}" for call in (
        "ravel(node)", "squeeze(node)", "tril_indices_from(node)", "fmax(node, node)",
        "isclose(node, 1)", "clip(node, node, 2)", "union1d(node, node)",
    )],
    "jit(lambda x: x)({'k': [1, 2**40]})", "jit(lambda *x, a: a)(1, a=2**40)",
    "jit(lambda x: jit(lambda y: y)(-2**40))(1)", "jit(lambda x: x).lower(2**40)",
    "jnp.lexsort([[1, 2]])", "jnp.tril_indices_from([[1]])", "jnp.nan_to_num(x, x[0])",
    "jnp.reshape(convertible, -1)", "jnp.moveaxis(convertible, 0, 1)",
    "jnp.select([x > 1], [scalar], 0)", "jax.random.fold_in(key, scalar)",
    "jax.core.ensure_compile_time_eval is jax.ensure_compile_time_eval",
    "jax.core.no_such_name", "jax.config.x64_enabled", "jax.typeof(n).at_least_vspace()",
    "jax.typeof(n).to_ct_aval()", "jax.typeof(x).to_tangent_aval()",
    "jax.typeof(x).update_weak_type(True)", "jax.typeof(x).inc_rank(4, 1)",
    "jax.typeof(x).is_high", "jax.lax.add_p.call_primitive",
    "n @ forwarding", "x * forwarding", "forwarding + x", "jit(lambda x: x @ forwarding)(n)",
    "jnp.concatenate([forwarding, forwarding])", "x.at[0].set(scalar)", "x ** scalar",
    "jax.device_get(convertible)", "jit(lambda x: jax.device_get(x))(x)",
    # trees
    "jax.tree.map(lambda a, b: a, {'a': 1}, {'b': 7})",
    "ravel_pytree(1.0)[0]", "ravel_pytree([1, 2])[0]", "ravel_pytree([1, 2.0])[0]",
    "ravel_pytree([x, x * 1j])[1](ravel_pytree([x, x * 1j])[0])",
    # enumerations, flags, keys
    "jnp.array(color)", "jnp.result_type(color)", "n + color", "color * x", "n**color",
    "jnp.add(color, 1)", "jit(lambda c: c)(color)",
    "jax.config.update('jax_default_matmul_precision', 'foo')",
    "jax.config.update('jax_traceback_filtering', 'foo')",
    "jax.config.update('jax_default_prng_impl', 'foo')",
    "jax.config.update('jax_transfer_guard', 'foo')", "jax.device_get(key)",
    "jnp.zeros(2, key.dtype)", "jnp.ones_like(key)", "jnp.zeros_like(key)",
    "jnp.empty((2, 1), key.dtype)", "jnp.asarray(key, dtype='uint32')", "jnp.all(key)",
    "key < key", "key + 1", "2.0 * key", "key == 1", "key.unsafe_buffer_pointer() > 0",
    # indices
    "x[[[0, 1]]]", "x[range(2)]", "x.at[range(2)].set(1.)", "x[[None]]", "x[object]",
    "x[{}]", "x[np.array([True])]", "jnp.array(1.)[False]", "jnp.array(1.)[True]",
    "x.at[True].set(1.)", "x.at[False].set(1.)", "x.at[jnp.array(True), 0].add(1.)",
    "x.at[True, 0].apply(jnp.exp)", "jnp.zeros((3, 0)).at[0].set(1.)",
    "jnp.zeros((0, 4)).at[0].set(1.)", "jnp.zeros((0, 4))[0]",
    "x.at[9].get(mode='fill', fill_value=jnp.ones(2))", "x.at[0].get(out_sharding=None)",
    "x.at[0].set(1., foo=1)", "x.at[0].foo", "x.at(0)", "repr(x.at[0])",
    "x.at[0].set(jnp.ones(2))", "jnp.broadcast_to(x, (2, 2))", "jnp.full(2, x)",
    "jnp.array([1j, 1]).at[jnp.array([0, 0, 1])].min(jnp.array([1, 2, 1 - 1j]))",
    "jnp.array([1j, 1]).at[jnp.array([0, 0, 1])].max(jnp.array([1, 2, 1 - 1j]))",
]  # fmt: skip


SPECS = (
    "P()", "P(None)", "P('x')", "P(('x', 'y'))", "P(('x',))", "P((),)", "P('x', None)",
    "P(P.UNCONSTRAINED)", "P(['x', 'y'])",
)  # fmt: skip
SHARDINGS = [
    # specs
    *[f"({spec}, len({spec}), {spec}.partitions, hash({spec}) == hash({spec}))"
      for spec in SPECS],
    *[f"pickle.loads(pickle.dumps({spec})) == {spec}" for spec in SPECS],
    "P('x', unreduced={'y'})", "P('x', unreduced={'y'}).to_ct_spec()",
    "list(P('x', unreduced={'y'}))", "P('x').update(unreduced={'y'}).unreduced",
    "P('x', unreduced='y')", "P('x', unreduced={'x'})", "P('x', unreduced={None})",
    "P('x', reduced={'y'}, unreduced={'y'})", "P('x') + P('y')", "('y',) + P('x')",
    "P('x') + [1]", "P('x') == ('x',)", "P('x') == P(('x',))", "P('x') < P('y')",
    "isinstance(P('x'), tuple)", "P('x', 'y')[:1]", "P('x').index('x')", "P('x') * 2",
    # meshes
    "(mesh, repr(mesh), mesh.abstract_mesh)", "mesh.are_all_axes_auto", "mesh.is_scalar",
    "mesh is Mesh(np.array([[d]]), ('x', 'y'))", "setattr(mesh, 'axis_names', ())",
    "mesh.update(axis_names=('a', 'b'))", "copy.deepcopy(mesh) is mesh",
    "Mesh([d], (None,))", "Mesh([d], ('x',), axis_types=('a',))",
    "(mesh.__enter__(), mesh.__exit__(*[None] * 3))",
    "Mesh([d], ('x',), axis_types=(AxisType.Auto,) * 2)", "Mesh([d], ('x', 'y'))",
    "abstract", "AbstractMesh((), ())", "abstract.are_all_axes_explicit",
    "abstract.devices", "abstract.local_mesh", "abstract.update(axis_sizes=(2, 2))",
    "abstract.update_axis_types({'x': AxisType.Manual})", "abstract.abstract_device",
    "AbstractMesh((1, 2), ('x', 'y'), (AxisType.Auto,))", "AbstractMesh((1,), ('x',), 3)",
    "jax.set_mesh(3)", "jax.set_mesh(mesh).__exit__(None, None, None)",
    # shardings
    "(named, repr(named))", "named.memory_kind", "named.replicated_axes",
    "named.has_addressable_devices", "named.check_compatible_aval((3,))",
    "named == NamedSharding(mesh, P('x'))", "named.shard_shape((4, 5))",
    "named.update(spec=P('y'))", "NamedSharding(mesh, P('x'), memory_kind='foo')",
    "named.with_memory_kind('pinned_host')", "single.with_memory_kind('unpinned_host')",
    "SingleDeviceSharding(d, memory_kind='foo')", "single.memory_kind",
    *[f"NamedSharding(abstract, P('y')).{use}" for use in (
        "device_set", "is_fully_addressable", "num_devices", "is_fully_replicated",
        "shard_shape((4,))", "shard_shape((3,))", "replicated_axes", "memory_kind",
    )],
    "d.memory('foo')", "(d.memory('device'), d.default_memory().kind)",
    "[str(m) for m in d.addressable_memories()]",
    # arrays made in a place, and results of jit
    *[f"placed(jnp.{made})" for made in (
        "zeros(3, device=d)", "ones((2, 2), device=named)", "empty(3, device=d)",
        "full((2, 2), 1, device=named)", "full(2, x[:2], device=d)", "arange(3, device=d)",
        "array(1, device=d)", "asarray(np.ones((2, 2)), device=named)", "array([1.0])",
        "eye(3, device=d)", "linspace(0, 1, 3, device=d)", "zeros_like(x, device=d)",
        "ones_like(x, device=d)", "full_like(x, 3, device=d)", "empty_like(x, device=d)",
        "astype(x, int, device=d)", "fft.fftfreq(4, device=d)", "fft.rfftfreq(4, device=d)",
        "array(jax.device_put(x, d))", "asarray(jax.device_put(x, named.update(spec=P())))",
    )],
    "placed(*jnp.linspace(0, 1, 3, retstep=True, device=d))", "jnp.array([1.0], device='cpu')",
    "placed(x.astype(int, device=d), x.to_device(d), x.astype(int))",
    "jnp.arange(3, device=named)",
    "placed(jax.lax.full((2, 2), 1.0, sharding=named))",
    "placed(jax.lax.full_like(x, 1.0, sharding=single))",
    "placed(jax.lax.with_sharding_constraint(jnp.ones((2, 2)), named))",
    *[f"placed(*jit(lambda x: (x, x + 1), {options})(jnp.ones((2, 2))))" for options in (
        "out_shardings=named", "out_shardings=(named, None)", "in_shardings=named",
        "out_shardings=single", "in_shardings=[None], out_shardings=(None, named)",
        "out_shardings=P('x')", "in_shardings=P('x')", "in_shardings=(named, named)",
        "in_shardings='x'", "out_shardings=('x',)", "out_shardings=None",
        "out_shardings=Format(Layout((0, 1)), single)", "in_shardings=Format(Layout.AUTO)",
    )],
    "jit(lambda x: x, out_shardings=named)(x)", "jit(lambda x: x, in_shardings=named)(x)",
    "jit(lambda x: {'a': x}, out_shardings={'a': named})(x)",
    "jit(lambda x: x, in_shardings=named)(x=x)",
    # places of results: those of the first argument that is read
    *[f"(lambda x, y, one: placed({results}))(*jax.device_put((x, x[None] * 1, 2.0), "
      "(d, named, d)))" for results in (
        "x + 1, x[0], x.reshape(3, 1), *x, jnp.zeros_like(x), jnp.ones(3) + x",
        "y + 1, y[0], y[:, :2], y.reshape(3), *y, jnp.ones_like(y), y.T, 2 * y, y.sum()",
        "y + one, one + y, *jit(lambda a, b: (b, b + a))(np.ones(3), y)",
        "jit(lambda a, b: b)(x, jnp.ones(3)), jit(lambda a: jnp.ones(3))(y), y @ y.T",
        "jax.device_put(x, single.with_memory_kind('pinned_host')) * 2",
    )],
    # places of arrays
    "jax.device_put(1.0, named)", "jax.device_put(x, P('x'))", "jax.device_put(x, 'cpu')",
    "jax.device_put(x, jax.memory.Space.Host).sharding",
    "jax.device_put(x, x.format).sharding", "jax.device_put(x, d)._committed",
    "jit(lambda x: jax.lax.with_sharding_constraint(x, None))(x)",
    "jax.lax.with_sharding_constraint(x, d)",
    "under(mesh, lambda: constrain(jnp.ones((3, 2)), abstracted).sharding)",
    "constrain(jax.device_put(jnp.ones((3, 2)), named), abstracted).sharding",
    "jit(lambda x: jit(lambda x: x).lower(x).out_info.shape[0] * x)(x)",
    "jax.lax.with_sharding_constraint(x, P())", "jax.reshard(x, 'a')",
    "jax.reshard(x, P('x'))", "jax.reshard(xs=x, out_shardings=explicit).sharding",
    "jnp.dot(x[None], x, out_sharding=explicit)", "jnp.dot(x, x, out_sharding=P())",
    "jnp.einsum('i,i', x, x, out_sharding=3)",
    "jnp.tensordot(x, x[:1], 0, out_sharding=explicit)",
    "jax.vjp(jnp.imag, 2 + 1j)[1](jnp.array(1.0))",
    "jax.make_array_from_callback((3,), single, lambda i: x[i], dtype='int32')",
    "jax.make_array_from_single_device_arrays((3,), single, [])",
    "jax.make_array_from_single_device_arrays((3,), single, [np.ones(3)])",
    # shapes and dtypes
    *[f"S({args})" for args in (
        "(2,), 'float32'", "(2,), 'float32', weak_type=True", "(2,), None",
        "(2,), 'float32', is_ref=True", "(2, 3), 'int32', sharding=named",
        "(2,), 'int32', sharding=named", "(2,), 'int32', sharding=P('x')",
        "(2,), 'int32', vma=1",
    )],
    "S.like(jax.device_put(x, single))", "S.like(jnp.asarray(1.0))",
    "S((2,), 'int32').update(dtype='int8', foo=1)", "setattr(S((), int), 'shape', 3)",
    "S((2,), 'int32').format", "S((2,), 'int32') == S((2,), 'int32', sharding=single)",
    "pickle.loads(pickle.dumps(S((2,), 'int32')))",
    # what constraints and stages are told
    *[f"jax.lax.with_sharding_constraint(jnp.ones((2, 2)), {place})" for place in (
        "explicit", "None", "NamedSharding(mesh, P('x', 'y', None))",
        "NamedSharding(explicit.mesh, P())", "d",
    )],
    *[f"jit(lambda x: x, {options})" for options in (
        "in_shardings=named, device=d", "out_shardings=named, backend='cpu'",
    )],
    *[f"NamedSharding({mesh}, P({spec}={{'x'}}))" for mesh in ("mesh", "explicit.mesh")
      for spec in ("unreduced", "reduced")],
    "jax.device_put(x, NamedSharding(abstract, P('y')))",
    "jax.device_put(jnp.ones(2), NamedSharding(abstract, P('y')))",
    *[f"jit(lambda x: x * 2{options}).lower({x}).compile().{places}_shardings"
      for options, x in (
          ("", "jax.device_put(x, explicit)"), (", in_shardings=named", "jnp.ones((2, 2))"),
          (", out_shardings=named", "S((2, 2), 'float32')"),
          (", in_shardings=(named, None)", "x"), (", in_shardings=named", "x"),
          (", out_shardings=named", "x"),
      ) for places in ("input", "output") if (places, options) != ("output", "")],
    "placed(jit(jnp.sin, out_shardings=explicit).lower(x).compile()(x))",
    # as compilers write them
    *[f"repr({sharding}._to_sdy_sharding(2))" for sharding in (
        "named", "explicit", "NamedSharding(abstract, P(None, ('x', 'y')))",
        "NamedSharding(abstract, P('y', P.UNCONSTRAINED))",
    )],
    *[f"tiles(NamedSharding(AbstractMesh((4, 2, 2), ('x', 'y', 'z')), P({spec})))" for spec in (
        "", "'x'", "None, 'y'", "('x', 'z'), 'y'", "'z', ('y', 'x')",
    )],
    "(GSPMD.get_replicated((d,)), GSPMD.get_replicated((d,)).shard_shape((3, 2)))",
    "GSPMD.get_replicated((d,)).is_equivalent_to(named, 2)",
    # buffers
    *[f"memoryview(jnp.arange(6).reshape(2, 3).astype({dtype})).tobytes()" for dtype in (
        "'int8'", "'uint16'", "'float16'", "'complex64'", "bool",
    )],
    "(lambda b, a: (a.delete(), b.tobytes()))(*(lambda a: (memoryview(a), a))(x + 1))",
    # layouts
    "Layout((0, 1)).update(major_to_minor=(1, 0))", "Format('a')", "Format(None, 'a')",
    "Layout((0, 1)).check_compatible_aval((2,))", "Format(Layout.AUTO, single)",
    "jit(lambda x: x).lower(x).compile().input_formats",
    # arguments by name
    "jax.config.update(name='jax_debug_nans', val=False)",
    "jnp.issubdtype(arg1=int, arg2=np.integer)",
]  # fmt: skip

RENAMED = {"jaxlib._jax.": "", "DynamicJaxprTracer": "JaxprTracer", "minijax": "jax"}


class Convertible:
    """What becomes an array of the side's when one is asked for."""

    def __init__(self, array):
        self.array = array

    def __jax_array__(self):
        return self.array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array)


class Forwarding(Convertible):
    """As that; what it lacks itself is looked up on its array."""

    def __getattr__(self, name):
        if name == "array" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.array, name)


def _under(context, f):
    with context:
        return f()


def _node(side):
    """A Convertible of a class that is a pytree, as arguments of jitted functions are."""

    class Node(Convertible):
        pass

    def parts(node):
        return (node.array,), None

    side("tree_util").register_pytree_node(Node, parts, lambda _, parts: Node(*parts))
    return Node(side.jnp.ones((1, 3)))


def _tiles(sharding):
    found = sharding._to_xla_hlo_sharding(2)
    return found.tile_assignment_dimensions(), found.tile_assignment_devices()


def _names(side):
    jnp, deleted = side.jnp, side.jnp.arange(3)
    deleted.delete()
    sharding, layout = side("sharding"), side("experimental.layout")
    device, spec = side.devices()[0], sharding.PartitionSpec
    mesh = sharding.Mesh(np.array([[device]]), ("x", "y"))
    explicit = side.make_mesh((1,), ("x",))
    return {
        **{
            name: getattr(sharding, name)
            for name in (
                "AbstractMesh",
                "AxisType",
                "Mesh",
                "NamedSharding",
                "SingleDeviceSharding",
            )
        },
        "P": spec,
        "placed": lambda *arrays: [(repr(a.sharding), a.committed) for a in arrays],
        "S": side.ShapeDtypeStruct,
        "Layout": layout.Layout,
        "Format": layout.Format,
        "d": device,
        "tiles": _tiles,
        "GSPMD": side("_src.sharding_impls").GSPMDSharding,
        "mesh": mesh,
        "abstract": sharding.AbstractMesh((1, 2), ("x", "y")),
        "named": sharding.NamedSharding(mesh, spec("x", None)),
        "abstracted": sharding.NamedSharding(mesh.abstract_mesh, spec("x", None)),
        "constrain": side.lax.with_sharding_constraint,
        "under": lambda mesh, f: _under(side.set_mesh(mesh), f),
        "explicit": sharding.NamedSharding(explicit, spec("x")),
        "single": sharding.SingleDeviceSharding(device),
        "jax": side.jax,
        "jnp": jnp,
        "np": np,
        "jit": side.jit,
        "copy": copy,
        "color": enum.IntEnum("Color", "RED GREEN").GREEN,
        "pickle": pickle,
        "x": jnp.array([1.0, 2.5, -3.0]),
        "n": jnp.arange(2),
        "key": side("random").key(3),
        "deleted": deleted,
        "convertible": Convertible(jnp.ones((2, 3))),
        "node": _node(side),
        "forwarding": Forwarding(jnp.ones((2, 3))),
        "scalar": Forwarding(jnp.int32(2)),
        "ravel_pytree": side("flatten_util").ravel_pytree,
        "read_back": lambda x: _read_back(jnp, x),
    }


def _read_back(jnp, x):
    file = io.BytesIO()
    jnp.save(file, x)
    file.seek(0)
    return jnp.load(file)


def _described(side, x):
    """A result as text and lists that are equal where the results are."""
    if isinstance(x, (tuple, list)):
        return type(x).__name__, [_described(side, item) for item in x]
    if not isinstance(x, side.Array):
        return type(x).__name__, str(x)
    if side.jnp.issubdtype(x.dtype, side("dtypes").prng_key):
        return str(x.dtype), x.shape, side("random").key_data(x).tolist()
    return str(x.dtype), x.weak_type, x.shape, np.asarray(x).tolist()


def outcome(expression, side):
    """What the expression gives: a described result, or the words of its error; and
    the warnings.
    """
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            found = _described(side, eval(expression, _names(side)))
        except Exception as error:
            found = type(error).__name__, _renamed(str(error))
    return found, [(w.category.__name__, _renamed(str(w.message))) for w in given]


def _renamed(text):
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return in_order(re.sub(r"<string>:[:0-9]*", "<string>", text))


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *SHARDINGS])
def test_expression(expression):
    theirs, ours = (outcome(expression, Side(name)) for name in NAMES)
    assert ours == theirs


def test_an_other_result_is_seen():
    seen = [outcome(e, Side("jax")) for e in ("x", "x + 0j", "x.at[0].add(1)", "x[0]")]
    assert all(a != b for a, b in itertools.pairwise(seen))
