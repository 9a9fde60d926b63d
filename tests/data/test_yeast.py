"""Yeast: one replicate to train on, the other to test; networks have the published size and orientation."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashprune import compose, train_prune_eval
from dashprune.data import yeast
from dashprune.data.published import locate, readers
from dashprune.data.yeast import Yeast
from dashprune.errors import DashpruneError
from tests.data.scores import prior_auroc

WHOLE = Yeast(genes=3551, gold="binding_brent", validation=2, pairs="gold", seed=0)
SMALL = replace(WHOLE, genes=500)
TIMES = [float(minute) for minute in range(0, 121, 5) if minute != 105]
GOLD = [
    ("dream5", 3551, 1490, 68, 1136, 0.780), ("dream5", 500, 67, 7, 60, 0.790),
    ("binding_brent", 3551, 11521, 112, 4524, 0.638), ("binding_brent", 500, 260, 9, 167, 0.706),
    ("inferelator", 3551, 573, 57, 382, 0.738), ("inferelator", 500, 24, 4, 22, 0.714),
]  # fmt: skip
"""Gold standard, genes, edges, regulators, edges in the prior too, AUROC of the prior: the data's summary."""

pytestmark = pytest.mark.usefixtures("mirror")


@pytest.mark.parametrize(("genes", "edges", "regulators"), [(3551, 51254, 65), (500, 1146, 6)])
def test_counts(genes: int, edges: int, regulators: int) -> None:
    """As counted in the published files."""
    problem = replace(WHOLE, genes=genes).load()  # type: ignore[arg-type]
    assert len(problem.genes) == genes
    assert problem.train.expression.shape == (21, 2, genes)
    assert problem.validation.expression.shape == (2, 2, genes)
    assert problem.test.expression.shape == (1, 24, genes)
    assert problem.test.times.tolist() == [TIMES]
    assert problem.prior.nnz == edges
    assert set(problem.prior.data) == {1.0}
    assert (np.diff(problem.prior.indptr) > 0).sum() == regulators
    assert abs(problem.coregulation.sum() - 1) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("gold", "genes", "edges", "regulators", "in_prior", "auroc"), GOLD)
def test_gold_standards(gold: str, genes: int, edges: int, regulators: int, in_prior: int, auroc: float) -> None:
    problem = replace(WHOLE, gold=gold, genes=genes).load()  # type: ignore[arg-type]
    assert problem.truth is not None
    assert problem.truth.nnz == edges
    assert problem.evaluable is not None
    assert problem.evaluable.sources.sum() == regulators
    assert problem.evaluable.targets.all()
    assert (problem.prior * problem.truth).count_nonzero() == in_prior
    assert abs(prior_auroc(problem) - auroc) < 0.0006


def test_score_of_the_prior_over_all_pairs() -> None:
    """0.694 was measured beforehand."""
    problem = replace(WHOLE, pairs="all").load()
    assert problem.evaluable is not None
    assert problem.evaluable.block(slice(None)).all()
    assert abs(prior_auroc(problem) - 0.694) < 0.0006


def test_prior_regulates_by_row() -> None:
    """The published matrix of 500 genes has the same 1,146 edges; transposed, 11 in common."""
    path = locate.upstream_file(f"{yeast._PHOENIX}/edge_prior_matrix_pramila_500.csv")
    published = readers.read_square(path, 500).astype(bool)
    prior = SMALL.load().prior.astype(bool)
    assert (published != prior).nnz == 0
    assert (published * prior.T).nnz == 11


@pytest.mark.parametrize("gold", ["dream5", "binding_brent", "inferelator"])
def test_networks_equal_the_derived_tables(derived: Path, gold: str) -> None:
    problem = replace(WHOLE, gold=gold).load()  # type: ignore[arg-type]
    for name, found in ((f"gold_{gold}", problem.truth), ("prior_3551", problem.prior.astype(bool))):
        with open(derived / f"yeast/{name}_edges.csv") as file:
            rows = list(csv.DictReader(file))
        listed = readers.edges_between((row["source"] for row in rows), (row["target"] for row in rows), problem.genes)
        assert (found != listed).nnz == 0


def test_the_smaller_list_is_a_part_of_the_larger() -> None:
    whole, small = WHOLE.load(), SMALL.load()
    chosen = [whole.genes.index(gene) for gene in small.genes]
    for split in ("train", "validation", "test"):
        larger = getattr(whole, split).expression[:, :, chosen]
        np.testing.assert_array_equal(larger, getattr(small, split).expression)


def test_fitted_transitions_are_those_of_the_first_replicate() -> None:
    path = locate.upstream_file(f"{yeast._PHOENIX}/pramila_500genes_1sample_24T.csv")
    replicate = readers.read_trajectories(path, 500)
    problem = SMALL.load()
    times = np.concatenate([problem.train.times, problem.validation.times])
    order = np.argsort(times[:, 0])
    assert times[order].tolist() == [list(pair) for pair in itertools.pairwise(TIMES)]
    expression = np.concatenate([problem.train.expression, problem.validation.expression])[order]
    np.testing.assert_array_equal(expression[:, 0], replicate.expression[0, :-1])
    np.testing.assert_array_equal(expression[:, 1], replicate.expression[0, 1:])


def test_no_point_of_the_second_replicate_is_trained_on() -> None:
    problem = SMALL.load()
    held_out = problem.test.expression[0]
    for split in (problem.train, problem.validation):
        assert not (split.expression.reshape(-1, 1, 500) == held_out).all(axis=2).any()


def test_validation_is_drawn_from_the_seed() -> None:
    drawn = {tuple(replace(SMALL, seed=seed).load().validation.times[:, 0]) for seed in range(5)}
    assert len(drawn) > 1
    with pytest.raises(DashpruneError, match=r"dataset.validation=23 leaves none of 23 to train on"):
        replace(SMALL, validation=23).load()


def test_fingerprint_follows_the_files(copied: Callable[..., Path]) -> None:
    before = SMALL.fingerprint()
    assert len({before, WHOLE.fingerprint(), replace(SMALL, gold="dream5").fingerprint()}) == 3
    folder = copied(*SMALL._files(), *SMALL._gold_files())
    assert SMALL.fingerprint() == before
    with open(folder / yeast._GOLD["binding_brent"][1][0], "a") as file:
        file.write("YJR060W\tYAL001C\n")
    assert SMALL.fingerprint() != before


def test_a_missing_file_is_named(copied: Callable[..., Path]) -> None:
    copied(*SMALL._files())
    with pytest.raises(DashpruneError, match=r"reg_target_cc_exo_chip_exclusive.txt is missing"):
        SMALL.load()


def test_a_number_without_a_name_is_refused(copied: Callable[..., Path]) -> None:
    dream5 = replace(SMALL, gold="dream5")
    folder = copied(*dream5._files(), *dream5._gold_files())
    with open(folder / f"{yeast._DREAM5}_gold_standard.csv", "a") as file:
        file.write("G1,G9999,1\n")
    with pytest.raises(DashpruneError, match=r"gold_standard.csv names gene 'G9999', which is not in .*gene_ids.csv"):
        dream5.load()


def test_a_run(tmp_path: Path) -> None:
    options = ["dataset=yeast", "dataset.genes=500", "train.epochs=2", "model.hidden=5", f"outputs={tmp_path}"]
    row = train_prune_eval(compose(options))
    assert 0 < row["mse_persistence"] < 0.5
    assert 0 < row["balanced_accuracy"] < 1
