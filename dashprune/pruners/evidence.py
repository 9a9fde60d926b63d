"""How probable each edge is, from expression, a model of its dynamics, and a prior network of unknown reliability."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import expit

from dashprune.data.problem import Split
from dashprune.models.base import EdgeField
from dashprune.solvers.etdrk4 import etdrk4

PARTS = 4
"""Parts of a transition over which regulators are averaged."""
_SLOW = 0.03
"""A gene is taken as constant whose decay rate is less than this part of the mean."""
_BLOCK = 2**22
"""Most pairs whose residuals are held at once; 32 MB in float64."""


class Share(NamedTuple):
    """Which share of some pairs are edges, estimated from data: the value and a 95 % interval."""

    value: float
    low: float
    high: float


class Posterior(NamedTuple):
    """What is known of the edges.

    Attributes:
        log_odds: (regulators, targets) logarithm of each pair's Bayes factor, what the data say for an edge; row
            regulates column.
        probability: (regulators, targets) of each pair to be an edge; 0 for what is no candidate.
        effect: (regulators, targets) posterior mean of each standardised effect.
        reliability: share of the prior's edges that are real.
        novelty: share of all other pairs that are real.
        scale: mean size of a real, standardised effect.
    """

    log_odds: np.ndarray
    probability: np.ndarray
    effect: np.ndarray
    reliability: Share
    novelty: Share
    scale: float


@torch.no_grad()
def smooth(model: EdgeField, split: Split) -> np.ndarray:
    """States of the training trajectories, with less noise than what was observed.

    The model's dynamics are taken as right, measurements as equally noisy: a Kalman filter whose variances, in units of
    that of a measurement, follow each gene's own decay alone, and the backward pass of Rauch, Tung and Striebel. A gene
    that forgets its past is then what its regulators make of it, and a constant one the mean of its measurements.

    Returns:
        (trajectories, times, genes); NaN where a trajectory has ended.
    """
    rate = model.decay_rate().detach()
    observed = torch.as_tensor(split.expression).to(rate)
    steps = torch.as_tensor(np.diff(split.times)).to(rate)
    states, variances = [observed[:, 0]], [torch.ones_like(observed[:, 0])]
    predictions: list[torch.Tensor] = []
    spreads: list[torch.Tensor] = []
    memories: list[torch.Tensor] = []
    for k in range(steps.shape[1]):
        dt = steps[:, k].nan_to_num(0.0)
        memory = torch.exp(-rate * dt[:, None])
        predicted = etdrk4(model.production, rate, states[-1], dt, 2)
        spread = memory**2 * variances[-1]
        gain = spread / (spread + 1)
        measured = ~torch.isnan(steps[:, k])[:, None]
        states.append(torch.where(measured, predicted + gain * (observed[:, k + 1] - predicted), predicted))
        variances.append(torch.where(measured, (1 - gain) * spread, spread))
        for kept, new in ((predictions, predicted), (spreads, spread), (memories, memory)):
            kept.append(new)
    for k in reversed(range(steps.shape[1])):
        back = variances[k] * memories[k] / spreads[k].clamp(min=1e-12)
        states[k] = states[k] + back * (states[k + 1] - predictions[k])
    found = torch.stack(states, dim=1).cpu().numpy().astype(np.float64)
    found[np.isnan(split.times)] = np.nan
    return found


class Regression(NamedTuple):
    """The dynamics as a linear regression, a row per transition.

    A transition of length d counts with weight 1 - exp(-λ d), λ being the typical decay rate: in a short one a gene
    changes less, and the same noise of measurement says less of its production.

    Attributes:
        signals: (N, regulators) what targets saw of each during the transition, averaged, less its weighted mean, times
            the weight of the row, over the standard deviation of that.
        responses: (N, genes) production of each gene over its decay rate that explains the transition, likewise.
        trajectory: (N,) the trajectory that each row comes from; equal ones, as bootstrap samples have, are the same.
        alive: (genes,) bool, whether the model lets the gene change; the response of the others means nothing.
    """

    signals: np.ndarray
    responses: np.ndarray
    trajectory: np.ndarray
    alive: np.ndarray


@torch.no_grad()
def regression(model: EdgeField, split: Split) -> Regression:
    """Production regressed on signals.

    If dx/dt = λ (J - x) with a constant J over a transition of length d, then
    J = (x(t + d) - exp(-λ d) x(t)) / (1 - exp(-λ d)). Starts x(t) are smoothed, ends x(t + d) as observed.
    """
    rate = model.decay_rate().detach()
    starts = Split(smooth(model, split), split.times).transitions()
    stop = torch.as_tensor(split.transitions().stop).to(rate)
    start, dt = torch.as_tensor(starts.start).to(rate), torch.as_tensor(starts.dt).to(rate)
    alive = rate > _SLOW * rate.mean()
    typical = rate[alive].median() if alive.any() else rate.new_ones(())
    signal, total = torch.zeros_like(model.signal(start)), torch.zeros_like(dt)
    state = start
    for part in range(PARTS):
        middle = etdrk4(model.production, rate, state, dt / (2 * PARTS), 1)
        weight = torch.exp(-typical * dt * (1 - (part + 0.5) / PARTS))
        signal += weight[:, None] * model.signal(middle)
        total += weight
        state = etdrk4(model.production, rate, middle, dt / (2 * PARTS), 1)
    forgotten = -torch.expm1(-torch.where(alive, rate, typical) * dt[:, None])
    response = start + (stop - start) / forgotten
    weights = -np.expm1(-typical.item() * starts.dt.astype(np.float64))
    signals, responses = (_standard(t.double().cpu().numpy(), weights) for t in (signal / total[:, None], response))
    flat = np.nan_to_num(split.expression.reshape(len(split.times), -1))
    drawn = np.unique(flat, axis=0, return_inverse=True)[1].ravel()  # one that a bootstrap sample has twice is one
    return Regression(signals, responses, drawn[starts.trajectory], alive.cpu().numpy())


def posterior(
    signals: np.ndarray,
    responses: np.ndarray,
    trajectory: np.ndarray,
    prior: np.ndarray,
    candidates: np.ndarray,
    log_odds: np.ndarray | float = -math.inf,
    sweeps: int = 30,
) -> Posterior:
    """Bayesian choice of regulators for all targets at once, by coordinate ascent of the variational bound.

    A response is Σ_i β_i signal_i + noise. A pair is an edge with one probability if it is in the prior (reliability)
    and with another if not (novelty); an edge's β has a Laplace distribution, that of a pair without edge is 0. Both
    probabilities, the Laplace scale and each target's noise are estimated from the data (empirical Bayes).

    What a linear regression misses of the dynamics is alike in rows of the same trajectory, so these say less than as
    many independent rows. Each target's noise is therefore multiplied by its design effect: the variance of the sums of
    residuals over trajectories, relative to that of independent residuals.

    Source: Carbonetto and Stephens, Bayesian Analysis 7 (2012), for the ascent; Stephens, Biostatistics 18 (2017), for
    mixtures of normal distributions, by which the Laplace distribution is approximated here; Kish, Survey Sampling
    (1965), for the design effect.

    Args:
        signals: (N, regulators), centred, as the regression has no intercept.
        responses: (N, targets), likewise.
        trajectory: (N,) the trajectory of each row.
        prior: (regulators, targets) bool, the prior's edges.
        candidates: (regulators, targets) bool; all other pairs explain nothing.
        log_odds: (regulators, targets) logarithms of Bayes factors known before; those of candidates are found anew,
            the others count for the shares as they are. By default they are no edges for certain.
        sweeps: over all pairs, at most.
    """
    state = _Ascent(signals, responses, trajectory, prior, candidates, log_odds)
    for sweep in range(sweeps):
        before = state.probability.copy()
        state.sweep(everything=sweep < 3 or sweep % 6 == 5)
        if sweep > 6 and np.abs(state.probability - before).max() < 5e-3:
            break
    reliability, novelty = (_share(state.log_odds[group]) for group in (prior, ~prior))
    return Posterior(
        state.log_odds, state.probability, state.probability * state.mean, reliability, novelty, state.scale
    )


class _Ascent:
    """Coordinate ascent: all that `posterior` changes.

    What the pairs leave unexplained is kept by sample, or, where samples are more than regulators, as its product with
    each signal.
    """

    def __init__(
        self,
        signals: np.ndarray,
        responses: np.ndarray,
        trajectory: np.ndarray,
        prior: np.ndarray,
        candidates: np.ndarray,
        log_odds: np.ndarray | float,
    ) -> None:
        self.signals, self.responses, self.prior, self.candidates = signals, responses, prior, candidates
        self.members = csr_array((np.ones(len(trajectory)), (trajectory, np.arange(len(trajectory)))))
        self.power = np.maximum((signals**2).sum(axis=0), 1e-12)
        self.by_sample = signals.shape[0] < signals.shape[1]
        self.gram = signals.T @ signals
        self.scale, self.reliable, self.novel = 0.15, 0.9, 0.002
        shape = candidates.shape
        self.probability, self.mean, self.second, self.variance = np.zeros((4, *shape), dtype=np.float32)
        self.log_odds = np.where(candidates, -5.0, log_odds).astype(np.float32)  # -5 until their turn comes
        self.noise = (responses**2).mean(axis=0) / 2 + 1e-9
        for target in range(shape[1]):  # begin with what the prior explains
            known = np.flatnonzero(prior[:, target] & candidates[:, target])
            ridge = np.eye(len(known)) * self.noise[target] / (2 * self.scale**2)
            solved = np.linalg.solve(
                self.gram[np.ix_(known, known)] + ridge, signals[:, known].T @ responses[:, target]
            )
            self.mean[known, target], self.probability[known, target] = solved, 0.95
        self.second = self.probability * self.mean**2
        step = max(_BLOCK // max(shape[0], 1), 1)
        self.blocks = [slice(first, min(first + step, shape[1])) for first in range(0, shape[1], step)]
        for block in self.blocks:
            self._estimate_noise(block)

    def sweep(self, everything: bool) -> None:
        """Update every candidate pair once, or only those that are not negligible; then the hyperparameters."""
        self.variances, self.weights = (column[:, None].astype(np.float32) for column in _laplace(self.scale))
        for block in self.blocks:
            active = self.candidates[:, block]
            if not everything:
                active = active & ((self.probability[:, block] > 1e-4) | self.prior[:, block])
            if self.by_sample:
                residual = self.responses[:, block] - self.signals @ self._expected(block)
            else:
                residual = self.signals.T @ self.responses[:, block] - self.gram @ self._expected(block)
            for source in np.flatnonzero(active.any(axis=1)):
                self._update(int(source), np.flatnonzero(active[source]), block.start, residual)
            self._estimate_noise(block)
        edges = self.probability.sum()
        self.scale = math.sqrt(max((self.probability * self.variance).sum() / max(2 * edges, 1e-12), 1e-8))
        if self.prior.any():
            self.reliable = _share(self.log_odds[self.prior]).value
        others = ~self.prior
        self.novel = float((self.probability[others].sum() + 1) / (others.sum() + 2))

    def _update(self, source: int, places: np.ndarray, first: int, residual: np.ndarray) -> None:
        """The pairs of one source: evidence, given all other pairs as they stand.

        Args:
            source: row of the pairs.
            places: their columns in `residual`.
            first: the target with which `residual` starts.
            residual: what all pairs leave unexplained, (N or regulators, targets); brought up to date.
        """
        targets = first + places
        power, here = self.power[source], (source, targets)
        old = self.probability[here] * self.mean[here]
        direction = (self.signals if self.by_sample else self.gram)[:, source]
        many = 2 * len(places) > residual.shape[1]  # then all columns at once are less work than a copy of some
        if not self.by_sample:
            product = residual[source, places]
        else:
            product = (direction @ residual)[places] if many else direction @ residual[:, places]
        estimate = (product / power + old).astype(np.float32)
        error = (self.noise[targets] / power).astype(np.float32)
        total = error + self.variances  # (normal distributions, pairs), as all until the sums
        shrunk = self.variances / total
        terms = self.weights + 0.5 * (np.log(error / total) + estimate**2 / error * shrunk)
        largest = terms.max(axis=0)
        mixture = np.exp(terms - largest)
        sums = mixture.sum(axis=0)
        mixture /= sums
        self.log_odds[here] = largest + np.log(sums)
        self.mean[here] = (mixture * shrunk).sum(axis=0) * estimate
        second = (mixture * (shrunk * error + (shrunk * estimate) ** 2)).sum(axis=0)
        odds = np.where(self.prior[here], _logit(self.reliable), _logit(self.novel))
        self.probability[here] = expit(odds + self.log_odds[here])
        self.second[here] = self.probability[here] * second
        self.variance[here] = (mixture * self.variances).sum(axis=0)
        change = self.probability[here] * self.mean[here] - old
        if many:
            columns = np.zeros(residual.shape[1])
            columns[places] = change
            residual -= np.outer(direction, columns)
        else:
            residual[:, places] -= np.outer(direction, change)

    def _expected(self, targets: slice) -> np.ndarray:
        """(regulators, targets) posterior means of the effects."""
        return self.probability[:, targets] * self.mean[:, targets]

    def _estimate_noise(self, targets: slice) -> None:
        mean = self._expected(targets)
        residual = self.responses[:, targets] - self.signals @ mean
        squares = (residual**2).sum(axis=0)
        spread = self.power @ np.maximum(self.second[:, targets] - mean**2, 0)
        design = ((self.members @ residual) ** 2).sum(axis=0) / np.maximum(squares, 1e-12)
        self.noise[targets] = np.maximum(design, 1) * (squares + spread) / len(self.signals) + 1e-9


def _laplace(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Variances, and the logarithms of their weights, of normal distributions whose mixture is nearly Laplace's.

    Laplace's distribution of mean size b is a normal one whose variance is exponentially distributed with mean 2 b².
    """
    variances = 2 * scale**2 * np.geomspace(1e-3, 5, 8)
    edges = np.concatenate([[0], np.sqrt(variances[1:] * variances[:-1]), [np.inf]])
    return variances, np.log(np.diff(-np.exp(-edges / (2 * scale**2))))


