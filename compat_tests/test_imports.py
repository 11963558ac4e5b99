"""Imports point one way, so that the code can be read in import order.

    core -> ops -> transforms -> control -> numpy, lax, nn, random -> api -> the rest

The test reads the source of every module of `minijax` and `cbackend`; it runs none.
"""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the bottom up. A module may import from its own layer and from those above it in
# this list. The longest matching prefix decides; `=` matches that one module only, `*`
# any ending.
LAYERS = [
    (
        "core",
        "minijax._callpath minijax.core minijax.avals minijax.literals minijax.tracers "
        "minijax.hitypes minijax.flat_tree minijax.parameters "
        "minijax.jaxprs "
        "minijax.effects "
        "minijax.source_info "
        "minijax.dtypes minijax.dtype_lattice minijax.extended_dtypes "
        "minijax.tree_util minijax.static_node minijax._pytree* "
        "minijax.config minijax.absl_flags minijax.leaks "
        "minijax.errors minijax.stats minijax.pprint minijax.trace minijax.check "
        "minijax.monitoring minijax.logging_config minijax.array minijax.device "
        "minijax.partition_spec minijax.mesh minijax.named_sharding minijax.memory "
        "minijax.hlo_sharding minijax.eqn_context "
        "minijax.alias minijax.ladder minijax.traceback_util",
    ),
    ("ops", "minijax.ops minijax.dims"),
    ("transforms", "minijax.transforms"),
    (
        "control",
        "minijax.control minijax.dispatch minijax.executable minijax.compile_options",
    ),
    (
        "namespaces",
        "minijax.numpy minijax.lax minijax.nn minijax.random minijax.scipy minijax.segment "
        "minijax.state "
        "minijax.tree minijax.ad_checkpoint minijax.debug minijax.extend",
    ),
    ("api", "minijax.api minijax.stages minijax.hlo"),
    (
        "entry",
        "=minijax minijax.__main__ minijax.launch minijax.compare minijax.interop "
        "minijax.measure minijax.bench minijax.environment "
        "minijax.sharding minijax.custom_derivatives minijax.custom_batching "
        "minijax.typing minijax.dlpack minijax.image minijax.experimental minijax.util "
        "minijax.ad minijax.api_util minijax.profiler minijax.memory_profile "
        "minijax.distributed minijax.version "
        "minijax.interpreters minijax.export minijax.export_bytes minijax.ref minijax.ffi "
        "minijax.flatten_util minijax.test_util minijax.example_libraries minijax._src "
        "minijax.dims.specs "
        "minijax.lib minijax.scipy.optimize minijax.scipy.sparse minijax.extend.random",
    ),
]

# A module without Python source; everything may use it.
EXTENSION = "minijax._callpath"

# Who may import what lies outside the two packages' own layers.
BACKEND_USERS = ("minijax.executable", "minijax.compare", "minijax.__main__")
ORACLE_USERS = ("minijax.compare", "minijax.bench", "minijax.interop")
BACKEND_MAY_USE = {"core"}

# Function-local imports, each with the reason why it cannot stand at the top.
LOCAL_IMPORTS = {
    "cbackend.build_ffi": "the compiler is checked before cffi is installed",
    "minijax.measure.reading": "its child process on JAX's side loads what it needs",
}


class Import(NamedTuple):
    """One `import` as written: who, what, on which line, inside a function or not."""

    module: str
    target: str
    line: int
    local: bool


