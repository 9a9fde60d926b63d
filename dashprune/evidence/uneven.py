"""Rows that do not say the same of every target: steady states, and genes to which something was done.

Of a target, the precision of a row is its share over the noise of its kind. A kind has one noise and one intercept per
target. As rows of a kind may be few, noise is drawn towards that of the other targets (empirical Bayes).

Where gene i was changed from outside, what follows is an effect of i; but that others changed with it says nothing of
what these do. So the effect of a regulator is estimated by instruments: the part of its signal that is no consequence
of what was done to other genes. What effects explain, and so what is indirect, still goes by the whole signals.

Source: Wright, The tariff on animal and vegetable oils (1928), appendix B, for instruments; Smyth, Statistical
Applications in Genetics and Molecular Biology 3:3 (2004), for the noise of many targets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import digamma, polygamma

from dashprune.data.interventions import Interventions, nothing
from dashprune.evidence.residuals import LeftOut, Residuals

_STILL = 1e-6
"""Changes of a standardised effect below this are made at the next sweep."""


Columns = slice | np.ndarray
"""Some of the genes."""


class Uneven(NamedTuple):
    """How much rows say of targets, where that is not alike.

    Attributes:
        share: (N, targets) precision of a row for a target, relative to others of its kind; 0 where it says nothing.
        kind: (N,) int, 0, 1, ...; rows of a kind have one noise and one intercept per target.
        constant: (N,) what a column of ones is in these rows, which were multiplied by their weights.
        instruments: (N, regulators) the part of the signals that is no consequence of what was done to other genes.
    """

    share: np.ndarray
    kind: np.ndarray
    constant: np.ndarray
    instruments: np.ndarray


class Rows(NamedTuple):
    """See `dashprune.evidence.posterior.Rows`."""

    signals: np.ndarray
    responses: np.ndarray
    trajectory: np.ndarray
    own: np.ndarray
    uneven: Uneven | None = None
    causal: Rows | None = None
    left_out: LeftOut | None = None

    def of_targets(self, targets: Columns) -> Rows:
        """The columns of some targets."""
        uneven, causal, left_out = self.uneven, self.causal, self.left_out
        return self._replace(
            responses=self.responses[:, targets],
            own=self.own[:, targets],
            uneven=None if uneven is None else uneven._replace(share=uneven.share[:, targets]),
            causal=None if causal is None else causal.of_targets(targets),
            left_out=None if left_out is None else LeftOut(left_out.residual[:, targets], left_out.share[:, targets]),
        )


class Raw(NamedTuple):
    """Rows before anything is weighted or centred; targets are all genes.

    Attributes:
        rows: signals, production over decay as responses, and the gene's own state.
        weight: (N,) of each row.
        steady: (N,) bool, the rows that are steady states.
        done: (N, genes) what was done to genes; None if nothing was.
    """

    rows: Rows
    weight: np.ndarray
    steady: np.ndarray
    done: Interventions[np.ndarray] | None


def regression(raw: Raw, even: Callable[[Rows, np.ndarray], Rows], regulators: Columns = slice(None)) -> Rows:
    """The rows as a regression; steady states are one of their own, `causal`, if anything was done to genes in any.

    A response r is production over decay. If production was f J + u, then J = (r - u) / f, to which a share of f²
    belongs; a gene that is held has none. In a steady state production is decay, however fast: the own state explains
    nothing.

    Args:
        raw: the rows as they are.
        even: what makes a regression of rows and their weights if all say as much of all targets.
        regulators: the genes that signals have.
    """
    rows, weight, steady, done = raw
    done = nothing(*rows.own.shape) if done is None else done
    free = np.isnan(done.held) & (done.factor > 0)
    factor = np.where(free, done.factor, 1).astype(np.float64)
    touched = ~free | (factor != 1) | (done.addition != 0)
    if touched.any():
        rows = rows._replace(responses=np.where(free, (rows.responses - done.addition) / factor, 0))
    share = np.where(free, factor**2, 0)
    apart = steady & touched[steady].any()
    parts = []
    for here in (~apart, apart):
        part = Rows(*(column[here] for column in rows[:4]))
        if steady[here].any() or (share[here] != 1).any():
            parts.append(_uneven(part, weight[here], steady[here], share[here], touched[here][:, regulators]))
        elif here.any():
            parts.append(even(part, weight[here]))
    return parts[0] if len(parts) == 1 else parts[0]._replace(causal=parts[1])


def _uneven(rows: Rows, weight: np.ndarray, steady: np.ndarray, share: np.ndarray, touched: np.ndarray) -> Rows:
    """Weighted, less the mean, in units of the standard deviation.

    If something was done to genes in a steady state, only theirs are instruments; those of others stay at the median.
    """
    instruments = rows.signals
    follow = (steady & touched.any(axis=1))[:, None] & ~touched
    if follow.any():
        instruments = np.where(follow, np.median(rows.signals[steady], axis=0), rows.signals)
    weight = weight / np.sqrt((weight**2).mean())
    mean, spread = _moments(rows.signals, weight, np.ones((len(weight), 1)))
    signals, instruments = ((values - mean) / spread * weight[:, None] for values in (rows.signals, instruments))
    mean, spread = _moments(rows.responses, weight, share)
    responses = np.where(share > 0, (rows.responses - mean) / spread, 0) * weight[:, None]
    mean, spread = _moments(rows.own, weight, share * ~steady[:, None])
    own = np.where(steady[:, None], 0, (rows.own - mean) / spread) * weight[:, None]
    kind = np.unique(steady, return_inverse=True)[1]
    return Rows(signals, responses, rows.trajectory, own, Uneven(share, kind, weight, instruments))


def _moments(values: np.ndarray, weight: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of columns, by weight and share; the latter infinite for a constant column."""
    precision = share * weight[:, None] ** 2
    whole = np.maximum(precision.sum(axis=0), 1e-12)
    mean = (precision * values).sum(axis=0) / whole
    spread = np.sqrt((precision * (values - mean) ** 2).sum(axis=0) / whole)
    return mean, np.where(spread > 1e-6 * np.abs(values).max(axis=0), spread, np.inf)


