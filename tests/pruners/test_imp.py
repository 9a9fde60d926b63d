"""METHODS 3.7."""

from __future__ import annotations

import torch

from dashprune.models.parametrizations import mask_of
from dashprune.models.phoenix import Phoenix
from dashprune.pruners.imp import Imp
from dashprune.pruners.scheduled import Schedule
from tests.conftest import problem_with, tensor


def phoenix(importance: str = "abs") -> Phoenix:
    model = Phoenix(3, hidden=2, importance=importance, multiplier_rate=5.0, recovery=True)  # type: ignore[arg-type]
    with torch.no_grad():
        for layer in (model.sums, model.products):
            layer.weight.copy_(tensor([[0.3, -0.1, 0], [0.2, 0, -0.4]]))
        for layer in (model.sums_out, model.products_out):
            layer.weight.copy_(tensor([[0.5, 0], [0.2, -0.2], [-0.1, 0.4]]))
        model.raw_multipliers.copy_(tensor([1, -0.5, 2]))
    return model


def pruned(model: Phoenix, fraction: float) -> list[torch.Tensor]:
    pruner = Imp(Schedule(start=1, first=fraction, every=10, then=0.0, epochs=5))
    pruner.attach(model, problem_with(torch.eye(3).numpy()))
    pruner.update(model, 1)
    return [mask_of(layer) for chain in model.chains() for layer in chain]


def test_the_smallest_weights_go_first() -> None:
    sums, *_ = pruned(phoenix(), 0.5)
    assert sums.tolist() == [[1, 0, 0], [1, 0, 1]]


def test_published_importance_removes_the_largest_inhibition_first() -> None:
    _, _, products, _ = pruned(phoenix("exp"), 1 / 6)
    assert products.tolist() == [[1, 1, 1], [1, 1, 0]]


def test_a_dead_gene_loses_its_outputs_before_any_live_one() -> None:
    _, outputs, *_ = pruned(phoenix(), 0.5)  # three zeros of importance: row 1, and the exact zero of row 0
    assert outputs.tolist() == [[1, 0], [0, 0], [1, 1]]


def test_every_layer_is_cut_by_itself() -> None:
    assert [mask.sum().item() for mask in pruned(phoenix(), 0.5)] == [3, 3, 3, 3]