def module_files(root: Path) -> dict[str, Path]:
    """Map each module's dotted name to its file."""
    files = {}
    for package in ("minijax", "cbackend"):
        for path in sorted((root / package).rglob("*.py")):
            parts = list(path.relative_to(root).with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            files[".".join(parts)] = path
    return files


def _absolute(module: str, is_package: bool, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    base = module.split(".")
    base = base[: len(base) - node.level + is_package]
    return ".".join(base + ([node.module] if node.module else []))


def _targets(module, is_package, node, known):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = _absolute(module, is_package, node)
    names = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in (*known, EXTENSION) else base for name in names]


def imports_of(module: str, path: Path, known) -> list[Import]:
    """Every import in a file, but those under `if TYPE_CHECKING:`, which never run."""
    found = []

    def walk(node, local):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            for target in _targets(module, path.stem == "__init__", node, known):
                found.append(Import(module, target, node.lineno, local))
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            walk(child, local or inside)

    walk(ast.parse(path.read_text(), str(path)), False)
    return found


def _within(module: str, packages) -> bool:
    return any(module == p or module.startswith(p + ".") for p in packages)


def layer_of(module: str) -> int | None:
    """The index of the module's layer, None if LAYERS does not name it."""
    best, layer = -1, None
    for index, (_, prefixes) in enumerate(LAYERS):
        for prefix in prefixes.split():
            name = prefix.strip("=*")
            if prefix.startswith("="):
                hit = module == name
            elif prefix.endswith("*"):
                hit = module.startswith(name)
            else:
                hit = _within(module, [name])
            if hit and len(name) > best:
                best, layer = len(name), index
    return layer


def violations(imports: list[Import], files) -> list[str]:
    """What is wrong with these imports, one sentence each."""
    said = []
    for module, target, line, local in imports:
        where = f"{module}:{line}"
        top = target.split(".")[0]
        if local and module not in LOCAL_IMPORTS:
            said.append(f"{where}: function-local import of {target}")
        if top in ("jax", "jaxlib") and not _within(module, ORACLE_USERS):
            said.append(f"{where}: only {ORACLE_USERS} may import {target}")
        if module.startswith("minijax"):
            if top == "cbackend" and not _within(module, BACKEND_USERS):
                said.append(f"{where}: only {BACKEND_USERS} may import {target}")
            if target in files and top == "minijax":
                mine, other = layer_of(module), layer_of(target)
                if mine is not None and other is not None and mine < other:
                    names = LAYERS[mine][0], LAYERS[other][0]
                    said.append(f"{where}: {names[0]} imports {target} of {names[1]}")
        elif top == "minijax":
            layer = layer_of(target)
            if layer is None or LAYERS[layer][0] not in BACKEND_MAY_USE:
                said.append(f"{where}: the backend may not import {target}")
    return list(dict.fromkeys(said))


def find_cycle(edges: dict[str, set[str]]) -> list[str]:
    """One import cycle as a list of modules, or an empty list."""
    done, path = set(), []

    def visit(module):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        path.append(module)
        for other in sorted(edges.get(module, ())):
            cycle = visit(other)
            if cycle:
                return cycle
        path.pop()
        done.add(module)
        return []

    for module in sorted(edges):
        cycle = visit(module)
        if cycle:
            return cycle
    return []


FILES = module_files(ROOT)
IMPORTS = [i for name, path in FILES.items() for i in imports_of(name, path, FILES)]


def test_every_module_has_a_layer():
    missing = [m for m in FILES if m.startswith("minijax") and layer_of(m) is None]
    assert not missing, f"say in LAYERS where these belong: {missing}"


def test_every_folder_is_a_package():
    """A folder without `__init__.py` works in a checkout and is left out of the wheel."""
    folders = {path.parent for path in FILES.values()}
    assert not [str(f) for f in folders if not (f / "__init__.py").is_file()]


def test_imports_point_one_way():
    said = violations(IMPORTS, FILES)
    assert not said, "\n" + "\n".join(said)


def test_no_import_cycle():
    edges: dict[str, set[str]] = {}
    for module, target, _, _ in IMPORTS:
        # A submodule's import of its own package's __init__ is how Python starts it.
        if target in FILES and target != module:
            edges.setdefault(module, set()).add(target)
    cycle = find_cycle(edges)
    assert not cycle, " -> ".join(cycle)


@pytest.mark.parametrize(
    ("module", "code", "complaint"),
    [
        ("minijax.core", "from .ops import define", "core imports minijax.ops"),
        ("minijax.ops.dot", "import minijax.api", "ops imports minijax.api"),
        ("minijax.lax", "import cbackend.runtime", "may import cbackend"),
        ("minijax.api", "import jax.numpy", "may import jax.numpy"),
        ("minijax.core", "def f():\n    import os", "function-local import of os"),
        ("cbackend.lower", "from minijax import lax", "may not import minijax.lax"),
    ],
)
def test_the_rules_catch(tmp_path: Path, module: str, code: str, complaint: str):
    """The rules above see a planted wrong import."""
    path = tmp_path / "planted.py"
    path.write_text(code)
    known = {"minijax.core", "minijax.ops", "minijax.ops.define", "minijax.api"}
    known |= {"minijax.lax"}
    said = violations(imports_of(module, path, known), known)
    assert len(said) == 1 and complaint in said[0], said


def test_a_cycle_is_caught():
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_standard_library_names_are_free():
    """A script in cbackend/ or tools/ must not be shadowed by a sibling's name."""
    names = {p.stem for p in (ROOT / "tools").glob("*.py")}
    assert not names & set(sys.stdlib_module_names)
