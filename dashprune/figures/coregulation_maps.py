"""Modules of co-regulation, true and found."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from dashprune.figures.style import NAMES, WIDTH, styled


@styled
def coregulation(maps: Mapping[str, np.ndarray], titles: Mapping[str, str], title: str) -> Figure:
    """Heat maps of how alike the regulation of genes is, four in a line, the darker the more alike.

    Args:
        maps: for each panel (n, n) similarities from 0 to 1, of the same genes in the same order.
        titles: what to say of each panel, below its name.
        title: of the figure.
    """
    lines = math.ceil(len(maps) / 4)
    height = 2.15 * lines + 0.95
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.subplots(lines, 4, squeeze=False).ravel()
    figure.subplots_adjust(left=0.01, right=0.99, top=1 - 0.72 / height, bottom=0.45 / height, wspace=0.06, hspace=0.32)
    for axes, (name, values) in zip(grid, maps.items(), strict=False):
        image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=[], title=f"{NAMES.get(name, name)}\n{titles.get(name, '')}".rstrip())
        axes.spines[:].set_visible(True)
    for axes in grid[len(maps) :]:
        axes.set_axis_off()
    place = figure.add_axes((0.03, 0.3 / height, 0.25, 0.1 / height))
    figure.colorbar(image, cax=place, orientation="horizontal", ticks=[0, 0.5, 1])
    size = len(next(iter(maps.values())))
    text = f"cosine of the regulation of two genes; axes: the {size} regulated\ngenes, in the order of the true modules"
    figure.text(0.31, 0.3 / height, text, va="center")
    figure.suptitle(title, x=0.01, ha="left", y=1 - 0.08 / height, va="top")
    return figure
