"""How networks differ: edges that they share, and hubs that gain or lose targets."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashprune.figures.style import BLACK, BLUE, GREY, LIGHT, ORANGE, WIDTH, shortened, styled

NAMED = 12
"""Hubs that are named, those whose number of targets differs most."""


@styled
def networks_compared(pairs: pd.DataFrame, hubs: pd.DataFrame, title: str) -> Figure:
    """Shared and own edges of each pair of networks as bars; of the first pair, targets of each hub in both.

    Args:
        pairs: `first`, `second`, `shared`, `only_first`, `only_second`.
        hubs: `gene`, and a column of numbers of targets for each network.
        title: of the figure.
    """
    height = max(3.4, 0.55 * len(pairs) + 1.6)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    bars, scatter = figure.subplots(1, 2, width_ratios=(1, 1))
    _bars(bars, pairs)
    _scatter(scatter, hubs, str(pairs["first"].iloc[0]), str(pairs["second"].iloc[0]))
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _bars(axes: Axes, pairs: pd.DataFrame) -> None:
    """A line of three parts per pair: only the first, shared, only the second."""
    parts = [("only_first", ORANGE, "//", "only the first"), ("shared", GREY, "", "shared"),
             ("only_second", BLUE, "..", "only the second")]  # fmt: skip
    left = np.zeros(len(pairs))
    places = np.arange(len(pairs))
    for column, colour, hatch, label in parts:
        axes.barh(
            places, pairs[column], left=left, color=colour, hatch=hatch, edgecolor="white", height=0.4, label=label
        )
        left += pairs[column].to_numpy()
    for place, row in enumerate(pairs.itertuples()):
        numbers = f"{row.only_first:,} / {row.shared:,} / {row.only_second:,}"
        names = " | ".join(shortened([str(row.first), str(row.second)], 95))
        axes.annotate(f"{names}\n{numbers}", (0, place - 0.24), va="bottom", annotation_clip=False)
    axes.set(ylim=(len(pairs) - 0.5, -0.8), yticks=[], xlabel="edges")
    axes.spines["left"].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, columnspacing=1, handlelength=1.5)


def _scatter(axes: Axes, hubs: pd.DataFrame, first: str, second: str) -> None:
    across, up = hubs[first].to_numpy(dtype=float), hubs[second].to_numpy(dtype=float)
    limit = max(across.max(initial=1), up.max(initial=1)) * 1.15
    axes.plot([0, limit], [0, limit], color=LIGHT, linewidth=0.8, zorder=0)
    axes.plot(across, up, "o", color=BLACK, markerfacecolor="none", markersize=3.5, markeredgewidth=0.6, zorder=3)
    taken: list[tuple[float, float]] = []
    named = 0
    for place in np.argsort(-np.abs(across - up), kind="stable"):
        spot = across[place] / limit, up[place] / limit
        if across[place] == up[place] or named == NAMED:
            break
        if any(abs(spot[0] - x) < 0.22 and abs(spot[1] - y) < 0.045 for x, y in taken):
            continue  # its name would lie on another
        taken.append(spot)
        named += 1
        name = shortened([str(hubs["gene"].iloc[place])], 55)[0]
        right = spot[0] > 0.75
        axes.annotate(name, (across[place], up[place]), xytext=(-4 if right else 4, 0), textcoords="offset points",
                      ha="right" if right else "left", va="center", zorder=2,
                      bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6})  # fmt: skip
    names = shortened([first, second], 150)
    axes.set(xlim=(-0.02 * limit, limit), ylim=(-0.02 * limit, limit))
    axes.set(xlabel=f"targets of a gene, {names[0]}", ylabel=f"targets of a gene, {names[1]}")
