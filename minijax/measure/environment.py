"""What a measured process ran on and with. Loaded by its path, like `probe.py`.

Called after the script has ended, so that nothing it imports weighs on a figure.
"""

import os
import platform
import sys
from importlib import import_module, metadata
from typing import Any

# Variables that choose kernels, threads, precision or allocation. No others are read:
# an environment may hold secrets, and a report is meant to be shown around.
PREFIXES = (
    "BLIS_",
    "GOTO_",
    "JAX_",
    "LD_PRELOAD",
    "MALLOC_",
    "MINIJAX_",
    "MKL_",
    "NPROC",
    "NUMEXPR_",
    "OMP_",
    "OPENBLAS_",
    "PYTHONHASHSEED",
    "PYTHONMALLOC",
    "PYTHONOPTIMIZE",
    "TF_XLA",
    "VECLIB_",
    "XLA_",
)
PACKAGES = ("jax", "jaxlib", "minijax", "numpy", "ml_dtypes", "scipy", "torch")
VECTOR_FLAGS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512dq",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "asimd",
    "sve",
)


def collect(jax: Any, side: str) -> dict[str, Any]:
    """Versions, flags, threads, CPU and variables of this process, as plain data."""
    affinity = getattr(os, "sched_getaffinity", None)
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions(jax, side),
        "cpu": cpu(),
        "cpus_usable": len(affinity(0)) if affinity else os.cpu_count(),
        "load_average": list(os.getloadavg()),
        "os_threads": _status_number("Threads"),
        "steal": steal(),
        "blas": blas_libraries(),
        "variables": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(PREFIXES)
        },
        "config": jax_config(jax),
        "devices": [str(device) for device in getattr(jax, "devices", list)()],
    }
    stats = sys.modules.get("minijax.stats")
    if stats is not None:
        found["minijax"] = stats.environment()
        found["counters"] = stats.snapshot()["counters"]
    return found


def versions(jax: Any, side: str) -> dict[str, str]:
    """Versions of the packages that this process has imported."""
    result = {}
    for name in PACKAGES:
        if name not in sys.modules or (side == "minijax" and name == "jax"):
            continue
        try:
            result[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            result[name] = str(getattr(sys.modules[name], "__version__", "unknown"))
    if side == "minijax":
        result["follows JAX"] = str(getattr(jax, "__version__", "unknown"))
    return result


def cpu() -> dict[str, Any]:
    """Model name, vector instruction sets and clock of the first CPU."""
    fields: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                name, colon, value = line.partition(":")
                if not colon:
                    break
                fields[name.strip()] = value.strip()
    except OSError:
        pass
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "model": fields.get("model name") or platform.processor() or "unknown",
        "architecture": platform.machine(),
        "vector": [flag for flag in VECTOR_FLAGS if flag in flags],
        "mhz": fields.get("cpu MHz"),
        "count": os.cpu_count(),
    }


def compute_threads(found: dict[str, Any]) -> int | None:
    """How many threads a side computes with, as far as its settings tell."""
    own = found.get("minijax", {}).get("threads")
    if own is not None:
        return int(own)
    if "jax" not in found["versions"]:
        return None
    variables = found["variables"]
    flags = variables.get("XLA_FLAGS", "")
    if "xla_cpu_multi_thread_eigen=false" in flags or (
        "intra_op_parallelism_threads=1" in flags
    ):
        return 1
    number = variables.get("NPROC", "")
    return int(number) if number.isdecimal() else int(found["cpus_usable"])


def thread_warnings(environments: dict[str, dict[str, Any]]) -> list[str]:
    """Warnings about the machine, and about sides that compute with unlike threads."""
    found = []
    threads = {name: compute_threads(e) for name, e in environments.items()}
    known = {name: n for name, n in threads.items() if n is not None}
    if len(set(known.values())) > 1:
        text = ", ".join(f"{n} on {name}" for name, n in known.items())
        found.append(f"the sides compute with unlike numbers of threads: {text}")
    every = list(environments.values())
    load = max((e["load_average"][0] for e in every), default=0.0)
    if every and load > every[0]["cpus_usable"] + 1:
        found.append(f"the machine's load is {load:.1f}: other work is running")
    for e in every[:1]:
        pinned = e["variables"].get("OPENBLAS_CORETYPE")
        if pinned:
            found.append(
                f"OPENBLAS_CORETYPE={pinned} is set: numpy's BLAS uses those kernels, "
                "whatever the CPU could do"
            )
        if e.get("steal", 0.0) > 0.02:
            found.append(f"{e['steal']:.0%} of the CPU time went to other machines")
    return found


def steal() -> float:
    """The share of CPU time since the start that a hypervisor gave to others."""
    try:
        with open("/proc/stat") as file:
            numbers = [int(x) for x in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return 0.0
    return numbers[7] / max(1, sum(numbers)) if len(numbers) == 8 else 0.0


def jax_config(jax: Any) -> dict[str, str]:
    """The settings that change what is computed, or how precisely."""
    config = getattr(jax, "config", None)
    names = (
        "jax_enable_x64",
        "jax_default_matmul_precision",
        "jax_default_prng_impl",
        "jax_numpy_dtype_promotion",
        "jax_disable_jit",
        "jax_compilation_cache_dir",
    )
    missing = object()
    values = {name: getattr(config, name, missing) for name in names}
    return {name: str(v) for name, v in values.items() if v is not missing}


def blas_libraries() -> list[dict[str, Any]]:
    """The BLAS libraries that are loaded: kernels chosen, threads. Empty if unknown."""
    try:
        threadpool_info = import_module("threadpoolctl").threadpool_info
    except ImportError:
        return []
    kept = ("internal_api", "prefix", "version", "architecture", "num_threads")
    found = [{name: info.get(name) for name in kept} for info in threadpool_info()]
    return [info for info in found if info["internal_api"] != "openmp"]


def peak_resident_bytes() -> int:
    """Highest resident set of this process so far; 0 where the system won't say.

    VmHWM, not getrusage: the latter remembers the process that started this one.
    """
    return _status_number("VmHWM") * 1024


def resident_bytes() -> int:
    """Resident set of this process now; 0 where the system won't say."""
    return _status_number("VmRSS") * 1024


def _status_number(name: str) -> int:
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0
