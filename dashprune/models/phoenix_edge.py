"""PHOENIX with a weight per pair of genes in place of hidden units."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import EdgeField, Multiplied
from dashprune.models.phoenix import hill


class PhoenixEdge(Multiplied, EdgeField):
    """f(x) = υ₊ ⊙ (J(x) - x) with J(x) = c + C s + a ⊙ exp(b + W ℓ), s and ℓ as in Phoenix.

    It is PHOENIX with one sum unit per regulator and one product unit per target. So the network is what the weights C
    and W (target x regulator) are, and not a product of layers whose units many genes share. The effect of i on j is
    υ₊_j (C_ji + a_j W_ji). There are 2 G R + 4 G parameters for R regulators.

    Source: this project; the activations are those of Hossain et al. (PHOENIX).

    Args:
        genes: number of genes G.
        multiplier_rate: learning rate of υ relative to the other parameters.
        recovery: whether a gene with υ <= 0 can recover, see Phoenix.
        candidates: which genes may regulate: "all", or only those with an edge from them in the "prior", which
            takes less memory. The latter has no weights before `bind`.
    """

    chosen: Tensor | None

    def __init__(
        self,
        genes: int,
        multiplier_rate: Annotated[float, Field(gt=0)],
        recovery: bool,
        candidates: Literal["all", "prior"] = "all",
    ) -> None:
        super().__init__()
        self.genes = genes
        self.candidates = candidates
        self.register_buffer("chosen", None)
        if candidates == "all":
            self._build(genes)
        self.amplitudes = nn.Parameter(torch.ones(genes))
        self.add_multipliers(multiplier_rate, recovery)

    def _build(self, regulators: int) -> None:
        self.sums, self.products = nn.Linear(regulators, self.genes), nn.Linear(regulators, self.genes)

    def bind(self, problem: Problem) -> None:
        if self.candidates == "all":
            return
        chosen = np.flatnonzero(np.diff(problem.prior.indptr))
        if not len(chosen):
            raise DashpruneError(
                "model.candidates: the prior has no edges, so it names no regulators; set model.candidates=all"
            )
        self.chosen = torch.as_tensor(chosen)
        self._build(len(chosen))

    @property
    def regulators(self) -> Tensor | None:
        return self.chosen

    def reset_parameters(self, generator: torch.Generator) -> None:
        """C, W ~ N(0, 0.05²); a = c = ¼, b = 0; υ ~ U(0, 1)."""
        with torch.no_grad():
            for layer in (self.sums, self.products):
                layer.weight.normal_(0, 0.05, generator=generator)
            self.sums.bias.fill_(0.25)
            self.products.bias.zero_()
            self.amplitudes.fill_(0.25)
            self.raw_multipliers.uniform_(0, 1, generator=generator)

    def drift(self, y: Tensor) -> Tensor:
        saturated, logarithm = self._seen(y)
        return self.sums(saturated) + self.amplitudes * torch.exp(self.products(logarithm))

    def signal(self, y: Tensor) -> Tensor:
        return self._seen(y)[0]

    def _seen(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """s and ℓ of the regulators, (..., regulators)."""
        return hill(y if self.chosen is None else y.index_select(-1, self.chosen))

    def chains(self) -> list[list[nn.Linear]]:
        return [[self.sums], [self.products]]

    def scaled_weight(self, layer: nn.Linear) -> Tensor:
        scale = self.multipliers if layer is self.sums else self.multipliers * self.amplitudes
        return layer.weight * scale[:, None]
