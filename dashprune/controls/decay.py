"""How fast each gene forgets its past: estimated from time series, without knowing what regulates it."""

from __future__ import annotations

import numpy as np

from dashprune.data.problem import Split, Transitions
from dashprune.errors import DashpruneError

_RATES = 32
"""Rates that are tried, from a tenth of the slowest observed fall to ten times the fastest."""
_SIGNALS = np.geomspace(1e-3, 1e2, 11)
"""Variances of what regulates a gene that are tried, relative to that of the noise."""
_INTERCEPT = 10.0
"""Standard deviation of a gene's constant production, relative to that of its expression."""
_STEPS = 50
"""Steps of expectation maximisation, by which genes share what they say of rates."""


def decay_rates(split: Split, decay: float | None) -> np.ndarray:
    """(genes,) rates of decay, in inverse units of time: `decay` for all, or if it is None, estimated for each.

    Steady states say nothing of it; where there are only such, no rate matters, and all are 1.

    A gene forgets x(t) as exp(-λ d) x(t), so that y = x(t + d) - exp(-λ d) x(t) = (1 - exp(-λ d)) (x~ β + c) + noise,
    x~ being all other genes, standardised. β and c are normal, which leaves a likelihood of λ (see `_likelihood`). Few
    samples say little of one gene: so the distribution of rates over genes is estimated along with them, and a gene's
    rate is the geometric mean of its posterior.

    Raises:
        DashpruneError: if a rate is to be estimated and nothing changes in time.
    """
    if decay is not None:
        return np.full(split.expression.shape[2], float(decay))
    moving = split.moving()
    if moving.empty and (split.expression[:, 0] != split.expression[0, 0]).any():
        return np.ones(split.expression.shape[2])
    split = split if moving.empty else moving
    falls = steepest_fall(split)
    if not (falls > 0).any():
        raise DashpruneError(
            "control.decay=null: no gene changes in time, so nothing says how fast any decays; give it"
        )
    falls = falls[falls > 0]
    rates = np.geomspace(falls.min() / 10, falls.max() * 10, _RATES)
    found = _shared(_likelihood(split.transitions(), rates))
    rate: np.ndarray = np.exp(np.log(rates) @ found)
    return rate


def steepest_fall(split: Split) -> np.ndarray:
    """(genes,) rates at which each gene would fall from its highest to its lowest value, in inverse units of time.

    In each trajectory, log((highest - floor) / (lowest - floor)) over the time between the two, whichever came first;
    the largest of all trajectories. The floor is the lowest value of all genes, and 1e-6 the least above it.

    Source: Huynh-Thu and Geurts, dynGENIE3, Scientific Reports 8:3384 (2018).
    """
    measured = ~np.isnan(split.times)
    floor = split.expression[measured].min()
    falls = np.zeros((len(split.times), split.expression.shape[2]))
    for trajectory, here in enumerate(measured):
        values = np.maximum(split.expression[trajectory, here].astype(np.float64) - floor, 1e-6)
        times = split.times[trajectory, here]
        between = np.abs(times[values.argmax(axis=0)] - times[values.argmin(axis=0)])
        change = np.log(values.max(axis=0) / values.min(axis=0))
        falls[trajectory] = change / np.where(between > 0, between, np.inf)
    steepest: np.ndarray = falls.max(axis=0)
    return steepest


def production(transitions: Transitions, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What constant production would explain each transition, if a gene decays at its rate.

    Args:
        rates: (genes,) in inverse units of time.

    Returns:
        (N, genes) production over rate, (x(t + d) - exp(-λ d) x(t)) / (1 - exp(-λ d)), and (N, genes) 1 - exp(-λ d):
        how much of the past is forgotten, to which the certainty of the former is proportional.
    """
    start, stop, dt, _ = (part.astype(np.float64) for part in transitions)
    forgotten = -np.expm1(-np.multiply.outer(dt, rates))
    return start + (stop - start) / forgotten, forgotten


def _likelihood(transitions: Transitions, rates: np.ndarray) -> np.ndarray:
    """(rates, genes) logarithm of the likelihood of each rate, at the best variances of noise and of β.

    y is normal with a covariance of which all genes share all but the part of the gene itself: one decomposition for
    each rate, and the rank that is one too many is taken out in closed form.
    """
    start, stop, dt, _ = (part.astype(np.float64) for part in transitions)
    centre, spread = start.mean(axis=0), np.concatenate([start, stop]).std(axis=0)
    start, stop = ((values - centre) / np.where(spread > 0, spread, 1) for values in (start, stop))
    shared = np.hstack([start / np.sqrt(start.shape[1]), np.full((len(start), 1), _INTERCEPT)])
    found = np.full((len(rates), start.shape[1]), -np.inf)
    for k, rate in enumerate(rates):
        kept = np.exp(-rate * dt)[:, None]
        basis, values, _ = np.linalg.svd((1 - kept) * shared, full_matrices=False)
        parts = _Parts(basis, values, stop - kept * start, (1 - kept) * shared[:, :-1])
        for signal in _SIGNALS:
            np.maximum(found[k], parts.likelihood(signal), out=found[k])
    return found


class _Parts:
    """Sums of squares and products of responses and own regressors, in the basis of all regressors and beside it.

    Args:
        basis: (N, k) orthonormal, `values` (k,): singular vectors and values of all regressors.
        responses: (N, genes).
        own: (N, genes) the regressor that each gene must not have.
    """

    def __init__(self, basis: np.ndarray, values: np.ndarray, responses: np.ndarray, own: np.ndarray) -> None:
        self.powers, self.number = values**2, len(responses)
        inside, beside = basis.T @ responses, basis.T @ own
        self.pairs = [(inside, inside), (inside, beside), (beside, beside)]
        self.sums = [(a * b).sum(axis=0) for a, b in ((responses, responses), (responses, own), (own, own))]

    def likelihood(self, signal: float) -> np.ndarray:
        """(genes,) logarithms, if regressors have this variance relative to the noise, whose own is the best."""
        explained = signal * self.powers / (1 + signal * self.powers)
        square, product, own = (
            whole - explained @ (a * b) for whole, (a, b) in zip(self.sums, self.pairs, strict=True)
        )
        left = np.maximum(1 - signal * own, 1e-12)
        residual = np.maximum(square + signal * product**2 / left, 1e-12 * self.number)
        determinant = np.log1p(signal * self.powers).sum() + np.log(left)
        found: np.ndarray = -(self.number * np.log(residual / self.number) + determinant) / 2
        return found


def _shared(likelihood: np.ndarray) -> np.ndarray:
    """(rates, genes) posterior of each gene's rate; before, rates are distributed as those of all genes."""
    relative = np.exp(likelihood - likelihood.max(axis=0))
    prior = np.full(len(relative), 1 / len(relative))
    for _ in range(_STEPS):
        posterior = prior[:, None] * relative
        posterior /= posterior.sum(axis=0)
        prior = posterior.mean(axis=1)
    return posterior
