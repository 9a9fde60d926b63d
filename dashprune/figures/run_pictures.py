"""Pictures of one run: how it was trained, what it predicts, and the network that is left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.sparse import csr_array

from dashprune.data.problem import Problem, Split
from dashprune.errors import DashpruneError, did_you_mean
from dashprune.figures.style import BLACK, BLUE, GREEN, GREY, LIGHT, VERMILION, WIDTH, save, styled
from dashprune.models.base import VectorField
from dashprune.models.effects import degrees
from dashprune.runs import results
from dashprune.runs.finished import reported
from dashprune.solvers.base import DivergenceError, Solver

GENES = 6
"""Genes whose trajectories are drawn unless others are named."""
MOST = 60
"""Genes whose trajectories can be drawn at once."""
FEW = 12
"""Trajectories with at most so many time points are drawn three at a time, longer ones alone."""
LONG = 100
"""Trajectories with more time points than this are drawn as means over bins, too."""
BINS = 30


class Course(NamedTuple):
    """A trajectory and its prediction.

    Attributes:
        times: (times,) in the dataset's unit.
        measured: (times, genes) held-out expression.
        one_step: (times, genes) each point predicted from the measured one before; the first is the measured one.
        free: (times, genes) all points predicted from the first measured one; NaN once the solution diverges.
    """

    times: np.ndarray
    measured: np.ndarray
    one_step: np.ndarray
    free: np.ndarray


class Degrees(NamedTuple):
    """Of a network: (genes,) int numbers of edges that leave and that reach each gene."""

    leaving: np.ndarray
    reaching: np.ndarray


def draw(folder: Path, out: Path, genes: Sequence[str] | None = None) -> list[Path]:
    """Draw all pictures of a run that is done: history, trajectories and degrees, as PNG and PDF.

    Args:
        folder: of the run.
        out: folder for the pictures.
        genes: whose trajectories to draw; None for those of `telling_genes`.

    Returns:
        The files written.

    Raises:
        DashpruneError: if the run is not done or a control's, a gene is not in its data, or a file cannot be written.
    """
    if genes is not None and len(genes) > MOST:
        raise DashpruneError(f"--genes: {len(genes)} genes are too many for one figure; name at most {MOST}")
    problem, model, solver = reported(folder)
    row = results.load(folder)
    assert row is not None
    chosen = telling_genes(problem) if genes is None else [_index(gene, problem.genes) for gene in dict.fromkeys(genes)]
    shown = _shown(problem.test)
    courses = [predict(model, solver, problem.test, k) for k in shown]
    title = f"{row['dataset']}, {row['model']}, {row['pruner']}, run {row['id']}"
    figures = {
        "history": history(_read_history(folder), row["best_epoch"], title),
        "trajectories": trajectories(
            courses, {problem.genes[k]: k for k in chosen}, f"{title}: {_which(shown, problem.test)}"
        ),
        "degrees": degree_distributions(_networks(model, problem), title),
    }
    return [path for name, figure in figures.items() for path in save(figure, out / name)]


# --- what is drawn ---------------------------------------------------------------------------------------------------


def telling_genes(problem: Problem) -> list[int]:
    """Genes worth looking at: those that vary most over time within the test trajectories, at most six.

    At least three of them, if there are as many, have a regulator in the gold standard, or in the prior where there is
    none. Of genes that vary alike, the first.
    """
    split = problem.test
    known = ~np.isnan(split.times)[:, :, None]
    variance = np.nanmean(np.nanvar(np.where(known, split.expression, np.nan), axis=1), axis=0)
    ranking = np.argsort(-variance, kind="stable")
    network = problem.prior if problem.truth is None else problem.truth
    regulated = [k for k in ranking if network.sum(axis=0)[k] != 0][:3]
    others = [k for k in ranking if k not in regulated][: GENES - len(regulated)]
    return sorted((int(k) for k in [*regulated, *others]), key=ranking.tolist().index)


def _index(gene: str, genes: Sequence[str]) -> int:
    if gene not in genes:
        raise DashpruneError(
            f"--genes: '{gene}' is not a gene of this run{did_you_mean(gene, genes)}; "
            f"it has {len(genes)}, such as {', '.join(genes[:3])}"
        )
    return genes.index(gene)


def _shown(split: Split) -> list[int]:
    """The test trajectories to draw."""
    return list(range(min(len(split.times), 3 if split.times.shape[1] <= FEW else 1)))


def _which(shown: Sequence[int], split: Split) -> str:
    several = f"trajectories 1 to {len(shown)}" if len(shown) > 1 else "trajectory 1"
    return f"test {several} of {len(split.times)}"


@torch.no_grad()
def predict(model: VectorField, solver: Solver, split: Split, trajectory: int) -> Course:
    """One trajectory of a split, with the model's one-step predictions and its free run."""
    known = ~np.isnan(split.times[trajectory])
    times, measured = split.times[trajectory, known], split.expression[trajectory, known]
    start, dt = torch.as_tensor(measured), torch.as_tensor(np.diff(times), dtype=torch.float32)
    model.eval()
    one_step = _solved(model, solver, start[:-1], dt)
    free = [start[:1]]
    for k in range(len(dt)):
        free.append(_solved(model, solver, free[-1], dt[k : k + 1]))
    return Course(times, measured, torch.cat([start[:1], one_step]).numpy(), torch.cat(free).numpy())


