"""Every flag, in one place: its name, default, and one line of what it does.

A flag has a process-wide value (`update`) and a value for the current thread while a
context manager is open.  Flags that change what tracing produces are part of every
cache key (`trace_key`).
"""

import enum
import importlib
import os
import sys
import threading
import types

from minijax import _callpath, ladder, stats

_ABSENT = object()


class ExplicitX64Mode(enum.IntEnum):
    """What asking for a 64-bit dtype does where such types are off."""

    WARN = 1
    ERROR = 2
    ALLOW = 3

    @classmethod
    def _missing_(cls, value):
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


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
    "jax_debug_key_reuse": (False, False, "raise KeyReuseError when a key is used twice"),
    "jax_enable_checks": (False, False, "validate each jaxpr after each pass"),
    "jax_log_compiles": (False, False, "log each function that is traced and compiled"),
    "jax_explain_cache_misses": (False, False, "log why a function is traced again"),
    "jax_traceback_filtering": ("auto", False, "'off' keeps the framework's own frames"),
    "jax_platforms": (None, False, "accepted; there is one platform, cpu"),
    "jax_platform_name": ("", False, "accepted; there is one platform, cpu"),
    "jax_default_device": (None, False, "accepted; there is one device"),
    "jax_num_cpu_devices": (-1, False, "accepted; there is one device"),
    "jax_compilation_cache_dir": (None, False, "accepted; nothing slow is compiled"),
    "jax_enable_compilation_cache": (True, False, "accepted"),
    "jax_persistent_cache_min_entry_size_bytes": (0, False, "accepted"),
    "jax_persistent_cache_min_compile_time_secs": (1.0, False, "accepted"),
    "jax_persistent_cache_enable_xla_caches": (
        "xla_gpu_per_fusion_autotune_cache_dir", False, "accepted"),
    "jax_logging_level": ("NOTSET", False, "what is logged to the standard error"),
    "jax_debug_log_modules": (
        "", False, "loggers, with commas between, of which all is logged"),
    "jax_dump_ir_to": ("", False, "accepted"),
    "jax_dump_ir_modes": ("stablehlo", False, "accepted"),
    "jax_use_shardy_partitioner": (True, False, "accepted; there is one device"),
    "jax_enable_recoverability": (False, False, "accepted; there is one process"),
    "jax_mock_gpu_topology": ("", False, "accepted; there are no GPUs"),
    "jax_transfer_guard": (None, False, "what becomes of values from the host"),
    "jax_legacy_prng_key": ("allow", True, "'warn' or 'error' on raw uint32 keys"),
    "jax_no_tracing": (False, False, "raise when a function would be traced"),
    "jax_no_execution": (False, False, "raise when a program would be run"),
    "jax_explicit_x64_dtypes": (
        ExplicitX64Mode.WARN, True, "what asking for 64 bits does where they are off"),
    "jax_experimental_unsafe_xla_runtime_errors": (
        False, True, "compiled `checkify.check`s that fail raise an error"),
    "jax_pprint_use_color": (True, False, "accepted; output is plain"),
    "jax_numpy_rank_promotion_strict": (False, False, "accepted"),
    "jax_remat3": (False, False, "accepted"),
    "jax_pmap_shmap_merge": (True, False, "accepted"),
    "jax_captured_constants_warn_bytes": (2_000_000_000, False, "accepted"),
    "jax_allow_f16_reductions": (True, True, "whether sums may be of 16-bit floats"),
    "jax_array_garbage_collection_guard": (None, False, "accepted"),
}  # fmt: skip

