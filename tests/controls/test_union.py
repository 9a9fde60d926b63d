"""The union of prior and lasso."""

from __future__ import annotations

import numpy as np
import pytest

from dashprune.controls.base import Estimate
from dashprune.controls.lasso import Lasso
from dashprune.controls.union import Union
from tests.controls.problems import of_series


def test_scores_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two edges of the prior the lasso confirms one, by 0.6: being in the prior counts 0.3."""
    score = np.array([[0, 0.6, 0], [0.2, 0, 0.4], [0, 0, 0]])
    monkeypatch.setattr(Lasso, "fit", lambda self, problem: Estimate(score.copy(), score > 0))
    prior = np.zeros((3, 3))
    prior[0, 1], prior[2, 0] = 1, -1
    estimate = Union(decay=1.0, prior_weight=0.3333).fit(of_series(np.zeros((1, 2, 3)), prior))
    np.testing.assert_allclose(np.asarray(estimate.score), [[0, 0.9, 0], [0.2, 0, 0.4], [0.3, 0, 0]])
    np.testing.assert_array_equal(np.asarray(estimate.support), np.asarray(estimate.score) > 0)


def test_a_prior_of_which_nothing_is_confirmed_comes_last_but_before_what_nobody_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    score = np.array([[0, 0, 0.1], [0, 0, 0], [0, 0, 0]])
    monkeypatch.setattr(Lasso, "fit", lambda self, problem: Estimate(score.copy(), score > 0))
    prior = np.zeros((3, 3))
    prior[0, 1] = 1
    estimate = Union(decay=1.0, prior_weight=0.3333).fit(of_series(np.zeros((1, 2, 3)), prior))
    assert np.argsort(-np.asarray(estimate.score), axis=None)[:2].tolist() == [2, 1]
    assert np.asarray(estimate.support).sum() == 2
