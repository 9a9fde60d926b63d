"""Iterative SynFlow: pruning at initialisation without data."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from dashprune.data.problem import Problem
from dashprune.models.base import VectorField
from dashprune.models.parametrizations import add_mask, mask_of
from dashprune.pruners.base import Fraction, Pruner
from dashprune.pruners.paths import path_shares
from dashprune.pruners.scheduled import cut_globally
from dashprune.seeds import torch_generator


class SynFlow(Pruner):
    """Cuts, before training, the weights that carry the least synaptic flow through the vector field.

    With magnitudes for weights, identities for activations and neither biases nor decay, the flow is
    R = 1ᵀ diag(υ₊) Σ |C| |W| 1 over the chains, and a weight scores |θ ∂R/∂θ|. The model is cut in `iterations` rounds,
    after round k to a fraction (1 - target_sparsity)^(k / iterations) of all weights, scored anew each time.

    Weights that start at exactly 0 have no flow, and cutting them first would only trace the initial pattern; so they
    are first drawn from N(0, s²), s being the root mean square of the layer's other weights.

    Source: Tanaka et al., Pruning neural networks without any data by iteratively conserving synaptic flow (2020).

    Args:
        target_sparsity: of all weights together.
        iterations: rounds of scoring and cutting.
        seed: of the weights drawn in place of zeros.
    """

    def __init__(
        self,
        target_sparsity: Fraction,
        iterations: Annotated[int, Field(ge=1)],
        seed: Annotated[int, Field(ge=0)],
    ) -> None:
        super().__init__()
        self.target_sparsity, self.iterations, self.seed = target_sparsity, iterations, seed

    @torch.no_grad()
    def attach(self, model: VectorField, problem: Problem) -> None:
        self._fill_zeros(model)
        for layer in model.layers():
            add_mask(layer)
        total = sum(layer.weight.numel() for layer in model.layers())
        left = total
        for k in range(1, self.iterations + 1):
            keep = total - int((1 - (1 - self.target_sparsity) ** (k / self.iterations)) * total)
            masks, magnitudes = [mask_of(w) for w in model.layers()], [w.weight.abs() for w in model.layers()]
            cut_globally(masks, self.scores(model), magnitudes, (left - keep) / left)
            left = keep

    def scores(self, model: VectorField) -> list[torch.Tensor]:
        """|θ ∂R/∂θ| of every weight, layer by layer, in float64."""
        chains = [[model.scaled_weight(layer).double() for layer in chain] for chain in model.chains()]
        return [score for weights in chains for score in path_shares(weights)]

    def _fill_zeros(self, model: VectorField) -> None:
        generator = torch_generator(self.seed, "dense weights")
        for layer in model.layers():
            weight = layer.weight
            zero = weight == 0
            scale = weight[~zero].square().mean().sqrt()
            drawn = torch.randn(weight.shape, generator=generator).to(weight) * scale
            weight.copy_(torch.where(zero, drawn, weight))