# flags of JAX's that change nothing here -> their defaults
_ACCEPTED = {
    "check_vma": False,
    "eager_constant_folding": False,
    "jax2tf_associative_scan_reductions": False,
    "jax2tf_default_native_serialization": True,
    "jax_auto_pcast": True,
    "jax_backend_target": "",
    "jax_bcoo_cusparse_lowering": False,
    "jax_captured_constants_report_frames": 0,
    "jax_check_proxy_envs": True,
    "jax_check_static_indices": False,
    "jax_compilation_cache_check_contents": False,
    "jax_compilation_cache_expect_pgle": False,
    "jax_compilation_cache_include_metadata_in_key": False,
    "jax_compilation_cache_max_size": -1,
    "jax_compiler_detailed_logging_min_ops": 10,
    "jax_compiler_enable_remat_pass": True,
    "jax_cpu_collectives_implementation": "gloo",
    "jax_cpu_enable_async_dispatch": True,
    "jax_cpu_get_global_topology_timeout_minutes": 5,
    "jax_cpu_get_local_topology_timeout_minutes": 2,
    "jax_cross_host_transfer_socket_address": "",
    "jax_cross_host_transfer_timeout_seconds": None,
    "jax_cross_host_transfer_transfer_size": None,
    "jax_cross_host_transport_addresses": "",
    "jax_cuda_visible_devices": "all",
    "jax_custom_vjp3": False,
    "jax_debug_leaked_clients_on_clear_backends": False,
    "jax_disable_bwd_checks": False,
    "jax_disable_most_optimizations": False,
    "jax_disable_vmap_shmap_error": False,
    "jax_disallow_mesh_context_manager": False,
    "jax_distributed_debug": False,
    "jax_embedded_constants_max_bytes": 32,
    "jax_enable_pgle": False,
    "jax_enable_preemption_service": True,
    "jax_exec_time_optimization_effort": 0.0,
    "jax_export_calling_convention_version": 10,
    "jax_export_ignore_forward_compatibility": False,
    "jax_force_dcn_cross_host_transfers": False,
    "jax_hlo_source_file_canonicalization_regex": None,
    "jax_include_debug_info_in_dumps": True,
    "jax_include_full_tracebacks_in_locations": True,
    "jax_log_checkpoint_residuals": False,
    "jax_memory_fitting_effort": 0.0,
    "jax_memory_fitting_level": "O2",
    "jax_mosaic_allow_hlo": False,
    "jax_mutable_array_checks": True,
    "jax_oneapi_visible_devices": "all",
    "jax_optimization_level": "UNKNOWN",
    "jax_pallas_enable_debug_checks": False,
    "jax_pallas_poison_buffers": False,
    "jax_pallas_use_mosaic_gpu": True,
    "jax_pallas_verbose_errors": False,
    "jax_pgle_aggregation_percentile": 90,
    "jax_pgle_profiling_runs": 3,
    "jax_pjrt_client_create_options": None,
    "jax_ragged_dot_use_gpu_pallas_triton_lowering": False,
    "jax_ragged_dot_use_ragged_dot_instruction": True,
    "jax_raise_persistent_cache_errors": False,
    "jax_remove_custom_partitioning_ptr_from_cache_key": False,
    "jax_remove_size_one_mesh_axis_from_type": False,
    "jax_refs_to_pins": False,
    "jax_rocm_visible_devices": "all",
    "jax_scan3": False,
    "jax_send_traceback_to_runtime": "off",
    "jax_serialization_version": 0,
    "jax_share_binary_between_hosts": False,
    "jax_share_binary_between_hosts_timeout_ms": 1200000,
    "jax_sort_devices_by_process_index": True,
    "jax_source_url_schema": None,
    "jax_thread_guard": False,
    "jax_threefry_gpu_kernel_lowering": False,
    "jax_traceback_in_locations_limit": 100,
    "jax_tracer_error_num_traceback_frames": 5,
    "jax_transfer_guard_device_to_device": None,
    "jax_transfer_guard_device_to_host": None,
    "jax_transfer_guard_host_to_device": None,
    "jax_use_direct_linearize": True,
    "jax_use_emit_pipeline_primitive": False,
    "jax_use_magma": "auto",
    "jax_use_simplified_jaxpr_constants": False,
    "jax_xla_backend": "",
    "jax_xla_profile_version": 0,
    "mock_num_gpu_processes": 0,
}
_FLAGS.update({name: (value, False, "accepted") for name, value in _ACCEPTED.items()})

