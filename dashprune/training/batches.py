"""Transitions in the form that optimiser steps take them, and what a model makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dashprune.data.interventions import Interventions
from dashprune.data.problem import Split
from dashprune.models.base import VectorField
from dashprune.models.intervened import Intervened
from dashprune.solvers.base import Solver


class Batch(NamedTuple):
    """Transitions to be solved together: start and stop (N, genes), dt (N,); of R models together (R, N, ...).

    `interventions`, (N, genes) too, are what was done to the genes meanwhile; None if nothing was. `steady`, (N,) bool,
    are the transitions that are a steady state; None if none is. `counted`, (N,) bool, are those that count; None if
    all do.
    """

    start: Tensor
    stop: Tensor
    dt: Tensor
    interventions: Interventions[Tensor] | None = None
    steady: Tensor | None = None
    counted: Tensor | None = None

    def take(self, rows: Tensor) -> Batch:
        """Some of the transitions, given by index, of one model."""
        done = None if self.interventions is None else Interventions(*(part[rows] for part in self.interventions))
        steady, counted = (None if mark is None else mark[rows] for mark in (self.steady, self.counted))
        return Batch(self.start[rows], self.stop[rows], self.dt[rows], done, steady, counted)


def by_trajectory(split: Split, device: torch.device) -> list[Batch]:
    """The transitions of each trajectory, on `device`."""
    transitions, done = split.transitions(), split.intervened()
    parts = []
    for trajectory in range(len(split.times)):
        rows = transitions.trajectory == trajectory
        start, stop, dt = (
            torch.as_tensor(column[rows], device=device)
            for column in (transitions.start, transitions.stop, transitions.dt)
        )
        own = None if done is None else Interventions(*(torch.as_tensor(part[rows], device=device) for part in done))
        still = torch.as_tensor(transitions.steady[rows], device=device) if transitions.steady.any() else None
        parts.append(Batch(start, stop, dt, own, still))
    return parts


def batches(trajectories: list[Batch], size: int, generator: torch.Generator) -> Iterator[Batch]:
    """All trajectories once, `size` at a time, shuffled."""
    order = torch.randperm(len(trajectories), generator=generator).tolist()
    for first in range(0, len(order), size):
        yield join([trajectories[k] for k in order[first : first + size]])


def join(parts: list[Batch]) -> Batch:
    """The transitions of several batches as one."""
    return parts[0] if len(parts) == 1 else combined(parts, torch.cat)


def stacked(parts: Sequence[Batch]) -> Batch:
    """(R, N, ...) of R batches; shorter ones are filled up with transitions that do not count."""
    longest = max(len(part.dt) for part in parts)
    if any(len(part.dt) < longest for part in parts):
        parts = [_filled_up(part, longest) for part in parts]
    return combined(parts, torch.stack)


def _filled_up(batch: Batch, size: int) -> Batch:
    """A batch with its last transition repeated until it has `size` of them."""
    number = torch.arange(size, device=batch.dt.device)
    return batch.take(number.clamp(max=len(batch.dt) - 1))._replace(counted=number < len(batch.dt))


def combined(parts: Sequence[Batch], operation: Callable[[tuple[Tensor, ...]], Tensor]) -> Batch:
    """Several batches as one, each column by the same operation, `torch.cat` or `torch.stack`.

    Either all have interventions, or none has; likewise with steady states, and with transitions that do not count.
    """
    start, stop, dt, done, *marks = zip(*parts, strict=True)
    together = None if done[0] is None else Interventions(*(operation(part) for part in zip(*done, strict=True)))
    steady, counted = (None if mark[0] is None else operation(mark) for mark in marks)
    return Batch(operation(start), operation(stop), operation(dt), together, steady, counted)


def predicted(model: VectorField, batch: Batch, solver: Solver) -> Tensor:
    """(..., N, genes) expression at the end of each transition, with what was done to the genes; see `Solver.predict`.

    In a steady state it is where production equals decay while all other genes stay as measured.

    Raises:
        DivergenceError: as the solver.
    """
    field, start = model, batch.start
    if batch.interventions is not None:
        field = Intervened(model, batch.interventions)
        start = field.begun(start)
    found = solver.predict(field, start, batch.dt)
    if batch.steady is None or (settled := field.settled(start)) is None:
        return found
    return torch.where(batch.steady[..., None], settled, found)


def mean_square(prediction: Tensor, batch: Batch) -> Tensor:
    """Mean squared error over transitions that count, and genes; a gene that is held makes no error.

    A scalar, of R models (R,).
    """
    if batch.interventions is None and batch.counted is None and prediction.dim() == 2:
        return functional.mse_loss(prediction, batch.stop)  # in fewer calls
    errors = (prediction - batch.stop).square()
    if batch.interventions is None and batch.counted is None:
        return errors.mean(dim=(-2, -1))
    free = (
        torch.ones_like(errors, dtype=torch.bool) if batch.interventions is None else batch.interventions.held.isnan()
    )
    if batch.counted is not None:
        free = free & batch.counted[..., None]
    return (errors * free).sum(dim=(-2, -1)) / free.sum(dim=(-2, -1)).clamp(min=1)
