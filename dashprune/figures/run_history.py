"""Picture of a run: how it was trained."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dashprune.figures.style import BLACK, BLUE, GREEN, GREY, VERMILION, WIDTH, styled


@styled
def history(frame: pd.DataFrame, best_epoch: int, title: str) -> Figure:
    """Loss, validation error and sparsity over epochs; events of pruning and the reported model are marked.

    Args:
        frame: columns epoch, loss, validation, sparsity and pruned, as in history.csv; validation is not drawn if all
            of it is missing.
        best_epoch: of the reported model.
        title: of the figure.
    """
    errors = [("loss", "loss", BLACK), ("validation", "validation error (MSE)", BLUE)]
    shown = [error for error in errors if frame[error[0]].notna().any()]
    figure = Figure(figsize=(WIDTH, 5.4 - 1.8 * (2 - len(shown))), layout="constrained")
    *panels, sparsity = figure.subplots(len(shown) + 1, 1, sharex=True)
    for axes, (name, label, colour) in zip(panels, shown, strict=True):
        _draw_course(axes, frame, frame[name], best_epoch, colour)
        if frame[name].min() > 0 and frame[name].max() > 5 * frame[name].min():
            axes.set_yscale("log")
        axes.set_ylabel(label)
    panels[0].set_title(title, loc="left")
    _draw_course(sparsity, frame, 100 * frame["sparsity"], best_epoch, GREEN)
    sparsity.set(xlabel="epoch", ylabel="sparsity of the weights (%)", ylim=(-4, 104))
    _explain(figure, best_epoch, int(frame["pruned"].sum()))
    return figure


def _draw_course(axes: Axes, frame: pd.DataFrame, values: pd.Series, best_epoch: int, colour: str) -> None:
    """Values over epochs, a line at each event of pruning and a star at the reported model."""
    for epoch in frame.loc[frame["pruned"] == 1, "epoch"]:
        axes.axvline(epoch, color=GREY, linestyle=":", linewidth=0.8, zorder=0)
    axes.plot(frame["epoch"], values, color=colour)
    at = frame["epoch"] == best_epoch
    axes.plot(frame.loc[at, "epoch"], values[at], "*", color=VERMILION, markersize=9)


def _explain(figure: Figure, best_epoch: int, events: int) -> None:
    """Below the axes: what the star is, and the lines if there are any."""
    star = Line2D([], [], marker="*", color=VERMILION, linestyle="", markersize=9)
    names = [f"reported model (epoch {best_epoch})", f"weights are cut ({events} times)"]
    handles = [star, Line2D([], [], color=GREY, linestyle=":", linewidth=0.8)]
    shown = 2 if events else 1
    figure.legend(handles[:shown], names[:shown], loc="outside lower center", ncols=2)
