"""The `jax` alias and the runner of `python -m minijax`.

The finder is tested on a small package that stands in for minijax, so that these tests
say only what the alias and the runner do, whatever minijax itself can do.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = {
    "__init__.py": """
        from . import alias
        __version__ = "9.9"
        def __getattr__(name):
            raise alias.missing_attribute(__name__, name)
        """,
    "numpy/__init__.py": """
        from .. import alias
        def sin(x): return ("sin", x)
        def __getattr__(name):
            raise alias.missing_attribute(__name__, name)
        """,
    "experimental/__init__.py": "",
    "_src/lib/__init__.py": '__version__ = "9.8"',
    "experimental/ode.py": "from ..numpy import sin\ndef odeint(): return sin(1)",
    "broken.py": "import no_such_package_at_all",
}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A folder with a package `minijax` that has the real alias, runner and main."""
    folder = tmp_path_factory.mktemp("stand_in")
    package = folder / "minijax"
    for name, text in STAND_IN.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    for name in ("alias.py", "launch.py", "__main__.py"):
        (package / name).write_text((ROOT / "minijax" / name).read_text())
    return folder


@pytest.fixture
def run(stand_in, tmp_path):
    """Runs `python -m minijax ARGS` on a script with the given text."""

    def run(text, *args, command=("script.py",)):
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(text))
        return subprocess.run(
            [sys.executable, "-m", "minijax", *command, *args],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(stand_in)},
            capture_output=True,
            text=True,
        )

    return run


def output(result):
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize(
    "text",
    [
        "import jax; print(jax.numpy.sin(2))",
        "import jax.numpy as jnp; print(jnp.sin(2))",
        "from jax import numpy as jnp; print(jnp.sin(2))",
        "from jax.numpy import sin; print(sin(2))",
        "import importlib; print(importlib.import_module('jax.numpy').sin(2))",
    ],
)
def test_every_form_of_import_gives_minijax(run, text):
    # In the stand-in, as in JAX, `jax.numpy` is imported with jax.
    result = run("import jax.numpy\n" + text)
    assert output(result) == "('sin', 2)"


def test_submodules_are_the_same_objects_under_both_names(run):
    result = run(
        """
        import sys
        from jax.experimental import ode
        import jax.numpy, jax.experimental.ode
        import minijax.numpy, minijax.experimental.ode
        assert ode is minijax.experimental.ode and jax.numpy is minijax.numpy
        for name in ("", ".numpy", ".experimental", ".experimental.ode"):
            module = sys.modules["jax" + name]
            assert module is sys.modules["minijax" + name], name
            assert module.__name__ == "minijax" + name
            assert module.__spec__.name == "minijax" + name
            assert module.__spec__.parent == module.__package__
        print(ode.odeint())
        """
    )
    assert output(result) == "('sin', 1)"


def test_a_module_that_the_script_imports_gets_the_alias_too(run, tmp_path):
    (tmp_path / "helper.py").write_text("import jax.numpy as jnp\nx = jnp.sin(3)")
    assert output(run("import helper; print(helper.x)")) == "('sin', 3)"


def test_versions(run):
    text = "import jax; print(jax.__version__, jax.__minijax_version__)"
    assert output(run(text)) == "0.10.2 9.9"


def test_the_script_is_main_and_sees_its_own_world(run, tmp_path):
    result = run(
        """
        import os, sys, pickle, __main__
        class Thing: pass
        assert __name__ == "__main__" and __main__.Thing is Thing
        assert type(pickle.loads(pickle.dumps(Thing()))) is Thing
        assert __spec__ is None and __package__ is None
        assert os.path.isabs(__file__) and __file__.endswith("script.py")
        assert sys.path[0] == os.path.realpath(os.path.dirname(__file__)), sys.path
        print(sys.argv)
        """,
        "--runs",
        "-m",
        "7",
    )
    assert output(result) == "['script.py', '--runs', '-m', '7']"


def test_the_world_is_the_one_that_python_itself_gives(run, tmp_path):
    text = """
        import sys
        names = sorted(n for n in globals() if n != "sys")
        print(names, __file__, sys.argv, sys.path[0], __builtins__)
        """
    ours = output(run(text, "a", "b"))
    plain = subprocess.run(
        [sys.executable, "script.py", "a", "b"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ours == plain.stdout.strip()


def test_traceback_is_the_one_that_python_itself_gives(run, tmp_path):
    text = """
        def inner(x):
            return 1 / x
        try:
            inner(0)
        except ZeroDivisionError as error:
            raise ValueError("no good") from error
        """
    ours = run(text)
    plain = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ours.returncode == plain.returncode == 1
    assert ours.stderr == plain.stderr


def test_syntax_error_is_the_one_that_python_itself_gives(run, tmp_path):
    ours = run("x = (1,\n")
    plain = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (ours.returncode, ours.stderr) == (1, plain.stderr)


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("raise SystemExit('good bye')", 1, "good bye\n"),
    ],
)
def test_exit_status(run, text, status, said):
    result = run(text)
    assert (result.returncode, result.stderr) == (status, said)


def test_module_mode(run, tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "__main__.py").write_text(
        "import sys, jax\nfrom . import other\n"
        "print(__name__, __package__, sys.argv[1:])\n"
        "print(jax.__name__, sys.argv[0].endswith('pack/__main__.py'))"
    )
    (tmp_path / "pack" / "other.py").write_text("import jax.numpy")
    result = run("", "x", "--y", command=("-m", "pack"))
    assert output(result) == "__main__ pack ['x', '--y']\nminijax True"


