"""Sums over all paths of a chain of layers, without building any matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def path_sum(weights: Sequence[Tensor]) -> Tensor:
    """Σ over all paths from an input to an output of the product of |weight| along it: 1ᵀ |W_L| ... |W_1| 1.

    Args:
        weights: (..., out, in) matrices from the first layer to the last.

    Returns:
        A scalar, or (...,).
    """
    flow = weights[0].abs().sum(dim=-1)
    for weight in weights[1:]:
        flow = (weight.abs() @ flow[..., None])[..., 0]
    return flow.sum(dim=-1)


def path_shares(weights: Sequence[Tensor]) -> list[Tensor]:
    """For every weight, the part of `path_sum` that runs through it; each layer's parts sum to all of it."""
    forward = [torch.ones_like(weights[0][0])]
    for weight in weights:
        forward.append(weight.abs() @ forward[-1])
    backward = torch.ones_like(forward[-1])
    shares: list[Tensor] = []
    for weight, reaching in zip(reversed(weights), reversed(forward[:-1]), strict=True):
        shares.insert(0, backward[:, None] * weight.abs() * reaching)
        backward = backward @ weight.abs()
    return shares
