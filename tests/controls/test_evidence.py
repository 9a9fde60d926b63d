"""The posterior without a neural model, on planted linear dynamics."""

from __future__ import annotations

import numpy as np
import pytest

from dashprune.controls.evidence import Evidence
from dashprune.data.problem import Problem
from tests.controls.problems import of_series

EDGES = {(0, 2), (1, 2), (2, 3)}


def linear(prior: np.ndarray) -> Problem:
    """Ten genes that decay at rate 1, of which 0 and 1 drive 2, and 2 drives 3; the others are driven by nobody."""
    random, genes = np.random.default_rng(0), 10
    weights = np.zeros((genes, genes))
    weights[0, 2], weights[1, 2], weights[2, 3] = 0.8, -0.7, 0.9
    states = [random.normal(size=(12, genes))]
    for _ in range(10):
        x = states[-1]
        for _ in range(100):
            x = x + 0.01 * (x @ weights - x + 0.6 * np.sin(np.arange(genes)))
        states.append(x + 0.02 * random.normal(size=x.shape))
    return of_series(np.stack(states, axis=1), prior)


@pytest.fixture
def truth() -> np.ndarray:
    known = np.zeros((10, 10))
    known[tuple(zip(*EDGES, strict=True))] = 1
    return known


def test_planted_edges_are_the_most_probable_ones_without_a_prior() -> None:
    estimate = Evidence(decay=1.0, threshold=0.2).fit(linear(np.zeros((10, 10))))
    score = np.asarray(estimate.score)
    best = np.argsort(-score, axis=None)[:3]
    assert {tuple(map(int, divmod(place, 10))) for place in best.tolist()} == EDGES
    assert np.asarray(estimate.support)[tuple(zip(*EDGES, strict=True))].all()
    assert (np.diag(score) == 0).all()
    assert not np.asarray(estimate.support).diagonal().any()


def test_a_wrong_edge_of_the_prior_ranks_below_the_real_ones(truth: np.ndarray) -> None:
    truth[7, 8] = 1
    estimate = Evidence(decay=1.0, threshold=0.2).fit(linear(truth))
    score = np.asarray(estimate.score)
    assert score[7, 8] < min(score[edge] for edge in EDGES)


def test_scores_are_in_the_order_of_the_probabilities(truth: np.ndarray) -> None:
    estimate = Evidence(decay=None, threshold=0.2).fit(linear(truth))
    assert estimate.probability is not None
    score, probability = np.ravel(estimate.score), np.ravel(estimate.probability)
    order = np.argsort(score)
    assert (np.diff(probability[order]) >= -1e-3).all()
    np.testing.assert_array_equal(np.ravel(estimate.support), probability >= 0.2)
