"""Figures 5 and 6: the strongest pathways of all strategies, in one heat map."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashprune.errors import DashpruneError
from dashprune.figures.style import GREY, NAMES, WIDTH, styled, text_width

ACCESSION = r" \((GO:\d+|R-\w+-\d+)\)$"
"""Behind the name of a pathway; left out of the figure, since it is among the values."""
LETTERS = 58
"""After which the name of a pathway goes on in another line."""
STRONG = 10.0
"""z from which on all colours are the same."""
PRIOR = "prior alone"
_LINE, _GAP, _CELL = 0.128, 0.05, 0.25
"""Height of a line of text, room between two names, and width of a column, in inches."""


@styled
def pathway_map(tables: Mapping[str, pd.DataFrame], title: str, count: int = 5) -> Figure:
    """Figures 5 and 6: z of the strongest pathways of any strategy, in every strategy and in the prior.

    The darker, the larger z, from 0 to 10; a star marks what is significant after Bonferroni's correction at 0.05. The
    prior by itself has the first column, without stars, since it is not tested. Rows are in the order of the largest z.

    Args:
        tables: for each strategy a frame with columns pathway (str), z and z_prior (float) and significant (bool).
        title: of the figure.
        count: pathways that each strategy adds, beside those that are significant.

    Raises:
        DashpruneError: if there is no strategy, or none has a pathway.
    """
    z, stars = _matrix(tables, count)
    names = [textwrap.wrap(re.sub(ACCESSION, "", name), LETTERS) for name in z.index]
    heights = np.array([_LINE * len(name) + _GAP for name in names])
    label = max(text_width(line) for name in names for line in name) / 72 + 0.1
    headings = max(text_width(NAMES.get(name, name)) for name in z.columns) / 72
    top, right, bottom = 0.55 + 0.9 * headings, 0.72, 0.12
    width = label + _CELL * z.shape[1] + right
    height = heights.sum() + top + bottom
    figure = Figure(figsize=(max(width, WIDTH), height))
    scale = max(width, WIDTH)
    box = (label / scale, bottom / height, _CELL * z.shape[1] / scale, heights.sum() / height)
    axes = figure.add_axes(box)
    _draw(axes, z, stars, heights, names)
    text = f"{title}\n* significant after Bonferroni at 0.05"
    bar = figure.add_axes(((label + _CELL * z.shape[1] + 0.12) / scale, box[1], 0.1 / scale, min(1.6 / height, box[3])))
    figure.colorbar(axes.collections[0], cax=bar, label="z-score", extend="max")
    figure.suptitle(text, x=0.01, y=1 - 0.05 / height, ha="left", va="top")
    return figure


def _matrix(tables: Mapping[str, pd.DataFrame], count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """z and significance, a row per pathway and a column for the prior and each strategy; NaN where not tested."""
    frames = {name: frame.dropna(subset="z").set_index("pathway") for name, frame in tables.items()}
    shown = [[*frame["z"].nlargest(count).index, *frame.index[frame["significant"]]] for frame in frames.values()]
    chosen = list(dict.fromkeys(name for names in shown for name in names))
    if not chosen:
        raise DashpruneError("there are no pathways to show; finish some runs first")
    z = pd.DataFrame({name: frame["z"].reindex(chosen) for name, frame in frames.items()})
    stars = pd.DataFrame({name: frame["significant"].reindex(chosen) == True for name, frame in frames.items()})  # noqa: E712
    prior = pd.concat([frame["z_prior"] for frame in frames.values()])
    z.insert(0, PRIOR, prior[~prior.index.duplicated()].reindex(chosen))
    stars.insert(0, PRIOR, False)
    order = z.drop(columns=PRIOR).max(axis=1).sort_values(ascending=False, kind="stable").index
    return z.loc[order], stars.loc[order]


def _draw(axes: Axes, z: pd.DataFrame, stars: pd.DataFrame, heights: np.ndarray, names: list[list[str]]) -> None:
    """Cells as high as their names, the first row on top."""
    edges = np.concatenate([[0], heights.cumsum()])
    middles = (edges[1:] + edges[:-1]) / 2
    mesh = axes.pcolormesh(np.arange(z.shape[1] + 1), edges, z, cmap="Blues", vmin=0, vmax=STRONG)
    mesh.set(edgecolor="white", linewidth=0.5)
    axes.set_facecolor("#EEEEEE")
    for row, column in zip(*np.nonzero(stars.to_numpy()), strict=True):
        colour = "white" if z.iloc[row, column] > STRONG / 2 else "black"
        axes.text(column + 0.5, middles[row], "*", ha="center", va="center_baseline", color=colour)
    axes.axvline(1, color=GREY, linewidth=1)
    axes.invert_yaxis()
    axes.set_yticks(middles, ["\n".join(name) for name in names])
    columns = [NAMES.get(name, name) for name in z.columns]
    axes.set_xticks(np.arange(z.shape[1]) + 0.5, columns, rotation=60, ha="left", rotation_mode="anchor")
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
