"""What happens to all other genes when one is knocked out, without any model."""

from __future__ import annotations

import numpy as np

from dashprune.controls.base import Control, Estimate
from dashprune.controls.highest import highest
from dashprune.data.problem import Pairs, Problem, Transitions
from dashprune.errors import DashpruneError


class Knockout(Control):
    """A gene regulates those that are far from where they usually are in its knockout.

    Of all training steady states in which genes are held, a pair's score is |x_j - mean_j| / sd_j, x_j being the mean
    of the target where the regulator is held, mean_j and sd_j those of all these steady states. What a gene that is
    held does to others through a third counts as if it were direct. All other data are ignored. The edges are as many
    of the highest as the prior has, of which only that number is used; without a prior there are none.

    Source: Prill et al., Towards a rigorous assessment of systems biology models, PLoS ONE 5:e9202 (2010), for the
    score, by which knockouts were ranked in DREAM3 and DREAM4.
    """

    def fit(self, problem: Problem) -> Estimate:
        """Name edges.

        Raises:
            DashpruneError: if no training data are a steady state with a gene that is held.
        """
        transitions, held = problem.train.transitions(), ~problem.train.free()
        chosen = transitions.steady & held.any(axis=1)
        if not chosen.any():
            raise DashpruneError(
                "control=knockout: no training data are a steady state in which a gene is held; give knockouts by "
                "dataset.interventions, or with dataset=dream4 by dataset.steady_states=[knockouts]"
            )
        states, held = transitions.stop[chosen].astype(np.float64), held[chosen]
        spread = states.std(axis=0)
        deviation = (states - states.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf)
        score = np.abs(held.T @ deviation) / np.maximum(held.sum(axis=0), 1)[:, None]
        np.fill_diagonal(score, 0)
        return Estimate(score, highest(score, problem.prior.nnz), candidates=Pairs.every(len(score), loops=False))

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return None
