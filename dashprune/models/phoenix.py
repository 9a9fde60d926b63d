"""PHOENIX: a neural ODE with Hill-like activations, a branch that adds and a branch that multiplies."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from dashprune.models.base import Multiplied
from dashprune.models.stages import Stages, by_model, by_stage, linear_gradients, products


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

    def stages(self) -> Stages:
        return _Stages(self)

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


class _Stages:
    """C_s (W_s s + b_s) + C_p exp(W_p ℓ + b_p). See Stages."""

    def __init__(self, model: Phoenix) -> None:
        inner, outer = (model.sums, model.products), (model.sums_out, model.products_out)
        self.weights = [one for layer in inner for one in (layer.weight, layer.bias)] + [one.weight for one in outer]

    def begin(self, y: Tensor, count: int) -> None:
        self.w_s, self.b_s, self.w_p, self.b_p, self.c_s, self.c_p = (one.detach() for one in self.weights)
        self.transposed = self.w_s.mT, self.w_p.mT, self.c_s.mT, self.c_p.mT
        self.mm, self.addmm = products(y)
        self.half, self.one = y.new_full((), 0.5), y.new_ones(())
        hidden = (*y.shape[:-1], self.b_s.shape[-1])
        self.s, self.logarithm, self.denominator = y.new_empty(3, count, *y.shape)
        self.sums, self.exponents = y.new_empty(2, count, *hidden)
        self.views = by_stage(self.s, self.logarithm, self.denominator, self.sums, self.exponents)

    def forward(self, stage: int, y: Tensor, out: Tensor) -> None:
        s, logarithm, denominator, sums, exponents = self.views[stage]
        w_s, w_p, c_s, c_p = self.transposed
        torch.sub(y, self.half, out=s)
        torch.abs(s, out=denominator)
        denominator.add_(self.one)
        s.div_(denominator)
        torch.log1p(s, out=logarithm)
        self.addmm(self.b_s, s, w_s, out=sums)
        self.addmm(self.b_p, logarithm, w_p, out=exponents)
        exponents.exp_()
        self.mm(sums, c_s, out=out)
        self.addmm(out, exponents, c_p, out=out)

    def begin_backward(self) -> None:
        slope = self.denominator.reciprocal().square_()
        self.to_sums, self.to_exponents = torch.empty_like(self.sums), torch.empty_like(self.exponents)
        self.to_logarithm = torch.empty_like(self.s[0])
        self.views = by_stage(slope, slope / (1 + self.s), self.exponents, self.to_sums, self.to_exponents)

    def backward(self, stage: int, gradient: Tensor, out: Tensor) -> None:
        slope, steeper, exponents, to_sums, to_exponents = self.views[stage]
        self.mm(gradient, self.c_s, out=to_sums)
        self.mm(gradient, self.c_p, out=to_exponents)
        to_exponents.mul_(exponents)
        self.mm(to_sums, self.w_s, out=out)
        self.mm(to_exponents, self.w_p, out=self.to_logarithm)
        out.mul_(slope)
        out.addcmul_(self.to_logarithm, steeper)

    def gradients(self, to_drift: Tensor) -> list[Tensor]:
        to_sums, to_exponents, to_drift = by_model(self.to_sums), by_model(self.to_exponents), by_model(to_drift)
        return [
            *linear_gradients(to_sums, by_model(self.s), self.b_s),
            *linear_gradients(to_exponents, by_model(self.logarithm), self.b_p),
            *linear_gradients(to_drift, by_model(self.sums)),
            *linear_gradients(to_drift, by_model(self.exponents)),
        ]


def _sparse_normal(weight: Tensor, std: float, zeros: float, generator: torch.Generator) -> None:
    """N(0, std²) with ⌈zeros · rows⌉ random rows of every column set to 0, but at least one row kept."""
    rows, columns = weight.shape
    weight.normal_(0, std, generator=generator)
    order = torch.rand(rows, columns, generator=generator).argsort(dim=0)
    weight.scatter_(0, order[: min(math.ceil(zeros * rows), rows - 1)], 0.0)
