"""Figures 5 and 6: the strongest pathways of each strategy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashprune.errors import DashpruneError
from dashprune.figures.style import BLACK, BLUE, NAMES, WIDTH, shortened, styled

BARS = 20
"""Pathways shown for each strategy."""
LABEL = 150
"""Room for the name of a pathway, in points; longer ones are shortened."""
ACCESSION = r" \((GO:\d+|R-\w+-\d+)\)$"
"""Behind the name of a pathway; left out of the figure, since it is among the values."""


@styled
def pathway_bars(tables: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Figures 5 and 6: for each strategy the z-scores of its 20 strongest pathways.

    A star and a filled bar mark what is significant after Bonferroni's correction at 0.05. All panels share the axis of
    z. A page holds six panels; more make a longer figure.

    Args:
        tables: for each strategy a frame with columns pathway (str), z (float) and significant (bool).
        title: of the figure.

    Raises:
        DashpruneError: if there is no strategy.
    """
    if not tables:
        raise DashpruneError("there are no pathways to show; finish some runs first")
    lines = math.ceil(len(tables) / 2)
    height = 2.9 * lines + 0.5
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.subplots(lines, 2, squeeze=False, sharex=True).ravel()
    margins = {"top": 1 - 0.55 / height, "bottom": 0.42 / height}
    figure.subplots_adjust(left=0.316, right=0.988, wspace=1.907, hspace=0.17, **margins)
    for axes, (strategy, frame) in zip(grid, tables.items(), strict=False):
        _bars(axes, frame.dropna(subset="z").nlargest(BARS, "z"))
        axes.set_title(NAMES.get(strategy, strategy), fontweight="bold", loc="left")
        axes.tick_params(axis="x", labelbottom=True)
    for axes in grid[len(tables) :]:
        axes.set_axis_off()
    for axes in grid[max(len(tables) - 2, 0) : len(tables)]:
        axes.set_xlabel("z-score")
    figure.suptitle(f"{title} (* significant after Bonferroni at 0.05)", y=1 - 0.08 / height, va="top")
    return figure


def _bars(axes: Axes, frame: pd.DataFrame) -> None:
    """Horizontal bars, the largest z on top; bars of fewer pathways are as thick."""
    place = np.arange(len(frame))
    significant = frame["significant"].to_numpy(dtype=bool)
    bars = axes.barh(place, frame["z"], height=0.7, facecolor="white", edgecolor=BLUE, linewidth=0.6)
    for bar, z, starred in zip(bars, frame["z"], significant, strict=True):
        if starred:
            bar.set_facecolor(BLUE)
            axes.annotate(
                "*", (max(z, 0), bar.get_y() + bar.get_height() / 2), (2, -2.5), textcoords="offset points", va="center"
            )
    axes.set(ylim=(BARS - 0.4, -0.6))
    names = [re.sub(ACCESSION, "", name) for name in frame["pathway"]]
    axes.set_yticks(place, shortened(names, LABEL))
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.axvline(0, color=BLACK, linewidth=0.6)
    if frame.empty:
        axes.text(0.5, 0.5, "no pathway was tested", ha="center", va="center", transform=axes.transAxes)
