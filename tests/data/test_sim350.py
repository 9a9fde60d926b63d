"""SIM350: the published files are read and mended, the generated choice needs none, noise touches nothing else."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashprune.data import sim350, simulator
from dashprune.data.problem import coregulation_from_prior
from dashprune.data.published import locate
from dashprune.data.sim350 import Sim350
from dashprune.data.simulator import Network, signs, simulate
from dashprune.errors import DashpruneError

GENERATED = Sim350(
    network="generated",
    genes=40,
    inputs=8,
    edges=63,
    train=5,
    validation=2,
    test=3,
    times=(0, 2, 3, 7, 9),
    noise=0.0,
    prior_noise=None,
    prior_holdout=None,
    prior_holdout_by="edges",
    seed=0,
)
PUBLISHED = replace(GENERATED, network="published")


def published() -> tuple[Network, np.ndarray, np.ndarray]:
    """The published network, its test expression and times."""
    files = (locate.upstream_file(relative) for relative in (sim350._GENES, sim350._EDGES, sim350._EQUATIONS))
    network, test = sim350._read_published(*files, locate.upstream_file(sim350._TEST))
    return network, test.expression, test.times


# --- the published network -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("mirror")
def test_published_trajectories_are_reproduced() -> None:
    """All ten, from their starting values: another solver reaches 1.3e-6."""
    network, expression, times = published()
    again = simulate(network, expression[:, 0].astype(np.float64), times[0].tolist())
    assert np.abs(again - expression).max() < 3e-6


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("logic", [("not", "UME6"), None], ids=["UME6 alone", "as published"])
def test_other_readings_of_gal1_are_not_reproduced(logic: tuple[str, str] | None) -> None:
    """GAL1 follows "not UME6, or the published rule"; either part alone is off by more than 0.1."""
    network, expression, times = published()
    tree = logic or ("or", *network.logic["GAL1"][2:])
    assert network.logic["GAL1"][:2] == ("or", ("not", "UME6"))
    other = Network(network.genes, network.edges, {**network.logic, "GAL1": tree})
    again = simulate(other, expression[:, 0].astype(np.float64), times[0].tolist())
    assert np.abs(again - expression)[:, :, network.index["GAL1"]].max() > 0.1


def test_published_network_equals_the_derived_tables(mirror: Path) -> None:
    """Genes, edges and Hill parameters as in derived/sim350, signs of every rule as in the edge list."""
    folder = mirror / "derived/sim350"
    if not folder.is_dir():
        pytest.skip("needs the upstream files and the tables derived from them")
    network, _, _ = published()
    with open(folder / "genes.csv") as genes, open(folder / "network.csv") as edges:
        listed = list(csv.DictReader(genes))
        rows = {(row["source"], row["target"]): row for row in csv.DictReader(edges)}
    assert network.genes == tuple(row["gene"] for row in listed)
    assert network.is_input.tolist() == [row["is_input"] == "1" for row in listed]
    assert {(edge.source, edge.target) for edge in network.edges} == rows.keys()
    for edge in network.edges:
        row = rows[edge.source, edge.target]
        assert edge.sign == int(row["sign"])
        np.testing.assert_allclose((edge.ec50, edge.n), (float(row["EC50"]), float(row["n_true"])), rtol=1e-12)
    assert sum(len(list(signs(tree))) for tree in network.logic.values()) == 550


def test_published_rules_equal_the_derived_table(mirror: Path) -> None:
    if not (mirror / "derived/sim350").is_dir():
        pytest.skip("needs the upstream files and the tables derived from them")

    def text(tree: object) -> str:
        return f"({' '.join(map(text, tree))})" if isinstance(tree, tuple) else str(tree)

    network, _, _ = published()
    with open(mirror / "derived/sim350/logic.csv") as table:
        rules = {row["target"]: row["expression"] for row in csv.DictReader(table)}
    assert {gene: text(tree) for gene, tree in network.logic.items()} == rules


@pytest.mark.usefixtures("mirror")
def test_the_facts_in_the_generator_are_the_published_ones() -> None:
    """Degrees of inputs, of regulated regulators and of targets, and every rule's shape, counted anew."""
    network = published()[0]
    out_degree = Counter(edge.source for edge in network.edges)
    inputs = {gene for gene in network.genes if gene not in network.logic}
    assert Counter(out_degree[gene] for gene in inputs) == simulator._INPUT_OUT_DEGREES
    assert Counter(out_degree[gene] for gene in out_degree.keys() - inputs) == simulator._REGULATOR_OUT_DEGREES
    assert Counter(Counter(edge.target for edge in network.edges).values()) == simulator._IN_DEGREES
    shapes: Counter[tuple[str, int, int]] = Counter()
    for tree in network.logic.values():
        found = [sign for _, sign in signs(tree)]
        outer = tree[0] if isinstance(tree, tuple) and tree[0] != "not" else "and" if found == [1] else "or"
        shapes[outer, found.count(1), found.count(-1)] += 1
    assert shapes == simulator._SHAPES


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(
    ("prior_noise", "kept", "auc"), [(0.0, 550, 1.0), (0.05, 523, 0.9753), (0.1, 495, 0.9498), (2 * 0.025, 523, 0.9753)]
)
def test_published_priors(prior_noise: float, kept: int, auc: float) -> None:
    """In the right order all 550 edges and signs match; noise keeps 523 and 495 of them and every kept sign.

    AUC of a prior used as a score: 1/2 + (TPR - FPR) / 2.
    """
    prior = replace(PUBLISHED, prior_noise=prior_noise)._prior(published()[0]).toarray()
    truth = published()[0].adjacency().toarray()
    both = (prior != 0) & (truth != 0)
    assert np.count_nonzero(prior) == 550
    assert both.sum() == kept
    np.testing.assert_array_equal(prior[both], truth[both])
    false = ((prior != 0) & (truth == 0)).sum() / (truth == 0).sum()
    assert abs(0.5 + (kept / 550 - false) / 2 - auc) < 1e-4


