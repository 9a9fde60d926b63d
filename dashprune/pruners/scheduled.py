"""Strategies that cut the lowest scores of every layer on a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils import parametrize

from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.parametrizations import add_mask, mask_of
from dashprune.pruners.base import Pruner

Fraction = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Schedule:
    """When to cut, and which fraction of the surviving weights of each layer.

    Attributes:
        start: epoch of the first cut.
        first: fraction cut then.
        every: afterwards, cut at every epoch divisible by this ...
        then: ... this fraction.
        epochs: length of training; the last epoch makes no cut.
    """

    start: Annotated[int, Field(ge=1)]
    first: Fraction
    every: Annotated[int, Field(ge=1)]
    then: Fraction
    epochs: Annotated[int, Field(ge=1)]

    def fraction(self, epoch: int) -> float:
        """Fraction of the survivors to cut at the start of `epoch`; 0 for none."""
        if epoch == self.start:
            return self.first
        later = self.start < epoch < self.epochs and epoch % self.every == 0
        return self.then if later else 0.0

    def events(self) -> list[int]:
        """The epochs that cut something."""
        return [epoch for epoch in range(1, self.epochs + 1) if self.fraction(epoch) > 0]

    def survivors(self, weights: int) -> list[int]:
        """How many of `weights` weights survive each event."""
        left = []
        for epoch in self.events():
            weights -= round(self.fraction(epoch) * weights)
            left.append(weights)
        return left


class Scheduled(Pruner):
    """Cuts by score, layer by layer, at the events of a schedule. A subclass gives only `score`."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule

    @property
    def last_event(self) -> int:
        return max(self.schedule.events(), default=0)

    def score(self, model: VectorField, chain: int) -> list[Tensor]:
        """Non-negative scores, shaped like the weights, for each layer of the model's chain number `chain`."""
        raise NotImplementedError("abstract: a scheduled pruner defines score")

    def attach(self, model: VectorField, problem: Problem) -> None:
        for layer in _layers(model):
            left = self.schedule.survivors(layer.weight.numel())
            if left and left[-1] == 0:
                raise DashpruneError(
                    f"pruner.schedule cuts all {layer.weight.numel()} weights of a layer by epoch "
                    f"{self.schedule.events()[left.index(0)]}; lower schedule.first or schedule.then, "
                    f"or raise schedule.every"
                )
            add_mask(layer)

    @torch.no_grad()
    def update(self, model: VectorField, epoch: int) -> bool:
        fraction = self.schedule.fraction(epoch)
        if fraction == 0:
            return False
        for number, chain in enumerate(model.chains()):
            for layer, score in zip(chain, self.score(model, number), strict=True):
                cut(mask_of(layer), score, layer.weight.abs(), fraction)
        return True

    def finalize(self, model: VectorField) -> None:
        for layer in _layers(model):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def cut(mask: Tensor, score: Tensor, magnitude: Tensor, fraction: float) -> None:
    """Set to 0, in place, the `round(fraction · n)` entries of `mask` with the lowest scores among its n ones.

    Equal scores are cut by lower `magnitude` first, then in the order of the flattened array. Python rounds halves
    to even.

    Args:
        mask: (out, in) of zeros and ones.
        score: (out, in), larger is kept longer.
        magnitude: (out, in), breaks ties.
        fraction: of the surviving entries, in [0, 1).

    Raises:
        ArithmeticError: if a surviving entry's score is not a number.
    """
    surviving = mask.flatten().nonzero().squeeze(1)
    scores, ties = score.flatten()[surviving], magnitude.flatten()[surviving]
    if torch.isnan(scores).any():
        raise ArithmeticError("a pruning score is not a number")
    order = np.lexsort((ties.cpu().numpy(), scores.cpu().numpy()))  # stable; the last key counts first
    lowest = torch.from_numpy(order[: round(fraction * len(surviving))]).to(mask.device)
    mask.view(-1)[surviving[lowest]] = 0


def share(importance: Tensor) -> Tensor:
    """`importance` in float64, scaled to sum to 1; uniform if it sums to 0."""
    total = importance.sum(dtype=torch.float64)
    if total > 0:
        return importance.double() / total
    return torch.full_like(importance, 1 / importance.numel(), dtype=torch.float64)


def _layers(model: VectorField) -> list[nn.Linear]:
    return [layer for chain in model.chains() for layer in chain]
