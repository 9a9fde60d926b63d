"""Training trajectories as a model sees them: with less noise, and as a linear regression of production on signals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from dashprune.data.problem import Split
from dashprune.models.base import EdgeField
from dashprune.solvers.etdrk4 import etdrk4

PARTS = 4
"""Parts of a transition over which regulators are averaged."""
_SLOW = 0.03
"""A gene is taken as constant whose decay rate is less than this part of the mean."""


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


def _standard(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each column less its weighted mean, times the weight of the row, with mean square 1; a constant one becomes 0."""
    squares = weights**2 / (weights**2).mean()
    centred = (values - (squares[:, None] * values).mean(axis=0)) * np.sqrt(squares)[:, None]
    spread = np.sqrt((centred**2).mean(axis=0))
    return centred / np.where(spread > 1e-9, spread, np.inf)
