"""The two layouts of residuals, while effects change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dashprune.pruners.residuals import ByProduct, BySample, Residuals

SIGNALS = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
RESPONSES = np.array([[1.0, 0.0, 2.0], [2.0, 1.0, 0.0], [3.0, 0.0, 1.0]])


def by_sample() -> Residuals:
    return BySample(SIGNALS, RESPONSES.copy())


def by_product() -> Residuals:
    return ByProduct(SIGNALS.T @ SIGNALS, SIGNALS.T @ RESPONSES)


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