def test_command_mode(run):
    """A program given as text sees what `python -c` shows it."""
    text = (
        "import sys; print(sys.argv, sys.path[0], __name__, __spec__, __loader__)\n"
        "print('__file__' in globals())"
    )
    plain = subprocess.run(
        [sys.executable, "-c", text, "a", "-b"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert output(run("", "a", "-b", command=("-c", text))) == plain.stdout.strip()
    text = "import jax.numpy as jnp; print(jnp.sin(2))"
    assert output(run("", command=("-c", text))) == output(run(text))
    assert "SyntaxError" in run("", command=("-c", "1 +")).stderr


def test_missing_module_is_named(run):
    result = run("import jax.scipy.stats")
    assert result.returncode == 1
    assert result.stderr.endswith(
        "ModuleNotFoundError: minijax does not have the module 'jax.scipy'\n"
    )
    text = """
        try:
            import jax.experimental.source_mapper
        except ImportError as error:
            print(type(error).__name__, error.name)
        """
    assert output(run(text)) == "ModuleNotFoundError jax.experimental.source_mapper"


def test_modules_that_come_with_jax_are_among_the_imported():
    text = "import sys, jax; print([sys.modules.get(f'jax.{n}') is getattr(jax, n) for n in "
    text += "('tree_util', 'lax', 'core', 'tree', 'numpy')])"
    for launch in ((), ("-m", "minijax")):
        command = [sys.executable, *launch, "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert output(done) == str([True] * 5)


def test_types_of_arrays_say_the_modules_of_jax():
    """Libraries tell by the first part of the name which library an array is of."""
    text = """if True:
        import pickle, jax
        from jax.experimental import jet
        roots = []
        def note(x):
            roots.append(type(x).__module__.partition(".")[0])
            return x * x
        note(jax.numpy.ones(2))
        jax.jit(note)(1.0), jax.grad(note)(1.0), jax.vmap(note)(jax.numpy.ones(2))
        jet.jet(note, (1.0,), ((1.0,),))
        kind = type(jax.numpy.ones(2))
        assert pickle.loads(pickle.dumps(kind)) is kind
        print(roots, kind.__module__, jax.Array.__module__)"""
    plain, aliased = (
        output(
            subprocess.run(
                [sys.executable, *launch, "-c", text], capture_output=True, text=True
            )
        )
        for launch in ((), ("-m", "minijax"))
    )
    assert aliased == plain
    text = "import minijax.alias as a; a.install(); a.uninstall(); import minijax as m;"
    text += "print(type(m.numpy.ones(2)).__module__, m.core.Tracer.__module__)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert output(done) == "minijax.array minijax.core"


def test_private_module_is_called_private(run):
    assert "'jax._src.core' is private to JAX" in run("import jax._src.core").stderr


def test_missing_attribute_is_named(run):
    result = run("import jax.numpy as jnp\njnp.cos(1)")
    assert "AttributeError: minijax does not have jax.numpy.cos" in result.stderr
    assert output(run("import jax\nprint(hasattr(jax, 'pmap'))")) == "False"


def test_missing_name_in_from_import_is_named(run):
    result = run("from jax.numpy import cos")
    assert "ImportError: cannot import name 'cos'" in result.stderr
    assert result.stderr.endswith("minijax does not have jax.numpy.cos\n")


def test_an_import_that_fails_inside_minijax_is_not_called_missing(run):
    result = run("import jax.broken")
    assert "No module named 'no_such_package_at_all'" in result.stderr


def test_jaxlib_is_not_the_real_one(run):
    said = run("import jaxlib; print(jaxlib.__name__, jaxlib.__version__)").stdout
    assert said.split() == ["minijax._src.lib", "9.8"]
    missing = run("import jaxlib.mosaic").stderr
    assert missing.endswith("private to JAX; minijax has only JAX's public modules\n")


def test_another_jax_imported_before_is_refused(run):
    result = run(
        """
        import sys, types
        for name in [n for n in sys.modules if n.partition(".")[0] == "jax"]:
            del sys.modules[name]
        sys.modules["jax"] = types.ModuleType("jax")
        from minijax import alias
        alias.install()
        """
    )
    assert "minijax cannot take the name 'jax'" in result.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("nowhere.py",), "minijax: there is no script 'nowhere.py' here"),
        ((".",), "minijax: '.' is a folder; name the script inside it"),
        (("-m",), "minijax: -m needs the name of a module"),
        (("-c",), "minijax: -c needs a program"),
        (("-m", "no.such.module"), "minijax: cannot run module 'no.such.module'"),
        (("--frobnicate",), "minijax: unknown option '--frobnicate'"),
        ((), "usage: python -m minijax SCRIPT"),
    ],
)
def test_wrong_use(run, command, said):
    result = run("", command=command)
    assert result.returncode == 2
    assert result.stderr.startswith(said)
    assert "Traceback" not in result.stderr


def test_help_and_version(run):
    assert "python -m minijax compare SCRIPT" in output(run("", command=("--help",)))
    assert output(run("", command=("--version",))) == "minijax 9.9 (follows JAX 0.10.2)"
