"""METHODS 3.8, 3.9 and 3.12: SynFlow, SparseFlow, PINN+MP; random pruning and target sparsities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dashprune import compose, metrics
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.mlp import Mlp
from dashprune.models.parametrizations import mask_of
from dashprune.models.phoenix import Phoenix
from dashprune.pruners.base import Pruner
from dashprune.pruners.imp import Imp
from dashprune.pruners.magnitude import Magnitude
from dashprune.pruners.random import Random
from dashprune.pruners.scheduled import Schedule, cut_globally
from dashprune.pruners.sparseflow import SparseFlow
from dashprune.pruners.synflow import SynFlow
from dashprune.runs.checked import check
from tests.conftest import SMALL, problem_with, tensor


def two_genes() -> Phoenix:
    model = Phoenix(2, hidden=2, importance="abs", multiplier_rate=5.0, recovery=True)
    with torch.no_grad():
        model.sums.weight.copy_(tensor([[1, -2], [0, 3]]))
        model.sums_out.weight.copy_(tensor([[1, -1], [2, 0]]))
        model.products.weight.zero_()
        model.products_out.weight.zero_()
        model.raw_multipliers.copy_(tensor([0.5, 2]))
    return model


def test_synflow_scores_by_hand() -> None:
    first, last, *_ = SynFlow(0.5, 1, seed=0).scores(two_genes())
    assert first.tolist() == [[4.5, 9], [0, 1.5]]
    assert last.tolist() == [[1.5, 1.5], [12, 0]]
    assert first.sum() == last.sum() == 15
    torch.testing.assert_close(first.sum(dim=1), last.sum(dim=0))  # conserved in every hidden unit


def test_synflow_cuts_to_its_target_whatever_starts_at_zero() -> None:
    for model in (Mlp(10, hidden=[6, 5], decay=False), Phoenix(10, 4, "abs", 5.0, recovery=True)):
        model.reset_parameters(torch.Generator().manual_seed(0))
        before = [layer.weight.detach().clone() for layer in model.layers()]
        SynFlow(0.8, 20, seed=0).attach(model, problem_with(np.eye(10, dtype=np.float32)))
        masks = [mask_of(layer) for layer in model.layers()]
        kept = sum(int(mask.sum()) for mask in masks)
        assert kept == math.ceil(0.2 * sum(mask.numel() for mask in masks))
        if isinstance(model, Phoenix):
            assert any((mask[old == 0] == 1).any() for mask, old in zip(masks, before, strict=True))
        for layer, old in zip(model.layers(), before, strict=True):
            kept_old = (old != 0) & (mask_of(layer) == 1)
            assert torch.equal(layer.weight[kept_old], old[kept_old])


def test_synflow_in_one_round_keeps_the_largest_flows() -> None:
    model = Mlp(4, hidden=3, decay=False)
    pruner = SynFlow(0.5, 1, seed=0)
    flows = torch.cat([score.flatten() for score in pruner.scores(model)])
    pruner.attach(model, problem_with(np.eye(4, dtype=np.float32)))
    kept = torch.cat([mask_of(layer).flatten() for layer in model.layers()]) == 1
    assert flows[kept].min() >= flows[~kept].max()


def test_global_cuts_rank_all_layers_together() -> None:
    masks = [torch.ones(1, 2), torch.ones(2, 1)]
    scores = [tensor([[5, 1]]), tensor([[2], [9]])]
    cut_globally(masks, scores, scores, 0.5)
    assert [mask.tolist() for mask in masks] == [[[1, 0]], [[0], [1]]]


def test_sparseflow_survivors_of_one_tenth_cuts() -> None:
    pruner = SparseFlow(cycles=5, target_sparsity=1 - 0.9**5, epochs=12)
    assert pruner.schedule.survivors(100) == [90, 81, 73, 66, 59]
    assert pruner.schedule.events() == [3, 5, 7, 9, 11]


def test_sparseflow_cuts_globally_and_forgets_the_moments(example: Problem) -> None:
    made = check(compose([*SMALL, "train.epochs=12", "pruner=sparseflow", "model=mlp"]))
    assert made.pruner.restarts_optimizer
    model = Mlp(3, hidden=4, decay=False)
    with torch.no_grad():
        model.layers()[0].weight.fill_(100)
    pruner = SparseFlow(cycles=1, target_sparsity=0.5, epochs=4)
    pruner.attach(model, example)
    before = model.layers()[0].weight.detach().clone()
    assert [pruner.update(model, epoch) for epoch in range(1, 5)] == [False, False, True, False]
    assert mask_of(model.layers()[0]).all()  # not rewound, and larger than all of the other layer's
    assert torch.equal(model.layers()[0].weight, before)
    assert not mask_of(model.layers()[1]).any()


def test_sparseflow_needs_an_epoch_per_cycle() -> None:
    with pytest.raises(DashpruneError, match=r"pruner\.cycles: 9 cycles do not fit into 9 epochs"):
        SparseFlow(cycles=9, target_sparsity=0.5, epochs=9)


def test_magnitude_cuts_every_layer_once(example: Problem) -> None:
    model = Phoenix(3, hidden=5, importance="exp", multiplier_rate=5.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer in model.layers():
            layer.weight.normal_(generator=torch.Generator().manual_seed(1))
    pruner = Magnitude(target_sparsity=0.7, at=0.5, epochs=10)
    pruner.attach(model, example)
    assert [epoch for epoch in range(1, 11) if pruner.update(model, epoch)] == [6] == [pruner.last_event]
    for layer in model.layers():
        zeros = mask_of(layer) == 0
        assert zeros.sum() == round(0.7 * 15)
        scaled = model.scaled_weight(layer).abs()
        whole = layer.parametrizations["weight"].original.abs() * (scaled / layer.weight.abs()).nan_to_num(1)
        if layer in (model.sums, model.products):  # |W|, not exp(W)
            assert whole[zeros].max() <= whole[~zeros].min()


def test_random_pruning_looks_at_nothing(example: Problem) -> None:
    def masks(scale: float, seed: int) -> list[list[list[float]]]:
        model = Mlp(3, hidden=4, decay=False)
        with torch.no_grad():
            for layer in model.layers():
                layer.weight.mul_(scale)
        pruner = Random(Schedule(1, 0.5, 2, 0.2, 6), None, seed)
        pruner.attach(model, example)
        for epoch in range(1, 6):
            pruner.update(model, epoch)
        return [mask_of(layer).tolist() for layer in model.layers()]

    assert masks(1, 0) == masks(9, 0)
    assert masks(1, 0) != masks(1, 1)


@given(st.floats(0.05, 0.99), st.floats(0.05, 0.95), st.floats(0.001, 0.5))
def test_a_schedule_can_be_asked_for_its_sparsity(target: float, first: float, then: float) -> None:
    schedule = Schedule(start=3, first=first, every=10, then=then, epochs=60)
    reached = schedule.reaching(target)
    assert reached.events() == schedule.events()
    survival = math.prod(1 - reached.fraction(epoch) for epoch in reached.events())
    assert 1 - survival == pytest.approx(target)


def test_a_schedule_without_events_cannot_reach_a_target() -> None:
    with pytest.raises(
        DashpruneError, match=r"target_sparsity: 0\.9 cannot be reached by a schedule that cuts nothing"
    ):
        Imp(Schedule(start=30, first=0.5, every=10, then=0.1, epochs=20), target_sparsity=0.9)


@pytest.mark.parametrize("name", ["imp", "dash", "bioprune", "random", "sparseflow", "synflow", "pinn_mp"])
def test_methods_with_tunable_sparsity_reach_the_one_asked_for(name: str) -> None:
    made = check(
        compose(
            [*SMALL, "train.epochs=12", f"pruner={name}", "pruner.target_sparsity=0.83", "model=mlp", "model.hidden=20"]
        )
    )
    problem, pruner = made.dataset.load(), made.pruner
    assert isinstance(pruner, Pruner)
    model = made.model(genes=24)
    model.reset_parameters(torch.Generator().manual_seed(0))
    pruner.attach(model, problem)
    for epoch in range(1, made.train.epochs + 1):
        pruner.update(model, epoch)
    pruner.finalize(model)
    weights = [layer.weight.detach().numpy() for layer in model.layers()]
    assert metrics.sparsity(weights) == pytest.approx(0.83, abs=0.01)


def test_hidden_units_emptied_by_one_cut_are_told(example: Problem, caplog: pytest.LogCaptureFixture) -> None:
    model = Mlp(3, hidden=4, decay=False)
    with torch.no_grad():
        model.layers()[0].weight[:2] = 0.01
        model.layers()[0].weight[2:] = 1.0
    pruner = Magnitude(target_sparsity=0.5, at=0.0, epochs=4)
    pruner.attach(model, example)
    pruner.update(model, 1)
    assert caplog.messages == ["magnitude: the cut left 2 hidden units without any input"]
