"""Transitions in the form that optimiser steps take them, and what a model makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dashprune.data.interventions import Interventions
from dashprune.data.problem import Split
from dashprune.models.base import VectorField
from dashprune.models.intervened import Intervened
from dashprune.solvers.base import Solver


class Batch(NamedTuple):
    """Transitions to be solved together: start and stop (N, genes), dt (N,); of R models together (R, N, ...).

    `interventions`, (N, genes) too, are what was done to the genes meanwhile; None if nothing was.
    """

    start: Tensor
    stop: Tensor
    dt: Tensor
    interventions: Interventions[Tensor] | None = None


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
        parts.append(Batch(start, stop, dt, own))
    return parts


def batches(trajectories: list[Batch], size: int, generator: torch.Generator) -> Iterator[Batch]:
    """All trajectories once, `size` at a time, shuffled."""
    order = torch.randperm(len(trajectories), generator=generator).tolist()
    for first in range(0, len(order), size):
        yield join([trajectories[k] for k in order[first : first + size]])


def join(parts: list[Batch]) -> Batch:
    """The transitions of several batches as one."""
    return parts[0] if len(parts) == 1 else combined(parts, torch.cat)


def combined(parts: Sequence[Batch], operation: Callable[[tuple[Tensor, ...]], Tensor]) -> Batch:
    """Several batches as one, each column by the same operation, `torch.cat` or `torch.stack`.

    Either all have interventions, or none has.
    """
    start, stop, dt, done = zip(*parts, strict=True)
    together = None if done[0] is None else Interventions(*(operation(part) for part in zip(*done, strict=True)))
    return Batch(operation(start), operation(stop), operation(dt), together)


def predicted(model: VectorField, batch: Batch, solver: Solver) -> Tensor:
    """(..., N, genes) expression at the end of each transition, with what was done to the genes; see `Solver.predict`.

    Raises:
        DivergenceError: as the solver.
    """
    if batch.interventions is None:
        return solver.predict(model, batch.start, batch.dt)
    field = Intervened(model, batch.interventions)
    return solver.predict(field, field.begun(batch.start), batch.dt)


def mean_square(prediction: Tensor, batch: Batch) -> Tensor:
    """Mean squared error over transitions and genes; a gene that is held makes no error. A scalar, of R models (R,)."""
    errors = (prediction - batch.stop) ** 2
    if batch.interventions is None:
        return errors.mean(dim=(-2, -1))
    free = batch.interventions.held.isnan()
    return (errors * free).sum(dim=(-2, -1)) / free.sum(dim=(-2, -1)).clamp(min=1)
