"""Edge-level DASH, from the cut of given probabilities to a whole run."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dashprune import compose, train_prune_eval
from dashprune.data.interventions import nothing
from dashprune.data.problem import Problem, Split
from dashprune.errors import DashpruneError
from dashprune.evidence import posterior as evidence
from dashprune.evidence.posterior import Posterior, Share
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.pruners import dash_edge as dash_edge_module
from dashprune.pruners import smoothing
from dashprune.pruners.dash_edge import DashEdge, _with_confidences, predicts
from dashprune.pruners.edges import kept
from dashprune.pruners.smoothing import Regression
from dashprune.runs.checked import Settings, check
from dashprune.runs.finished import reported
from dashprune.training.loop import fit
from dashprune.training.state import Training
from tests.conftest import SMALL, problem_with
from tests.pruners.test_imp import phoenix

EDGES = ["model=phoenix_edge", "pruner=dash_edge", "train.epochs=12", "++train.steps=240"]
PRIOR = np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0]], dtype=np.float32)
FOUND = np.array([[0.0, 0.9, 0.02], [0.51, 0.0, 0.3], [0.04, 0.06, 0.0]])
"""Probabilities, row regulates column."""


def dash_edge(prior: bool = True) -> DashEdge:
    """Screens at epoch 2 and decides at epoch 8."""
    return DashEdge(prior, screen=0.05, threshold=0.5, epochs=10, events=2, first=0.2, last=0.8)


def edges(genes: int = 3) -> PhoenixEdge:
    model = PhoenixEdge(genes, multiplier_rate=2.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(0))
    return model


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Evidence that finds `FOUND` for the targets that are `alive`; what it was asked is put beside it."""
    shared: dict[str, Any] = {"alive": np.ones(3, dtype=bool), "predicts": True}

    def regression(model: PhoenixEdge, split: object) -> Regression:
        return Regression(np.zeros((2, 3)), np.zeros((2, 3)), np.arange(2), shared["alive"], np.zeros((2, 3)))

    def posterior(
        rows: Regression, prior: np.ndarray, candidates: np.ndarray, log_odds: np.ndarray, relative: np.ndarray | None
    ) -> Posterior:
        shared.update(prior=prior, candidates=candidates, log_odds=log_odds)
        probability = FOUND[:, shared["alive"]]
        assert (
            rows.responses.shape[1]
            == rows.own.shape[1]
            == prior.shape[1]
            == candidates.shape[1]
            == probability.shape[1]
        )
        share = np.where(prior, 0.8, 0.02)
        found = np.log(np.maximum(probability, 1e-9) / (1 - probability) * (1 - share) / share)
        found = np.where(candidates, found, log_odds)
        return Posterior(found, probability, probability, Share(0.8, 0.7, 0.9), Share(0.02, 0.01, 0.03), 0.3)

    monkeypatch.setattr(smoothing, "regression", regression)
    monkeypatch.setattr(dash_edge_module, "predicts", lambda *_: shared["predicts"])
    monkeypatch.setattr(evidence, "posterior", posterior)
    return shared


def left(model: PhoenixEdge) -> list[tuple[int, int]]:
    """(source, target) of the pairs that are left."""
    return [(int(i), int(j)) for i, j in kept(model).T.nonzero()]


def test_improbable_pairs_are_screened_and_at_the_end_probable_ones_are_left(given: dict[str, Any]) -> None:
    model, pruner = edges(), dash_edge()
    pruner.attach(model, problem_with(PRIOR))
    assert [pruner.update(model, epoch) for epoch in (1, 2, 3)] == [False, True, False]
    assert given["candidates"].tolist() == (~np.eye(3, dtype=bool)).tolist()
    assert given["prior"].tolist() == (PRIOR != 0).tolist()
    assert left(model) == [(0, 1), (1, 0), (1, 2), (2, 0), (2, 1)]  # 2 to 0 as the prior has it, for the time being
    assert pruner.update(model, 8)
    assert given["candidates"].tolist() == [[False, True, False], [True, False, True], [True, True, False]]
    assert left(model) == [(0, 1), (1, 0)]
    np.testing.assert_allclose(pruner.edge_probability(slice(1, 3)), FOUND[:, 1:], rtol=1e-6)


