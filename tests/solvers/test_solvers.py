"""One batched solve against one solve per transition, and gradients against finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.nn.utils import parametrize

from dashprune.config import choices, compose
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.models.parametrizations import add_mask, mask_of
from dashprune.models.phoenix import Phoenix
from dashprune.runs.checked import check
from dashprune.solvers.base import DivergenceError, Solver
from dashprune.solvers.etdrk4 import Etdrk4
from dashprune.solvers.torchdiffeq import Torchdiffeq

TIGHT = Torchdiffeq("dopri5", rtol=1e-9, atol=1e-11)
EXPONENTIAL = Etdrk4(step=0.5)


class Decay(VectorField):
    """dx/dt = -x, whose solution is known."""

    def production(self, y: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(y)

    def decay_rate(self) -> torch.Tensor:
        return torch.ones(())


@pytest.fixture
def model() -> Phoenix:
    """Five genes in double precision, with a mask on every layer and some weights masked."""
    field = Phoenix(5, hidden=3, importance="abs", multiplier_rate=5.0, recovery=True).double()
    field.reset_parameters(torch.Generator().manual_seed(1))
    for chain in field.chains():
        for layer in chain:
            add_mask(layer)
            mask_of(layer)[0, :2] = 0
    return field


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.rand(4, 5, generator=generator, dtype=torch.float64), torch.tensor([0.5, 1.0, 4.0, 2.0]).double()


def test_a_batch_equals_one_solve_per_transition(model: Phoenix, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    start, dt = batch
    together = TIGHT.predict(model, start, dt)
    for k in range(4):
        alone = TIGHT.predict(model, start[k : k + 1], dt[k : k + 1])
        torch.testing.assert_close(together[k : k + 1], alone, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", choices("solver"))
def test_the_configured_solvers_are_exact_enough(name: str) -> None:
    solver = check(compose([f"solver={name}"])).solver
    start, dt = torch.rand(6, 3), torch.tensor([0.1, 0.5, 1.0, 2.0, 3.0, 4.0])
    exact = start * torch.exp(-dt)[:, None]
    assert (solver.predict(Decay(), start, dt) - exact).abs().max() < 5e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("solver", "cached"),
    [
        (TIGHT, False),
        (TIGHT, True),
        (replace(TIGHT, adjoint=True), True),
        (EXPONENTIAL, False),
        (EXPONENTIAL, True),
    ],
    ids=["direct", "direct cached", "adjoint cached", "etd", "etd cached"],
)
def test_gradients_equal_finite_differences(
    model: Phoenix, batch: tuple[torch.Tensor, torch.Tensor], solver: Solver, cached: bool
) -> None:
    start, dt = batch

    def loss() -> torch.Tensor:
        return (solver.predict(model, start, dt) ** 2).mean()

    if cached:
        with parametrize.cached():
            loss().backward()
    else:
        loss().backward()
    original = model.products.parametrizations["weight"].original
    for parameter in (
        original,
        model.sums_out.parametrizations["weight"].original,
        model.raw_multipliers,
        model.sums.bias,
    ):
        assert parameter.grad is not None
        _compare(parameter, parameter.grad, loss)
    assert (original.grad[0, :2] == 0).all()  # masked
    assert original.grad[0, 2:].abs().min() > 0


def _compare(parameter: torch.Tensor, gradient: torch.Tensor, loss: Callable[[], torch.Tensor]) -> None:
    step = 1e-5
    flat = parameter.data.view(-1)
    for k in range(0, flat.numel(), 4):
        old = flat[k].item()
        with torch.no_grad():
            flat[k] = old + step
            above = loss().item()
            flat[k] = old - step
            below = loss().item()
            flat[k] = old
        assert gradient.flatten()[k].item() == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-9)


def test_the_exponential_method_solves_the_same_field(model: Phoenix, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    found = replace(EXPONENTIAL, step=0.25).predict(model, *batch)
    torch.testing.assert_close(found, TIGHT.predict(model, *batch), rtol=0, atol=5e-5)


def test_the_step_of_the_exponential_method_is_at_most_the_one_asked_for(
    model: Phoenix, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    for step, same in ((0.4, 1 / 3), (0.1, 0.1)):
        asked, taken = (replace(EXPONENTIAL, step=value).predict(model, *batch) for value in (step, same))
        assert torch.equal(asked, taken)


@pytest.mark.parametrize("key", ["rtol", "atol", "adjoint", "method"])
def test_no_solver_has_a_key_that_it_ignores(key: str) -> None:
    with pytest.raises(DashpruneError, match=f"there is no key '{key}' under solver"):
        compose([f"solver.{key}=1"])


def test_tolerances_are_for_methods_that_read_them() -> None:
    with pytest.raises(DashpruneError, match=r"solver\.rtol: euler takes steps of a fixed length .* solver=rk4 solver"):
        Torchdiffeq("euler", rtol=1e-3).check()
    with pytest.raises(
        DashpruneError, match=r"solver\.atol: bosh3 chooses its steps by tolerances; .* solver=dopri5 sol"
    ):
        Torchdiffeq("bosh3", rtol=1e-3).check()


def test_an_unknown_method_is_named_with_its_neighbours() -> None:
    with pytest.raises(DashpruneError, match="'dopri6' is unknown; did you mean 'dopri"):
        Torchdiffeq("dopri6").check()


def test_an_option_the_method_does_not_take_is_refused() -> None:
    with pytest.raises(DashpruneError, match=r"method rk4 with options {'stepsize': 1}: .*stepsize"):
        Torchdiffeq("rk4", options={"stepsize": 1}).check()


@pytest.mark.parametrize("method", ["dopri8", "bosh3", "adaptive_heun", "euler", "midpoint", "rk4", "explicit_adams"])
@pytest.mark.parametrize("step", [None, 0.5])
def test_every_method_is_reachable(method: str, step: float | None) -> None:
    adaptive = {"rtol": 1e-3, "atol": 1e-4} if method in ("dopri8", "bosh3", "adaptive_heun") else {}
    solver = Torchdiffeq(method, step=step, **adaptive)
    solver.check()
    end = solver.predict(Decay(), torch.ones(1, 2), torch.tensor([1e-3]))
    assert end[0, 0].item() == pytest.approx(math.exp(-1e-3), abs=1e-5)


def test_a_method_without_gradients_needs_the_adjoint() -> None:
    solver = Torchdiffeq("scipy_solver", rtol=1e-6, atol=1e-8, options={"solver": "RK45"})
    with pytest.raises(DashpruneError, match=r"scipy_solver gives no gradients by itself; set solver\.adjoint=true"):
        solver.check()
    Torchdiffeq("scipy_solver", rtol=1e-6, atol=1e-8, adjoint=True, options={"solver": "RK45"}).check()


class Explosion(VectorField):
    """dx/dt = exp(x), which leaves every bound before t = 1."""

    def production(self, y: torch.Tensor) -> torch.Tensor:
        return torch.exp(y)

    def decay_rate(self) -> torch.Tensor:
        return torch.zeros(())


def test_a_step_size_that_underflows_is_a_divergence() -> None:
    with pytest.raises(DivergenceError, match="underflow"):
        Torchdiffeq("dopri5", rtol=1e-3, atol=1e-4).predict(Explosion(), torch.full((1, 2), 5.0), torch.ones(1))