def _share(log_bayes_factors: np.ndarray) -> Share:
    """The share π of edges that maximises π (1 - π) Π (π BF + 1 - π); the first factors keep it inside (0, 1)."""

    def cost(x: float) -> float:
        real, none = -np.logaddexp(0, -x), -np.logaddexp(0, x)
        parts = (log_bayes_factors[first : first + _BLOCK] for first in range(0, len(log_bayes_factors), _BLOCK))
        return float(-sum(np.logaddexp(part.astype(np.float64) + real, none).sum() for part in parts) - real - none)

    best = float(minimize_scalar(cost, bounds=(-16, 10), method="bounded").x)
    curvature = (cost(best + 0.02) - 2 * cost(best) + cost(best - 0.02)) / 0.02**2
    error = 1.96 / math.sqrt(max(curvature, 1e-6))
    value, low, high = expit([best, best - error, best + error])
    return Share(float(value), float(low), float(high))


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _standard(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each column less its weighted mean, times the weight of the row, with mean square 1; a constant one becomes 0."""
    squares = weights**2 / (weights**2).mean()
    centred = (values - (squares[:, None] * values).mean(axis=0)) * np.sqrt(squares)[:, None]
    spread = np.sqrt((centred**2).mean(axis=0))
    return centred / np.where(spread > 1e-9, spread, np.inf)
