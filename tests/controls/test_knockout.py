"""Ranking by knockouts, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dashprune.controls.knockout import Knockout
from dashprune.data.interventions import nothing
from dashprune.data.problem import with_steady_states
from dashprune.errors import DashpruneError
from tests.controls.problems import of_series

PRIOR = np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]])


def test_deviations_from_all_knockouts_in_their_standard_deviations() -> None:
    """Gene 1 is at 1, 0 and 1 in the three knockouts: mean 2/3, deviations 1/3, sd √2/3. Gene 2 is at 3, 2, 0.

    A knockdown, and series, do not count.
    """
    states = np.array([[0, 1, 3], [4, 0, 2], [4, 1, 0], [9, 9, 9]], dtype=np.float32)
    done = nothing(4, 3)
    np.fill_diagonal(done.held, 0)
    done.factor[3, 0] = 0.5
    problem = of_series(np.random.default_rng(0).random((2, 4, 3)), PRIOR)
    problem = replace(problem, train=with_steady_states(problem.train, [(states, done)]))
    estimate = Knockout().fit(problem)
    score = np.asarray(estimate.score)
    assert score[0, 1] == pytest.approx((1 / 3) / (math.sqrt(2) / 3))
    assert score[0, 2] == pytest.approx((3 - 5 / 3) / math.sqrt(14 / 9))
    assert score[1, 2] == pytest.approx((2 - 5 / 3) / math.sqrt(14 / 9))
    assert (np.diag(score) == 0).all()
    assert np.argwhere(estimate.support).tolist() == [[0, 2]]  # one edge, as the prior has one
    assert Knockout().predict(problem.train.transitions()) is None


def test_without_knockouts_it_says_what_is_missing() -> None:
    problem = of_series(np.random.default_rng(0).random((2, 4, 3)), PRIOR)
    with pytest.raises(DashpruneError, match=r"no training data are a steady state in which a gene is held; give"):
        Knockout().fit(problem)
