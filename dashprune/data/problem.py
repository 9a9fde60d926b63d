"""What every dataset delivers: expression in three splits, a prior network and, where known, the true one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from dashprune.data.interventions import Interventions, nothing, rescaled, single
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError
from dashprune.seeds import numpy_generator


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

    @property
    def steady(self) -> np.ndarray:
        """(N,) bool, the transitions that are a steady state: from a measurement to itself, over at least 1 in time."""
        return np.asarray((self.dt >= 1) & (self.start == self.stop).all(axis=1))


SETTLED = 3.0
"""Time between the two points of a steady state, in units within which genes respond."""


@dataclass(frozen=True)
class Split:
    """Expression of some trajectories.

    Attributes:
        expression: (trajectories, times, genes) float32.
        times: (trajectories, times) float64, increasing. A shorter trajectory ends in NaN times, and its
            expression there is ignored.
        interventions: what was done to the genes in each transition, (trajectories, times - 1, genes) float32, the
            first of a trajectory being that from its first time to its second; None where nothing was done.
    """

    expression: np.ndarray
    times: np.ndarray
    interventions: Interventions[np.ndarray] | None = None

    @classmethod
    def none(cls, genes: int) -> Split:
        """No trajectories of this many genes: nothing is held out."""
        return cls(np.empty((0, 2, genes), dtype=np.float32), np.empty((0, 2)))

    @property
    def empty(self) -> bool:
        """Whether there are no trajectories."""
        return len(self.times) == 0

    def transitions(self) -> Transitions:
        """Pairs of successive time points; those with a NaN time are left out."""
        known = ~np.isnan(self.times[:, 1:])
        trajectory, first = np.nonzero(known)
        start, stop = self.expression[trajectory, first], self.expression[trajectory, first + 1]
        dt = self.times[trajectory, first + 1] - self.times[trajectory, first]
        return Transitions(start, stop, dt.astype(np.float32), trajectory)

    def intervened(self) -> Interventions[np.ndarray] | None:
        """What was done in each of `transitions`, (N, genes) in their order; None where nothing was done."""
        known = ~np.isnan(self.times[:, 1:])
        return self._interventions(lambda part: part[known])

    def free(self) -> np.ndarray:
        """(N, genes) bool, which genes change by themselves in each of `transitions`: those that are not held."""
        done = self.intervened()
        shape = np.count_nonzero(~np.isnan(self.times[:, 1:])), self.expression.shape[2]
        return np.ones(shape, dtype=bool) if done is None else np.isnan(done.held)

    def _interventions(self, change: Callable[[np.ndarray], np.ndarray]) -> Interventions[np.ndarray] | None:
        return None if self.interventions is None else self.interventions.map(change)

    @classmethod
    def ragged(
        cls,
        trajectories: Sequence[tuple[np.ndarray, np.ndarray]],
        done: Sequence[Interventions[np.ndarray]] | None = None,
    ) -> Split:
        """Trajectories of different lengths.

        Args:
            trajectories: (times, genes) expression and (times,) times of each.
            done: what was done to the genes of each, (times - 1, genes); None for nothing.
        """
        longest = max(len(times) for _, times in trajectories)
        genes = trajectories[0][0].shape[1]
        split = cls(
            np.full((len(trajectories), longest, genes), np.nan, dtype=np.float32),
            np.full((len(trajectories), longest), np.nan),
            None if done is None else nothing(len(trajectories), longest - 1, genes),
        )
        for k, (expression, times) in enumerate(trajectories):
            split.expression[k, : len(times)], split.times[k, : len(times)] = expression, times
        if split.interventions is not None:
            for k, own in enumerate(done or ()):
                for whole, part in zip(split.interventions, own, strict=True):
                    whole[k, : len(part)] = part
        return split

    def moving(self) -> Split:
        """The trajectories that are more than steady states."""
        transitions = self.transitions()
        moving = np.unique(transitions.trajectory[~transitions.steady])
        return self if len(moving) == len(self.times) else self.take(moving)

    def take(self, trajectories: np.ndarray) -> Split:
        """Some of the trajectories, given by index."""
        done = self._interventions(lambda part: part[trajectories])
        return Split(self.expression[trajectories], self.times[trajectories], done)

    def single(self) -> Split:
        """Each transition as a trajectory of its own, with two time points: an optimiser step can then mix any."""
        trajectory, first = np.nonzero(~np.isnan(self.times[:, 1:]))
        both = np.stack([first, first + 1], axis=1)
        done = self._interventions(lambda part: part[trajectory, first][:, None])
        return Split(self.expression[trajectory[:, None], both], self.times[trajectory[:, None], both], done)

    def divide(self, number: int, rng: np.random.Generator) -> tuple[Split, Split]:
        """Put `number` trajectories, drawn at random, aside for validation.

        Returns:
            The others and the drawn ones, both in their order.

        Raises:
            DashpruneError: if none would be left to train on.
        """
        if number >= len(self.times):
            raise DashpruneError(
                f"dataset.validation={number} leaves none of {len(self.times)} to train on; "
                f"give at most {len(self.times) - 1}"
            )
        order = rng.permutation(len(self.times))
        return self.take(np.sort(order[number:])), self.take(np.sort(order[:number]))

    def three_parts(
        self, validation: int | None, test: int | None, rng: np.random.Generator
    ) -> tuple[Split, Split, Split]:
        """Training, validation and test split: whole trajectories, drawn at random, each part in their order.

        Args:
            validation: number of trajectories, or None for none.
            test: the same.
            rng: source of randomness.

        Raises:
            DashpruneError: if none would be left to train on.
        """
        chosen, held_out = validation or 0, test or 0
        if chosen + held_out >= len(self.times):
            raise DashpruneError(
                f"dataset.validation={chosen} and dataset.test={held_out} leave none of {len(self.times)} series to "
                f"train on; give fewer"
            )
        drawn = np.split(rng.permutation(len(self.times)), [held_out, held_out + chosen])
        last, second, first = (self.take(np.sort(part)) for part in drawn)
        return first, second, last


def with_steady_states(split: Split, states: Sequence[tuple[np.ndarray, Interventions[np.ndarray]]]) -> Split:
    """A split with steady states added, each as a series of its own that stays where it is.

    Args:
        split: series.
        states: (states, genes) expression of some, and what was done there, each (states, genes).
    """
    known = ~np.isnan(split.times)
    whole = nothing(len(known), known.shape[1] - 1, split.expression.shape[2])
    before = whole if split.interventions is None else split.interventions
    trajectories = [(split.expression[k, at], split.times[k, at]) for k, at in enumerate(known)]
    done = [Interventions(*(part[k, at[1:]] for part in before)) for k, at in enumerate(known)]
    for values, own in states:
        trajectories += [(np.stack([row, row]), np.array([0.0, SETTLED])) for row in values]
        done += single(own)
    return Split.ragged(trajectories, done)


@dataclass(frozen=True)
class Pairs:
    """Ordered pairs of genes: every one from a source to a target, or those of them that are listed.

    Attributes:
        sources: (genes,) bool, the genes that may regulate.
        targets: (genes,) bool, the genes that may be regulated.
        loops: whether a gene and itself are a pair.
        listed: (genes, genes) sparse bool, the only ones of these that are; None for all.
    """

    sources: np.ndarray
    targets: np.ndarray
    loops: bool
    listed: csr_array | None = None

    @classmethod
    def every(cls, genes: int, *, loops: bool = True) -> Pairs:
        """All pairs of this many genes; with `loops`, each gene and itself included."""
        return cls(np.ones(genes, dtype=bool), np.ones(genes, dtype=bool), loops)

    def all(self) -> bool:
        """Whether every gene and every other, and itself, are a pair."""
        return bool(self.sources.all() and self.targets.all() and self.loops) and self.listed is None

    @classmethod
    def of_regulators(cls, truth: csr_array) -> Pairs:
        """Regulators that have an edge in a (genes, genes) gold standard, with every gene, themselves included.

        A gold standard that was measured for some regulators says nothing about others.
        """
        return cls(np.diff(truth.indptr) > 0, np.ones(truth.shape[1], dtype=bool), loops=True)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of genes on the source axis and on the target axis."""
        return len(self.sources), len(self.targets)

    def block(self, targets: slice) -> np.ndarray:
        """(genes, targets) bool, whether a gene and a target are a pair; row regulates column."""
        block = self.sources[:, None] & self.targets[targets]
        if not self.loops:
            chosen = np.arange(len(self.targets))[targets]
            block[chosen, np.arange(len(chosen))] = False
        if self.listed is not None:
            block &= self.listed[:, targets].toarray()
        return block