@pytest.mark.usefixtures("mirror")
def test_other_fractions_corrupt_the_true_network() -> None:
    truth = published()[0].adjacency()
    prior = replace(PUBLISHED, prior_noise=0.2)._prior(published()[0])
    assert (prior * truth).count_nonzero() == 440


@pytest.mark.usefixtures("mirror")
def test_published_problem() -> None:
    problem = PUBLISHED.load()
    assert problem.train.expression.shape == (5, 5, 350)
    assert problem.validation.expression.shape == (2, 5, 350)
    assert problem.test.expression.shape == (10, 5, 350)
    assert problem.test.expression.dtype == np.float32
    assert problem.truth is not None
    assert problem.truth.sum() == 550
    inputs = problem.test.expression[:, 0, :73]
    fitted = problem.train.expression[:, 0, :73]
    assert np.abs((fitted - inputs.mean(axis=0)) / inputs.std(axis=0, ddof=1)).max() < 5


@pytest.mark.usefixtures("mirror")
def test_published_test_split_has_no_noise() -> None:
    noisy = replace(PUBLISHED, noise=0.1).load()
    np.testing.assert_array_equal(noisy.test.expression, PUBLISHED.load().test.expression)


# --- both networks ---------------------------------------------------------------------------------------------------


def test_generated_problem() -> None:
    problem = GENERATED.load()
    assert [len(split.expression) for split in (problem.train, problem.validation, problem.test)] == [5, 2, 3]
    assert problem.train.expression.shape == (5, 5, 40)
    assert problem.train.expression.dtype == np.float32
    assert problem.train.times.tolist() == [[0, 2, 3, 7, 9]] * 5
    assert problem.truth is not None
    assert problem.truth.sum() == 63
    np.testing.assert_array_equal(problem.prior.toarray() != 0, problem.truth.toarray())
    again = coregulation_from_prior(problem.prior)
    np.testing.assert_array_equal(problem.coregulation.toarray(), again.toarray())
    assert problem.evaluable is not None
    assert problem.evaluable.block(slice(None)).all()
    np.testing.assert_array_equal(problem.train.expression[:, 1:, :8], problem.train.expression[:, :-1, :8])


def test_loading_twice_gives_the_same() -> None:
    noisy = replace(GENERATED, noise=0.05)
    first = noisy.load()
    sim350._simulate_generated.cache_clear()
    second = noisy.load()
    np.testing.assert_array_equal(first.train.expression, second.train.expression)
    np.testing.assert_array_equal(first.prior.toarray(), second.prior.toarray())
    assert not np.array_equal(first.train.expression, replace(noisy, seed=1).load().train.expression)


