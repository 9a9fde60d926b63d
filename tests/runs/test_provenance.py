from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dashprune.runs import provenance


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a commit, in which this package would lie."""
    (tmp_path / "dashprune").mkdir()
    (tmp_path / "dashprune" / "a.py").write_text("one")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    provenance.commit.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def fresh() -> None:
    provenance.commit.cache_clear()


def test_the_commit_is_that_of_the_checkout(checkout: Path) -> None:
    head = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    commit = provenance.commit()
    assert commit is not None
    assert len(commit) >= 10
    assert head.stdout.startswith(commit)
    assert provenance.versions()["commit"] == commit


@pytest.mark.parametrize(("file", "dirty"), [("dashprune/a.py", True), ("dashprune/new.py", True), ("notes", False)])
def test_code_that_was_changed_is_dirty(checkout: Path, file: str, dirty: bool) -> None:
    (checkout / file).write_text("two")
    assert str(provenance.commit()).endswith("-dirty") == dirty


def test_an_installed_package_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    assert provenance.commit() is None
    assert provenance.versions()["commit"] is None


def test_codes_are_named_once_in_the_order_of_the_rows() -> None:
    rows = [{"versions": {"dashprune": "0.2", "commit": commit}} for commit in ("b", "a", "b", None)]
    assert provenance.codes([*rows, {}]) == ["0.2, commit b", "0.2, commit a", "0.2", "unknown"]
