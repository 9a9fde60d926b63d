"""Strategies that cut the lowest scores on a schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.models.parametrizations import add_mask, mask_of
from dashprune.pruners.base import Fraction, Pruner


@dataclass(frozen=True)
class Schedule:
    """When to cut, and which fraction of the surviving weights.

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

    def reaching(self, sparsity: float) -> Schedule:
        """The same events, all made harder or softer alike (in log survival), so that they end at `sparsity`.

        Raises:
            DashpruneError: if there is no event to make harder.
        """
        survival = math.prod(1 - self.fraction(epoch) for epoch in self.events())
        if survival == 1:
            raise DashpruneError(
                f"pruner.target_sparsity: {sparsity:g} cannot be reached by a schedule that cuts nothing within "
                f"{self.epochs} epochs; lower schedule.start or raise schedule.first"
            )
        power = math.log(1 - sparsity) / math.log(survival)
        return replace(self, first=1 - (1 - self.first) ** power, then=1 - (1 - self.then) ** power)


class Scheduled(Pruner):
    """Cuts by score, layer by layer, at the events of a schedule. A subclass gives only `score`.

    Args:
        schedule: when and how much to cut.
        target_sparsity: of the weights at the end; None takes the schedule as it is.
    """

    def __init__(self, schedule: Schedule, target_sparsity: Fraction | None = None) -> None:
        super().__init__()
        self.schedule = schedule if target_sparsity is None else schedule.reaching(target_sparsity)

    @property
    def last_event(self) -> int:
        return max(self.schedule.events(), default=0)

    @property
    def notice(self) -> str | None:
        schedule = self.schedule
        if schedule.start <= schedule.epochs:
            return None
        return (
            f"nothing will be cut, as the first cut is at epoch {schedule.start} (schedule.start), but training ends "
            f"with epoch {schedule.epochs}; lower schedule.start, or raise train.epochs"
        )

    def score(self, model: VectorField, chain: int) -> list[Tensor]:
        """Non-negative scores, shaped like the weights, for each layer of the model's chain number `chain`."""
        raise NotImplementedError("abstract: a scheduled pruner defines score")

    def attach(self, model: VectorField, problem: Problem) -> None:
        for layer in model.layers():
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


def cut(mask: Tensor, score: Tensor, magnitude: Tensor, fraction: float) -> None:
    """Set to 0, in place, the `round(fraction · n)` entries of `mask` with the lowest scores among its n ones.

    Equal scores are cut by lower `magnitude` first, then in the order of the flattened array. Python rounds halves
    to even.

    Args:
        mask: of zeros and ones.
        score: shaped like the mask, larger is kept longer.
        magnitude: shaped like the mask, breaks ties.
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


def cut_globally(masks: list[Tensor], scores: list[Tensor], magnitudes: list[Tensor], fraction: float) -> None:
    """As `cut`, in place, with the entries of all layers ranked together."""
    mask, score, magnitude = (torch.cat([part.flatten() for part in parts]) for parts in (masks, scores, magnitudes))
    cut(mask, score, magnitude, fraction)
    for own, part in zip(masks, mask.split([own.numel() for own in masks]), strict=True):
        own.copy_(part.view_as(own))


def share(importance: Tensor) -> Tensor:
    """`importance` in float64, scaled to sum to 1; uniform if it sums to 0."""
    total = importance.sum(dtype=torch.float64)
    if total > 0:
        return importance.double() / total
    return torch.full_like(importance, 1 / importance.numel(), dtype=torch.float64)
