"""minijax: a small JAX-compatible framework that runs on a C backend.

`import minijax as jax` and `import minijax.numpy as jnp` stand in for JAX's own;
`python -m minijax SCRIPT` runs a script that says `import jax`.
"""

import gc
import importlib
import sys
from types import ModuleType
from typing import Any

# What modules make stays: to look through it for garbage would take a tenth of the time.
_collects = gc.isenabled()
gc.disable()
try:
    from minijax import config as config
    from minijax import core as core
    from minijax import dispatch as dispatch
    from minijax import lax as lax
    from minijax import numpy as numpy
    from minijax import tree as tree
    from minijax import tree_util as tree_util
    from minijax.alias import JAX_VERSION, missing_attribute
    from minijax.array import Array as Array
    from minijax.control.call import jit as jit
    from minijax.core import typeof as typeof
    from minijax.device import Device as Device
    from minijax.dispatch import clear_caches as clear_caches
    from minijax.dtypes import float0 as float0
finally:
    if _collects:
        if not gc.get_freeze_count():
            gc.freeze()  # into the oldest generation with all of it, unread:
            gc.unfreeze()
        gc.enable()

allow_f16_reductions = config.context_manager("jax_allow_f16_reductions")
array_garbage_collection_guard = config.context_manager(
    "jax_array_garbage_collection_guard"
)
auto_pcast = config.context_manager("jax_auto_pcast")
check_tracer_leaks = config.context_manager("jax_check_tracer_leaks")
checking_leaks = config.context_manager("jax_check_tracer_leaks")
debug_infs = config.context_manager("jax_debug_infs")
debug_key_reuse = config.context_manager("jax_debug_key_reuse")
debug_nans = config.context_manager("jax_debug_nans")
default_device = config.context_manager("jax_default_device")
default_matmul_precision = config.context_manager("jax_default_matmul_precision")
default_prng_impl = config.context_manager("jax_default_prng_impl")
enable_checks = config.context_manager("jax_enable_checks")
enable_custom_prng = config.context_manager("jax_enable_custom_prng")
enable_x64 = config.context_manager("jax_enable_x64")
explain_cache_misses = config.context_manager("jax_explain_cache_misses")
jax2tf_associative_scan_reductions = config.context_manager(
    "jax2tf_associative_scan_reductions"
)
legacy_prng_key = config.context_manager("jax_legacy_prng_key")
log_compiles = config.context_manager("jax_log_compiles")
no_execution = config.context_manager("jax_no_execution")
no_tracing = config.context_manager("jax_no_tracing")
numpy_dtype_promotion = config.context_manager("jax_numpy_dtype_promotion")
numpy_rank_promotion = config.context_manager("jax_numpy_rank_promotion")
remove_size_one_mesh_axis_from_type = config.context_manager(
    "jax_remove_size_one_mesh_axis_from_type"
)
softmax_custom_jvp = config.context_manager("jax_softmax_custom_jvp")
thread_guard = config.context_manager("jax_thread_guard")
threefry_partitionable = config.context_manager("jax_threefry_partitionable")
transfer_guard = config.context_manager("jax_transfer_guard")
transfer_guard_device_to_device = config.context_manager(
    "jax_transfer_guard_device_to_device"
)
transfer_guard_device_to_host = config.context_manager(
    "jax_transfer_guard_device_to_host"
)
transfer_guard_host_to_device = config.context_manager(
    "jax_transfer_guard_host_to_device"
)

__version__ = JAX_VERSION
__version_info__ = tuple(int(part) for part in JAX_VERSION.split("."))

