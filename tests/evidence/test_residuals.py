"""The two layouts of residuals, while effects change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dashprune.evidence.residuals import ByProduct, BySample, LeftOut, Residuals

SIGNALS = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
RESPONSES = np.array([[1.0, 0.0, 2.0], [2.0, 1.0, 0.0], [3.0, 0.0, 1.0]])


NONE = np.zeros((3, 3))


def by_sample(nuisance: np.ndarray = NONE) -> Residuals:
    return BySample(SIGNALS, RESPONSES.copy(), nuisance, SIGNALS.T @ nuisance)


def by_product(nuisance: np.ndarray = NONE) -> Residuals:
    overlap = SIGNALS.T @ nuisance
    return ByProduct(SIGNALS.T @ SIGNALS, SIGNALS.T @ RESPONSES, overlap, overlap)


@pytest.mark.parametrize("make", [by_sample, by_product])
@pytest.mark.parametrize("places", [[0], [0, 2], [0, 1, 2]], ids=["one column", "most", "all"])
def test_what_is_explained_is_taken_out(make: Callable[[], Residuals], places: list[int]) -> None:
    """Signals are (1, 1, 0) and (0, 1, 2), with products 2, 1 and 5; the first response is (1, 2, 3)."""
    residuals, columns = make(), np.array(places)
    assert residuals.product(0, columns).tolist() == [[3, 1, 2][place] for place in places]
    assert residuals.product(1, columns).tolist() == [[8, 1, 2][place] for place in places]
    residuals.explain(0, columns, np.full(len(places), 0.5))
    assert residuals.product(0, columns).tolist() == [[2, 0, 1][place] for place in places]
    assert residuals.product(1, columns).tolist() == [[7.5, 0.5, 1.5][place] for place in places]
    others = np.setdiff1d(np.arange(3), columns)
    assert residuals.product(1, others).tolist() == [[8, 1, 2][place] for place in others]


@pytest.mark.parametrize("make", [by_sample, by_product])
@pytest.mark.parametrize("places", [[0], [0, 1, 2]], ids=["one column", "all"])
def test_what_a_nuisance_explains_is_not_taken_out_again(
    make: Callable[[np.ndarray], Residuals], places: list[int]
) -> None:
    """The nuisance is the first sample; without it, signals are (0, 1, 0) and (0, 1, 2), with products 1 and 1."""
    nuisance = np.repeat([[1.0], [0.0], [0.0]], 3, axis=1)
    residuals, columns = make(nuisance), np.array(places)
    before = [residuals.product(signal, np.arange(3)) for signal in (0, 1)]
    residuals.explain(0, columns, np.full(len(places), 0.5))
    for signal in (0, 1):
        change = before[signal] - residuals.product(signal, np.arange(3))
        assert change.tolist() == [0.5 if place in places else 0 for place in range(3)]


def test_what_a_target_adds_to_signals_is_left_out_of_them_in_either_layout() -> None:
    """Against signals that are made for each target: signal i less share_ij r_j."""
    rng = np.random.default_rng(0)
    signals, responses, residual = rng.standard_normal((9, 4)), rng.standard_normal((9, 3)), rng.standard_normal((9, 3))
    share, none = rng.standard_normal((4, 3)), np.zeros((9, 3))
    overlap = signals.T @ none
    crossed = LeftOut(signals.T @ residual, share)
    layouts: list[Residuals] = [
        BySample(signals, responses.copy(), none, overlap, LeftOut(residual, share)),
        ByProduct(
            signals.T @ signals, signals.T @ responses, overlap, overlap, crossed,
            (residual * responses).sum(axis=0), (residual**2).sum(axis=0),
        ),
    ]  # fmt: skip
    left = responses.copy()
    for signal, places, change in ((0, [0, 1, 2], [0.5, -1.0, 2.0]), (3, [1], [0.7]), (0, [0, 2], [1.0, 1.0])):
        for place, step in zip(places, change, strict=True):
            left[:, place] -= step * (signals[:, signal] - share[signal, place] * residual[:, place])
        for layout in layouts:
            layout.explain(signal, np.array(places), np.array(change))
    for signal in range(4):
        own = signals[:, [signal]] - residual * share[signal]
        for layout in layouts:
            np.testing.assert_allclose(layout.product(signal, np.arange(3)), (own * left).sum(axis=0), atol=1e-12)
