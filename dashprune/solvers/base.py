"""Predicting the end of every transition of a batch in one solve."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
import torchdiffeq
from pydantic import Field
from torch import Tensor, nn
from torchdiffeq._impl.odeint import SOLVERS
from torchdiffeq._impl.rk_common import RKAdaptiveStepsizeODESolver
from torchdiffeq._impl.solvers import FixedGridODESolver

from dashprune.errors import DashpruneError, did_you_mean
from dashprune.models.base import VectorField
from dashprune.solvers.etdrk4 import etdrk4

EXPONENTIAL = "etdrk4"
METHODS = (EXPONENTIAL, *SOLVERS)


class DivergenceError(ArithmeticError):
    """The solution left the range of floating-point numbers, or the step size went to zero."""


@dataclass(frozen=True)
class Solver:
    """How ODEs are solved.

    Attributes:
        method: etdrk4 (dashprune.exponential), or any method of torchdiffeq.
        rtol: relative tolerance of an adaptive method.
        atol: absolute tolerance of an adaptive method, in units of expression.
        adjoint: compute gradients by the adjoint ODE (memory does not grow with the number of steps, gradients are
            only as exact as the tolerances) instead of through the solver's steps.
        step: of a fixed-step method, or the first one of an adaptive method, as a fraction of each transition; None for
            one step of a fixed-step method and torchdiffeq's own choice for an adaptive one.
        options: further options of the method, passed to torchdiffeq.
    """

    method: str
    rtol: Annotated[float, Field(gt=0)]
    atol: Annotated[float, Field(gt=0)]
    adjoint: bool = False
    step: Annotated[float, Field(gt=0, le=1)] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Solve dx/dt = -x once, so that a wrong method or option is found before any work is done.

        Raises:
            DashpruneError: naming the method or option that torchdiffeq does not take.
        """
        if self.method not in METHODS:
            hint = did_you_mean(self.method, METHODS)
            raise DashpruneError(f"solver.method: '{self.method}' is unknown{hint}; one of {', '.join(METHODS)}")
        if self.method == EXPONENTIAL:
            self._check_exponential()
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=".*Unexpected arguments")
            try:
                end = self._odeint(lambda t, y: -y, torch.ones(1, requires_grad=True), adjoint=False)
            except (UserWarning, TypeError, ValueError, AssertionError) as error:
                raise DashpruneError(f"solver: method {self.method} with options {self.options}: {error}") from error
        if not end.requires_grad and not self.adjoint:
            raise DashpruneError(f"solver.method: {self.method} gives no gradients by itself; set solver.adjoint=true")

    def _check_exponential(self) -> None:
        if self.adjoint:
            raise DashpruneError(
                "solver.adjoint: etdrk4 computes gradients through its steps; set solver.adjoint=false"
            )
        if self.options:
            raise DashpruneError(f"solver.options: etdrk4 takes none, but is given {', '.join(map(str, self.options))}")

    def predict(self, model: VectorField, start: Tensor, dt: Tensor) -> Tensor:
        """Expression a time `dt` after `start`, for N transitions at once.

        Each transition's time is scaled to [0, 1] by integrating dt · f, so one call solves transitions of any
        length; an adaptive method controls the error of the batch as a whole.

        Args:
            start: (..., N, genes) expression.
            dt: (..., N) time to integrate.

        Returns:
            (..., N, genes) expression.

        Raises:
            DivergenceError: if an adaptive method's step size underflows, or the result is not finite.
        """
        if self.method == EXPONENTIAL:
            steps = math.ceil(1 / (self.step or 1) - 1e-9)
            return etdrk4(model.production, model.decay_rate(), start, dt, steps)
        rate = dt[..., None]
        weights = _effective_parameters(model) if self.adjoint else ()
        try:
            stop = self._odeint(lambda t, y: rate * model(t, y), start, self.adjoint, weights)
        except AssertionError as error:  # torchdiffeq asserts that the step has not underflowed
            raise DivergenceError(str(error)) from error
        return stop

    @property
    def fixed_step(self) -> bool:
        """Whether the steps are the same whatever the field, so that transitions do not influence each other."""
        return self.method == EXPONENTIAL or issubclass(SOLVERS[self.method], FixedGridODESolver)

    def _options(self) -> dict[str, Any]:
        """Options for torchdiffeq, which gives the step another name for each family of methods."""
        if self.step is None:
            return dict(self.options)
        if issubclass(SOLVERS[self.method], FixedGridODESolver):
            return {"step_size": self.step, **self.options}
        if issubclass(SOLVERS[self.method], RKAdaptiveStepsizeODESolver):
            return {"first_step": self.step, **self.options}
        return dict(self.options)

    def _odeint(self, function: Any, start: Tensor, adjoint: bool, weights: tuple[Tensor, ...] = ()) -> Tensor:
        unit = torch.tensor([0.0, 1.0], dtype=start.dtype, device=start.device)
        chosen = {"rtol": self.rtol, "atol": self.atol, "method": self.method, "options": self._options()}
        if adjoint:
            return torchdiffeq.odeint_adjoint(function, start, unit, adjoint_params=weights, **chosen)[-1]
        return torchdiffeq.odeint(function, start, unit, **chosen)[-1]


def _effective_parameters(model: nn.Module) -> tuple[Tensor, ...]:
    """Every tensor that the vector field reads and the adjoint method must differentiate with respect to.

    Inside `torch.nn.utils.parametrize.cached()` those are the effective weights, since the raw parameters behind them
    are not in the field's graph; outside they are the raw parameters. Naming both would count the gradient twice.
    """
    found: list[Tensor] = []
    behind: set[int] = set()
    for module in model.modules():
        for name, parametrizations in getattr(module, "parametrizations", {}).items():
            raw = list(parametrizations.parameters())
            behind.update(map(id, raw))
            cached = getattr(module, name) is getattr(module, name)
            found.extend([getattr(module, name)] if cached else raw)
    found.extend(parameter for parameter in model.parameters() if id(parameter) not in behind)
    return tuple(tensor for tensor in found if tensor.requires_grad)
