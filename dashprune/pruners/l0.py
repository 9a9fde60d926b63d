"""L0 regularisation with hard concrete gates, one per input unit of each layer."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.utils import parametrize

from dashprune.data.problem import Problem
from dashprune.models.base import VectorField
from dashprune.models.parametrizations import HardConcrete, parametrization_of
from dashprune.pruners.base import Pruner
from dashprune.seeds import torch_generator

Rate = Annotated[float, Field(gt=0, lt=1)]


class L0(Pruner):
    """Adds R₀ = (λ₀ / N) Σ over layers of outputs · Σ over inputs of P(gate is open).

    R₀ is the expected number of open weights, scaled. The published comparison drew gates but never added R₀.

    Source: Louizos et al., Learning sparse neural networks through L0 regularization (ICLR 2018).

    Args:
        lambda_0: strength of the penalty.
        n: what the penalty is divided by, N.
        beta: temperature of the gates; near 0 they are almost binary.
        drop_first: initial probability that a gate of a first layer is closed.
        drop_later: the same for all later layers.
        seed: of initial log α and of the gates.
        random_gates: whether evaluation, too, uses gates that are drawn, once for all evaluations. The published code
            draws them anew at every call of the model, so that sparsity and edges are of random draws.
    """

    def __init__(
        self,
        lambda_0: Annotated[float, Field(ge=0)],
        n: Annotated[float, Field(gt=0)],
        beta: Annotated[float, Field(gt=0)],
        drop_first: Rate,
        drop_later: Rate,
        seed: Annotated[int, Field(ge=0)],
        random_gates: bool = False,
    ) -> None:
        super().__init__()
        self.random_gates = random_gates
        self.lambda_0, self.n, self.beta, self.seed = lambda_0, n, beta, seed
        self.drop_first, self.drop_later = drop_first, drop_later

    def attach(self, model: VectorField, problem: Problem) -> None:
        generator, number = torch_generator(self.seed, "initial gates"), 0
        for chain in model.chains():
            for depth, layer in enumerate(chain):
                drop = self.drop_first if depth == 0 else self.drop_later
                noise = 0.01 * torch.randn(layer.in_features, generator=generator)
                gates = HardConcrete(layer.weight.detach(), math.log((1 - drop) / drop) + noise, self.beta)
                if self.random_gates:
                    gates.draw_for_evaluation(torch_generator(self.seed, "evaluated gates", number))
                    number += 1
                parametrize.register_parametrization(layer, "weight", gates)

    def update(self, model: VectorField, epoch: int) -> bool:
        for number, layer in enumerate(model.layers()):
            gates = parametrization_of(layer, HardConcrete)
            gates.generators = [torch_generator(self.seed, "gates", epoch, number)]
        return False

    def objective(self, model: VectorField, data_loss: Tensor) -> Tensor:
        return data_loss + self.penalty(model)

    def penalty(self, model: VectorField) -> Tensor:
        """R₀, a scalar or (R,)."""
        gates = [(layer.out_features, parametrization_of(layer, HardConcrete)) for layer in model.layers()]
        open_weights = [outputs * own.active().sum(dim=-1) for outputs, own in gates]
        return self.lambda_0 / self.n * torch.stack(open_weights).sum(dim=0)
