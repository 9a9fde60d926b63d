"""BioPrune: pruning by the prior alone, the DASH paper's own baseline."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dashprune.pruners.base import Fraction
from dashprune.pruners.dash import Dash
from dashprune.pruners.scheduled import Schedule


class BioPrune(Dash):
    """DASH with λ₁ = λ₂ = 1: scores use the prior and the random initial scores, never the data.

    Args:
        schedule: when and how much to cut.
        target_sparsity: of the weights at the end; None takes the schedule as it is.
        seed: of the initial scores.
    """

    def __init__(self, schedule: Schedule, target_sparsity: Fraction | None, seed: Annotated[int, Field(ge=0)]) -> None:
        super().__init__(1.0, 1.0, normalize=True, schedule=schedule, target_sparsity=target_sparsity, seed=seed)
