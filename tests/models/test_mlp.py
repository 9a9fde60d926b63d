from __future__ import annotations

import math

import torch

from dashprune.models.mlp import Mlp
from tests.conftest import tensor


def test_two_layers_by_hand() -> None:
    model = Mlp(2, hidden=1)
    first, last = model.chains()[0]
    with torch.no_grad():
        first.weight.copy_(tensor([[1, -2]]))
        first.bias.fill_(0.5)
        last.weight.copy_(tensor([[2], [-1]]))
        last.bias.copy_(tensor([0, 1]))
    hidden = math.expm1(1 - 4 + 0.5)  # ELU of a negative input
    torch.testing.assert_close(model(tensor(0), tensor([1, 2])), tensor([2 * hidden, 1 - hidden]))
    assert model.effect_matrix().tolist() == [[2, -1], [-4, 2]]
    assert model.importance(first).tolist() == [[1, 2]]


def test_hidden_layers_can_be_many() -> None:
    model = Mlp(6, hidden=[4, 3])
    assert [tuple(layer.weight.shape) for layer in model.chains()[0]] == [(4, 6), (3, 4), (6, 3)]
    first, middle, last = (layer.weight for layer in model.chains()[0])
    torch.testing.assert_close(model.effect_matrix(), (last @ middle @ first).T)


def test_initial_values_are_kaiming_uniform() -> None:
    model = Mlp(100, hidden=25)
    model.reset_parameters(torch.Generator().manual_seed(0))
    for layer in model.chains()[0]:
        bound = 1 / math.sqrt(layer.in_features)
        assert 0.9 * bound < layer.weight.abs().max() <= bound
