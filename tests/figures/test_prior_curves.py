from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.container import ErrorbarContainer

from dashprune import figures
from dashprune.errors import DashpruneError
from dashprune.figures.style import BLUE
from tests.figures.conftest import texts

VALUES = pd.DataFrame(
    {"noise": ["0 %", "0 %", "5 %", "0 %"], "moved": [0, 0.2, 0, 0], "strategy": ["DASH", "DASH", "DASH", "IMP"],
     "seeds": [3, 3, 2, 1], "balanced_accuracy": [0.9, 0.8, 0.7, 0.6],
     "balanced_accuracy_sd": [0.02, 0.01, 0.03, np.nan], "auprc": [0.5, 0.4, 0.3, 0.2],
     "auprc_sd": [0.1, 0.1, 0.1, np.nan]}
)  # fmt: skip


def test_scores_stand_over_the_part_of_the_prior_that_was_moved() -> None:
    figure = figures.priors(VALUES, ["DASH", "IMP"])
    above, noisy, below, _ = figure.axes
    imp, dash = (bars for bars in above.containers if isinstance(bars, ErrorbarContainer))  # the first is on top
    assert dash.lines[0].get_xydata().tolist() == [[0, 0.9], [20, 0.8]]
    assert imp.lines[0].get_xydata().tolist() == [[0, 0.6]]
    assert [to_rgba(bars.lines[0].get_markerfacecolor()) for bars in (dash, imp)] == [to_rgba(BLUE), to_rgba("white")]
    heights = [segment[:, 1].tolist() for segment in dash.lines[2][0].get_segments()]
    assert heights == pytest.approx(np.array([[0.88, 0.92], [0.79, 0.81]]))
    assert [axes.get_title() for axes in (above, noisy)] == ["0 % noise", "5 % noise"]
    assert [axes.get_ylabel() for axes in (above, below)] == ["balanced accuracy", "AUPRC"]
    assert [below.get_xlabel(), below.get_xticks().tolist()] == ["edges of the prior moved (%)", [0, 20]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["DASH", "IMP"]
    assert texts(figure)[-1].startswith("Mean and standard deviation of 1 to 3 seeds.")


def test_nothing_to_show_is_an_error() -> None:
    with pytest.raises(DashpruneError, match="no strategy has scores at any level of noise"):
        figures.priors(VALUES[:0], ["DASH"])
