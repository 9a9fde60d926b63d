"""What every dataset delivers: expression in three splits, a prior network and, where known, the true one."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dashprune.errors import DashpruneError


class Transitions(NamedTuple):
    """All pairs of successive time points of a split, N in number, in the order of trajectories and times.

    Attributes:
        start: (N, genes) float32, observed expression at the first time point of each pair.
        stop: (N, genes) float32, observed expression at the second.
        dt: (N,) float32, time from the first to the second, in the dataset's unit of time.
        trajectory: (N,) int64, the trajectory each pair belongs to.
    """

    start: np.ndarray
    stop: np.ndarray
    dt: np.ndarray
    trajectory: np.ndarray


@dataclass(frozen=True)
class Split:
    """Expression of some trajectories.

    Attributes:
        expression: (trajectories, times, genes) float32.
        times: (trajectories, times) float64, increasing. A shorter trajectory ends in NaN times, and its
            expression there is ignored.
    """

    expression: np.ndarray
    times: np.ndarray

    def transitions(self) -> Transitions:
        """Pairs of successive time points; those with a NaN time are left out."""
        known = ~np.isnan(self.times[:, 1:])
        trajectory, first = np.nonzero(known)
        start, stop = self.expression[trajectory, first], self.expression[trajectory, first + 1]
        dt = self.times[trajectory, first + 1] - self.times[trajectory, first]
        return Transitions(start, stop, dt.astype(np.float32), trajectory)


@dataclass(frozen=True)
class Problem:
    """A dataset ready to be fitted and scored. Row regulates column in every genes x genes array.

    Attributes:
        genes: names, in the order of every gene axis.
        train: observed trajectories to fit.
        validation: observed trajectories that choose the checkpoint, the learning rate and when to stop.
        test: held-out trajectories; clean (without added noise) where the truth is simulated.
        prior: (genes, genes) float32, nonzero where the prior network has an edge, sign kept.
        coregulation: (genes, genes) float32, non-negative, sums to 1: how much two genes share regulators or
            interact (P in the DASH paper).
        truth: (genes, genes) bool gold standard, or None where there is none.
        evaluable: (genes, genes) bool, pairs for which the gold standard could have an edge, or None.

    Raises:
        DashpruneError: on NaN or infinite expression, times that do not increase, or arrays that do not fit `genes`.
    """

    genes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    prior: np.ndarray
    coregulation: np.ndarray
    truth: np.ndarray | None = None
    evaluable: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            _check_split(name, getattr(self, name), self.genes)
        for name in ("prior", "coregulation", "truth", "evaluable"):
            _check_square(name, getattr(self, name), self.genes)


def coregulation_from_prior(prior: np.ndarray) -> np.ndarray:
    """Shared-target counts of the prior, scaled to sum to 1.

    P = A Aᵀ / ΣA Aᵀ with A = |prior|: P_ij grows with the number of targets that i and j share. All zeros for an
    empty prior.

    Args:
        prior: (genes, genes), row regulates column.

    Returns:
        (genes, genes) float32, symmetric.
    """
    a = np.abs(prior).astype(np.float64)
    shared = a @ a.T
    total = shared.sum()
    return (shared / total if total > 0 else shared).astype(np.float32)


def _check_split(name: str, split: Split, genes: tuple[str, ...]) -> None:
    if split.expression.shape[2] != len(genes):
        raise DashpruneError(
            f"{name} expression has {split.expression.shape[2]} genes, but {len(genes)} gene names are given"
        )
    if split.times.shape != split.expression.shape[:2]:
        raise DashpruneError(f"{name} times have shape {split.times.shape}, expression {split.expression.shape[:2]}")
    known = ~np.isnan(split.times)
    bad = np.argwhere(known[:, :, None] & ~np.isfinite(split.expression))
    if len(bad):
        trajectory, time, gene = (int(k) for k in bad[0])
        raise DashpruneError(
            f"{name} expression of gene '{genes[gene]}' in trajectory {trajectory} at time "
            f"{split.times[trajectory, time]:g} is {split.expression[trajectory, time, gene]}; "
            f"every value must be a finite number ({len(bad)} are not)"
        )
    for trajectory, row in enumerate(split.times):
        _check_times(name, trajectory, row)


def _check_times(name: str, trajectory: int, row: np.ndarray) -> None:
    times = row[~np.isnan(row)]
    if len(times) < 2 or not np.isnan(row[len(times) :]).all():
        raise DashpruneError(f"{name} trajectory {trajectory} needs at least two time points, missing ones at the end")
    for before, after in itertools.pairwise(times):
        if not after > before:
            raise DashpruneError(
                f"{name} times of trajectory {trajectory} do not increase: {before:g} is followed by {after:g}; "
                f"sort the time points and drop repeated ones"
            )


def _check_square(name: str, matrix: np.ndarray | None, genes: tuple[str, ...]) -> None:
    if matrix is not None and matrix.shape != (len(genes), len(genes)):
        rows, columns = matrix.shape
        raise DashpruneError(
            f"{name} is {rows} x {columns}, but expression has {len(genes)} genes; both must list the same genes"
        )
