"""Fixtures of the dataset tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dashprune.data import sim350
from dashprune.data.published import locate, manifest


@pytest.fixture
def mirror() -> Path:
    """The folder with the published files; skips the test where there is none."""
    folder = locate.mirror()
    if folder is None:
        pytest.skip("needs the upstream files: set DASHPRUNE_MIRROR to a folder that holds upstream/...")
    return folder


@pytest.fixture
def derived(mirror: Path) -> Path:
    """The folder with tables that others derived from the published files; skips the test where there is none."""
    if not (mirror / "derived").is_dir():
        pytest.skip("needs the upstream files and the tables derived from them")
    return mirror / "derived"


@pytest.fixture
def copied(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Copies published files to a mirror where a change goes unnoticed; returns its upstream folder."""

    def copy(*paths: Path) -> Path:
        for path in paths:
            own = tmp_path / path.relative_to(mirror)
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, own)
        monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path))
        monkeypatch.setenv("DASHPRUNE_DATA", str(tmp_path / "cache"))
        monkeypatch.setattr(manifest, "known", lambda relative: None)
        return tmp_path / "upstream"

    return copy


@pytest.fixture
def damaged(copied: Callable[..., Path], mirror: Path) -> Path:
    """A writable copy of the SIM350 files, which DASHPRUNE_MIRROR points to."""
    files = (sim350._GENES, sim350._EDGES, sim350._EQUATIONS, sim350._TEST, *sim350._PRIORS.values())
    return copied(*(mirror / "upstream" / relative for relative in files))
