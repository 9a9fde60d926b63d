"""Decay, from series whose rates are known."""

from __future__ import annotations

import numpy as np
import pytest

from dashprune.controls.decay import decay_rates, production, steepest_fall
from dashprune.data.interventions import nothing
from dashprune.data.problem import Split, with_steady_states
from dashprune.errors import DashpruneError

RATES = np.array([0.5, 1.0, 2.0, 1.0])


def relaxing(rates: np.ndarray, noise: float) -> Split:
    """80 trajectories at 0, 1 and 2: each gene relaxes from anywhere to 0.2 + half of the next gene's start."""
    rng = np.random.default_rng(0)
    start = rng.random((80, len(rates)))
    steady = 0.2 + 0.5 * np.roll(start, -1, axis=1)
    paths = [steady + (start - steady) * np.exp(-rates * t) for t in (0.0, 1.0, 2.0)]
    expression = np.stack(paths, axis=1) + noise * rng.standard_normal((80, 3, len(rates)))
    return Split(expression.astype(np.float32)[:, :2], np.tile([0.0, 1.0], (80, 1)))


def test_a_given_decay_is_that_of_all_genes() -> None:
    np.testing.assert_array_equal(decay_rates(relaxing(RATES, 0), 0.7), [0.7] * 4)


@pytest.mark.parametrize("unit", [1.0, 60.0])
def test_rates_of_decay_are_recovered_in_any_unit_of_time(unit: float) -> None:
    split = relaxing(RATES, 0.005)
    found = decay_rates(Split(split.expression, split.times * unit), None)
    np.testing.assert_allclose(found * unit, RATES, rtol=0.2)


def test_the_steepest_fall_by_hand() -> None:
    """Above the floor, 0.5, the first gene goes from 2 to 1 in 2 units of time, the second from 1 to 4 in 1 unit."""
    first = (np.array([[2.5, 1.5], [2.0, 4.5], [1.5, 2.5]]), np.array([0.0, 1.0, 2.0]))
    second = (np.array([[0.5, 3.0], [0.5, 3.0]]), np.array([0.0, 1.0]))
    np.testing.assert_allclose(steepest_fall(Split.ragged([first, second])), [np.log(2) / 2, np.log(4)])


def test_nothing_that_changes_says_nothing_of_decay() -> None:
    still = Split(np.ones((2, 3, 2), dtype=np.float32), np.tile([0.0, 1.0, 2.0], (2, 1)))
    with pytest.raises(DashpruneError, match=r"control\.decay=null: no gene changes"):
        decay_rates(still, None)


def test_steady_states_say_nothing_of_decay_and_need_none() -> None:
    """Alone they need no rate; beside series they change none."""
    random = np.random.default_rng(0)
    series = Split(random.random((4, 5, 3)).astype(np.float32), np.tile(np.arange(5.0), (4, 1)))
    states = random.random((6, 3)).astype(np.float32)
    both = with_steady_states(series, [(states, nothing(6, 3))])
    np.testing.assert_array_equal(decay_rates(both, None), decay_rates(series, None))
    assert decay_rates(both.take(np.arange(4, 10)), None).tolist() == [1, 1, 1]


def test_production_by_hand() -> None:
    """From 1 to 3 in a unit of time with half forgotten: production over rate is 1 + 2 / 0.5."""
    split = Split(np.array([[[1.0], [3.0]]], dtype=np.float32), np.array([[0.0, 1.0]]))
    made, forgotten = production(split.transitions(), np.array([np.log(2)]))
    np.testing.assert_allclose((made[0, 0], forgotten[0, 0]), (5, 0.5))
