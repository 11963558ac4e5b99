"""The adapters for JAX's private names: what is there, and that it does the same."""

import ast
import functools
import inspect
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sides import Side, assert_same, raised

# module of `_src` -> names that JAX's own tests and other libraries import from it
NAMES = {
    "ad_checkpoint": "checkpoint checkpoint_name checkpoint_policies remat remat_p name_p",
    "abstract_arrays": "ShapedArray",
    "ad_util": "add_any_p add_jaxvals_p zeros_like_jaxval Zero stop_gradient_p SymbolicZero",
    "api": "jit grad vmap vjp jvp linearize make_jaxpr device_put eval_shape _std_basis",
    "api_util": "SENTINEL debug_info flatten_axes flatten_fun infer_argnums_and_argnames",
    "array": "ArrayImpl Shard",
    "cloud_tpu_init": "running_in_cloud_tpu_vm",
    "compilation_cache": "_cache reset_cache is_persistent_cache_enabled",
    "basearray": "Array ArrayLike StaticScalar",
    "config": "update enable_x64 enable_checks log_compiles parse_flags_with_absl _read "
    "config_states bool_flag int_flag string_flag bool_state enum_state bool_env config",
    "core": "reset_trace_state subjaxprs is_empty_shape definitely_equal_shape ref_p "
    "new_ref freeze freeze_p Ref shaped_abstractify typematch typecompat "
    "Primitive ShapedArray Tracer Jaxpr Literal DropVar eval_jaxpr check_jaxpr "
    "call_p closed_call_p trace_state_clean typeof jaxpr_as_fun UnexpectedTracerError",
    "export._export": "Exported export DisabledSafetyCheck",
    "export.shape_poly": "symbolic_shape symbolic_args_specs SymbolicScope is_symbolic_dim "
    "InconclusiveDimensionOperation UnexpectedDimVar DimSize _DimExpr",
    "cudnn.scaled_matmul_stablehlo": "quantize shape_normalization",
    "debugging": "debug_callback_p debug_print",
    "dispatch": "apply_primitive xla_primitive_callable runtime_tokens jaxpr_has_primitive "
    "JAXPR_TRACE_EVENT BACKEND_COMPILE_EVENT",
    "distributed": "global_state initialize is_initialized shutdown",
    "dlpack": "from_dlpack",
    "dtypes": "jax_dtype default_types python_scalar_types_to_dtypes "
    "canonicalize_dtype float0 result_type issubdtype _weak_types safe_to_cast "
    "_type_promotion_lattice _least_upper_bound scalar_type_to_dtype check_valid_dtype",
    "interpreters.ad": "add_jaxvals_p Zero primitive_jvps instantiate_zeros",
    "interpreters.batching": "primitive_batchers BatchTracer",
    "interpreters.mlir": "register_lowering lower_fun",
    "interpreters.partial_eval": "dce_jaxpr PartialVal DynamicJaxprTracer Recompute "
    "Saveable Offloadable",
    "lax.control_flow": "scan while_loop cond while_p scan_p cond_p",
    "lax.lax": "add_p sin_p convert_element_type_p _const PrecisionLike _float _int _any "
    "_complex _num _bool_or_int _ones _zeros",
    "lax.slicing": "slice gather GatherDimensionNumbers",
    "lib": "version _jax xla_client cuda_versions",
    "linear_util": "DebugInfo wrap_init transformation2 WrappedFun merge_linear_aux",
    "mesh": "thread_resources Mesh AxisType get_abstract_mesh",
    "numpy.index_tricks": "mgrid ogrid c_ r_",
    "numpy.linalg": "EighResult EigResult QRResult SVDResult",
    "numpy.window_functions": "hamming kaiser",
    "numpy.util": "promote_dtypes promote_dtypes_inexact promote_dtypes_complex "
    "check_arraylike _where _broadcast_to ensure_arraylike_tuple check_no_float0s "
    "check_for_prngkeys",
    "partition_spec": "PartitionSpec UnconstrainedSingleton",
    "pjit": "pjit auto_axes explicit_axes reshard with_sharding_constraint JitWrapped jit_p",
    "profiler": "start_trace annotate_function",
    "public_test_util": "check_grads check_jvp check_vjp check_close tolerance "
    "default_tolerance default_gradient_tolerance rand_like _dtype",
    "ref": "new_ref",
    "ops.special": "logsumexp",
    "scipy.cluster.vq": "vq",
    "scipy.fft": "dct",
    "scipy.sparse.linalg": "bicgstab cg gmres",
    "shard_alike": "shard_alike",
    "state.indexing": "Slice ds dslice",
    "state.utils": "hoist_consts_to_refs",
    "third_party.scipy.interpolate": "RegularGridInterpolator",
    "third_party.scipy.linalg": "funm",
    "scipy.integrate": "trapezoid",
    "scipy.optimize.bfgs": "minimize_bfgs",
    "scipy.optimize.line_search": "line_search",
    "scipy.spatial.transform": "Rotation",
    "tree": "map leaves",
    "typing": "Array ArrayLike DTypeLike Shape DimSize DeprecatedArg DuckTypedArray "
    "SupportsShape SupportsNdim SupportsSize",
    "lax.utils": "int_dtype_for_dim int_dtype_for_shape input_dtype dtype_to_string",
    "lax.control_flow.common": "_pad_constvars _dedup_consts",
    "random.core": "_check_prng_key _random_bits _safe_int_to_float default_prng_impl",
    "random.philox2x32": "philox2x32_p philox2x32_prng_impl philox2x32_seed",
    "random.philox4x32": "philox4x32_p philox4x32_prng_impl philox4x32_split",
    "random.prng": "KeyTy prngs PRNGKeyArray PRNGImpl random_seed UINT_DTYPES",
    "random.rbg": "rbg_prng_impl unsafe_rbg_prng_impl",
    "random.threefry2x32": "threefry2x32_p threefry_2x32 threefry_seed threefry_fold_in",
    "random.threefry4x32": "threefry4x32_p threefry4x32_prng_impl",
    "sharding_impls": "NamedSharding SingleDeviceSharding PartitionSpec GSPMDSharding",
    "op_shardings": "are_hlo_shardings_equal is_hlo_sharding_replicated",
    "sharding": "Sharding common_devices_indices_map",
    "named_sharding": "SdyDim SdyArray DuplicateSpecError",
    "checkify": "ErrorEffect FailedCheckError OOBError JaxRuntimeError",
    "state.types": "RefEffect AbstractRef shaped_array_ref AccumEffect TransformedRef",
    "compilation_cache_interface": "CacheInterface",
    "compute_on": "compute_on compute_on2",
    "tree_util": "generate_key_paths tree_flatten Partial keystr prefix_errors equality_errors",
    "util": "canonicalize_axis moveaxis memoize OrderedSet HashablePartial toposort subs_list "
    "test_event safe_map safe_zip unzip2 unzip3 split_list partition_list merge_lists curry",
    "tpu.linalg": "eigh qdwh svd",
    "xla_bridge": "get_backend backends devices backend_pjrt_c_api_version num_cpu_devices",
}


