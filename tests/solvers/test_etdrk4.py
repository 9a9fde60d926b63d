"""The exponential method where the solution is known."""

from __future__ import annotations

import math

import pytest
import torch

from dashprune.solvers.etdrk4 import _coefficients, etdrk4

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
    expected = [
        math.exp(-z / 2), math.exp(-z), q_1 / 2, q_1 / 2 - q_2, q_2, p_1 - 2 * p_2, 2 * p_2,
        p_1 - 3 * p_2 + 4 * p_3, 2 * p_2 - 4 * p_3, 4 * p_3 - p_2,
    ]  # fmt: skip
    h = 0.5
    found = _coefficients(torch.tensor([z / h], dtype=torch.float64), torch.tensor([h], dtype=torch.float64))[:, 0]
    assert found[:2].tolist() == pytest.approx(expected[:2], rel=1e-12)
    assert (found[2:] / h).tolist() == pytest.approx(expected[2:], rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("shape", [(), (3,), (2, 1, 3)])
def test_the_derivatives_of_the_weights(shape: tuple[int, ...]) -> None:
    rate = torch.rand(shape, dtype=torch.float64).requires_grad_()
    h = torch.tensor([[0.0], [0.01], [1.0], [20.0]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda r: _coefficients(r, h), (rate,))
