"""The documents are true: their code runs, their commands and links exist.

- ```python blocks of one document run in order, in one process, without JAX.
- In ```sh blocks, `make X` must name a target and `python -m minijax X.py` a file.
- Links to files in the repository must lead somewhere.
- A block after the comment `<!-- not run: REASON -->` is left out.
"""

import doctest
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import minijax.numpy as jnp

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

_BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
LANGUAGES = {"python", "sh", "text", "c", "json", "make"}


class Block(NamedTuple):
    """A fenced block: its language, its code, and the line where the code starts."""

    language: str
    code: str
    line: int


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a document that are to be checked."""
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("code")) + 1
        if not match["skip"]:
            found.append(Block(match["language"], match["code"], line))
    return found


def one_program(text: str, language: str = "python") -> str:
    """The document's blocks as one program that keeps the document's line numbers."""
    lines: list[str] = []
    for block in blocks(text):
        if block.language == language:
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.code.splitlines()
    return "\n".join(lines) + "\n" if lines else ""


def make_targets(text: str) -> set[str]:
    """The targets that a Makefile defines."""
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def wrong_commands(text: str, root: Path) -> list[str]:
    """The shell lines of a document that cannot work in this checkout."""
    targets = make_targets((root / "Makefile").read_text())
    wrong = []
    for block in blocks(text):
        lines = block.code.splitlines() if block.language == "sh" else []
        for line in lines:
            words = shlex.split(line, comments=True)
            if words[:1] == ["make"]:
                named = [w for w in words[1:] if "=" not in w and not w.startswith("-")]
                wrong += [line for name in named if name not in targets]
            scripts = [w for w in words if w.endswith(".py") and w.upper() != w]
            wrong += [line for name in scripts if not (root / name).is_file()]
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_python_blocks_run(name: str, tmp_path: Path):
    code = one_program((ROOT / name).read_text())
    if not code:
        return
    script = tmp_path / (Path(name).stem + ".py")
    script.write_text(code)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, f"{name}: {done.stderr}"


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name: str):
    assert not wrong_commands((ROOT / name).read_text(), ROOT)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str):
    path = ROOT / name
    links = _LINK.findall(path.read_text())
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_every_block_says_its_language(name: str):
    text = (ROOT / name).read_text()
    assert text.count("\n```") % 2 == 0, "a fence is left open"
    unknown = [b.line for b in blocks(text) if b.language not in LANGUAGES]
    assert not unknown, f"lines {unknown}: use one of {sorted(LANGUAGES)}"


def environment_variables(paths) -> set[str]:
    """The MINIJAX_ variables that these files name."""
    text = "\n".join(path.read_text() for path in paths)
    return set(re.findall(r"\bMINIJAX_[A-Z0-9_]*[A-Z0-9]\b", text))


def test_environment_variables_are_documented():
    """What the code reads is in the documents, and the other way round."""
    folders = [ROOT / "minijax", ROOT / "cbackend", ROOT / "compat_tests"]
    found = [
        p for f in folders for p in f.rglob("*") if p.suffix in (".py", ".c", ".h")
    ]
    sources = [p for p in found if p.name != "test_docs.py"]
    used, told = environment_variables(sources), environment_variables(DOCUMENTS)
    assert used <= told, f"document these in docs/design.md: {sorted(used - told)}"
    assert told <= used, f"no code reads these: {sorted(told - used)}"


def test_readme_has_its_parts():
    """What a newcomer looks for first."""
    text = (ROOT / "README.md").read_text()
    for needed in ("make demo", "make test", "## Figures", "## Glossary", "LICENSE"):
        assert needed in text


WRONG = """
```sh
make demo
make nonsense
python -m minijax compare examples/no_such_file.py --json r.json
```
<!-- not run: shown only -->
```python
raise SystemExit(3)
```
```python
x = 1
```
"""


def test_the_checks_catch(tmp_path: Path):
    """Planted mistakes are seen, and a block marked as not run is left out."""
    (tmp_path / "Makefile").write_text("demo: build\n\techo\n")
    wrong = wrong_commands(WRONG, tmp_path)
    assert [line.split()[1] for line in wrong] == ["nonsense", "-m"]
    program = one_program(WRONG)
    assert "SystemExit" not in program
    assert program.splitlines()[WRONG.splitlines().index("x = 1")] == "x = 1"


def _documented():
    """The functions of `jax.numpy` that are this library's own, by name."""
    for home in (jnp, jnp.linalg, jnp.fft):
        for name in home.__all__:
            fun = getattr(home, name)
            is_own = callable(fun) and fun.__module__ != "numpy"
            if is_own and not isinstance(fun, type):
                yield name, fun


def test_functions_of_numpy_are_documented():
    """Each says what it takes and gives, and its examples give what they say."""
    runner = doctest.DocTestRunner(verbose=False)
    parse = doctest.DocTestParser().get_doctest
    for name, fun in _documented():
        said = inspect.getdoc(fun)
        missing = [
            part for part in ("Args:", "Returns:", "Examples:") if part not in said
        ]
        assert not missing, f"jnp.{name}: {missing}"
        runner.run(parse(said, {"jnp": jnp}, name, None, 0))
    assert runner.tries > 400
    assert not runner.failures