@pytest.mark.parametrize("module", NAMES)
def test_names(module):
    for name in ("jax", "minijax"):
        found = Side(name)(f"_src.{module}")
        missing = [word for word in NAMES[module].split() if not hasattr(found, word)]
        assert not missing, (name, module, missing)


def test_this_process_is_the_only_one():
    names = "process_id", "num_processes", "client", "service", "coordinator_address"
    theirs, ours = (
        [getattr(side("_src.distributed").global_state, name) for name in names]
        for side in (Side("jax"), Side("minijax"))
    )
    assert ours == theirs


def test_missing_name():
    error = raised(lambda: Side("minijax")("_src.core").no_such_name)
    assert type(error) is AttributeError


def _signature(side, argnums, argnames):
    def f(x, y=1, *args, **kwargs):
        pass

    find = side("_src.api_util").infer_argnums_and_argnames
    return repr(find(inspect.signature(f), argnums, argnames))


def _called(side, kind):
    core, lu = side("_src.core"), side("_src.linear_util")
    debug_info = side("api_util").debug_info

    def f(x, y):
        return [x * y, x + y]

    wrapped = lu.wrap_init(f, debug_info=debug_info("test", f, (2.0, 3.0), {}))
    return getattr(core, kind).bind(2.0, 3.0, subfuns=(wrapped,))