@dataclass(frozen=True)
class Problem:
    """A dataset ready to be fitted and scored. Row regulates column in every genes x genes array.

    These arrays are sparse, so that a genome of 11,000 genes fits; they are held as canonical copies (see `sparse`).

    Attributes:
        genes: names, in the order of every gene axis.
        train: observed trajectories to fit.
        validation: observed trajectories that choose the checkpoint, the learning rate and when to stop; without any,
            the training error does.
        test: held-out trajectories; clean (without added noise) where the truth is simulated; without any, there are no
            test errors.
        prior: (genes, genes) sparse float32, nonzero where the prior network has an edge, sign kept; all zero where
            there is no prior.
        coregulation: (genes, genes) sparse float32, symmetric, non-negative, sums to 1: how much two genes share
            regulators or interact (P in the DASH paper).
        truth: (genes, genes) sparse bool gold standard, or None where there is none.
        evaluable: pairs for which the gold standard could have an edge, or None.
        regulators: (regulators,) indices, ascending, of the genes that may regulate, as far as that is known
            beforehand; None if any may.

    Raises:
        DashpruneError: on NaN or infinite expression, times that do not increase, arrays that do not fit `genes`, or
            nothing to train on.
    """

    genes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    prior: csr_array
    coregulation: csr_array
    truth: csr_array | None = None
    evaluable: Pairs | None = None
    regulators: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.train.empty:
            raise DashpruneError("train expression has no trajectories, so there is nothing to train on")
        for name in ("train", "validation", "test"):
            _check_split(name, getattr(self, name), self.genes)
        for name in ("prior", "coregulation", "truth", "evaluable"):
            _check_square(name, getattr(self, name), self.genes)
        for name, dtype in (("prior", np.float32), ("coregulation", np.float32), ("truth", np.bool_)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, sparse(getattr(self, name), dtype))

    @property
    def has_prior(self) -> bool:
        """Whether anything is known of the network beforehand."""
        return bool(self.prior.nnz)

    def shuffled(self, number: int, seed: int) -> Problem:
        """The same problem with each gene's training values shuffled over all trajectories and time points.

        Args:
            number: of the shuffling, 1, 2, ...
            seed: from which, with `number`, it follows.
        """
        known = ~np.isnan(self.train.times)
        expression = self.train.expression.copy()
        expression[known] = numpy_generator(seed, "shuffled", number).permuted(expression[known], axis=0)
        return replace(self, train=replace(self.train, expression=expression))

    def bootstrap(self, sample: int, seed: int) -> Problem:
        """The same problem with as many training trajectories drawn with replacement; one drawn twice counts twice.

        Args:
            sample: number of the bootstrap sample, 1, 2, ...
            seed: from which, with `sample`, the draw follows.

        Raises:
            DashpruneError: if there are fewer than three training trajectories.
        """
        number = len(self.train.times)
        if number < 3:
            raise DashpruneError(
                f"bootstrap={sample}: there is nothing to draw from {number} training "
                f"{'trajectory' if number == 1 else 'trajectories'}; leave out bootstrap, and vary the seed instead"
            )
        drawn = numpy_generator(seed, "bootstrap", sample).integers(number, size=number)
        return replace(self, train=self.train.take(np.sort(drawn)))


