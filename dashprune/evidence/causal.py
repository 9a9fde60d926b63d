"""What associations say of edges, where interventions say what is a cause.

Regulators and targets may go together because something else changes both, such as a perturbation that nobody knows of.
Where single genes were changed from outside, that cannot be. So a pair is one of three: an edge, of which both kinds of
data tell; an association without an edge, of which only the former tells; or nothing. How many are associations without
an edge is estimated from the pairs themselves (empirical Bayes).
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

_STEPS = 200
"""Steps of expectation maximisation, at most."""


def unconfirmed(association: np.ndarray, cause: np.ndarray, others: int) -> float:
    """How many pairs are associations without an edge, per pair that is nothing.

    The three shares maximise their likelihood times themselves, which keeps them above 0.

    Args:
        association: (pairs,) logarithms of Bayes factors for an effect, without interventions.
        cause: (pairs,) the same, with interventions.
        others: number of further pairs, which are nothing.
    """
    evidence = np.stack([np.zeros(len(cause)), association + cause, association]).astype(np.float64)
    shares = np.array([0.96, 0.02, 0.02])
    for _ in range(_STEPS):
        counts = softmax(evidence + np.log(shares)[:, None], axis=0).sum(axis=1) + np.array([others + 1, 1, 1])
        before, shares = shares, counts / counts.sum()
        if (np.abs(shares / before - 1) < 1e-6).all():
            break
    return float(shares[2] / shares[0])


def corroborated(association: np.ndarray, cause: np.ndarray, ratio: float) -> np.ndarray:
    """Logarithms of Bayes factors for an edge by both; `ratio` as by `unconfirmed`."""
    alternative = np.logaddexp(0, association + np.log(ratio)) - np.log1p(ratio)
    found: np.ndarray = cause + association - alternative
    return found