def _traced_for(s):
    core, found = s("_src.core"), []

    def f(x):
        found.append(core.unsafe_am_i_under_a_jit())
        found.append(core.unsafe_am_i_under_a_vmap())
        return x * 2

    x = np.ones(2)
    for run in (f, s.jit(f), s.vmap(f), s.jit(s.vmap(f)), s.vmap(s.jit(f))):
        run(x)
    s.grad(f)(1.0)
    return found


def _with_simple_impl(s):
    primitive = s("extend.core").Primitive("doubled")
    primitive.def_abstract_eval(lambda x: x)
    mlir = s("interpreters.mlir")
    mlir.register_lowering(primitive, mlir.lower_fun(lambda x: x * 2, False))
    s("_src.dispatch").simple_impl(primitive)
    return primitive.bind(np.float32(3))


def _place(side, name, axis: object = "i"):
    def fun(x):
        return getattr(side("_src.lax.parallel"), name)(x, axis)

    x = np.array([[3, 1, 2, 1], [0, 5, 5, 5]], np.float32)
    try:
        traced = side.make_jaxpr(fun, axis_env=[("i", 3)])
        return str(traced(x)), str(traced(1)), side.vmap(fun, 1, None, axis_name="i")(x)
    except TypeError as error:
        return str(error)


def _wide_dtypes(s):
    """What the flag says of 64-bit dtypes that are asked for."""
    found = []
    for mode in ("allow", "error"):
        with s("_src.config").explicit_x64_dtypes(mode):
            try:
                found.append(
                    [str(s("_src.dtypes").dtype(t)) for t in ("int64", np.float64)]
                )
            except ValueError:
                found.append("refused")
    return found


def _partition(side):
    util = side("_src.util")
    no, yes = util.partition_list([True, False, True], "abc")
    return [*no, *yes, *util.merge_lists([True, False, True], no, yes)]


def _remembered(side):
    calls = []

    @side("_src.util").cache(max_size=None)
    def f(x):
        calls.append(x)
        return x

    f(1), f(1), f(2)
    f.cache_clear()
    f(1)
    return calls


def _held(side):
    flag = side("_src.config").numpy_rank_promotion
    before = flag.value
    with flag("raise"):
        return (
            before,
            flag.value,
            flag.get_global(),
            side.config.jax_numpy_rank_promotion,
        )


def _events(side):
    """The events of tracing and compiling that JAX's tests count."""
    heard = []
    known = (
        "trace_to_jaxpr jit_cpp_cache_miss lower_jaxpr_to_module stages_compiled_call "
    )
    known += "pxla_cached_compilation batched_device_put_start "
    known += "xla_primitive_callable_cache_miss"
    util, lax, x = side("_src.util"), side.lax, np.ones(2, np.float32)
    before, util.test_event_listener = (
        util.test_event_listener,
        lambda name, *_: heard.append(name) if name in known.split() else None,
    )
    array = side.jnp.asarray(x)
    heard.clear()
    rounds = []
    try:
        f = side.jit(lambda x: lax.sin(x))
        compiled = side.jit(lambda x: lax.cos(x)).lower(array).compile()
        for run in (
            lambda: f(array),
            lambda: f(array),
            lambda: f(2.0),
            lambda: compiled(array),
            lambda: compiled(array),
            lambda: lax.neg_p.bind(side.jnp.zeros((2, 7))),
            lambda: lax.neg_p.bind(side.jnp.zeros((2, 7))),
            lambda: side.make_jaxpr(lambda x: lax.exp(x))(array),
            lambda: side.device_put([np.ones(3), array]),
        ):
            heard.clear()
            run()
            rounds.append(sorted(set(heard) - {"batched_device_put_start"}))
        rounds.append(heard.count("batched_device_put_start"))
    finally:
        util.test_event_listener = before
    return rounds


