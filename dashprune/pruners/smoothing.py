"""Training trajectories as a model sees them: with less noise, and as a linear regression of production on signals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from dashprune.data.interventions import Interventions
from dashprune.data.problem import Split
from dashprune.evidence import uneven as evidence
from dashprune.evidence.residuals import LeftOut
from dashprune.evidence.uneven import Raw, Rows, Uneven
from dashprune.models.base import EdgeField, VectorField
from dashprune.models.intervened import intervened
from dashprune.solvers.etdrk4 import etdrk4

PARTS = 4
"""Parts of a transition over which regulators are averaged."""
WRONG = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
"""Choices of the variance that a wrong model adds within a transition of usual length, over that of a measurement."""
HALF = 0.4
"""Place in its range, from 0 on, where a regulator's logarithm is taken; smaller saturates earlier."""
_SLOW = 0.03
"""A gene is taken as constant whose decay rate is less than this part of the mean."""


@torch.no_grad()
def smooth(model: EdgeField, split: Split) -> np.ndarray:
    """States of the training trajectories, with less noise than what was observed.

    A Kalman filter whose variances, in units of that of a measurement, follow each gene's own decay alone, and the
    backward pass of Rauch, Tung and Striebel. Where the model is right, a gene that forgets its past becomes what its
    regulators make of it, and a constant one the mean of its measurements; where it is wrong, states are as measured.
    A gene that is held is where it is held.

    Returns:
        (trajectories, times, genes); NaN where a trajectory has ended.
    """
    found = _filter(model, split, process_noise(model, split))
    states = found.states
    for k in reversed(range(len(found.spreads))):
        back = found.variances[k] * found.memories[k] / found.spreads[k].clamp(min=1e-12)
        states[k] = states[k] + back * (states[k + 1] - found.predictions[k])
    smoothed = torch.stack(states, dim=1).cpu().numpy().astype(np.float64)
    smoothed[np.isnan(split.times)] = np.nan
    return smoothed


@torch.no_grad()
def process_noise(model: EdgeField, split: Split) -> torch.Tensor:
    """(genes,) by how much the model is wrong: variance that a gene gains per unit of time, over a measurement's.

    Where it is large, one-step predictions are worse than measurement noise explains (the innovations of the filter).
    Each gene chooses from WRONG by its likelihood, and by how often genes choose each (empirical Bayes), so that chance
    does not decide where points are few. Uncertain ones get the mean of w / (1 + w).
    """
    rate = model.decay_rate().detach()
    usual = torch.as_tensor(np.nanmedian(np.diff(split.times))).to(rate)
    unit = _growth(rate, usual)
    fits = torch.stack([_filter(model, split, wrong / unit).fit for wrong in WRONG]).double()
    likelihood = (fits - fits.max(dim=0).values).exp()
    share = torch.full_like(likelihood[:, :1], 1 / len(WRONG))
    for _ in range(100):
        chosen = likelihood * share
        chosen /= chosen.sum(dim=0)
        share = (chosen.sum(dim=1, keepdim=True) + 1 / len(WRONG)) / (chosen.shape[1] + 1)
    wrong = torch.tensor(WRONG).to(chosen)[:, None]
    trust = (chosen * (wrong / (1 + wrong))).sum(dim=0).to(rate)
    return trust / (1 - trust) / unit


class _Filtered(NamedTuple):
    """What the forward pass leaves: lists over time of (trajectories, genes), and what speaks for its process noise.

    Attributes:
        states, variances: after each measurement.
        predictions, spreads: of the next measurement's state, and their variance.
        memories: what is left of a state's error until then.
        fit: (genes,) log-likelihood of the innovations, with the best variance of measurements.
    """

    states: list[torch.Tensor]
    variances: list[torch.Tensor]
    predictions: list[torch.Tensor]
    spreads: list[torch.Tensor]
    memories: list[torch.Tensor]
    fit: torch.Tensor


