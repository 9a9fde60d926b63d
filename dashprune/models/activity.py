"""Activities of regulators: what their known targets do, in place of their own expression.

Source: Liao et al., network component analysis, PNAS 100:15522 (2003); Arrieta-Ortiz et al., Molecular Systems
Biology 11:839 (2015), for its use in finding edges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dashprune.data.problem import Problem

LEAST = 3
"""Known targets of a regulator whose activity can be estimated."""
_RIDGES = np.geomspace(1e-3, 1e4, 29)
"""Ridges of the regression on targets, of which generalised cross-validation chooses."""
_RATES = np.geomspace(0.05, 5, 8)
"""Rates of decay that are tried, over the inverse of the usual time between measurements."""


def activities(expression: np.ndarray, network: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Activities a = Z Aᵀ (A Aᵀ + κ I)⁻¹, by which Z ≈ a A; κ by generalised cross-validation.

    Args:
        expression: (N, genes) Z, standardised.
        network: (regulators, genes) A.

    Returns:
        (N, regulators) a, and (regulators, genes) (A Aᵀ + κ I)⁻¹ A.
    """
    basis, values, _ = np.linalg.svd(network.T, full_matrices=False)
    explained, whole = ((expression @ basis) ** 2).sum(axis=0), (expression**2).sum()
    scores = []
    for ridge in _RIDGES:
        share = values**2 / (values**2 + ridge)
        left = whole - (2 * share - share**2) @ explained
        scores.append(left / (1 - share.sum() / network.shape[1]) ** 2)
    ridge = _RIDGES[int(np.argmin(scores))]
    effect = np.linalg.solve(network @ network.T + ridge * np.eye(len(network)), network)
    return expression @ effect.T, effect


class Activities(NamedTuple):
    """How activities follow from expression: they are linear in it.

    An activity has its place in its own range: 0 is the value that it exceeds in 99 of 100 measurements, 1 the one that
    it exceeds in one. It is oriented by the prior's signs: where they are unknown, so that most targets go with it.

    Attributes:
        genes: (k,) which genes have one.
        network: (k, all genes) the signs of their edges in the prior, 0 where it has none.
        effect: (k, all genes) what a standardised gene adds to each.
        centre, spread: (all genes,) by which expression is standardised.
        lowest, range: (k,) of each activity.
    """

    genes: np.ndarray
    network: np.ndarray
    effect: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    lowest: np.ndarray
    range: np.ndarray

    def take(self, chosen: np.ndarray) -> Activities:
        """Those of some of the genes, (k,) bool. They were estimated together with the others."""
        own = (self.genes, self.network, self.effect, self.lowest, self.range)
        genes, network, effect, lowest, width = (part[chosen] for part in own)
        return Activities(genes, network, effect, self.centre, self.spread, lowest, width)

    def linear(self) -> tuple[np.ndarray, np.ndarray]:
        """(k, all genes) W and (k,) c: the places at expression x are W x + c."""
        weight = self.effect / (self.spread * self.range[:, None])
        return weight, -(weight @ self.centre) - self.lowest / self.range

    def places(self, expression: np.ndarray) -> np.ndarray:
        """(N, k) at expression (N, all genes)."""
        weight, constant = self.linear()
        found: np.ndarray = expression @ weight.T + constant
        return found

    def share(self) -> np.ndarray:
        """(k, all genes) what each gene's `surprise` adds to each place."""
        return self.effect / self.range[:, None]

    def surprise(self, expression: np.ndarray) -> np.ndarray:
        """(N, all genes) how far each gene is from what activities say of it that are estimated without it.

        Without gene j, activities are a - r_j (M⁻¹ A_j)ᵀ with M = A Aᵀ + κ I and
        r_j = (z_j - a A_j) / (1 - A_jᵀ M⁻¹ A_j): a pair of the prior must not prove itself. This is r.

        Args:
            expression: (N, all genes).
        """
        z = (expression - self.centre) / self.spread
        kept = 1 - (self.network * self.effect).sum(axis=0)
        left: np.ndarray = (z - (z @ self.effect.T) @ self.network) / kept
        return left


def estimated(problem: Problem, regulators: np.ndarray) -> Activities:
    """Activities of those of some genes that have at least LEAST other targets in the prior, from the training data.

    Args:
        problem: with a prior; without one, no gene has an activity.
        regulators: (R,) indices, ascending.
    """
    measured = problem.train.expression[~np.isnan(problem.train.times)].astype(np.float64)
    spread = measured.std(axis=0)
    spread = np.where(spread > 0, spread, np.inf)
    centre = measured.mean(axis=0)
    network = np.sign(problem.prior[regulators].toarray()).astype(np.float64)
    network[np.arange(len(regulators)), regulators] = 0
    many = np.count_nonzero(network, axis=1) >= LEAST
    if not many.any():
        none, no_gene = np.empty(0), np.empty((0, len(centre)))
        return Activities(regulators[many], no_gene, no_gene, centre, spread, none, none)
    activity, effect = activities((measured - centre) / spread, network[many])
    lowest, highest = np.quantile(activity, (0.01, 0.99), axis=0)
    return Activities(
        regulators[many], network[many], effect, centre, spread, lowest, np.maximum(highest - lowest, 1e-9)
    )


def speaks_for_activity(problem: Problem, found: Activities) -> np.ndarray:
    """(k,) logarithm of the Bayes factor for each activity, against the regulator's own expression.

    x_j(t + d) - m x_j(t) = (1 - m) (c + β s_i) + noise with m = exp(-λ d), for every pair of the prior and either
    signal s_i, the mean of its values at t and t + d. What is compared is the likelihood with the best λ, c, β and
    variance; the activity is estimated without the target j.
    """
    start, stop, dt, _ = problem.train.transitions()
    dt = dt.astype(np.float64)
    middle = (start.astype(np.float64) + stop) / 2
    own = (middle[:, found.genes] - found.centre[found.genes]) / found.spread[found.genes]
    before, after = (((x - found.centre) / found.spread) for x in (start, stop))
    activity, surprise = ((middle - found.centre) / found.spread) @ found.effect.T, found.surprise(middle)
    least = [np.full(found.network.shape, np.inf) for _ in range(2)]
    for rate in _RATES / np.median(dt):
        kept = np.exp(-rate * dt)[:, None]
        level = _unit(1 - kept)
        y = _beside(after - kept * before, level)
        expressed, active, shift = (_beside((1 - kept) * part, level) for part in (own, activity, surprise))
        products = active.T @ y - found.effect * (shift * y).sum(axis=0)
        powers = (active**2).sum(axis=0)[:, None] - 2 * found.effect * (active.T @ shift)
        powers = powers + found.effect**2 * (shift**2).sum(axis=0)
        whole = (y**2).sum(axis=0)
        for best, product, power in (
            (least[0], expressed.T @ y, (expressed**2).sum(axis=0)[:, None]),
            (least[1], products, powers),
        ):
            np.minimum(best, whole - product**2 / np.maximum(power, 1e-12), out=best)
    expression, activity = (np.maximum(best, 1e-9) for best in least)
    gain: np.ndarray = (np.log(expression / activity) * (found.network != 0)).sum(axis=1) * len(dt) / 2
    return gain


def _unit(column: np.ndarray) -> np.ndarray:
    unit: np.ndarray = column / np.sqrt((column**2).sum())
    return unit


def _beside(values: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """What is left of columns after the part along a unit vector (N, 1) is taken out."""
    left: np.ndarray = values - direction * (direction * values).sum(axis=0)
    return left