def _puts(side):
    """How many arguments each new signature brings from outside that are read."""
    util, x, found = side("_src.util"), side.jnp.ones(3), []
    f, g = side.jit(lambda a, b: a + b), side.jit(lambda a, *rest: rest[-1] * 2)
    heard = []
    before, util.test_event_listener = (
        util.test_event_listener, lambda name, *_: heard.append(name)
    )  # fmt: skip
    try:
        for run in (
            lambda: f(1, 2), lambda: f(3, 4), lambda: f(x, 2), lambda: f(x, x),
            lambda: g(1, 2.0), lambda: g(x, {}, 5), lambda: g(2, x),
        ):  # fmt: skip
            heard.clear()
            run()
            found.append(heard.count("batched_device_put_start"))
    finally:
        util.test_event_listener = before
    return found


def _defined(side):
    config = side("_src.config")
    name = "jax_flag_of_a_test"
    flag = config.bool_state(name, False, "What a test needs.")
    with flag(True):
        held = flag.value, config._read(name), config.config_states[name].value
    side.config.update(name, True)
    again = flag.value, config.config.values[name], name in side.config.values.copy()
    error = raised(lambda: config.enum_state(name, ["a"], "a", "Taken."))
    return held, again, str(error)


def _tolerances(side):
    util = side("_src.public_test_util")
    rows = util.default_tolerance().items()
    shared = {str(dt): tol for dt, tol in rows if "float6" not in str(dt)}
    gradients = util.default_gradient_tolerance.items()
    named = util.tolerance(np.float32, {np.float32: 0.5})
    return (
        [shared[k] for k in sorted(shared)],
        sorted((str(dt), tol) for dt, tol in gradients if "float6" not in str(dt)),
        named,
        util.tolerance(np.dtype("float64")),
        [str(util._dtype(x)) for x in (1, 2.0, True, 1j, np.int8(1))],
        type(raised(lambda: util.check_close([1.0], [1.1]))).__name__,
    )


def _ordered(side):
    found = side("_src.util").OrderedSet()
    found.update([3, 1])
    found.add(2)
    found.add(3)
    return list(found), 2 in found, len(found)


def _partials(side):
    partial = side("_src.util").HashablePartial
    f, g = (partial(curried, 1) for curried in (_twice, _twice))
    return f == g, hash(f) == hash(g), f == partial(_twice, 2), f(3)


def _twice(x, y):
    return 2 * x + y


def _physical(side):
    mesh = side.make_mesh((1,), ("x",), axis_types=(side.sharding.AxisType.Auto,))
    resources = side("_src.mesh").thread_resources
    with warnings.catch_warnings(action="ignore"), mesh:
        inside = resources.env.physical_mesh == mesh
    return inside, resources.env.physical_mesh.empty


def _without_dead_code(side):
    jaxpr = side.make_jaxpr(lambda x, y: (side.lax.sin(x), side.lax.cos(y)))(1.0, 2.0)
    pe = side("_src.interpreters.partial_eval")
    smaller, used = pe.dce_jaxpr(jaxpr.jaxpr, [False, True])
    return [eqn.primitive.name for eqn in smaller.eqns], used, len(smaller.invars)


