"""Knock-outs whose outcome is known, since they were measured or simulated; nothing here is trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Knockouts(NamedTuple):
    """What becomes of all genes after one is held at a level; K knock-outs.

    Attributes:
        gene: (K,) int64, which gene is held, by its place.
        level: (K,) float32, expression at which it is held.
        before: (K, genes) float32, expression at first.
        after: (K, genes) float32, expression after `time` with the gene held.
        plain: (K, genes) float32, expression after `time` without.
        time: in the dataset's unit.
    """

    gene: np.ndarray
    level: np.ndarray
    before: np.ndarray
    after: np.ndarray
    plain: np.ndarray
    time: float
