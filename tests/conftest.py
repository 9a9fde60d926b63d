"""Small problems and configurations that several tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior
from dashprune.data.sparse import sparse
from dashprune.models.base import VectorField

torch.set_num_threads(1)  # as runs do; on shared cores more threads are many times slower for networks this small

SMALL = [
    "dataset.genes=24", "dataset.inputs=6", "dataset.edges=40",
    "dataset.train=6", "dataset.validation=2", "dataset.test=2",
    "hidden=5", "train.epochs=6", "++train.steps=1", "schedule.start=2", "schedule.every=2", "solver=etdrk4",
]  # fmt: skip
"""Overrides for a run of about a second."""


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Layers that a test does not initialise itself start the same in every run."""
    torch.manual_seed(0)


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """Overrides for a run of about a second, with its results in a temporary folder."""
    return [*SMALL, f"outputs={tmp_path / 'outputs'}"]


@pytest.fixture
def example() -> Problem:
    """Three genes; 0 activates 1, 0 represses 2, 1 activates 2: the example worked in METHODS 3.5 and 3.11."""
    prior = np.array([[0, 1, -1], [0, 0, 1], [0, 0, 0]], dtype=np.float32)
    return problem_with(prior)


def problem_with(prior: np.ndarray) -> Problem:
    """Random expression for as many genes as the prior has."""
    known, genes = sparse(prior, np.float32), prior.shape[0]
    expression = np.random.default_rng(0).random((3, 4, genes)).astype(np.float32)
    split = Split(expression, np.tile([0.0, 1.0, 3.0, 4.0], (3, 1)))
    names = tuple(f"g{k}" for k in range(genes))
    coregulation, truth = coregulation_from_prior(known), known.astype(bool)
    return Problem(names, split, split, split, known, coregulation, truth, Pairs.every(genes))


def tensor(rows: object) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32)


class Cascade(VectorField):
    """dx/dt = J - x with J = (1, x₀, `basal` + `sign` x₁): gene 0 makes 1, which makes 2, or represses it."""

    def __init__(self, basal: float = 0, sign: float = 1) -> None:
        super().__init__()
        self.genes = 3
        self.layer = nn.Linear(3, 3)
        with torch.no_grad():
            self.layer.weight.copy_(tensor([[0, 0, 0], [1, 0, 0], [0, sign, 0]]))
            self.layer.bias.copy_(tensor([1, 0, basal]))

    def drift(self, y: torch.Tensor) -> torch.Tensor:
        return self.layer(y)

    def decay_rate(self) -> torch.Tensor:
        return torch.ones(3)

    def chains(self) -> list[list[nn.Linear]]:
        return [[self.layer]]
