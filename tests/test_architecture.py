"""The arrows of the design: who imports whom, how long files and functions are, and what is loaded when."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pycaffelite.cli.group import COMMANDS, command_line

ROOT = Path(__file__).parent.parent / "pycaffelite"
FILES = sorted(ROOT.rglob("*.py"))

# Lower rows never import higher ones.
ROWS: dict[str, int] = {
    "kernels": 0,
    "schema": 0,
    "errors": 0,
    "names": 0,
    "graph": 1,
    "blob": 2,
    "fillers": 2,
    "data": 3,
    "faces": 3,
    "layers": 4,
    "net": 5,
    "plan": 6,
    "solvers": 7,
    "snapshot": 7,
    "api": 8,
    "report": 8,
    "export": 8,
    "caffe": 8,
    "testing": 8,
    "cli": 9,
    "__main__": 9,
}

# Besides the rows: what a part may not import although it stands lower or beside it.
FORBIDDEN: dict[str, set[str]] = {
    "kernels": {"schema", "errors", "names"},
    "schema": {"kernels", "numpy", "numba"},
    "errors": {"kernels", "schema", "names"},
    "names": {"kernels", "schema", "errors"},
    "graph": {"numpy", "numba", "kernels"},
    "blob": {"schema", "names", "graph", "kernels", "fillers"},
    "fillers": {"graph", "kernels"},
    "layers": {"graph"},
    "net": {"data"},
    "solvers": {"graph", "data"},
    "snapshot": {"graph", "data"},
}

# Parts that know layers only by the registry and the base class, never a concrete one.
BLIND_TO_LAYERS = {"net", "plan", "solvers", "snapshot", "api", "report", "caffe", "cli"}

OUTSIDE_KERNELS_JIT = {"numba", "llvmlite"}

# The design's budgets are guides (files of 300 lines, functions of 40); these are where a guide has been passed so far
# that the code must be cut.
MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 60


def part(module: str) -> str:
    """Return the row's key of a module of the package: "pycaffelite.layers.relu" is of "layers"."""
    return module.split(".")[1] if "." in module else ""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path) for path in FILES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, wherever in the file; a submodule by its own name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module or ""


def registers(module: str) -> bool:
    """Tell whether a module of `layers` holds a class under `@register`."""
    path = ROOT.parent / Path(*module.split(".")).with_suffix(".py")
    decorators = [d for n in ast.walk(tree(path)) if isinstance(n, ast.ClassDef) for d in n.decorator_list]
    return any(isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id == "register" for d in decorators)


@pytest.mark.parametrize("path", FILES, ids=module_name)
class TestArrows:
    def test_rows(self, path: Path) -> None:
        own = part(module_name(path))
        if not own:
            return  # the package itself resolves the public names lazily
        assert own in ROWS, f"{own} has no row: add it to the design's table and to this one"
        for module in imports(path):
            if not module.startswith("pycaffelite."):
                continue
            other = part(module)
            assert ROWS[other] <= ROWS[own], f"{module_name(path)} imports {module} of a higher row"

    def test_forbidden(self, path: Path) -> None:
        own = part(module_name(path))
        for module in imports(path):
            other = part(module) if module.startswith("pycaffelite.") else module.split(".")[0]
            assert other not in FORBIDDEN.get(own, ()), f"{module_name(path)} imports {module}"

    def test_concrete_layers(self, path: Path) -> None:
        own = part(module_name(path))
        for module in imports(path):
            if not module.startswith("pycaffelite.layers.") or module.endswith((".base", ".plugins", ".registry")):
                continue
            assert own not in BLIND_TO_LAYERS, f"{module_name(path)} imports the concrete layer {module}"
            if own == "layers":
                assert not registers(module), f"{module_name(path)} imports {module}, which is no family base"

    def test_numba_is_reached_through_jit(self, path: Path) -> None:
        if module_name(path) == "pycaffelite.kernels._jit":
            return
        allowed = part(module_name(path)) == "kernels"  # intrinsics need Numba's own types
        for module in imports(path):
            assert allowed or module.split(".")[0] not in OUTSIDE_KERNELS_JIT, f"{module_name(path)} imports {module}"

    def test_postponed_annotations(self, path: Path) -> None:
        body = [node for node in tree(path).body if not isinstance(node, ast.Expr)]
        if any(isinstance(node, ast.FunctionDef | ast.AnnAssign) for node in ast.walk(tree(path))):
            first = body[0]
            assert isinstance(first, ast.ImportFrom)
            assert first.module == "__future__"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_budgets(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_FILE_LINES, f"{path} has {lines} lines"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            documentation = len((ast.get_docstring(node) or "").splitlines())
            assert length - documentation <= MOST_FUNCTION_LINES, f"{path}: {node.name} has {length} lines"


HEAVY = {"numpy", "numba", "google.protobuf", "h5py", "lmdb", "PIL", "rich"}


@pytest.mark.parametrize(
    "code",
    [
        "import pycaffelite",
        "import pycaffelite; pycaffelite.PycaffeliteError",
        "import sys, pycaffelite.__main__ as m; sys.argv[1:] = ['--help']\ntry: m.main()\nexcept SystemExit: pass",
        "import sys, pycaffelite.__main__ as m; sys.argv[1:] = ['train', '-h']\ntry: m.main()\nexcept SystemExit: pass",
    ],
)
def test_what_is_loaded_lazily(code: str) -> None:
    code += "\nimport sys; print('LOADED', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    loaded = set(done.stdout.rpartition("LOADED ")[2].split())
    assert not loaded & HEAVY


def test_every_command_says_of_itself_what_the_group_says() -> None:
    for name, sentence in COMMANDS.items():
        command = command_line.get_command(command_line.make_context("pycaffelite", [name]), name)
        assert command is not None
        assert (command.help or "").split("\n\n")[0].replace("\n", " ") == sentence