CALLS = {
    "dead code": _without_dead_code,
    "ordered set": _ordered,
    "partials": _partials,
    "physical mesh": _physical,
    "axis": lambda s: s("_src.util").canonicalize_axis(-1, 3),
    "axis out of bounds": lambda s: (
        type(raised(lambda: s("_src.util").canonicalize_axis(3, 3))).__name__
    ),
    "substituted": lambda s: s("_src.util").subs_list([None, 1], [5, 6], [7]),
    "paths": lambda s: repr(s("_src.tree_util").generate_key_paths({"a": [1, 2]})),
    "flat prefix": lambda s: s(
        "_src.tree_util"
    ).broadcast_flattened_prefix_with_treedef(
        [1, 2], s.tree.structure((0, 0)), s.tree.structure(([0, {"a": 0}], 0))
    ),
    "eye": lambda s: s("_src.lax.lax")._eye(np.float32, (3, 4), 1),
    "delta": lambda s: s("_src.lax.lax")._delta(np.float32, (2, 3, 2), (0, 2)),
    "tri": lambda s: s("_src.lax.lax")._tri(np.int32, (3, 4), -1),
    "jax dtypes": lambda s: [
        str(s("_src.dtypes").jax_dtype(t)) for t in (int, float, None, "int64", "f2")
    ],
    "has primitive": lambda s: [
        s("_src.dispatch").jaxpr_has_primitive(
            s.make_jaxpr(s.jit(lambda x: s.lax.sin(x)))(1.0).jaxpr, name
        )
        for name in ("sin", "cos")
    ],
    "events": _events,
    "puts": _puts,
    "defined": _defined,
    "tolerances": _tolerances,
    "numbers": functools.partial(_signature, argnums=0, argnames=None),
    "names": functools.partial(_signature, argnums=None, argnames=("y", "z")),
    "both": functools.partial(_signature, argnums=(0, -1), argnames="y"),
    "neither": functools.partial(_signature, argnums=None, argnames=None),
    "call_p": functools.partial(_called, kind="call_p"),
    "closed_call_p": functools.partial(_called, kind="closed_call_p"),
    "partition": _partition,
    "cache": _remembered,
    "config": _held,
    "unzip3": lambda s: s("_src.util").unzip3([(1, 2, 3), (4, 5, 6)]),
    "curry": lambda s: s("_src.util").curry(lambda x, y: x - y)(3)(1),
    "tuples": lambda s: s("_src.util").tuple_insert((1, 2), 1, 5),
    "ceil": lambda s: s("_src.util").ceil_of_ratio(7, 2),
    "clean": lambda s: str(s("_src.core").trace_state_clean()),
    "unclean": lambda s: str(
        s.eval_shape(lambda x: x * int(s("_src.core").trace_state_clean()), 1.0)
    ),
    "value of tracer": lambda s: float(
        s.grad(lambda x: x * s("_src.core").to_concrete_value(x))(2.0)
    ),
    "cast": lambda s: str(s("_src.dtypes").safe_to_cast("int32", "float32")),
    "weak casts": lambda s: [
        s("_src.dtypes").safe_to_cast(x, dtype)
        for x in (1, 2.5, True, 1j, float, np.int8(3), s.jnp.asarray(1.0))
        for dtype in ("int8", "uint8", "int32", "bfloat16", "float32", "complex64")
    ],
    "types match": lambda s: [
        s("_src.core").typematch(*map(s("_src.core").shaped_abstractify, pair))
        for pair in ((1.0, np.float32(1)), (1, 1.0), (np.ones(2), np.ones(3)))
    ],
    "wide dtypes": _wide_dtypes,
    "place of the largest": functools.partial(_place, name="pargmax"),
    "place of the smallest": functools.partial(_place, name="pargmin"),
    "places along two axes": functools.partial(_place, name="pargmin", axis=("i", "j")),
    "what is traced": _traced_for,
    "impl": _with_simple_impl,
    "policies": lambda s: [
        s("_src.ad_checkpoint").everything_saveable(None),
        s("_src.ad_checkpoint").nothing_saveable(None),
    ],
    "promoted": lambda s: str(s("_src.dtypes").lattice_result_type(int, float)),
    "types of promotion": lambda s: [
        str(s("_src.dtypes")._jax_type(*s("_src.dtypes")._dtype_and_weaktype(x)))
        for x in (3, float, np.float32(1), s.jnp.asarray(2j), s.jnp.asarray(True))
    ],
    "array types": lambda s: np.int32 in s("extend.core").array_types,
    "const": lambda s: s("_src.lax.lax")._const(np.float32(1), 3),
    "const like weak ones": lambda s: [
        s("_src.lax.lax")._const(like, 1)
        for like in (0, 0.5, 2j, True, s.lax.full((), 2.0), s.lax.full((2,), 2.0))
    ],
    "const like a traced one": lambda s: s.jit(
        lambda x: s("_src.lax.lax")._const(x, 3) * x
    )(2.0),
    "basis": lambda s: s("_src.api")._std_basis((1.0, s.jnp.zeros((2, 2)))),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    assert_same(CALLS[name])


def test_flags():
    """The flags that both know have the same values at the start."""
    program = "import {}; print({{k: str(v) for k, v in {}.config.values.items()}})"
    theirs, ours = (
        ast.literal_eval(
            subprocess.run(
                [sys.executable, "-c", program.format(name, name)],
                capture_output=True, check=True, env={}, text=True,
            ).stdout
        )
        for name in ("jax", "minijax")
    )  # fmt: skip
    shared = theirs.keys() & ours.keys()
    assert len(shared) > 100
    assert {k: ours[k] for k in shared} == {k: theirs[k] for k in shared}


# JAX's helpers of its own tests, as they are installed, on minijax.
HELPERS = """
import minijax.alias
minijax.alias.install()
import numpy as np
from absl.testing import absltest
import jax, jax.numpy as jnp
from jax._src import test_util as jtu
from jax._src import lax_reference
from jax._src.internal_test_util import lax_test_util

assert len(list(lax_test_util.lax_ops())) > 50

class Test(jtu.JaxTestCase):
    @jtu.sample_product(shape=[(), (3,)], dtype=[np.float32, np.int32])
    def test_add(self, shape, dtype):
        rng = jtu.rand_default(self.rng())
        args = lambda: [rng(shape, dtype), rng(shape, dtype)]
        self._CheckAgainstNumpy(np.add, jnp.add, args)
        self._CompileAndCheck(jnp.add, args)

    def test_grads(self):
        jtu.check_grads(lambda x: jnp.sin(x) * x, (0.5,), 2, ["fwd", "rev", "lin"])
        with self.assertRaises(AssertionError):
            wrong = jax.custom_jvp(lambda x: x * x)
            wrong.defjvp(lambda p, t: (p[0] * p[0], t[0]))
            jtu.check_grads(wrong, (0.7,), 1)

    def test_counts(self):
        f, x = jax.jit(lambda x: jax.lax.sin(x)), jnp.ones(7)
        with jtu.count_jit_tracing_cache_miss() as traced:
            f(1.0), f(2.0), f(np.ones(3))
        self.assertEqual(traced(), 2)
        with jtu.count_primitive_compiles() as compiled:
            for _ in range(2):
                jax.lax.neg_p.bind(x)
        self.assertEqual(compiled(), 1)

    @jtu.skip_on_devices("cpu")
    def test_skipped(self):
        self.fail("not for CPUs")

    @jtu.with_explicit_mesh((1,), ("x",))
    def test_mesh(self, mesh):
        self.assertEqual(mesh.shape["x"], 1)

absltest.main(testLoader=jtu.JaxTestLoader())
"""


def test_helpers_of_jax():
    ran = subprocess.run(
        [sys.executable, "-c", HELPERS],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Ran 8 tests" in ran.stderr and "OK (skipped=1)" in ran.stderr


def test_keys_of_a_generator_made_inside():
    """Two threefry keys as one, made with the raw functions of threefry."""

    def found(side):
        prng, fry = side("_src.random.prng"), side("_src.random.threefry2x32")
        jr, jnp, vmap = side.random, side.jnp, side.vmap
        impl = prng.PRNGImpl(
            key_shape=(2, 2),
            seed=lambda s: jnp.stack([fry.threefry_seed(s), fry.threefry_seed(s + 1)]),
            split=lambda k, shape: vmap(fry.threefry_split, (0, None), 1)(k, shape),
            random_bits=lambda k, w, s: fry.threefry_random_bits(k[0], w, s),
            fold_in=lambda k, d: vmap(fry.threefry_fold_in, (0, None))(k, d),
            tag="two",
        )
        key = prng.random_seed(3, impl=impl)
        keys = jr.split(key, 3)
        made = [key, keys, jr.fold_in(keys[1], 5)]
        words = [k._base_array for k in made]
        return [*words, jr.bits(key, (3,), "uint16"), key._impl.key_shape]

    assert_same(found)


@pytest.mark.parametrize("options", [{}, {"old_fval": 5.0, "c2": 0.1}])
def test_line_search(options):
    def found(name):
        side = Side(name)
        jnp = side("numpy")
        x = jnp.array([1.0, 2.0])
        search = side("_src.scipy.optimize.line_search").line_search
        return search(lambda x: jnp.sum(x**2), x, -0.3 * x, **options)

    ours, theirs = found("minijax"), found("jax")
    assert ours._fields == theirs._fields
    for field, value in theirs._asdict().items():
        ours_too = getattr(ours, field)
        np.testing.assert_allclose(ours_too, value, 1e-5, 1e-6, err_msg=field)


def test_asking_for_devices():
    """What test modules do when they are imported: more devices are not to be had."""
    bridge = Side("minijax")("_src.xla_bridge")
    bridge.get_backend.cache_clear()
    assert bridge.num_cpu_devices.value == -1
    update = Side("minijax").jax.config.update
    assert type(raised(lambda: update("jax_num_cpu_devices", 8))) is RuntimeError
    assert bridge.get_backend("cpu") is bridge.get_backend()


COMMAND_LINE = """
import sys
from absl import app, flags
import jax
if "now" in sys.argv:
    jax.config.parse_flags_with_absl()
else:
    jax.config.config_with_absl()
found = [jax.config.jax_enable_x64, jax.config.jax_debug_nans]
flags.DEFINE_integer("n", 3, "")
def main(argv):
    known = [flags.FLAGS[name].value for name in ("n", "jax_enable_x64")]
    print(found, argv[1:], known, jax.config.jax_enable_x64,
          jax.config.jax_numpy_rank_promotion, jax.config.jax_debug_nans)
app.run(main)
"""


@pytest.mark.parametrize(
    "line",
    (
        "now --jax_enable_x64=1 --n=5 -- --jax_debug_nans",
        "--nojax_enable_x64 --jax_debug_nans --jax_numpy_rank_promotion=warn",
        "--jax_numpy_rank_promotion=never",
    ),
)
def test_flags_of_the_command_line(line, tmp_path):
    pytest.importorskip("absl")
    script = tmp_path / "script.py"
    script.write_text(COMMAND_LINE)
    said = []
    for launch in ((), ("-m", "minijax")):
        done = subprocess.run(
            [sys.executable, *launch, script, *line.split()],
            capture_output=True,
            text=True,
            check=False,
        )
        said.append((done.returncode, done.stdout))
    assert said[0] == said[1]


@pytest.mark.parametrize("index", [0, 1])
def test_constants_become_references(index):
    def hoisted(side):
        c = side.jnp.arange(2.0)
        closed = side.make_jaxpr(lambda x, y: (x + c, y * c))(c, c)
        hoist = side("_src.state.utils").hoist_consts_to_refs
        return [str(hoist(closed.jaxpr, index=index))]

    assert_same(hoisted)
