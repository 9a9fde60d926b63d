"""Sparse layers against the dense ones they stand for."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dashprune import compose, train_prune_eval
from dashprune.models.base import VectorField
from dashprune.models.mlp import Mlp
from dashprune.models.parametrizations import HardConcrete, add_mask, mask_of
from dashprune.models.phoenix import Phoenix
from dashprune.solvers.etdrk4 import Etdrk4
from dashprune.training import loop, sparse_layers
from dashprune.training.sparse_layers import compacted

MODELS: list[Callable[[], VectorField]] = [
    lambda: Phoenix(30, hidden=12, importance="abs", multiplier_rate=5.0, recovery=True),
    lambda: Mlp(30, hidden=[12, 9], decay=True),
]


def masked(make: Callable[[], VectorField], density: float = 0.2) -> tuple[VectorField, torch.optim.Optimizer]:
    model = make()
    for layer in model.layers():
        add_mask(layer)
        mask_of(layer).bernoulli_(density, generator=torch.Generator().manual_seed(1))
        mask_of(layer)[2] = 0  # an output without any input
    return model, torch.optim.Adam(model.parameter_groups(1e-2), fused=True)


def steps(model: VectorField, optimizer: torch.optim.Optimizer, number: int) -> list[float]:
    y = torch.rand(7, 30, generator=torch.Generator().manual_seed(2))
    losses = []
    for _ in range(number):
        loss = (model(torch.zeros(()), y) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("make", MODELS)
def test_training_sparse_layers_equals_training_dense_ones(make: Callable[[], VectorField]) -> None:
    """Three stretches of steps, the middle one sparse, against all dense; weights, moments and losses."""
    model, optimizer = masked(make)
    other = copy.deepcopy(model)
    dense = torch.optim.Adam(other.parameter_groups(1e-2), fused=True)
    expected = steps(other, dense, 9)
    found = steps(model, optimizer, 3)
    with compacted(model, optimizer, least_weights=0):
        found += steps(model, optimizer, 3)
    found += steps(model, optimizer, 3)
    assert found == pytest.approx(expected, rel=1e-5)
    for layer, twin in zip(model.layers(), other.layers(), strict=True):
        torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-4, atol=1e-6)
    for parameter, twin_parameter in zip(model.parameters(), other.parameters(), strict=True):
        _compare(optimizer.state[parameter], dense.state[twin_parameter])


def _compare(state: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert state.keys() == expected.keys()
    for name, value in state.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-6)


def test_only_the_survivors_are_parameters_meanwhile() -> None:
    model, optimizer = masked(MODELS[0])
    before = list(model.state_dict())
    with compacted(model, optimizer, least_weights=0):
        sizes = {p.numel() for group in optimizer.param_groups for p in group["params"]}
        assert {int(mask_of(layer).sum()) for layer in model.layers()} <= sizes
        assert 30 * 12 not in sizes
    assert [id(p) for group in optimizer.param_groups for p in group["params"]] == [
        id(p)
        for group in model.parameter_groups(1.0)
        for p in group["params"]  # type: ignore[attr-defined]
    ]
    assert list(model.state_dict()) == before
    assert all("forward" not in vars(layer) for layer in model.layers())


def test_a_solver_sees_the_survivors_meanwhile() -> None:
    """The dense weights stay as they were before; whoever took these would predict as before."""
    model, optimizer = masked(MODELS[0])
    start, dt = torch.rand(3, model.genes), torch.ones(3)
    solver = Etdrk4(0.5)
    before = solver.predict(model, start, dt)
    with compacted(model, optimizer, least_weights=0):
        assert torch.allclose(solver.predict(model, start, dt), before, atol=1e-5)
        steps(model, optimizer, 3)
        meanwhile = solver.predict(model, start, dt)
    assert not torch.allclose(meanwhile, before, atol=1e-4)
    assert torch.allclose(solver.predict(model, start, dt), meanwhile, atol=1e-5)


def test_a_failure_meanwhile_leaves_the_model_as_it_was() -> None:
    model, optimizer = masked(MODELS[0])
    with pytest.raises(ArithmeticError), compacted(model, optimizer, least_weights=0):
        raise ArithmeticError
    assert steps(model, optimizer, 1)


@pytest.mark.parametrize(("density", "least_weights"), [(0.9, 0), (0.1, 10_000)])
def test_what_does_not_pay_stays_dense(density: float, least_weights: int) -> None:
    model, optimizer = masked(MODELS[0], density)
    with compacted(model, optimizer, least_weights):
        assert not any("forward" in vars(layer) for layer in model.layers())


def test_only_plain_masks_are_compacted() -> None:
    model, optimizer = masked(MODELS[0])
    first = model.layers()[0]
    gates = HardConcrete(first.weight.detach(), torch.zeros(30), beta=0.5)
    torch.nn.utils.parametrize.register_parametrization(first, "weight", gates)
    with compacted(model, optimizer, least_weights=0):
        assert ["forward" in vars(layer) for layer in model.layers()] == [False, True, True, True]


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["dash", "imp", "pinn_mp"])
def test_a_run_gives_the_same_row(
    pruner: str, small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pinn_mp adds a prior loss, so that it stays dense."""
    entered = []
    original = sparse_layers._SparseLayer.swap_in
    monkeypatch.setattr(sparse_layers._SparseLayer, "swap_in", lambda *given: (entered.append(1), original(*given)))
    words = [*small, f"pruner={pruner}", "pruner.target_sparsity=0.9", "train.epochs=12"]
    dense = train_prune_eval(compose(words))
    assert not entered
    monkeypatch.setattr(loop, "compacted", functools.partial(compacted, least_weights=0))
    sparse = train_prune_eval(compose([*words, f"outputs={tmp_path / 'again'}"]))
    assert bool(entered) == (pruner != "pinn_mp")
    for key in ("sparsity", "balanced_accuracy", "auprc", "mse", "validation_mse"):
        assert sparse[key] == pytest.approx(dense[key], rel=1e-3), key
