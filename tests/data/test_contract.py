"""What holds for every yaml in conf/dataset: a new dataset is tested by being there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dashprune import compose
from dashprune.config import choices
from dashprune.data.base import Dataset
from dashprune.data.problem import Problem, Split
from dashprune.data.published import manifest
from dashprune.runs.checked import check

PUBLISHED = {*manifest.datasets()} - {"sim350"}
"""Datasets that need published files as their yaml stands; that of SIM350 chooses a generated network."""
CELLS = """sample,time,A,B
s1,0,0.1,0.9
s1,1,0.3,0.7
s2,0,0.2,0.8
s2,1,0.4,0.6
s3,0,0.3,0.5
s3,1,0.5,0.4
"""


def composed(name: str) -> Dataset:
    made = check(compose([f"dataset={name}", "seed=3"])).dataset
    for value in vars(sys.modules[type(made).__module__]).values():
        if hasattr(value, "cache_clear"):  # what a process remembers would be the same for sure
            value.cache_clear()
    return made


@pytest.fixture(scope="module", params=choices("dataset"))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def files(name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the dataset reads; skips the test where published files are not there."""
    if name in PUBLISHED:
        request.getfixturevalue("mirror")
    monkeypatch.chdir(tmp_path)
    Path("expression.csv").write_text(CELLS)
    Path("prior.csv").write_text("source,target\nA,B\n")


def pieces(problem: Problem) -> dict[str, bytes]:
    """The bytes of every array."""
    splits = {"train": problem.train, "validation": problem.validation, "test": problem.test}
    networks = {"prior": problem.prior, "coregulation": problem.coregulation, "truth": problem.truth}
    found = {f"{key} {part}": getattr(split, part) for key, split in splits.items() for part in ("expression", "times")}
    for key, network in networks.items():
        if network is not None:
            found |= {f"{key} {part}": getattr(network, part) for part in ("data", "indices", "indptr")}
    return {key: array.tobytes() for key, array in found.items()}


@pytest.mark.slow
@pytest.mark.usefixtures("files")
def test_datasets_keep_their_contract(name: str) -> None:
    """They load, shapes and orientation agree, and the same seed gives the same bytes."""
    dataset, again = composed(name), composed(name)
    assert isinstance(dataset, Dataset)
    assert dataset == again
    assert dataset.fingerprint() == again.fingerprint() != ""
    problem = dataset.load()
    check_shapes(problem)
    check_orientation(problem)
    assert pieces(problem) == pieces(composed(name).load())


def check_shapes(problem: Problem) -> None:
    genes = len(problem.genes)
    assert len(set(problem.genes)) == genes > 0
    for split in (problem.train, problem.validation, problem.test):
        check_split(split, genes)
    for matrix in (problem.prior, problem.coregulation):
        assert (matrix.shape, matrix.dtype) == ((genes, genes), np.float32)
    assert problem.coregulation.sum() == pytest.approx(1, rel=1e-4)
    if problem.truth is not None:
        assert (problem.truth.shape, problem.truth.dtype) == ((genes, genes), np.bool_)
        assert problem.evaluable is not None
        assert problem.evaluable.shape == (genes, genes)


def check_split(split: Split, genes: int) -> None:
    trajectories, times = split.times.shape
    assert split.expression.shape == (trajectories, times, genes)
    assert split.expression.dtype == np.float32
    assert split.times.dtype == np.float64
    assert len(split.transitions().dt) >= trajectories > 0


def check_orientation(problem: Problem) -> None:
    """Row regulates column: in every network here some genes regulate and at least as many are regulated."""
    regulators, targets = (np.count_nonzero(np.bincount(axis)) for axis in problem.prior.nonzero())
    assert 0 < regulators <= targets
    assert abs(problem.coregulation - problem.coregulation.T).max() < 1e-9
