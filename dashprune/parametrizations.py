"""How a weight is made sparse: modules for `torch.nn.utils.parametrize`.

A parametrization lives on the layer whose weight it changes, so masks, thresholds and gates are saved and restored
with the model, and the optimiser finds what is trainable.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


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
    if parametrize.is_parametrized(layer, "weight"):
        for module in layer.get_submodule("parametrizations.weight").children():
            if isinstance(module, FixedMask):
                return module.mask
    raise ValueError(f"{layer} has no mask; call add_mask first")
