"""Random pruning: what a strategy must beat."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from dashprune.models.base import VectorField
from dashprune.pruners.base import Fraction
from dashprune.pruners.scheduled import Schedule, Scheduled
from dashprune.seeds import torch_generator


class Random(Scheduled):
    """Scores every weight by U(0, 1), drawn once.

    Args:
        schedule: when and how much to cut.
        target_sparsity: of the weights at the end; None takes the schedule as it is.
        seed: of the scores.
    """

    def __init__(self, schedule: Schedule, target_sparsity: Fraction | None, seed: Annotated[int, Field(ge=0)]) -> None:
        super().__init__(schedule, target_sparsity)
        self.seed = seed

    def score(self, model: VectorField, chain: int) -> list[Tensor]:
        generator = torch_generator(self.seed, "scores", chain)
        layers = model.chains()[chain]
        return [torch.rand(w.weight.shape, generator=generator).to(w.weight.device) for w in layers]