def _filter(model: EdgeField, split: Split, process: torch.Tensor) -> _Filtered:
    """Forward pass; genes that are held are known while they are, and say nothing of the model."""
    rate = model.decay_rate().detach()
    observed = torch.as_tensor(split.expression).to(rate)
    steps = torch.as_tensor(np.diff(split.times)).to(rate)
    known = ~torch.isnan(steps)
    states, variances = [observed[:, 0]], [torch.ones_like(observed[:, 0])]
    predictions: list[torch.Tensor] = []
    spreads: list[torch.Tensor] = []
    memories: list[torch.Tensor] = []
    squares, logs, number = torch.zeros_like(rate), torch.zeros_like(rate), torch.zeros_like(rate)
    for k in range(steps.shape[1]):
        dt = steps[:, k].nan_to_num(0.0)
        field, begun, held = _between(model, split, k, states[-1])
        measured = known[:, k, None] & ~held
        memory = torch.exp(-rate * dt[:, None]).masked_fill(held, 0.0)
        predicted = etdrk4(field.production, field.decay_rate().detach(), begun, dt, 2)
        spread = (memory**2 * variances[-1] + process * _growth(rate, dt[:, None])).masked_fill(held, 0.0)
        error = torch.where(measured, observed[:, k + 1] - predicted, 0.0)
        gain = spread / (spread + 1)
        states.append(predicted + gain * error)
        variances.append(torch.where(measured, (1 - gain) * spread, spread))
        squares += (error**2 / (spread + 1)).sum(dim=0)
        logs += (torch.log1p(spread) * measured).sum(dim=0)
        number += measured.sum(dim=0)
        for kept, new in ((predictions, predicted), (spreads, spread), (memories, memory)):
            kept.append(new)
    fit = -0.5 * (number * squares.clamp(min=1e-12).log() + logs)
    return _Filtered(states, variances, predictions, spreads, memories, fit)


def _between(
    model: EdgeField, split: Split, step: int, state: torch.Tensor
) -> tuple[VectorField, torch.Tensor, torch.Tensor]:
    """The field between two time points, the state from which it goes on, and (trajectories, genes) which are held."""
    if split.interventions is None:
        return model, state, torch.zeros_like(state, dtype=torch.bool)
    done = Interventions(*(part[:, step] for part in split.interventions))
    return *intervened(model, done, state), torch.as_tensor(~np.isnan(done.held), device=state.device)


