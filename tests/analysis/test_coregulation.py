from __future__ import annotations

import numpy as np
import pytest

from dashprune.analysis.coregulation import agreement, modules, order, similarity

EFFECT = np.array([[5.0, 2, 1, 0, 0], [0, 0, 1, 4, 0], [0, 0, 0, 0, 9], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


def test_similarity_by_hand() -> None:
    """Shares of regulation: gene 1 (1, 0), gene 2 (½, ½), gene 3 (0, 1), of regulators 0 and 1; a self-edge is none."""
    half = np.sqrt(0.5)
    expected = [[1, 0, 0, 0], [0, 1, half, 0], [0, half, 1, half], [0, 0, half, 1]]
    assert similarity(EFFECT, np.arange(4)) == pytest.approx(np.array(expected))
    assert similarity(1e-30 * EFFECT, np.arange(4)) == pytest.approx(np.array(expected))


def test_genes_of_a_module_stand_together() -> None:
    groups = np.array([0, 1, 2, 0, 1, 2, 0])
    alike = (groups[:, None] == groups).astype(float)
    ordered = groups[order(alike)]
    assert np.count_nonzero(np.diff(ordered)) == 2
    found = modules(alike)
    assert len(set(zip(groups.tolist(), found.tolist(), strict=True))) == 3


def test_agreement_of_the_same_and_of_nothing() -> None:
    groups = np.array([0, 1, 2, 0, 1, 2, 3])
    truth = (groups[:, None] == groups).astype(float)
    same = agreement(truth, truth)
    assert (same.correlation, same.rand, same.modules) == (pytest.approx(1), 1, 3)
    nothing = agreement(np.eye(7), truth)
    assert np.isnan(nothing.correlation)
    assert (nothing.rand, nothing.modules) == (0, 0)
