"""Tree importances on time series, as in dynGENIE3."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from dashprune.controls.base import Estimate
from dashprune.controls.decay import steepest_fall
from dashprune.controls.genie3 import Genie3
from dashprune.controls.highest import highest
from dashprune.data.problem import Pairs, Problem
from dashprune.seeds import numpy_generator


class DynGenie3(Genie3):
    """For every target, importances of a random forest that predicts (x(t + d) - x(t)) / d + a x(t) from x(t).

    As published: a is the target's rate of `steepest_fall`; the square root of the number of genes is tried at each
    split; an importance is the reduction of variance, averaged over trees. The target itself is among the inputs, but
    its importance is put to 0 before those of all others are divided by their sum. The edges are as many of the highest
    as the prior has, of which only that number is used. A steady state is a row with no change.

    Source: Huynh-Thu and Geurts, dynGENIE3, Scientific Reports 8:3384 (2018).

    Args:
        decay: a of all genes, in inverse units of time; None for each gene's steepest fall.
        trees: per target.
        seed: of the trees.
    """

    def fit(self, problem: Problem) -> Estimate:
        start, stop, dt, _ = (part.astype(np.float64) for part in problem.train.transitions())
        genes = start.shape[1]
        decay = steepest_fall(problem.train) if self.decay is None else np.full(genes, self.decay)
        made = (stop - start) / dt[:, None] + decay * start
        score = np.zeros((genes, genes))
        states = numpy_generator(self.seed, "trees").integers(2**31, size=(genes,)).tolist()
        for target, state in enumerate(states):
            forest = RandomForestRegressor(self.trees, max_features="sqrt", random_state=state)
            forest.fit(start, made[:, target])
            importance = np.zeros(genes)
            for tree in forest.estimators_:
                importance += tree.tree_.compute_feature_importances(normalize=False)
            importance[target] = 0
            score[:, target] = importance / max(importance.sum(), np.finfo(np.float64).tiny)
        return Estimate(score, highest(score, problem.prior.nnz), candidates=Pairs.every(len(score), loops=False))
