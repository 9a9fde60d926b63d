"""Haematopoiesis: the trajectories DASH trained on, made anew from those of PathReg."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from dashprune import compose, train_prune_eval
from dashprune.data import brca, hematopoiesis
from dashprune.data.hematopoiesis import Hematopoiesis
from dashprune.data.problem import Split
from dashprune.data.published import locate, readers
from dashprune.errors import DashpruneError
from dashprune.models.phoenix import Phoenix
from dashprune.solvers.etdrk4 import Etdrk4
from dashprune.training.batches import by_trajectory

ERYTHROID = Hematopoiesis(lineage="erythroid", validation_batch=12, gold=None, pairs="gold")
MONOCYTE, B = replace(ERYTHROID, lineage="monocyte"), replace(ERYTHROID, lineage="B")
DASH = f"upstream/{hematopoiesis._DASH}"
OTHERS = "derived/hematopoiesis"
FILES = [
    (B, "train", f"{DASH}/hema_B_529genes_2samples.csv"), (B, "test", f"{DASH}/hema_B_529genes_3testsamples.csv"),
    (MONOCYTE, "train", f"{DASH}/hema_mono_529genes_2samples.csv"),
    (MONOCYTE, "test", f"{OTHERS}/hema_mono_529genes_3testsamples.csv"),
    (ERYTHROID, "train", f"{OTHERS}/hema_eryth_529genes_2samples.csv"),
    (ERYTHROID, "test", f"{OTHERS}/hema_eryth_529genes_2testsamples_21_36.csv"),
]  # fmt: skip
"""The files of DASH, published or made anew and checked by others."""

pytestmark = pytest.mark.usefixtures("mirror")


def lengths(split: Split) -> list[int]:
    return (~np.isnan(split.times)).sum(axis=1).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("dataset", [ERYTHROID, MONOCYTE, B], ids=lambda dataset: dataset.lineage)
def test_counts(dataset: Hematopoiesis, derived: Path) -> None:
    """A time point per cell that was kept, or per pseudotime where two cells share one."""
    with open(derived / "hematopoiesis/batches.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["lineage"] == hematopoiesis._NAMES[dataset.lineage]]
    number = {row["batch"]: int(row["distinct_pseudotimes"]) for row in rows if row["present"] == "yes"}
    problem = dataset.load()
    assert lengths(problem.train) == [number.pop("11")]
    assert lengths(problem.validation) == [number.pop("12")]
    assert lengths(problem.test) == list(number.values())
    for split in (problem.train, problem.validation, problem.test):
        assert (np.nanmin(split.times, axis=1) == 0).all()
        assert (np.nanmax(split.times, axis=1) == 1).all()
        assert (np.nanmin(split.expression, axis=(1, 2)) == 0).all()
        assert (np.nanmax(split.expression, axis=(1, 2)) == 1).all()


@pytest.mark.slow
def test_published_lengths() -> None:
    """As counted in the published files; the first monocyte test batch has two cells of the same pseudotime."""
    assert lengths(ERYTHROID.load().test) == [687, 160]
    assert lengths(MONOCYTE.load().test) == [1441, 1323, 315]
    assert lengths(B.load().test) == [391, 1005, 48]


@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "split", "file"), FILES)
@pytest.mark.usefixtures("derived")
def test_trajectories_equal_those_of_dash(dataset: Hematopoiesis, split: str, file: str, mirror: Path) -> None:
    problem = dataset.load()
    found = problem.test
    if split == "train":
        found = Split.ragged([(part.expression[0], part.times[0]) for part in (problem.train, problem.validation)])
    rows = pd.read_csv(mirror / file, header=None, skiprows=1).to_numpy()
    for k, block in enumerate(rows.reshape(-1, 530, rows.shape[1])):
        times, columns = (part[..., ~np.isnan(part).reshape(-1, rows.shape[1])[0]] for part in (block[-1], block[:-1]))
        np.testing.assert_allclose(found.times[k, : len(times)], times, rtol=1e-12)
        np.testing.assert_allclose(found.expression[k, : len(times)], merged(columns.T, len(times)), atol=1e-7)


def merged(cells: np.ndarray, times: int) -> np.ndarray:
    """`cells` with those two that share a time, if there are any, replaced by their mean.

    DASH sorted their values gene by gene, so that the second has no smaller value than the first.
    """
    if len(cells) == times:
        return cells
    first = int((cells[1:] >= cells[:-1]).all(axis=1).argmax())
    return np.concatenate([cells[:first], cells[first : first + 2].mean(axis=0, keepdims=True), cells[first + 2 :]])


def test_the_other_batch_can_validate() -> None:
    one, other = ERYTHROID.load(), replace(ERYTHROID, validation_batch=11).load()
    np.testing.assert_array_equal(one.train.expression, other.validation.expression)
    np.testing.assert_array_equal(one.validation.times, other.train.times)
    np.testing.assert_array_equal(one.test.expression, other.test.expression)


def test_no_test_cell_is_trained_on() -> None:
    problem = B.load()
    held_out = problem.test.expression[~np.isnan(problem.test.times)]
    for split in (problem.train, problem.validation):
        assert not any((cell == held_out).all(axis=1).any() for cell in split.expression[0])


def test_prior() -> None:
    """As counted in the published files; the BRCA prior agrees with it on all 5 x 23 shared regulators and targets."""
    problem = ERYTHROID.load()
    assert problem.prior.nnz == 31030
    assert (np.diff(problem.prior.indptr) > 0).sum() == 111
    assert (problem.prior.sum(axis=0) > 0).sum() == 450
    assert abs(problem.coregulation.sum() - 1) < 1e-5
    assert (problem.truth, problem.evaluable) == (None, None)
    names = readers.read_names(locate.upstream_file(f"{brca._PHOENIX}/desmedt_gene_names_500.csv"), "gene")
    other = readers.read_square(locate.upstream_file(f"{brca._PHOENIX}/edge_prior_matrix_desmedt_500.csv"), 500)
    one = pd.DataFrame(problem.prior.toarray() != 0, problem.genes, problem.genes)
    two = pd.DataFrame(other.toarray() != 0, names, names)
    regulators = sorted(set(one.index[one.any(axis=1)]) & set(two.index[two.any(axis=1)]))
    targets = sorted(set(one.columns[one.any()]) & set(two.columns[two.any()]))
    assert (len(regulators), len(targets)) == (5, 23)
    assert one.loc[regulators, targets].to_numpy().sum() == 52
    assert one.loc[regulators, targets].equals(two.loc[regulators, targets])
    assert one.T.loc[regulators, targets].to_numpy().sum() < 52 / 2


@pytest.mark.slow
def test_base_grn() -> None:
    """22,689 edges of 113 regulators and 365 targets, 14,761 of them in the prior, far fewer if it is transposed."""
    problem = replace(ERYTHROID, gold="base_grn").load()
    assert problem.truth is not None
    assert problem.truth.nnz == 22689
    assert problem.evaluable is not None
    assert (problem.evaluable.sources.sum(), problem.evaluable.targets.sum()) == (113, 365)
    assert (problem.prior * problem.truth).count_nonzero() == 14761
    assert (problem.prior.T * problem.truth).count_nonzero() < 14761 / 2
    everything = replace(ERYTHROID, pairs="all")._evaluable(problem.truth)
    assert everything.block(slice(None)).all()


def files(dataset: Hematopoiesis) -> list[Path]:
    own = [dataset._batch(batch) for batch in (11, 12, *hematopoiesis._TEST[dataset.lineage])]
    return [hematopoiesis._genes_file(), hematopoiesis._prior_file(), *own]


def test_fingerprint_follows_the_files(copied: Callable[..., Path]) -> None:
    before = B.fingerprint()
    assert len({before, MONOCYTE.fingerprint(), replace(B, gold="base_grn").fingerprint()}) == 3
    copied(*files(B))
    assert B.fingerprint() == before
    with open(B._batch(36), "a") as file:
        file.write("\n")
    assert B.fingerprint() != before


def test_a_missing_batch_is_named(copied: Callable[..., Path]) -> None:
    copied(*(path for path in files(B) if path.name != "B_24_norm.csv"))
    for act in (B.load, B.fingerprint):
        with pytest.raises(DashpruneError, match=r"B_24_norm.csv is missing"):
            act()


def test_other_genes_are_refused(copied: Callable[..., Path]) -> None:
    copied(*files(B))
    path = B._batch(12)
    path.write_text(path.read_text().replace("ABCB6", "ABCB7", 1))
    with pytest.raises(DashpruneError, match=r"B_12_norm.csv: row 1 does not list the 529 genes of the prior"):
        B.load()


def test_a_short_file_is_refused(copied: Callable[..., Path]) -> None:
    copied(*files(B))
    path = B._batch(12)
    path.write_text("\n".join(path.read_text().split("\n")[:32]))
    with pytest.raises(DashpruneError, match=r"B_12_norm.csv has 31 cells, of which 30 are left out"):
        B.load()


@pytest.mark.slow
@pytest.mark.parametrize("dataset", [ERYTHROID, MONOCYTE, B], ids=lambda dataset: dataset.lineage)
def test_one_step_of_the_solver_is_exact_in_single_precision(dataset: Hematopoiesis) -> None:
    """So Tables 9 and 10 need no more: transitions are short, at most 0.07 of the pseudotime."""
    (cells,) = by_trajectory(dataset.load().train, torch.device("cpu"))
    model = Phoenix(529, 50, "abs", multiplier_rate=1.0, recovery=True).double()
    model.reset_parameters(torch.Generator().manual_seed(0))
    start, dt = cells.start.double(), cells.dt.double()
    with torch.no_grad():
        once, often = (Etdrk4(step).predict(model, start, dt) for step in (1, 0.1))
    assert (often - start).abs().max() > 0.05
    assert (once - often).abs().max() < torch.finfo(torch.float32).eps / 2


def test_a_run_has_no_balanced_accuracy_but_an_out_degree(tmp_path: Path) -> None:
    options = ["dataset=hematopoiesis", "dataset.lineage=B", "train.epochs=2", f"outputs={tmp_path}"]
    row = train_prune_eval(compose(options))
    assert "balanced_accuracy" not in row
    assert row["out_degree"] > 0
    assert row["mse_persistence"] > 0