# home -> the names there that are public here (`name=other` where it is called so there),
# each found when it is first asked for, so that starting is quick
_HOMES = {
    "minijax.api.arrays": (
        "block_until_ready copy_to_host_async device_get device_put "
        "effects_barrier live_arrays make_array_from_callback "
        "make_array_from_process_local_data make_array_from_single_device_arrays"
    ),
    "minijax.api.differentiate": (
        "fwd_and_bwd grad jvp linear_transpose linearize value_and_grad vjp"
    ),
    "minijax.api.inspection": (
        "ShapeDtypeStruct eval_shape make_jaxpr"
    ),
    "minijax.api.jacobians": (
        "hessian jacfwd jacobian=jacrev jacrev"
    ),
    "minijax.api.vectorize": (
        "vmap"
    ),
    "minijax.api.shard": (
        "pmap shard_map smap"
    ),
    "minijax.control.callback": (
        "pure_callback"
    ),
    "minijax.control.constraint": (
        "reshard"
    ),
    "minijax.control.custom_jvp": (
        "custom_jvp"
    ),
    "minijax.control.custom_vjp": (
        "closure_convert custom_gradient custom_vjp"
    ),
    "minijax.control.naming": (
        "ensure_compile_time_eval named_call named_scope"
    ),
    "minijax.control.remat": (
        "checkpoint remat=checkpoint"
    ),
    "minijax.control.policies": (
        "checkpoint_policies"
    ),
    "minijax.device": (
        "Shard default_backend device_count devices host_count host_id host_ids "
        "local_device_count local_devices process_count process_index "
        "process_indices"
    ),
    "minijax.environment": (
        "print_environment_info"
    ),
    "minijax.ref": (
        "Ref empty_ref free_ref freeze new_ref"
    ),
    "minijax.mesh": (
        "make_mesh set_mesh"
    ),
    "minijax.numpy.slices": (
        "ds"
    ),
    "minijax.named_sharding": (
        "NamedSharding"
    ),
    "minijax.partition_spec": (
        "P=PartitionSpec"
    ),
}  # fmt: skip

_FOUND_IN = {
    entry.partition("=")[0]: (home, entry.rpartition("=")[2])
    for home, entries in _HOMES.items()
    for entry in entries.split()
}

# Submodules that are imported when they are first asked for, so that starting is quick.
_LAZY = {
    "_src", "ad", "ad_checkpoint", "api_util", "custom_batching", "custom_derivatives", "debug",
    "distributed", "dlpack", "dtypes", "errors", "example_libraries",
    "experimental", "export", "extend", "ffi", "flatten_util", "image", "interop",
    "interpreters", "lib", "memory", "monitoring", "nn", "ops", "pprint", "profiler",
    "random", "ref", "scipy", "sharding", "stages", "test_util", "typing", "util",
    "version",
}  # fmt: skip


_SUBMODULES = {"config", "core", "lax", "numpy", "tree", "tree_util"}
# What is here without being imported by `import jax`, or is no part of it
_NOT_PUBLIC = {
    "Any", "JAX_VERSION", "ModuleType", "ad_checkpoint", "example_libraries", "extend",
    "flatten_util", "interop", "missing_attribute", "pprint", "test_util", "util",
}  # fmt: skip


def make_user_context(default_value: Any = None) -> Any:
    """A value of the user's own that functions are traced anew for when it changes.

    `context(value)` holds it for a `with` block; `context.value`, `context.get_global()`
    and `context.set_global(value)` read and set it.  Values must be hashable.
    """
    name = f"user_context_{len(config.trace_flags())}"
    config.define(name, default_value, "a user's", traced=True, environment=False)
    return config.context_manager(name)


def disable_jit(disable: bool = True) -> Any:
    """Within a `with` block, `jit` runs its function op by op (or not: `disable`)."""
    return config.context_manager("jax_disable_jit")(disable)


def _public_names():
    """What `from jax import *` gives: also what loads only when it is asked for."""
    this = sys.modules[__name__]
    given = {n for n, value in globals().items() if not isinstance(value, ModuleType)}
    found = {*given, *_FOUND_IN, *_LAZY, *_SUBMODULES} - _NOT_PUBLIC
    return sorted(n for n in found if not n.startswith("_") and hasattr(this, n))


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return _public_names()
    if name in _FOUND_IN:
        home, there = _FOUND_IN[name]
        value = globals()[name] = getattr(importlib.import_module(home), there)
        return value
    if name in _LAZY:
        try:
            return importlib.import_module(f"minijax.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"minijax.{name}":
                raise
    raise missing_attribute(__name__, name)


def __dir__():
    return [*globals(), *_FOUND_IN, *_LAZY]
