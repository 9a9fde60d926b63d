"""What a prior says of the edges that it lacks, on networks of which a known part was taken away."""

from __future__ import annotations

import numpy as np
import pytest

from dashprune.evidence.completion import _coregulation, completion

REGULATORS, TARGETS = 30, 400


def modules(seed: int = 0) -> np.ndarray:
    """(regulators, targets) bool: five modules whose regulators share most of their targets."""
    rng = np.random.default_rng(seed)
    module_of_regulator, module_of_target = rng.integers(5, size=REGULATORS), rng.integers(5, size=TARGETS)
    chance = np.where(module_of_regulator[:, None] == module_of_target, 0.9, 0.005)
    found: np.ndarray = rng.random((REGULATORS, TARGETS)) < chance
    return found


def everything() -> np.ndarray:
    return np.ones((REGULATORS, TARGETS), dtype=bool)


def test_coregulation_counts_shared_targets_but_for_the_pair_itself() -> None:
    known = np.array([[1, 1, 0, 1], [1, 1, 1, 0], [0, 0, 1, 0]], dtype=bool)
    # pair (0, 0): its other regulator is 1, with which 0 shares target 1 beside target 0; degrees 3 and 3
    # pair (0, 2): regulators 1 (two shared targets) and 2 (none); pair (2, 0): 0 (none) and 1 (target 2)
    expected = {(0, 0): 1 / 3, (0, 2): 2 / 3, (2, 0): 1 / np.sqrt(3), (2, 2): 0.0}
    found = _coregulation(known)
    for pair, value in expected.items():
        assert found[pair] == pytest.approx(value, abs=1e-6), pair


@pytest.mark.parametrize("part", [0.3, 0.5, 0.8])
def test_how_much_of_its_targets_regulators_a_prior_lists_is_found(part: float) -> None:
    truth = modules()
    known = truth & (np.random.default_rng(1).random(truth.shape) < part)
    found = completion(known, everything())
    assert found is not None
    assert found.completeness == pytest.approx(0.9 * part, abs=0.1)  # of the module's pairs 0.9 are real


def test_a_prior_that_knows_all_of_some_targets_and_nothing_of_others_expects_edges_at_the_others() -> None:
    truth = modules()
    known = truth.copy()
    known[:, : TARGETS // 2] = False
    found = completion(known, everything())
    assert found is not None
    assert found.completeness > 0.85
    known_targets, lacked = found.log_odds[:, TARGETS // 2 :], ~known[:, TARGETS // 2 :]
    assert found.log_odds[:, : TARGETS // 2].mean() > known_targets[lacked].mean()


def test_edges_that_were_taken_away_come_before_other_pairs() -> None:
    truth = modules()
    rng = np.random.default_rng(1)
    known = truth & (rng.random(truth.shape) < 0.5)
    found = completion(known, everything())
    assert found is not None
    lost, others = found.log_odds[truth & ~known], found.log_odds[~truth]
    assert (rng.choice(lost, 5000) > rng.choice(others, 5000)).mean() > 0.9


def test_a_random_prior_says_nothing() -> None:
    rng = np.random.default_rng(0)
    known = rng.random((REGULATORS, TARGETS)) < 0.05
    found = completion(known, everything())
    assert found is not None
    assert found.completeness < 0.3
    assert np.abs(found.log_odds[~known]).mean() < 0.4


def test_odds_are_relative_and_known_pairs_have_none() -> None:
    known = modules()
    candidates = everything()
    candidates[:, 0] = False
    found = completion(known, candidates)
    assert found is not None
    assert not found.log_odds[known | ~candidates].any()
    assert np.exp(found.log_odds.astype(np.float64)[candidates & ~known]).mean() == pytest.approx(1, abs=0.01)


def test_too_few_edges_say_nothing() -> None:
    known = np.zeros((5, 5), dtype=bool)
    known[0, 1:] = True
    assert completion(known, ~np.eye(5, dtype=bool)) is None
    assert completion(np.zeros((5, 5), dtype=bool), ~np.eye(5, dtype=bool)) is None
