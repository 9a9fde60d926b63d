from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from dashprune.data.problem import Pairs, Problem, Split
from dashprune.figures import run_pictures
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
    assert course.free_times.tolist() == pytest.approx(np.linspace(0, 2, 41).tolist())
    assert course.free[:, 0].tolist() == pytest.approx((3 * course.free_times).tolist()), "also between measured points"
    shorter = run_pictures.predict(Growth(1, rate=3.0), SOLVER, ragged, 1)
    assert shorter.times.tolist() == [0, 2]
    assert shorter.free_times[[0, -1]].tolist() == [0, 2]
    assert shorter.free[[0, -1], 0].tolist() == [5, 11]


def test_a_free_run_that_diverges_ends_there() -> None:
    course = run_pictures.predict(Growth(1, rate=1e37), SOLVER, split([[0, 1, 100, 101]], [[0, 0, 0, 0]]), 0)
    finite = np.isfinite(course.free[:, 0])
    assert finite[course.free_times <= 30].all()
    assert not finite[course.free_times >= 40].any()
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
