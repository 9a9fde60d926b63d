"""Scores of knock-outs in a model that is known, and of runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashprune import compose, train_prune_eval
from dashprune.controls.base import Control
from dashprune.data.knockouts import Knockouts
from dashprune.data.problem import Transitions
from dashprune.data.sim350 import Sim350
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError
from dashprune.runs import identity
from dashprune.runs.knockouts import of_control, of_model, of_prior, scores
from dashprune.solvers.etdrk4 import Etdrk4
from tests.conftest import SMALL, Cascade, problem_with

CHAIN = np.array([[0, 1, 0], [0, 0, -1], [0, 0, 0]], dtype=np.float32)
"""0 activates 1, which represses 2."""


def known() -> Knockouts:
    """What becomes of the cascade's steady state (1, 1, 0) after 1, without gene 0 and without gene 1."""
    one = np.exp(-1)
    before = np.tile(np.array([1, 1, 0], dtype=np.float32), (2, 1))
    after = np.array([[0, one, 1 - 2 * one], [1, 0, 1 - one]], dtype=np.float32)
    return Knockouts(np.array([0, 1]), np.zeros(2, dtype=np.float32), before, after, before, 1.0)


def test_the_true_model_predicts_its_own_knock_outs() -> None:
    found = of_model(Cascade(basal=1, sign=-1), Etdrk4(0.02), problem_with(CHAIN), known())
    assert found["knockout_mse"] < 1e-8
    assert found["knockout_relative"] < 1e-7
    assert found["knockout_spearman"] == pytest.approx(1)


def test_errors_and_ranks_by_hand() -> None:
    """Changes: of 1 by 0 -0.63, of 2 by 0 +0.26, of 2 by 1 +0.63, of 0 by 1 none, as 1 does not reach it."""
    truth, problem = known(), problem_with(CHAIN)
    change = truth.after - truth.plain
    half = scores(truth.plain + change / 2, truth.plain, problem, truth)
    assert half["knockout_relative"] == pytest.approx(0.25)
    values = np.array([change[0, 1], change[0, 2], change[1, 0], change[1, 2]], dtype=np.float64)
    assert half["knockout_mse"] == pytest.approx((values**2).mean() / 4, rel=1e-5)
    assert half["knockout_spearman"] == pytest.approx(1)
    assert scores(truth.plain - change, truth.plain, problem, truth)["knockout_spearman"] == pytest.approx(-1)
    odd = scores(truth.plain + change + np.array([[0, 0, 0], [9, 0, 0]]), truth.plain, problem, truth)
    assert odd["knockout_spearman"] == pytest.approx(1), "a gene that is not reached counts in the error only"
    assert odd["knockout_relative"] > 1


def test_without_a_truth_all_genes_are_ranked() -> None:
    truth = known()
    problem = replace(problem_with(CHAIN), truth=None, evaluable=None)
    change = truth.after - truth.plain
    odd = scores(truth.plain + change + np.array([[0, 0, 0], [9, 0, 0]]), truth.plain, problem, truth)
    assert odd["knockout_spearman"] < 1


def test_the_signs_of_the_prior_alone() -> None:
    """0 lost makes 1 fall, 1 lost makes 2 rise; that 2 rises without 0, through 1, they do not say."""
    assert of_prior(problem_with(CHAIN), known()) == pytest.approx(1)
    wrong = replace(problem_with(CHAIN), prior=sparse(-CHAIN, np.float32))
    assert of_prior(wrong, known()) == pytest.approx(-1)
    assert of_prior(replace(problem_with(CHAIN), prior=sparse(0 * CHAIN, np.float32)), known()) is None


def test_no_change_has_a_relative_error_of_one_and_no_ranks() -> None:
    found = of_control(Control(), problem_with(CHAIN), known())
    assert found["knockout_relative"] == pytest.approx(1)
    assert found["knockout_spearman"] is None


class Restoring(Control):
    """Gene 0 goes back to 1 at once; the others follow the one before, by Euler's steps."""

    def predict(self, transitions: Transitions) -> np.ndarray:
        start, dt = transitions.start, transitions.dt[:, None]
        stop = start + dt * (np.roll(start, 1, axis=1) - start)
        stop[:, 0] = 1
        return stop


def test_a_control_goes_step_by_step_and_the_gene_is_set_back_at_each() -> None:
    """Held at 0, gene 0 lets 1 decay by 0.9 in each of ten steps; by itself 1 stays at 1."""
    truth = known()._replace(gene=np.array([0]), level=np.zeros(1, dtype=np.float32))
    truth = truth._replace(**{name: getattr(known(), name)[:1] for name in ("before", "after", "plain")})
    truth.after[0] = [0, 0.9**10, 0]
    only_the_first = replace(problem_with(CHAIN), truth=sparse(CHAIN != 0, np.bool_))
    found = of_control(Restoring(), only_the_first, truth)
    course = np.zeros(2)  # of gene 2, with gene 0 held and without
    held = 1.0
    for _ in range(10):
        course += 0.1 * (np.array([held, 1.0]) - course)
        held *= 0.9
    wrong = (course[0] - course[1]) ** 2  # gene 2 is said to stay; gene 1 is predicted exactly
    assert found["knockout_mse"] == pytest.approx(wrong / 2, rel=1e-3)


def test_the_simulator_holds_a_gene() -> None:
    config = compose([*SMALL, "dataset.noise=0"])
    dataset = Sim350(**{key: config.dataset[key] if key != "times" else tuple(config.dataset.times)
                        for key in config.dataset if key not in ("name", "_target_")})  # fmt: skip
    found, problem = dataset.knockouts(), dataset.load()
    assert problem.truth is not None
    rows = np.arange(len(found.gene))
    assert set(found.gene) == set(np.flatnonzero(np.diff(problem.truth.indptr)))
    assert not found.after[rows, found.gene].any()
    assert found.plain[0] == pytest.approx(problem.test.expression[0, -1], abs=1e-5)
    unreached = problem.truth.toarray().astype(float)
    reach = np.linalg.matrix_power(np.eye(len(unreached)) + unreached, len(unreached)) > 0
    assert np.abs(found.after - found.plain)[~reach[found.gene]].max() < 1e-5
    assert np.abs(found.after - found.plain)[rows, :][reach[found.gene]].max() > 0.01


def test_a_run_scores_them_when_asked_also_when_it_is_done(tmp_path: Path) -> None:
    words = [*SMALL, "train.epochs=3", f"outputs={tmp_path}"]
    plain = train_prune_eval(compose(words))
    assert "knockout_mse" not in plain
    later = train_prune_eval(compose([*words, "knockouts=true"]))
    assert later["id"] == plain["id"]
    assert later["wall_seconds"] == plain["wall_seconds"], "it is not trained again"
    written = json.loads((identity.folder_of(later) / "result.json").read_text())
    assert written["knockout_relative"] == later["knockout_relative"] > 0
    at_once = train_prune_eval(compose([*words, "knockouts=true", f"outputs={tmp_path / 'other'}"]))
    assert at_once["knockout_mse"] == later["knockout_mse"]
    assert at_once["knockout_spearman"] == later["knockout_spearman"]
    lasso = train_prune_eval(compose([*SMALL, f"outputs={tmp_path}", "control=lasso", "knockouts=true"]))
    assert lasso["knockout_relative"] > 0


def test_a_dataset_that_knows_none_is_a_mistake_before_training(tmp_path: Path) -> None:
    words = ["dataset=hillnet", "knockouts=true", f"outputs={tmp_path}"]
    with pytest.raises(DashpruneError, match="knockouts=true: hillnet knows no knock-outs"):
        train_prune_eval(compose(words))
