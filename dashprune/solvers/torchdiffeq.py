"""Any method of torchdiffeq."""

from __future__ import annotations

import inspect
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
from dashprune.solvers.base import DivergenceError, Solver


@dataclass(frozen=True)
class Torchdiffeq(Solver):
    """A method of torchdiffeq.

    Each transition's time is scaled to [0, 1] by integrating dt · f, so one call solves transitions of any length; an
    adaptive method controls the error of the batch as a whole.

    Attributes:
        method: its name.
        adjoint: compute gradients by the adjoint ODE (memory does not grow with the number of steps, gradients are
            only as exact as the tolerances) instead of through the solver's steps.
        step: of a fixed-step method, or the first one of an adaptive method, as a fraction of each transition; None for
            one step of a fixed-step method and torchdiffeq's own choice for an adaptive one.
        rtol: relative tolerance of a method that has one.
        atol: absolute tolerance of a method that has one, in units of expression.
        options: further options of the method, passed to torchdiffeq.
    """

    method: str
    adjoint: bool = False
    step: Annotated[float, Field(gt=0, le=1)] | None = None
    rtol: Annotated[float, Field(gt=0)] | None = None
    atol: Annotated[float, Field(gt=0)] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def fixed_step(self) -> bool:
        return issubclass(SOLVERS[self.method], FixedGridODESolver)

    def check(self) -> None:
        """Solve dx/dt = -x once, so that torchdiffeq itself says what it does not take."""
        if self.method not in SOLVERS:
            hint = did_you_mean(self.method, SOLVERS)
            raise DashpruneError(f"solver.method: '{self.method}' is unknown{hint}; one of {', '.join(SOLVERS)}")
        self._check_tolerances()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=".*Unexpected arguments")
            try:
                end = self._odeint(lambda t, y: -y, torch.ones(1, requires_grad=True), adjoint=False)
            except (UserWarning, TypeError, ValueError, AssertionError) as error:
                raise DashpruneError(f"solver: method {self.method} with options {self.options}: {error}") from error
        if not end.requires_grad and not self.adjoint:
            raise DashpruneError(f"solver.method: {self.method} gives no gradients by itself; set solver.adjoint=true")

    def _check_tolerances(self) -> None:
        parameter = inspect.signature(SOLVERS[self.method].__init__).parameters.get("rtol")
        for name, value in (("rtol", self.rtol), ("atol", self.atol)):
            if parameter is None and value is not None:
                raise DashpruneError(
                    f"solver.{name}: {self.method} takes steps of a fixed length and reads no tolerance; "
                    f"leave it out, as in solver=rk4 solver.method={self.method}"
                )
            if parameter is not None and parameter.default is parameter.empty and value is None:
                raise DashpruneError(
                    f"solver.{name}: {self.method} chooses its steps by tolerances; give one, "
                    f"as in solver=dopri5 solver.method={self.method}"
                )

    def predict(self, model: VectorField, start: Tensor, dt: Tensor) -> Tensor:
        rate = dt[..., None]
        weights = _effective_parameters(model) if self.adjoint else ()
        try:
            stop = self._odeint(lambda t, y: rate * model(t, y), start, self.adjoint, weights)
        except AssertionError as error:  # torchdiffeq asserts that the step has not underflowed
            raise DivergenceError(str(error)) from error
        return stop

    def _options(self) -> dict[str, Any]:
        """Options for torchdiffeq, which gives the step another name for each family of methods."""
        if self.step is None:
            return dict(self.options)
        if self.fixed_step:
            return {"step_size": self.step, **self.options}
        if issubclass(SOLVERS[self.method], RKAdaptiveStepsizeODESolver):
            return {"first_step": self.step, **self.options}
        return dict(self.options)

    def _odeint(self, function: Any, start: Tensor, adjoint: bool, weights: tuple[Tensor, ...] = ()) -> Tensor:
        unit = torch.tensor([0.0, 1.0], dtype=start.dtype, device=start.device)
        tolerances = {name: value for name, value in (("rtol", self.rtol), ("atol", self.atol)) if value is not None}
        chosen = {**tolerances, "method": self.method, "options": self._options()}
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
