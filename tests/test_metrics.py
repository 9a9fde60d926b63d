"""METHODS section 6."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dashprune import metrics

TRUTH = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool)
EFFECT = np.array([[0.0, 2, 1], [0, 0, 0], [0, 0, 3]])
ALL = np.ones((3, 3), dtype=bool)


def test_worked_example_of_the_methods_page() -> None:
    assert metrics.balanced_accuracy(EFFECT, TRUTH, ALL) == pytest.approx((2 / 3 + 5 / 6) / 2)
    relative = metrics.relative_effect(EFFECT)
    np.testing.assert_allclose(relative[:, 2], [0.25, 0, 0.75])
    np.testing.assert_allclose(relative[:, 0], 0)  # a target without effects: 0, not NaN
    assert metrics.auroc(relative, TRUTH, ALL) == pytest.approx(0.75)


def test_a_dense_model_scores_one_half_and_the_truth_itself_one() -> None:
    assert metrics.balanced_accuracy(np.ones((3, 3)), TRUTH, ALL) == 0.5
    assert metrics.balanced_accuracy(TRUTH.astype(float), TRUTH, ALL) == 1
    assert metrics.auprc(TRUTH.astype(float), TRUTH, ALL) == 1


def test_pairs_that_are_not_evaluable_do_not_count() -> None:
    evaluable = ALL.copy()
    evaluable[2, 2] = False  # the only false positive
    evaluable[1, 2] = False  # the only false negative
    assert metrics.balanced_accuracy(EFFECT, TRUTH, evaluable) == 1
    assert metrics.auroc(np.abs(EFFECT), TRUTH, evaluable) == 1


def test_scores_without_edges_or_without_non_edges_are_undefined() -> None:
    for truth in (np.zeros((3, 3), dtype=bool), ALL):
        for score in (metrics.balanced_accuracy, metrics.auroc, metrics.auprc):
            assert math.isnan(score(EFFECT, truth, ALL))


def test_average_precision_by_hand() -> None:
    # ranked 3 (no edge), 2 (edge), 1 (edge), then a tie of six with the third edge: (1/2 + 2/3 + 3/9) / 3
    assert metrics.auprc(np.abs(EFFECT), TRUTH, ALL) == pytest.approx((1 / 2 + 2 / 3 + 3 / 9) / 3)


def test_sparsity_counts_exact_zeros_over_all_weights() -> None:
    assert metrics.sparsity([np.array([[0.0, 1], [1e-30, 0]]), np.array([[0.0, 1, 1, -0.0]])]) == 4 / 8


def test_out_degree_counts_every_row() -> None:
    assert metrics.out_degree(EFFECT) == 1


def test_mse_is_taken_in_double_precision() -> None:
    assert metrics.mse(np.array([1.0, 2]), np.array([1.0, 5])) == 4.5


@pytest.mark.parametrize(
    ("validation", "tolerance", "epoch"),
    [([3, 2, 1], 0, 3), ([3, 1, 2, 1.5], 0, 2), ([3, 1, 0.95, 0.92], 0.1, 2), ([1], 0, 1), ([2, 2, 2], 0, 1)],
)
def test_epochs_to_plateau(validation: list[float], tolerance: float, epoch: int) -> None:
    assert metrics.epochs_to_plateau(validation, tolerance) == epoch


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.floats(0, 2))
def test_epochs_to_plateau_is_the_first_epoch_that_fits_the_definition(values: list[float], tolerance: float) -> None:
    def fits(e: int) -> bool:
        return min(values[e:], default=math.inf) >= min(values[:e]) - tolerance

    found = metrics.epochs_to_plateau(values, tolerance)
    assert fits(found)
    assert not any(fits(e) for e in range(1, found))


@given(arrays(np.float64, (4, 4), elements=st.floats(-5, 5)), arrays(np.bool_, (4, 4)))
def test_balanced_accuracy_is_symmetric_under_complement(effect: np.ndarray, truth: np.ndarray) -> None:
    score = metrics.balanced_accuracy(effect, truth, np.ones((4, 4), dtype=bool))
    other = metrics.balanced_accuracy((effect == 0).astype(float), truth, np.ones((4, 4), dtype=bool))
    assert math.isnan(score) or score + other == pytest.approx(1)
