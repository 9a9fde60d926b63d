"""What effects leave unexplained of responses, kept up to date while the effects change one signal after another.

There are two layouts, of which the one with fewer rows is less work: by sample, or as the product with each signal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class Residuals(ABC):
    """Residuals of some targets, after a nuisance of each was fitted; `values` is changed in place.

    Args:
        directions: (rows, signals) what a unit of each signal's effect takes out of `values`, without nuisance.
        values: (rows, targets) float64.
        nuisance: (rows, targets) each target's nuisance, of unit length over the samples, in the rows of `values`.
        overlap: (signals, targets) products of the signals with it.
    """

    def __init__(self, directions: np.ndarray, values: np.ndarray, nuisance: np.ndarray, overlap: np.ndarray) -> None:
        self.directions, self.values, self.nuisance, self.overlap = directions, values, nuisance, overlap

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

    def _whole(self, places: np.ndarray) -> bool:
        """Whether all columns at once are less work than a copy of some."""
        return 2 * len(places) > self.values.shape[1]


class BySample(Residuals):
    """A row per sample; directions are the signals themselves."""

    def product(self, signal: int, places: np.ndarray) -> np.ndarray:
        direction = self.directions[:, signal]
        return (direction @ self.values)[places] if self._whole(places) else direction @ self.values[:, places]


class ByProduct(Residuals):
    """A row per signal, its product with the residuals; directions are the products of signals with each other."""

    def product(self, signal: int, places: np.ndarray) -> np.ndarray:
        return self.values[signal, places]
