"""METHODS 3.6."""

from __future__ import annotations

import math

import pytest
import torch

from dashprune.models.mlp import Mlp
from dashprune.models.parametrizations import Threshold, parametrization_of
from dashprune.pruners.dst import Dst
from tests.conftest import problem_with, tensor


def test_values_and_gradients_by_hand() -> None:
    weight = tensor([[0.3, -0.05], [0.8, 0]]).requires_grad_()
    module = Threshold(weight.detach())
    with torch.no_grad():
        module.threshold.copy_(tensor([0.1, 0.9]))
    effective = module(weight)
    torch.testing.assert_close(effective, tensor([[0.3, 0], [0, 0]]))
    effective.sum().backward()
    torch.testing.assert_close(weight.grad, tensor([[1.36, 0.09], [1.28, 0]]))
    torch.testing.assert_close(module.threshold.grad, tensor([-0.27, -1.28]))


def test_at_threshold_zero_only_exact_zeros_are_cut() -> None:
    weight = tensor([[1e-30, 0], [-1e-30, 2]])
    assert torch.equal(Threshold(weight)(weight), weight)


def test_the_steps_derivative_far_from_the_threshold() -> None:
    weight = tensor([[0.5, 1.5]]).requires_grad_()  # q = 0.5 and 1.5: derivative 0.4 and 0
    Threshold(weight.detach())(weight).sum().backward()
    torch.testing.assert_close(weight.grad, tensor([[1 + 0.5 * 0.4, 1]]))


def test_a_layer_that_is_all_but_empty_starts_again() -> None:
    weight = torch.ones(2, 3)
    module = Threshold(weight)
    with torch.no_grad():
        module.threshold.fill_(2.0)
    assert (module.eval()(weight) == 0).all()  # evaluation changes nothing
    assert module.resets == 0
    assert torch.equal(module.train()(weight), weight)
    assert (module.threshold == 0).all()
    assert module.resets == 1


def test_the_regulariser_and_the_shapes_of_the_thresholds() -> None:
    model = Mlp(3, hidden=2, decay=False)
    pruner = Dst(alpha=2.0)
    pruner.attach(model, problem_with(torch.eye(3).numpy()))
    thresholds = [parametrization_of(layer, Threshold).threshold for layer in model.layers()]
    assert [len(t) for t in thresholds] == [2, 3]
    with torch.no_grad():
        thresholds[0].copy_(tensor([0.1, 0.9]))
        thresholds[1].fill_(math.inf)
    assert pruner.objective(model, tensor(1.0)).item() == pytest.approx(1 + 2 * 1.311407, abs=1e-5)


def test_weights_can_return() -> None:
    weight = tensor([[0.3]])
    module = Threshold(weight).eval()
    with torch.no_grad():
        module.threshold.fill_(0.4)
        assert module(weight) == 0
        assert module(2 * weight) == 0.6


def test_a_restart_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    model = Mlp(3, hidden=2, decay=False)
    pruner = Dst(alpha=1.0)
    pruner.attach(model, problem_with(torch.eye(3).numpy()))
    parametrization_of(model.layers()[1], Threshold).resets += 4
    assert not pruner.update(model, 7)
    assert not pruner.update(model, 8)
    assert caplog.messages == ["dst: thresholds of layer 2 went back to 0 4 times before epoch 7"]
