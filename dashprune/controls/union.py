"""The prior and what a sparse regression adds to it."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from dashprune.controls.base import Control, Estimate
from dashprune.controls.lasso import Lasso
from dashprune.data.problem import Pairs, Problem, Transitions


class Union(Control):
    """Names every edge of the prior, and every edge of a lasso in which these are cheaper (see `Lasso`).

    Being in the prior counts as much as the mean coefficient of all the prior's edges, those that the lasso does not
    name among them. So edges that both name come first; edges of the prior alone come high where the lasso confirms
    much of it, and behind the lasso's own where it confirms little. Prediction is the lasso's.

    Args:
        decay, prior_weight: see `Lasso`.
    """

    uses_prior: bool = True

    def __init__(
        self, decay: Annotated[float, Field(gt=0)] | None, prior_weight: Annotated[float, Field(gt=0, le=1)]
    ) -> None:
        self.lasso = Lasso(decay, prior_weight)

    def fit(self, problem: Problem) -> Estimate:
        score, support = self.lasso.fit(problem).block(slice(None))
        known = problem.prior.nonzero()
        confirmed = score[known].mean() if len(known[0]) else 0.0
        score[known] += max(confirmed, np.finfo(np.float64).tiny)
        support[known] = True
        return Estimate(score, support, candidates=Pairs.every(len(score), loops=False))

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return self.lasso.predict(transitions)