def _growth(rate: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
    """Variance that noise of variance 1 per unit of time adds within dt, where a gene decays at this rate."""
    rate = rate.clamp(min=1e-6)
    return -torch.expm1(-2 * rate * dt) / (2 * rate)


class Regression(NamedTuple):
    """The dynamics as a linear regression, a row per transition.

    A transition of length d counts with weight 1 - exp(-λ d), λ being the typical decay rate: in a short one a gene
    changes less, and the same noise of measurement says less of its production. A steady state counts with weight 1.

    Attributes:
        signals: (N, regulators) what targets saw of each during the transition, averaged, less its weighted mean, times
            the weight of the row, over the standard deviation of that.
        responses: (N, genes) production of each gene over its decay rate that explains the transition, likewise.
        trajectory: (N,) the trajectory that each row comes from; equal ones, as bootstrap samples have, are the same.
        alive: (genes,) bool, whether the model lets the gene change; the response of the others means nothing.
        own: (N, genes) state of each gene at the start, likewise.
        uneven, causal, left_out: see `dashprune.evidence.posterior.Rows`.
    """

    signals: np.ndarray
    responses: np.ndarray
    trajectory: np.ndarray
    alive: np.ndarray
    own: np.ndarray
    uneven: Uneven | None = None
    causal: Rows | None = None
    left_out: LeftOut | None = None

    def of_the_living(self) -> Rows:
        """The same for the genes that change in the model."""
        rows = Rows(self.signals, self.responses, self.trajectory, self.own, self.uneven, self.causal, self.left_out)
        return rows.of_targets(self.alive)


@torch.no_grad()
def regression(model: EdgeField, split: Split) -> Regression:
    """Production regressed on signals.

    If dx/dt = λ (J - x) with a constant J over a transition of length d, then
    J = (x(t + d) - exp(-λ d) x(t)) / (1 - exp(-λ d)). Starts x(t) are smoothed, ends x(t + d) as observed. In a steady
    state J = x as observed, and signals are those of x smoothed.
    """
    rate = model.decay_rate().detach()
    starts = Split(smooth(model, split), split.times).transitions()
    steady = split.transitions().steady
    stop = torch.as_tensor(split.transitions().stop).to(rate)
    start, dt = torch.as_tensor(starts.start).to(rate), torch.as_tensor(starts.dt).to(rate)
    still = torch.as_tensor(steady, device=rate.device)[:, None]
    start = torch.where(still, torch.as_tensor(starts.stop).to(rate), start)
    alive = rate > _SLOW * rate.mean()
    typical = rate[alive].median() if alive.any() else rate.new_ones(())
    signal = _signals(model, split, start, dt, typical)
    forgotten = -torch.expm1(-torch.where(alive, rate, typical) * dt[:, None])
    response = torch.where(still, stop, start + (stop - start) / forgotten)
    weights = np.where(steady, 1.0, -np.expm1(-typical.item() * starts.dt.astype(np.float64)))
    flat = np.nan_to_num(split.expression.reshape(len(split.times), -1))
    drawn = np.unique(flat, axis=0, return_inverse=True)[1].ravel()  # one that a bootstrap sample has twice is one
    signals, responses, own = (part.double().cpu().numpy() for part in (signal, response, start))
    regulators = slice(None) if model.regulators is None else model.regulators.cpu().numpy()
    raw = Raw(Rows(signals, responses, drawn[starts.trajectory], own), weights, steady, split.intervened())
    rows = evidence.regression(raw, _even, regulators)
    left_out = _see_activities(rows.signals, model, split, weights)
    made = rows.signals, rows.responses, rows.trajectory, alive.cpu().numpy(), rows.own, rows.uneven, rows.causal
    return Regression(*made, left_out)


def _signals(
    model: EdgeField, split: Split, start: torch.Tensor, dt: torch.Tensor, typical: torch.Tensor
) -> torch.Tensor:
    """(N, regulators) what targets see from `start` on, averaged; in a steady state that is what they see there."""
    seen = _Seen(model, split)
    field, state = intervened(model, split.intervened(), start)
    rate = field.decay_rate().detach()
    still = torch.as_tensor(split.transitions().steady, device=start.device)[:, None]
    signal, total = torch.zeros_like(seen(state)), torch.zeros_like(dt)
    at_rest = seen(state)
    for part in range(PARTS):
        middle = etdrk4(field.production, rate, state, dt / (2 * PARTS), 1)
        weight = torch.exp(-typical * dt * (1 - (part + 0.5) / PARTS))
        signal += weight[:, None] * seen(middle)
        total += weight
        state = etdrk4(field.production, rate, middle, dt / (2 * PARTS), 1)
    return torch.where(still, at_rest, signal / total[:, None])


def _even(rows: Rows, weights: np.ndarray) -> Rows:
    """A regression in which every row says as much of all targets as its weight."""
    signals, responses, own = (_standard(part, weights) for part in (rows.signals, rows.responses, rows.own))
    share = (own * responses).mean(axis=0)
    responses = responses - own * share
    spread = np.sqrt((responses**2).mean(axis=0))
    responses /= np.where(spread > 1e-9, spread, np.inf)
    return Rows(signals, responses, rows.trajectory, own)


def _see_activities(signals: np.ndarray, model: EdgeField, split: Split, weights: np.ndarray) -> LeftOut | None:
    """Replace signals by activities, where regulators act by them, and tell what each target adds to them.

    They are means of the measured values at start and end: what a model makes of a target would tell of the edges that
    it has.
    """
    activities = model.activities
    if activities is None:
        return None
    of = np.arange(signals.shape[1]) if model.regulators is None else model.regulators.cpu().numpy()
    active = np.searchsorted(of, activities.genes)
    transitions = split.transitions()
    middle = (transitions.start.astype(np.float64) + transitions.stop) / 2
    places = _centred(activities.places(middle), weights)
    spread = np.maximum(np.sqrt((places**2).mean(axis=0)), 1e-9)
    signals[:, active] = places / spread
    share = np.zeros((signals.shape[1], split.expression.shape[2]))
    share[active] = activities.share() / spread[:, None]
    return LeftOut(_centred(activities.surprise(middle), weights), share)


class _Seen:
    """What targets see of each regulator: the logarithm of its place in its own range, which saturates as they do.

    0 is the value that it exceeds in 99 of 100 measurements, 1 the one that it exceeds in one; below 0 counts as 0.
    """

    def __init__(self, model: EdgeField, split: Split) -> None:
        self.regulators = slice(None) if model.regulators is None else model.regulators
        flat = split.expression.reshape(-1, split.expression.shape[2])
        lowest, highest = torch.as_tensor(np.nanquantile(flat, (0.01, 0.99), axis=0)).to(model.decay_rate())
        self.lowest, self.range = lowest, (highest - lowest).clamp(min=1e-6)

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """(N, regulators) at expression (N, genes)."""
        place = ((y - self.lowest) / self.range).clamp(min=0)
        return (place + HALF).log()[:, self.regulators]


def _standard(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each column less its weighted mean, times the weight of the row, with mean square 1; a constant one becomes 0."""
    centred = _centred(values, weights)
    spread = np.sqrt((centred**2).mean(axis=0))
    return centred / np.where(spread > 1e-6 * np.abs(values).max(axis=0), spread, np.inf)


def _centred(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    squares = weights**2 / (weights**2).mean()
    centred: np.ndarray = (values - (squares[:, None] * values).mean(axis=0)) * np.sqrt(squares)[:, None]
    return centred
