"""Picture of a run: how active regulators are over time, by what their known targets do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dashprune.figures.style import WIDTH, styled

MOST = 40
"""Regulators that are shown, those whose activity varies most."""
_SIGNED = "RdBu_r"


class Active(NamedTuple):
    """Activities of regulators in some trajectories.

    Attributes:
        regulators: their names.
        values: (regulators, points) activities, one trajectory after the other.
        lengths: points of each trajectory.
    """

    regulators: Sequence[str]
    values: np.ndarray
    lengths: Sequence[int]


@styled
def activity_map(active: Active, title: str) -> Figure:
    """Heat map: a row per regulator, a column per time point, trajectories side by side.

    Colours are standard deviations from the regulator's mean. Rows that go together lie together.
    """
    values = active.values - active.values.mean(axis=1, keepdims=True)
    spread = values.std(axis=1)
    shown = np.sort(np.argsort(-spread, kind="stable")[:MOST])
    standard = values[shown] / np.maximum(spread[shown, None], 1e-12)
    _, _, directions = np.linalg.svd(standard, full_matrices=False)
    order = np.argsort(standard @ directions[0], kind="stable")
    figure = Figure(figsize=(WIDTH, 1.3 + 0.15 * len(shown)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(standard[order], cmap=_SIGNED, vmin=-2.5, vmax=2.5, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(shown)), [active.regulators[shown[k]] for k in order])
    ends = np.cumsum([0, *active.lengths])
    for end in ends[1:-1]:
        axes.axvline(end - 0.5, color="white", linewidth=2)
    step = max(len(active.lengths) // 12, 1)
    middle = (ends[:-1] + ends[1:] - 1) / 2
    axes.set_xticks(middle[::step], [str(k + 1) for k in range(0, len(active.lengths), step)])
    axes.set_xlabel("training trajectory, each from its first to its last time point")
    axes.tick_params(length=0)
    axes.set_title(title, loc="left")
    bar = figure.colorbar(image, ax=axes, extend="both", ticks=[-2, 0, 2], aspect=40)
    bar.set_label("activity, standard deviations from its mean")
    return figure