_GUARDS = ("allow", "log", "disallow", "log_explicit", "disallow_explicit")
_PRECISIONS = (
    "default", "high", "highest", "bfloat16", "tensorfloat32", "float32",
    "ANY_F8_ANY_F8_F32", "ANY_F8_ANY_F8_F32_FAST_ACCUM", "ANY_F8_ANY_F8_ANY",
    "ANY_F8_ANY_F8_ANY_FAST_ACCUM", "F16_F16_F16", "F16_F16_F32", "BF16_BF16_BF16",
    "BF16_BF16_F32", "BF16_BF16_F32_X3", "BF16_BF16_F32_X6", "BF16_BF16_F32_X9",
    "TF32_TF32_F32", "TF32_TF32_F32_X3", "F32_F32_F32", "F64_F64_F64",
)  # fmt: skip
_GENERATORS = (
    "threefry2x32", "threefry4x32", "rbg", "unsafe_rbg", "philox2x32", "philox4x32"
)  # fmt: skip
_FILTERINGS = "off", "tracebackhide", "remove_frames", "quiet_remove_frames", "auto"

_LEVELS = ("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_CHOICES = {
    "jax_numpy_rank_promotion": ("allow", "warn", "raise"),
    "jax_numpy_dtype_promotion": ("standard", "strict"),
    "jax_legacy_prng_key": ("allow", "warn", "error"),
    "jax_logging_level": (None, *_LEVELS),
    "jax_default_matmul_precision": (None, *_PRECISIONS),
    "jax_default_prng_impl": _GENERATORS,
    "jax_traceback_filtering": _FILTERINGS,
    "jax_transfer_guard": (None, *_GUARDS),
    "jax_transfer_guard_device_to_device": (None, *_GUARDS),
    "jax_transfer_guard_device_to_host": (None, *_GUARDS),
    "jax_transfer_guard_host_to_device": (None, *_GUARDS),
}

# flag -> (the type of its values, may it be None?), where that is checked
_KINDS = {
    name: (type(default), True)
    for name, (default, *_) in _FLAGS.items()
    if type(default) in (int, float)
}


def _as_choice(name, value):
    """`value` as the flag keeps it.  ValueError where it may not have it."""
    if name == "jax_explicit_x64_dtypes":
        return ExplicitX64Mode(value)
    if type(_FLAGS[name][0]) is bool:
        return bool(value)
    _check_kind(name, value)
    _check_choice(name, value)
    return value


def _check_kind(name, value):
    """ValueError for a value of another type than the flag's; TypeError for a text."""
    kind, optional = _KINDS.get(name, (object, True))
    if isinstance(value, (int, float) if kind is float else kind):
        return
    if value is None and optional:
        return
    word = "string" if kind is str else kind.__name__
    what = f"{'None or ' * optional}of type {kind.__name__}"
    error = ValueError if optional else TypeError
    raise error(
        f"new {word} config value must be {what}, got {value} of type {type(value)}"
        f"{'.' * (kind is str)}"
    )


def _check_choice(name, value):
    """ValueError where a flag has named values and `value` is none of them."""
    choices = _CHOICES.get(name)
    if choices is not None and value not in choices:
        named = [choice for choice in choices if choice is not None]
        none = "None or in" if None in choices else "in"
        raise ValueError(
            f"new enum value must be {none} {named}, got {value} of type {type(value)}."
        )
    if name == "jax_default_device":
        _check_device(value)
    if name == "jax_num_cpu_devices" and value not in (-1, 1):
        raise RuntimeError(
            "jax_num_cpu_devices config should be updated before backends are "
            "initialized; here there is one device from the start"
        )


def _check_device(value):
    if not (value is None or value == "cpu" or hasattr(value, "platform")):
        raise ValueError(
            "jax.default_device must be passed either a Device object (e.g. "
            "`jax.devices('cpu')[0]`) or a platform name string like 'cpu' or 'gpu', "
            f"got: {value!r}"
        )