def test_noise_changes_nothing_but_the_observed_values() -> None:
    clean, noisy = (replace(GENERATED, noise=noise, prior_noise=0.1).load() for noise in (0.0, 0.05))
    np.testing.assert_array_equal(clean.test.expression, noisy.test.expression)
    np.testing.assert_array_equal(clean.prior.toarray(), noisy.prior.toarray())
    assert clean.truth is not None
    assert noisy.truth is not None
    np.testing.assert_array_equal(clean.truth.toarray(), noisy.truth.toarray())
    added = noisy.train.expression - clean.train.expression
    assert abs(added.mean()) < 4 * 0.05 / np.sqrt(1000)
    assert abs(added.std() - 0.05) < 4 * 0.05 / np.sqrt(2000)
    assert (noisy.validation.expression != clean.validation.expression).all()


def test_prior_noise_is_twice_the_noise_by_default() -> None:
    """Of 63 edges, floor(0.1 * 63) = 6 are moved at a noise of 0.05, and all beyond a noise of 0.5."""
    for noise, moved in ((0.05, 6), (0.7, 63)):
        problem = replace(GENERATED, noise=noise).load()
        assert problem.truth is not None
        assert problem.truth.nnz - (problem.prior * problem.truth).count_nonzero() == moved


def test_edges_are_held_out_of_the_prior_only() -> None:
    """Half of 63; the published prior loses half of its 550."""
    whole, half = (replace(GENERATED, prior_holdout=fraction).load() for fraction in (None, 0.5))
    assert half.truth is not None
    assert (half.truth.nnz, half.prior.nnz) == (63, 32)
    assert (abs(half.prior) > abs(whole.prior)).nnz == 0
    np.testing.assert_array_equal(half.coregulation.toarray(), coregulation_from_prior(half.prior).toarray())
    np.testing.assert_array_equal(half.train.expression, whole.train.expression)
    genes = replace(GENERATED, prior_holdout=0.5, prior_holdout_by="genes").load().prior
    lacking = np.diff((whole.prior - genes).tocsc().indptr) > 0
    assert genes[:, lacking].nnz == 0 < np.count_nonzero(lacking)


@pytest.mark.usefixtures("mirror")
def test_edges_are_held_out_of_the_published_prior() -> None:
    assert replace(PUBLISHED, prior_holdout=0.5).load().prior.nnz == 275


def test_prior_noise_does_not_change_the_data() -> None:
    clean, moved = GENERATED.load(), replace(GENERATED, prior_noise=0.5).load()
    np.testing.assert_array_equal(clean.train.expression, moved.train.expression)
    assert clean.truth is not None
    assert moved.truth is not None
    np.testing.assert_array_equal(clean.truth.toarray(), moved.truth.toarray())


def test_split_is_of_the_same_trajectories() -> None:
    """Another size of the validation split leaves test trajectories and the pool they come from as they are."""
    one, other = GENERATED.load(), replace(GENERATED, train=4, validation=3).load()
    np.testing.assert_array_equal(one.test.expression, other.test.expression)
    pools = [np.concatenate([p.train.expression, p.validation.expression])[:, 0] for p in (one, other)]
    first, second = (pool[np.argsort(pool[:, 0])] for pool in pools)
    np.testing.assert_array_equal(first, second)


def test_fingerprint_of_generated_is_the_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path))
    assert GENERATED.fingerprint() == replace(GENERATED, seed=9).fingerprint() == sim350._VERSION


def test_fingerprint_of_published_follows_the_files(damaged: Path) -> None:
    before = PUBLISHED.fingerprint()
    assert before != replace(PUBLISHED, prior_noise=0.1).fingerprint()
    edit(damaged / sim350._EDGES, lambda lines: [*lines, ""])
    assert PUBLISHED.fingerprint() != before


def test_sizes_are_checked() -> None:
    with pytest.raises(DashpruneError, match="a network of 40 genes with 8 inputs cannot have 20 edges"):
        replace(GENERATED, edges=20).load()