def _solved(model: VectorField, solver: Solver, start: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
    """As `Solver.predict`, NaN where the solution diverges."""
    try:
        stop = solver.predict(model, start, dt)
    except DivergenceError:
        stop = torch.full_like(start, math.nan)
    return stop.masked_fill(~stop.isfinite(), math.nan)


def _read_history(folder: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(folder / "history.csv")
    except OSError as error:
        raise DashpruneError(
            f"{error.filename} cannot be read ({error.strerror}); run again with force=true"
        ) from error


def _networks(model: VectorField, problem: Problem) -> dict[str, Degrees]:
    """Degrees in the pruned network, and in the gold standard and the prior as far as they have edges."""
    networks = {"pruned network": Degrees(*degrees(model))}
    gold = "gold standard"
    if problem.evaluable is not None and not problem.evaluable.sources.all():
        gold += f" of {problem.evaluable.sources.sum():,} regulators"
    for name, network in ((gold, problem.truth), ("prior", problem.prior)):
        if network is not None and network.nnz:
            networks[name] = _degrees(network)
    return networks


def _degrees(network: csr_array) -> Degrees:
    genes = network.shape[0]
    return Degrees(np.diff(network.indptr), np.bincount(network.indices, minlength=genes))


# --- drawing ---------------------------------------------------------------------------------------------------------


@styled
def history(frame: pd.DataFrame, best_epoch: int, title: str) -> Figure:
    """Loss, validation error and sparsity over epochs; events of pruning and the reported model are marked.

    Args:
        frame: columns epoch, loss, validation, sparsity and pruned, as in history.csv.
        best_epoch: of the reported model.
        title: of the figure.
    """
    figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    drawn = ((frame["loss"], "loss", BLACK), (frame["validation"], "validation error (MSE)", BLUE),
             (100 * frame["sparsity"], "sparsity of the weights (%)", GREEN))  # fmt: skip
    for axes, (values, name, colour) in zip(panels, drawn, strict=True):
        for epoch in frame.loc[frame["pruned"] == 1, "epoch"]:
            axes.axvline(epoch, color=GREY, linestyle=":", linewidth=0.8, zorder=0)
        axes.plot(frame["epoch"], values, color=colour)
        at = frame["epoch"] == best_epoch
        axes.plot(frame.loc[at, "epoch"], values[at], "*", color=VERMILION, markersize=9)
        axes.set_ylabel(name)
        if name != "sparsity of the weights (%)" and values.min() > 0 and values.max() > 5 * values.min():
            axes.set_yscale("log")
    panels[-1].set(xlabel="epoch", ylim=(-4, 104))
    panels[0].set_title(title, loc="left")
    star = Line2D([], [], marker="*", color=VERMILION, linestyle="", markersize=9)
    events = int(frame["pruned"].sum())
    names = [f"reported model (epoch {best_epoch})", f"weights are cut ({events} times)"]
    handles = [star, Line2D([], [], color=GREY, linestyle=":", linewidth=0.8)]
    shown = 2 if events else 1
    figure.legend(handles[:shown], names[:shown], loc="outside lower center", ncols=2)
    return figure


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
    axes.plot(course.times, course.free[:, gene], "--", color=VERMILION, label="from the first point")


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


@styled
def degree_distributions(networks: Mapping[str, Degrees], title: str) -> Figure:
    """Share of genes with at least k edges that leave them, and that reach them, over k; both axes logarithmic.

    Args:
        networks: degrees in each network, all of as many genes.
        title: of the figure.
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    looks = ((BLUE, "-", "o"), (VERMILION, "--", "s"), (GREEN, ":", "^"))
    for (name, network), (colour, line, marker) in zip(networks.items(), looks, strict=False):
        for axes, degree in zip(panels, network, strict=True):
            axes.plot(
                *at_least(degree), linestyle=line, color=colour, drawstyle="steps-pre", marker=marker, markersize=3,
                markevery=0.02, markerfacecolor="white", markeredgewidth=0.6,
                label=f"{name} ({degree.sum():,} edges)",
            )  # fmt: skip
    for k, name in enumerate(("leave it (out-degree)", "reach it (in-degree)")):
        genes, most = len(next(iter(networks.values()))[k]), max(int(network[k].max()) for network in networks.values())
        panels[k].set(xscale="log", xlim=(0.8, 1.25 * max(most, 1)), xlabel=f"k: edges that {name}")
        panels[k].set(yscale="log", ylim=(0.8 / genes, 1.25))
    panels[0].set_ylabel("share of genes with at least k")
    panels[0].set_title(title, loc="left")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def at_least(degree: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The positive degrees that occur, ascending, and the share of all genes that have at least as many edges."""
    values, counts = np.unique(degree[degree > 0], return_counts=True)
    return values, np.cumsum(counts[::-1])[::-1] / len(degree)
