"""What the prior by itself says of the edges that it lacks."""

from __future__ import annotations

import numpy as np

from dashprune.controls.base import Control, Estimate
from dashprune.data.problem import Pairs, Problem, Transitions
from dashprune.evidence.completion import completion


class Completion(Control):
    """The prior's edges, then all other pairs by how likely it lacks them (see `completion`). Looks at no expression.

    It is what `dash_edge` believes of pairs outside of the prior before it sees data. If the prior has too few edges to
    tell, all other pairs are alike. The edges are those of the prior.
    """

    uses_prior: bool = True

    def fit(self, problem: Problem) -> Estimate:
        genes = len(problem.genes)
        chosen = np.arange(genes) if problem.regulators is None else problem.regulators
        known = problem.prior[chosen].toarray() != 0
        pairs = chosen[:, None] != np.arange(genes)
        found = completion(known & pairs, pairs)
        score = np.zeros((genes, genes))
        if found is not None:
            score[chosen] = np.exp(found.log_odds.astype(np.float64) - float(found.log_odds.max()) - 1) * pairs
        score[chosen] = np.where(known & pairs, 1, score[chosen])
        support = np.zeros((genes, genes), dtype=bool)
        support[chosen] = known & pairs
        sources = np.zeros(genes, dtype=bool)
        sources[chosen] = True
        return Estimate(score, support, candidates=Pairs(sources, np.ones(genes, dtype=bool), loops=False))

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return None
