"""The wheel has all it needs, and says what it needs from others."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dashprune

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_works_without_a_checkout(tmp_path: Path) -> None:
    """In a virtual environment of its own, which shares the packages it depends on with this one."""
    pip = [sys.executable, "-m", "pip"]
    command = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(REPOSITORY)]
    subprocess.run(command, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("dashprune-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for path in (REPOSITORY / "conf").rglob("*.yaml"):
        assert f"dashprune/conf/{path.relative_to(REPOSITORY / 'conf').as_posix()}" in names
    assert {"dashprune/data/published/manifest.csv", "dashprune/py.typed"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "outputs/", "conf/"))]

    environment = tmp_path / "venv"
    venv.create(environment)
    python = str(environment / "bin" / "python")
    subprocess.run([*pip, "--python", python, "install", "--quiet", "--no-deps", str(wheel)], check=True, cwd=tmp_path)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "shared.pth").write_text(sysconfig.get_path("purelib"))  # whose own .pth, to the checkout, is not read
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def ran(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(site) in ran(python, "-c", "import dashprune; print(dashprune.__file__)")
    assert "pruner/dash.yaml: ok" in ran(str(environment / "bin" / "dashprune"), "check", "pruner")
    assert wheel.name.split("-")[1] == dashprune.__version__
    assert ran(python, "-m", "dashprune", "--version") == f"dashprune {dashprune.__version__}\n"


def test_what_is_imported_is_declared() -> None:
    """What a module imports at its top comes with dashprune itself, anything else at least with an extra."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for name, texts in project["optional-dependencies"].items() if name != "test" for text in texts]
    always, optional = named(project["dependencies"]), named(extras)
    packages, undeclared = packages_distributions(), []
    for path in (REPOSITORY / "dashprune").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            allowed = always if node in tree.body else always | optional
            for package in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"dashprune"}:
                if not {canonicalize_name(name) for name in packages.get(package, ())} & allowed:
                    undeclared.append(f"{path.stem} imports {package}")
    assert undeclared == []


def test_the_versions_of_everything_that_is_installed_are_pinned() -> None:
    """On the Python and the system of this test: all that the tests require, and what that requires in turn."""
    pins = pinned(REPOSITORY / "constraints.txt")
    wanted, free = [("dashprune", "test")], []
    seen = set(wanted)
    while wanted:
        name, extra = wanted.pop()
        for requirement in map(Requirement, distribution(name).requires or ()):
            needed = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            found = (
                {(canonicalize_name(requirement.name), more) for more in (*requirement.extras, "")} if needed else set()
            )
            wanted += found - seen
            seen |= found
    for name in {name for name, _ in seen} - {"dashprune"}:
        if name not in pins and not name.startswith(("cuda-", "nvidia-", "triton")):
            free.append(name)
    assert free == []


def pinned(path: Path) -> dict[str, str]:
    """The releases that constraints.txt pins on this Python and this system."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    found = [
        requirement
        for requirement in map(Requirement, lines)
        if not requirement.marker or requirement.marker.evaluate()
    ]
    assert all(str(requirement.specifier).startswith("==") for requirement in found)
    return {canonicalize_name(requirement.name): str(requirement.specifier)[2:] for requirement in found}


def test_the_changelog_and_the_citation_name_this_version() -> None:
    changelog = (REPOSITORY / ".github" / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    version, _, unreleased = dashprune.__version__.partition(".dev")
    assert ("## Unreleased" in changelog) == bool(unreleased)
    assert (version == released[0]) != bool(unreleased)
    citation = yaml.safe_load((REPOSITORY / ".github" / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == released[0]


def named(requirements: list[str]) -> set[str]:
    """The canonical names in a list of requirements."""
    return {canonicalize_name(Requirement(text).name) for text in requirements}
