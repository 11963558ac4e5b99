"""Builds the C extensions for `pip`; everything else stands in pyproject.toml."""

import importlib.util
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


def _load_builder():
    """Load cbackend/build_ffi.py by its path: importing `cbackend` needs the result."""
    path = Path(__file__).resolve().parent / "cbackend" / "build_ffi.py"
    spec = importlib.util.spec_from_file_location("minijax_build_ffi", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build_ffi = _load_builder()


class BuildExtensions(build_ext):
    """Hands the extensions to build_ffi: parallel, incremental, clear errors."""

    def build_extension(self, ext: Extension) -> None:
        """Build `ext` at the place where setuptools expects it."""
        try:
            build_ffi.build_extension(ext.name, Path(self.get_ext_fullpath(ext.name)))
        except build_ffi.BuildError as error:
            raise SystemExit(f"minijax: {error}") from None


setup(
    ext_modules=[Extension(name, sources=[]) for name in build_ffi.MODULES],
    cmdclass={"build_ext": BuildExtensions},
)