# While one of these has another value than its default, or results are checked, calls
# are served by Python rather than by the call path in C.
_SLOW_FLAGS = (
    "jax_disable_jit", "jax_debug_nans", "jax_debug_infs", "jax_debug_key_reuse",
    "jax_no_execution", "jax_transfer_guard_host_to_device",
)  # fmt: skip

# flag -> those that are set with it
_LEADS = {
    "jax_transfer_guard": (
        "jax_transfer_guard_device_to_device", "jax_transfer_guard_device_to_host",
        "jax_transfer_guard_host_to_device",
    ),
}  # fmt: skip

# flag -> the function of `logging_config` that it calls
_LOGGING_FLAGS = {
    "jax_logging_level": "set_level",
    "jax_debug_log_modules": "set_debug_modules",
}
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
    """Class attributes are the process-wide values, instance attributes one thread's.

    Also a mapping from the flags' names to their values.
    """

    trace_key = ()

    def __getitem__(self, name):
        if name not in _FLAGS:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self):
        return iter(_FLAGS)

    def __len__(self):
        return len(_FLAGS)

    def __eq__(self, other):
        return self.copy() == (other.copy() if type(other) is _Values else other)

    def keys(self):
        """The names of all flags."""
        return _FLAGS.keys()

    def items(self):
        """Pairs of name and value."""
        return self.copy().items()

    def get(self, name, default=None):
        """The value of a flag, or `default` where there is none of that name."""
        return getattr(self, name) if name in _FLAGS else default

    def copy(self):
        """The values at this time, as a dict."""
        return {name: getattr(self, name) for name in _FLAGS}


_trace_keys = {}


def _refresh(values):
    """Make the trace key anew after a flag of the process, or of this thread, changed."""
    key = tuple(getattr(values, name) for name in _TRACE_FLAGS)
    # Interned: the call path compares keys by identity.
    values.trace_key = key = _trace_keys.setdefault(key, key)
    slow = ladder.CHECK or any(
        getattr(values, name) != _FLAGS[name][0] for name in _SLOW_FLAGS
    )
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
for _name, _led in _LEADS.items():
    for _other in _led:
        if getattr(_Values, _other) is None:
            setattr(_Values, _other, getattr(_Values, _name))
_refresh(_Values)
values = _Values()


stats.warns_of_compiles = lambda: values.jax_log_compiles


def trace_flags():
    """The names of these flags, in the order of `trace_key`."""
    return _TRACE_FLAGS


def trace_key():
    """The values of all flags that change what a trace produces (hashable)."""
    return values.trace_key


def define(
    name, default, doc="", *, traced=False, choices=None, kind=None, environment=True
):
    """Add a flag.

    Args:
        kind: the type of its values, and whether they may be None; any, where None.
        traced: whether the flag changes what tracing produces.
        choices: the values that it may have; any, where None.
        environment: whether the variable of its name in capitals says its first value.

    Exception where the name is taken.
    """
    global _TRACE_FLAGS
    if name in _FLAGS:
        raise Exception(f"Config option {name} already defined")
    value = _from_environment(name, default) if environment else default
    if choices is not None:
        _CHOICES[name] = tuple(choices)
        _check_choice(name, value)
    if kind is not None:
        _KINDS[name] = kind
    _FLAGS[name] = default, traced, doc
    setattr(_Values, name, value)
    if traced:
        _TRACE_FLAGS += (name,)
        _refresh(_Values)
        _refresh_thread()


def update(name, val):
    """Set flag `name` for the whole process.  AttributeError if there is none."""
    if name not in _FLAGS:
        raise AttributeError(f"Unrecognized config option: {name}")
    val = _as_choice(name, val)
    setattr(_Values, name, val)
    for led in _LEADS.get(name, ()):
        setattr(_Values, led, val)
    _refresh(_Values)
    _refresh_thread()
    if name in _LOGGING_FLAGS:
        _set_logging(name)


