"""Tree importances, as in GENIE3."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from sklearn.ensemble import ExtraTreesRegressor

from dashprune.controls.base import Control, Estimate
from dashprune.controls.decay import decay_rates, production
from dashprune.controls.highest import highest
from dashprune.data.problem import Pairs, Problem, Transitions
from dashprune.seeds import numpy_generator


class Genie3(Control):
    """For every target, importances of extremely randomised trees that predict its production from all other genes.

    The production is that of `Lasso` (see `production`); the regressors are x(t). All importances rank the edges; the
    support is as many of the highest as the prior has edges, of which only that number is used; without a prior it is
    empty.

    Source: Huynh-Thu et al., Inferring regulatory networks from expression data using tree-based methods (2010).

    Args:
        decay: of all genes, in inverse units of time; None to estimate that of each (see `decay_rates`).
        trees: per target.
        seed: of the trees.
    """

    def __init__(
        self,
        decay: Annotated[float, Field(gt=0)] | None,
        trees: Annotated[int, Field(ge=1)],
        seed: Annotated[int, Field(ge=0)],
    ) -> None:
        self.decay, self.trees, self.seed = decay, trees, seed

    def fit(self, problem: Problem) -> Estimate:
        transitions = problem.train.transitions()
        start = transitions.start
        made, _ = production(transitions, decay_rates(problem.train, self.decay))
        genes = start.shape[1]
        score = np.zeros((genes, genes))
        states = numpy_generator(self.seed, "trees").permutation(2**16)[:genes].tolist()
        for target in range(genes):
            others = np.arange(genes) != target
            forest = ExtraTreesRegressor(self.trees, max_features="sqrt", random_state=states[target])
            forest.fit(start[:, others], made[:, target])
            score[others, target] = forest.feature_importances_
        return Estimate(score, highest(score, problem.prior.nnz), candidates=Pairs.every(genes, loops=False))

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return None