def test_a_gene_that_cannot_change_keeps_its_pairs_until_the_end(given: dict[str, Any]) -> None:
    model, pruner = edges(), dash_edge()
    pruner.attach(model, problem_with(PRIOR))
    given["alive"] = np.array([True, False, True])
    pruner.update(model, 2)
    assert left(model) == [(0, 1), (1, 0), (1, 2), (2, 0), (2, 1)]
    pruner.update(model, 8)
    assert left(model) == [(1, 0)]
    probability = pruner.edge_probability(slice(None))
    assert probability is not None
    assert (probability[:, 1] == 0).all()


def test_a_model_that_predicts_nothing_leaves_the_prior(
    given: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    model, pruner = edges(), dash_edge()
    pruner.attach(model, problem_with(PRIOR))
    given["predicts"] = False
    pruner.update(model, 2)
    assert capsys.readouterr().err == ""
    pruner.update(model, 8)
    assert left(model) == [(0, 1), (1, 2), (2, 0)]
    assert "the network is the prior" in capsys.readouterr().err
    probability = pruner.edge_probability(slice(None))
    assert probability is not None
    np.testing.assert_allclose(probability[[0, 1, 2], [1, 2, 0]], 0.5)
    np.testing.assert_allclose(probability[[1, 2, 0], [0, 1, 2]], 1 / 5)
    assert [pruner.report()[f"prior_reliability{end}"] for end in ("", "_low", "_high")] == pytest.approx(
        [0.5, 0.025, 0.975]
    )


def test_only_a_model_that_beats_no_change_predicts() -> None:
    """Both genes halve their distance to 1/2 in a unit of time; of another model they are noise."""
    model = edges(2)
    with torch.no_grad():
        for layer in model.layers():
            layer.weight.zero_()
        model.raw_multipliers.fill_(math.log(2))
    start = np.random.default_rng(0).random((6, 2)).astype(np.float32)
    times = np.tile([0.0, 1.0], (6, 1))
    assert predicts(model, Split(np.stack([start, (start + 0.5) / 2], axis=1), times))
    assert not predicts(model, Split(np.stack([start, start], axis=1), times))


def test_steady_states_are_predicted_if_better_than_by_their_mean() -> None:
    """Gene 1 settles at s(x₀), x₀ being given, and is at 0.9 in the state in which it is held, which is no error."""
    model = edges(2)
    with torch.no_grad():
        for layer in model.layers():
            layer.weight.zero_()
            layer.bias.zero_()
        model.amplitudes.zero_()
        model.sums.weight[1, 0], model.raw_multipliers[0] = 1, 0
    states = np.random.default_rng(0).random((20, 2)).astype(np.float32)
    with torch.no_grad():
        states[:, 1] = model.drift(torch.as_tensor(states))[:, 1]
    done = nothing(20, 1, 2)
    done.held[:, 0, 0] = states[:, 0]
    done.held[0, 0, 1] = states[0, 1] = 0.9
    times = np.tile([0.0, 3.0], (20, 1))
    assert predicts(model, Split(np.stack([states, states], axis=1), times, done))
    states[1:, 1] = np.random.default_rng(1).permutation(states[1:, 1])
    assert not predicts(model, Split(np.stack([states, states], axis=1), times, done))


def test_the_ranking_tells_apart_what_is_certain(given: dict[str, Any]) -> None:
    """-log(1 - p) is log 2 for p = 1/2, and goes on to grow where p is 1 to a float."""
    model, pruner = edges(), dash_edge(prior=False)
    pruner.attach(model, problem_with(PRIOR))
    pruner.shares[1] = 0.5
    pruner.log_odds[0] = torch.tensor([0.0, 100.0, 200.0])
    ranking = pruner.edge_ranking(slice(None))
    assert ranking is not None
    np.testing.assert_allclose(ranking[0], [math.log(2), 100, 200])


def test_what_was_found_out_is_reported(given: dict[str, Any]) -> None:
    model, pruner = edges(), dash_edge()
    pruner.attach(model, problem_with(PRIOR))
    shares = [k + e for k in ("prior_reliability", "novelty") for e in ("", "_low", "_high")]
    assert list(pruner.report()) == [*shares, "prior_completeness"]
    pruner.update(model, 2)
    assert list(pruner.report().values()) == [0.8, 0.7, 0.9, 0.02, 0.01, 0.03, None]  # of three edges nothing follows


def test_without_the_prior_none_is_looked_at(given: dict[str, Any]) -> None:
    model, pruner = edges(), dash_edge(prior=False)
    pruner.attach(model, problem_with(PRIOR))
    pruner.update(model, 2)
    assert not given["prior"].any()
    assert not pruner.uses_prior
    assert dash_edge().uses_prior


def test_a_model_without_a_weight_for_every_pair_is_refused() -> None:
    with pytest.raises(DashpruneError, match=r"DashEdge cuts pairs of genes.*; set model=phoenix_edge$"):
        dash_edge().check(phoenix())


@pytest.mark.slow
def test_a_whole_run_reports_reliability_and_the_probability_of_each_edge(small: list[str], tmp_path: Path) -> None:
    row = train_prune_eval(compose([*small, *EDGES]))
    for name in ("prior_reliability", "novelty"):
        assert 0 < row[f"{name}_low"] < row[name] < row[f"{name}_high"] < 1
    assert row["novelty"] < row["prior_reliability"]
    assert row["uses_prior"] is True
    assert 0.5 < row["auroc_probability"] <= 1
    assert 0 < row["auprc_probability"] <= 1
    (path,) = tmp_path.rglob("network.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        network = list(csv.DictReader(file, delimiter="\t"))
    assert len(network) == row["edges"] > 0
    assert list(network[0]) == ["source", "target", "effect", "probability"]
    assert all(0.2 <= float(edge["probability"]) <= 1 for edge in network)
    assert all(edge["source"] != edge["target"] for edge in network)
    _, model, _ = reported(path.parent)
    assert (model.effect_matrix() != 0).sum() == row["edges"]


def prepared() -> tuple[Settings, Problem, Training]:
    made = check(compose([*SMALL, *EDGES]))
    problem = made.dataset.load()
    model = edges(len(problem.genes))
    made.pruner.attach(model, problem)
    return made, problem, Training(model, made.pruner, made.train)


@pytest.mark.slow
def test_probabilities_are_restored_with_a_training() -> None:
    made, problem, whole = prepared()
    fit(whole, problem.train, problem.validation, made.solver, 0, lambda: None)
    _, _, restored = prepared()
    assert restored.pruner.report()["prior_reliability"] is None
    restored.load_state_dict(whole.state_dict())
    assert restored.pruner.report() == whole.pruner.report()
    again, before = (t.pruner.edge_probability(slice(None)) for t in (restored, whole))
    assert before is not None
    assert again is not None
    assert before.max() > 0.5
    assert torch.equal(again, before)


def test_a_model_in_which_no_gene_changes_is_refused(given: dict[str, Any]) -> None:
    model, pruner = edges(), dash_edge()
    pruner.attach(model, problem_with(PRIOR))
    given["alive"] = np.zeros(3, dtype=bool)
    with pytest.raises(DashpruneError, match=r"^model: no gene changes .*; train longer before pruner.first"):
        pruner.update(model, 2)


def test_no_reliability_is_reported_of_a_prior_that_is_not_looked_at(small: list[str]) -> None:
    row = train_prune_eval(compose([*small, *EDGES, "pruner.prior=false"]))
    assert row["prior_reliability"] is None
    assert 0 < row["novelty_low"] < row["novelty_high"] < 1


def test_weights_of_the_prior_are_odds_beforehand() -> None:
    """In proportion to them, those of other pairs as they were."""
    relative, known = np.full((2, 2), 0.5, dtype=np.float16), np.array([[True, False], [True, True]])
    weights = np.array([[0.2, 0.0], [0.5, 0.8]])
    found = _with_confidences(relative, known, weights)
    np.testing.assert_allclose(found, [[np.log(0.4), 0.5], [0, np.log(1.6)]], atol=1e-3)
    assert _with_confidences(None, known, np.ones((2, 2))) is None
    assert _with_confidences(None, np.zeros((2, 2), dtype=bool), weights) is None
