"""The contract of controls: ways to name edges without a neural model, shown in every table."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from dashprune.data.problem import Pairs, Problem, Transitions
from dashprune.data.sparse import dense


class Estimate(NamedTuple):
    """What a control says of the network. Row regulates column.

    Attributes:
        score: (genes, genes), dense or sparse, non-negative, larger for a likelier edge.
        support: (genes, genes) bool, dense or sparse, the edges it commits itself to.
        probability: (genes, genes), dense or sparse, of each pair to be an edge; None if it gives none.
        candidates: the pairs that it chose among; None for all.
    """

    score: np.ndarray | csr_array
    support: np.ndarray | csr_array
    probability: np.ndarray | csr_array | None = None
    candidates: Pairs | None = None

    def block(self, targets: slice) -> tuple[np.ndarray, np.ndarray]:
        """(genes, targets) score and support of some targets, dense."""
        return dense(self.score, targets), dense(self.support, targets)


class Control:
    """A control. This class itself is `persistence`: it names no edge and predicts no change.

    Attributes:
        uses_prior: whether it looks at the prior network.
        weighs_prior: whether it looks at the weights of the prior's edges, not only at which there are.
    """

    uses_prior: bool = False
    weighs_prior: ClassVar[bool] = False

    @property
    def needs_prior(self) -> bool:
        """Whether the control has nothing to go by without a prior; one that looks at it may do without, too."""
        return self.uses_prior

    def fit(self, problem: Problem) -> Estimate | None:
        """Name edges, from the training split and the prior alone; None if it names none."""
        return None

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        """(N, genes) expression at the end of each transition, after `fit`; None if it predicts nothing."""
        return transitions.start
