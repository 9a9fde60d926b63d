"""Degrees of the prior, counted by hand."""

from __future__ import annotations

import numpy as np

from dashprune.controls.degree import Degree
from tests.controls.problems import of_series


def test_a_pair_is_left_out_of_its_own_score() -> None:
    """0 regulates 1, 2 and 3, 4 regulates 3, and itself, which is not counted."""
    prior = np.zeros((5, 5))
    prior[0, 1:4], prior[4, 3], prior[4, 4] = 1, -1, 1
    estimate = Degree().fit(of_series(np.zeros((1, 2, 5)), prior))
    score = np.asarray(estimate.score)
    third = 1 / 3  # for a regulator of the target; no pair has more than two beside itself
    np.testing.assert_allclose(score[0], [0, 2, 2, 2 + third, 3])  # 3 is regulated by 4, too
    np.testing.assert_allclose(score[4], [1, 1 + third, 1 + third, 0, 0])  # 4 has no target but 3
    assert not score[1:4].any()
    assert np.asarray(estimate.support).sum() == 4
    assert Degree.uses_prior


def test_no_expression_is_looked_at() -> None:
    prior = np.triu(np.ones((4, 4)), 1)
    rng = np.random.default_rng(0)
    first, second = (Degree().fit(of_series(rng.random((2, 3, 4)), prior)) for _ in range(2))
    np.testing.assert_array_equal(np.asarray(first.score), np.asarray(second.score))
