"""PHOENIX: a neural ODE with Hill-like activations, a branch that adds and a branch that multiplies."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from dashprune.models.base import Multiplied


class Phoenix(Multiplied):
    """f(x) = υ₊ ⊙ (J(x) - x) with J(x) = C_s (W_s s + b_s) + C_p exp(W_p ℓ + b_p).

    s = (x - ½) / (1 + |x - ½|) saturates like a Hill function and ℓ = log(1 + s), so a unit of the second branch is a
    product of powers of regulators. υ₊ = max(υ, 0): a gene with υ <= 0 is constant. There are 4GH + 2H + G parameters.

    Source: Hossain et al. (PHOENIX), with the two separate output layers of the DASH code. There a gene whose υ ever
    falls to 0 gets no gradient any more and stays constant for good. Here υ <= 0 still receives gradients that raise
    it, so such a gene can recover; values are unchanged.

    Args:
        genes: number of genes G.
        hidden: units H in each branch.
        importance: "abs" ranks the weights of the product branch by |W_p|; "exp" by exp(W_p), as published, which
            prunes strong inhibitory exponents first.
        multiplier_rate: learning rate of υ relative to the other parameters.
        recovery: whether a gene with υ <= 0 can recover; False for the published gradient.
    """

    def __init__(
        self,
        genes: int,
        hidden: Annotated[int, Field(ge=1)],
        importance: Literal["abs", "exp"],
        multiplier_rate: Annotated[float, Field(gt=0)],
        recovery: bool,
    ) -> None:
        super().__init__()
        self.genes = genes
        self.product_importance = importance
        self.sums = nn.Linear(genes, hidden)
        self.products = nn.Linear(genes, hidden)
        self.sums_out = nn.Linear(hidden, genes, bias=False)
        self.products_out = nn.Linear(hidden, genes, bias=False)
        self.add_multipliers(multiplier_rate, recovery)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """W ~ N(0, 0.05²), ⌈0.95 H⌉ random rows of every column 0; C orthonormal columns; b ~ U(±1/√G); υ ~ U(0, 1)."""
        with torch.no_grad():
            for layer in (self.sums, self.products):
                _sparse_normal(layer.weight, 0.05, 0.95, generator)
                bound = 1 / math.sqrt(self.genes)
                layer.bias.uniform_(-bound, bound, generator=generator)
            for layer in (self.sums_out, self.products_out):
                nn.init.orthogonal_(layer.weight, generator=generator)
            self.raw_multipliers.uniform_(0, 1, generator=generator)

    def drift(self, y: Tensor) -> Tensor:
        saturated, logarithm = hill(y)
        sums, products = self.sums(saturated), torch.exp(self.products(logarithm))
        return self.sums_out(sums) + self.products_out(products)

    def chains(self) -> list[list[nn.Linear]]:
        return [[self.sums, self.sums_out], [self.products, self.products_out]]

    def scaled_weight(self, layer: nn.Linear) -> Tensor:
        if layer is self.sums_out or layer is self.products_out:
            return layer.weight * self.multipliers[:, None]
        return layer.weight

    def importance(self, layer: nn.Linear) -> Tensor:
        if layer is self.products and self.product_importance == "exp":
            weight = self.scaled_weight(layer)
            return torch.exp(weight - weight.max())  # the shift keeps exp finite; a common factor changes no ranking
        return super().importance(layer)


def hill(y: Tensor) -> tuple[Tensor, Tensor]:
    """s = (y - ½) / (1 + |y - ½|) and ℓ = log(1 + s) of expression, shaped like it."""
    return cast(tuple[Tensor, Tensor], _Hill.apply(y))


class _Hill(torch.autograd.Function):
    """s = (x - ½) / (1 + |x - ½|) and ℓ = log(1 + s); ds/dx = (1 - |s|)². As one function it takes fewer calls."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        centred = x - 0.5
        s = centred / (1 + centred.abs())
        ctx.save_for_backward(s)
        return s, torch.log1p(s)

    @staticmethod
    def backward(ctx: Any, to_s: Tensor, to_logarithm: Tensor) -> Tensor:
        (s,) = ctx.saved_tensors
        return torch.addcdiv(to_s, to_logarithm, 1 + s) * (1 - s.abs()).square_()


def _sparse_normal(weight: Tensor, std: float, zeros: float, generator: torch.Generator) -> None:
    """N(0, std²) with ⌈zeros · rows⌉ random rows of every column set to 0, but at least one row kept."""
    rows, columns = weight.shape
    weight.normal_(0, std, generator=generator)
    order = torch.rand(rows, columns, generator=generator).argsort(dim=0)
    weight.scatter_(0, order[: min(math.ceil(zeros * rows), rows - 1)], 0.0)