def _set_logging(name):
    """Let a flag of logging, which has a new value, take effect."""
    module = importlib.import_module("minijax.logging_config")
    getattr(module, _LOGGING_FLAGS[name])(getattr(_Values, name))


for _name in _LOGGING_FLAGS:
    if getattr(_Values, _name) != _FLAGS[_name][0]:
        _set_logging(_name)


def read(name):
    """The value of flag `name` in this thread.  AttributeError if there is none."""
    if name not in _FLAGS:
        raise AttributeError(f"Unrecognized config option: {name}")
    return getattr(values, name)


def flags():
    """Every flag: name -> (its value in this thread, what it may be, what it does);
    it may be anything where the second is empty.
    """
    return {
        name: (getattr(values, name), tuple(_CHOICES.get(name, ())), about)
        for name, (_, _, about) in _FLAGS.items()
    }


def parse_flags_with_absl():
    """Take the flags that the command line gives as `--jax_...`, by absl."""
    importlib.import_module("minijax.absl_flags").parse_flags_with_absl()


def config_with_absl():
    """Make the flags absl's too, which `absl.app.run` reads from the command line."""
    importlib.import_module("minijax.absl_flags").config_with_absl()


class _ConfigModule(types.ModuleType):
    """This module is also the object `jax.config`: flags are its attributes."""

    @property
    def x64_enabled(self):
        """Whether 64-bit types are kept, in this thread."""
        return values.jax_enable_x64

    def __getattr__(self, name):
        if name not in _FLAGS:
            raise AttributeError(f"'Config' object has no attribute '{name}'")
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
        self.names = (name, *_LEADS.get(name, ()))

    def __enter__(self):
        own = vars(values)
        self.saved = [own.get(name, _Setting) for name in self.names]
        for name in self.names:
            setattr(values, name, self.value)
        _refresh_thread()

    def __exit__(self, *exc):
        for name, saved in zip(self.names, self.saved, strict=True):
            if saved is _Setting:
                delattr(values, name)
            else:
                setattr(values, name, saved)
        _refresh_thread()
        return False

    def __call__(self, fun):
        def wrapped(*args, **kwargs):
            with _Setting(self.name, self.value):
                return fun(*args, **kwargs)

        wrapped.__name__ = getattr(fun, "__name__", "wrapped")
        wrapped.__wrapped__ = fun
        return wrapped


class State:
    """One flag as an object: `with state(value):` holds it, `state.value` reads it."""

    def __init__(self, name):
        self._name = name
        self.__name__ = name.removeprefix("jax_")
        self.__doc__ = f"Hold `{name}` at a value: {_FLAGS[name][2]}."

    def __call__(self, new_val=_ABSENT):
        if new_val is _ABSENT:
            if not isinstance(_FLAGS[self._name][0], bool):
                raise TypeError(
                    f"Context manager for {self.__name__} config option requires an "
                    "argument representing the new value for the config option."
                )
            new_val = True
        return _Setting(self._name, _as_choice(self._name, new_val))

    def __bool__(self):
        raise TypeError(
            "bool() not supported for instances of type 'State' (did you mean to use "
            "'State.value' instead?)"
        )

    @property
    def name(self):
        """The flag's name."""
        return self._name

    @property
    def value(self):
        """The value in this thread."""
        return getattr(values, self._name)

    def get_global(self):
        """The process-wide value."""
        return getattr(_Values, self._name)

    def set_global(self, value):
        """Set the process-wide value."""
        update(self._name, value)

    def get_local(self):
        """The value held in this thread, or None."""
        return vars(values).get(self._name)

    def set_local(self, value):
        """Hold the flag at a value in this thread; None lets go of it."""
        if value is None:
            vars(values).pop(self._name, None)
        else:
            setattr(values, self._name, value)
        _refresh_thread()


def context_manager(name):
    """The context manager of one flag, as `jax.enable_x64`; called with a new value."""
    return State(name)