def coregulation_from_prior(prior: csr_array) -> csr_array:
    """Shared-target counts of the prior, scaled to sum to 1.

    P = A Aᵀ / ΣA Aᵀ with A = |prior|: P_ij grows with the number of targets that i and j share. All zeros for an
    empty prior.

    Args:
        prior: (genes, genes) sparse, row regulates column.

    Returns:
        (genes, genes) sparse float32, symmetric.
    """
    a = abs(prior).astype(np.float64)
    shared = a @ a.T
    total = shared.sum()
    return sparse(shared / total if total > 0 else shared, np.float32)


def scaled(train: Split, *others: Split) -> tuple[Split, ...]:
    """Each gene brought to 0 to 1 over the training split; a gene that is constant there becomes 0 there."""
    known = train.expression[~np.isnan(train.times)]
    low, high = known.min(axis=0), known.max(axis=0)
    span = np.where(high > low, high - low, 1)
    return tuple(_scaled(split, low, span) for split in (train, *others))


def _scaled(split: Split, low: np.ndarray, span: np.ndarray) -> Split:
    done = None if split.interventions is None else rescaled(split.interventions, low, span)
    return Split((split.expression - low) / span, split.times, done)


def _check_split(name: str, split: Split, genes: tuple[str, ...]) -> None:
    if split.expression.shape[2] != len(genes):
        raise DashpruneError(
            f"{name} expression has {split.expression.shape[2]} genes, but {len(genes)} gene names are given"
        )
    if split.times.shape != split.expression.shape[:2]:
        raise DashpruneError(f"{name} times have shape {split.times.shape}, expression {split.expression.shape[:2]}")
    between = (len(split.times), split.times.shape[1] - 1, len(genes))
    if split.interventions is not None and any(part.shape != between for part in split.interventions):
        shapes = ", ".join(str(part.shape) for part in split.interventions)
        raise DashpruneError(f"{name} interventions have shapes {shapes}; they must have {between}")
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


def _check_square(name: str, matrix: csr_array | Pairs | None, genes: tuple[str, ...]) -> None:
    if matrix is not None and matrix.shape != (len(genes), len(genes)):
        rows, columns = matrix.shape
        raise DashpruneError(
            f"{name} is {rows} x {columns}, but expression has {len(genes)} genes; both must list the same genes"
        )
