"""Controls on a linear system whose edges and solution are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from dashprune import compose, train_prune_eval
from dashprune.config import conf_dir
from dashprune.controls.base import Control
from dashprune.controls.genie3 import Genie3
from dashprune.controls.lasso import Lasso
from dashprune.controls.prior import Prior
from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior
from dashprune.data.sparse import sparse
from tests.conftest import SMALL

EDGES = np.zeros((5, 5), dtype=np.float32)
EDGES[0, 2], EDGES[1, 2], EDGES[1, 3] = 0.8, -0.6, 0.9


@pytest.fixture
def linear() -> Problem:
    """dx/dt = 0.3 + Eᵀ x - x for genes 2 and 3; 0, 1 and 4 are constant in time but differ between trajectories."""
    rng = np.random.default_rng(0)
    start = rng.random((60, 5))
    fixed = [0, 1, 4]
    steady = 0.3 + start[:, fixed] @ EDGES[fixed]
    paths = []
    for t in (0.0, 1.0, 3.0):
        now = steady + (start - steady) * np.exp(-t)
        now[:, fixed] = start[:, fixed]
        paths.append(now + 1e-3 * rng.standard_normal(now.shape))
    expression = np.stack(paths, axis=1).astype(np.float32)
    split = Split(expression, np.tile([0.0, 1.0, 3.0], (60, 1)))
    prior = sparse(EDGES != 0, np.float32)
    coregulation, truth, every = coregulation_from_prior(prior), prior.astype(bool), Pairs.every(5)
    return Problem(tuple("abcde"), split, split, split, prior, coregulation, truth, every)


def test_persistence_predicts_no_change_and_names_no_edge(linear: Problem) -> None:
    transitions = linear.test.transitions()
    assert Control().fit(linear) is None
    assert Control().predict(transitions) is transitions.start


def test_the_prior_takes_itself_for_the_network(linear: Problem) -> None:
    estimate = Prior().fit(linear)
    assert estimate is not None
    for targets in (slice(0, 3), slice(3, 5)):
        score, support = estimate.block(targets)
        np.testing.assert_array_equal(score, (EDGES != 0)[:, targets])
        np.testing.assert_array_equal(support, (EDGES != 0)[:, targets])
    assert Prior().predict(linear.test.transitions()) is None
    assert Prior.uses_prior


@pytest.mark.parametrize("decay", [1.0, None])
def test_the_lasso_finds_the_edges_and_predicts(linear: Problem, decay: float | None) -> None:
    lasso = Lasso(decay, prior_weight=1.0)
    estimate = lasso.fit(linear)
    assert estimate is not None
    regulated = np.array([2, 3])
    assert estimate.support[:, regulated][EDGES[:, regulated] != 0].all()
    assert not np.diagonal(estimate.support).any()
    assert estimate.score[0, 2] > estimate.score[4, 2]
    transitions = linear.test.transitions()
    predicted = lasso.predict(transitions)
    assert predicted is not None
    error = np.mean((predicted - transitions.stop)[:, regulated] ** 2)
    assert error < 0.02 * np.mean((transitions.start - transitions.stop)[:, regulated] ** 2)
    assert not lasso.uses_prior


def test_a_prior_edge_is_cheaper_for_the_lasso(linear: Problem) -> None:
    """Genes d and e made copies of each other: the prior decides which of the two is named."""
    expression = linear.train.expression.copy()
    expression[..., 4] = expression[..., 1]
    twin = Split(expression, linear.train.times)
    for gene, other in ((1, 4), (4, 1)):
        prior = sparse(csr_array(([1], ([gene], [3])), shape=(5, 5)), np.float32)
        problem = Problem(linear.genes, twin, twin, twin, prior, coregulation_from_prior(prior))
        estimate = Lasso(decay=1.0, prior_weight=0.3333).fit(problem)
        assert estimate is not None
        assert estimate.score[gene, 3] > estimate.score[other, 3]
    assert Lasso(decay=1.0, prior_weight=0.3333).uses_prior


def test_tree_importances_rank_true_regulators_first(linear: Problem) -> None:
    control = Genie3(decay=1.0, trees=30, seed=0)
    estimate = control.fit(linear)
    assert estimate is not None
    assert estimate.score[:, 3].argmax() == 1
    assert set(np.argsort(-estimate.score[:, 2])[:2]) == {0, 1}
    assert estimate.support.sum() == 3  # as many as the prior has
    assert (np.diag(estimate.score) == 0).all()
    again = Genie3(decay=1.0, trees=30, seed=0).fit(linear)
    assert again is not None
    assert (again.score == estimate.score).all()


NAMES = sorted({path.stem for path in (conf_dir() / "control").glob("*.yaml")} - {"knockout"})
"""All but the one that has nothing to go by without knockouts."""
PRIOR = {"prior", "lasso_prior", "union", "degree", "activity", "completion", "evidence", "inferelator"}
PREDICTS = {"persistence", "lasso", "lasso_prior", "union"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_control_gives_a_row(name: str, tmp_path: Path) -> None:
    options = ["control.trees=5"] if name.endswith("genie3") else []
    row = train_prune_eval(compose([*SMALL, f"control={name}", f"outputs={tmp_path}", *options]))
    assert (row["model"], row["pruner"]) == ("control", name)
    assert row["uses_prior"] == (name in PRIOR)
    assert (row["mse"] is None) == (name not in PREDICTS)
    if name == "persistence":
        assert row["mse"] == row["mse_persistence"]
    else:
        assert 0.5 <= row["balanced_accuracy"] <= 1
    again = compose([*SMALL, f"control={name}", f"outputs={tmp_path}", "train.epochs=9", "pruner=imp", *options])
    assert train_prune_eval(again) == row  # training and pruner do not identify a control
