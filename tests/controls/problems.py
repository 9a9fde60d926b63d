"""Problems for tests of controls."""

from __future__ import annotations

import numpy as np

from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior
from dashprune.data.sparse import sparse


def of_series(expression: np.ndarray, prior: np.ndarray) -> Problem:
    """A problem with (trajectories, times, genes) expression at 0, 1, 2, ..., whose truth is its prior."""
    trajectories, times, genes = expression.shape
    split = Split(expression.astype(np.float32), np.tile(np.arange(float(times)), (trajectories, 1)))
    known = sparse(prior, np.float32)
    names = tuple(f"g{k}" for k in range(genes))
    return Problem(
        names, split, split, split, known, coregulation_from_prior(known), known.astype(bool), Pairs.every(genes)
    )
