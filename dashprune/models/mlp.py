"""A multilayer perceptron as vector field, the model without biology."""

from __future__ import annotations

import itertools
import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from dashprune.models.base import VectorField
from dashprune.models.parametrizations import PositivePart
from dashprune.models.stages import Stages, by_model, by_stage, linear_gradients, products


class Mlp(VectorField):
    """f(x) = m(x) = W_L ELU(... ELU(W_1 x + b_1) ...) + b_L, or with decay f(x) = υ₊ ⊙ (m(x) - x).

    With one hidden layer and no decay it is the two-layer ELU network compared in Table 10 of the DASH paper. A hidden
    layer narrower than the number of genes cannot express that every gene decays; the second form leaves it to υ.

    Args:
        genes: number of genes.
        hidden: units of the hidden layer, or of each hidden layer from genes to genes.
        decay: whether each gene approaches m(x) at a rate υ₊ = max(υ, 0) of its own, as in PHOENIX.
    """

    def __init__(
        self,
        genes: int,
        hidden: Annotated[int, Field(ge=1)] | Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)],
        decay: bool,
    ) -> None:
        super().__init__()
        self.genes = genes
        widths = [genes, *([hidden] if isinstance(hidden, int) else hidden), genes]
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.decay = decay
        if decay:
            self.multipliers = nn.Parameter(torch.ones(genes))
            parametrize.register_parametrization(self, "multipliers", PositivePart(recovery=True))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Weights and biases U(±1/√inputs): Kaiming uniform with a = √5, PyTorch's default; υ ~ U(0, 1)."""
        with torch.no_grad():
            for layer in self.chains()[0]:
                bound = 1 / math.sqrt(layer.in_features)
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)
            if self.decay:
                self.get_parameter("parametrizations.multipliers.original").uniform_(0, 1, generator=generator)

    def drift(self, y: Tensor) -> Tensor:
        *inner, last = self.chains()[0]
        for layer in inner:
            y = functional.elu(layer(y))
        return last(y)

    def stages(self) -> Stages:
        return _Stages(self)

    def paced(self, drift: Tensor) -> Tensor:
        return self.multipliers * drift if self.decay else drift

    def decay_rate(self) -> Tensor:
        return self.multipliers if self.decay else super().decay_rate()

    def settled(self, y: Tensor) -> Tensor | None:
        return self.drift(y) if self.decay else None

    def chains(self) -> list[list[nn.Linear]]:
        return [list(self.linear)]  # type: ignore[arg-type]

    def scaled_weight(self, layer: nn.Linear) -> Tensor:
        if self.decay and layer is self.linear[-1]:
            return layer.weight * self.multipliers[:, None]
        return layer.weight


class _Stages:
    """W_L ELU(... ELU(W_1 x + b_1) ...) + b_L. See Stages."""

    def __init__(self, model: Mlp) -> None:
        self.weights = [one for layer in model.chains()[0] for one in (layer.weight, layer.bias)]

    def begin(self, y: Tensor, count: int) -> None:
        self.layers = [one.detach() for one in self.weights[::2]]
        self.transposed = [(one.mT, bias.detach()) for one, bias in zip(self.layers, self.weights[1::2], strict=True)]
        self.mm, self.addmm = products(y)
        widths = [y.shape[-1], *(one.shape[-2] for one in self.layers[:-1])]
        self.given = [y.new_empty(count, *y.shape[:-1], width) for width in widths]
        self.views = by_stage(*self.given)

    def forward(self, stage: int, y: Tensor, out: Tensor) -> None:
        given = self.views[stage]
        given[0].copy_(y)
        for number, (weight, bias) in enumerate(self.transposed):
            if number:
                functional.elu_(given[number])
            self.addmm(bias, given[number], weight, out=(*given, out)[number + 1])

    def begin_backward(self) -> None:
        slopes = [(one + 1).clamp_(max=1) for one in self.given[1:]]
        self.to_given = [torch.empty_like(one) for one in self.given[1:]]
        self.views = by_stage(*self.to_given)
        self.slopes = by_stage(*slopes)

    def backward(self, stage: int, gradient: Tensor, out: Tensor) -> None:
        own = list(zip(self.layers[1:], self.views[stage], self.slopes[stage], strict=True))
        for weight, to_given, slope in reversed(own):
            self.mm(gradient, weight, out=to_given)
            gradient = to_given.mul_(slope)
        self.mm(gradient, self.layers[0], out=out)

    def gradients(self, to_drift: Tensor) -> list[Tensor]:
        pairs = zip([*self.to_given, to_drift], self.given, self.weights[1::2], strict=True)
        return [one for to, x, bias in pairs for one in linear_gradients(by_model(to), by_model(x), bias)]
