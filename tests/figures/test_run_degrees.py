from __future__ import annotations

import numpy as np

from dashprune.figures.run_degrees import Degrees, at_least, degree_distributions
from dashprune.figures.style import BLUE, VERMILION


def test_degrees_are_shown_as_the_share_of_genes_with_at_least_as_many() -> None:
    assert [part.tolist() for part in at_least(np.array([0, 1, 1, 3]))] == [[1, 3], [0.75, 0.25]]
    assert [part.tolist() for part in at_least(np.array([0, 0]))] == [[], []]
    networks = {"pruned network": Degrees(np.array([2, 2, 0, 0]), np.array([1, 1, 1, 1])),
                "prior": Degrees(np.array([1, 0, 0, 0]), np.array([0, 0, 0, 1]))}  # fmt: skip
    figure = degree_distributions(networks, "a run")
    out, into = figure.axes
    assert [line.get_xdata().tolist() for line in out.lines] == [[2], [1]]
    assert [line.get_ydata().tolist() for line in out.lines] == [[0.5], [0.25]]
    assert [line.get_ydata().tolist() for line in into.lines] == [[1], [0.25]]
    assert [line.get_color() for line in out.lines] == [BLUE, VERMILION]
    assert [out.get_xscale(), out.get_yscale()] == ["log", "log"]
    assert [out.get_xlabel(), into.get_xlabel()] == [
        "k: edges that leave it (out-degree)", "k: edges that reach it (in-degree)",
    ]  # fmt: skip
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["pruned network (4 edges)", "prior (1 edges)"]


def test_a_network_without_edges_can_be_drawn() -> None:
    nothing = Degrees(np.zeros(3, dtype=int), np.zeros(3, dtype=int))
    figure = degree_distributions({"pruned network": nothing}, "a run")
    figure.draw_without_rendering()
    assert figure.legends[0].get_texts()[0].get_text() == "pruned network (0 edges)"
