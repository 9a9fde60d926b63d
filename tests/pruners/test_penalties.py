"""METHODS 3.3, 3.4 and 3.5: C-NODE, PathReg and PINN."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from dashprune.data.problem import Problem
from dashprune.models.base import VectorField
from dashprune.models.mlp import Mlp
from dashprune.models.parametrizations import HardConcrete, parametrization_of
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.pruners.base import Chain
from dashprune.pruners.cnode import CNode
from dashprune.pruners.l0 import L0
from dashprune.pruners.pathreg import PathPenalty
from dashprune.pruners.paths import path_shares, path_sum
from dashprune.pruners.pinn import Pinn, _MeanSquare
from dashprune.seeds import torch_generator
from tests.conftest import tensor
from tests.pruners.test_imp import phoenix

ZERO = torch.zeros(())


def mlp() -> Mlp:
    model = Mlp(3, hidden=2, decay=False)
    with torch.no_grad():
        model.layers()[0].weight.copy_(tensor([[1, -2], [0, 1], [3, 0]]).T)
        model.layers()[1].weight.copy_(tensor([[1, 0, -1], [2, 1, 0]]).T)
    return model


def test_cnode_by_hand() -> None:
    assert CNode(1.0, 0.0).objective(mlp(), ZERO).item() == pytest.approx(17 / 9)
    assert CNode(0.5, 0.0).objective(mlp(), torch.tensor(2.0)).item() == pytest.approx(2 + 17 / 18)


def test_cnode_is_the_mean_over_pairs_of_the_products_of_magnitudes() -> None:
    model = phoenix()
    chains = [[layer.weight.abs() for layer in chain] for chain in model.chains()]
    dense = sum((last @ first).mean() for first, last in chains)
    torch.testing.assert_close(CNode(1.0, 0.0).objective(model, ZERO), dense)


def test_scaling_a_layer_scales_its_branch() -> None:
    model = mlp()
    with torch.no_grad():
        model.layers()[0].weight.mul_(-3)
    assert CNode(1.0, 0.0).objective(model, ZERO).item() == pytest.approx(17 / 3)


def test_cnode_sets_tiny_weights_to_zero_at_the_end() -> None:
    model = mlp()
    with torch.no_grad():
        model.layers()[0].weight[0, 0] = -9e-6
    CNode(1.0, 1e-5).finalize(model)
    assert model.layers()[0].weight[0, 0] == 0
    assert model.layers()[0].weight[1, 0] == -2


def test_path_sum_and_shares_of_deeper_chains() -> None:
    weights = [torch.randn(4, 5), torch.randn(3, 4), torch.randn(5, 3)]
    total = (weights[2].abs() @ weights[1].abs() @ weights[0].abs()).sum()
    torch.testing.assert_close(path_sum(weights), total)
    for weight, share in zip(weights, path_shares(weights), strict=True):
        assert share.shape == weight.shape
        torch.testing.assert_close(share.sum(), total)


def gated(model: VectorField, example: Problem) -> Chain:
    gates = L0(lambda_0=0.0, n=1.0, beta=2 / 3, drop_first=0.2, drop_later=0.5, seed=0)
    chain = Chain({"gates": gates, "paths": PathPenalty(lambda_1=0.0, lambda_p=1.0)})
    chain.attach(model, example)
    return chain


def set_gates(model: VectorField, *gates: list[float]) -> None:
    for chain in model.chains():
        for layer, values in zip(chain, gates, strict=True):
            parametrization_of(layer, HardConcrete).gates = tensor(values)


def test_open_paths_by_hand(example: Problem) -> None:
    for model, branches in ((mlp(), 1), (phoenix(), 2)):
        chain = gated(model, example)
        set_gates(model, [1, 0.5, 0], [0.8, 0.2])
        penalty = chain.parts["paths"]
        assert penalty.open_paths(model).item() == pytest.approx(0.5 * branches)  # type: ignore[operator]
        set_gates(model, [1.0, 1.0, 1.0], [1.0, 1.0])
        assert penalty.open_paths(model).item() == pytest.approx(2 * branches)  # type: ignore[operator]


def test_a_branch_of_one_layer_has_a_path_for_every_open_gate(example: Problem) -> None:
    """Two branches, each with the mean of its gates."""
    model = PhoenixEdge(3, multiplier_rate=2.0, recovery=True)
    penalty = gated(model, example).parts["paths"]
    set_gates(model, [1, 0.5, 0])
    assert penalty.open_paths(model).item() == pytest.approx(2 * 0.5)  # type: ignore[operator]


def test_the_number_of_paths_has_no_gradient_in_the_weights(example: Problem) -> None:
    model = mlp()
    chain = gated(model, example)
    chain.train()
    model.train()
    chain.update(model, 1)
    model(ZERO, torch.rand(2, 3))  # draws gates
    chain.objective(model, ZERO).backward()
    for layer in model.layers():
        original = layer.parametrizations["weight"].original
        assert original.grad is None or (original.grad == 0).all()
        assert parametrization_of(layer, HardConcrete).log_alpha.grad is not None


def test_pinn_targets_are_the_priors_row_form(example: Problem) -> None:
    pruner = Pinn(weight=0.5, rows=3, rows_per_step=1, range=0.5, seed=0)
    pruner.attach(phoenix(), example)
    first, second, _ = pruner.inputs.T
    torch.testing.assert_close(pruner.targets, torch.stack([0 * first, first, second - first], dim=1))
    assert pruner.inputs.abs().max() <= 0.5


def test_pinn_loss_by_hand_and_with_the_drift_alone(example: Problem) -> None:
    model = phoenix()
    pruner = Pinn(weight=0.75, rows=4, rows_per_step=4, range=0.5, seed=0)
    pruner.attach(model, example)
    prior_loss = ((model.drift(pruner.inputs) - pruner.inputs @ torch.tensor(example.prior.toarray())) ** 2).mean()
    torch.testing.assert_close(pruner.objective(model, torch.tensor(2.0)), 1.5 + 0.25 * prior_loss)
    before = pruner.objective(model, ZERO).item()
    with torch.no_grad():
        model.raw_multipliers.mul_(7)
    assert pruner.objective(model, ZERO).item() == before


def test_pinn_mean_square_is_that_of_torch_to_the_bit() -> None:
    x, y = torch.rand(2, 3, 7, 5, generator=torch.Generator().manual_seed(0)).unbind()
    weight = torch.tensor([0.3, 2.0, 5.0])
    results = []
    for mean_square in (
        _MeanSquare.apply,
        lambda x, y: functional.mse_loss(x, y, reduction="none").mean(dim=(-2, -1)),
    ):
        own = x.clone().requires_grad_()
        losses = mean_square(own, y)
        (losses * weight).sum().backward()
        results.append((losses.detach(), own.grad))
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))
    own = x[0].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: _MeanSquare.apply(x, y[0].double()), own)


def test_pinn_with_all_weight_on_the_data_is_the_baseline_exactly(example: Problem) -> None:
    model = phoenix()
    pruner = Pinn(weight=1.0, rows=4, rows_per_step=4, range=0.5, seed=0)
    pruner.attach(model, example)
    with torch.no_grad():
        model.products.weight.fill_(1e4)  # the prior loss would overflow
    loss = torch.tensor(0.3, requires_grad=True)
    assert pruner.objective(model, loss) is loss


def test_pinn_draws_rows_with_what_the_prior_makes_of_them(example: Problem) -> None:
    pruner = Pinn(weight=0.0, rows=1000, rows_per_step=10, range=0.5, seed=0)
    model = phoenix()
    pruner.attach(model, example)
    pruner.update(model, 1)
    first = int(torch.randint(991, (), generator=torch_generator(0, "prior rows", 1)))
    inputs = pruner.inputs[first : first + 10]
    expected = (model.drift(inputs) - inputs @ torch.tensor(example.prior.toarray())).square().mean()
    assert first > 0
    torch.testing.assert_close(pruner.objective(model, ZERO), expected)


def test_pinn_sees_other_rows_at_every_step(example: Problem) -> None:
    pruner = Pinn(weight=0.5, rows=1000, rows_per_step=10, range=0.5, seed=0)
    pruner.attach(phoenix(), example)
    model = phoenix()
    pruner.update(model, 1)
    losses = [pruner.objective(model, ZERO).item() for _ in range(3)]
    pruner.update(model, 1)
    assert [pruner.objective(model, ZERO).item() for _ in range(3)] == losses
    assert len(set(losses)) == 3