class Weighing:
    """Sums over rows, each with its precision, after what is no regulator was fitted: intercepts and own state.

    Attributes:
        noise: (kinds, targets) variance of what is left, for a share of 1, times its design effect.
        precision: (N, targets) of each row.
        basis: (nuisances, N, targets) what each target is fitted on beside regulators, of unit length by precision.
        overlap: (nuisances, regulators, targets) float32 products of the signals with it.
        beside: the same of the instruments.
        power: (regulators, targets) sums of squares of what is left of the instruments.
    """

    def __init__(
        self, signals: np.ndarray, responses: np.ndarray, own: np.ndarray, trajectory: np.ndarray, uneven: Uneven
    ) -> None:
        self.signals, self.responses, self.uneven = signals, responses, uneven
        self.kinds = np.arange(uneven.kind.max() + 1)[:, None] == uneven.kind
        self.trajectories = [np.unique(trajectory[rows], return_inverse=True)[1] for rows in self.kinds]
        intercepts = np.where(self.kinds, uneven.constant, 0)[:, :, None]
        self.nuisances = np.concatenate([np.broadcast_to(intercepts, (len(intercepts), *own.shape)), own[None]])
        self.set_noise(np.ones((len(self.kinds), own.shape[1])))
        nothing = np.zeros((signals.shape[1], own.shape[1]), dtype=np.float32)
        self.learn_noise(nothing, nothing)
        self.set_noise(self.noise / 2)

    def set_noise(self, noise: np.ndarray) -> None:
        """Weigh all rows anew."""
        self.noise = noise
        self.precision = self.uneven.share / noise[self.uneven.kind]
        self.basis = self.nuisances.copy()
        for k, column in enumerate(self.basis):
            for before in self.basis[:k]:
                column -= before * (before * column * self.precision).sum(axis=0)
            length = np.sqrt((column**2 * self.precision).sum(axis=0))
            column /= np.where(length > 1e-9, length, np.inf)
        weighted = [self.precision * column for column in self.basis]
        self.overlap, self.beside = (
            np.stack([values.T @ column for column in weighted]).astype(np.float32)
            for values in (self.signals, self.uneven.instruments)
        )
        whole = (self.uneven.instruments**2).T @ self.precision
        left = whole - (self.beside.astype(np.float64) ** 2).sum(axis=0)
        self.power = np.maximum(np.maximum(left, 1e-3 * whole), 1e-12)

    def left(self, effect: np.ndarray, targets: slice) -> np.ndarray:
        """(N, targets) what effects (regulators, targets) leave unexplained."""
        left: np.ndarray = self.responses[:, targets] - self.signals @ effect
        for column in self.basis[:, :, targets]:
            left = left - column * (column * left * self.precision[:, targets]).sum(axis=0)
        return left

    def learn_noise(self, effect: np.ndarray, square: np.ndarray) -> None:
        """Estimate the noise by what effects leave unexplained, how uncertain they are, and how alike trajectories are.

        Args:
            effect: (regulators, targets) means of the effects.
            square: (regulators, targets) means of their squares.
        """
        left, variance = self.left(effect, slice(None)), np.maximum(square - effect**2, 0)
        found = []
        for rows, trajectory in zip(self.kinds, self.trajectories, strict=True):
            share = self.uneven.share[rows]
            squares = (share * left[rows] ** 2).sum(axis=0)
            sums = np.zeros((trajectory.max() + 1, left.shape[1]))
            np.add.at(sums, trajectory, np.sqrt(share) * left[rows])
            design = np.maximum((sums**2).sum(axis=0) / np.maximum(squares, 1e-12), 1)
            spread = (variance * ((self.signals[rows] ** 2).T @ share)).sum(axis=0)
            found.append(design * shared(squares + spread, (share > 0).sum(axis=0)))
        self.set_noise(np.stack(found) + 1e-9)

    def ridge(self, known: np.ndarray, target: int, penalty: float) -> np.ndarray:
        """(known,) effects of some regulators on a target, all at once."""
        left = self.left(np.zeros((self.signals.shape[1], 1)), slice(target, target + 1))[:, 0]
        instruments, precision = self.uneven.instruments[:, known], self.precision[:, target]
        gram = (instruments.T * precision) @ self.signals[:, known]
        gram -= self.beside[:, known, target].T @ self.overlap[:, known, target]
        found: np.ndarray = np.linalg.solve(gram + penalty * np.eye(len(known)), instruments.T @ (precision * left))
        return found


