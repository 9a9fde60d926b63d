"""PINN: the prior network as a second loss, as in PHOENIX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor
from torch.autograd.function import once_differentiable

from dashprune.data.problem import Problem
from dashprune.data.sparse import sparse_tensor
from dashprune.models.base import VectorField
from dashprune.pruners.base import Pruner
from dashprune.seeds import torch_generator


class Pinn(Pruner):
    """Minimises λ · data loss + (1 - λ) · mean((J(B) - B T)²), J being the model's drift and T the prior.

    B holds random expression, U(-range, range), drawn once; it and B T take 8 bytes per row and gene. Without a mask or
    threshold the model stays dense.

    Source: Hossain et al. (PHOENIX) and its code, with 10,000 rows at every step; drawing some of them anew for each
    step gives the same loss on average at a fraction of the time.

    Args:
        weight: λ, of the data.
        rows: rows of B.
        rows_per_step: how many of them each step uses.
        range: of the random expression.
        seed: of B and of the rows of each step.
    """

    uses_prior: bool = True
    weighs_prior: ClassVar[bool] = True
    inputs: Tensor
    targets: Tensor

    def __init__(
        self,
        weight: Annotated[float, Field(ge=0, le=1)],
        rows: Annotated[int, Field(ge=1)],
        rows_per_step: Annotated[int, Field(ge=1)],
        range: Annotated[float, Field(gt=0)],
        seed: Annotated[int, Field(ge=0)],
    ) -> None:
        super().__init__()
        self.weight, self.rows, self.range, self.seed = weight, rows, range, seed
        self.rows_per_step = min(rows_per_step, rows)
        self.generator = torch.Generator()
        self.twins: Sequence[Pinn] = []

    def attach(self, model: VectorField, problem: Problem) -> None:
        device = next(model.parameters()).device
        inputs = torch.rand(self.rows, model.genes, generator=torch_generator(self.seed, "prior batch"))
        inputs.mul_(2).sub_(1).mul_(self.range)  # in place: for a genome these are 450 MB
        regulators = sparse_tensor(problem.prior.T.tocsr(), torch.float32, device)
        self.register_buffer("inputs", inputs.to(device), persistent=False)
        self.register_buffer("targets", (regulators @ self.inputs.T).T.contiguous(), persistent=False)

    @property
    def kind(self) -> object:
        return type(self), self.rows_per_step, self.weight == 1

    def stacked(self, twins: Sequence[Pruner], device: torch.device) -> Pruner:
        one = cast(Pinn, super().stacked(twins, device))
        one.twins = [twin for twin in twins if isinstance(twin, Pinn)]
        return one

    def update(self, model: VectorField, epoch: int) -> bool:
        self.generator = torch_generator(self.seed, "prior rows", epoch)
        return False

    def objective(self, model: VectorField, data_loss: Tensor) -> Tensor:
        if torch.as_tensor(self.weight == 1).all():  # or 0 times an overflowing prior loss would not be a number
            return data_loss
        drawn = [twin._drawn() for twin in self.twins or [self]]
        inputs, targets = drawn[0] if not self.twins else map(torch.stack, zip(*drawn, strict=True))
        prior_loss = cast(Tensor, _MeanSquare.apply(model.drift(inputs), targets))
        return self.weight * data_loss + (1 - self.weight) * prior_loss

    def _drawn(self) -> tuple[Tensor, Tensor]:
        """(rows per step, genes) of B, and what the prior makes of them."""
        first = 0
        if self.rows_per_step < self.rows:
            first = int(torch.randint(self.rows - self.rows_per_step + 1, (), generator=self.generator))
        drawn = slice(first, first + self.rows_per_step)
        return self.inputs[drawn], self.targets[drawn]


class _MeanSquare(torch.autograd.Function):
    """Mean of (x - y)² over rows and genes, (...,) of (..., rows, genes). PyTorch's own takes twice the passes back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        difference = x - y
        ctx.save_for_backward(difference)
        return difference.square().mean(dim=(-2, -1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return difference * (gradient * (2 / difference.shape[-2:].numel()))[..., None, None], None
