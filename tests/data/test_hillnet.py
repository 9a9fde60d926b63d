"""The simulator of another kind: its equation by hand, and what each switch does."""

from __future__ import annotations

import numpy as np
import pytest

from dashprune import compose
from dashprune.data.hillnet import Rules, Switches, _production, simulate
from dashprune.data.problem import Problem
from dashprune.data.simulator import Edge, Network
from dashprune.runs.checked import check

PLAIN = Switches(0, 0, 0, 0, hidden=False)
PAIR = Network(("A", "B"), (Edge("A", "B", 1, 0.5, 2.0),), {"B": "A"})
"""A, which stays as it is, activates B."""


def problem(*words: str) -> Problem:
    return check(
        compose(["dataset=hillnet", "dataset.genes=30", "dataset.inputs=6", "dataset.edges=45", *words])
    ).dataset.load()


def test_production_by_hand() -> None:
    """A = 0.5 binds half of the time; as an activator F = 0.55 / 1.55 · 1.05, as a repressor 0.05 / 2.05 · 1.05."""
    one, none = np.array([[0.0, 1.0], [0.0, 0.0]]), np.zeros((2, 2))
    half, steepness = np.full((2, 2), 0.5), np.full((2, 2), 2.0)
    acting = np.array([[0.5, 0.9]])
    raised = _production(acting, Rules(one, none, half, steepness))
    lowered = _production(acting, Rules(none, one, half, steepness))
    np.testing.assert_allclose(raised, [[0.05, 0.55 / 1.55 * 1.05]])
    np.testing.assert_allclose(lowered, [[0.05, 0.05 / 2.05 * 1.05]])


def test_a_gene_approaches_its_production_at_its_rate() -> None:
    """A is constant, so B = F + (B₀ - F) exp(-t); Euler's steps of 0.01 are exact to a percent."""
    states = simulate(PAIR, 5, points=4, length=3.0, switches=PLAIN, seed=0)
    assert states.shape == (5, 4, 2)
    np.testing.assert_array_equal(states[:, 0, 0], states[:, -1, 0])
    bound = states[:, 0, 0] ** 2 / (0.25 + states[:, 0, 0] ** 2)
    end = (0.05 + bound) / (1.05 + bound) * 1.05
    for k, time in enumerate((0, 1, 2, 3)):
        expected = end + (states[:, 0, 1] - end) * np.exp(-time)
        np.testing.assert_allclose(states[:, k, 1], expected, atol=5e-3)


@pytest.mark.parametrize(
    "word", ["decay_spread=1", "delay=1", "intrinsic=0.1", "multiplicative=0.2", "perturbation=0.5", "activity=hidden"]
)
def test_each_switch_changes_expression_and_nothing_else(word: str) -> None:
    plain, switched = problem(), problem(f"dataset.{word}")
    assert not np.array_equal(plain.train.expression, switched.train.expression)
    np.testing.assert_array_equal(plain.prior.toarray(), switched.prior.toarray())
    assert plain.truth is not None
    assert switched.truth is not None
    np.testing.assert_array_equal(plain.truth.toarray(), switched.truth.toarray())
    assert np.array_equal(plain.test.expression, switched.test.expression) == (word == "multiplicative=0.2")


def test_a_protein_lags_behind_its_mrna() -> None:
    """B, whose regulator falls from 1, is higher for longer where the regulator acts by a protein."""
    chain = Network(("A", "B", "C"), (Edge("A", "B", 1, 0.5, 2.0), Edge("B", "C", 1, 0.5, 2.0)), {"B": "A", "C": "B"})
    at_once, later = (simulate(chain, 200, 31, 3.0, PLAIN._replace(delay=delay), 0) for delay in (0.0, 1.0))
    falling = at_once[:, 0, 1] - at_once[:, -1, 1] > 0.3
    assert falling.sum() > 10
    assert (later[falling, -1, 2] > at_once[falling, -1, 2]).all()


def test_a_hidden_activity_makes_mrna_say_nothing_of_targets() -> None:
    """Over a gene's trajectories, its end follows the regulator's mRNA in the plain form, and not in the hidden one."""
    plain, hidden = (simulate(PAIR, 400, 2, 4.0, PLAIN._replace(hidden=hidden), 0)[:, -1] for hidden in (False, True))
    assert np.corrcoef(plain.T)[0, 1] > 0.9
    assert abs(np.corrcoef(hidden.T)[0, 1]) < 0.15


def test_the_prior_has_the_part_of_its_edges_moved_that_was_asked_for() -> None:
    found = problem("dataset.prior_noise=0.2")
    assert found.truth is not None
    assert found.prior.nnz == found.truth.nnz == 45
    assert (found.prior.astype(bool).toarray() & found.truth.toarray()).sum() == 45 - 9


def test_without_a_prior_and_with_all_trajectories() -> None:
    whole = problem("dataset.prior=null", "dataset.validation=null", "dataset.test=null")
    assert len(whole.train.times) == 40
    assert whole.validation.empty
    assert whole.test.empty
    assert not whole.has_prior


def test_edges_are_held_out_of_the_prior_only() -> None:
    whole, half = problem(), problem("dataset.prior_holdout=0.5")
    assert (whole.prior.nnz, half.prior.nnz) == (45, 23)
    assert half.truth is not None
    assert half.truth.nnz == 45
    np.testing.assert_array_equal(whole.train.expression, half.train.expression)
