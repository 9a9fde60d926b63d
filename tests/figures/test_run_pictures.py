from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from dashprune.data.problem import Pairs, Problem, Split
from dashprune.figures import run_pictures
from dashprune.figures.run_pictures import Course, Degrees
from dashprune.figures.style import BLUE, VERMILION
from dashprune.models import effects
from dashprune.models.base import VectorField
from dashprune.solvers.etdrk4 import Etdrk4

SOLVER = Etdrk4(step=1.0)


class Growth(VectorField):
    """dx/dt = rate: every gene grows by the same amount per time."""

    def __init__(self, genes: int, rate: float) -> None:
        super().__init__()
        self.genes = genes
        self.rate = nn.Parameter(torch.tensor(rate))

    def drift(self, y: Tensor) -> Tensor:
        return self.rate.expand(y.shape)


def split(times: list[list[float]], expression: list[list[float]]) -> Split:
    """Trajectories of a single gene."""
    return Split(np.array(expression, dtype=np.float32)[:, :, None], np.array(times))


def test_predictions_start_from_the_point_before_and_from_the_first_point() -> None:
    ragged = split([[0, 1, 2], [0, 2, math.nan]], [[0, 1, 2], [5, 6, math.nan]])
    course = run_pictures.predict(Growth(1, rate=3.0), SOLVER, ragged, 0)
    assert course.measured[:, 0].tolist() == [0, 1, 2]
    assert course.one_step[:, 0].tolist() == [0, 3, 4]
    assert course.free[:, 0].tolist() == [0, 3, 6]
    shorter = run_pictures.predict(Growth(1, rate=3.0), SOLVER, ragged, 1)
    assert shorter.times.tolist() == [0, 2]
    assert shorter.free[:, 0].tolist() == [5, 11]


def test_a_free_run_that_diverges_ends_there() -> None:
    course = run_pictures.predict(Growth(1, rate=1e37), SOLVER, split([[0, 1, 100, 101]], [[0, 0, 0, 0]]), 0)
    assert np.isfinite(course.free[:, 0]).tolist() == [True, True, False, False]
    assert np.isfinite(course.one_step[:, 0]).tolist() == [True, True, False, True]


def with_test(problem: Problem, deviations: list[float], truth: list[tuple[int, int]]) -> Problem:
    """A problem whose gene k goes from 0 to twice deviations[k] in the test split, with these true edges."""
    expression = np.zeros((1, 2, len(deviations)), dtype=np.float32)
    expression[0, 1] = 2 * np.array(deviations)
    empty = Split(expression, np.array([[0.0, 1.0]]))
    genes = tuple(f"g{k}" for k in range(len(deviations)))
    edges = csr_array((np.ones(len(truth), dtype=bool), tuple(zip(*truth, strict=True))), shape=(len(genes),) * 2)
    nothing = csr_array((len(genes), len(genes)), dtype=np.float32)
    every = Pairs.every(len(genes))
    return replace(
        problem, genes=genes, train=empty, validation=empty, test=empty, prior=edges.astype(np.float32),
        coregulation=nothing, truth=edges, evaluable=every,
    )  # fmt: skip


def test_the_genes_shown_vary_most_and_three_of_them_are_regulated(example: Problem) -> None:
    problem = with_test(example, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0.5], truth=[(0, 9), (0, 7), (0, 8), (0, 6)])
    assert run_pictures.telling_genes(problem) == [0, 1, 2, 6, 7, 8]
    assert run_pictures.telling_genes(replace(problem, truth=None, evaluable=None)) == [0, 1, 2, 6, 7, 8]
    tied = with_test(example, [1, 1, 1], truth=[(0, 1)])
    assert run_pictures.telling_genes(tied) == [0, 1, 2]


def test_trajectories_show_what_was_measured_and_predicted() -> None:
    times = np.array([0.0, 1, 3])
    measured = np.array([[0, 1], [1, 2], [2, 3.0]])
    courses = [Course(times, measured, measured + 0.1, measured + 100), Course(times, -measured, -measured, -measured)]
    names = {f"gene {k}": k % 2 for k in range(4)}
    figure = run_pictures.trajectories(courses, names, "a run")
    panels, unused = figure.axes[:4], figure.axes[4:]
    assert [axes.get_title() for axes in panels] == list(names)
    first = panels[1].lines[:3]
    for line, values in zip(first, (measured, measured + 0.1, measured + 100), strict=True):
        assert line.get_xdata().tolist() == times.tolist()
        assert line.get_ydata().tolist() == values[:, 1].tolist()
    assert [line.get_linestyle() for line in first] == ["None", "-", "--"]
    assert len(panels[0].lines) == 6
    assert panels[0].get_ylim()[1] == 6  # the measured -2 to 2, and once this width beyond
    assert panels[0].get_ylabel() == "expression\n(unit of the data)"
    assert panels[3].get_xlabel() == "time (unit of the data)"
    assert not any(axes.axison for axes in unused)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["measured", "predicted from the point before", "from the first point"]


