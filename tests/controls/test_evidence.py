"""The posterior without a neural model, on planted linear dynamics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dashprune.controls.evidence import Evidence
from dashprune.data.interventions import nothing
from dashprune.data.problem import Problem, with_steady_states
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


def hill(genes: int, held: int | None, drive: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(genes,) steady state, measured: 0 raises 1, and 1 lowers 2; all are driven, 0 and the others from outside."""
    x = np.full(genes, 0.5)
    for _ in range(400):
        made = drive.copy()
        made[1] = x[0] ** 2 / (0.25 + x[0] ** 2)
        made[2] = 0.25 / (0.25 + x[1] ** 2)
        x = x + 0.1 * (made - x)
        if held is not None:
            x[held] = 0
    measured: np.ndarray = np.maximum(x + 0.02 * random.normal(size=genes), 0)
    return measured


def driven(knockouts: bool) -> Problem:
    """Thirty series that go from one steady state to another, driven by nobody knows what; and two of each knockout."""
    random, genes = np.random.default_rng(0), 10
    ends = [hill(genes, None, random.uniform(0.2, 0.8, genes), random) for _ in range(60)]
    problem = of_series(np.stack([ends[:30], ends[30:]], axis=1), np.zeros((genes, genes)))
    slow = replace(problem.train, times=8 * problem.train.times)
    if knockouts:
        usual, order, done = np.full(genes, 0.5), [*range(genes), *range(genes)], nothing(2 * genes + 5, genes)
        done.held[range(2 * genes), order] = 0
        states = [hill(genes, held, usual, random) for held in [*order, *[None] * 5]]
        slow = with_steady_states(slow, [(np.array(states, dtype=np.float32), done)])
    return replace(problem, train=slow)


def test_knockouts_tell_directions_that_series_cannot() -> None:
    """0 raises 1, which lowers 2. From the series 1 raises 0 as well, and 0 lowers 2 by itself."""
    control = Evidence(decay=1.0, threshold=0.5)
    before, after = (control.fit(driven(knockouts)) for knockouts in (False, True))
    probability = np.asarray(before.probability)
    assert min(probability[0, 1], probability[1, 0], probability[0, 2]) > 0.9 > probability[1, 2]
    score, probability = np.asarray(after.score), np.asarray(after.probability)
    assert min(probability[0, 1], probability[1, 2]) > 0.9
    assert max(probability[2, 1], probability[0, 2], probability[2, 0]) < 0.2
    assert score[1, 0] < 0.01 * score[0, 1]
