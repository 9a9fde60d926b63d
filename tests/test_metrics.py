"""METHODS section 6."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from dashprune import metrics

TRUTH = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool)
EFFECT = np.array([[0.0, 2, 1], [0, 0, 0], [0, 0, 3]])
ALL = np.ones((3, 3), dtype=bool)


def scores(
    effect: np.ndarray,
    truth: np.ndarray,
    evaluable: np.ndarray = ALL,
    step: int = 2,
    prior: np.ndarray | None = None,
) -> dict[str, float]:
    """Scores of a network of a few genes that comes in blocks of `step` targets; the prior is empty if None."""
    known = np.zeros_like(truth) if prior is None else prior

    def blocks() -> Iterator[metrics.Block]:
        for first in range(0, len(effect), step):
            every = (np.abs(effect), effect != 0, truth, evaluable, known)
            yield metrics.Block(*(matrix[:, first : first + step] for matrix in every))

    return metrics.network_scores(blocks)


def test_worked_example_of_the_methods_page() -> None:
    found = scores(EFFECT, TRUTH)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 5 / 6) / 2)
    relative = metrics.relative_effect(EFFECT)
    np.testing.assert_allclose(relative[:, 2], [0.25, 0, 0.75])
    np.testing.assert_allclose(relative[:, 0], 0)  # a target without effects: 0, not NaN
    assert found["auroc_relative"] == pytest.approx(0.75)


def test_the_error_of_relationships_compares_signed_relative_effects() -> None:
    effect = np.array([[0.0, -2, 1], [0, 2, 0], [0, 0, -3]])
    np.testing.assert_allclose(metrics.signed_relative_effect(effect), [[0, -0.5, 0.25], [0, 0.5, 0], [0, 0, -0.75]])
    truth = np.array([[0, -1, 1], [0, 0, -1], [0, 0, 0]])  # relative: -1 on target 1; 0.5 and -0.5 on target 2
    expected = (0.5**2 + 0.5**2 + 0.25**2 + 0.5**2 + 0.75**2) / 9
    assert metrics.relationship_error(effect, truth) == pytest.approx(expected)
    assert metrics.relationship_error(7 * effect, truth) == pytest.approx(expected)
    assert metrics.relationship_error(0 * effect, truth) == pytest.approx((1 + 2 * 0.5**2) / 9)
    assert metrics.relationship_error(truth, truth) == 0


def test_a_dense_model_scores_one_half_and_the_truth_itself_one() -> None:
    assert scores(np.ones((3, 3)), TRUTH)["balanced_accuracy"] == 0.5
    itself = scores(TRUTH.astype(float), TRUTH)
    known = {name: itself[name] for name in itself if name not in metrics.NOVEL}
    assert known == {"balanced_accuracy": 1, "auroc": 1, "auprc": 1, "auroc_relative": 1}


def test_pairs_that_are_not_evaluable_do_not_count() -> None:
    evaluable = ALL.copy()
    evaluable[2, 2] = False  # the only false positive
    evaluable[1, 2] = False  # the only false negative
    found = scores(EFFECT, TRUTH, evaluable)
    assert (found["balanced_accuracy"], found["auroc"]) == (1, 1)


def test_scores_without_edges_or_without_non_edges_are_undefined() -> None:
    for truth, evaluable in ((~ALL, ALL), (ALL, ALL), (TRUTH, ~ALL)):
        assert all(math.isnan(value) for value in scores(EFFECT, truth, evaluable).values())


def test_average_precision_by_hand() -> None:
    # ranked 3 (no edge), 2 (edge), 1 (edge), then a tie of six with the third edge: (1/2 + 2/3 + 3/9) / 3
    assert scores(EFFECT, TRUTH)["auprc"] == pytest.approx((1 / 2 + 2 / 3 + 3 / 9) / 3)


def test_ranking_by_hand() -> None:
    """Edges at 2, 2 and 5; below them 1 of four others (1 tied) and 3 of four: (2 * 1.5 + 3) / 12."""
    ranking = metrics.Ranking(np.array([2, 5, 2]))
    ranking.add(np.array([3, 1]))
    ranking.add(np.array([7, 2]))
    assert ranking.auroc == pytest.approx((2 * 1.5 + 3) / 12)
    assert ranking.auprc == pytest.approx((1 / 2 + 2 * 3 / 6) / 3)


def test_what_is_new_by_hand() -> None:
    """Of 9 pairs 0 → 1 is in the prior, and 1 → 1 cannot be judged.

    Left, by score: 5 (no edge), 3 (an edge), 2 (an edge and another), and three with 0, of which one is an edge.
    """
    truth = np.array([[0, 1, 1], [0, 0, 1], [1, 0, 0]], dtype=bool)
    effect = np.array([[0.0, 9, 3], [2, 8, 0], [-2, 5, 0]])
    prior = np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=bool)
    evaluable = ALL.copy()
    evaluable[1, 1] = False
    for step in (1, 2, 3):
        found = scores(effect, truth, evaluable, step, prior)
        assert found["auroc_novel"] == pytest.approx((3 + 2.5 + 1) / (3 * 4))  # others: 5, 2, 0, 0
        assert found["auprc_novel"] == pytest.approx((1 / 2 + 2 / 4 + 3 / 7) / 3)
        assert math.isnan(found["precision_novel@10"])  # of seven pairs
    assert scores(effect, truth, evaluable)["auroc"] != found["auroc_novel"]


def test_the_precision_of_the_first_pairs_by_hand() -> None:
    """By score: an edge, another pair, a tie of two edges and two others, an edge with 0 among three others with 0."""
    ranking = metrics.Ranking(np.array([9.0, 5, 5, 0]))
    ranking.add(np.array([7.0, 5, 5, 0, 0, 0]))
    assert [ranking.precision(k) for k in (1, 2, 6)] == pytest.approx([1, 1 / 2, 3 / 6])
    assert ranking.precision(3) == pytest.approx((1 + 2 / 4) / 3)  # a fourth of each of the tie
    assert ranking.precision(4) == pytest.approx((1 + 2 * 2 / 4) / 4)
    assert ranking.precision(10) == pytest.approx(3 / 10)  # the four that are not named fill no place
    assert math.isnan(ranking.precision(11))


def test_new_scores_are_undefined_without_an_edge_or_another_pair_outside_of_the_prior() -> None:
    large = np.ones((11, 11), dtype=bool)
    for truth, prior in ((TRUTH, TRUTH), (TRUTH, ALL), (TRUTH, ~TRUTH), (~large, ~large), (large, ~large)):
        found = scores(np.ones(truth.shape), truth, np.ones_like(truth), prior=prior)
        assert all(math.isnan(found[name]) for name in metrics.NOVEL)


few = st.sampled_from([-2.0, -1, -0.5, 0, 0, 0, 0.5, 1, 2, 1e-30])
"""Effects with many ties."""


@given(arrays(np.float32, (5, 5), elements=few), arrays(np.bool_, (5, 5)), arrays(np.bool_, (5, 5)), st.integers(1, 5))
def test_blocked_scores_are_those_of_scikit_learn(
    effect: np.ndarray, truth: np.ndarray, evaluable: np.ndarray, step: int
) -> None:
    found = scores(effect, truth, evaluable, step)
    edges, size = truth[evaluable], np.abs(effect)[evaluable]
    if edges.all() or not edges.any():
        assert all(math.isnan(value) for value in found.values())
        return
    relative = metrics.relative_effect(effect)[evaluable]
    assert found["auroc"] == pytest.approx(roc_auc_score(edges, size), abs=1e-12)
    assert found["auprc"] == pytest.approx(average_precision_score(edges, size), abs=1e-12)
    assert found["auroc_relative"] == pytest.approx(roc_auc_score(edges, relative), abs=1e-12)
    assert found["balanced_accuracy"] == pytest.approx(((size > 0)[edges].mean() + (size == 0)[~edges].mean()) / 2)


@given(st.permutations(range(12)), st.integers(1, 11), st.integers(1, 12))
def test_the_precision_of_distinct_scores_is_that_of_the_sorted_ones(order: list[int], edges: int, first: int) -> None:
    score = np.array(order, dtype=np.float64)
    ranking = metrics.Ranking(score[:edges])
    ranking.add(score[edges:])
    real = np.arange(12) < edges
    assert ranking.precision(first) == pytest.approx((real & (score > 0))[np.argsort(-score)][:first].mean())


@given(arrays(np.float64, (7, 7), elements=st.floats(-5, 5)), arrays(np.bool_, (7, 7)))
def test_the_size_of_blocks_changes_nothing(effect: np.ndarray, truth: np.ndarray) -> None:
    evaluable = ~np.eye(7, dtype=bool)
    whole = scores(effect, truth, evaluable, 7)
    for step in (1, 2, 3):
        assert scores(effect, truth, evaluable, step) == pytest.approx(whole, nan_ok=True, abs=1e-12)


def test_sparsity_counts_exact_zeros_over_all_weights() -> None:
    assert metrics.sparsity([np.array([[0.0, 1], [1e-30, 0]]), np.array([[0.0, 1, 1, -0.0]])]) == 4 / 8


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
    every = np.ones((4, 4), dtype=bool)
    score = scores(effect, truth, every)["balanced_accuracy"]
    other = scores((effect == 0).astype(float), truth, every)["balanced_accuracy"]
    assert math.isnan(score) or score + other == pytest.approx(1)


def test_calibration_by_hand() -> None:
    probability = np.array([0.05, 0.3, 0.3, 0.35, 0.9, 1.0])
    bins = metrics.calibration(probability, np.array([False, True, False, False, True, True]))
    assert [(own.low, own.high, own.pairs, own.real) for own in bins] == [
        (0.0, 0.1, 1, 0), (0.3, 0.4, 3, 1), (0.9, 1.0, 2, 2)
    ]  # fmt: skip
    assert [own.probability for own in bins] == pytest.approx([0.05, 0.95 / 3, 0.95])
    assert [own.share for own in bins] == pytest.approx([0, 1 / 3, 1])
    assert metrics.calibration_error(bins) == pytest.approx((0.05 + 3 * (1 - 0.95) / 3 + 2 * 0.05) / 6)
    assert metrics.calibration(np.empty(0), np.empty(0, dtype=bool)) == []
    assert math.isnan(metrics.calibration_error([]))


def test_wilsons_interval_by_hand() -> None:
    z2 = 1.959963984540054**2
    assert metrics.wilson(0, 4) == pytest.approx((0, z2 / (4 + z2)))
    assert metrics.wilson(4, 4) == pytest.approx((4 / (4 + z2), 1))
    assert metrics.wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-7)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30), st.integers(1, 12))
def test_calibration_counts_every_pair_once_in_its_bin(pairs: list[tuple[float, bool]], number: int) -> None:
    probability, real = (np.array(column) for column in zip(*pairs, strict=True))
    bins = metrics.calibration(probability, real, number)
    assert sum(own.pairs for own in bins) == len(pairs)
    assert sum(own.real for own in bins) == real.sum()
    assert all(own.low - 1e-9 <= own.probability <= own.high + 1e-9 for own in bins)
    assert 0 <= metrics.calibration_error(bins) <= 1
