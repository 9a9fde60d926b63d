from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from dashprune import figures
from dashprune.errors import DashpruneError
from dashprune.figures.sparsity_scatter import spread
from tests.figures.conftest import TABLE, line, texts


def markers(axes: Axes) -> list[tuple[float, float, bool]]:
    """Place of every marker with error bars, and whether it is filled."""
    found = [bars.lines[0] for bars in axes.containers if isinstance(bars, ErrorbarContainer)]
    places = [(float(dot.get_xdata()[0]), float(dot.get_ydata()[0])) for dot in found]
    return [(*place, dot.get_markerfacecolor() != "none") for place, dot in zip(places, found, strict=True)]


def test_figure_2_has_a_point_per_strategy_and_a_line_per_control() -> None:
    figure = figures.sparsity_accuracy(TABLE)
    (axes,) = figure.axes
    assert [axes.get_xlabel(), axes.get_ylabel()] == [
        "sparsity of the weights (%)",
        "balanced accuracy of the edges (%)",
    ]
    assert markers(axes) == [(0, 50, False), (1, 49.8, False), (96, 91, True), (95, 73, False)]
    (bars,) = [c for c in axes.containers if c.lines[0].get_ydata()[0] == 91]
    across, up = (segments.get_segments()[0][:, k].tolist() for k, segments in enumerate(bars.lines[2]))
    assert across == pytest.approx([95, 97])
    assert up == pytest.approx([89, 93])
    names = texts(figure)
    assert {"C-NODE, dense", "DASH", "IMP", "prior alone: 97.5 %"} <= set(names)  # the first two coincide
    assert any("standard deviation of 3 seeds" in name for name in names)
    assert not any("persistence" in name for name in names)
    groups = [text.get_text() for text in figure.legends[0].get_texts()]
    assert groups == ["dense", "penalty", "pruning"]


def test_no_label_of_figure_2_covers_another_and_none_leaves_the_page() -> None:
    many = [line(f"strategy_{k}", 0.9 + k / 150, 0.5 + k / 1000) for k in range(12)]
    long = [line("dash", 0.96, 0.9 + k / 1000, options=f"pruner.lambda_1=0.{k} pruner.lambda_2=0.5") for k in range(3)]
    for table in (TABLE, pd.DataFrame(many), pd.DataFrame(long)):
        figure = figures.sparsity_accuracy(table)
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in [*figure.axes[0].texts, *figure.texts]]
        assert len(boxes) > 3
        assert not [(a, b) for k, a in enumerate(boxes) for b in boxes[:k] if a.overlaps(b)]
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_figure_2_tells_options_apart_and_shows_one_dataset_and_model() -> None:
    both = pd.DataFrame(
        [line("dash", 0.9, 0.8, options="a=1", seeds=1), line("dash", 0.8, 0.6, options="a=2", seeds=1)]
    )
    both[["sparsity_sd", "balanced_accuracy_sd"]] = np.nan
    names = texts(figures.sparsity_accuracy(both))
    assert {"DASH a=1", "DASH a=2"} <= set(names)
    assert any("One seed" in name for name in names)
    with pytest.raises(DashpruneError, match="one dataset and model, but the table has sim350, phoenix, mlp"):
        figures.sparsity_accuracy(pd.DataFrame([line("dash", 1, 1), line("imp", 1, 1, model="mlp")]))
    with pytest.raises(DashpruneError, match="no strategy has both"):
        figures.sparsity_accuracy(TABLE[TABLE["model"] == "control"])


def test_labels_are_spread_no_further_than_they_must() -> None:
    assert spread([1, 5, 9], 2) == [1, 5, 9]
    assert spread([4, 4], 2) == [3, 5]
    assert spread([0, 0, 0, 10], 1) == [-1, 0, 1, 10]
    assert spread([], 1) == []


def test_crosses_mark_what_the_paper_has() -> None:
    axes = figures.sparsity_accuracy(TABLE, {"dash": (94.6, 90.6), "unknown": (1, 99)}).axes[0]
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses] == [(94.6, 90.6)]
    ties = [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 2]
    assert [[96, 91], [94.6, 90.6]] in ties
    assert any("Crosses: the paper's" in text for text in texts(axes.figure))
    assert not any("Crosses" in text for text in texts(figures.sparsity_accuracy(TABLE)))
