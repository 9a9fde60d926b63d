"""The order of the house: a file imports only from files above it in this list."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dashprune"
ORDER = [
    "errors", "seeds", "config", "metrics", "models.parametrizations",
    "data.problem", "data.manifest", "data.fetch", "data.download", "data.tables", "data.simulator",
    "data.files", "data.expression", "data.networks", "data.*",
    "models.base", "models.phoenix", "models.*", "solvers.etdrk4", "pruners.evidence",
    "pruners.base", "pruners.paths", "pruners.scheduled", "pruners.dash", "pruners.edges", "pruners.*",
    "controls.base", "controls.*",
    "solvers.base", "settings",
    "batches", "training", "compact", "ensemble", "fit",
    "checkpoints", "progress", "results", "locks", "scoring", "experiment", "tables", "consensus",
    "comparisons", "selection", "pathways", "figures", "pictures",
    "sweeps", "reproduction", "panels", "paper",
    "cli.main", "cli.*",
]  # fmt: skip
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def rank(module: str) -> int:
    if module in ORDER:
        return ORDER.index(module)
    return ORDER.index(f"{module.rpartition('.')[0]}.*")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "dashprune":
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dashprune."):
            found.add((node.module or "").removeprefix("dashprune."))
    return {name for name in found if (PACKAGE / f"{name.replace('.', '/')}.py").exists()}


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_file_imports_only_from_above(path: Path) -> None:
    below = {name for name in imported(path) if rank(name) >= rank(module_of(path))}
    assert not below, f"{module_of(path)} imports {below}, which lie below it or beside it"


def test_nothing_in_the_list_is_gone() -> None:
    modules = {module_of(path) for path in FILES}
    for name in ORDER:
        assert name in modules or any(m.startswith(name.removesuffix("*")) for m in modules), name


def test_the_training_loop_knows_no_method_by_name() -> None:
    text = "".join((PACKAGE / name).read_text().lower() for name in ("training.py", "fit.py"))
    methods = [p.stem for p in (PACKAGE / "pruners").glob("*.py") if p.stem not in ("__init__", "base")]
    assert methods
    assert not [name for name in [*methods, "phoenix", "mlp"] if re.search(rf"\b{name}\b", text)]
