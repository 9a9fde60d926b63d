"""Influence by perturbation where the solution is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dashprune.analysis import perturbation
from dashprune.analysis.perturbation import perturbation_influence
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.mlp import Mlp
from dashprune.solvers.base import Solver
from dashprune.solvers.etdrk4 import Etdrk4
from tests.conftest import problem_with


class Doubled(Solver):
    """Gene 1 gets twice gene 0 added for each unit of time; all else stays."""

    def predict(self, model: object, start: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
        end = start.clone()
        end[:, 1] += 2 * dt * start[:, 0]
        return end


@pytest.fixture
def problem() -> Problem:
    return problem_with(np.zeros((3, 3)))


def test_the_change_of_the_others_by_hand(problem: Problem) -> None:
    """After half of the 4 units of time gene 1 has 4 σ₀ more, after all of it 8 σ₀; the mean over two others."""
    found = perturbation_influence(Mlp(3, 2, decay=False), Doubled(), problem)
    deviation = problem.train.expression[:, :, 0].std()
    assert found == pytest.approx([(4 + 8) / 2 / 2 * deviation, 0, 0], rel=1e-5)


def test_genes_in_blocks(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Mlp(3, 2, decay=True)
    model.reset_parameters(torch.Generator().manual_seed(1))
    whole = perturbation_influence(model, Etdrk4(0.5), problem)
    monkeypatch.setattr(perturbation, "_BLOCK", 3)
    assert perturbation_influence(model, Etdrk4(0.5), problem) == pytest.approx(whole, rel=1e-5)
    assert (whole > 0).all()


def test_a_solution_that_diverges(problem: Problem) -> None:
    class Gone(Solver):
        def predict(self, model: object, start: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
            return start * torch.inf

    with pytest.raises(DashpruneError, match="diverges"):
        perturbation_influence(Mlp(3, 2, decay=False), Gone(), problem)
