"""DREAM4: sizes, edges and steady states as published, series in the order of the file, priors that are parts of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashprune import compose, train_prune_eval
from dashprune.data.dream4 import Dream4
from dashprune.data.in_silico import PERTURBED
from dashprune.data.published import manifest
from dashprune.errors import DashpruneError

SMALL = Dream4(
    size=10, network=1, steady_states=None, prior="gold", prior_noise=0.0, prior_holdout=None, prior_holdout_by="edges",
    validation=1, test=1, time_unit=50.0, seed=0,
)  # fmt: skip
EDGES = {(10, 1): 15, (10, 2): 16, (10, 3): 15, (100, 1): 176, (100, 2): 249}
"""By size and network, of those that the local copy has."""

pytestmark = pytest.mark.usefixtures("mirror")


@pytest.mark.parametrize(("size", "network"), EDGES)
def test_counts(size: int, network: int) -> None:
    """Five series of 10 genes, ten of 100, each of 21 time points; all ordered pairs but loops are scored."""
    problem = replace(SMALL, size=size, network=network).load()  # type: ignore[arg-type]
    assert problem.genes == tuple(f"G{k + 1}" for k in range(size))
    assert problem.train.expression.shape == ({10: 3, 100: 8}[size], 21, size)
    assert problem.validation.expression.shape == problem.test.expression.shape == (1, 21, size)
    assert 0 <= problem.train.expression.min() < problem.train.expression.max() <= 1
    assert problem.truth is not None
    assert problem.evaluable is not None
    assert problem.truth.nnz == problem.prior.nnz == EDGES[size, network]
    assert problem.truth.diagonal().sum() == 0
    assert problem.evaluable.block(slice(None)).sum() == size * (size - 1)


def test_all_ten_networks_can_be_fetched() -> None:
    """Series, truth and two kinds of steady states of each, and a third kind with 10 genes."""
    files = manifest.files_of("dream4")
    assert len(files) == 5 * 5 + 5 * 4
    for size in (10, 100):
        for network in range(1, 6):
            named = f"dataset.size={size} dataset.network={network}"
            assert sum(entry.without.endswith(named) for entry in files) == {10: 5, 100: 4}[size]


def test_series_are_those_of_the_file() -> None:
    """Split by the seed, each from minute 0 to 1000 by 50, which is 0 to 20 in units of 50 minutes."""
    problem = SMALL.load()
    table = pd.read_csv(SMALL._file("timeseries"), sep="\t").to_numpy(np.float32).reshape(5, 21, 10)
    parts = [problem.train, problem.validation, problem.test]
    found = {series.tobytes() for part in parts for series in part.expression}
    assert found == {series.tobytes() for series in table}
    assert all(times.tolist() == list(range(21)) for part in parts for times in part.times)
    assert replace(SMALL, time_unit=100.0).load().train.times[0].tolist() == [k / 2 for k in range(21)]
    assert PERTURBED == (0, 10 * 50)


def test_the_perturbation_ends_half_way() -> None:
    """Series begin and end in the wild type's steady state, which differs from that under the perturbation."""
    problem = replace(SMALL, size=100).load()
    first, middle, last = (problem.train.expression[:, k] for k in (0, 10, 20))
    assert 2 * np.abs(last - first).mean() < np.abs(middle - first).mean()


def test_genes_respond_within_about_a_unit() -> None:
    """Once the perturbation stops, what is left of a large change falls to 1/e in one to three units of 50 minutes."""
    for size, network in EDGES:
        problem = replace(SMALL, size=size, network=network).load()  # type: ignore[arg-type]
        fall = problem.train.expression[:, 10:] - problem.train.expression[:, -3:].mean(axis=1, keepdims=True)
        large = np.abs(fall[:, 0]) > 0.2
        left = [np.median((fall[:, k] / fall[:, 0])[large]) for k in range(4)]
        assert left[1] > np.exp(-1) - 0.1
        assert left[3] < np.exp(-1)


def test_split_is_drawn_from_the_seed() -> None:
    drawn = {replace(SMALL, seed=seed).load().test.expression.tobytes() for seed in range(8)}
    assert len(drawn) > 1
    larger = replace(SMALL, test=3).load()
    assert [len(part.times) for part in (larger.train, larger.validation, larger.test)] == [1, 1, 3]
    with pytest.raises(DashpruneError, match=r"dataset.validation=2 and dataset.test=3 leave none of 5 series"):
        replace(SMALL, validation=2, test=3).load()


def test_noise_moves_edges_of_the_prior_and_holdout_takes_some_out() -> None:
    """Of 15 edges 3 are moved at 0.2; of 15 edges 7 are taken out at 0.5. Series and truth stay."""
    clean, moved = SMALL.load(), replace(SMALL, prior_noise=0.2).load()
    half = replace(SMALL, prior_holdout=0.5).load()
    for problem, edges, true in ((moved, 15, 12), (half, 8, 8)):
        assert problem.truth is not None
        assert (problem.prior.nnz, (problem.prior * problem.truth).count_nonzero()) == (edges, true)
        np.testing.assert_array_equal(problem.train.expression, clean.train.expression)
        assert problem.truth.nnz == 15


