"""A model's drift at every stage of a solve, and its backward pass, without autograd.

Autograd notes every operation of every stage and adds up one gradient per weight and stage. For small networks that
costs more than the arithmetic. Here a stage is a few calls into memory that is there, and each weight gets its gradient
from all stages at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Stages(Protocol):
    """The drift of one model (N transitions), or of R stacked ones, at the stages of one solve."""

    @property
    def weights(self) -> Sequence[Tensor]:
        """The effective weights and biases that it is a function of, in the order of `gradients`."""

    def begin(self, y: Tensor, count: int) -> None:
        """Make room for `count` stages at expression like `y` (..., N, genes)."""

    def forward(self, stage: int, y: Tensor, out: Tensor) -> None:
        """Write the drift at `y` to `out`, (..., N, genes) both, and keep what `backward` needs of this stage."""

    def begin_backward(self) -> None:
        """Compute what no gradient is needed for, of all stages at once."""

    def backward(self, stage: int, gradient: Tensor, out: Tensor) -> None:
        """Write to `out` the gradient of `y` that the drift's `gradient` makes, (..., N, genes) both."""

    def gradients(self, to_drift: Tensor) -> Sequence[Tensor]:
        """Of each of `weights`, summed over stages, when `backward` was called for all.

        Args:
            to_drift: (stages, ..., N, genes) the gradients that `backward` was given.
        """


def products(y: Tensor) -> tuple[Any, Any]:
    """`mm` and `addmm` for expression (N, genes), or their batched forms for (R, N, genes)."""
    return (torch.mm, torch.addmm) if y.dim() == 2 else (torch.bmm, torch.baddbmm)


def by_model(stages: Tensor) -> Tensor:
    """(..., stages · N, size) of (stages, ..., N, size): all rows of a model together."""
    return stages.movedim(0, -3).flatten(-3, -2)


def by_stage(*tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """For each stage its part of every tensor (stages, ...)."""
    return list(zip(*(tensor.unbind(0) for tensor in tensors), strict=True))


def linear_gradients(gradient: Tensor, x: Tensor, bias: Tensor | None = None) -> list[Tensor]:
    """Of the weight of a linear layer, and of its bias if it has one.

    Args:
        gradient: (..., rows, out) of what the layer gave.
        x: (..., rows, in) what it was given.
        bias: (..., out).
    """
    weight = torch.matmul(gradient.mT, x)
    return [weight] if bias is None else [weight, gradient.sum(-2).view_as(bias)]
