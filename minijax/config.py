"""Every flag, in one place: its name, default, and one line of what it does.

A flag has a process-wide value (`update`) and a value for the current thread while a
context manager is open.  Flags that change what tracing produces are part of every
cache key (`trace_key`).
"""

import os
import sys
import threading
import types

from minijax import _callpath

# name -> (default, part of the trace key?, what it does)
_FLAGS = {
    "jax_enable_x64": (False, True, "64-bit types are kept rather than narrowed to 32 bits"),
    "jax_disable_jit": (False, True, "`jit` runs its function op by op"),
    "jax_debug_nans": (False, False, "raise FloatingPointError when an op yields a NaN"),
    "jax_debug_infs": (False, False, "raise FloatingPointError when an op yields an infinity"),
    "jax_numpy_rank_promotion": (
        "allow", True, "'allow', 'warn' or 'raise' when jnp broadcasts unequal ranks"),
    "jax_numpy_dtype_promotion": (
        "standard", True, "'strict' refuses implicit promotion between dtypes"),
    "jax_default_matmul_precision": (None, True, "precision recorded on dot and conv"),
    "jax_default_prng_impl": ("threefry2x32", True, "generator behind `random.key`"),
    "jax_threefry_partitionable": (True, True, "how threefry counts are laid out"),
    "jax_enable_custom_prng": (False, True, "`PRNGKey` makes typed keys"),
    "jax_random_seed_offset": (0, True, "added to every seed"),
    "jax_high_dynamic_range_gumbel": (False, True, "gumbel from two uniforms"),
    "jax_softmax_custom_jvp": (False, True, "softmax differentiates by its own rule"),
    "jax_check_tracer_leaks": (False, False, "report tracers that outlive their trace"),
    "jax_debug_key_reuse": (False, False, "accepted; keys are not tracked"),
    "jax_enable_checks": (False, False, "validate each jaxpr after each pass"),
    "jax_log_compiles": (False, False, "log each function that is traced and compiled"),
    "jax_explain_cache_misses": (False, False, "accepted; nothing is explained"),
    "jax_traceback_filtering": ("auto", False, "'off' keeps the framework's own frames"),
    "jax_platforms": (None, False, "accepted; there is one platform, cpu"),
    "jax_platform_name": ("", False, "accepted; there is one platform, cpu"),
    "jax_default_device": (None, False, "accepted; there is one device"),
    "jax_num_cpu_devices": (-1, False, "accepted; there is one device"),
    "jax_compilation_cache_dir": (None, False, "accepted; nothing slow is compiled"),
    "jax_enable_compilation_cache": (True, False, "accepted"),
    "jax_persistent_cache_min_entry_size_bytes": (0, False, "accepted"),
    "jax_persistent_cache_min_compile_time_secs": (1.0, False, "accepted"),
    "jax_persistent_cache_enable_xla_caches": ("", False, "accepted"),
    "jax_logging_level": (None, False, "accepted"),
    "jax_dump_ir_to": (None, False, "accepted"),
    "jax_dump_ir_modes": ("stablehlo", False, "accepted"),
    "jax_use_shardy_partitioner": (True, False, "accepted; there is one device"),
    "jax_enable_recoverability": (False, False, "accepted; there is one process"),
    "jax_mock_gpu_topology": (None, False, "accepted; there are no GPUs"),
    "jax_transfer_guard": ("allow", False, "accepted; there is one memory"),
    "jax_legacy_prng_key": ("allow", False, "'warn' or 'error' on raw uint32 keys"),
    "jax_no_tracing": (False, False, "raise when a function would be traced"),
    "jax_pprint_use_color": (True, False, "accepted; output is plain"),
    "jax_numpy_rank_promotion_strict": (False, False, "accepted"),
    "jax_remat3": (False, False, "accepted"),
    "jax_pmap_shmap_merge": (True, False, "accepted"),
    "jax_captured_constants_warn_bytes": (2_000_000_000, False, "accepted"),
    "jax_allow_f16_reductions": (False, False, "accepted; f16 sums accumulate in f32"),
    "jax_array_garbage_collection_guard": ("allow", False, "accepted"),
}  # fmt: skip

