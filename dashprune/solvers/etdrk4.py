"""An exponential Runge-Kutta method for fields with linear decay, dx/dt = production(x) - λ ⊙ x.

Decay is solved exactly, so a step may be long against 1 / λ, where classical methods lose accuracy or stability.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from dashprune.models.base import VectorField
from dashprune.solvers.base import Solver

Production = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Etdrk4(Solver):
    """Exponential Runge-Kutta steps of fourth order; gradients are computed through them.

    Attributes:
        step: every step, as a fraction of each transition; they are as many as are needed to be no longer than this.
    """

    step: Annotated[float, Field(gt=0, le=1)]

    @property
    def fixed_step(self) -> bool:
        return True

    def predict(self, model: VectorField, start: Tensor, dt: Tensor) -> Tensor:
        return etdrk4(model.production, model.decay_rate(), start, dt, math.ceil(1 / self.step - 1e-9))


def etdrk4(production: Production, rate: Tensor, start: Tensor, dt: Tensor, steps: int) -> Tensor:
    """Expression a time `dt` after `start`, in `steps` steps of fourth order (classical Runge-Kutta where λ = 0).

    Each stage integrates ∫ exp(-λ (h - s)) N(s) ds exactly for an N that is a polynomial through the stages so far.
    On a trained PHOENIX of SIM350 one step is as accurate as dopri5 at rtol 1e-3, two more than four of rk4.

    Source: Krogstad, Generalized integrating factor methods for stiff PDEs, J. Comput. Phys. 203 (2005), eq. 51.

    Args:
        production: N, of (..., N, genes) expression.
        rate: λ, a scalar or anything that broadcasts against (..., N, genes).
        start: (..., N, genes) expression.
        dt: (..., N) time to integrate.
        steps: equal steps per transition.

    Returns:
        (..., N, genes) expression.
    """
    h = dt[..., None] / steps
    half, whole, a, b_0, b_1, c_0, c_2, d_0, d_12, d_3 = _coefficients(rate, h)
    y = start
    for _ in range(steps):
        decayed = half * y
        n_0 = production(y)
        n_1 = production(torch.addcmul(decayed, a, n_0))
        n_2 = production(decayed + b_0 * n_0 + b_1 * n_1)
        decayed = whole * y
        n_3 = production(decayed + c_0 * n_0 + c_2 * n_2)
        y = decayed + d_0 * n_0 + d_12 * (n_1 + n_2) + d_3 * n_3
    return y


def _coefficients(rate: Tensor, h: Tensor) -> Tensor:
    """(10, ...) exp(-z/2), exp(-z) and h times the eight weights of production, z = h λ for each step h."""
    return cast(Tensor, _Coefficients.apply(rate, h))


class _Coefficients(torch.autograd.Function):
    """All ten are sums over nodes s of weight · exp(-z s), and so are their derivatives, of -s · weight · exp(-z s)."""

    @staticmethod
    def forward(ctx: Any, rate: Tensor, h: Tensor) -> Tensor:
        z = h * rate
        nodes, weights = _quadrature(z.dtype, z.device)
        exponentials = (-nodes[:, None] * z.reshape(1, -1)).exp_()
        both = (weights @ exponentials).reshape(2, 10, *z.shape)
        both[:, 2:] *= h
        values, derivatives = both
        ctx.save_for_backward(derivatives, h)
        ctx.shape = rate.shape
        return values.clone()  # without the derivatives behind it

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        derivatives, h = ctx.saved_tensors
        return ((gradient * derivatives).sum(0) * h).sum_to_size(ctx.shape), None


@lru_cache
def _quadrature(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Nodes s and a (20, nodes) matrix that takes exp(-z s) to the ten coefficients and their derivatives.

    The weights are combinations of φ_k(z) = ∫ exp(-z s) (1 - s)^(k-1) / (k-1)! ds over 0 < s < 1 and of φ_k(z/2).
    Gauss-Legendre quadrature on both halves has an error below 1e-8 for 0 <= z <= 16 and below 1e-5 up to 32; their
    closed forms would cancel for small z.
    """
    x, w = np.polynomial.legendre.leggauss(8)
    first, w = (x + 1) / 4, w / 4
    nodes = np.concatenate([[0.5, 1.0], first, first + 0.5])
    half, whole = np.zeros((3, len(nodes))), np.zeros((3, len(nodes)))
    for k, factorial in enumerate((1, 1, 2)):
        half[k, 2 : 2 + len(w)] = 2 * w * (1 - 2 * first) ** k / factorial
        whole[k, 2:] = np.tile(w, 2) * (1 - nodes[2:]) ** k / factorial
    q_1, q_2, _ = half
    p_1, p_2, p_3 = whole
    weights = np.stack([
        *np.eye(2, len(nodes)), q_1 / 2, q_1 / 2 - q_2, q_2,
        p_1 - 2 * p_2, 2 * p_2, p_1 - 3 * p_2 + 4 * p_3, 2 * p_2 - 4 * p_3, 4 * p_3 - p_2,
    ])  # fmt: skip
    matrix = np.concatenate([weights, -nodes * weights])
    return torch.tensor(nodes, dtype=dtype, device=device), torch.tensor(matrix, dtype=dtype, device=device)
