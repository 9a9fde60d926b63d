"""The figures of the paper: data in, matplotlib figures out, in one style.

The style: colours of Okabe and Ito, which colour-blind people can tell apart; whatever a colour says, a marker, a
filling, a line style or a text says too, so that a print in grey loses nothing; no letter below 8 points at the size of
the figure, which is that of a page. Nothing here touches pyplot or the settings of whoever calls. The same data give
the same bytes.
"""

from __future__ import annotations

import bisect
import functools
import io
import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from dashprune import files, metrics
from dashprune.errors import DashpruneError

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
"""Okabe and Ito, Color Universal Design (2008)."""
GREY, LIGHT = "#777777", "#BBBBBB"
WIDTH = 7.0
"""Of a figure over the whole page, in inches."""
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine has it
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 8,
    "xtick.labelsize": 8, "ytick.labelsize": 8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.width": 0.4, "ytick.minor.width": 0.4,
    "lines.linewidth": 1.2, "lines.markersize": 5, "hatch.linewidth": 0.6,
    "legend.frameon": False, "pdf.fonttype": 42, "savefig.dpi": 200,
}  # fmt: skip

NAMES = {
    "none": "dense", "l0": "L0", "cnode": "C-NODE", "pathreg": "PathReg", "pinn": "PINN", "dst": "DST", "imp": "IMP",
    "synflow": "SynFlow", "sparseflow": "SparseFlow", "bioprune": "BioPrune", "dash": "DASH", "pinn_mp": "PINN+MP",
    "prior": "prior alone", "lasso": "lasso", "lasso_prior": "lasso with prior", "genie3": "GENIE3",
}  # fmt: skip
"""How figures call what has a name in the paper; anything else goes by its own name."""
GROUPS = {
    "dense": ("o", BLACK, ("none",)),
    "penalty": ("s", ORANGE, ("l0", "cnode", "pathreg", "pinn")),
    "pruning": ("^", BLUE, ("dst", "imp", "synflow", "sparseflow", "bioprune", "dash")),
    "hybrid": ("D", VERMILION, ("pinn_mp",)),
    "not in the paper": ("v", GREEN, ()),
}
"""The paper's groups of strategies: marker, colour, members. The last one holds whatever the others do not."""
LINES = ((0, (6, 2)), (0, (1, 1.5)), "-", (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
"""Line styles, in the order of use."""
BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
"""Behind a text that would stand on a line."""

DATELESS: dict[str, dict[str, None]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
"""The kinds of files, and what is left out of them so that they depend on nothing but the figure."""

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the style above, whatever the user's own settings are, and leave these as they were."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return drawn


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write `stem`.png (200 dpi) and `stem`.pdf, making the folder; without dates, so that they can be compared.

    Raises:
        DashpruneError: if they cannot be written.
    """
    with matplotlib.style.context(STYLE, after_reset=True):
        figure.draw_without_rendering()  # the layout, made once for both files
        figure.set_layout_engine("none")
        contents = {kind: _content(figure, kind, metadata) for kind, metadata in DATELESS.items()}
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in contents]
    with files.writing(stem.name, stem.parent):
        stem.parent.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, contents.values(), strict=True):
            files.write(path, content)
    return paths


def _content(figure: Figure, kind: str, metadata: Mapping[str, None]) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata=metadata)
    return file.getvalue()


def _width(text: str) -> float:
    """Of a text of 8 points, in points."""
    font = FontProperties(family=STYLE["font.family"], size=STYLE["font.size"])
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


# --- Figure 2: sparsity against balanced accuracy --------------------------------------------------------------------


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
def sparsity_accuracy(table: pd.DataFrame) -> Figure:
    """Figure 2: sparsity and balanced accuracy of every strategy, mean and standard deviation over seeds.

    Filled markers look at the prior. Controls, whose sparsity is that of gene pairs and not of weights, are lines, and
    so is a dense model's balanced accuracy of 50 %. Points that coincide share a label.

    Args:
        table: lines of `dashprune.analysis.tables.summary` of one dataset and model, and of its controls.

    Raises:
        DashpruneError: if they are of several datasets or models, or no line has both scores.
    """
    strategies, controls = _points(table)
    figure = Figure(figsize=(WIDTH, 4.6))
    axes = figure.add_axes((0.075, 0.2, 0.915, 0.785))
    heights = [50.0, *(p.y - p.y_sd for p in strategies), *(p.y + p.y_sd for p in strategies), *(p.y for p in controls)]
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
    _label_points(axes, strategies, 11 / (72 * 0.785 * 4.6))
    _draw_controls(axes, controls)
    _explain(figure, strategies)
    return figure


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
        side = 1 if max(_width(text) for _, _, text in labels) <= room else -1
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
            if near and _width(", ".join([*names, point.label])) <= room:
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


def _explain(figure: Figure, points: Sequence[Point]) -> None:
    """Below the axes: the marker of each group, and what filled markers, bars and lines are."""
    handles = [
        Line2D([], [], marker=marker, color=colour, linestyle="", markerfacecolor="none", label=name)
        for name, (marker, colour, _) in GROUPS.items()
        if any(p.group == name for p in points)
    ]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.06, 0.07), ncols=5, handletextpad=0)
    fewest, most = min(p.seeds for p in points), max(p.seeds for p in points)
    number = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    bars = f"Mean and standard deviation of {number}" if most > 1 else "One seed"
    lines = "Lines: controls without a neural model; grey: 50 %, where every dense network is."
    figure.text(0.075, 0.02, f"Filled markers: strategies that use the prior. {bars}.\n{lines}", linespacing=1.4)


# --- Beyond the paper: priors of every quality -----------------------------------------------------------------------

PRIOR_SCORES = {"balanced_accuracy": "balanced accuracy", "auprc": "AUPRC"}
"""What the figure shows of each strategy, and its axes' labels."""


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
    markers = list(
        zip("osD^v", (BLUE, VERMILION, GREEN, BLACK, PURPLE), ("-", *LINES[:2], LINES[3], LINES[4]), strict=True)
    )
    for k, (score, heading) in enumerate(PRIOR_SCORES.items()):
        for axes, level in zip(grid[k], levels, strict=True):
            for number, strategy in reversed(list(enumerate(strategies))):
                own = values[(values["noise"] == level) & (values["strategy"] == strategy)]
                marker, colour, line = markers[number % len(markers)]
                axes.errorbar(
                    100 * own["moved"], own[score], yerr=own[f"{score}_sd"].fillna(0.0), marker=marker, color=colour,
                    linestyle=line, capsize=2, elinewidth=0.8, label=strategy,
                    markerfacecolor=colour if number == 0 else "white",
                )  # fmt: skip
            if k == 0:
                axes.set_title(f"{level} noise")
            axes.set_ylim(top=1.02)
        grid[k][0].set_ylabel(heading)
    for axes in grid[-1]:
        axes.set(xlabel="edges of the prior moved (%)", xticks=sorted(100 * values["moved"].unique()))
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="lower left", bbox_to_anchor=(0.06, 0.045), ncols=5)
    fewest, most = int(values["seeds"].min()), int(values["seeds"].max())
    number_of = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    bars = f"Mean and standard deviation of {number_of}." if most > 1 else "One seed."
    figure.text(0.075, 0.02, f"{bars} Over all ordered pairs of genes, against the true network.")
    return figure


# --- Figure 3: heat maps of effects ----------------------------------------------------------------------------------

SIGNED = LinearSegmentedColormap.from_list("signed", ["#B34700", "#E69F00", "#FFFFFF", "#4A8FC7", "#08306B"])
"""Negative orange, none white, positive blue, which is the darker one in grey."""
LIMIT = 0.3
"""Relative effects beyond this have the last colour."""


@styled
def effects(
    truth: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]], shown: tuple[int, int] = (25, 60)
) -> Figure:
    """Figure 3: the effect of gene j (across) on the dynamics of gene i (down), the true one and estimates.

    Effects are relative to all effects on the same target (`metrics.signed_relative_effect`). The maps show a crop: the
    regulators with most true targets, and of their targets those that most of them regulate, in an order that keeps
    each regulator's targets together; the error in each title counts all pairs (`metrics.relationship_error`).

    Args:
        truth: (genes, genes) signs of the true network, row regulates column.
        panels: for each row of the figure (such as a level of noise) and each column (such as a strategy) the estimated
            effects (genes, genes), signed, row regulates column.
        shown: at most how many regulators and targets.

    Raises:
        DashpruneError: if there is no estimate.
    """
    regulators, targets = crop(truth, *shown)
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
        true_map = _heat_map(line[0], truth, regulators, targets, "true network")
        line[0].set_ylabel(f"{label}\ntarget gene i")
        for axes, name in zip(line[1:], columns, strict=True):
            if name in row:
                error = metrics.relationship_error(row[name], truth)
                _heat_map(axes, row[name], regulators, targets, f"{name}: MSE {1e3 * error:.2f}e-3")
            else:
                axes.text(0.5, 0.5, f"{name}:\nno run", ha="center", va="center", transform=axes.transAxes)
                axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("regulator gene j")
    _explain_effects(figure, true_map, truth, (len(regulators), len(targets)))
    return figure


