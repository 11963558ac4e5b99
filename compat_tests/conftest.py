"""What every test needs before it starts: the oracle's platform, Hypothesis, the build.

`MINIJAX_TEST_EXTENSION` names a folder with another build of the C extensions, which
the tests then use in place of those in the checkout: `make sanitize` sets it.
"""

import gc
import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before the first `import jax`: no search for accelerators, no cache from elsewhere.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# The oracle's programs run once or twice each: quick to compile is what counts. Where the
# last bits do, tests ask oracle.py; `XLA_FLAGS=` gives the defaults everywhere.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    " --xla_cpu_parallel_codegen_split_count=1",
)
# A failing test shows every frame; test_errors.py turns the filter on.
os.environ.setdefault("JAX_TRACEBACK_FILTERING", "off")
os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)

ROOT = Path(__file__).resolve().parent.parent

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
# The first call of an op compiles on JAX's side, so one example's time means nothing.
settings.register_profile("dev", deadline=None, suppress_health_check=_QUIET)
# CI draws the same examples each time; open-ended search is the `fuzz` tests' part.
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=_QUIET
)
settings.register_profile("fuzz", deadline=None, max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev")
)


def _use_extension(folder: Path, name: str) -> None:
    """Make the extension `name` built in `folder` the one of this process."""
    pattern = name.replace(".", "/") + ".*.so"
    found = sorted(folder.glob(pattern))
    if not found:
        raise pytest.UsageError(f"MINIJAX_TEST_EXTENSION: no {pattern} in {folder}")
    spec = importlib.util.spec_from_file_location(name, found[0])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[name] = module


if os.environ.get("MINIJAX_TEST_EXTENSION"):
    for _name in ("cbackend._mjx", "minijax._callpath"):
        _use_extension(ROOT / os.environ["MINIJAX_TEST_EXTENSION"], _name)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item):
    """Put back the settings of a parametrized test.

    Hypothesis's plugin lays new settings over the last ones at each parameter. After a
    thousand, looking through them is a RecursionError wherever examples are not kept.
    """
    name = "_hypothesis_internal_use_settings"
    function = getattr(item, "obj", None)
    function = getattr(function, "__func__", function)
    settings_before = getattr(function, name, None)
    try:
        return (yield)
    finally:
        if settings_before is not None:
            setattr(function, name, settings_before)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Native code is kept for these tests only, not where the user's is."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.getbasetemp() / "native"
        patch.setenv("MINIJAX_CACHE_DIR", str(folder))
        yield


@pytest.fixture
def young_heap():
    """Let what walks all objects, as leak checks do, meet only those of this test."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
