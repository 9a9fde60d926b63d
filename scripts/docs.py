"""Write pages of the interface from its docstrings; a warning of pdoc or a reference to nothing is an error.

A reference is what stands in single backticks and looks like a name: `Problem`, `effects()`, `Split.times`. It must
lead to something from the module it stands in or from a module of the package, or be made of names of that module's
code, or be a key of the configuration.

    python scripts/docs.py [FOLDER]    (default: outputs/api, which git ignores)
"""

from __future__ import annotations

import ast
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pdoc

import dashprune
from dashprune.config import conf_dir

REFERENCE = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.\w+)*)(?:\(\))?`(?!`)")


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/api")
    modules = [import_module(name) for name in names()]
    broken = references_to_nothing(modules)
    for line in broken:
        print(f"a reference to nothing: {line}", file=sys.stderr)
    pages(folder)
    return 1 if broken else 0


def names() -> list[str]:
    """Every module of the package."""
    found = pkgutil.walk_packages(dashprune.__path__, "dashprune.")
    return ["dashprune", *(module.name for module in found if not module.name.endswith(".__main__"))]


def pages(folder: Path) -> None:
    """Write a page per module; pdoc's warnings are raised."""
    for name in dashprune.__all__:  # which are imported on first use, and pdoc only looks
        setattr(dashprune, name, getattr(dashprune, name))
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "Error parsing type annotation")  # names for mypy only, which checks them
    pdoc.render.configure(docformat="google", show_source=False)
    rooms = [name for name in names() if name.count(".") == 1 and name.rpartition(".")[2] not in dashprune.__all__]
    pdoc.pdoc("dashprune", *rooms, output_directory=folder)  # which brings those of `dashprune.__all__` itself


def references_to_nothing(modules: list[ModuleType]) -> list[str]:
    """A line for each, as FILE: `NAME`."""
    keys = {key for path in conf_dir().rglob("*.yaml") for key in re.findall(r"(\w+):", path.read_text("utf-8"))}
    rooms = {module.__name__.rpartition(".")[2]: module for module in modules}
    everywhere = {name for module in modules for name in vars(module)}
    found = []
    for module in modules:
        path = Path(str(module.__file__))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [node.value for node in ast.walk(tree) if is_text(node)]
        own = set(words(tree, texts))
        for name in (name for text in texts for name in REFERENCE.findall(text.value)):
            parts = name.split(".")
            plain = len(parts) == 1 and name in everywhere | inherited(module)
            if not (plain or set(parts) <= own or set(parts) <= keys or leads(parts, rooms | vars(module))):
                found.append(f"{path}: `{name}`")
    return found


def is_text(node: ast.AST) -> bool:
    """Whether a statement is a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def words(tree: ast.AST, texts: list[ast.Constant]) -> Iterator[str]:
    """The names that code bears, and the words of its strings, docstrings left out."""
    for node in ast.walk(tree):
        for field in ("id", "arg", "attr", "name", "asname", "module"):
            yield from re.findall(r"\w+", str(getattr(node, field, "")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in texts:
            yield from re.findall(r"\w+", node.value)


def leads(parts: list[str], names: dict[str, Any]) -> bool:
    """Whether a dotted name leads from one of the names to something: an attribute, or one that instances have."""
    thing = names.get(parts[0])
    for part in parts[1:]:
        if part in getattr(thing, "__annotations__", {}):
            return True
        thing = getattr(thing, part, None)
    return thing is not None


def inherited(module: ModuleType) -> set[str]:
    """What the classes of a module have, from wherever."""
    return {name for thing in vars(module).values() if isinstance(thing, type) for name in dir(thing)}


if __name__ == "__main__":
    sys.exit(main())
