"""Beyond the paper: scores with priors of every quality."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashprune.analysis.scores import SCORES
from dashprune.errors import DashpruneError
from dashprune.figures.style import BLACK, BLUE, GREEN, LINES, PURPLE, VERMILION, WIDTH, averaged, styled

PRIOR_SCORES = {name: SCORES[name].heading for name in ("balanced_accuracy", "auprc")}
"""What the figure shows of each strategy, and its axes' labels."""
LOOKS = (("o", BLUE, "-"), ("s", VERMILION, LINES[0]), ("D", GREEN, LINES[1]), ("^", BLACK, LINES[3]),
         ("v", PURPLE, LINES[4]))  # fmt: skip
"""Marker, colour and line style of strategies, in the order of use."""


@styled
def priors(values: pd.DataFrame, strategies: Sequence[str]) -> Figure:
    """Scores over the part of the prior's edges that was moved: a column of panels per level of noise.

    Args:
        values: `noise` (text), `moved` (in [0, 1]), `strategy`, `seeds`, and each score of `PRIOR_SCORES` with its
            standard deviation `<score>_sd`, NaN for a single seed.
        strategies: in the order of the legend, the first drawn on top.

    Raises:
        DashpruneError: if there is nothing to show.
    """
    levels = list(dict.fromkeys(values["noise"]))
    if not levels:
        raise DashpruneError("no strategy has scores at any level of noise; finish some runs")
    figure = Figure(figsize=(WIDTH, 4.8))
    grid = figure.subplots(len(PRIOR_SCORES), len(levels), sharex=True, sharey="row", squeeze=False)
    figure.subplots_adjust(left=0.075, right=0.99, top=0.94, bottom=0.2, wspace=0.08, hspace=0.12)
    for line, (score, heading) in zip(grid, PRIOR_SCORES.items(), strict=True):
        for axes, level in zip(line, levels, strict=True):
            _draw_strategies(axes, values[values["noise"] == level], score, strategies)
        line[0].set_ylabel(heading)
    for axes, level in zip(grid[0], levels, strict=True):
        axes.set_title(f"{level} noise")
    for axes in grid[-1]:
        axes.set(xlabel="edges of the prior moved (%)", xticks=sorted(100 * values["moved"].unique()))
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="lower left", bbox_to_anchor=(0.06, 0.045), ncols=5)
    bars = averaged(values["seeds"].astype(int).tolist())
    figure.text(0.075, 0.02, f"{bars}. Over all ordered pairs of genes, against the true network.")
    return figure


def _draw_strategies(axes: Axes, values: pd.DataFrame, score: str, strategies: Sequence[str]) -> None:
    """A score of every strategy at one level of noise, with standard deviations; the first strategy is filled."""
    for number, strategy in reversed(list(enumerate(strategies))):
        own = values[values["strategy"] == strategy]
        marker, colour, line = LOOKS[number % len(LOOKS)]
        axes.errorbar(
            100 * own["moved"], own[score], yerr=own[f"{score}_sd"].fillna(0.0), marker=marker, color=colour,
            linestyle=line, capsize=2, elinewidth=0.8, label=strategy,
            markerfacecolor=colour if number == 0 else "white",
        )  # fmt: skip
    axes.set_ylim(top=1.02)
