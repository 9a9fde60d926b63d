"""The prior network by itself."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dashprune.controls.base import Control, Estimate
from dashprune.data.problem import Problem, Transitions


class Prior(Control):
    """Takes the prior for the network. A strategy that uses the prior should find edges better than this."""

    uses_prior: bool = True
    weighs_prior: ClassVar[bool] = True

    def fit(self, problem: Problem) -> Estimate:
        return Estimate(abs(problem.prior), problem.prior.astype(bool))

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return None
