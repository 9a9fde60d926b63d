"""A model's field while some genes are held, or their production is changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dashprune.data.interventions import Interventions
from dashprune.models.base import VectorField
from dashprune.models.stages import Stages


class Intervened(VectorField):
    """f(x) with production factor ⊙ production(x) + paced(addition), and f = 0 for genes that are held (METHODS 4).

    It has no parameters but those of the model, and gradients reach them through it.

    Args:
        model: the field of undisturbed genes, or R of them, stacked.
        interventions: of each of N transitions, (..., N, genes).
    """

    def __init__(self, model: VectorField, interventions: Interventions[Tensor]) -> None:
        super().__init__()
        self.genes, self.model = model.genes, model
        self.held = interventions.held
        self.free = self.held.isnan().to(self.held.dtype)
        self.factor = interventions.factor * self.free
        self.addition = interventions.addition * self.free

    def begun(self, start: Tensor) -> Tensor:
        """(..., N, genes) the expression from which to go on: `start`, but for genes that are held."""
        return torch.where(self.held.isnan(), start, self.held)

    @property
    def by_weights(self) -> bool:  # type: ignore[override]
        """See VectorField."""
        return self.model.by_weights

    def drift(self, y: Tensor) -> Tensor:
        return torch.addcmul(self.addition, self.factor, self.model.drift(y))

    def paced(self, drift: Tensor) -> Tensor:
        return self.model.paced(drift)

    def stages(self) -> Stages | None:
        own = self.model.stages()
        return None if own is None else _Stages(own, self.factor, self.addition)

    def decay_rate(self) -> Tensor:
        """λ, (..., N, genes), 0 for genes that are held."""
        return self.free * self.model.decay_rate()

    def settled(self, y: Tensor) -> Tensor | None:
        """Where a free gene settles if it decays: f J(x) + u."""
        found = self.model.settled(y)
        return None if found is None else self.begun(self.factor * found + self.addition)


class _Stages:
    """The drift of a model as its own stages give it, with what is done to the genes. See Stages."""

    def __init__(self, own: Stages, factor: Tensor, addition: Tensor) -> None:
        self.own, self.factor, self.addition = own, factor, addition
        self.weights = own.weights
        self.begin, self.begin_backward = own.begin, own.begin_backward

    def forward(self, stage: int, y: Tensor, out: Tensor) -> None:
        self.own.forward(stage, y, out)
        out.mul_(self.factor).add_(self.addition)

    def backward(self, stage: int, gradient: Tensor, out: Tensor) -> None:
        self.own.backward(stage, gradient * self.factor, out)

    def gradients(self, to_drift: Tensor) -> Sequence[Tensor]:
        return self.own.gradients(to_drift * self.factor)


def intervened(model: VectorField, done: Interventions[np.ndarray] | None, start: Tensor) -> tuple[VectorField, Tensor]:
    """The field while something is done to genes, None for nothing, and the expression from which it goes on.

    Args:
        model: the field of undisturbed genes.
        done: (N, genes).
        start: (N, genes), as it was measured.
    """
    if done is None:
        return model, start
    field = Intervened(model, done.map(lambda part: torch.as_tensor(part).to(start)))
    return field, field.begun(start)
