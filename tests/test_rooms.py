"""The order of the house: a room imports only from rooms above it in this list, and no file imports in a circle."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dashprune"
ROOMS = [
    "errors", "seeds", "escaping", "files", "metrics", "classes", "config",
    "data", "models", "solvers", "evidence", "controls", "pruners", "training", "runs",
    "analysis", "figures", "exports", "reports", "paper", "cli", "__main__",
]  # fmt: skip
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def room_of(module: str) -> int:
    return ROOMS.index(module.partition(".")[0])


def imported(path: Path) -> set[str]:
    """The modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "dashprune":
            module = (node.module or "").partition(".")[2]
            within = {f"{module}.{alias.name}".lstrip(".") for alias in node.names} & MODULES
            found |= within or {module}
    return found & MODULES


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_file_imports_only_from_its_own_room_and_those_above(path: Path) -> None:
    below = {name for name in imported(path) if room_of(name) > room_of(module_of(path))}
    assert not below, f"{module_of(path)} imports {below}, which lie below it"


def test_no_file_imports_in_a_circle() -> None:
    TopologicalSorter({module_of(path): imported(path) for path in FILES}).prepare()


def test_the_training_loop_knows_no_method_by_name() -> None:
    text = "".join((PACKAGE / "training" / name).read_text().lower() for name in ("state.py", "loop.py"))
    methods = [p.stem for p in (PACKAGE / "pruners").glob("*.py") if p.stem not in ("__init__", "base")]
    assert methods
    assert not [name for name in [*methods, "phoenix", "mlp"] if re.search(rf"\b{name}\b", text)]
