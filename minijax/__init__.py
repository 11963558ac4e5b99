"""minijax: a small JAX-compatible framework that runs on a C backend.

`import minijax as jax` and `import minijax.numpy as jnp` stand in for JAX's own;
`python -m minijax SCRIPT` runs a script that says `import jax`.
"""

import importlib

from minijax import config as config
from minijax import core as core
from minijax import dispatch as dispatch
from minijax import lax as lax
from minijax import numpy as numpy
from minijax import pprint as pprint
from minijax import tree as tree
from minijax import tree_util as tree_util
from minijax.alias import JAX_VERSION, missing_attribute
from minijax.api.arrays import block_until_ready as block_until_ready
from minijax.api.arrays import copy_to_host_async as copy_to_host_async
from minijax.api.arrays import device_get as device_get
from minijax.api.arrays import device_put as device_put
from minijax.api.arrays import effects_barrier as effects_barrier
from minijax.api.differentiate import fwd_and_bwd as fwd_and_bwd
from minijax.api.differentiate import grad as grad
from minijax.api.differentiate import hessian as hessian
from minijax.api.differentiate import jacfwd as jacfwd
from minijax.api.differentiate import jacrev as jacobian  # noqa: F401
from minijax.api.differentiate import jacrev as jacrev
from minijax.api.differentiate import jvp as jvp
from minijax.api.differentiate import linear_transpose as linear_transpose
from minijax.api.differentiate import linearize as linearize
from minijax.api.differentiate import value_and_grad as value_and_grad
from minijax.api.differentiate import vjp as vjp
from minijax.api.inspection import ShapeDtypeStruct as ShapeDtypeStruct
from minijax.api.inspection import eval_shape as eval_shape
from minijax.api.inspection import make_jaxpr as make_jaxpr
from minijax.api.shard import pmap as pmap
from minijax.api.shard import shard_map as shard_map
from minijax.api.shard import smap as smap
from minijax.api.vectorize import vmap as vmap
from minijax.array import Array as Array
from minijax.control.call import jit as jit
from minijax.control.callback import pure_callback as pure_callback
from minijax.control.constraint import reshard as reshard
from minijax.control.custom import closure_convert as closure_convert
from minijax.control.custom import custom_gradient as custom_gradient
from minijax.control.custom import custom_jvp as custom_jvp
from minijax.control.custom import custom_vjp as custom_vjp
from minijax.control.naming import ensure_compile_time_eval as ensure_compile_time_eval
from minijax.control.naming import named_call as named_call
from minijax.control.naming import named_scope as named_scope
from minijax.control.remat import checkpoint as checkpoint
from minijax.control.remat import checkpoint as remat  # noqa: F401
from minijax.control.remat import checkpoint_policies as checkpoint_policies
from minijax.core import typeof as typeof
from minijax.device import Device as Device
from minijax.device import default_backend as default_backend
from minijax.device import device_count as device_count
from minijax.device import devices as devices
from minijax.device import host_count as host_count
from minijax.device import host_id as host_id
from minijax.device import host_ids as host_ids
from minijax.device import local_device_count as local_device_count
from minijax.device import local_devices as local_devices
from minijax.device import process_count as process_count
from minijax.device import process_index as process_index
from minijax.device import process_indices as process_indices
from minijax.dispatch import clear_caches as clear_caches
from minijax.dtypes import float0 as float0
from minijax.mesh import NamedSharding as NamedSharding
from minijax.mesh import PartitionSpec as P  # noqa: F401
from minijax.mesh import make_mesh as make_mesh
from minijax.mesh import set_mesh as set_mesh

check_tracer_leaks = config.context_manager("jax_check_tracer_leaks", True)
checking_leaks = config.context_manager("jax_check_tracer_leaks", True)
debug_infs = config.context_manager("jax_debug_infs")
debug_key_reuse = config.context_manager("jax_debug_key_reuse")
debug_nans = config.context_manager("jax_debug_nans")
default_device = config.context_manager("jax_default_device")
default_matmul_precision = config.context_manager("jax_default_matmul_precision")
default_prng_impl = config.context_manager("jax_default_prng_impl")
disable_jit = config.context_manager("jax_disable_jit", True)
enable_checks = config.context_manager("jax_enable_checks")
enable_custom_prng = config.context_manager("jax_enable_custom_prng", True)
enable_x64 = config.context_manager("jax_enable_x64", True)
explain_cache_misses = config.context_manager("jax_explain_cache_misses")
legacy_prng_key = config.context_manager("jax_legacy_prng_key")
log_compiles = config.context_manager("jax_log_compiles", True)
no_tracing = config.context_manager("jax_no_tracing", True)
numpy_dtype_promotion = config.context_manager("jax_numpy_dtype_promotion")
numpy_rank_promotion = config.context_manager("jax_numpy_rank_promotion")
softmax_custom_jvp = config.context_manager("jax_softmax_custom_jvp")
threefry_partitionable = config.context_manager("jax_threefry_partitionable")
transfer_guard = config.context_manager("jax_transfer_guard")

__version__ = JAX_VERSION
__version_info__ = tuple(int(part) for part in JAX_VERSION.split("."))

# Submodules that are imported when they are first asked for, so that starting is quick.
_LAZY = {
    "ad_checkpoint", "api_util", "custom_batching", "custom_derivatives", "debug",
    "distributed", "dlpack", "dtypes", "errors", "example_libraries", "experimental", "export",
    "extend", "ffi", "flatten_util", "image", "interop", "interpreters", "monitoring", "nn",
    "ops", "profiler", "random", "ref", "scipy", "sharding", "stages", "test_util",
    "typing", "util", "version",
}  # fmt: skip


def __getattr__(name):
    if name in _LAZY:
        try:
            return importlib.import_module(f"minijax.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"minijax.{name}":
                raise
    raise missing_attribute(__name__, name)
