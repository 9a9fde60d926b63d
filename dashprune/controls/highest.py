"""The edges of a control that only ranks them."""

from __future__ import annotations

import numpy as np


def highest(score: np.ndarray, number: int) -> np.ndarray:
    """Bool, true for the `number` pairs with the highest scores, as far as these are positive; the first of equals."""
    support = np.zeros(score.shape, dtype=bool)
    support.flat[np.argsort(-score, axis=None, kind="stable")[:number]] = True
    named: np.ndarray = support & (score > 0)
    return named
