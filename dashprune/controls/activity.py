"""Regulators by what their known targets do, in place of their own expression."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from sklearn.linear_model import LogisticRegression

from dashprune.controls.base import Control, Estimate
from dashprune.controls.degree import other_edges
from dashprune.controls.highest import highest
from dashprune.data.problem import Pairs, Problem, Transitions
from dashprune.models.activity import activities


class Activity(Control):
    """A target is likelier, the more it goes with the activity of a regulator, and the more targets that has.

    The activity of a regulator is what explains its known targets best (see `activities`); one that has fewer than
    `least` targets, or none, keeps its own expression. The correlation of a target with it, and its size, are
    standardised over all targets of the regulator. A logistic regression on these two and the logarithm of one more
    than the regulator's number of targets is fitted to the prior's edges against all other pairs. No pair proves
    itself: the target is left out of all activities, and the pair of the number. The edges are as many of the likeliest
    pairs as the prior has.

    Source: Liao et al., network component analysis, PNAS 100:15522 (2003); Arrieta-Ortiz et al., Molecular Systems
    Biology 11:839 (2015), for its use in finding edges.

    Args:
        least: known targets of a regulator whose activity is estimated.
    """

    uses_prior: bool = True

    def __init__(self, least: Annotated[int, Field(ge=2)]) -> None:
        self.least = least

    def fit(self, problem: Problem) -> Estimate:
        measured = problem.train.expression[~np.isnan(problem.train.times)].astype(np.float64)
        spread = measured.std(axis=0)
        expression = (measured - measured.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
        out, _, known = other_edges(problem)
        found = expression.T @ expression / len(expression)
        many = known.sum(axis=1) >= self.least
        if many.any():
            signed = problem.prior.toarray()[many] * known[many]
            found[many] = correlations(expression, np.sign(signed).astype(np.float64))
        pairs = ~np.eye(len(known), dtype=bool)
        features = np.stack([_by_regulator(found), _by_regulator(np.abs(found)), np.log1p(out)], axis=-1)[pairs]
        score = np.zeros(known.shape)
        if known.any():
            fitted = LogisticRegression(C=1e6, max_iter=1000).fit(features, known[pairs])
            score[pairs] = fitted.predict_proba(features)[:, 1]
        return Estimate(score, highest(score, int(known.sum())), candidates=Pairs.every(len(score), loops=False))

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return None


def correlations(expression: np.ndarray, network: np.ndarray) -> np.ndarray:
    """(regulators, genes) correlation of each gene with the activities that follow when it is left out of `network`.

    Without gene j, activities are a - r_j (M⁻¹ A_j)ᵀ with M = A Aᵀ + κ I, r_j = (z_j - a A_j) / (1 - A_jᵀ M⁻¹ A_j).

    Args:
        expression, network: see `activities`.
    """
    activity, effect = activities(expression, network)
    left = (expression - activity @ network) / (1 - (network * effect).sum(axis=0))
    products = activity.T @ expression - effect * (expression * left).sum(axis=0)
    squares = (activity**2).sum(axis=0)[:, None] - 2 * effect * (activity.T @ left) + effect**2 * (left**2).sum(axis=0)
    size = np.sqrt(np.maximum(squares, 0) * (expression**2).sum(axis=0))
    found: np.ndarray = products / np.where(size > 1e-9, size, np.inf)
    return found


def _by_regulator(values: np.ndarray) -> np.ndarray:
    """Each row of (genes, genes) less its mean, over its standard deviation; the diagonal counts for neither."""
    others = ~np.eye(len(values), dtype=bool)
    mean = values.mean(axis=1, where=others, keepdims=True)
    spread = values.std(axis=1, where=others, keepdims=True)
    standard: np.ndarray = (values - mean) / np.where(spread > 1e-9, spread, np.inf)
    return standard