def test_measured_states() -> None:
    """Row k is gene k perturbed: switched off it is 0, knocked down it is well below the wild type."""
    states = SMALL.measured_states()
    assert {kind: table.shape for kind, table in states.items()} == dict.fromkeys(
        ("knockouts", "knockdowns", "multifactorial"), (10, 10)
    )
    assert (states["knockouts"].diagonal() == 0).all()
    wild_type = np.median(states["knockdowns"], axis=0)
    assert np.median(states["knockdowns"].diagonal() / wild_type) == pytest.approx(0.5, abs=0.15)
    assert set(replace(SMALL, size=100).measured_states()) == {"knockouts", "knockdowns"}


def test_knock_outs_are_those_measured_unless_they_are_trained_on() -> None:
    known, states = SMALL.knockouts(), SMALL.measured_states()
    assert known is not None
    np.testing.assert_array_equal(known.after, states["knockouts"].astype(np.float32))
    assert known.gene.tolist() == list(range(10))
    np.testing.assert_array_equal(known.before, known.plain)
    wild = np.concatenate(
        [split.expression[:, 0] for split in (SMALL.load().train, SMALL.load().validation, SMALL.load().test)]
    )
    assert known.before[3] == pytest.approx(wild.mean(axis=0), abs=1e-6)
    assert known.time == 20
    assert replace(SMALL, steady_states=("knockouts",)).knockouts() is None
    assert replace(SMALL, steady_states=("wildtype",)).knockouts() is not None


def test_steady_states_are_trained_on_with_what_was_done() -> None:
    """Three series, the wild type of each, and ten states in which one gene is held at 0, or its production halved."""
    every = replace(SMALL, steady_states=("knockouts", "knockdowns", "wildtype"))
    problem, states = every.load(), SMALL.measured_states()
    transitions, done = problem.train.transitions(), problem.train.intervened()
    assert done is not None
    assert transitions.steady.tolist() == [False] * 60 + [True] * 23
    np.testing.assert_array_equal(transitions.stop[60:70], states["knockouts"].astype(np.float32))
    np.testing.assert_array_equal(transitions.stop[70:80], states["knockdowns"].astype(np.float32))
    np.testing.assert_array_equal(transitions.stop[80:], problem.train.expression[:3, 0])
    assert (np.diag(done.held[60:70]) == 0).all()
    assert (~np.isnan(done.held)).sum() == (done.factor != 1).sum() == 10
    assert (np.diag(done.factor[70:80]) == 0.5).all()
    assert problem.test.interventions is None
    assert len(problem.test.times) == 1
    assert every.fingerprint() != SMALL.fingerprint()
    only = replace(SMALL, steady_states=("wildtype",))
    assert only.fingerprint() == SMALL.fingerprint()
    assert only.load().train.transitions().steady.sum() == 3


def test_without_a_prior_and_with_all_series() -> None:
    """Nothing is held out, and nothing known beforehand; the truth still judges."""
    problem = replace(SMALL, prior=None, validation=None, test=None).load()
    assert problem.train.expression.shape == (5, 21, 10)
    assert problem.validation.empty
    assert problem.test.empty
    assert not problem.has_prior
    assert problem.truth is not None
    assert problem.truth.nnz == 15


def test_a_network_that_is_not_here_is_named(copied: Callable[..., Path]) -> None:
    copied(SMALL._file("timeseries"))
    with pytest.raises(DashpruneError, match=r"insilico_size10_1_goldstandard.tsv is missing"):
        SMALL.load()
    with pytest.raises(DashpruneError, match=r"insilico_size10_4_timeseries.tsv is missing"):
        replace(SMALL, network=4).fingerprint()


def test_damaged_series_are_refused(copied: Callable[..., Path]) -> None:
    series = copied(SMALL._file("timeseries"), SMALL._file("goldstandard")) / SMALL._file("timeseries").relative_to(
        SMALL._file("timeseries").parents[3]
    )
    lines = series.read_text().splitlines()
    before = SMALL.fingerprint()
    series.write_text("\n".join(lines[:-1]))
    assert SMALL.fingerprint() != before
    with pytest.raises(DashpruneError, match=r"has 104 rows, which are no series of 21 time points"):
        SMALL.load()
    series.write_text("\n".join([lines[0], *lines[2:], lines[1].replace("0.1272186", "")]))
    with pytest.raises(DashpruneError, match=r"row 106, column 2 is empty or not a finite number"):
        SMALL.load()
    series.write_text("\n".join(line.rpartition("\t")[0] for line in lines))
    with pytest.raises(DashpruneError, match=r"has 9 columns, but 10 genes"):
        SMALL.load()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["phoenix", "phoenix_edge"])
def test_a_run(model: str, tmp_path: Path) -> None:
    pruner = {"phoenix": "dash", "phoenix_edge": "dash_edge"}[model]
    options = ["dataset=dream4", "dataset.size=10", "dataset.prior_noise=0.2", f"model={model}", f"pruner={pruner}"]
    row = train_prune_eval(compose([*options, "train.epochs=12", "hidden=5", f"outputs={tmp_path}"]))
    assert 0 < row["mse_persistence"] < 0.5
    assert 0 < row["balanced_accuracy"] < 1
