from __future__ import annotations

import math

import torch

from dashprune.models.mlp import Mlp
from tests.conftest import tensor


def test_two_layers_by_hand() -> None:
    model = Mlp(2, hidden=1, decay=False)
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
    model = Mlp(6, hidden=[4, 3], decay=False)
    assert [tuple(layer.weight.shape) for layer in model.chains()[0]] == [(4, 6), (3, 4), (6, 3)]
    first, middle, last = (layer.weight for layer in model.chains()[0])
    torch.testing.assert_close(model.effect_matrix(), (last @ middle @ first).T)


def test_initial_values_are_kaiming_uniform() -> None:
    model = Mlp(100, hidden=25, decay=False)
    model.reset_parameters(torch.Generator().manual_seed(0))
    for layer in model.chains()[0]:
        bound = 1 / math.sqrt(layer.in_features)
        assert 0.9 * bound < layer.weight.abs().max() <= bound


def test_with_decay_each_gene_has_a_rate_of_its_own() -> None:
    plain, model = Mlp(2, hidden=1, decay=False), Mlp(2, hidden=1, decay=True)
    with torch.no_grad():
        for source, target in zip(plain.layers(), model.layers(), strict=True):
            target.weight.copy_(source.weight)
            target.bias.copy_(source.bias)
        model.get_parameter("parametrizations.multipliers.original").copy_(tensor([2, -1]))
    x = tensor([1, 2])
    drift = plain(tensor(0), x)
    torch.testing.assert_close(model(tensor(0), x), tensor([2, 0]) * (drift - x))
    torch.testing.assert_close(model.effect_matrix(), plain.effect_matrix() * tensor([2, 0]))
