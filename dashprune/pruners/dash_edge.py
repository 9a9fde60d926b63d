"""Edge-level DASH: keeps the edges that data and prior together make more probable than not."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from dashprune.data.problem import Problem, Split
from dashprune.errors import DashpruneError, say
from dashprune.evidence import posterior as evidence
from dashprune.evidence.completion import completion
from dashprune.models.base import EdgeField, VectorField, by_gene
from dashprune.models.intervened import intervened
from dashprune.pruners import smoothing
from dashprune.pruners.edges import EdgePruner, Part, kept
from dashprune.solvers.etdrk4 import etdrk4


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

    weighs_prior: ClassVar[bool] = True
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
        self.held_out = problem.validation if len(problem.validation.times) else problem.train
        rows = slice(None) if self.regulators is None else self.regulators.numpy()
        pairs = kept(model).T.cpu()
        weights = abs(problem.prior[rows]).toarray()
        self.known = torch.as_tensor(weights != 0) & pairs if self.uses_prior else torch.zeros_like(pairs)
        found = completion(self.known.numpy(), pairs.numpy())
        self.relative = _with_confidences(None if found is None else found.log_odds, self.known.numpy(), weights)
        self.completeness = None if found is None else found.completeness
        self.register_buffer("log_odds", torch.zeros(pairs.shape).masked_fill(~pairs, -torch.inf))
        self.register_buffer("shares", torch.full((2, 3), torch.nan, dtype=torch.float64))

    def choose(self, model: EdgeField, event: int) -> Tensor:
        last = event == len(self.cuts) - 1
        alive = self._weigh(model)
        if last and self.known.any() and not predicts(model, self.held_out):
            say(
                "the model does not predict held-out time points better than 'no change', so these data say nothing of "
                "edges: the network is the prior"
            )
            self._take_the_prior()
        elif last:
            self.log_odds[:, ~alive] = -torch.inf
        chosen = (self.threshold if last else self.screen) <= self._logit(slice(None)).sigmoid().T
        if not last:
            chosen[~alive] = True
            chosen |= self.known.T.to(chosen.device)  # which are judged once, by all that was learned
        return chosen.to(next(model.parameters()).device)

    def _weigh(self, model: EdgeField) -> np.ndarray:
        """What the data say of each pair by the model as it is; returns (genes,) bool, which genes change in it."""
        found = smoothing.regression(model, self.train_split)
        alive = found.alive
        if not alive.any():
            raise DashpruneError(
                "model: no gene changes in it, so nothing can be said of regulators; train longer before pruner.first, "
                "or give times in units within which genes respond"
            )
        rows = found.of_the_living()
        relative = None if self.relative is None else self.relative[:, alive]
        known, candidates, log_odds = (
            pairs.cpu().numpy()[:, alive] for pairs in (self.known, kept(model).T, self.log_odds)
        )
        edges = evidence.posterior(rows, known, candidates, log_odds, relative=relative)
        self.log_odds[:, alive] = torch.as_tensor(edges.log_odds).to(self.log_odds)
        self.shares.copy_(torch.tensor([edges.reliability, edges.novelty], dtype=torch.float64))
        if not self.known.any():
            self.shares[0] = torch.nan  # there is no prior whose reliability could be told
        return alive

    def _take_the_prior(self) -> None:
        """Believe the prior's edges as far as nobody knows better, and no other pair more than any other."""
        pairs = ~torch.isinf(self.log_odds)
        self.log_odds[pairs] = 0
        outside = 1 / (int((pairs & ~self.known.to(pairs.device)).sum()) + 2)
        self.shares.copy_(torch.tensor([[0.5, 0.025, 0.975], [outside, 0, 1]]))

    def _logit(self, targets: slice) -> Tensor:
        """(regulators, targets) float64 logarithms of the odds, by prior and data."""
        reliability, novelty = self.shares[:, 0].logit()
        known = self.known[:, targets].to(self.log_odds.device)
        logit = self.log_odds[:, targets].double() + torch.where(known, reliability, novelty)
        return logit if self.relative is None else logit + torch.as_tensor(self.relative[:, targets]).to(logit)

    def report(self) -> dict[str, float | None]:
        shares = zip(("prior_reliability", "novelty"), self.shares.tolist(), strict=True)
        found = {name + end: share[k] for name, share in shares for k, end in enumerate(("", "_low", "_high"))}
        found = {name: None if math.isnan(value) else value for name, value in found.items()}
        return {**found, "prior_completeness": self.completeness}

    def edge_probability(self, targets: slice) -> Tensor | None:
        return self._by_gene(self._logit(targets).sigmoid())

    def edge_ranking(self, targets: slice) -> Tensor | None:
        return self._by_gene(torch.nn.functional.softplus(self._logit(targets)))

    def _by_gene(self, found: Tensor) -> Tensor:
        return found if self.regulators is None else by_gene(found, self.regulators, self.genes)


def _with_confidences(relative: np.ndarray | None, known: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Log-odds of pairs relative to others, those of the prior's own by its weights.

    Beforehand the odds of a pair of the prior are in proportion to its weight |T|: log |T| less the log of the mean.

    Args:
        relative: (regulators, targets) of the pairs outside of the prior; None if they are alike.
        known: (regulators, targets) bool, the prior's own.
        weights: (regulators, targets) |T|.
    """
    if not known.any() or np.ptp(weights[known]) == 0:
        return relative
    found = np.zeros(known.shape, dtype=np.float16) if relative is None else relative
    found[known] = np.log(weights[known] / weights[known].mean())
    return found


@torch.no_grad()
def predicts(model: EdgeField, split: Split) -> bool:
    """Whether the model predicts transitions better than 'no change', by more than the standard error of that.

    Steady states it must predict better than their mean does. A gene that is held makes no error. The standard error is
    taken over trajectories, where there are at least three, or else over transitions.
    """
    rate, transitions = model.decay_rate(), split.transitions()
    start, stop, dt, trajectory = (torch.as_tensor(part) for part in transitions)
    start, stop, dt = start.to(rate), stop.to(rate), dt.to(rate)
    steady, free = torch.as_tensor(transitions.steady), torch.as_tensor(split.free()).to(rate)
    field, begun = intervened(model, split.intervened(), start)
    predicted, known = etdrk4(field.production, field.decay_rate(), begun, dt, 4), start.clone()
    settled = field.settled(begun)
    if settled is not None and steady.any():
        predicted[steady] = settled[steady]
        known[steady] = (free * start)[steady].sum(dim=0) / free[steady].sum(dim=0).clamp(min=1)
    gain = (((stop - known) ** 2 - (stop - predicted) ** 2) * free).mean(dim=1).double().cpu()
    if len(split.times) >= 3:
        gain = torch.stack([gain[trajectory == k].mean() for k in trajectory.unique()])
    return bool(gain.mean() > gain.std() / math.sqrt(len(gain)))
