"""Sparse linear regression of each gene's production on all other genes."""

from __future__ import annotations

import warnings
from typing import Annotated

import numpy as np
from pydantic import Field
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path

from dashprune.controls.base import Control, Estimate
from dashprune.controls.decay import decay_rates, production
from dashprune.data.problem import Pairs, Problem, Transitions


class Lasso(Control):
    """For every target, a lasso whose penalty minimises the Bayesian information criterion (see `bic_lasso`).

    The production of a gene (see `production`) is regressed on the mean of x(t) and x(t + d) of all other genes,
    standardised; a transition counts by how much of the past is forgotten in it. The gene itself is no candidate: what
    it forgets is in the production already, and so is the noise of its measurement. Edges are ranked by the coefficient
    over the standard deviation of the production.

    Prediction takes the edges as they are, but not their shrunken coefficients: these are fitted anew by least squares,
    with x(t) of the gene itself beside them, which takes up what is wrong with its decay. The equation is then solved
    for x(t + d).

    Args:
        decay: of all genes, in inverse units of time; None to estimate that of each (see `decay_rates`).
        prior_weight: penalty of an edge of the prior relative to that of any other; 1 ignores the prior.
    """

    def __init__(
        self, decay: Annotated[float, Field(gt=0)] | None, prior_weight: Annotated[float, Field(gt=0, le=1)]
    ) -> None:
        self.decay, self.prior_weight = decay, prior_weight
        self.uses_prior = prior_weight < 1

    def fit(self, problem: Problem) -> Estimate:
        transitions = problem.train.transitions()
        self.rates = decay_rates(problem.train, self.decay)
        made, forgotten = production(transitions, self.rates)
        start = transitions.start.astype(np.float64)
        regressors = (start + transitions.stop) / 2
        genes, prior = len(problem.genes), problem.prior.tocsc()
        score, self.weights = np.zeros((2, genes, genes))
        self.own, self.intercept = np.zeros((2, genes))
        for target in range(genes):
            cheap = prior.indices[prior.indptr[target] : prior.indptr[target + 1]]
            weight = forgotten[:, target] / np.sqrt((forgotten[:, target] ** 2).mean())
            score[:, target] = self._score(target, cheap, regressors, made[:, target], weight)
            named = np.flatnonzero(score[:, target])
            columns = np.column_stack([regressors[:, named], start[:, target], np.ones(len(start))])
            fitted = np.linalg.lstsq(columns * weight[:, None], made[:, target] * weight, rcond=None)[0]
            self.weights[named, target], (self.own[target], self.intercept[target]) = fitted[:-2], fitted[-2:]
        return Estimate(score, score > 0, candidates=Pairs.every(len(score), loops=False))

    def _score(
        self, target: int, cheap: np.ndarray, regressors: np.ndarray, made: np.ndarray, weight: np.ndarray
    ) -> np.ndarray:
        """(genes,) sizes of the standardised coefficients on a target's production.

        Args:
            cheap: indices of the target's regulators in the prior.
            regressors: (N, genes).
            made: (N,) production.
            weight: (N,) of the rows, with mean square 1.
        """
        boost = np.ones(regressors.shape[1])
        boost[cheap] /= self.prior_weight
        boost[target] = 0
        others = boost > 0
        columns = standard(regressors[:, others], weight) * boost[others]
        boost[others] *= np.abs(bic_lasso(columns, standard(made, weight)))
        return boost

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        start = transitions.start.astype(np.float64)
        kept = np.exp(-np.multiply.outer(transitions.dt.astype(np.float64), self.rates))
        stop, known = start, self.own * start + self.intercept
        for _ in range(50):  # the equation is implicit in x(t + d); the map contracts for sparse, moderate weights
            stop = kept * start + (1 - kept) * ((start + stop) / 2 @ self.weights + known)
        return stop


def standard(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Values (N, ...) less their weighted mean, times the weight (N,) of the row, with mean square 1; 0 if constant."""
    centred = ((values - weight**2 @ values / len(weight)).T * weight).T
    spread = np.sqrt((centred**2).mean(axis=0))
    standard: np.ndarray = centred / np.where(spread > 1e-9, spread, np.inf)
    return standard


def bic_lasso(regressors: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Coefficients on the lasso path with the lowest n log(RSS / n) + k log n, k being the number of nonzero ones.

    At most half as many steps of the path as there are samples are looked at, beyond which RSS says little.

    Args:
        regressors: (n, p), centred, as there is no intercept.
        response: (n,), likewise.

    Returns:
        (p,)
    """
    n = len(response)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # that the path ends where residuals are rounding errors
        _, _, path = lars_path(regressors, response, method="lasso", max_iter=max(n // 2, 1))
    rss = ((response[:, None] - regressors @ path) ** 2).sum(axis=0)
    criterion = n * np.log(np.maximum(rss, 1e-12) / n) + np.count_nonzero(path, axis=0) * np.log(n)
    best: np.ndarray = path[:, criterion.argmin()]
    return best
