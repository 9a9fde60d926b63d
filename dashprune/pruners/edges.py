"""Strategies that keep or cut whole pairs of genes, in all branches of the model together."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import EdgeField, VectorField
from dashprune.models.parametrizations import add_mask, mask_of
from dashprune.pruners.base import Pruner

Part = Annotated[float, Field(gt=0, lt=1)]


class EdgePruner(Pruner):
    """Cuts pairs of genes at `events` epochs, spread evenly between two parts of training; none ever returns.

    A gene is not taken as its own regulator: its decay explains a dependence on itself, and the noise that a time point
    shares with the transition before and after it looks just like one.

    Args:
        epochs: of training.
        events: how many cuts, at most.
        first: part of training before the first cut.
        last: part of training before the last cut.
    """

    needs_edges = True
    loops: ClassVar[bool] = False

    def __init__(
        self, epochs: Annotated[int, Field(ge=1)], events: Annotated[int, Field(ge=1)], first: Part, last: Part
    ) -> None:
        super().__init__()
        if last < first:
            raise DashpruneError(f"pruner.last: {last:g} is before pruner.first={first:g}; make it at least as large")
        self.cuts = sorted({max(1, round(epochs * float(part))) for part in np.linspace(first, last, events)})

    @property
    def last_event(self) -> int:
        return self.cuts[-1]

    def attach(self, model: VectorField, problem: Problem) -> None:
        assert isinstance(model, EdgeField)
        self.genes = model.genes
        self.regulators = None if model.regulators is None else model.regulators.cpu()
        sources = torch.arange(model.genes) if self.regulators is None else self.regulators
        pairs = torch.arange(model.genes)[:, None] != sources
        self.possible = int(pairs.sum())
        for layer in model.layers():
            add_mask(layer)
        keep(model, pairs)

    def update(self, model: VectorField, epoch: int) -> bool:
        if epoch not in self.cuts:
            return False
        assert isinstance(model, EdgeField)
        keep(model, self.choose(model, self.cuts.index(epoch)) & kept(model))
        return True

    def choose(self, model: EdgeField, event: int) -> Tensor:
        """(targets, regulators) bool, the pairs to keep at this event, counted from 0."""
        raise NotImplementedError("abstract: a strategy for edges defines choose")


def kept(model: EdgeField) -> Tensor:
    """(targets, regulators) bool, the pairs that are left."""
    return mask_of(model.layers()[0]) > 0


def keep(model: EdgeField, pairs: Tensor) -> None:
    """Mask all pairs but these, (targets, regulators) bool, in every layer."""
    for layer in model.layers():
        mask_of(layer).copy_(pairs)
