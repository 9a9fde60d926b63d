"""What the knock-out of each regulator changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dashprune.figures.effect_maps import SIGNED
from dashprune.figures.style import WIDTH, shortened, styled

ROWS, COLUMNS = 30, 40
"""Regulators and genes that are shown at most, those with the largest changes."""


@styled
def knockout_map(changes: pd.DataFrame, title: str) -> Figure:
    """A heat map of the change of genes (across) by the knock-out of regulators (down).

    Falls are orange and have a dot, rises are blue. Shown are the regulators that change most, and the genes that they
    change most; each list is in its own order of total change.

    Args:
        changes: a row per regulator and a column per gene, in units of expression.
        title: of the figure.
    """
    others = changes.copy()
    for gene in others.index.intersection(others.columns):
        others.loc[gene, gene] = 0.0  # its own fall says nothing of the network
    rows = others.abs().sum(axis=1).nlargest(ROWS).index
    columns = others.loc[rows].abs().sum(axis=0).nlargest(COLUMNS).index
    shown = others.loc[rows, columns].to_numpy(dtype=float)
    limit = max(float(np.quantile(np.abs(shown), 0.98)), 1e-9)
    height = 0.165 * len(rows) + 1.9
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0.14, 0.62 / height, 0.85, 0.165 * len(rows) / height))
    image = axes.imshow(shown, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    row, column = np.nonzero(shown < -limit / 4)
    axes.plot(column, row, ".", color="black", markersize=1.5)
    axes.set_yticks(range(len(rows)), shortened(map(str, rows), 55))
    axes.set_xticks(range(len(columns)), shortened(map(str, columns), 55), rotation=90)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(True)
    place = figure.add_axes((0.14, 0.4 / height, 0.3, 0.1 / height))
    bar = figure.colorbar(
        image, cax=place, orientation="horizontal", extend="both", ticks=[-limit, 0, limit], format="%.2g"
    )
    bar.set_label("change of expression (unit of the data); dot: falls")
    figure.suptitle(title, x=0.01, ha="left", y=1 - 0.06 / height, va="top")
    return figure
