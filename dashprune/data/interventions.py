"""What was done to genes while they were measured: held at a level, their production scaled or added to (METHODS 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np

A = TypeVar("A")
B = TypeVar("B")


class Interventions(NamedTuple, Generic[A]):
    """What was done to each gene in each of some transitions; arrays or tensors, all of the same shape (..., genes).

    Attributes:
        held: expression at which a gene is held, NaN where it is free.
        factor: what its production is multiplied by; 1 for nothing.
        addition: what is added to its regulatory input, in units of expression; 0 for nothing.
    """

    held: A
    factor: A
    addition: A

    def map(self, change: Callable[[A], B]) -> Interventions[B]:
        """The same change of all three."""
        return Interventions(change(self.held), change(self.factor), change(self.addition))


def nothing(*shape: int) -> Interventions[np.ndarray]:
    """Interventions of this shape, float32, that leave every gene as it is."""
    held = np.full(shape, np.nan, dtype=np.float32)
    return Interventions(held, np.ones_like(held), np.zeros_like(held))


def single(interventions: Interventions[np.ndarray]) -> list[Interventions[np.ndarray]]:
    """Those of each transition of a series by themselves, (1, genes)."""
    return [Interventions(*(part[k : k + 1] for part in interventions)) for k in range(len(interventions.held))]


def covered(times: np.ndarray, start: float, end: float) -> np.ndarray:
    """(times - 1,) bool, the transitions between increasing times of which a window covers more than half."""
    overlap = np.minimum(times[1:], end) - np.maximum(times[:-1], start)
    found: np.ndarray = overlap > np.diff(times) / 2
    return found


def rescaled(interventions: Interventions[np.ndarray], low: np.ndarray, span: np.ndarray) -> Interventions[np.ndarray]:
    """The same interventions for expression (x - low) / span.

    A regulatory input J becomes (J - low) / span, and so f J + u becomes f (J - low) / span + (u - (1 - f) low) / span.

    Args:
        interventions: of the expression as it is.
        low, span: (genes,).
    """
    held, factor, addition = interventions
    moved = addition - (1 - factor) * low
    return Interventions((held - low) / span, factor, moved / span).map(lambda part: part.astype(np.float32))
