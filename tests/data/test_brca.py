"""BRCA: held-out points stay out of training, networks have the published size and orientation."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashprune import compose, train_prune_eval
from dashprune.data import brca
from dashprune.data.brca import Brca
from dashprune.data.published import locate, readers
from dashprune.errors import DashpruneError
from tests.data.scores import prior_auroc

SMALL = Brca(genes=500, validation=29, split="published", pairs="gold", seed=0)
_TRAINING = f"{brca._PHOENIX}/desmedt_500genes_1sample_178T.csv"

pytestmark = pytest.mark.usefixtures("mirror")


def names(genes: int) -> tuple[str, ...]:
    return readers.read_names(locate.upstream_file(f"{brca._PHOENIX}/desmedt_gene_names_{genes}.csv"), "gene")


def test_counts() -> None:
    """As counted in the published files: 178 points, of whose 177 transitions one crosses the gap."""
    problem = SMALL.load()
    assert len(problem.genes) == 500
    assert problem.train.expression.shape == (147, 2, 500)
    assert problem.validation.expression.shape == (29, 2, 500)
    assert len(problem.test.transitions().dt) == 8
    assert problem.prior.nnz == 7732
    assert set(problem.prior.data) == {0.5}
    assert (np.diff(problem.prior.indptr) > 0).sum() == 34
    assert (problem.prior.sum(axis=0) > 0).sum() == 499
    assert problem.truth is not None
    assert problem.truth.nnz == 1586
    assert (problem.truth.sum(axis=0) > 0).sum() == 403
    assert problem.evaluable is not None
    assert problem.evaluable.block(slice(None)).sum() == 3500
    regulators = {problem.genes[k] for k in np.flatnonzero(problem.evaluable.sources)}
    assert regulators == {"AR", "ESR1", "FOXA1", "FOXM1", "GATA3", "NR2F1", "PGR"}


@pytest.mark.parametrize("seed", range(10))
def test_blocks_share_no_point_with_what_is_trained_on(seed: int) -> None:
    problem = replace(SMALL, split="blocks", seed=seed).load()
    train, validation = problem.train.times, problem.validation.times
    assert len(validation) == 29
    assert 176 - 29 - 6 <= len(train) <= 176 - 29 - 3, "transitions next to a block are dropped"
    assert not np.isin(train, validation).any()
    ends = np.flatnonzero(validation[1:, 0] != validation[:-1, 1])
    assert len(ends) in (2, 3), "three blocks, of which one may be parted by the gap"


def test_split_by_blocks_depends_on_the_seed_and_needs_room() -> None:
    one, other = (replace(SMALL, split="blocks", seed=seed).load().validation for seed in (0, 1))
    assert not np.array_equal(one.times, other.times)
    assert len(replace(SMALL, split="blocks", validation=2).load().validation.times) == 2
    with pytest.raises(DashpruneError, match="give at most 167"):
        replace(SMALL, split="blocks", validation=168).load()


def test_no_held_out_point_is_trained_on() -> None:
    problem = SMALL.load()
    held_out = problem.test.expression[0, 1:]
    assert problem.test.times[0, 1:].tolist() == [0.5, 0.5051, 0.5102, 0.51531, 0.52041, 0.52551, 0.53061, 0.53571]
    for split in (problem.train, problem.validation):
        seen = split.expression.reshape(-1, 500)
        assert not (seen[:, None] == held_out).all(axis=2).any()
        assert split.transitions().dt.max() < 0.0052, "a transition crosses the gap"


def test_fitted_transitions_are_those_of_the_full_file_but_for_held_out_points() -> None:
    """Of its 185 transitions, 8 end at a held-out point and one more starts at one."""
    full = readers.read_trajectories(locate.upstream_file(f"{brca._PHOENIX}/desmedt_500genes_1sample_186T.csv"), 500)
    problem = SMALL.load()
    parts = (problem.train, problem.validation, problem.test.single())
    times = np.concatenate([part.times for part in parts])
    order = np.argsort(times[:, 0])
    expected = full.single().take(np.delete(np.arange(185), 99))
    np.testing.assert_array_equal(times[order], expected.times)
    found = np.concatenate([part.expression for part in parts])[order]
    np.testing.assert_allclose(found, expected.expression, atol=1e-7)


@pytest.mark.slow
def test_validation_is_drawn_from_the_seed() -> None:
    first, again, other = (problem.load().validation.times for problem in (SMALL, SMALL, replace(SMALL, seed=1)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(DashpruneError, match=r"dataset.validation=176 leaves none of 176 to train on"):
        replace(SMALL, validation=176).load()


def test_prior_regulates_by_row() -> None:
    """1,071 of the ChIP edges are in it, but 83 if it is transposed."""
    problem = SMALL.load()
    assert (problem.prior * problem.truth).count_nonzero() == 1071
    assert (problem.prior.T * problem.truth).count_nonzero() == 83


@pytest.mark.slow
@pytest.mark.parametrize(("pairs", "expected"), [("gold", 0.597), ("all", 0.824)])
def test_published_score_of_the_prior(pairs: str, expected: float) -> None:
    assert abs(prior_auroc(replace(SMALL, pairs=pairs).load()) - expected) < 0.0006  # type: ignore[arg-type]


def test_networks_equal_the_derived_tables(derived: Path) -> None:
    problem = SMALL.load()
    with open(derived / "brca/prior_500_edges.csv") as file:
        rows = list(csv.DictReader(file))
    listed = readers.edges_between((row["source"] for row in rows), (row["target"] for row in rows), problem.genes)
    np.testing.assert_array_equal(problem.prior.toarray() != 0, listed.toarray())
    chip = [row for row in rows if row["in_chip"] == "1"]
    listed = readers.edges_between((row["source"] for row in chip), (row["target"] for row in chip), problem.genes)
    np.testing.assert_array_equal((problem.prior * problem.truth).toarray() != 0, listed.toarray())
    with open(derived / "brca/ppi_11165_edges.csv") as file:
        weight = {frozenset((row["gene_a"], row["gene_b"])): float(row["weight"]) for row in csv.DictReader(file)}
    found = problem.coregulation.tocoo()
    one = problem.coregulation.diagonal().max()
    for i, j, value in zip(found.row, found.col, found.data, strict=True):
        expected = 1 if i == j else weight[frozenset((problem.genes[i], problem.genes[j]))]
        assert abs(value / one - expected) < 1e-5


@pytest.mark.parametrize(("genes", "itself", "pairs"), [(500, 45, 268), (2000, 172, 1631), (11165, 986, 29439)])
def test_interactions_are_mirrored(genes: int, itself: int, pairs: int) -> None:
    path = locate.upstream_file(brca._INTERACTIONS)
    interactions = brca._interactions(path, names(11165), names(genes))
    assert abs(interactions - interactions.T).sum() == 0
    assert np.count_nonzero(interactions.diagonal()) == itself
    assert interactions.nnz == itself + 2 * pairs
    assert abs(interactions.sum() - 1) < 1e-6


@pytest.mark.parametrize(("genes", "regulators", "edges"), [(2000, 10, 8174), (11165, 61, 226514)])
def test_chip_edges_of_the_other_sizes(genes: int, regulators: int, edges: int) -> None:
    chip = readers.read_table(locate.upstream_file(brca._CHIP), ["from", "to"])
    truth = readers.edges_between(chip["from"], chip["to"], names(genes))
    assert truth.nnz == edges
    assert (np.diff(truth.indptr) > 0).sum() == regulators


@pytest.mark.parametrize(
    ("genes", "missing"),
    [(2000, "edge_prior_matrix_desmedt_2000.csv"), (11165, "desmedt_11165genes_1sample_178T.csv")],
)
def test_a_size_without_files_says_which_and_where(
    genes: int, missing: str, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHPRUNE_DATA", str(tmp_path))
    for act in (replace(SMALL, genes=genes).load, replace(SMALL, genes=genes).fingerprint):  # type: ignore[arg-type]
        with pytest.raises(DashpruneError, match=rf"/{missing} is missing; run 'dashprune data fetch brca'") as error:
            act()
        assert f"needed for dataset=brca dataset.genes={genes}" in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.slow
def test_2000_genes_load_once_their_prior_is_there(mirror: Path, copied: Callable[..., Path]) -> None:
    shared = [mirror / "upstream" / relative for relative in (brca._CHIP, brca._INTERACTIONS, brca._ALL_GENES)]
    folder = copied(*shared, *(mirror / "upstream" / brca._PHOENIX).glob("*2000*")) / brca._PHOENIX
    np.savetxt(folder / "edge_prior_matrix_desmedt_2000.csv", np.eye(2000, k=1) * -0.5, fmt="%g", delimiter=",")
    problem = replace(SMALL, genes=2000).load()
    assert problem.train.expression.shape == (147, 2, 2000)
    assert (problem.prior.nnz, problem.prior[0, 1], problem.truth.nnz) == (1999, 0.5, 8174)  # type: ignore[union-attr]


def test_fingerprint_follows_the_files(copied: Callable[..., Path]) -> None:
    before = SMALL.fingerprint()
    assert before == replace(SMALL, seed=1).fingerprint()
    folder = copied(*SMALL._files())
    assert SMALL.fingerprint() == before
    with open(folder / brca._CHIP, "a") as file:
        file.write('"AR","ESR1"\n')
    assert SMALL.fingerprint() != before


def test_a_training_file_with_the_held_out_points_is_refused(copied: Callable[..., Path], mirror: Path) -> None:
    folder = copied(*SMALL._files())
    full = mirror / "upstream" / brca._PHOENIX / "desmedt_500genes_1sample_186T.csv"
    (folder / _TRAINING).write_bytes(full.read_bytes())
    with pytest.raises(DashpruneError, match=r"178T.csv must have times before and after the held-out ones \(0.5 to"):
        SMALL.load()


@pytest.mark.slow
@pytest.mark.parametrize("line", ["0,1,0.5", "1,11166,0.5", "1.5,1,0.5"])
def test_interactions_of_no_gene_are_refused(copied: Callable[..., Path], line: str) -> None:
    with open(copied(*SMALL._files()) / brca._INTERACTIONS, "a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(
        DashpruneError, match=r"11165.csv must have three columns: two genes, as numbers from 1 to 1116"
    ):
        SMALL.load()


def test_a_run(tmp_path: Path) -> None:
    row = train_prune_eval(compose(["dataset=brca", "train.epochs=2", "model.hidden=5", f"outputs={tmp_path}"]))
    assert abs(row["mse_persistence"] - 3.135e-4) < 1e-6
    assert 0 < row["balanced_accuracy"] < 1
