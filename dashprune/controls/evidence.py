"""The posterior of edges without a neural model."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from dashprune.controls.base import Control, Estimate
from dashprune.controls.decay import decay_rates, production
from dashprune.controls.lasso import standard
from dashprune.data.problem import Pairs, Problem, Transitions
from dashprune.evidence.posterior import posterior


class Rows(NamedTuple):
    """See `dashprune.evidence.posterior.Rows`."""

    signals: np.ndarray
    responses: np.ndarray
    trajectory: np.ndarray
    own: np.ndarray
    left_out: None = None


class Evidence(Control):
    """Regulators of all targets at once by `posterior`, from a linear regression on the measured states.

    It is what is left of `dash_edge` without a model. Signals are the means of x(t) and x(t + d), responses the
    production over decay (see `production`), from which what x(t) of the gene itself explains is taken out; a row
    counts by how much of its past the median gene forgets in it. Every other gene is a candidate. Pairs are ranked by
    their probability, as -log(1 - p).

    Args:
        decay: of all genes, in inverse units of time; None to estimate that of each (see `decay_rates`).
        threshold: least probability of an edge.
    """

    uses_prior: bool = True

    def __init__(
        self, decay: Annotated[float, Field(gt=0)] | None, threshold: Annotated[float, Field(gt=0, lt=1)]
    ) -> None:
        self.decay, self.threshold = decay, threshold

    @property
    def needs_prior(self) -> bool:
        return False

    def fit(self, problem: Problem) -> Estimate:
        pairs = ~np.eye(len(problem.genes), dtype=bool)
        known = (problem.prior.toarray() != 0) & pairs
        found = posterior(self._rows(problem), known, pairs)
        share = np.where(known, found.reliability.value, found.novelty.value)
        with np.errstate(divide="ignore"):
            logit = found.log_odds.astype(np.float64) + np.log(share / (1 - share))
        ranking = np.where(pairs, np.logaddexp(0, logit), 0.0)
        probability = np.where(pairs, found.probability, 0.0)
        candidates = Pairs.every(len(pairs), loops=False)
        return Estimate(ranking, probability >= self.threshold, probability, candidates)

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return None

    def _rows(self, problem: Problem) -> Rows:
        transitions = problem.train.transitions()
        made, forgotten = production(transitions, decay_rates(problem.train, self.decay))
        weight = np.median(forgotten, axis=1)
        weight = weight / np.sqrt((weight**2).mean())
        start = transitions.start.astype(np.float64)
        signals = standard((start + transitions.stop) / 2, weight)
        own, responses = standard(start, weight), standard(made, weight)
        left = responses - own * (own * responses).mean(axis=0)
        spread = np.sqrt((left**2).mean(axis=0))
        return Rows(signals, left / np.where(spread > 1e-9, spread, np.inf), transitions.trajectory, own)
