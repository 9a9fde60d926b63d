"""Edge-level DASH: keeps the edges that data and prior together make more probable than not."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from dashprune import evidence
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import EdgeField, VectorField, by_gene
from dashprune.pruners.edges import EdgePruner, Part, kept


class DashEdge(EdgePruner):
    """Weighs data and prior edge by edge, by how reliable the prior turns out to be on this data.

    At each event the model, as far as it is trained, smooths its training trajectories, and from them and the prior
    follows the posterior probability of every pair that is left (dashprune.evidence). Pairs below `screen` are cut, at
    the last event those below `threshold`. Neither a sparsity nor a weight of the prior is given: the prior's
    reliability and the share of real edges outside of it are estimated at each event.

    Source: this project, after DASH (arXiv 2403.04805), which weighs data and prior by fixed λ.

    Args:
        prior: whether to look at the prior; without it all pairs are alike beforehand.
        screen: smallest probability that survives all events but the last.
        threshold: smallest probability that survives the last event.
        epochs, events, first, last: see EdgePruner.
    """

    probability: Tensor
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

    def attach(self, model: VectorField, problem: Problem) -> None:
        super().attach(model, problem)
        self.train_split = problem.train
        pairs = model.layers()[0].weight.T.shape
        rows = slice(None) if self.regulators is None else self.regulators.numpy()
        self.known = (problem.prior[rows] != 0).toarray() if self.uses_prior else np.zeros(pairs, dtype=bool)
        self.register_buffer("probability", torch.zeros(pairs))
        self.register_buffer("shares", torch.full((2, 3), torch.nan, dtype=torch.float64))

    def choose(self, model: EdgeField, event: int) -> Tensor:
        last = event == len(self.cuts) - 1
        signals, responses, trajectory, alive = evidence.regression(model, self.train_split)
        if not alive.any():
            raise DashpruneError(
                "model: no gene changes in it, so nothing can be said of regulators; train longer before pruner.first, "
                "or give times in units within which genes respond"
            )
        candidates = kept(model).T.cpu().numpy()
        found = evidence.posterior(signals, responses[:, alive], trajectory, self.known[:, alive], candidates[:, alive])
        probability = np.zeros_like(candidates, dtype=np.float32) if last else candidates.astype(np.float32)
        probability[:, alive] = found.probability
        self.probability.copy_(torch.as_tensor(probability))
        self.shares.copy_(torch.tensor([found.reliability, found.novelty], dtype=torch.float64))
        if not self.known.any():
            self.shares[0] = torch.nan  # there is no prior whose reliability could be told
        return ((self.threshold if last else self.screen) <= self.probability.T).to(next(model.parameters()).device)

    def report(self) -> dict[str, float | None]:
        shares = zip(("prior_reliability", "novelty"), self.shares.tolist(), strict=True)
        found = {name + end: share[k] for name, share in shares for k, end in enumerate(("", "_low", "_high"))}
        return {name: None if math.isnan(value) else value for name, value in found.items()}

    def edge_probability(self, targets: slice) -> Tensor | None:
        found = self.probability[:, targets]
        return found if self.regulators is None else by_gene(found, self.regulators, self.genes)
