"""Every page: its commands work, its links lead somewhere, and what the code cites of METHODS.md is there."""

from __future__ import annotations

import argparse
import ast
import functools
import itertools
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashprune.cli import main as command_line
from dashprune.cli.check import GROUPS
from dashprune.config import compose, compose_sweep, conf_dir, parse
from dashprune.data.published import manifest
from dashprune.paper import items
from dashprune.runs.checked import check

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted(
    page.relative_to(REPOSITORY)
    for folder in ("", ".github", "conf", "dashprune", "outputs/paper", "outputs/benchmarks")
    for page in (REPOSITORY / folder).glob("**/*.md" if folder else "*.md")
)

ELSEWHERE = {
    r"python3 -m venv .*|source .*|pip install .*": "installs; .ci/run does so afresh",
    r"python -m pytest( -m not slow)?": "runs the tests, which are running now",
    r"ruff .*|mypy": "scripts/check.sh runs them",
    r"python - <<'END'": "tests/data/test_custom.py runs it",
    r"cat outputs/runs/.*": "shows a file that the command before it made",
    r"dashprune run --config-dir own .*": "needs the class that is shown beside it; tests/test_classes.py runs it",
    r"dashprune run --config-dir outputs .*": "needs the file that select writes; tests/cli/test_select.py runs it",
}
"""Commands, as patterns, that are not tried here, and why."""


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.M | re.S)


def commands(page: Path) -> Iterator[tuple[str, ...]]:
    """What a reader of the page would type, as words: lines of bash, each part of `a && b` by itself, no comments."""
    for block in blocks((REPOSITORY / page).read_text(encoding="utf-8"), "bash"):
        lines = re.sub(r"(<<'END').*?^END$", r"\1", block, flags=re.M | re.S).replace("\\\n", " ").splitlines()
        for line in lines:
            words = line.split() if "<<'END'" in line else shlex.split(line, comments=True)
            for joined, part in itertools.groupby(words, key=lambda word: word == "&&"):
                if not joined:
                    program, *others = part
                    yield program.removeprefix(".venv/bin/"), *others


ON_PAGES: dict[tuple[str, ...], list[str]] = {}
for _page in PAGES:
    for _words in commands(_page):
        ON_PAGES.setdefault(_words, []).append(str(_page))
"""Every command, and the pages that have it."""


class Parsed(BaseException):
    """Carries what a subcommand's parser understood past everything that would act on it."""


def understood(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """What the command line makes of these words, without doing it."""

    def stop(original: Callable[..., argparse.Namespace]) -> Callable[..., argparse.Namespace]:
        def parsed(self: argparse.ArgumentParser, *args: Any, **options: Any) -> argparse.Namespace:
            raise Parsed(original(self, *args, **options))

        return parsed

    for name in ("parse_args", "parse_intermixed_args"):
        monkeypatch.setattr(argparse.ArgumentParser, name, stop(getattr(argparse.ArgumentParser, name)))
    with pytest.raises(Parsed) as found:
        assert command_line.main(list(words)) == 0
    namespace = found.value.args[0]
    assert isinstance(namespace, argparse.Namespace)
    return namespace


def compose_and_check(overrides: list[str], sweep: bool) -> None:
    """Each choice of a group that is swept, with the first of all other swept values."""
    if not sweep:
        check_once(tuple(sorted(overrides)))
        return
    if any(word.startswith(("grid=", "hydra")) for word in overrides):
        compose_sweep(overrides)
    words = [word for word in overrides if not word.startswith(("grid=", "hydra"))]
    first = [
        word if not own.is_sweep_override() or (conf_dir() / own.key_or_group).is_dir() else items.expand([word])[0][0]
        for word, own in zip(words, parse(words), strict=True)
    ]
    for run in items.expand(first):
        check_once(tuple(sorted(run)))


@functools.lru_cache
def check_once(overrides: tuple[str, ...]) -> None:
    check(compose(overrides))


def is_elsewhere(words: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, " ".join(words)) for pattern in ELSEWHERE)


TRIED = [words for words in ON_PAGES if not is_elsewhere(words)]


