"""DASH: domain-aware sparsity heuristic."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from dashprune.data.problem import Problem
from dashprune.data.sparse import sparse_tensor
from dashprune.errors import DashpruneError
from dashprune.models.base import EdgeField, VectorField
from dashprune.pruners.base import Fraction
from dashprune.pruners.scheduled import Schedule, Scheduled, share
from dashprune.seeds import torch_generator

Weighting = Annotated[float, Field(ge=0, le=1)]


class Dash(Scheduled):
    """Scores a weight by its importance and by how well it explains the prior network.

    With co-regulation P and prior A = |T| (genes x genes, row regulates column), each event updates the scores S_l of
    every chain's layers, from genes to genes with the newest scores (n scales to sum 1, ⁺ is the pseudo-inverse):

        S_l <- λ n(|ĝ_l|) + (1 - λ) n(importance of layer l),  λ = λ₁ for the first layer, λ₂ for the others
        ĝ_1 = (S_1ᵀ)⁺ P                                        so that S_1ᵀ S_1 explains P
        ĝ_L = Aᵀ (S_{L-1} ... S_1)⁺                            so that S_L ... S_1 explains Aᵀ
        ĝ_l = (S_L ... S_{l+1})⁺ Aᵀ (S_{l-1} ... S_1)⁺         likewise, for layers between
        ĝ_1 = Aᵀ                                               for a chain of one layer, with λ₁

    The scores start at U(0, 1). Masked weights keep their scores; only cutting looks at the mask.

    Source: DASH (arXiv 2403.04805) and its code, for two layers. Scaling the prior's terms to sum 1 is this project's
    default, and the rules for layers between and for a single layer are its own.

    Args:
        lambda_1: weight of the prior in the first layers' scores, in [0, 1].
        lambda_2: weight of the prior in all later layers' scores, in [0, 1].
        normalize: scale the prior's term to sum 1 like the importance. False is the published form, in which the
            relative weight of the prior changes from event to event; it is defined for chains of two layers.
        schedule: when and how much to cut.
        target_sparsity: of the weights at the end; None takes the schedule as it is.
        seed: of the initial scores.
    """

    uses_prior: bool = True
    weighs_prior: ClassVar[bool] = True
    coregulation: Tensor
    targets: Tensor

    def __init__(
        self,
        lambda_1: Weighting,
        lambda_2: Weighting,
        normalize: bool,
        schedule: Schedule,
        target_sparsity: Fraction | None,
        seed: Annotated[int, Field(ge=0)],
    ) -> None:
        super().__init__(schedule, target_sparsity)
        self.lambda_1, self.lambda_2, self.normalize, self.seed = lambda_1, lambda_2, normalize, seed

    @property
    def needs_prior(self) -> bool:
        return self.lambda_1 > 0 or self.lambda_2 > 0

    def check(self, model: VectorField) -> None:
        super().check(model)
        depth = 1 if isinstance(model, EdgeField) else max(len(chain) for chain in model.chains())
        if depth > 2 and not self.normalize:
            raise DashpruneError(
                f"pruner.normalize: false, the published form, is defined for chains of two layers, "
                f"but the model has {depth}; set pruner.normalize=true"
            )

    def attach(self, model: VectorField, problem: Problem) -> None:
        super().attach(model, problem)
        self._check_prior(problem)
        device = next(model.parameters()).device
        seen = slice(None) if model.regulators is None else model.regulators.cpu().numpy()
        coregulation = sparse_tensor(problem.coregulation[seen][:, seen], torch.float64, device)
        targets = sparse_tensor(abs(problem.prior)[seen].T.tocsr(), torch.float64, device)
        self.register_buffer("coregulation", coregulation, persistent=False)
        self.register_buffer("targets", targets, persistent=False)
        generator = torch_generator(self.seed, "scores")
        for number, chain in enumerate(model.chains()):
            for depth, layer in enumerate(chain):
                initial = torch.rand(layer.weight.shape, generator=generator, dtype=torch.float64)
                self.register_buffer(f"scores_{number}_{depth}", initial.to(device))

    def score(self, model: VectorField, chain: int) -> list[Tensor]:
        layers = model.chains()[chain]
        scores = [self.get_buffer(f"scores_{chain}_{depth}") for depth in range(len(layers))]
        for depth, layer in enumerate(layers):
            weight = self.lambda_1 if depth == 0 else self.lambda_2
            scores[depth].copy_(
                self._mix(weight, functools.partial(self._explain, scores, depth), model.importance(layer))
            )
        return scores

    def _explain(self, scores: list[Tensor], depth: int) -> Tensor:
        if len(scores) == 1:
            return self.targets.to_dense()
        if depth == 0:
            return (self.coregulation @ pinv(scores[0].T).T).T  # P is symmetric
        explained = self.targets @ pinv(_product(scores[:depth]))
        return explained if depth == len(scores) - 1 else pinv(_product(scores[depth + 1 :])) @ explained

    def _mix(self, weight: float, explain: Callable[[], Tensor], importance: Tensor) -> Tensor:
        """λ times the prior's term + (1 - λ) times the importance; a prior that explains nothing has no say."""
        if weight == 0:
            return share(importance)
        explained = explain().abs()
        if not explained.any():
            return share(importance)
        return weight * (share(explained) if self.normalize else explained) + (1 - weight) * share(importance)

    def _check_prior(self, problem: Problem) -> None:
        needed = [("lambda_1", self.lambda_1, "co-regulation matrix", problem.coregulation)]
        needed += [("lambda_2", self.lambda_2, "prior", problem.prior)]
        for name, value, what, matrix in needed:
            if value > 0 and matrix.nnz == 0:
                raise DashpruneError(
                    f"pruner.{name}: {value:g} asks for the {what}, which is all zero; "
                    f"give a prior network with edges, or use pruner=imp"
                )


def _product(scores: list[Tensor]) -> Tensor:
    """S_n ... S_2 S_1 of scores given from genes to genes."""
    return functools.reduce(lambda product, score: score @ product, scores)


def pinv(matrix: Tensor) -> Tensor:
    """Moore-Penrose pseudo-inverse; singular values below 1e-6 of the largest count as zero."""
    return torch.linalg.pinv(matrix, rtol=1e-6)
