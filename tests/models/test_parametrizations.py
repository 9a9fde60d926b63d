from __future__ import annotations

import pytest
import torch
from torch import nn

from dashprune.models.parametrizations import add_mask, mask_of


def test_a_masked_weight_has_neither_value_nor_gradient() -> None:
    layer = nn.Linear(3, 2)
    add_mask(layer)
    mask_of(layer)[0, 1] = 0
    layer(torch.ones(4, 3)).sum().backward()
    gradient = layer.parametrizations["weight"].original.grad
    assert layer.weight[0, 1] == 0
    assert gradient[0, 1] == 0
    assert (gradient.flatten()[[0, 2, 3, 4, 5]] == 4).all()


def test_the_mask_travels_with_the_layers_state() -> None:
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    add_mask(source)
    add_mask(target)
    mask_of(source)[1, 2] = 0
    target.load_state_dict(source.state_dict())
    assert torch.equal(target.weight, source.weight)
    assert mask_of(target)[1, 2] == 0


def test_a_layer_without_mask_says_so() -> None:
    with pytest.raises(ValueError, match="has no FixedMask"):
        mask_of(nn.Linear(2, 2))