# While one of these is on, calls are served by Python rather than by the call path in C.
_SLOW_FLAGS = ("jax_disable_jit", "jax_debug_nans", "jax_debug_infs")

_TRACE_FLAGS = tuple(name for name, (_, traced, _) in _FLAGS.items() if traced)


def _from_environment(name, default):
    """A flag's starting value: the environment variable of its name in capitals."""
    text = os.environ.get(name.upper())
    if text is None:
        return default
    if isinstance(default, bool):
        return text.lower() in ("1", "true", "yes", "on", "y", "t")
    if isinstance(default, (int, float)):
        return type(default)(text)
    return text


class _Values(threading.local):
    """Class attributes are the process-wide values, instance attributes one thread's."""

    trace_key = ()


_trace_keys = {}


def _refresh(values):
    """Make the trace key anew after a flag of the process, or of this thread, changed."""
    key = tuple(getattr(values, name) for name in _TRACE_FLAGS)
    # Interned: the call path compares keys by identity.
    values.trace_key = key = _trace_keys.setdefault(key, key)
    slow = any(getattr(values, name) for name in _SLOW_FLAGS)
    _callpath.set_flags(key, values.jax_enable_x64, slow, values is _Values)


def _refresh_thread():
    """`_refresh` for this thread, which may have no flags of its own any more."""
    own = vars(values)
    own.pop("trace_key", None)
    if own:
        _refresh(values)
    else:
        _callpath.set_flags(None, False, False, False)


for _name, (_default, _, _) in _FLAGS.items():
    setattr(_Values, _name, _from_environment(_name, _default))
_refresh(_Values)
values = _Values()


def x64_enabled():
    """Whether 64-bit types are kept, in this thread."""
    return values.jax_enable_x64


def trace_key():
    """The values of all flags that change what a trace produces (hashable)."""
    return values.trace_key


def update(name, value):
    """Set flag `name` for the whole process.  AttributeError if there is none."""
    if name not in _FLAGS:
        raise AttributeError(f"Unrecognized config option: {name}")
    setattr(_Values, name, value)
    _refresh(_Values)
    _refresh_thread()


def read(name):
    """The value of flag `name` in this thread.  AttributeError if there is none."""
    if name not in _FLAGS:
        raise AttributeError(f"Unrecognized config option: {name}")
    return getattr(values, name)


def parse_flags_with_absl():
    """Accepted for programs that use absl; flags here come from the environment."""


def config_with_absl():
    """Accepted for programs that use absl; flags here come from the environment."""


class _ConfigModule(types.ModuleType):
    """This module is also the object `jax.config`: flags are its attributes."""

    def __getattr__(self, name):
        return read(name)

    def __setattr__(self, name, value):
        if name in _FLAGS:
            raise AttributeError(
                f"set flags with config.update({name!r}, ...), not by assignment"
            )
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _ConfigModule


class _Setting:
    """`with flag(value):` holds one flag at a value for this thread; also a decorator."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def __enter__(self):
        own = vars(values)
        self.saved = own.get(self.name, _Setting)
        setattr(values, self.name, self.value)
        _refresh_thread()

    def __exit__(self, *exc):
        if self.saved is _Setting:
            delattr(values, self.name)
        else:
            setattr(values, self.name, self.saved)
        _refresh_thread()
        return False

    def __call__(self, fun):
        def wrapped(*args, **kwargs):
            with _Setting(self.name, self.value):
                return fun(*args, **kwargs)

        wrapped.__name__ = getattr(fun, "__name__", "wrapped")
        wrapped.__wrapped__ = fun
        return wrapped


def context_manager(name, no_argument=None):
    """The context manager of one flag, as `jax.enable_x64`; called with a new value."""

    def setting(new_val=no_argument):
        return _Setting(name, new_val)

    setting.__name__ = name.removeprefix("jax_")
    setting.__doc__ = f"Hold `{name}` at a value: {_FLAGS[name][2]}."
    return setting
