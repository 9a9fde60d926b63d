"""C-NODE: an L1 penalty on the paths from gene to gene."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from dashprune.models.base import VectorField
from dashprune.pruners.base import Pruner
from dashprune.pruners.paths import path_sum


class CNode(Pruner):
    """Adds λ₁ L₁, the mean over gene pairs of the summed |weights| along all paths: mean of Σ |C| |W| over branches.

    The penalty has no gates and reaches exact zeros only in the limit, so weights below `threshold` are set to 0 at
    the end.

    Source: Aliee et al., Beyond predictions in neural ODEs: identification and interventions (2021), without the
    random gates that the published comparison trained with.

    Args:
        lambda_1: strength of the penalty.
        threshold: weights with a smaller magnitude count as 0.
    """

    def __init__(self, lambda_1: Annotated[float, Field(ge=0)], threshold: Annotated[float, Field(ge=0)]) -> None:
        super().__init__()
        self.lambda_1, self.threshold = lambda_1, threshold

    def objective(self, model: VectorField, data_loss: Tensor) -> Tensor:
        total = sum(path_sum([layer.weight for layer in chain]) for chain in model.chains())
        return data_loss + self.lambda_1 * total / model.genes**2

    @torch.no_grad()
    def finalize(self, model: VectorField) -> None:
        super().finalize(model)
        for layer in model.layers():
            layer.weight[layer.weight.abs() < self.threshold] = 0
