"""METHODS sections 1 and 6, test P1, and the starting values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dashprune import metrics
from dashprune.models.parametrizations import PositivePart, parametrization_of
from dashprune.models.phoenix import Phoenix, _Hill
from tests.conftest import tensor


@pytest.fixture
def model() -> Phoenix:
    """Two genes, one unit per branch, the weights of test P1."""
    field = Phoenix(2, hidden=1, importance="abs", multiplier_rate=5.0, recovery=True)
    with torch.no_grad():
        field.sums.weight.copy_(tensor([[1, 2]]))
        field.sums.bias.copy_(tensor([0.1]))
        field.products.weight.copy_(tensor([[3, 2]]))
        field.products.bias.zero_()
        field.sums_out.weight.copy_(tensor([[1], [-1]]))
        field.products_out.weight.copy_(tensor([[0.5], [0]]))
        field.raw_multipliers.copy_(tensor([2, -1]))
    return field


def test_p1_vector_field(model: Phoenix) -> None:
    x = tensor([0.5, 1.5])
    torch.testing.assert_close(model.drift(x), tensor([2.225, -1.1]))
    torch.testing.assert_close(model(tensor(0), x), tensor([3.45, 0]))


def test_p1_effect_matrix_sparsity_and_out_degree(model: Phoenix) -> None:
    effect = model.effect_matrix().detach().numpy()
    assert effect.tolist() == [[5, 0], [6, 0]]
    weights = [model.scaled_weight(layer).detach().numpy() for chain in model.chains() for layer in chain]
    assert metrics.sparsity(weights) == 0.25
    assert np.count_nonzero(effect) / len(effect) == 1


def test_a_batch_is_solved_row_by_row(model: Phoenix) -> None:
    x = torch.rand(3, 4, 2)
    torch.testing.assert_close(model(tensor(0), x)[1, 2], model(tensor(0), x[1, 2]))


def test_parameter_count_is_that_of_the_paper() -> None:
    model = Phoenix(350, hidden=40, importance="abs", multiplier_rate=5.0, recovery=True)
    assert sum(p.numel() for p in model.parameters()) == 56_430


def test_initial_values() -> None:
    model = Phoenix(350, hidden=40, importance="abs", multiplier_rate=5.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(0))
    for layer in (model.sums, model.products):
        assert ((layer.weight != 0).sum(dim=0) == 40 - math.ceil(0.95 * 40)).all()
        assert layer.weight[layer.weight != 0].std().item() == pytest.approx(0.05, rel=0.1)
        assert layer.bias.abs().max() <= 1 / math.sqrt(350)
    for layer in (model.sums_out, model.products_out):
        torch.testing.assert_close(layer.weight.T @ layer.weight, torch.eye(40), atol=1e-5, rtol=0)
    assert 0 <= model.multipliers.min() < model.multipliers.max() <= 1
    again = Phoenix(350, hidden=40, importance="abs", multiplier_rate=5.0, recovery=True)
    again.reset_parameters(torch.Generator().manual_seed(0))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize(("sign", "recovery", "reaches"), [(1, True, True), (-1, True, False), (1, False, False)])
def test_a_stopped_gene_gets_only_gradients_that_start_it_again(
    model: Phoenix, sign: int, recovery: bool, reaches: bool
) -> None:
    """At (0.5, 1.5), J - x of gene 1 is -2.6: a wish for a falling gene 1 is a wish for a larger υ."""
    parametrization_of(model, PositivePart, "multipliers").recovery = recovery
    rate = model(tensor(0), tensor([0.5, 1.5]))
    assert rate[1] == 0
    (rate[0] ** 2 + sign * rate[1]).backward()
    assert model.raw_multipliers.grad is not None
    assert model.raw_multipliers.grad[1] == pytest.approx(-2.6 if reaches else 0)
    assert model.sums_out.weight.grad is not None
    assert model.sums_out.weight.grad[1] == 0
    assert model.sums_out.weight.grad[0] != 0


def test_importance_of_outputs_is_scaled_by_the_multipliers(model: Phoenix) -> None:
    assert model.importance(model.sums_out).tolist() == [[2], [0]]
    assert model.importance(model.products_out).tolist() == [[1], [0]]
    assert model.importance(model.sums).tolist() == [[1, 2]]


def test_published_importance_of_the_product_branch_is_its_exponential(model: Phoenix) -> None:
    model.product_importance = "exp"
    ratio = model.importance(model.products)
    assert (ratio / ratio.sum()).tolist()[0] == pytest.approx([math.e / (1 + math.e), 1 / (1 + math.e)])
    with torch.no_grad():
        model.products.weight.fill_(200.0)  # exp(200) overflows float32
    assert torch.isfinite(model.importance(model.products)).all()


def test_multipliers_learn_faster_than_the_rest(model: Phoenix) -> None:
    groups = model.parameter_groups(0.1)
    assert [group["lr"] for group in groups] == [0.1, 0.5]
    assert groups[1]["params"] == [model.raw_multipliers]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))  # type: ignore[arg-type]


def test_a_narrow_model_keeps_one_input_weight_per_gene() -> None:
    """⌈0.95 H⌉ = H below 20 units: taken by the letter, no regulator would be connected at the start."""
    model = Phoenix(6, hidden=4, importance="abs", multiplier_rate=5.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(0))
    assert ((model.sums.weight != 0).sum(dim=0) == 1).all()


def test_the_derivatives_of_the_saturation() -> None:
    x = torch.linspace(-3, 3, 13, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(_Hill.apply, (x,))
