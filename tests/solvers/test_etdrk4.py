"""The exponential method where the solution is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from dashprune.models.base import VectorField
from dashprune.models.mlp import Mlp
from dashprune.models.phoenix import Phoenix
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.solvers import etdrk4 as module
from dashprune.solvers.etdrk4 import Etdrk4, _table, etdrk4

DT = torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64)
RATE = torch.tensor([0.0, 0.3, 4.0], dtype=torch.float64)
START = torch.tensor([[1.0, 2.0, 3.0]] * 3, dtype=torch.float64)


@pytest.mark.parametrize("steps", [1, 3])
def test_decay_with_constant_production_is_exact(steps: int) -> None:
    """dx/dt = 2 - λ x: x = x₀ + 2 t for λ = 0, else 2/λ + (x₀ - 2/λ) exp(-λ t)."""
    end = etdrk4(lambda y: torch.full_like(y, 2.0), RATE, START, DT, steps)
    level = 2 / RATE[1:]
    torch.testing.assert_close(end[:, 0], 1 + 2 * DT)
    exact = level + (START[:, 1:] - level) * torch.exp(-DT[:, None] * RATE[1:])
    torch.testing.assert_close(end[:, 1:], exact, rtol=1e-4, atol=0)  # λ t reaches 32, where the weights end


def test_without_decay_it_is_the_classical_runge_kutta_method() -> None:
    """One step of dx/dt = x multiplies by 1 + h + h²/2 + h³/6 + h⁴/24."""
    h = torch.tensor([0.7], dtype=torch.float64)
    end = etdrk4(lambda y: y, torch.zeros((), dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64), h, 1)
    assert end.item() == pytest.approx(1 + 0.7 + 0.7**2 / 2 + 0.7**3 / 6 + 0.7**4 / 24, rel=1e-12)


def test_halving_the_step_divides_the_error_by_sixteen() -> None:
    """dx/dt = x² - x from ½: x = 1 / (1 + exp(t))."""
    start, dt, one = torch.full((1, 1), 0.5).double(), torch.ones(1).double(), torch.ones(1).double()
    exact = 1 / (1 + math.e)
    errors = [abs(etdrk4(torch.square, one, start, dt, steps).item() - exact) for steps in (4, 8, 16)]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.1)


@pytest.mark.parametrize("z", [1.0, 7.0, 16.0])
def test_the_weights_equal_their_closed_forms(z: float) -> None:
    """φ₁ = (1 - e⁻ᶻ)/z, φ₂ = (1 - φ₁)/z, φ₃ = (½ - φ₂)/z, at z and z/2; sums of stages are those of Krogstad."""

    def phi(x: float) -> list[float]:
        one = -math.expm1(-x) / x
        return [one, (1 - one) / x, (0.5 - (1 - one) / x) / x]

    (q_1, q_2, _), (p_1, p_2, p_3) = phi(z / 2), phi(z)
    half, whole, middle = math.exp(-z / 2), math.exp(-z), 2 * p_2 - 4 * p_3
    expected = [
        [half, q_1 / 2], [half, q_1 / 2 - q_2, q_2], [whole, p_1 - 2 * p_2, 0, 2 * p_2],
        [whole, p_1 - 3 * p_2 + 4 * p_3, middle, middle, 4 * p_3 - p_2],
    ]  # fmt: skip
    h, pace = torch.tensor([0.5], dtype=torch.float64), torch.tensor(3.0, dtype=torch.float64)
    rows = _table(z / h, pace, h)[:, 0].split([2, 3, 4, 5])
    for found, (start, *drifts) in zip(rows, expected, strict=True):
        assert found[0].item() == pytest.approx(start, rel=1e-12)
        assert (found[1:] / 1.5).tolist() == pytest.approx(drifts, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("shape", [(), (3,), (2, 1, 3)])
def test_the_derivatives_of_the_weights(shape: tuple[int, ...]) -> None:
    rate = torch.rand(shape, dtype=torch.float64).requires_grad_()
    h = torch.tensor([[0.0], [0.01], [1.0], [20.0]], dtype=torch.float64)
    pace = torch.rand(shape, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda r, p: _table(r, p, h), (rate, pace))


MODELS = {
    "phoenix": lambda: Phoenix(3, 2, "abs", multiplier_rate=1.0, recovery=False),
    "mlp with decay": lambda: Mlp(3, [4, 2], decay=True),
    "mlp": lambda: Mlp(3, 4, decay=False),
    "phoenix_edge": lambda: PhoenixEdge(3, multiplier_rate=1.0, recovery=False),
    "phoenix_edge of few regulators": lambda: of_few(read=False),
    "phoenix_edge of activities": lambda: of_few(read=True),
}


def of_few(read: bool) -> PhoenixEdge:
    """Genes 0 and 2 regulate, the latter, where it is `read`, by what the others show."""
    model = PhoenixEdge(3, multiplier_rate=1.0, recovery=False)
    model.chosen = torch.tensor([0, 2])
    model._build(2)
    if read:
        model.active = torch.tensor([1])
        model.reading = torch.tensor([[0.3, 0.9, 0.0]], dtype=torch.float64)
        model.constant = torch.tensor([0.1], dtype=torch.float64)
    return model


def made(name: str, shape: tuple[int, ...]) -> VectorField:
    """A model for expression of this shape; of two models, stacked, if it has three dimensions."""
    torch.manual_seed(1)
    model: VectorField = MODELS[name]().double()
    model.reset_parameters(torch.Generator().manual_seed(1))
    for own, parameter in list(model.named_parameters()) if len(shape) > 2 else []:
        stacked = torch.stack([parameter, 0.7 * parameter])
        place, _, last = own.rpartition(".")
        model.get_submodule(place)._parameters[last] = nn.Parameter(stacked if stacked.dim() > 2 else stacked[:, None])
    return model


def solved_twice(name: str, shape: tuple[int, ...], steps: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """By Stages and by autograd: the end, and the gradients of all weights and of the start."""
    model = made(name, shape)
    start = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    dt = torch.rand(shape[:-1], dtype=torch.float64)
    weight = torch.rand(shape, dtype=torch.float64)
    results = []
    for end in (
        Etdrk4(1 / steps).predict(model, start, dt),
        etdrk4(model.production, model.decay_rate(), start, dt, steps),
    ):
        gradients = torch.autograd.grad((end * weight).sum(), [*model.parameters(), start], retain_graph=True)
        results.append([end, *gradients])
    with torch.no_grad():
        torch.testing.assert_close(Etdrk4(1 / steps).predict(model, start, dt), results[0][0], rtol=1e-12, atol=1e-14)
    return results[0], results[1]


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_stages_give_what_autograd_gives(name: str, steps: int) -> None:
    for found, expected in zip(*solved_twice(name, (5, 3), steps), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "mlp"])
def test_stages_of_several_models_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        return x @ weight.mT if bias is None else x @ weight.mT + bias

    monkeypatch.setattr(nn.functional, "linear", linear)  # of weights (R, out, in)
    for found, expected in zip(*solved_twice(name, (2, 5, 3), 2), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_by_stages_against_finite_differences(name: str) -> None:
    model = MODELS[name]().double()
    model.reset_parameters(torch.Generator().manual_seed(2))
    start, dt = torch.rand(2, 3, dtype=torch.float64), torch.tensor([0.4, 1.3], dtype=torch.float64)
    names = [own for own, _ in model.named_parameters()]

    class Solved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self) -> torch.Tensor:
            return Etdrk4(0.5).predict(self.model, start, dt)

    def solve(*values: torch.Tensor) -> torch.Tensor:
        given = {f"model.{own}": value for own, value in zip(names, values, strict=True)}
        return torch.func.functional_call(Solved(), given)

    assert torch.autograd.gradcheck(solve, tuple(one.detach().requires_grad_() for one in model.parameters()))


@pytest.mark.parametrize("shape", [(7, 3), (2, 7, 3)])
def test_without_gradients_many_transitions_are_solved_in_parts(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = made("phoenix", shape)
    start, dt = torch.rand(shape, dtype=torch.float64), torch.rand(shape[:-1], dtype=torch.float64)
    whole = Etdrk4(0.5).predict(model, start, dt).detach()
    sizes: list[int] = []
    original = module._table
    monkeypatch.setattr(module, "_table", lambda *given: (sizes.append(given[2].shape[-2]), original(*given))[1])
    monkeypatch.setattr(module, "IN_CACHE", 3 * math.prod(shape) // 7)
    torch.testing.assert_close(Etdrk4(0.5).predict(model, start, dt), whole, rtol=0, atol=0)
    with torch.no_grad():
        torch.testing.assert_close(Etdrk4(0.5).predict(model, start, dt), whole, rtol=1e-12, atol=1e-14)
        assert sizes == [7, 3, 3, 1]
        monkeypatch.setattr(module, "IN_CACHE", 1)  # less than a transition
        torch.testing.assert_close(Etdrk4(0.5).predict(model, start, dt), whole, rtol=1e-12, atol=1e-14)
        assert sizes[4:] == [1] * 7
        assert Etdrk4(0.5).predict(model, start[..., :0, :], dt[..., :0]).shape == (*shape[:-2], 0, 3)


def test_layers_that_compute_otherwise_are_called() -> None:
    model = MODELS["phoenix"]()
    model.reset_parameters(torch.Generator().manual_seed(2))
    start, dt = torch.rand(2, 3), torch.ones(2)
    model.by_weights = False
    model.sums.forward = lambda x: torch.zeros(2, 2)
    changed = Etdrk4(0.5).predict(model, start, dt)
    model.by_weights = True
    assert not torch.equal(changed, Etdrk4(0.5).predict(model, start, dt))
