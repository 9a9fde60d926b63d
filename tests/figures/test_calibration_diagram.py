from __future__ import annotations

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from dashprune import figures, metrics
from dashprune.errors import DashpruneError
from tests.figures.conftest import texts


def test_calibration_shows_shares_with_intervals_and_counts() -> None:
    bins = [metrics.Bin(0.4, 0.5, 10, 0.44, 8), metrics.Bin(0.9, 1.0, 4, 0.98, 4)]
    many = figures.calibration([metrics.Bin(0.0, 0.1, 12_345, 0.01, 9)], "x", 2)
    assert "12k" in texts(many)
    figure = figures.calibration(bins, "sim350, phoenix_edge, dash_edge", 5)
    above, below = figure.axes
    (bars,) = [c for c in above.containers if isinstance(c, ErrorbarContainer)]
    line, _, (segments,) = bars.lines
    assert line.get_xydata().tolist() == pytest.approx(np.array([[0.44, 0.8], [0.98, 1.0]]))
    heights = [segment[:, 1].tolist() for segment in segments.get_segments()]
    assert heights == pytest.approx(np.array([[0.4901625, 0.9433178], [0.5101092, 1.0]]), abs=1e-6)
    assert [bar.get_height() for bar in below.patches] == [10, 4]
    names = texts(figure)
    assert {"10", "4", "sim350, phoenix_edge, dash_edge"} <= set(names)
    assert "one of 5 runs" in names[-1]
    assert "error 0.263" in names[-1]  # (10 * 0.36 + 4 * 0.02) / 14
    with pytest.raises(DashpruneError, match="no edges that the gold standard can judge"):
        figures.calibration([], "x", 2)
