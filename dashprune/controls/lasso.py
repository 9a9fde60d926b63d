"""Sparse linear regression of each gene's production on all genes."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from sklearn.linear_model import lars_path

from dashprune.controls.base import Control, Estimate
from dashprune.data.problem import Problem, Transitions


class Lasso(Control):
    """For every target, a lasso whose penalty minimises the Bayesian information criterion (see `bic_lasso`).

    If dx/dt = y - a x with a constant production y over a transition of length d, then
    y / a = (x(t + d) - exp(-a d) x(t)) / (1 - exp(-a d)). That is regressed on the mean of x(t) and x(t + d),
    standardised; all training transitions count alike. Prediction solves the same equation for x(t + d).

    Args:
        decay: a, in inverse units of time; the same for all genes.
        prior_weight: penalty of an edge of the prior relative to that of any other; 1 ignores the prior.
    """

    def __init__(self, decay: Annotated[float, Field(gt=0)], prior_weight: Annotated[float, Field(gt=0, le=1)]) -> None:
        self.decay, self.prior_weight = decay, prior_weight
        self.uses_prior = prior_weight < 1

    def fit(self, problem: Problem) -> Estimate:
        start, stop, dt, _ = (part.astype(np.float64) for part in problem.train.transitions())
        kept = np.exp(-self.decay * dt)[:, None]
        production, regressors = (stop - kept * start) / (1 - kept), (start + stop) / 2
        self.mean, spread = regressors.mean(axis=0), regressors.std(axis=0)
        spread[spread == 0] = 1
        standardised = (regressors - self.mean) / spread
        coefficients = np.zeros((len(spread), len(spread)))
        prior = problem.prior.tocsc()
        for target in range(len(spread)):
            boost = np.ones(len(spread))
            boost[prior.indices[prior.indptr[target] : prior.indptr[target + 1]]] = 1 / self.prior_weight
            coefficients[:, target] = boost * bic_lasso(standardised * boost, production[:, target])
        self.weights, self.intercept = coefficients / spread[:, None], production.mean(axis=0)
        return Estimate(np.abs(coefficients), coefficients != 0)

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        start, kept = transitions.start.astype(np.float64), np.exp(-self.decay * transitions.dt)[:, None]
        stop = start
        for _ in range(50):  # the equation is implicit in x(t + d); the map contracts for sparse, moderate weights
            production = ((start + stop) / 2 - self.mean) @ self.weights + self.intercept
            stop = kept * start + (1 - kept) * production
        return stop


def bic_lasso(regressors: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Coefficients on the lasso path with the lowest n log(RSS / n) + k log n, k being the number of nonzero ones.

    At most half as many steps of the path as there are samples are looked at, beyond which RSS says little.

    Args:
        regressors: (n, p), each with mean 0.
        response: (n,).

    Returns:
        (p,)
    """
    n = len(response)
    centred = response - response.mean()
    _, _, path = lars_path(regressors, centred, method="lasso", max_iter=max(n // 2, 1))
    rss = ((centred[:, None] - regressors @ path) ** 2).sum(axis=0)
    criterion = n * np.log(np.maximum(rss, 1e-12) / n) + np.count_nonzero(path, axis=0) * np.log(n)
    best: np.ndarray = path[:, criterion.argmin()]
    return best
