"""Picture of a run: how many edges leave and reach the genes of its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dashprune.figures.style import BLUE, GREEN, VERMILION, WIDTH, styled


class Degrees(NamedTuple):
    """Of a network: (genes,) int numbers of edges that leave and that reach each gene."""

    leaving: np.ndarray
    reaching: np.ndarray


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