class ByPrecision(Residuals):
    """Residuals of some targets by sample, each times its precision; what explains them is projected when asked for."""

    def __init__(self, weighing: Weighing, effect: np.ndarray, targets: slice) -> None:
        precision, left = weighing.precision[:, targets], weighing.left(effect, targets)
        super().__init__(weighing.signals, precision * left, precision, weighing.overlap[:, :, targets])
        self.instruments, self.beside = weighing.uneven.instruments, weighing.beside[:, :, targets]
        self.fitted = np.zeros((len(self.overlap), self.values.shape[1]))

    def product(self, signal: int, places: np.ndarray) -> np.ndarray:
        direction = self.instruments[:, signal]
        found = (direction @ self.values)[places] if self._whole(places) else direction @ self.values[:, places]
        projected: np.ndarray = found - (self.beside[:, signal, places] * self.fitted[:, places]).sum(axis=0)
        return projected

    def explain(self, signal: int, places: np.ndarray, change: np.ndarray) -> None:
        moved = np.abs(change) > _STILL
        places, change = places[moved], change[moved]
        direction = self.directions[:, signal, None]
        self.values[:, places] -= self.nuisance[:, places] * (direction * change)
        self.fitted[:, places] -= self.overlap[:, signal, places] * change


def shared(squares: np.ndarray, number: np.ndarray) -> np.ndarray:
    """(targets,) variances, drawn towards their typical value, the more the fewer residuals there are.

    Variances are 1 / (gamma distributed); the mean and variance of their logarithms give that distribution.

    Args:
        squares: (targets,) sums of squares of residuals.
        number: (targets,) of residuals.
    """
    known = (number > 0) & (squares > 0)
    if known.sum() < 3:
        return squares / np.maximum(number, 1)
    half = number[known] / 2
    logs = np.log(squares[known] / half / 2) - digamma(half) + np.log(half)
    excess = logs.var(ddof=1) - polygamma(1, half).mean()
    if excess <= 0:
        return np.full(len(squares), np.exp(logs.mean()))
    own = _inverse_trigamma(excess)
    typical = np.exp(logs.mean() + digamma(own) - np.log(own))
    found: np.ndarray = (squares + 2 * own * typical) / (number + 2 * own)
    return found


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value, by Newton's method on 1 / trigamma, which is nearly linear."""
    x = 0.5 + 1 / value
    for _ in range(20):
        trigamma = float(polygamma(1, x))
        x += trigamma * (1 - trigamma / value) / float(polygamma(2, x))
    return x
