"""Which edges a prior is likely to lack, by the prior alone.

A regulator with many known targets has many unknown ones. And regulators that share targets share others, so that a
target's known regulators point to further ones (co-regulation, as in DASH). How far, the prior's own edges tell, each
judged as if it was not known.

How many it lacks at genes that it knows follows as in capture and recapture: what is judged to be an edge for certain
is listed in it or not, and the share of those that are is its completeness. It bounds the completeness from below, as
not all that is judged so need be edges. A gene without any known regulator is taken to have been studied or not, with
equal odds.

Source: this project; the estimate of completeness after Petersen and Lincoln, in Seber, The Estimation of Animal
Abundance (1982).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

_CERTAIN = 100
"""Fewest pairs judged most certain of which it is counted how many the prior lists."""
_FLOOR = 0.05
"""Added to co-regulation before its logarithm is taken."""
_STUDIED = 0.5
"""Odds that a gene without known regulators has as many as others, which nobody looked for."""
_LEAST = 10
"""Edges of a prior from which anything can be learned."""
_PAIRS = 2**20
"""Most pairs outside of the prior from which the regression is learned."""


class Completion(NamedTuple):
    """What a prior says of the pairs that it lacks.

    Attributes:
        log_odds: (regulators, targets) float16, by how much each pair's log-odds differ from those of all others; 0 for
            the prior's own pairs and for what is no candidate. exp(log_odds) is 1 in the mean.
        completeness: share of the real edges to genes of which it knows any regulator that it lists; at least that.
    """

    log_odds: np.ndarray
    completeness: float


def completion(known: np.ndarray, candidates: np.ndarray) -> Completion | None:
    """Learn from the prior's edges which others it lacks.

    Args:
        known: (regulators, targets) bool, its edges.
        candidates: (regulators, targets) bool, the pairs that may be edges.

    Returns:
        None if the prior has too few edges to tell, fewer than ten to targets with several regulators; or if there is
        no pair that it lacks.
    """
    known = known & candidates
    several = candidates & (known.sum(axis=0) - known.astype(np.int32) > 0)
    if known[several].sum() < _LEAST or not (candidates & ~known).any():
        return None
    lacked = _chances(known, several, _Features(known, coregulation=True))
    completeness = _completeness(lacked[several], known[several])
    assumed = (1 + completeness) / 2  # it lies between this bound and one
    lacked = np.where(several, lacked / np.maximum(1 - lacked, 1e-6) * (1 / assumed - 1), 0)
    unknown = candidates & ~known.any(axis=0)
    if unknown.any():
        alike = _chances(known, candidates, _Features(known, coregulation=False)) * unknown
        each = _STUDIED * known.sum() / np.count_nonzero(known.any(axis=0))
        lacked += each * alike / np.maximum(alike.sum(axis=0), 1e-30)
    lacked[~candidates | known] = 0
    lacked /= lacked.sum() / np.count_nonzero(candidates & ~known)
    log_odds = np.log(np.maximum(lacked, 1e-6))
    log_odds[~candidates | known] = 0
    return Completion(log_odds.astype(np.float16), completeness)


def _completeness(chance: np.ndarray, listed: np.ndarray) -> float:
    """Share that is listed of the pairs that are most certain, (pairs,) each: the largest of the first 100, 200, ..."""
    order = np.argsort(-chance, kind="stable")
    found, first = 0.0, min(_CERTAIN, len(order))
    while first <= max(listed.sum(), _CERTAIN) and first <= len(order):
        found = max(found, (listed[order[:first]].sum() + 1) / (first + 2))
        first *= 2
    return float(found)


class _Features:
    """What the chance of a pair to be in the prior depends on; the pair itself is left out of all of it."""

    def __init__(self, known: np.ndarray, coregulation: bool) -> None:
        self.known, self.out, self.into = known, known.sum(axis=1), known.sum(axis=0)
        self.coregulation = _coregulation(known) if coregulation else None

    def __call__(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(pairs, features) of the pairs in these rows and columns."""
        here = self.known[rows, columns]
        out = np.log1p(self.out[rows] - here)
        if self.coregulation is None:
            return out[:, None]
        return np.stack(
            [out, np.log(self.coregulation[rows, columns] + _FLOOR), np.log1p(self.into[columns] - here)], axis=-1
        )


def _coregulation(known: np.ndarray) -> np.ndarray:
    """(regulators, targets) float32, Σ over the target's other regulators of shared targets / √(product of degrees)."""
    edges = known.astype(np.float32)
    degree = np.maximum(edges.sum(axis=1), 1)
    alike = edges @ edges.T
    np.fill_diagonal(alike, 0)
    scale = 1 / np.sqrt(np.outer(degree, degree))
    alike *= scale
    np.fill_diagonal(scale, 0)
    found: np.ndarray = alike @ edges
    found -= edges * (scale @ edges)  # the target is no shared one
    return np.maximum(found, 0)


def _chances(known: np.ndarray, among: np.ndarray, features: _Features) -> np.ndarray:
    """(regulators, targets) float32 chance of each pair to be in the prior, by logistic regression; 0 for others."""
    listed, others = np.nonzero(among & known), np.nonzero(among & ~known)
    step = max(len(others[0]) // _PAIRS, 1)
    rows, columns = (np.concatenate([a, b[::step]]) for a, b in zip(listed, others, strict=True))
    label = known[rows, columns]
    fitted = LogisticRegression(C=1e3, max_iter=1000).fit(features(rows, columns), label, np.where(label, 1, step))
    chance = np.zeros(known.shape, dtype=np.float32)
    columns = np.arange(known.shape[1])
    for row in np.flatnonzero(among.any(axis=1)).tolist():
        chance[row] = fitted.predict_proba(features(np.full(len(columns), row), columns))[:, 1] * among[row]
    return chance