def crop(truth: np.ndarray, regulators: int, targets: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows and columns of a network to show, and in what order.

    Args:
        truth: (genes, genes) signs, row regulates column.
        regulators: at most so many rows, those with most targets, the largest number first.
        targets: at most so many columns, those with most regulators among these rows, sorted by their signs there.

    Returns:
        Indices of rows and of columns. Among equals, those that come first.
    """
    degree = np.count_nonzero(truth, axis=1)
    rows = np.argsort(-degree, kind="stable")[: min(regulators, np.count_nonzero(degree))]
    degree = np.count_nonzero(truth[rows], axis=0)
    columns = np.argsort(-degree, kind="stable")[: min(targets, np.count_nonzero(degree))]
    pattern = -np.abs(truth[np.ix_(rows, columns)])
    return rows, columns[np.lexsort(pattern[::-1])]


def _heat_map(axes: Axes, effect: np.ndarray, rows: np.ndarray, columns: np.ndarray, title: str) -> AxesImage:
    """Relative effects of some regulators on some targets; a dot marks those that are clearly negative."""
    relative = metrics.signed_relative_effect(effect)[np.ix_(rows, columns)].T
    image = axes.imshow(relative, cmap=SIGNED, vmin=-LIMIT, vmax=LIMIT, aspect="auto", interpolation="nearest")
    target, regulator = np.nonzero(relative < -LIMIT / 4)
    axes.plot(regulator, target, ".", color="black", markersize=1.2)
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_visible(True)
    return image


def _explain_effects(figure: Figure, image: AxesImage, truth: np.ndarray, shown: tuple[int, int]) -> None:
    """Colour bar and caption below the maps."""
    inch = 1 / figure.get_figheight()
    place = figure.add_axes((0.06, 0.62 * inch, 0.25, 0.1 * inch))
    bar = figure.colorbar(image, cax=place, orientation="horizontal", extend="both", ticks=[-LIMIT, 0, LIMIT])
    bar.set_label(f"relative effect; dot: below {-LIMIT / 4:g}")
    nothing = metrics.relationship_error(np.zeros_like(truth), truth)
    text = (
        f"Shown are the {shown[0]} regulators with most true targets, and {shown[1]} of these\n"
        f"targets. The errors count all {truth.size:,} pairs of genes, {np.count_nonzero(truth):,} of which are\n"
        f"edges. No effect at all has an MSE of {1e3 * nothing:.2f}e-3."
    )
    figure.text(0.36, 0.45 * inch, text, va="center", linespacing=1.4)


# --- Figures 5 and 6: pathways ---------------------------------------------------------------------------------------

BARS = 20
"""Pathways shown for each strategy."""
LABEL = 150
"""Room for the name of a pathway, in points; longer ones are shortened."""
ACCESSION = r" \((GO:\d+|R-\w+-\d+)\)$"
"""Behind the name of a pathway; left out of the figure, since it is among the values."""


@styled
def pathway_bars(tables: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Figures 5 and 6: for each strategy the z-scores of its 20 strongest pathways.

    A star and a filled bar mark what is significant after Bonferroni's correction at 0.05. All panels share the axis of
    z. A page holds six panels; more make a longer figure.

    Args:
        tables: for each strategy a frame with columns pathway (str), z (float) and significant (bool).
        title: of the figure.

    Raises:
        DashpruneError: if there is no strategy.
    """
    if not tables:
        raise DashpruneError("there are no pathways to show; finish some runs first")
    lines = math.ceil(len(tables) / 2)
    height = 2.9 * lines + 0.5
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.subplots(lines, 2, squeeze=False, sharex=True).ravel()
    margins = {"top": 1 - 0.55 / height, "bottom": 0.42 / height}
    figure.subplots_adjust(left=0.316, right=0.988, wspace=1.907, hspace=0.17, **margins)
    for axes, (strategy, frame) in zip(grid, tables.items(), strict=False):
        _bars(axes, frame.dropna(subset="z").nlargest(BARS, "z"))
        axes.set_title(NAMES.get(strategy, strategy), fontweight="bold", loc="left")
        axes.tick_params(axis="x", labelbottom=True)
    for axes in grid[len(tables) :]:
        axes.set_axis_off()
    for axes in grid[max(len(tables) - 2, 0) : len(tables)]:
        axes.set_xlabel("z-score")
    figure.suptitle(f"{title} (* significant after Bonferroni at 0.05)", y=1 - 0.08 / height, va="top")
    return figure


def _bars(axes: Axes, frame: pd.DataFrame) -> None:
    """Horizontal bars, the largest z on top; bars of fewer pathways are as thick."""
    place = np.arange(len(frame))
    significant = frame["significant"].to_numpy(dtype=bool)
    bars = axes.barh(place, frame["z"], height=0.7, facecolor="white", edgecolor=BLUE, linewidth=0.6)
    for bar, z, starred in zip(bars, frame["z"], significant, strict=True):
        if starred:
            bar.set_facecolor(BLUE)
            axes.annotate(
                "*", (max(z, 0), bar.get_y() + bar.get_height() / 2), (2, -2.5), textcoords="offset points", va="center"
            )
    axes.set(ylim=(BARS - 0.4, -0.6))
    names = [re.sub(ACCESSION, "", name) for name in frame["pathway"]]
    axes.set_yticks(place, shortened(names, LABEL))
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.axvline(0, color=BLACK, linewidth=0.6)
    if frame.empty:
        axes.text(0.5, 0.5, "no pathway was tested", ha="center", va="center", transform=axes.transAxes)


def shortened(names: Iterable[str], room: float) -> list[str]:
    """Names no wider than `room` (points): others end in an ellipsis, or hold it inside where several begin alike."""
    names = list(names)
    ends = [_fitting(name, room, lambda text, keep: f"{text[:keep].rstrip()}…") for name in names]
    return [
        _fitting(name, room, lambda text, keep: f"{text[: keep // 2].rstrip()}…{text[keep // 2 - keep :].lstrip()}")
        if ends.count(end) > 1
        else end
        for name, end in zip(names, ends, strict=True)
    ]


def _fitting(name: str, room: float, cut: Callable[[str, int], str]) -> str:
    """The name, or its cut that keeps as many letters as fit into `room` points, at least two."""
    if _width(name) <= room:
        return name
    keep = bisect.bisect_right(range(3, len(name)), room, key=lambda letters: _width(cut(name, letters)))
    return cut(name, keep + 2)


# --- Calibration of edge probabilities -------------------------------------------------------------------------------


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
    place, share = np.array([own.probability for own in bins]), np.array([own.share for own in bins])
    low, high = np.array([metrics.wilson(own.real, own.pairs) for own in bins]).T
    reach = np.maximum([share - low, high - share], 0)
    above.plot([0, 1], [0, 1], color=GREY, linestyle=(0, (4, 2)), linewidth=0.8, zorder=0)
    above.errorbar(place, share, yerr=reach, fmt="o-", color=BLUE, elinewidth=0.8, capsize=2)
    above.set(ylabel="share that is real", xlim=(-0.02, 1.02), ylim=(-0.03, 1.05))
    above.tick_params(axis="x", labelbottom=False)
    below.bar(
        [own.low for own in bins], [own.pairs for own in bins], [0.96 * (own.high - own.low) for own in bins],
        align="edge", color=LIGHT,
    )  # fmt: skip
    for own in bins:
        number = f"{own.pairs}" if own.pairs < 10_000 else f"{own.pairs / 1000:.0f}k"
        below.annotate(number, ((own.low + own.high) / 2, own.pairs), (0, 1), textcoords="offset points", ha="center")
    most = max(own.pairs for own in bins)
    below.set(xlabel="probability of the edge", ylabel="edges", yscale="log", ylim=(0.7, 5 * most))
    below.minorticks_off()
    _explain_calibration(figure, bins, title, runs)
    return figure


def _explain_calibration(figure: Figure, bins: Sequence[metrics.Bin], title: str, runs: int) -> None:
    """Title, and caption below the axes."""
    (heading,) = shortened([title], 72 * WIDTH / 2 - 10)
    figure.text(0.5, 0.985, heading, ha="center", va="top")
    text = (
        f"Pairs that at least one of {runs} runs kept. Bars: 95 % intervals\n"
        f"(Wilson). Dashed: probabilities that are what they say.\n"
        f"Expected calibration error {metrics.calibration_error(bins):.3f}."
    )
    figure.text(0.03, 0.015, text, linespacing=1.4)