@pytest.mark.parametrize("command", TRIED, ids=" ".join)
def test_a_command_of_a_page_is_one_that_works(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Composed or parsed, not run: what it then does is tested where it is at home."""
    program, *words = command
    if program == "dashprune":
        chosen = understood(tuple(words), monkeypatch)
        judge = JUDGES.get(words[0])
        if judge is not None:
            judge(chosen)
    elif program == "python" and words[:2] == ["-m", "pytest"]:
        assert all((REPOSITORY / word).exists() for word in words if word.startswith("tests/"))
    elif program == "python":
        script = (REPOSITORY / words[0]).read_text(encoding="utf-8")
        assert all(f'"{word}"' in script for word in words if word.startswith("--"))
    else:
        assert os.access(REPOSITORY / program, os.X_OK), f"{ON_PAGES[command]}: {program}? Name it in ELSEWHERE"


def judge_run(chosen: argparse.Namespace) -> None:
    compose_and_check(chosen.overrides, chosen.multirun)


def judge_reproduce(chosen: argparse.Namespace) -> None:
    assert chosen.item in (*items.names(), "all", "mine.yaml")


def judge_data(chosen: argparse.Namespace) -> None:
    assert getattr(chosen, "name", "all") in (*manifest.datasets(), "all")


def judge_check(chosen: argparse.Namespace) -> None:
    assert set(chosen.groups) <= set(GROUPS)


JUDGES: dict[str, Callable[[argparse.Namespace], None]] = {
    "run": judge_run,
    "reproduce": judge_reproduce,
    "data": judge_data,
    "check": judge_check,
}
"""What must hold of a command beyond that its words are understood."""


def test_every_pattern_of_commands_that_are_not_tried_is_needed() -> None:
    texts = [" ".join(words) for words in ON_PAGES]
    assert [pattern for pattern in ELSEWHERE if not any(re.fullmatch(pattern, text) for text in texts)] == []


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@functools.lru_cache
def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), flags=re.M)
    return {slug(heading) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", prose((REPOSITORY / page).read_text(encoding="utf-8")))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_python_and_yaml_on_a_page_can_be_read(page: Path) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    for block in blocks(text, "python"):
        ast.parse(block)
    for block in blocks(text, "yaml"):
        yaml.safe_load(block)


def test_the_example_of_a_new_pruner_is_that_of_the_package() -> None:
    text = (REPOSITORY / "dashprune/pruners/README.md").read_text(encoding="utf-8")
    (code,) = [block for block in blocks(text, "python") if "class " in block]
    (configuration,) = blocks(text, "yaml")
    module = (REPOSITORY / "dashprune/pruners/random.py").read_text(encoding="utf-8")
    assert re.sub(r'    """Scores.*?"""\n\n', "", module, flags=re.S).endswith(code)
    assert configuration == (conf_dir() / "pruner/random.yaml").read_text(encoding="utf-8")


def cited() -> Iterator[tuple[Path, str]]:
    """What code and tests cite of METHODS.md: numbers of sections, and "bug" with a number."""
    for folder in ("dashprune", "tests", "scripts"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            for found in re.finditer(
                r"METHODS(?:\.md,)?((?:[ ,]|and|sections?|\d+(?:\.\d+)?)+)(bug \d+)?", path.read_text()
            ):
                numbers = re.findall(r"\d+(?:\.\d+)?", found[1])
                yield from ((path, number) for number in (*numbers, *([found[2]] if found[2] else [])))


def test_what_the_code_cites_of_the_methods_is_there() -> None:
    text = (REPOSITORY / "dashprune/METHODS.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", text, flags=re.M))
    known = sections | {f"bug {number}" for number in re.findall(r"^\| (\d+) \|", text, flags=re.M)}
    found = list(cited())
    assert len(found) > 20
    assert [(path.name, number) for path, number in found if number not in known] == []


def test_the_page_of_the_house_names_every_room() -> None:
    text = (REPOSITORY / "dashprune/README.md").read_text(encoding="utf-8")
    rooms = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (REPOSITORY / "dashprune").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert sorted(rooms - {"__init__.py", "__main__.py"} - set(re.findall(r"^(\S+)  ", text, flags=re.M))) == []


@pytest.mark.parametrize("group", ["dataset", "model", "pruner", "control", "solver", "protocol", "grid"])
def test_every_choice_is_on_the_page_where_a_reader_looks_for_it(group: str) -> None:
    pages = {"dataset": "dashprune/data/README.md", "pruner": "dashprune/pruners/README.md"}
    text = (REPOSITORY / pages.get(group, "conf/README.md")).read_text(encoding="utf-8")
    names = {path.stem for path in (conf_dir() / group).glob("*.yaml")} - ({"none"} if group == "grid" else set())
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_the_front_page_is_short() -> None:
    """What is longer belongs to the pages behind it."""
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
