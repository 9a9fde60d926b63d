"""How a weight is made sparse: modules for `torch.nn.utils.parametrize`.

A parametrization lives on the layer whose weight it changes, so masks, thresholds and gates are saved and restored
with the model, and the optimiser finds what is trainable.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

T = TypeVar("T", bound=nn.Module)


class FixedMask(nn.Module):
    """Multiplies a weight by a mask of zeros and ones; a masked entry has neither value nor gradient."""

    mask: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones_like(weight))

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


def add_mask(layer: nn.Linear) -> None:
    """Put a mask of ones on `layer.weight`."""
    parametrize.register_parametrization(layer, "weight", FixedMask(layer.weight.detach()))


def mask_of(layer: nn.Module) -> Tensor:
    """The (out, in) mask on `layer.weight`; changed in place by pruners.

    Raises:
        ValueError: if the layer has no mask.
    """
    return parametrization_of(layer, FixedMask).mask


class PositivePart(nn.Module):
    """max(x, 0).

    Args:
        recovery: whether x <= 0 keeps those gradients along which descending raises x, so that it can become positive
            again; otherwise it gets none.
    """

    def __init__(self, recovery: bool) -> None:
        super().__init__()
        self.recovery = recovery

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, _PositivePart.apply(x)) if self.recovery else torch.relu(x)


class _PositivePart(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * ((x > 0) | (gradient < 0))


class Threshold(nn.Module):
    """W ⊙ [|W| > t] with one trainable threshold t per output unit; weights may return. W is (..., out, in).

    The step's derivative is replaced by 2 - 4|q| for |q| <= 0.4, 0.4 for 0.4 < |q| <= 1 and 0 beyond, q = |W| - t. If
    at most 1 % of the layer survives, all its thresholds start again at 0, as in the published code, and `resets`
    counts it until somebody sets it back.

    Source: Liu et al., Dynamic sparse training (ICLR 2020).
    """

    resets: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.threshold = nn.Parameter(weight.new_zeros(len(weight)))
        self.register_buffer("resets", torch.zeros((), dtype=torch.int64, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        threshold = self.threshold.view(*weight.shape[:-1], 1)
        if self.training:
            with torch.no_grad():
                gone = (weight.abs() > threshold).float().mean(dim=(-2, -1)) <= 0.01
                if gone.any():
                    threshold.masked_fill_(gone[..., None, None], 0.0)
                    self.resets += gone
        return cast(Tensor, _Cut.apply(weight, threshold))


class _Cut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, threshold: Tensor) -> Tensor:
        ctx.save_for_backward(weight, threshold)
        return weight * (weight.abs() > threshold)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        weight, threshold = ctx.saved_tensors
        q = weight.abs() - threshold
        size = q.abs()
        step = torch.where(size <= 0.4, 2 - 4 * size, torch.where(size <= 1, 0.4, 0.0))
        to_weight = gradient * ((q > 0) + weight.abs() * step)
        return to_weight, -(gradient * weight * step).sum(dim=-1, keepdim=True)


class HardConcrete(nn.Module):
    """W times one random gate per input unit, a hard concrete variable; at evaluation its deterministic form.

    Training draws z = clip(γ + (ζ - γ) σ((logit u + log α) / β), 0, 1), u ~ U(ε, 1 - ε), whenever the effective weight
    is computed (once per solve inside `parametrize.cached()`). Evaluation uses clip(γ + (ζ - γ) σ(log α), 0, 1), which
    is exactly 0 for log α <= -ln 11; or gates drawn with the u of `draw_for_evaluation`. γ = -0.1, ζ = 1.1, ε = 1e-6;
    log α is kept within ±ln 100.

    Source: Louizos et al., Learning sparse neural networks through L0 regularization (ICLR 2018).

    Attributes:
        gates: (..., in) the gates last drawn, part of the graph of the effective weight.
        generators: of u, on the CPU; one, or one for each of R models that are computed as one.

    Args:
        weight: (out, in).
        log_alpha: (in,) starting values.
        beta: temperature.
    """

    noise: Tensor | None

    def __init__(self, weight: Tensor, log_alpha: Tensor, beta: float) -> None:
        super().__init__()
        self.log_alpha = nn.Parameter(log_alpha.to(weight))
        self.beta = beta
        self.generators = [torch.Generator()]
        self.random_in_evaluation = False
        self.register_buffer("noise", None, persistent=False)
        self.gates = self.log_alpha.detach()

    def forward(self, weight: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                self.log_alpha.clamp_(-math.log(100), math.log(100))
            noise = torch.stack([self._noise(own) for own in self.generators])
            gates = self._drawn(noise)
        elif self.noise is not None:
            gates = self._drawn(self.noise)
        else:
            gates = self.stretch(torch.sigmoid(self.log_alpha))
        self.gates = gates.squeeze(-2) if weight.dim() > 2 else gates
        return weight * gates

    def draw_for_evaluation(self, generator: torch.Generator) -> None:
        """Let evaluation use gates with a u drawn now, in place of their deterministic form."""
        self.random_in_evaluation = True
        self.noise = self._noise(generator).to(self.log_alpha)

    def _noise(self, generator: torch.Generator) -> Tensor:
        """(in,) logit u."""
        return torch.logit(torch.rand(self.log_alpha.shape[-1], generator=generator).clamp(1e-6, 1 - 1e-6))

    def _drawn(self, noise: Tensor) -> Tensor:
        """Gates of log α's shape."""
        noise = noise.to(self.log_alpha).view_as(self.log_alpha)
        return self.stretch(torch.sigmoid((noise + self.log_alpha) / self.beta))

    @staticmethod
    def stretch(s: Tensor) -> Tensor:
        """From (0, 1) to (-0.1, 1.1), clipped to [0, 1]."""
        return (1.2 * s - 0.1).clamp(0, 1)

    def active(self) -> Tensor:
        """(..., in) probability that each gate is not 0."""
        log_alpha = self.log_alpha.squeeze(-2) if self.log_alpha.dim() > 1 else self.log_alpha
        return torch.sigmoid(log_alpha + self.beta * math.log(11)).clamp(1e-6, 1 - 1e-6)


def parametrization_of(layer: nn.Module, kind: type[T], name: str = "weight") -> T:
    """The parametrization of the given kind of the layer's tensor `name`.

    Raises:
        ValueError: if there is none.
    """
    if parametrize.is_parametrized(layer, name):
        for module in layer.get_submodule(f"parametrizations.{name}").children():
            if isinstance(module, kind):
                return module
    raise ValueError(f"{layer} has no {kind.__name__}")
