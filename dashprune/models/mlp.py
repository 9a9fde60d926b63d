"""A multilayer perceptron as vector field, the model without biology."""

from __future__ import annotations

import itertools
import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from dashprune.models.base import VectorField


class Mlp(VectorField):
    """f(x) = W_L ELU(... ELU(W_1 x + b_1) ...) + b_L; no multipliers and no decay.

    With one hidden layer it is the two-layer ELU network compared in Table 10 of the DASH paper.

    Args:
        genes: number of genes.
        hidden: units of the hidden layer, or of each hidden layer from genes to genes.
    """

    def __init__(
        self,
        genes: int,
        hidden: Annotated[int, Field(ge=1)] | Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)],
    ) -> None:
        super().__init__()
        self.genes = genes
        widths = [genes, *([hidden] if isinstance(hidden, int) else hidden), genes]
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Weights and biases U(±1/√inputs): Kaiming uniform with a = √5, PyTorch's default."""
        with torch.no_grad():
            for layer in self.chains()[0]:
                bound = 1 / math.sqrt(layer.in_features)
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)

    def drift(self, y: Tensor) -> Tensor:
        *inner, last = self.chains()[0]
        for layer in inner:
            y = functional.elu(layer(y))
        return last(y)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return self.drift(y)

    def chains(self) -> list[list[nn.Linear]]:
        return [list(self.linear)]  # type: ignore[arg-type]
