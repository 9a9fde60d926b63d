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
        frame: columns epoch, loss, validation, sparsity and pruned, as in history.csv.
        best_epoch: of the reported model.
        title: of the figure.
    """
    figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
    loss, validation, sparsity = figure.subplots(3, 1, sharex=True)
    _draw_course(loss, frame, frame["loss"], best_epoch, BLACK)
    _draw_course(validation, frame, frame["validation"], best_epoch, BLUE)
    _draw_course(sparsity, frame, 100 * frame["sparsity"], best_epoch, GREEN)
    for axes, values in ((loss, frame["loss"]), (validation, frame["validation"])):
        if values.min() > 0 and values.max() > 5 * values.min():
            axes.set_yscale("log")
    loss.set_ylabel("loss")
    loss.set_title(title, loc="left")
    validation.set_ylabel("validation error (MSE)")
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
