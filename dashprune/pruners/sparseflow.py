"""SparseFlow: cycles of global magnitude pruning and full retraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field

from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.models.parametrizations import mask_of
from dashprune.pruners.base import Fraction
from dashprune.pruners.scheduled import Schedule, Scheduled, cut_globally


@dataclass(frozen=True)
class Cycles(Schedule):
    """A schedule that cuts `first` at `start` and `then` every `every` epochs after it."""

    def fraction(self, epoch: int) -> float:
        if epoch == self.start:
            return self.first
        later = self.start < epoch <= self.epochs and (epoch - self.start) % self.every == 0
        return self.then if later else 0.0


class SparseFlow(Scheduled):
    """Trains, cuts the smallest |w| of the whole model, and trains anew with the surviving weights, in equal cycles.

    Every cycle starts with a fresh optimiser and learning rate; weights are not rewound. Each cut takes the same
    fraction of the survivors.

    Source: Liebenwein et al., Sparse flows: pruning continuous-depth models (NeurIPS 2021), weight pruning.

    Args:
        cycles: number of cuts; the first cycle is dense.
        target_sparsity: of all weights together, after the last cut.
        epochs: length of training, shared equally by cycles + 1 trainings.
    """

    restarts_optimizer: ClassVar[bool] = True

    def __init__(
        self, cycles: Annotated[int, Field(ge=1)], target_sparsity: Fraction, epochs: Annotated[int, Field(ge=1)]
    ) -> None:
        if cycles >= epochs:
            raise DashpruneError(f"pruner.cycles: {cycles} cycles do not fit into {epochs} epochs; lower it")
        every = epochs // (cycles + 1)
        fraction = 1 - (1 - target_sparsity) ** (1 / cycles)
        super().__init__(Cycles(every + 1, fraction, every, fraction, min(epochs, every * cycles + 1)))

    @torch.no_grad()
    def update(self, model: VectorField, epoch: int) -> bool:
        fraction = self.schedule.fraction(epoch)
        if fraction == 0:
            return False
        magnitudes = [layer.weight.abs() for layer in model.layers()]
        cut_globally([mask_of(layer) for layer in model.layers()], magnitudes, magnitudes, fraction)
        return True
