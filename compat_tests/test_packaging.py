"""The source distribution and the wheel work by themselves, outside the checkout.

Slow: two isolated builds. `make package-test` runs it.
"""

import os
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from cbackend import build_ffi

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow

USE = """
import minijax as jax, minijax.numpy as jnp, cbackend, pathlib, sys
package = pathlib.Path(cbackend.__file__).parent
assert package.is_relative_to(sys.prefix), package
assert (package / "include" / "mjx.h").is_file()
print(jax.jit(lambda x: jnp.sum(x @ x))(jnp.ones((3, 3))))
"""


def run(*command, **options) -> subprocess.CompletedProcess[str]:
    """Run a command; its output, both streams as one, is in `stdout`."""
    env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **options.pop("env", {})}
    env.pop("PYTHONPATH", None)
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        **options,
    )


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    """A folder with the source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    # `make build` has compiled it all with optimization, which takes minutes.
    compiler = tmp_path_factory.mktemp("compiler") / "cc"
    command = shlex.join(build_ffi.find_compiler())
    compiler.write_text(f'#!/bin/sh\nexec {command} "$@" -O0\n')
    compiler.chmod(0o755)
    command = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
    done = run(*command, env={"CC": str(compiler)})
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def clean_python(tmp_path_factory) -> Path:
    """The Python of a new virtual environment with nothing in it."""
    venv = tmp_path_factory.mktemp("clean venv")
    assert run(sys.executable, "-m", "venv", venv).returncode == 0
    return venv / "bin" / "python"


def test_wheel_works(packages: Path, clean_python: Path):
    (wheel,) = packages.glob("*.whl")
    done = run(clean_python, "-m", "pip", "install", "--no-compile", wheel)
    assert done.returncode == 0, done.stdout
    done = run(clean_python, "-c", USE, cwd="/")
    assert done.returncode == 0 and done.stdout.strip() == "27.0", done.stdout


def test_sdist_without_a_compiler(packages: Path, clean_python: Path):
    (sdist,) = packages.glob("*.tar.gz")
    command = [clean_python, "-m", "pip", "wheel", "--no-deps", sdist]
    done = run(*command, cwd=packages, env={"CC": "/no/such/compiler"})
    assert done.returncode != 0
    said = [line for line in done.stdout.splitlines() if "minijax: the C comp" in line]
    assert len(said) == 1 and "set CC to an installed C11 compiler" in said[0]
    assert "Traceback" not in done.stdout


def test_sdist_is_whole(packages: Path):
    """Everything under version control that a build or a test reads is in it."""
    (sdist,) = packages.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = run("git", "-C", ROOT, "ls-files")
    if listed.returncode:
        pytest.skip("not a git checkout")
    folders = ("minijax/", "cbackend/", "compat_tests/", "examples/", "docs/", "tools/")
    wanted = {name for name in listed.stdout.split() if name.startswith(folders)}
    assert not wanted - names, sorted(wanted - names)
