"""Figure 3: heat maps of the effects of gene on gene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from dashprune import metrics
from dashprune.errors import DashpruneError
from dashprune.figures.style import WIDTH, styled

SIGNED = LinearSegmentedColormap.from_list("signed", ["#B34700", "#E69F00", "#FFFFFF", "#4A8FC7", "#08306B"])
"""Negative orange, none white, positive blue, which is the darker one in grey."""
LIMIT = 0.3
"""Relative effects beyond this have the last colour."""


@styled
def effects(
    truth: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]], shown: tuple[int, int] = (25, 60)
) -> Figure:
    """Figure 3: the effect of gene j (across) on the dynamics of gene i (down), the true one and estimates.

    Effects are relative to all effects on the same target (`metrics.signed_relative_effect`). The maps show a `crop`;
    the error in each title counts all pairs (`metrics.relationship_error`).

    Args:
        truth: (genes, genes) signs of the true network, row regulates column.
        panels: for each row of the figure (such as a level of noise) and each column (such as a strategy) the estimated
            effects (genes, genes), signed, row regulates column.
        shown: at most how many regulators and targets.

    Raises:
        DashpruneError: if there is no estimate.
    """
    pairs = crop(truth, *shown)
    columns = list(dict.fromkeys(name for row in panels.values() for name in row))
    if not columns:
        raise DashpruneError(
            "there is no estimate of the effects to show beside the true network; finish some runs first"
        )
    figure = Figure(figsize=(WIDTH, 2.35 * len(panels) + 1.15))
    grid = figure.subplots(len(panels), len(columns) + 1, squeeze=False)
    top, bottom = 1 - 0.35 / figure.get_figheight(), 1.0 / figure.get_figheight()
    figure.subplots_adjust(left=0.06, right=0.99, top=top, bottom=bottom, wspace=0.08, hspace=0.16)
    for line, (label, row) in zip(grid, panels.items(), strict=True):
        true_map = _heat_map(line[0], truth, pairs, "true network")
        line[0].set_ylabel(f"{label}\ntarget gene i")
        for axes, name in zip(line[1:], columns, strict=True):
            _draw_estimate(axes, name, row.get(name), truth, pairs)
    for axes in grid[-1]:
        axes.set_xlabel("regulator gene j")
    _explain(figure, true_map, truth, pairs)
    return figure


class Crop(NamedTuple):
    """What is shown of a network: indices of `regulators` (rows) and `targets` (columns), in the order of the maps."""

    regulators: np.ndarray
    targets: np.ndarray


def crop(truth: np.ndarray, regulators: int, targets: int) -> Crop:
    """The regulators with most targets, and of their targets those that most of them regulate.

    The order keeps each regulator's targets together. Among equals, those that come first.

    Args:
        truth: (genes, genes) signs, row regulates column.
        regulators: at most so many rows, those with most targets, the largest number first.
        targets: at most so many columns, those with most regulators among these rows, sorted by their signs there.
    """
    degree = np.count_nonzero(truth, axis=1)
    rows = np.argsort(-degree, kind="stable")[: min(regulators, np.count_nonzero(degree))]
    degree = np.count_nonzero(truth[rows], axis=0)
    columns = np.argsort(-degree, kind="stable")[: min(targets, np.count_nonzero(degree))]
    pattern = -np.abs(truth[np.ix_(rows, columns)])
    return Crop(rows, columns[np.lexsort(pattern[::-1])])


def _draw_estimate(axes: Axes, name: str, effect: np.ndarray | None, truth: np.ndarray, pairs: Crop) -> None:
    """The map of an estimate with its error, or a text where there is none."""
    if effect is None:
        axes.text(0.5, 0.5, f"{name}:\nno run", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    error = metrics.relationship_error(effect, truth)
    _heat_map(axes, effect, pairs, f"{name}: MSE {1e3 * error:.2f}e-3")


def _heat_map(axes: Axes, effect: np.ndarray, pairs: Crop, title: str) -> AxesImage:
    """Relative effects of some regulators on some targets; a dot marks those that are clearly negative."""
    relative = metrics.signed_relative_effect(effect)[np.ix_(*pairs)].T
    image = axes.imshow(relative, cmap=SIGNED, vmin=-LIMIT, vmax=LIMIT, aspect="auto", interpolation="nearest")
    target, regulator = np.nonzero(relative < -LIMIT / 4)
    axes.plot(regulator, target, ".", color="black", markersize=1.2)
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_visible(True)
    return image


def _explain(figure: Figure, image: AxesImage, truth: np.ndarray, pairs: Crop) -> None:
    """Colour bar and caption below the maps."""
    inch = 1 / figure.get_figheight()
    place = figure.add_axes((0.06, 0.62 * inch, 0.25, 0.1 * inch))
    bar = figure.colorbar(image, cax=place, orientation="horizontal", extend="both", ticks=[-LIMIT, 0, LIMIT])
    bar.set_label(f"relative effect; dot: below {-LIMIT / 4:g}")
    nothing = metrics.relationship_error(np.zeros_like(truth), truth)
    text = (
        f"Shown are the {len(pairs.regulators)} regulators with most true targets, and {len(pairs.targets)} of these\n"
        f"targets. The errors count all {truth.size:,} pairs of genes, {np.count_nonzero(truth):,} of which are\n"
        f"edges. No effect at all has an MSE of {1e3 * nothing:.2f}e-3."
    )
    figure.text(0.36, 0.45 * inch, text, va="center", linespacing=1.4)
