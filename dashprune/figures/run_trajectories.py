"""Picture of a run: what its model predicts beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashprune.figures.style import BLACK, BLUE, LIGHT, VERMILION, WIDTH, styled

LONG = 100
"""Trajectories with more time points than this are drawn as means over bins, too."""
BINS = 30


class Course(NamedTuple):
    """A trajectory and its prediction.

    Attributes:
        times: (times,) in the dataset's unit.
        measured: (times, genes) held-out expression.
        one_step: (times, genes) each point predicted from the measured one before; the first is the measured one.
        free_times: (more times,) those of `free`, close enough for a smooth curve.
        free: (more times, genes) predicted from the first measured point; NaN once the solution diverges.
    """

    times: np.ndarray
    measured: np.ndarray
    one_step: np.ndarray
    free_times: np.ndarray
    free: np.ndarray


@styled
def trajectories(courses: Sequence[Course], genes: Mapping[str, int], title: str) -> Figure:
    """True against predicted expression over time, a panel for each gene.

    Args:
        courses: the trajectories, in each panel.
        genes: names and indices.
        title: of the figure.
    """
    lines = math.ceil(len(genes) / 3)
    figure = Figure(figsize=(WIDTH, 1.9 * lines + 0.7), layout="constrained")
    grid = figure.subplots(lines, 3, squeeze=False, sharex=True)
    for axes, (name, gene) in zip(grid.ravel(), genes.items(), strict=False):
        for course, marker in zip(courses, "os^", strict=False):
            _draw_course(axes, course, gene, marker)
        axes.set_title(name)
        _limit(axes, courses, gene)
    for axes in grid.ravel()[len(genes) :]:
        axes.set_axis_off()
    for k, axes in enumerate(grid.ravel()[: len(genes)]):
        if k + 3 >= len(genes):
            axes.set_xlabel("time (unit of the data)")
            axes.tick_params(axis="x", labelbottom=True)
        if k % 3 == 0:
            axes.set_ylabel("expression\n(unit of the data)")
    figure.suptitle(title, x=0.01, ha="left", fontsize=8)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles[:3], labels[:3], loc="outside lower center", ncols=3, columnspacing=1.2)
    return figure


def _draw_course(axes: Axes, course: Course, gene: int, marker: str) -> None:
    """Measured points as markers, predictions as lines; of long trajectories every point, and means over bins."""
    times, measured, one_step = course.times, course.measured[:, gene], course.one_step[:, gene]
    points, line = "measured", "predicted from the point before"
    if len(times) > LONG:
        axes.plot(times, measured, ".", color=LIGHT, markersize=1.5, zorder=0)
        times, measured, one_step = (binned(values) for values in (times, measured, one_step))
        points, line = f"{points} (dots), mean of bins (circles)", f"{line}, mean of bins"
    axes.plot(times, measured, marker, color=BLACK, markerfacecolor="none", markeredgewidth=0.6, label=points)
    axes.plot(times, one_step, color=BLUE, label=line)
    axes.plot(course.free_times, course.free[:, gene], "--", color=VERMILION, label="from the first point")


def binned(values: np.ndarray) -> np.ndarray:
    """Means of `BINS` runs of successive values, as equal in number as can be."""
    return np.array([part.mean() for part in np.array_split(values, BINS)])


def _limit(axes: Axes, courses: Sequence[Course], gene: int) -> None:
    """Keep a free run that leaves the measured range by more than its width from flattening everything else."""
    measured = np.concatenate([course.measured[:, gene] for course in courses])
    low, high = measured.min(), measured.max()
    width = max(high - low, 1e-6)
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom, low - width), min(top, high + width))
