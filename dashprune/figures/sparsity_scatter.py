"""Figure 2: sparsity against balanced accuracy."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dashprune.errors import DashpruneError
from dashprune.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LINES,
    NAMES,
    ORANGE,
    PURPLE,
    VERMILION,
    WIDTH,
    averaged,
    styled,
    text_width,
)

GROUPS = {
    "dense": ("o", BLACK, ("none",)),
    "penalty": ("s", ORANGE, ("l0", "cnode", "pathreg", "pinn")),
    "pruning": ("^", BLUE, ("dst", "imp", "synflow", "sparseflow", "bioprune", "dash")),
    "hybrid": ("D", VERMILION, ("pinn_mp",)),
    "not in the paper": ("v", GREEN, ()),
}
"""The paper's groups of strategies: marker, colour, members. The last one holds whatever the others do not."""
FAR = 8
"""Percent between a strategy's point and its cross, from which on the cross has a name of its own."""
BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
"""Behind a text that would stand on a line."""


class Point(NamedTuple):
    """A line of the table as Figure 2 shows it; sparsity `x` and balanced accuracy `y` in percent."""

    label: str
    group: str
    prior: bool
    seeds: int
    x: float
    y: float
    x_sd: float
    y_sd: float


@styled
def sparsity_accuracy(table: pd.DataFrame, paper: Mapping[str, tuple[float, float]] | None = None) -> Figure:
    """Figure 2: sparsity and balanced accuracy of every strategy, mean and standard deviation over seeds.

    Filled markers look at the prior. Controls, whose sparsity is that of gene pairs and not of weights, are lines, and
    so is the balanced accuracy of a network without a zero, 50 %. Points that coincide share a label.

    Args:
        table: lines of `dashprune.analysis.tables.summary` of one dataset and model, and of its controls.
        paper: for strategies the sparsity and balanced accuracy in percent that are known from elsewhere. They are
            crosses, with a line from the strategy's own point.

    Raises:
        DashpruneError: if they are of several datasets or models, or no line has both scores.
    """
    strategies, controls = _points(table)
    figure = Figure(figsize=(WIDTH, 4.6))
    axes = figure.add_axes((0.075, 0.2, 0.915, 0.785))
    known = {NAMES.get(name, name): place for name, place in (paper or {}).items()}
    heights = [50.0, *(p.y - p.y_sd for p in strategies), *(p.y + p.y_sd for p in strategies), *(p.y for p in controls)]
    heights += [y for _, y in known.values()]
    margin = max(0.08 * (max(heights) - min(heights)), 1)
    axes.set(xlim=(-3, 121), ylim=(min(heights) - margin, max(heights) + margin), xticks=range(0, 101, 20))
    axes.spines["bottom"].set_bounds(-3, 100)
    axes.set_xlabel("sparsity of the weights (%)", x=0.42)
    axes.set_ylabel("balanced accuracy of the edges (%)")
    axes.plot([-3, 100], [50, 50], color=GREY, linewidth=0.8, zorder=0)
    for p in strategies:
        marker, colour, _ = GROUPS[p.group]
        axes.errorbar(
            p.x, p.y, xerr=p.x_sd, yerr=p.y_sd, fmt=marker, color=colour, capsize=2, elinewidth=0.8,
            markerfacecolor=colour if p.prior else "none", zorder=2 if p.prior else 3,
        )  # fmt: skip
        if p.label in known:
            _draw_cross(axes, p, colour, known[p.label])
    _label_points(axes, strategies, 11 / (72 * 0.785 * 4.6))
    _draw_controls(axes, controls)
    _explain(figure, strategies, bool(known))
    return figure


def _draw_cross(axes: Axes, point: Point, colour: str, known: tuple[float, float]) -> None:
    """What is known from elsewhere of a strategy, tied to its point; far from it, with its name."""
    axes.plot(*zip((point.x, point.y), known, strict=True), color=colour, linewidth=0.6, alpha=0.6, zorder=1)
    axes.plot(*known, "x", color=colour, markersize=4.5, zorder=2)
    if np.hypot(known[0] - point.x, known[1] - point.y) > FAR:
        axes.annotate(point.label, known, (4, -4), textcoords="offset points", va="top", color=GREY)


def _points(table: pd.DataFrame) -> tuple[list[Point], list[Point]]:
    """Strategies and controls, as far as both their scores are known; controls from the best to the worst."""
    is_control = table["model"] == "control"
    mixed = [table["dataset"].unique(), table.loc[~is_control, "model"].unique()]
    if any(len(names) > 1 for names in mixed):
        found = ", ".join(str(name) for names in mixed for name in names)
        raise DashpruneError(f"this figure shows one dataset and model, but the table has {found}; choose one of each")
    known = table[table["sparsity"].notna() & table["balanced_accuracy"].notna()]
    rows = known.to_dict("records")
    strategies = [_point(row, known) for row in rows if row["model"] != "control"]
    controls = [_point(row, known) for row in rows if row["model"] == "control"]
    if not strategies:
        raise DashpruneError("no strategy has both a sparsity and a balanced accuracy; run some on data with a truth")
    return strategies, sorted(controls, key=lambda p: -p.y)


