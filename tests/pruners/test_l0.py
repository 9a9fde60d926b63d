"""METHODS 3.2."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from dashprune.models.mlp import Mlp
from dashprune.models.parametrizations import HardConcrete, parametrization_of
from dashprune.pruners.l0 import L0
from tests.conftest import problem_with, tensor


def gates(log_alpha: float, beta: float) -> HardConcrete:
    return HardConcrete(torch.ones(1, 1), torch.tensor([log_alpha]), beta)


@pytest.mark.parametrize(
    ("log_alpha", "beta", "probability"),
    [(math.log(4), 2 / 3, 0.951887), (math.log(4), 1 / 50, 0.807563), (0, 2 / 3, 0.831822)],
)
def test_probability_that_a_gate_is_open(log_alpha: float, beta: float, probability: float) -> None:
    assert gates(log_alpha, beta).active().item() == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize(("log_alpha", "gate"), [(math.log(4), 0.86), (0, 0.5), (-3, 0), (-math.log(11) - 1e-3, 0)])
def test_gates_are_deterministic_in_evaluation(log_alpha: float, gate: float) -> None:
    module = gates(log_alpha, 1 / 50).eval()
    assert module(torch.ones(1, 1)).item() == pytest.approx(gate, abs=1e-6)


def test_gates_drawn_for_evaluation_stay_the_same_and_leave_training_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, twin = gates(0, 2 / 3), gates(0, 2 / 3)
    monkeypatch.setattr(torch, "rand", lambda *size, generator: torch.tensor([0.2]))
    module.draw_for_evaluation(torch.Generator())
    monkeypatch.undo()
    assert module.train()(torch.ones(1, 1)).item() == twin.train()(torch.ones(1, 1)).item()
    for _ in range(2):
        assert module.eval()(torch.ones(1, 1)).item() == pytest.approx(0.033333, abs=1e-6)
    assert "noise" not in module.state_dict()


def test_random_gates_close_as_many_as_draws_do() -> None:
    """At temperature 1/50 about a fifth of the gates of first layers (drop 0.2) and half of all others (drop 0.5)."""
    model = Mlp(2000, 1000, decay=False)
    pruner = L0(1e-2, 5e4, 0.02, 0.2, 0.5, seed=1, random_gates=True)
    pruner.attach(model, problem_with(np.zeros((3, 3))))
    first, second = (parametrization_of(layer, HardConcrete).eval() for layer in model.layers())
    for layer, closed in ((first, 0.193), (second, 0.488)):
        layer(torch.ones(1, layer.log_alpha.shape[0]))
        assert (layer.gates == 0).float().mean().item() == pytest.approx(closed, abs=0.04)


def test_a_drawn_gate_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda *size, generator: torch.tensor([0.2]))
    assert gates(0, 2 / 3)(torch.ones(1, 1)).item() == pytest.approx(0.033333, abs=1e-6)


def attached(model: Mlp, **options: float) -> L0:
    chosen = {"lambda_0": 1.0, "n": 1.0, "beta": 2 / 3, "drop_first": 0.2, "drop_later": 0.5, **options}
    pruner = L0(**chosen, seed=0)  # type: ignore[arg-type]
    pruner.attach(model, problem_with(torch.eye(3).numpy()))
    return pruner


def test_penalty_counts_open_weights() -> None:
    model = Mlp(3, hidden=2, decay=False)
    pruner = attached(model)
    with torch.no_grad():
        for layer, value in zip(model.layers(), (math.log(4), 0.0), strict=True):
            parametrization_of(layer, HardConcrete).log_alpha.fill_(value)
    assert pruner.penalty(model).item() == pytest.approx(10.702254, abs=1e-5)
    assert pruner.objective(model, tensor(1.0)).item() == pytest.approx(11.702254, abs=1e-5)


def test_initial_gates_follow_the_drop_rates() -> None:
    model = Mlp(3, hidden=2, decay=False)
    attached(model)
    first, last = (parametrization_of(layer, HardConcrete).log_alpha for layer in model.layers())
    torch.testing.assert_close(first, torch.full((3,), math.log(4)), atol=0.05, rtol=0)
    torch.testing.assert_close(last, torch.zeros(2), atol=0.05, rtol=0)


def test_gates_are_drawn_once_while_weights_are_cached_and_anew_afterwards() -> None:
    model = Mlp(3, hidden=2, decay=False)
    pruner = attached(model)
    pruner.update(model, 1)
    layer = model.layers()[0]
    with parametrize.cached():
        first = layer.weight
        assert layer.weight is first
    assert not torch.equal(layer.weight, first)


def test_gates_of_an_epoch_depend_on_seed_and_epoch_alone() -> None:
    model = Mlp(3, hidden=2, decay=False)
    pruner = attached(model)

    def drawn(epoch: int) -> list[float]:
        pruner.update(model, epoch)
        return model.layers()[0].weight.flatten().tolist()

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_a_closed_gate_leaves_exact_zeros() -> None:
    model = Mlp(3, hidden=2, decay=False)
    pruner = attached(model)
    with torch.no_grad():
        parametrization_of(model.layers()[0], HardConcrete).log_alpha[1] = -3
    pruner.finalize(model)
    assert type(model.layers()[0]) is nn.Linear
    assert (model.layers()[0].weight[:, 1] == 0).all()
    assert (model.layers()[0].weight[:, 0] != 0).all()


def test_the_penalty_closes_gates_that_the_data_do_not_need() -> None:
    model = Mlp(3, hidden=2, decay=False)
    pruner = attached(model)
    before = pruner.penalty(model).item()
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(100):
        optimizer.zero_grad()
        pruner.objective(model, tensor(0.0)).backward()
        optimizer.step()
    assert pruner.penalty(model).item() < 0.5 * before
