"""Edge-level pruning to a given number of edges."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from dashprune.data.problem import Problem
from dashprune.data.sparse import sparse_tensor
from dashprune.models.base import EdgeField, VectorField
from dashprune.pruners.edges import EdgePruner, Part, kept


class EdgeCut(EdgePruner):
    """Keeps, over the whole network, the k pairs with the largest (1 - λ) I_ji / Σ_i I_ji + λ |T_ij|.

    I_ji is the importance of regulator i for target j, summed over branches, and T the prior with entries of size 0
    or 1. k falls geometrically from all pairs to the target. λ = 0 is magnitude pruning of edges.

    Source: this project, after DASH (arXiv 2403.04805).

    Args:
        prior_weight: λ.
        edges_per_gene: mean number of edges per gene that are left.
        epochs, events, first, last: see EdgePruner.
    """

    prior: Tensor

    def __init__(
        self,
        prior_weight: Annotated[float, Field(ge=0, le=1)],
        edges_per_gene: Annotated[float, Field(gt=0)],
        epochs: Annotated[int, Field(ge=1)],
        events: Annotated[int, Field(ge=1)],
        first: Part,
        last: Part,
    ) -> None:
        super().__init__(epochs, events, first, last)
        self.prior_weight, self.edges_per_gene = prior_weight, edges_per_gene
        self.uses_prior = prior_weight > 0

    def attach(self, model: VectorField, problem: Problem) -> None:
        super().attach(model, problem)
        edges = (problem.prior.T != 0).tocsc()
        if self.regulators is not None:
            edges = edges[:, self.regulators.numpy()]
        prior = sparse_tensor(edges.tocsr(), torch.float32, next(model.parameters()).device)
        self.register_buffer("prior", prior, persistent=False)

    @torch.no_grad()
    def choose(self, model: EdgeField, event: int) -> Tensor:
        pairs = self.possible
        target = min(self.edges_per_gene * model.genes, pairs)
        count = round(pairs * (target / pairs) ** ((event + 1) / len(self.cuts)))
        importance = torch.stack([model.importance(layer) for layer in model.layers()]).sum(dim=0)
        share = importance / importance.sum(dim=1, keepdim=True).clamp(min=1e-30)
        score = (1 - self.prior_weight) * share + self.prior_weight * self.prior.to_dense()
        score = score.masked_fill(~kept(model), -1.0).flatten()
        chosen = torch.zeros_like(score, dtype=torch.bool)
        chosen[score.argsort(descending=True, stable=True)[:count]] = True
        return chosen.view_as(importance)
