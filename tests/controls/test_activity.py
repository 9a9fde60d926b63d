"""Activities, against leaving genes out one by one, and on regulators whose expression says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from dashprune.controls.activity import Activity, correlations
from dashprune.data.problem import Problem
from dashprune.models.activity import _RIDGES, activities
from tests.controls.problems import of_series

REGULATORS, GENES = 6, 66


def hidden(permuted: bool) -> tuple[Problem, np.ndarray]:
    """Six regulators whose expression is noise; 60 targets that follow the hidden activity of one each.

    Half of the edges are the prior.

    Returns:
        The problem, and the (genes, genes) edges that are not in its prior.
    """
    rng = np.random.default_rng(0)
    of = np.arange(GENES - REGULATORS) % REGULATORS
    hidden = rng.standard_normal((40, REGULATORS))
    expression = rng.standard_normal((40, GENES))
    expression[:, REGULATORS:] = hidden[:, of] + 0.5 * rng.standard_normal((40, len(of)))
    if permuted:
        expression = np.column_stack([rng.permutation(column) for column in expression.T])
    truth = np.zeros((GENES, GENES))
    truth[of, REGULATORS + np.arange(len(of))] = 1
    prior = truth.copy()
    prior[:, GENES // 2 :] = 0
    return of_series(expression.reshape(4, 10, GENES), prior), truth - prior


def chance_of(score: np.ndarray, edges: np.ndarray, others: np.ndarray) -> float:
    """How often an edge has a higher score than another pair."""
    return float((score[edges][:, None] > score[others][None, :]).mean())


def test_what_is_left_out_is_what_a_new_fit_without_the_gene_gives() -> None:
    rng = np.random.default_rng(1)
    expression = rng.standard_normal((15, 8))
    expression -= expression.mean(axis=0)
    network = np.where(rng.random((3, 8)) < 0.5, rng.choice([-1.0, 1.0], (3, 8)), 0)
    found = correlations(expression, network)
    activity, effect = activities(expression, network)
    ridge = min(
        _RIDGES, key=lambda r: np.abs(np.linalg.solve(network @ network.T + r * np.eye(3), network) - effect).max()
    )
    np.testing.assert_allclose(activity, expression @ effect.T)
    for gene in range(8):
        a = np.delete(network, gene, axis=1)
        without = np.delete(expression, gene, axis=1) @ a.T @ np.linalg.inv(a @ a.T + ridge * np.eye(3))
        expected = [np.corrcoef(without[:, k], expression[:, gene])[0, 1] for k in range(3)]
        np.testing.assert_allclose(found[:, gene], expected, atol=1e-10)


def test_hidden_activity_finds_targets_that_are_not_in_the_prior() -> None:
    problem, novel = hidden(permuted=False)
    estimate = Activity(least=3).fit(problem)
    score, known = np.asarray(estimate.score), problem.prior.toarray() != 0
    others = np.zeros_like(known)
    others[:REGULATORS, REGULATORS:] = True
    others &= ~known & (novel == 0)
    assert chance_of(score, novel != 0, others) > 0.95
    assert chance_of(score, known, others) > 0.95
    assert np.asarray(estimate.support).sum() == known.sum()
    assert not np.diagonal(score).any()


def test_permuted_expression_proves_no_pair_in_or_out_of_the_prior() -> None:
    problem, novel = hidden(permuted=True)
    score, known = np.asarray(Activity(least=3).fit(problem).score), problem.prior.toarray() != 0
    others = np.zeros_like(known)
    others[:REGULATORS, REGULATORS:] = True
    others &= ~known & (novel == 0)
    assert chance_of(score, novel != 0, others) == pytest.approx(0.5, abs=0.12)
    assert chance_of(score, known, others) < 0.62


def test_a_regulator_with_few_targets_keeps_its_expression() -> None:
    """Scores stay finite, and are the same whatever ridge would be chosen, where no regulator has enough targets."""
    problem, _ = hidden(permuted=False)
    score = np.asarray(Activity(least=GENES).fit(problem).score)
    assert np.isfinite(score).all()
    assert (score != np.asarray(Activity(least=3).fit(problem).score)).any()