def test_a_trajectory_of_many_points_is_drawn_as_means_too() -> None:
    times = np.arange(1000.0)
    course = Course(times, times[:, None], times[:, None] + 1, times[:, None])
    (axes,) = run_pictures.trajectories([course], {"g": 0}, "a run").axes[:1]
    dots, circles, one_step, free = axes.lines
    assert [len(line.get_xdata()) for line in (dots, circles, one_step, free)] == [1000, 30, 30, 1000]
    assert circles.get_ydata()[0] == 16.5  # the mean of 0 to 33
    assert one_step.get_ydata()[0] == 17.5


def test_the_history_marks_cuts_and_the_reported_model() -> None:
    frame = pd.DataFrame(
        {"epoch": [1, 2, 3, 4], "loss": [1, 0.1, 0.05, 0.01], "validation": [4, 3, 2, 3.0],
         "sparsity": [0, 0, 0.7, 0.7], "pruned": [0, 0, 1, 0]}
    )  # fmt: skip
    figure = run_pictures.history(frame, 4, "a run")
    _, validation, sparsity = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss", "validation error (MSE)", "sparsity of the weights (%)",
    ]  # fmt: skip
    assert sparsity.get_xlabel() == "epoch"
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "linear"]
    cut, curve, star = validation.lines
    assert list(cut.get_xdata()) == [3, 3]
    assert curve.get_ydata().tolist() == [4, 3, 2, 3]
    assert (star.get_xdata().tolist(), star.get_ydata().tolist()) == ([4], [3])
    assert sparsity.lines[1].get_ydata().tolist() == [0, 0, 70, 70]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["reported model (epoch 4)", "weights are cut (1 times)"]
    dense = run_pictures.history(frame.assign(pruned=0), 1, "a run")
    assert [text.get_text() for text in dense.legends[0].get_texts()] == ["reported model (epoch 1)"]


def test_degrees_are_shown_as_the_share_of_genes_with_at_least_as_many() -> None:
    assert [part.tolist() for part in run_pictures.at_least(np.array([0, 1, 1, 3]))] == [[1, 3], [0.75, 0.25]]
    assert [part.tolist() for part in run_pictures.at_least(np.array([0, 0]))] == [[], []]
    networks = {"pruned network": Degrees(np.array([2, 2, 0, 0]), np.array([1, 1, 1, 1])),
                "prior": Degrees(np.array([1, 0, 0, 0]), np.array([0, 0, 0, 1]))}  # fmt: skip
    figure = run_pictures.degree_distributions(networks, "a run")
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


class Fixed(VectorField):
    """A model with these effects."""

    def __init__(self, effect: list[list[float]]) -> None:
        super().__init__()
        self.effect, self.genes = torch.tensor(effect), len(effect)

    def effect_matrix(self, targets: slice = slice(None)) -> Tensor:
        return self.effect[:, targets]


def test_degrees_of_a_model_count_nonzero_effects_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Fixed([[0, 1, -2], [0, 0, 3], [0, 0, 0]])
    for block in (1, 6, 100):
        monkeypatch.setattr(effects, "_BLOCK", block)
        assert [part.tolist() for part in effects.degrees(model)] == [[2, 1, 0], [0, 1, 2]]


def test_networks_are_those_that_are_known(example: Problem) -> None:
    model = Fixed([[0, 1, -2], [0, 0, 3], [0, 0, 0]])
    found = run_pictures._networks(model, example)
    assert list(found) == ["pruned network", "gold standard", "prior"]
    assert [part.tolist() for part in found["gold standard"]] == [[2, 1, 0], [0, 1, 2]]
    some = Pairs(np.array([True, True, False]), np.ones(3, dtype=bool), loops=True)
    assert list(run_pictures._networks(model, replace(example, evaluable=some)))[1] == "gold standard of 2 regulators"
    unknown = replace(example, truth=None, evaluable=None, prior=csr_array((3, 3), dtype=np.float32))
    assert list(run_pictures._networks(model, unknown)) == ["pruned network"]


def test_a_network_without_edges_can_be_drawn(tmp_path: Path) -> None:
    nothing = Degrees(np.zeros(3, dtype=int), np.zeros(3, dtype=int))
    figure = run_pictures.degree_distributions({"pruned network": nothing}, "a run")
    figure.draw_without_rendering()
    assert figure.legends[0].get_texts()[0].get_text() == "pruned network (0 edges)"
