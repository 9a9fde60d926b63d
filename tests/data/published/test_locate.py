from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from dashprune.data.published import locate, manifest
from dashprune.data.published.manifest import Entry
from dashprune.errors import DashpruneError

CONTENT = b"a,b\n1,2\n"


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Entry:
    """The only file of the manifest, with an empty mirror and an empty cache."""
    blob = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    only = replace(manifest.entries()[0], repository="o/r", path="a/b.csv", blob=blob, dataset="yeast", without="all")
    monkeypatch.setattr(manifest, "entries", lambda: (only,))
    monkeypatch.setenv("DASHPRUNE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return only


def put(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "upstream/o+r/a/b.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# --- the mirror ------------------------------------------------------------------------------------------------------


def test_mirror_is_the_named_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path))
    assert locate.mirror() == tmp_path


def test_mirror_must_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path / "absent"))
    with pytest.raises(DashpruneError, match=r"DASHPRUNE_MIRROR is '.*absent', which is not a folder"):
        locate.mirror()


def test_mirror_beside_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared/data").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    monkeypatch.delenv("DASHPRUNE_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path / "work")
    assert locate.mirror() == tmp_path / "shared/data"


def test_mirror_beside_the_checkout_or_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHPRUNE_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locate, "__file__", str(tmp_path / "checkout/dashprune/data/published/locate.py"))
    (tmp_path / "checkout").mkdir()
    assert locate.mirror() is None
    (tmp_path / "shared/data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "checkout/..")
    assert locate.mirror() == tmp_path / "shared/data"


# --- the cache -------------------------------------------------------------------------------------------------------


def test_cache_is_the_named_folder_or_the_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPRUNE_DATA", str(tmp_path))
    assert locate.cache() == tmp_path
    monkeypatch.delenv("DASHPRUNE_DATA")
    assert locate.cache().name == "dashprune"
    assert locate.cache().is_absolute()


# --- upstream_file ---------------------------------------------------------------------------------------------------


def test_the_mirror_comes_before_the_cache(entry: Entry, tmp_path: Path) -> None:
    in_cache = put(tmp_path / "cache")
    assert locate.upstream_file(entry.relative) == in_cache == locate.cached(entry)
    in_mirror = put(tmp_path / "mirror")
    assert locate.upstream_file(entry.relative) == in_mirror


def test_a_missing_file_is_named_with_the_way_out(entry: Entry) -> None:
    with pytest.raises(DashpruneError) as error:
        locate.upstream_file(entry.relative)
    assert str(error.value) == (
        "o+r/a/b.csv is missing; run 'dashprune data fetch yeast' or set DASHPRUNE_MIRROR to a folder that holds "
        "upstream/o+r/a/b.csv; it is needed for all"
    )
    with pytest.raises(DashpruneError, match=r"^x/y is missing; set DASHPRUNE_MIRROR to a folder that holds upstr.*y$"):
        locate.upstream_file("x/y")


@pytest.mark.parametrize("folder", ["mirror", "cache"])
def test_a_tampered_file_is_refused(entry: Entry, folder: str, tmp_path: Path) -> None:
    """Also if it was in order when it was read before, and has the same size."""
    path = put(tmp_path / folder)
    locate.upstream_file(entry.relative)
    path.write_bytes(CONTENT.replace(b"1", b"7"))
    with pytest.raises(DashpruneError, match=r"b.csv is not the published file .*run: dashprune data fetch yeast$"):
        locate.upstream_file(entry.relative)


def test_a_file_that_the_manifest_does_not_know_is_taken_as_it_is(entry: Entry, tmp_path: Path) -> None:
    other = put(tmp_path / "mirror").with_name("c.csv")
    other.write_bytes(b"anything")
    assert locate.upstream_file("o+r/a/c.csv") == other


def test_a_file_is_read_once_per_process(entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "cache")
    path = locate.upstream_file(entry.relative)
    monkeypatch.setattr(manifest, "blob_id", None)
    assert locate.upstream_file(entry.relative) == path


def test_an_unreadable_file_is_named(entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    put(tmp_path / "cache")
    monkeypatch.setattr(manifest, "blob_id", refuse)
    with pytest.raises(DashpruneError, match=r"b.csv cannot be read \(Permission denied\); make it readable"):
        locate.upstream_file(entry.relative)
