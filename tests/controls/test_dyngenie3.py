"""Tree importances on series whose regulator is planted."""

from __future__ import annotations

import numpy as np

from dashprune.controls.dyngenie3 import DynGenie3
from tests.controls.problems import of_series


def planted() -> np.ndarray:
    """Gene 2 decays at rate 1 (x' = x + 1 · (3 x_0 - x), in steps of 1) and follows gene 0; 1 and 3 are noise."""
    rng = np.random.default_rng(0)
    expression = rng.random((12, 10, 4))
    expression[:, 1:, 2] = 3 * expression[:, :-1, 0]
    return expression


def test_the_planted_regulator_is_first_and_no_gene_regulates_itself() -> None:
    prior = np.zeros((4, 4))
    prior[1, 2] = prior[1, 3] = 1
    estimate = DynGenie3(decay=1.0, trees=30, seed=0).fit(of_series(planted(), prior))
    score = np.asarray(estimate.score)
    assert score[:, 2].argmax() == 0
    assert score[0, 2] > 0.8
    assert not np.diagonal(score).any()
    np.testing.assert_allclose(score.sum(axis=0), 1)
    assert np.asarray(estimate.support).sum() == 2  # as many as the prior has


def test_the_same_seed_gives_the_same_scores_and_another_does_not() -> None:
    problem = of_series(planted(), np.zeros((4, 4)))
    first, again, other = (np.asarray(DynGenie3(None, 5, seed).fit(problem).score) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