# --- damaged files ---------------------------------------------------------------------------------------------------


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Rewrite a text file, line by line."""
    path.write_text("\n".join(change(path.read_text().split("\n"))))


def refused(change_to: Path, change: Callable[[list[str]], list[str]]) -> str:
    """The one-line message after a file was changed."""
    edit(change_to, change)
    with pytest.raises(DashpruneError) as error:
        PUBLISHED.load()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_prior_of_the_wrong_size(damaged: Path) -> None:
    message = refused(damaged / sim350._PRIORS[0.0], lambda lines: lines[:-2])
    assert "noise_0.0.csv has 349 rows and 350 columns, but the gene list has 350 genes" in message


@pytest.mark.parametrize("value", ["x", "", "NaN", "inf"])
def test_prior_with_a_bad_value(damaged: Path, value: str) -> None:
    message = refused(
        damaged / sim350._PRIORS[0.0], lambda lines: [*lines[:6], f"0,{value},{lines[6][4:]}", *lines[7:]]
    )
    assert "noise_0.0.csv: row 7, column 2 is empty or not a finite number" in message


def test_prior_with_a_long_row(damaged: Path) -> None:
    message = refused(damaged / sim350._PRIORS[0.0], lambda lines: [*lines[:6], lines[6] + ",1", *lines[7:]])
    assert "noise_0.0.csv is not a table" in message
    assert "line 7" in message


def test_truncated_test_file(damaged: Path) -> None:
    message = refused(damaged / sim350._TEST, lambda lines: lines[:2000])
    assert "for_testing.csv has 2000 rows, but 10 samples of 350 genes take 3511" in message


def test_test_file_cut_within_a_row(damaged: Path) -> None:
    message = refused(damaged / sim350._TEST, lambda lines: [*lines[:3510], lines[3510][:4]])
    assert "for_testing.csv: row 3511, column " in message
    assert "is empty or not a finite number" in message


def test_test_file_of_other_genes(damaged: Path) -> None:
    message = refused(damaged / sim350._TEST, lambda lines: ["349,10,,,", *lines[1:]])
    assert "row 1 announces 349 genes and 10 samples, but the gene list has 350 genes" in message


def test_unknown_gene(damaged: Path) -> None:
    message = refused(
        damaged / sim350._EDGES, lambda lines: [*lines[:2], lines[2].replace('"ACS1"', '"ACS7"'), *lines[3:]]
    )
    assert "edge_properties_G350.csv: row 3, column 'to' names gene 'ACS7', which is not in gene_names" in message
    assert "did you mean 'ACS1'?" in message


def test_missing_column(damaged: Path) -> None:
    message = refused(damaged / sim350._EDGES, lambda lines: [lines[0].replace("EC50", "EC"), *lines[1:]])
    assert "row 1 has no column 'EC50'" in message


def test_hill_parameter_must_be_a_number(damaged: Path) -> None:
    message = refused(damaged / sim350._EDGES, lambda lines: [lines[0], lines[1].replace("0.459", "x"), *lines[2:]])
    assert "row 2, column 'EC50' is 'x129327023402'" in message


def test_unreadable_rule(damaged: Path) -> None:
    message = refused(
        damaged / sim350._EQUATIONS, lambda lines: [lines[0], lines[1].replace("fAct", "gAct"), *lines[2:]]
    )
    assert "row 2, column 'eqn' is not a rule for A1_ALPHA2" in message


def test_rules_and_edges_must_agree(damaged: Path) -> None:
    message = refused(damaged / sim350._EDGES, lambda lines: [lines[0], lines[1].replace("FALSE", "TRUE"), *lines[2:]])
    assert "disagree on whether and how A1_ALPHA2 regulates FUS1" in message


def test_missing_file(damaged: Path) -> None:
    (damaged / sim350._EDGES).unlink()
    with pytest.raises(DashpruneError, match=r"edge_properties_G350.csv is missing; set DASHPRUNE_MIRROR"):
        PUBLISHED.load()


# --- without -----------------------------------------------------------------------------------------------------


def test_there_may_be_no_prior_and_nothing_held_out() -> None:
    whole = GENERATED.load()
    bare = replace(GENERATED, prior=None).load()
    assert (whole.has_prior, bare.has_prior, bare.coregulation.nnz) == (True, False, 0)
    np.testing.assert_array_equal(bare.train.expression, whole.train.expression)
    untested = replace(GENERATED, test=None).load()
    assert [len(part.times) for part in (untested.train, untested.validation, untested.test)] == [5, 2, 0]
    everything = replace(GENERATED, test=None, validation=None).load()
    assert [len(part.times) for part in (everything.train, everything.validation, everything.test)] == [5, 0, 0]


@pytest.mark.usefixtures("mirror")
def test_the_published_network_too() -> None:
    bare = replace(PUBLISHED, prior=None, validation=None, test=None)
    problem = bare.load()
    assert (problem.has_prior, problem.validation.empty, problem.test.empty) == (False, True, True)
    assert len(problem.train.times) == 5
    assert bare.fingerprint() != PUBLISHED.fingerprint()  # which reads the prior's file, too
