from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest

from dashprune import compose
from dashprune.data import brca, dream4, ecoli, gene_sets, gnw, hematopoiesis, sim350, yeast
from dashprune.data.published import manifest
from dashprune.errors import DashpruneError
from dashprune.runs.checked import check


def test_every_line_is_complete() -> None:
    for entry in manifest.entries():
        for identity in (entry.commit, entry.blob):
            assert len(identity) == 40
            int(identity, 16)
        assert entry.repository.count("/") == 1
        assert entry.bytes is None or entry.bytes > 0
        assert entry.licence
        assert entry.without


def test_a_place_holds_one_file() -> None:
    """Datasets that share a file name the same content, and none names a file twice."""
    content = {entry.relative: entry.blob for entry in manifest.entries()}
    assert all(content[entry.relative] == entry.blob for entry in manifest.entries())
    assert len({(entry.dataset, entry.relative) for entry in manifest.entries()}) == len(manifest.entries())


CHOICES = {
    "sim350": [f"dataset.network=published dataset.prior_noise={noise}" for noise in (0, 0.05, 0.1)],
    "brca": [f"dataset.genes={genes}" for genes in (500, 2000, 11165)],
    "yeast": [
        f"dataset.genes={genes} dataset.gold={gold}"
        for genes in (500, 3551)
        for gold in ("binding_brent", "dream5", "inferelator")
    ],
    "hematopoiesis": [f"dataset.lineage={name} dataset.gold=base_grn" for name in ("erythroid", "monocyte", "B")],
    "dream4": [f"dataset.size={size} dataset.network={network}" for size in (10, 100) for network in range(1, 6)],
    "gnw": [""],
    "ecoli": ["dataset.conditions=[cold,heat]", "dataset.conditions=[lactose,oxidative]"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOICES)
def test_the_manifest_lists_what_the_loaders_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()

    def note(relative: str) -> Path:
        asked.add(relative)
        (tmp_path / "file").touch()
        return tmp_path / "file"

    for loader in (sim350, brca, yeast, hematopoiesis, dream4, gnw, ecoli):
        monkeypatch.setattr(loader, "upstream_file", note)
    for words in CHOICES[name]:
        dataset = check(compose([f"dataset={name}", *words.split()])).dataset
        dataset.fingerprint()
        for beside in ("measured_states", "perturbations"):
            if hasattr(dataset, beside):
                with suppress(DashpruneError):  # the file that stands for all others is empty
                    getattr(dataset, beside)()
    assert asked == {entry.relative for entry in manifest.files_of(name)}


def test_the_manifest_lists_the_named_gene_sets() -> None:
    assert {relative for relative, _ in gene_sets.NAMED.values()} == {
        entry.relative for entry in manifest.files_of("gene_sets")
    }
    for name, (relative, _) in gene_sets.NAMED.items():
        entry = manifest.known(relative)
        assert entry is not None
        assert entry.without == f"dashprune pathways --gmt {name}"


def test_datasets() -> None:
    assert manifest.datasets() == ["sim350", "brca", "yeast", "hematopoiesis", "dream4", "gnw", "ecoli", "gene_sets"]
    assert manifest.files_of("custom") == []
    with pytest.raises(DashpruneError, match=r"no dataset 'yaest'; did you mean 'yeast'\?; datasets: sim350, "):
        manifest.files_of("yaest")


def test_known() -> None:
    entry = manifest.known(sim350._TEST)
    assert entry is not None
    assert entry.repository == "QuackenbushLab/DASH"
    assert manifest.known("QuackenbushLab+DASH/absent.csv") is None


def test_the_files_of_a_mirror_are_those_of_the_manifest(mirror: Path) -> None:
    paths = {entry: mirror / "upstream" / entry.relative for entry in manifest.entries()}
    there = {entry: path for entry, path in paths.items() if path.is_file()}
    assert there
    for entry, path in there.items():
        assert path.stat().st_size == entry.bytes
        assert manifest.blob_id(path) == entry.blob


def test_blob_id_is_that_of_git(tmp_path: Path) -> None:
    """Git's id of the empty file, and the example of the Git book."""
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert manifest.blob_id(path) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    path.write_bytes(b"what is up, doc?")
    assert manifest.blob_id(path) == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"


def test_blob_id_of_a_large_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = tmp_path / "file"
    path.write_bytes(content)
    assert manifest.blob_id(path) == hashlib.sha1(b"blob 2560000\0" + content).hexdigest()
