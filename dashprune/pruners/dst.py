"""Dynamic sparse training: one trainable threshold per unit."""

from __future__ import annotations

import logging
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.utils import parametrize

from dashprune.data.problem import Problem
from dashprune.models.base import VectorField
from dashprune.models.parametrizations import Threshold, parametrization_of
from dashprune.pruners.base import Pruner

LOG = logging.getLogger(__name__)


class Dst(Pruner):
    """Cuts weights below trainable thresholds t >= 0 at first, and adds α Σ over all units of exp(-t).

    Weights may return at any time, so no epoch is said to change the support. A warning tells when a layer lost more
    than 99 % of its weights and started again.

    Source: Liu et al., Dynamic sparse training: find efficient sparse network from scratch (ICLR 2020).

    Args:
        alpha: strength of the regulariser.
    """

    def __init__(self, alpha: Annotated[float, Field(ge=0)]) -> None:
        super().__init__()
        self.alpha = alpha

    def attach(self, model: VectorField, problem: Problem) -> None:
        for layer in model.layers():
            parametrize.register_parametrization(layer, "weight", Threshold(layer.weight.detach()))

    def update(self, model: VectorField, epoch: int) -> bool:
        for number, layer in enumerate(model.layers(), 1):
            resets = parametrization_of(layer, Threshold).resets
            if resets > 0:
                text = "dst: thresholds of layer %d went back to 0 %d times before epoch %d"
                LOG.warning(text, number, int(resets), epoch)
                resets.zero_()
        return False

    def objective(self, model: VectorField, data_loss: Tensor) -> Tensor:
        thresholds: list[Tensor] = [parametrization_of(layer, Threshold).threshold for layer in model.layers()]
        return data_loss + self.alpha * torch.exp(-torch.cat(thresholds, dim=-1)).sum(dim=-1).view_as(data_loss)
