"""One late cut by magnitude, as after training with another objective."""

from __future__ import annotations

import logging
from typing import Annotated

from pydantic import Field
from torch import Tensor

from dashprune.models.base import VectorField
from dashprune.pruners.base import Fraction
from dashprune.pruners.scheduled import Schedule, Scheduled

LOG = logging.getLogger(__name__)


class Magnitude(Scheduled):
    """Cuts every layer once, by |W| times whatever scales its outputs; then trains on at the initial learning rate.

    The second half of PINN+MP, the DASH paper's own baseline. Unlike there, one training goes on with its current
    model instead of restarting from its best one.

    Args:
        target_sparsity: fraction of each layer to cut.
        at: when, as a fraction of training.
        epochs: length of training.
    """

    def __init__(self, target_sparsity: Fraction, at: Fraction, epochs: Annotated[int, Field(ge=1)]) -> None:
        start = int(at * epochs) + 1
        super().__init__(Schedule(start=start, first=target_sparsity, every=epochs, then=0.0, epochs=epochs))

    def update(self, model: VectorField, epoch: int) -> bool:
        changed = super().update(model, epoch)
        if changed:
            empty = sum(int((layer.weight == 0).all(dim=1).sum()) for chain in model.chains() for layer in chain[:-1])
            if empty:
                LOG.warning("magnitude: the cut left %d hidden units without any input", empty)
        return changed

    def score(self, model: VectorField, chain: int) -> list[Tensor]:
        return [model.scaled_weight(layer).abs() for layer in model.chains()[chain]]
