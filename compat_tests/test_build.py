"""The C build: incremental by contents, and clear when a tool is missing."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

HEADER = "int mjx_tiny(int x);\n"
SOURCE = '#include "mjx.h"\nint mjx_tiny(int x) { return x + 1; }\n'
OTHER = "int other_unit(void);\nint other_unit(void) { return 0; }\n"
PYTHON = """
#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_callpath"};
PyMODINIT_FUNC PyInit__callpath(void) { return PyModule_Create(&definition); }
"""
TEST = '#include "mjx.h"\nint main(void) { return mjx_tiny(2) != 3; }\n'


@pytest.fixture
def tiny(tmp_path: Path):
    """The builder in a small source tree, in a folder whose name has a space."""
    root = tmp_path / "a path"
    for folder in ("include", "src", "kernels", "callpath", "ctests"):
        (root / "cbackend" / folder).mkdir(parents=True)
    backend = root / "cbackend"
    (backend / "__init__.py").touch()
    (backend / "cdef.txt").write_text(HEADER)
    (backend / "include" / "mjx.h").write_text(HEADER)
    (backend / "src" / "tiny.c").write_text(SOURCE)
    (backend / "kernels" / "other.c").write_text(OTHER)
    (backend / "callpath" / "module.c").write_text(PYTHON)
    (backend / "ctests" / "test_tiny.c").write_text(TEST)
    copy = backend / "build_ffi.py"
    shutil.copy(ROOT / "cbackend" / "build_ffi.py", copy)
    spec = importlib.util.spec_from_file_location("tiny_build_ffi", copy)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiled(capfd) -> int:
    """How many files the last build compiled, by its own words."""
    return sum(int(n) for n in re.findall(r"compiled (\d+)", capfd.readouterr().out))


def value(module) -> str:
    """What the built extension computes, in a fresh process."""
    code = "import cbackend._mjx as m; print(m.lib.mjx_tiny(4))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=module.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_incremental(tiny, capfd):
    target = tiny.in_place_target(tiny.RUNTIME)
    tiny.build_extension(tiny.RUNTIME, target)
    assert compiled(capfd) == 3  # two units and cffi's wrapper
    assert value(tiny) == "5"

    made = target.stat().st_mtime_ns
    (tiny.ROOT / "cbackend/src/tiny.c").touch()  # other time, same contents
    tiny.build_extension(tiny.RUNTIME, target)
    assert compiled(capfd) == 0 and target.stat().st_mtime_ns == made

    (tiny.ROOT / "cbackend/src/tiny.c").write_text(SOURCE.replace("+ 1", "+ 7"))
    tiny.build_extension(tiny.RUNTIME, target)
    assert compiled(capfd) == 1 and value(tiny) == "11"

    header = tiny.ROOT / "cbackend/include/mjx.h"
    header.write_text(HEADER + "/* other contents */\n")
    tiny.build_extension(tiny.RUNTIME, target)
    assert compiled(capfd) == 2  # those that include it

    (tiny.ROOT / "cbackend/kernels/other.c").unlink()
    tiny.build_extension(tiny.RUNTIME, target)
    assert compiled(capfd) == 0 and value(tiny) == "11"


def test_the_command_builds_both(tiny, capfd):
    assert tiny.main([]) == 0
    assert compiled(capfd) == 4
    for module in tiny.MODULES:
        assert tiny.in_place_target(module).is_file()
    code = "import minijax._callpath as m; print(m.__name__)"
    (tiny.ROOT / "minijax" / "__init__.py").touch()
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tiny.ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "minijax._callpath", done.stderr

    module = tiny.ROOT / "cbackend/callpath/module.c"
    module.write_text(
        PYTHON + "int mjx_more(void);\nint mjx_more(void) { return 1; }\n"
    )
    assert tiny.main([]) == 0
    assert compiled(capfd) == 1


def test_failed_compile_is_retried(tiny, capfd):
    source = tiny.ROOT / "cbackend/src/tiny.c"
    target = tiny.in_place_target(tiny.RUNTIME)
    source.write_text(SOURCE.replace("x + 1", "y"))
    for _ in range(2):
        with pytest.raises(tiny.BuildError, match=r"compiling cbackend/src/tiny\.c"):
            tiny.build_extension(tiny.RUNTIME, target)
    source.write_text(SOURCE)
    tiny.build_extension(tiny.RUNTIME, target)
    assert value(tiny) == "5"


def test_drift_of_cdef_from_header_is_an_error(tiny):
    target = tiny.in_place_target(tiny.RUNTIME)
    (tiny.ROOT / "cbackend/cdef.txt").write_text("void mjx_tiny(double x, int y);\n")
    with pytest.raises(tiny.BuildError, match="_mjx"):
        tiny.build_extension(tiny.RUNTIME, target)


def test_undefined_symbol_is_an_error(tiny):
    source = tiny.ROOT / "cbackend/src/tiny.c"
    target = tiny.in_place_target(tiny.RUNTIME)
    source.write_text(SOURCE.replace("x + 1", "mjx_tiny2(x)"))
    header = tiny.ROOT / "cbackend/include/mjx.h"
    header.write_text(HEADER + "int mjx_tiny2(int x);\n")
    with pytest.raises(tiny.BuildError, match="undefined symbol: mjx_tiny2"):
        tiny.build_extension(tiny.RUNTIME, target)
    assert not target.exists()


def test_ctests(tiny, capfd):
    assert tiny.run_ctests("release") == 0
    test = tiny.ROOT / "cbackend/ctests/test_tiny.c"
    test.write_text(TEST.replace("!= 3", "!= 4"))
    assert tiny.run_ctests("release") == 1
    assert "FAILED (exit status 1)" in capfd.readouterr().out


def test_missing_compiler_is_one_sentence(tiny, monkeypatch, capfd):
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert tiny.main([]) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "set CC to an installed C11 compiler" in said

    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", str(tiny.ROOT))
    assert tiny.main([]) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "no C compiler was found" in said


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    header = (ROOT / "cbackend/include/mjx.h").read_text()
    found = re.search(r'MJX_VERSION_STRING "([^"]+)"', header)
    assert found is not None and found[1] == project["version"]
    assert project["version"] in (ROOT / "CHANGELOG.md").read_text()
