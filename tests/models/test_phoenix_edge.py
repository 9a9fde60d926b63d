"""METHODS 3.13: the model with a weight per pair of genes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dashprune.errors import DashpruneError
from dashprune.models.phoenix import hill
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.training.ensemble import shape_of
from tests.conftest import problem_with, tensor


@pytest.fixture
def model() -> PhoenixEdge:
    """Three genes; the weights of gene 2 are large, but its multiplier is negative."""
    field = PhoenixEdge(3, multiplier_rate=2.0, recovery=True)
    with torch.no_grad():
        field.sums.weight.copy_(tensor([[0, 2, 0], [1, 0, -3], [7, 7, 7]]))
        field.sums.bias.copy_(tensor([0.1, 0.2, 0.3]))
        field.products.weight.copy_(tensor([[0, 2, 0], [0, -1, 0], [8, 8, 8]]))
        field.products.bias.zero_()
        field.amplitudes.copy_(tensor([0.5, -2, 1]))
        field.raw_multipliers.copy_(tensor([2, 0.5, -1]))
    return field


def random_model(genes: int = 4) -> PhoenixEdge:
    """In float64, with all weights, biases and amplitudes drawn, and multipliers above ½."""
    model = PhoenixEdge(genes, multiplier_rate=2.0, recovery=True).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=generator)
        model.raw_multipliers.abs_().add_(0.5)
    return model


def test_the_field_by_hand(model: PhoenixEdge) -> None:
    """x = (½, 3/2, -½): s = (0, ½, -½), exp ℓ = (1, 3/2, ½), so that products are powers of 3/2."""
    x = tensor([0.5, 1.5, -0.5])
    drift = [0.1 + 2 * 0.5 + 0.5 * 1.5**2, 0.2 + 3 * 0.5 - 2 / 1.5]
    torch.testing.assert_close(model.drift(x)[:2], tensor(drift))
    torch.testing.assert_close(model.production(x), tensor([2 * drift[0], 0.5 * drift[1], 0]))
    torch.testing.assert_close(model.decay_rate(), tensor([2, 0.5, 0]))
    torch.testing.assert_close(model(tensor(0), x), tensor([2 * (drift[0] - 0.5), 0.5 * (drift[1] - 1.5), 0]))
    torch.testing.assert_close(model.signal(x), tensor([0, 0.5, -0.5]))


def test_the_effect_matrix_by_hand(model: PhoenixEdge) -> None:
    """Row regulates column: gene 1 has 2 (2 + ½ · 2) = 6 on gene 0, and ½ (0 - 2 · -1) = 1 on itself."""
    assert model.effect_matrix().tolist() == [[0, 0.5, 0], [6, 1, 0], [0, -1.5, 0]]


def test_importance_counts_multipliers_and_amplitudes(model: PhoenixEdge) -> None:
    assert model.importance(model.sums).tolist() == [[0, 4, 0], [0.5, 0, 1.5], [0, 0, 0]]
    assert model.importance(model.products).tolist() == [[0, 2, 0], [0, 1, 0], [0, 0, 0]]


def test_the_effect_matrix_is_the_derivative_of_production_at_one_half() -> None:
    """There s' = ℓ' = 1, and the exponent is b_j, so that a product counts exp(b_j) times."""
    model, step = random_model(), 1e-6
    middle = torch.full((4,), 0.5, dtype=torch.float64)
    with torch.no_grad():
        shifts = step * torch.eye(4, dtype=torch.float64)
        slopes = (model.production(middle + shifts) - model.production(middle - shifts)) / (2 * step)
        model.amplitudes *= torch.exp(model.products.bias)
        torch.testing.assert_close(slopes, model.effect_matrix(), atol=1e-6, rtol=1e-6)


def test_gradients_are_those_of_finite_differences() -> None:
    model = random_model(3)
    names = [name for name, _ in model.named_parameters()]
    x = torch.rand(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) + 0.55

    def field(y: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        inputs = (torch.zeros(()), y)
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), inputs)

    assert torch.autograd.gradcheck(field, (x.requires_grad_(), *model.parameters()))


def test_a_batch_is_solved_row_by_row(model: PhoenixEdge) -> None:
    x = torch.rand(3, 4, 3)
    torch.testing.assert_close(model(tensor(0), x)[1, 2], model(tensor(0), x[1, 2]))


def test_initial_values_are_those_of_the_generator() -> None:
    model, again = (PhoenixEdge(50, multiplier_rate=2.0, recovery=True) for _ in range(2))
    for field in (model, again):
        field.reset_parameters(torch.Generator().manual_seed(0))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    for layer in model.layers():
        assert layer.weight.std().item() == pytest.approx(0.05, rel=0.05)
    assert (model.sums.bias == 0.25).all()
    assert (model.amplitudes == 0.25).all()
    assert (model.products.bias == 0).all()
    assert 0 <= model.multipliers.min() < model.multipliers.max() <= 1
    assert sum(p.numel() for p in model.parameters()) == 2 * 50**2 + 4 * 50
    again.reset_parameters(torch.Generator().manual_seed(1))
    assert not torch.equal(model.sums.weight, again.sums.weight)


def test_production_at_the_start_is_that_of_half_expressed_genes() -> None:
    """With c = a = ¼ and b = 0, J(½) = ½ for any weights: genes begin near the middle of their range."""
    model = PhoenixEdge(5, multiplier_rate=2.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(0))
    middle = torch.full((5,), 0.5)
    assert torch.equal(hill(middle)[0], torch.zeros(5))
    torch.testing.assert_close(model.drift(middle), middle)


def test_multipliers_have_a_learning_rate_of_their_own(model: PhoenixEdge) -> None:
    groups = model.parameter_groups(0.1)
    assert [group["lr"] for group in groups] == [0.1, 0.1, 0.2]
    assert groups[-1]["params"] == [model.raw_multipliers]


def bound(prior: list[list[float]]) -> PhoenixEdge:
    """In float64, with candidate regulators from this prior and all parameters drawn."""
    model = PhoenixEdge(len(prior), multiplier_rate=2.0, recovery=True, candidates="prior")
    model.bind(problem_with(np.array(prior, dtype=np.float32)))
    model = model.double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=generator)
        model.raw_multipliers.abs_().add_(0.5)
    return model


REGULATED_BY_1_AND_3 = [[0, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 0], [1, 0, 1, 0]]


def test_with_candidates_only_genes_that_the_prior_lets_regulate_have_weights() -> None:
    """The model is the full one with zeros in all other columns."""
    model = bound(REGULATED_BY_1_AND_3)
    assert model.regulators is not None
    assert model.regulators.tolist() == [1, 3]
    assert sum(p.numel() for p in model.parameters()) == 2 * 4 * 2 + 4 * 4
    full = PhoenixEdge(4, multiplier_rate=2.0, recovery=True).double()
    with torch.no_grad():
        for layer, small in zip(full.layers(), model.layers(), strict=True):
            layer.weight.zero_()
            layer.weight[:, [1, 3]] = small.weight
            assert layer.bias is not None
            layer.bias.copy_(small.bias)
        full.amplitudes.copy_(model.amplitudes)
        full.raw_multipliers.copy_(model.raw_multipliers)
    x = torch.rand(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(model(tensor(0), x), full(tensor(0), x))
    torch.testing.assert_close(model.signal(x), full.signal(x)[:, [1, 3]])
    torch.testing.assert_close(model.effect_matrix(), full.effect_matrix())
    torch.testing.assert_close(model.effect_matrix(slice(1, 3)), full.effect_matrix(slice(1, 3)))


def test_candidates_need_a_prior() -> None:
    with pytest.raises(DashpruneError, match=r"model\.candidates: the prior has no edges"):
        bound([[0, 0], [0, 0]])


def test_models_with_other_regulators_are_not_stacked() -> None:
    one, other = bound(REGULATED_BY_1_AND_3), bound([REGULATED_BY_1_AND_3[k] for k in (1, 0, 3, 2)])
    assert other.regulators is not None
    assert other.regulators.tolist() == [0, 2]
    assert shape_of(one) == shape_of(bound(REGULATED_BY_1_AND_3))
    assert shape_of(one) != shape_of(other)


@pytest.mark.parametrize(("genes", "few"), [(50, 1.0), (1400, 0.25)])
def test_weights_of_many_regulators_begin_smaller_and_learn_slower(genes: int, few: float) -> None:
    """So that neither the start nor a step of Adam moves the sum of a target by more than with 350."""
    model = PhoenixEdge(genes, multiplier_rate=4.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(0))
    assert model.sums.weight.std().item() == pytest.approx(0.05 * few**0.5, rel=0.05)
    rates = {id(p): group["lr"] for group in model.parameter_groups(0.01) for p in group["params"]}  # type: ignore[attr-defined]
    assert len(rates) == len(list(model.parameters()))
    assert rates[id(model.products.weight)] == rates[id(model.sums.weight)] == pytest.approx(0.01 * few)
    assert rates[id(model.amplitudes)] == 0.01
    assert rates[id(model.raw_multipliers)] == pytest.approx(0.04)
