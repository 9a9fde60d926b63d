"""The degrees of the prior by themselves."""

from __future__ import annotations

import numpy as np

from dashprune.controls.base import Control, Estimate
from dashprune.controls.highest import highest
from dashprune.data.problem import Pairs, Problem, Transitions


class Degree(Control):
    """A regulator with many known targets has many unknown ones. Looks at no expression.

    A pair's score is the regulator's number of targets in the prior; of equal ones, the target's number of regulators
    there decides. It does no more than that, as a prior may leave out all edges to some genes. The pair itself is left
    out of both, so that a known edge does not prove itself. The edges are as many of the highest as the prior has.
    """

    uses_prior: bool = True

    def fit(self, problem: Problem) -> Estimate:
        out, into, known = other_edges(problem)
        score = np.where(out > 0, out + into / (1 + into.max(initial=0)), 0)
        np.fill_diagonal(score, 0)
        return Estimate(score, highest(score, int(known.sum())), candidates=Pairs.every(len(score), loops=False))

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return None


def other_edges(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The prior's edges beside each pair, (genes, genes) each; those from a gene to itself are not counted.

    Returns:
        Targets of the regulator but the pair's, regulators of the target but the pair's, and whether the pair is one.
    """
    known = problem.prior.toarray() != 0
    np.fill_diagonal(known, False)
    out, into = known.sum(axis=1)[:, None] - known, known.sum(axis=0)[None, :] - known
    return out.astype(np.float64), into.astype(np.float64), known
