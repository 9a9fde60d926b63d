"""The path penalty of PathReg, to be chained behind the gates of L0."""

from __future__ import annotations

import functools
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from dashprune.models.base import VectorField
from dashprune.models.parametrizations import HardConcrete, parametrization_of
from dashprune.pruners.base import Pruner
from dashprune.pruners.paths import path_sum


class PathPenalty(Pruner):
    """Adds λ₁ L₁ + λ_P L_P, where L₁ sums |weights| over the paths of a gene pair and L_P counts their open paths.

    L_P is the mean over gene pairs of Σ over branches of the number of paths, each counted by the product of its
    gates: for one hidden layer, mean(z₁) Σ z₂; for a branch of a single layer, mean(z₁).

    Source: Aliee et al., Sparsity in continuous-depth neural networks (NeurIPS 2022).

    Args:
        lambda_1: strength of L₁.
        lambda_p: strength of L_P.
    """

    def __init__(self, lambda_1: Annotated[float, Field(ge=0)], lambda_p: Annotated[float, Field(ge=0)]) -> None:
        super().__init__()
        self.lambda_1, self.lambda_p = lambda_1, lambda_p

    def objective(self, model: VectorField, data_loss: Tensor) -> Tensor:
        lengths = sum(path_sum([layer.weight for layer in chain]) for chain in model.chains())
        return data_loss + self.lambda_1 * lengths / model.genes**2 + self.lambda_p * self.open_paths(model)

    def open_paths(self, model: VectorField) -> Tensor:
        """L_P, a scalar or (R,), with the gates drawn for the last effective weights."""
        totals = []
        for chain in model.chains():
            gates = [parametrization_of(layer, HardConcrete).gates for layer in chain]
            totals.append(functools.reduce(torch.mul, [gate.sum(dim=-1) for gate in gates[1:]], gates[0].mean(dim=-1)))
        return torch.stack(totals).sum(dim=0)
