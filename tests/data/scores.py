"""How well the prior of a real dataset finds its gold standard: known numbers, which a transposed matrix misses."""

from __future__ import annotations

import numpy as np

from dashprune.data.problem import Problem
from dashprune.metrics import Block, network_scores


def prior_auroc(problem: Problem) -> float:
    """AUROC of the prior as a yes-or-no prediction of the gold standard over the evaluable pairs."""
    assert problem.truth is not None
    assert problem.evaluable is not None
    prior, everything = problem.prior.toarray() != 0, slice(None)
    block = Block(prior.astype(np.float32), prior, problem.truth.toarray(), problem.evaluable.block(everything), prior)
    return network_scores(lambda: [block])["auroc"]
