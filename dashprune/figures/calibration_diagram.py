"""Reliability diagram: how far edges are as often real as their probabilities say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashprune import metrics
from dashprune.errors import DashpruneError
from dashprune.figures.style import BLUE, GREY, LIGHT, WIDTH, shortened, styled


@styled
def calibration(bins: Sequence[metrics.Bin], title: str, runs: int) -> Figure:
    """Reliability diagram: the share of edges that is real against their probability, and how many there are.

    Bars are Wilson's 95 % intervals of the shares. On the dashed line, probabilities are what they say.

    Args:
        bins: of `metrics.calibration`.
        title: of the figure.
        runs: number of runs behind the probabilities.

    Raises:
        DashpruneError: if there is no bin.
    """
    if not bins:
        raise DashpruneError("there are no edges that the gold standard can judge; run on data with one")
    figure = Figure(figsize=(WIDTH / 2, 4.6))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    figure.subplots_adjust(left=0.15, right=0.97, top=0.92, bottom=0.2, hspace=0.12)
    _draw_shares(above, bins)
    _draw_counts(below, bins)
    _explain(figure, bins, title, runs)
    return figure


def _draw_shares(axes: Axes, bins: Sequence[metrics.Bin]) -> None:
    """The share of each bin's edges that is real, with its interval."""
    place, share = np.array([own.probability for own in bins]), np.array([own.share for own in bins])
    low, high = np.array([metrics.wilson(own.real, own.pairs) for own in bins]).T
    reach = np.maximum([share - low, high - share], 0)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=(0, (4, 2)), linewidth=0.8, zorder=0)
    axes.errorbar(place, share, yerr=reach, fmt="o-", color=BLUE, elinewidth=0.8, capsize=2)
    axes.set(ylabel="share that is real", xlim=(-0.02, 1.02), ylim=(-0.03, 1.05))
    axes.tick_params(axis="x", labelbottom=False)


def _draw_counts(axes: Axes, bins: Sequence[metrics.Bin]) -> None:
    """The number of edges in each bin, as bars with that number on them."""
    axes.bar(
        [own.low for own in bins], [own.pairs for own in bins], [0.96 * (own.high - own.low) for own in bins],
        align="edge", color=LIGHT,
    )  # fmt: skip
    for own in bins:
        number = f"{own.pairs}" if own.pairs < 10_000 else f"{own.pairs / 1000:.0f}k"
        axes.annotate(number, ((own.low + own.high) / 2, own.pairs), (0, 1), textcoords="offset points", ha="center")
    most = max(own.pairs for own in bins)
    axes.set(xlabel="probability of the edge", ylabel="edges", yscale="log", ylim=(0.7, 5 * most))
    axes.minorticks_off()


def _explain(figure: Figure, bins: Sequence[metrics.Bin], title: str, runs: int) -> None:
    """Title, and caption below the axes."""
    (heading,) = shortened([title], 72 * WIDTH / 2 - 10)
    figure.text(0.5, 0.985, heading, ha="center", va="top")
    text = (
        f"Pairs that at least one of {runs} runs kept. Bars: 95 % intervals\n"
        f"(Wilson). Dashed: probabilities that are what they say.\n"
        f"Expected calibration error {metrics.calibration_error(bins):.3f}."
    )
    figure.text(0.03, 0.015, text, linespacing=1.4)
