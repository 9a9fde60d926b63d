"""Fixtures of the dataset tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dashprune.data import fetch, sim350


@pytest.fixture
def mirror() -> Path:
    """The folder with the published files; skips the test where there is none."""
    folder = fetch.mirror()
    if folder is None:
        pytest.skip("needs the upstream files: set DASHPRUNE_MIRROR to a folder that holds upstream/...")
    return folder


@pytest.fixture
def damaged(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A writable copy of the SIM350 files, which DASHPRUNE_MIRROR points to."""
    for relative in (sim350._GENES, sim350._EDGES, sim350._EQUATIONS, sim350._TEST, *sim350._PRIORS.values()):
        copy = tmp_path / "upstream" / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(mirror / "upstream" / relative, copy)
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path))
    return tmp_path / "upstream"
