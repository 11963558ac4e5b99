"""The adapters for JAX's private names: what is there, and that it does the same."""

import functools
import inspect

import numpy as np
import pytest
from sides import Side, assert_same, raised

# module of `_src` -> names that JAX's own tests and other libraries import from it
NAMES = {
    "ad_checkpoint": "checkpoint checkpoint_name checkpoint_policies remat remat_p name_p",
    "ad_util": "Zero stop_gradient_p SymbolicZero",
    "api": "jit grad vmap vjp jvp linearize make_jaxpr device_put eval_shape _std_basis",
    "api_util": "SENTINEL debug_info flatten_axes flatten_fun infer_argnums_and_argnames",
    "array": "ArrayImpl Shard",
    "config": "update enable_x64 enable_checks log_compiles parse_flags_with_absl _read",
    "core": "Primitive ShapedArray Tracer Jaxpr Literal DropVar eval_jaxpr check_jaxpr "
    "call_p closed_call_p trace_state_clean typeof jaxpr_as_fun UnexpectedTracerError",
    "debugging": "debug_callback_p debug_print",
    "dispatch": "apply_primitive",
    "dtypes": "canonicalize_dtype float0 result_type issubdtype _weak_types safe_to_cast",
    "interpreters.ad": "Zero primitive_jvps instantiate_zeros",
    "interpreters.batching": "primitive_batchers BatchTracer",
    "interpreters.mlir": "register_lowering lower_fun",
    "interpreters.partial_eval": "dce_jaxpr PartialVal DynamicJaxprTracer",
    "lax.control_flow": "scan while_loop cond while_p scan_p cond_p",
    "lax.lax": "add_p sin_p convert_element_type_p _const PrecisionLike",
    "lax.slicing": "slice gather GatherDimensionNumbers",
    "linear_util": "wrap_init transformation2 WrappedFun merge_linear_aux",
    "mesh": "Mesh AxisType get_abstract_mesh",
    "numpy.util": "promote_dtypes promote_dtypes_inexact check_arraylike",
    "random.prng": "prngs PRNGKeyArray",
    "sharding_impls": "NamedSharding SingleDeviceSharding PartitionSpec",
    "tree_util": "tree_flatten Partial keystr prefix_errors equality_errors",
    "util": "safe_map safe_zip unzip2 unzip3 split_list partition_list merge_lists curry",
    "xla_bridge": "get_backend backends devices",
}


@pytest.mark.parametrize("module", NAMES)
def test_names(module):
    for name in ("jax", "minijax"):
        found = Side(name)(f"_src.{module}")
        missing = [word for word in NAMES[module].split() if not hasattr(found, word)]
        assert not missing, (name, module, missing)


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


CALLS = {
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
    "const": lambda s: s("_src.lax.lax")._const(np.float32(1), 3),
    "basis": lambda s: s("_src.api")._std_basis((1.0, s.jnp.zeros((2, 2)))),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    assert_same(CALLS[name])
