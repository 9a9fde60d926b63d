"""The contract of a solver: the end of every transition of a batch, in one solve."""

from __future__ import annotations

from torch import Tensor

from dashprune.models.base import VectorField

IN_CACHE = 2**18
"""Values of expression beyond which more transitions, or more models, at a time take longer than one after another."""


class DivergenceError(ArithmeticError):
    """The solution left the range of floating-point numbers, or the step size went to zero."""


class Solver:
    """How ODEs are solved. A subclass is a frozen dataclass whose fields are the keys of its yaml."""

    @property
    def fixed_step(self) -> bool:
        """Whether the steps are the same whatever the field, so that transitions do not influence each other."""
        raise NotImplementedError("abstract: a solver defines fixed_step")

    def check(self) -> None:
        """Find a wrong option before any work is done.

        Raises:
            DashpruneError: naming it.
        """

    def predict(self, model: VectorField, start: Tensor, dt: Tensor) -> Tensor:
        """Expression a time `dt` after `start`, for N transitions at once.

        Args:
            model: the field.
            start: (..., N, genes) expression.
            dt: (..., N) time to integrate.

        Returns:
            (..., N, genes) expression.

        Raises:
            DivergenceError: if an adaptive method's step size underflows.
        """
        raise NotImplementedError("abstract: a solver defines predict")
