"""The posterior of edges without a neural model."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from dashprune.controls.base import Control, Estimate
from dashprune.controls.decay import decay_rates, production
from dashprune.controls.lasso import standard
from dashprune.data.problem import Pairs, Problem, Transitions
from dashprune.evidence.posterior import posterior
from dashprune.evidence.uneven import Raw, Rows, regression


class Evidence(Control):
    """Regulators of all targets at once by `posterior`, from a linear regression on the measured states.

    It is what is left of `dash_edge` without a model. Signals are the means of x(t) and x(t + d), responses the
    production over decay (see `production`), from which what x(t) of the gene itself explains is taken out; a row
    counts by how much of its past the median gene forgets in it. In a steady state the response is the state itself;
    what was done to genes counts as in `regression`. Every other gene is a candidate. Pairs are ranked by their
    probability, as -log(1 - p).

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
        transitions, done = problem.train.transitions(), problem.train.intervened()
        steady = transitions.steady
        made, forgotten = production(transitions, decay_rates(problem.train, self.decay))
        made[steady], forgotten[steady] = transitions.start[steady], 1
        start, stop = transitions.start.astype(np.float64), transitions.stop.astype(np.float64)
        if done is not None:
            start, stop = (np.where(np.isnan(done.held), states, done.held) for states in (start, stop))
        rows = Rows((start + stop) / 2, made, transitions.trajectory, start)
        return regression(Raw(rows, np.median(forgotten, axis=1), steady, done), _even)


def _even(rows: Rows, weight: np.ndarray) -> Rows:
    """A regression in which every row says as much of all targets as its weight."""
    weight = weight / np.sqrt((weight**2).mean())
    signals, own, responses = (standard(part, weight) for part in (rows.signals, rows.own, rows.responses))
    left = responses - own * (own * responses).mean(axis=0)
    spread = np.sqrt((left**2).mean(axis=0))
    return Rows(signals, left / np.where(spread > 1e-9, spread, np.inf), rows.trajectory, own)
