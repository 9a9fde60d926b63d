"""Iterative magnitude pruning, the data-only strategy."""

from __future__ import annotations

from torch import Tensor

from dashprune.models.base import VectorField
from dashprune.pruners.scheduled import Scheduled, share


class Imp(Scheduled):
    """Scores a weight by the model's importance of it alone; training goes on without rewinding.

    Importance is |W|, times υ₊ of the gene in PHOENIX's output layers. It is DASH with λ = 0.
    """

    def score(self, model: VectorField, chain: int) -> list[Tensor]:
        return [share(model.importance(layer)) for layer in model.chains()[chain]]
