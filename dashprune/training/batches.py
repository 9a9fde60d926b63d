"""Transitions in the form that optimiser steps take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dashprune.data.problem import Split


class Batch(NamedTuple):
    """Transitions to be solved together: start and stop (N, genes), dt (N,)."""

    start: Tensor
    stop: Tensor
    dt: Tensor


def by_trajectory(split: Split, device: torch.device) -> list[Batch]:
    """The transitions of each trajectory, on `device`."""
    transitions = split.transitions()
    parts = []
    for trajectory in range(len(split.times)):
        rows = transitions.trajectory == trajectory
        columns = (transitions.start[rows], transitions.stop[rows], transitions.dt[rows])
        parts.append(Batch(*(torch.as_tensor(column, device=device) for column in columns)))
    return parts


def batches(trajectories: list[Batch], size: int, generator: torch.Generator) -> Iterator[Batch]:
    """All trajectories once, `size` at a time, shuffled."""
    order = torch.randperm(len(trajectories), generator=generator).tolist()
    for first in range(0, len(order), size):
        yield join([trajectories[k] for k in order[first : first + size]])


def join(parts: list[Batch]) -> Batch:
    """The transitions of several batches as one."""
    return parts[0] if len(parts) == 1 else Batch(*(torch.cat(column) for column in zip(*parts, strict=True)))