def _point(row: Mapping[Hashable, Any], table: pd.DataFrame) -> Point:
    """A line of the table; its options tell it apart from others of the same strategy."""
    name, several = row["pruner"], (table["pruner"] == row["pruner"]).sum() > 1
    *groups, other = GROUPS
    scores = [100 * row[name] for name in ("sparsity", "balanced_accuracy", "sparsity_sd", "balanced_accuracy_sd")]
    return Point(
        f"{NAMES.get(name, name)} {row['options']}" if several else NAMES.get(name, name),
        next((group for group in groups if name in GROUPS[group][2]), other),
        row["prior"],
        row["seeds"],
        *np.nan_to_num(scores).tolist(),
    )


def _label_points(axes: Axes, points: Sequence[Point], line: float) -> None:
    """Name the points: those close in sparsity in a column beside them, in the order of their heights.

    The column is at their right, or at their left where a name is too long for that.

    Args:
        axes: to draw on, as wide as the figure.
        points: what to name.
        line: height of a line of text, as a fraction of the axes.
    """
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    gap = line * (high - low)
    for column in _columns(points):
        at = column[-1].x + 4.5
        room = (right - at) / (right - left) * axes.get_position().width * WIDTH * 72
        labels = _merged(column, gap, min(room, 100))
        side = 1 if max(text_width(text) for _, _, text in labels) <= room else -1
        at = at if side > 0 else column[0].x - 4.5
        for (y, x, text), height in zip(labels, spread([y for y, _, _ in labels], gap), strict=True):
            bends = [x + 1.2 * side, at - 2 * side, at - 0.4 * side]
            axes.plot(bends, [y, height, height], color=GREY, linewidth=0.5, zorder=1)
            axes.text(at, height, text, va="center", ha="left" if side > 0 else "right", bbox=BOX, zorder=1)


def _columns(points: Sequence[Point]) -> list[list[Point]]:
    """Points by sparsity, divided where two are so far apart that a label fits between them."""
    columns: list[list[Point]] = []
    for point in sorted(points, key=lambda p: p.x):
        if not columns or point.x - columns[-1][-1].x > 17:
            columns.append([])
        columns[-1].append(point)
    return columns


def _merged(points: Sequence[Point], gap: float, room: float) -> list[tuple[float, float, str]]:
    """Height, sparsity and text of labels, the lowest first.

    Points less than a marker apart share one as far as it is no wider than `room` (points of type). `gap` is the height
    of a label on the y axis.
    """
    labels: list[tuple[Point, list[str]]] = []
    for point in sorted(points, key=lambda p: p.y):
        for first, names in labels:
            near = abs(point.y - first.y) < 0.4 * gap and abs(point.x - first.x) < 2
            if near and text_width(", ".join([*names, point.label])) <= room:
                names.append(point.label)
                break
        else:
            labels.append((point, [point.label]))
    return [(first.y, first.x, ", ".join(sorted(names, key=str.lower))) for first, names in labels]


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Positions as close as possible to the `wanted` ones, which ascend, but at least `gap` apart.

    Least squares under that condition: pools of neighbours that would overlap are centred on their own mean.
    """
    pools: list[list[float]] = []
    for k, value in enumerate(wanted):
        pools.append([value - k * gap])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    level = [float(np.mean(pool)) for pool in pools for _ in pool]
    return [value + k * gap for k, value in enumerate(level)]


def _draw_controls(axes: Axes, controls: Sequence[Point]) -> None:
    """A line for each control with its name on it; the names of neighbours stand side by side."""
    for k, control in enumerate(controls):
        height = control.y
        axes.plot([-3, 100], [height] * 2, color=PURPLE, linestyle=LINES[k % len(LINES)], linewidth=1, zorder=0)
        axes.text(4 + 33 * (k % 2), height, f"{control.label}: {height:.1f} %", va="center", bbox=BOX, zorder=1)


def _explain(figure: Figure, points: Sequence[Point], crosses: bool) -> None:
    """Below the axes: the marker of each group, and what filled markers, bars and lines are."""
    handles = [
        Line2D([], [], marker=marker, color=colour, linestyle="", markerfacecolor="none", label=name)
        for name, (marker, colour, _) in GROUPS.items()
        if any(p.group == name for p in points)
    ]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.06, 0.07), ncols=5, handletextpad=0)
    bars = averaged([p.seeds for p in points]) + (". Crosses: the paper's" if crosses else "")
    lines = "Lines: controls without a neural model; grey: 50 %, a network without a zero."
    figure.text(0.075, 0.02, f"Filled markers: strategies that use the prior. {bars}.\n{lines}", linespacing=1.4)
