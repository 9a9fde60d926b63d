"""Pruning any torch network: the masks are those of the strategies, and the network stays the user's."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import nn

import dashprune
from dashprune import Schedule, guide
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.phoenix import Phoenix
from dashprune.pruners.bioprune import BioPrune
from dashprune.pruners.dash import Dash
from dashprune.pruners.imp import Imp

SCHEDULE = Schedule(start=1, first=0.5, every=2, then=0.2, epochs=8)
P = np.array([[2.0, 1, 0, 0], [1, 2, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
A = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, 0]])


def net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 3))


def trained(own: nn.Module, guided: Any, epochs: range, optimizer: torch.optim.Optimizer) -> None:
    generator = torch.Generator().manual_seed(1)
    x, y = torch.rand(16, 4, generator=generator), torch.rand(16, 3, generator=generator)
    for epoch in epochs:
        guided.update(epoch)
        optimizer.zero_grad()
        ((own(x) - y) ** 2).mean().backward()
        optimizer.step()


@pytest.mark.parametrize("strategy", ["dash", "bioprune", "imp"])
def test_masks_are_those_of_the_strategy_on_phoenix(strategy: str, example: Problem) -> None:
    """Bit for bit, at every epoch, while the weights move in between."""
    model = Phoenix(3, 4, "abs", multiplier_rate=5.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(3))
    twin = copy.deepcopy(model)
    pruner = {
        "dash": lambda: Dash(0.6, 0.8, True, SCHEDULE, None, seed=5),
        "bioprune": lambda: BioPrune(SCHEDULE, None, seed=5),
        "imp": lambda: Imp(SCHEDULE),
    }[strategy]()
    pruner.attach(twin, example)
    priors = {"inputs": example.coregulation, "outputs": example.prior}
    guided = guide(
        model, model.chains(), **priors, schedule=SCHEDULE, strategy=strategy, lambda_1=0.6, lambda_2=0.8, seed=5
    )
    for epoch in range(1, 9):
        assert guided.update(epoch) == pruner.update(twin, epoch)
        for mask, layer in zip(guided.masks(), twin.layers(), strict=True):
            assert torch.equal(mask, layer.parametrizations.weight[0].mask)
        for one in (model, twin):
            for number, parameter in enumerate(one.parameters()):
                noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(10 * epoch + number))
                parameter.data.add_(0.1 * noise)


def test_a_layer_alone_is_cut_by_what_it_joins() -> None:
    layer = nn.Linear(4, 3)
    guided = guide(
        nn.Sequential(layer), [["0"]], outputs=A, schedule=SCHEDULE, strategy="bioprune", target_sparsity=0.75
    )
    for epoch in range(1, 9):
        guided.update(epoch)
    assert guided.masks()[0].tolist() == (A != 0).T.astype(float).tolist()
    assert guided.sparsity == 0.75


@pytest.mark.parametrize("given", [P, csr_array(P), torch.tensor(P), P.tolist()])
def test_relations_among_inputs_alone_are_enough(given: Any) -> None:
    own = net()
    guided = guide(own, [["0", "3"]], inputs=given, schedule=SCHEDULE, seed=2)
    trained(own, guided, range(1, 9), torch.optim.Adam(own.parameters(), 1e-2))
    other = net()
    twin = guide(other, [[other[0], other[3]]], inputs=7 * P, schedule=SCHEDULE, seed=2)
    trained(other, twin, range(1, 9), torch.optim.Adam(other.parameters(), 1e-2))
    assert all(torch.equal(a, b) for a, b in zip(guided.masks(), twin.masks(), strict=True)), (
        "scale and kind say nothing"
    )
    assert 0.7 < guided.sparsity < 0.8


def test_an_optimizer_that_exists_goes_on_and_cut_weights_stay_zero() -> None:
    own = net()
    optimizer = torch.optim.Adam(own.parameters(), 1e-2)
    ((own(torch.rand(8, 4)) ** 2).mean()).backward()
    optimizer.step()
    before = own[0].weight
    guided = guide(own, [["0", "3"]], inputs=P, outputs=A, schedule=SCHEDULE)
    assert own[0].parametrizations.weight.original is before
    trained(own, guided, range(1, 9), optimizer)
    masks = [mask.clone() for mask in guided.masks()]
    own.train()
    guided.finalize()
    assert own.training
    assert not any("parametrizations" in name for name, _ in own.named_parameters())
    for layer, mask in zip((own[0], own[3]), masks, strict=True):
        assert torch.equal(layer.weight != 0, mask != 0)
    assert set(map(id, own.parameters())) == set(map(id, optimizer.param_groups[0]["params"]))


def test_state_goes_there_and_back() -> None:
    straight, stopped = net(), net()
    options = {"inputs": P, "outputs": A, "schedule": SCHEDULE, "seed": 4}
    one = guide(straight, [["0", "3"]], **options)
    trained(straight, one, range(1, 9), torch.optim.SGD(straight.parameters(), 0.1))
    two = guide(stopped, [["0", "3"]], **options)
    trained(stopped, two, range(1, 5), torch.optim.SGD(stopped.parameters(), 0.1))
    saved = copy.deepcopy((stopped.state_dict(), two.state_dict()))
    again = net(seed=9)
    three = guide(again, [["0", "3"]], **options)
    again.load_state_dict(saved[0])
    three.load_state_dict(saved[1])
    trained(again, three, range(5, 9), torch.optim.SGD(again.parameters(), 0.1))
    assert all(torch.equal(a, b) for a, b in zip(one.masks(), three.masks(), strict=True))
    torch.testing.assert_close(again.state_dict(), straight.state_dict())


def test_a_compiled_network_sees_every_cut() -> None:
    own = net().eval()
    guided = guide(own, [["0", "3"]], inputs=P, schedule=SCHEDULE)
    compiled = torch.compile(own, backend="eager", fullgraph=True)
    x = torch.rand(8, 4)
    before = compiled(x)
    guided.update(1)
    assert not torch.equal(compiled(x), before)
    assert torch.equal(compiled(x), own(x))


def test_chains_of_three_layers_and_a_network_that_trains_nothing_else() -> None:
    deep = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    guided = guide(deep, [["0", "2", "4"]], inputs=P, outputs=A, schedule=SCHEDULE)
    guided.update(1)
    assert [round(float(mask.mean()), 2) for mask in guided.masks()] == [0.5, 0.5, 0.47]  # 8 of 15 are cut
    flow = guide(net(), [["0", "3"]], schedule=SCHEDULE, strategy="synflow", target_sparsity=0.6)
    assert flow.sparsity == pytest.approx(0.6, abs=0.02)
    assert not flow.update(1)


@pytest.mark.parametrize(
    ("chains", "options", "said"),
    [
        ([["0", "hiden"]], {"inputs": P}, "there is no linear layer 'hiden'"),
        ([[nn.Linear(4, 5)]], {"inputs": P}, "is no linear layer of the module"),
        ([], {"inputs": P}, "at least one chain"),
        ([["3", "0"]], {"inputs": P}, "a layer of 3 outputs cannot go before one of 4 inputs"),
        ([["0"], ["3"]], {"inputs": P}, "all chains must go from the same number"),
        ([["0", "3"]], {"inputs": P[:3]}, r"inputs has the shape \(3, 4\), but the layers need \(4, 4\)"),
        ([["0", "3"]], {"outputs": A.T}, r"outputs has the shape \(3, 4\), but the layers need \(4, 3\)"),
        ([["0", "3"]], {"inputs": P - 2}, "symmetric and non-negative"),
        ([["0", "3"]], {"inputs": P * np.nan}, "not finite"),
        ([["0", "3"]], {}, "strategy='dash' needs inputs or outputs"),
        ([["0", "3"]], {"inputs": P, "lambda_1": 2.0}, "lambda_1=2 is not between 0 and 1"),
        ([["0", "3"]], {"inputs": P, "strategy": "dahs"}, "there is no strategy 'dahs'; did you mean 'dash'"),
        ([["0", "3"]], {"strategy": "synflow"}, "needs target_sparsity"),
    ],
)  # fmt: skip
def test_mistakes_are_named(chains: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(DashpruneError, match=said):
        guide(net(), chains, schedule=SCHEDULE, **options)


def test_it_is_found_where_a_user_looks() -> None:
    assert dashprune.guide is guide
    assert {"guide", "Schedule"} <= set(dashprune.__all__)
