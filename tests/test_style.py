"""Functions that fit a screen, and nothing written twice."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "dashprune"
LONGEST = 40
"""Lines of a function, its docstring included."""
ALIKE = 10
"""Equal lines, one after the other, that are a copy; empty lines and imports do not count."""


def test_no_function_is_longer_than_a_screen() -> None:
    long = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST:
                    long.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name} has {lines} lines")
    assert long == []


def test_nothing_is_written_twice() -> None:
    files = {path.relative_to(PACKAGE): counted(path) for path in sorted(PACKAGE.rglob("*.py"))}
    assert copies(files) == []


def test_a_copy_is_found() -> None:
    lines = [(number, f"line {number}") for number in range(1, 16)]
    again = [(number + 100, text) for number, text in lines[2:13]]
    assert copies({Path("a.py"): lines, Path("b.py"): again}) == ["a.py:3 and b.py:103 share 11 lines"]
    assert copies({Path("a.py"): lines, Path("b.py"): again[:9]}) == []
    assert copies({Path("a.py"): lines + again}) == ["a.py:3 and a.py:103 share 11 lines"]


def counted(path: Path) -> list[tuple[int, str]]:
    """The lines that count, stripped, each with its number."""
    text = path.read_text(encoding="utf-8")
    imports = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate((line.strip() for line in text.splitlines()), start=1)
    return [(number, line) for number, line in lines if line and number not in imports]


def copies(files: dict[Path, list[tuple[int, str]]]) -> list[str]:
    """Pairs of places that share at least `ALIKE` lines, each as long as it goes."""
    places = defaultdict(list)
    for path, lines in files.items():
        for start in range(len(lines) - ALIKE + 1):
            places[tuple(text for _, text in lines[start : start + ALIKE])].append((path, start))
    found = []
    for path, at, other, there in pairs(places):
        first, second = files[path], files[other]
        if at and there and first[at - 1][1] == second[there - 1][1]:
            continue  # the pair that begins a line earlier holds this one
        length = ALIKE
        while length < min(len(first) - at, len(second) - there) and first[at + length][1] == second[there + length][1]:
            length += 1
        found.append(f"{path}:{first[at][0]} and {other}:{second[there][0]} share {length} lines")
    return sorted(found)


def pairs(places: dict[tuple[str, ...], list[tuple[Path, int]]]) -> Iterator[tuple[Path, int, Path, int]]:
    """Every two places with the same lines."""
    for same in places.values():
        for number, (path, at) in enumerate(same):
            for other, there in same[number + 1 :]:
                yield path, at, other, there
