"""Associations beside interventions, with numbers that can be redone by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dashprune.evidence.causal import corroborated, unconfirmed


def test_both_count_but_an_association_alone_is_limited() -> None:
    """BF = C A (1 + r) / (1 + r A), r being the ratio: C where A = 1, and C (1 + r) / r where A is large."""
    cause = np.log(np.array([5.0, 5.0, 5.0, 0.01]))
    association = np.array([0.0, math.log(3), 500, 500])
    found = np.exp(corroborated(association, cause, 0.25))
    np.testing.assert_allclose(found, [5, 5 * 3 * 1.25 / 1.75, 5 * 5, 0.01 * 5])


def test_where_nothing_is_spurious_evidence_adds_up() -> None:
    association, cause = np.array([-1.0, 2.0, 7.0]), np.array([3.0, -2.0, 1.0])
    np.testing.assert_allclose(corroborated(association, cause, 1e-12), association + cause, atol=1e-6)


@pytest.mark.parametrize("spurious", [0, 40])
def test_the_ratio_is_recovered(spurious: int) -> None:
    """Beyond doubt: 20 edges, so many associations that interventions contradict, and 500 pairs that are nothing."""
    association = np.repeat([40.0, 40.0, -40.0], [20, spurious, 500])
    cause = np.repeat([40.0, -40.0, -40.0], [20, spurious, 500])
    assert unconfirmed(association, cause, 0) == pytest.approx((spurious + 1) / 501, rel=1e-6)
    assert unconfirmed(association, cause, 1000) == pytest.approx((spurious + 1) / 1501, rel=1e-6)
