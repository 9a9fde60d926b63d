"""Edge-level DASH: keeps the edges that data and prior together make more probable than not."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import EdgeField, VectorField, by_gene
from dashprune.pruners import evidence, smoothing
from dashprune.pruners.edges import EdgePruner, Part, kept


class DashEdge(EdgePruner):
    """Weighs data and prior edge by edge, by how reliable the prior turns out to be on this data.

    At each event the model, as far as it is trained, smooths its training trajectories, and from them and the prior
    follows the posterior probability of every pair that is left (smoothing, evidence). Pairs below `screen` are cut, at
    the last event those below `threshold`. Neither a sparsity nor a weight of the prior is given: the prior's
    reliability and the share of real edges outside of it are estimated at each event. What the data said of a pair
    when it was cut goes on to count for these shares.

    Source: this project, after DASH (arXiv 2403.04805), which weighs data and prior by fixed λ.

    Args:
        prior: whether to look at the prior, if there is one; without it all pairs are alike beforehand.
        screen: smallest probability that survives all events but the last.
        threshold: smallest probability that survives the last event.
        epochs, events, first, last: see EdgePruner.
    """

    log_odds: Tensor
    shares: Tensor

    def __init__(
        self,
        prior: bool,
        screen: Part,
        threshold: Part,
        epochs: Annotated[int, Field(ge=1)],
        events: Annotated[int, Field(ge=1)],
        first: Part,
        last: Part,
    ) -> None:
        super().__init__(epochs, events, first, last)
        self.uses_prior, self.screen, self.threshold = prior, screen, threshold

    @property
    def needs_prior(self) -> bool:
        return False

    def attach(self, model: VectorField, problem: Problem) -> None:
        super().attach(model, problem)
        assert isinstance(model, EdgeField)
        self.train_split = problem.train
        rows = slice(None) if self.regulators is None else self.regulators.numpy()
        pairs = kept(model).T.cpu()
        prior = torch.as_tensor((problem.prior[rows] != 0).toarray())
        self.known = prior & pairs if self.uses_prior else torch.zeros_like(pairs)
        self.register_buffer("log_odds", torch.zeros(pairs.shape).masked_fill(~pairs, -torch.inf))
        self.register_buffer("shares", torch.full((2, 3), torch.nan, dtype=torch.float64))

    def choose(self, model: EdgeField, event: int) -> Tensor:
        last = event == len(self.cuts) - 1
        signals, responses, trajectory, alive = smoothing.regression(model, self.train_split)
        if not alive.any():
            raise DashpruneError(
                "model: no gene changes in it, so nothing can be said of regulators; train longer before pruner.first, "
                "or give times in units within which genes respond"
            )
        known, candidates, log_odds = (
            pairs.cpu().numpy()[:, alive] for pairs in (self.known, kept(model).T, self.log_odds)
        )
        found = evidence.posterior(signals, responses[:, alive], trajectory, known, candidates, log_odds)
        self.log_odds[:, alive] = torch.as_tensor(found.log_odds).to(self.log_odds)
        self.shares.copy_(torch.tensor([found.reliability, found.novelty], dtype=torch.float64))
        if not self.known.any():
            self.shares[0] = torch.nan  # there is no prior whose reliability could be told
        if last:
            self.log_odds[:, ~alive] = -torch.inf
        chosen = (self.threshold if last else self.screen) <= self._probability(slice(None)).T
        if not last:
            chosen[~alive] = True
        return chosen.to(next(model.parameters()).device)

    def _probability(self, targets: slice) -> Tensor:
        """(regulators, targets) by the odds of prior and data."""
        reliability, novelty = self.shares[:, 0].logit().float()
        known = self.known[:, targets].to(self.log_odds.device)
        return (self.log_odds[:, targets] + torch.where(known, reliability, novelty)).sigmoid()

    def report(self) -> dict[str, float | None]:
        shares = zip(("prior_reliability", "novelty"), self.shares.tolist(), strict=True)
        found = {name + end: share[k] for name, share in shares for k, end in enumerate(("", "_low", "_high"))}
        return {name: None if math.isnan(value) else value for name, value in found.items()}

    def edge_probability(self, targets: slice) -> Tensor | None:
        found = self._probability(targets)
        return found if self.regulators is None else by_gene(found, self.regulators, self.genes)
