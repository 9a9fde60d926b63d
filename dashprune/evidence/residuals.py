"""What effects leave unexplained of responses, kept up to date while the effects change one signal after another.

There are two layouts, of which the one with fewer rows is less work: by sample, or as the product with each signal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np


class LeftOut(NamedTuple):
    """What a target itself adds to signals, and must not speak for its edges: signal i of target j less share_ij r_j.

    Attributes:
        residual: (N, targets) r.
        share: (signals, targets).
    """

    residual: np.ndarray
    share: np.ndarray


class Residuals(ABC):
    """Residuals of some targets, after a nuisance of each was fitted; `values` is changed in place.

    Args:
        directions: (rows, signals) what a unit of each signal's effect takes out of `values`, without nuisance.
        values: (rows, targets) float64.
        nuisance: (rows, targets) each target's nuisance, of unit length over the samples, in the rows of `values`.
        overlap: (signals, targets) products of the signals with it.
        left_out: of these targets, the residual in the rows of `values` and without nuisance; None for nothing.
    """

    def __init__(
        self,
        directions: np.ndarray,
        values: np.ndarray,
        nuisance: np.ndarray,
        overlap: np.ndarray,
        left_out: LeftOut | None = None,
    ) -> None:
        self.directions, self.values, self.nuisance, self.overlap = directions, values, nuisance, overlap
        self.left_out = left_out

    @abstractmethod
    def product(self, signal: int, places: np.ndarray) -> np.ndarray:
        """(places,) products of a signal with the residuals of the targets in the columns `places`."""

    def explain(self, signal: int, places: np.ndarray, change: np.ndarray) -> None:
        """Take out what changes (places,) of a signal's effects on these targets explain."""
        direction = self.directions[:, signal, None]
        if self._whole(places):
            columns = np.zeros(self.values.shape[1])
            columns[places] = change
            self.values -= direction * columns - self.nuisance * (self.overlap[signal] * columns)
        else:
            shared = self.nuisance[:, places] * (self.overlap[signal, places] * change)
            self.values[:, places] -= direction * change - shared
        if self.left_out is not None:
            own = self.left_out.residual[:, places] * (self.left_out.share[signal, places] * change)
            self.values[:, places] += own

    def _whole(self, places: np.ndarray) -> bool:
        """Whether all columns at once are less work than a copy of some."""
        return 2 * len(places) > self.values.shape[1]


class BySample(Residuals):
    """A row per sample; directions are the signals themselves."""

    def product(self, signal: int, places: np.ndarray) -> np.ndarray:
        direction = self.directions[:, signal]
        found = (direction @ self.values)[places] if self._whole(places) else direction @ self.values[:, places]
        if self.left_out is None:
            return found
        own = (self.left_out.residual[:, places] * self.values[:, places]).sum(axis=0)
        return found - self.left_out.share[signal, places] * own


class ByProduct(Residuals):
    """A row per signal, its product with the residuals; directions are the products of signals with each other.

    Args:
        own: (targets,) product of the residuals with what is left out of signals, and
        power: (targets,) the square of that; None where nothing is left out.
    """

    def __init__(
        self,
        directions: np.ndarray,
        values: np.ndarray,
        nuisance: np.ndarray,
        overlap: np.ndarray,
        left_out: LeftOut | None = None,
        own: np.ndarray | None = None,
        power: np.ndarray | None = None,
    ) -> None:
        super().__init__(directions, values, nuisance, overlap, left_out)
        self.own, self.power = own, power

    def product(self, signal: int, places: np.ndarray) -> np.ndarray:
        found = self.values[signal, places]
        if self.left_out is None or self.own is None:
            return found
        return found - self.left_out.share[signal, places] * self.own[places]

    def explain(self, signal: int, places: np.ndarray, change: np.ndarray) -> None:
        super().explain(signal, places, change)
        if self.left_out is not None and self.own is not None and self.power is not None:
            share = self.left_out.share[signal, places]
            self.own[places] -= change * (self.left_out.residual[signal, places] - share * self.power[places])
