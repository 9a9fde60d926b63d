"""METHODS 3.13: pruning whole pairs of genes to a given number."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dashprune.errors import DashpruneError
from dashprune.models.base import EdgeField
from dashprune.models.parametrizations import mask_of
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.pruners.edge_cut import EdgeCut
from dashprune.pruners.edges import EdgePruner, kept
from tests.conftest import problem_with, tensor
from tests.pruners.test_imp import phoenix

PRIOR = np.array([[0, 0, 0, 1], [0, 0, 0, 0], [-1, 0, 0, 1], [0, 0, 0, 0]], dtype=np.float32)
"""0 -> 3, 2 -| 0, 2 -> 3; row regulates column."""


def edges() -> PhoenixEdge:
    """Four genes. Importances I_ji, summed over branches, targets in rows; each row sums to 1, with all υ and a = 1."""
    model = PhoenixEdge(4, multiplier_rate=2.0, recovery=True)
    with torch.no_grad():
        model.sums.weight.copy_(tensor([[9, 0.5, 0, 0.1], [0.05, 9, -0.05, 0], [0.45, 0.3, 9, 0], [0, 0.3, 0.1, 9]]))
        model.products.weight.copy_(tensor([[9, 0.1, 0.3, 0], [0.8, 9, 0, 0.1], [0, 0, 9, -0.25], [0.6, 0, 0, 9]]))
    return model


def edge_cut(weight: float, edges_per_gene: float = 0.75) -> EdgeCut:
    """Cuts at epochs 2 and 8: of 12 pairs, 12 · (3 / 12)^½ = 6 are left and then 3."""
    return EdgeCut(weight, edges_per_gene, epochs=10, events=2, first=0.2, last=0.8)


def attached(weight: float, model: PhoenixEdge, edges_per_gene: float = 0.75) -> EdgeCut:
    pruner = edge_cut(weight, edges_per_gene)
    pruner.attach(model, problem_with(PRIOR))
    return pruner


def pairs(model: PhoenixEdge) -> list[tuple[int, int]]:
    """(target, source) of the pairs that are left."""
    return [(int(j), int(i)) for j, i in kept(model).nonzero()]


def test_events_are_spread_evenly_between_two_parts_of_training() -> None:
    assert EdgePruner(epochs=160, events=5, first=0.15, last=0.65).cuts == [24, 44, 64, 84, 104]
    assert EdgePruner(epochs=160, events=5, first=0.15, last=0.65).last_event == 104
    assert EdgePruner(epochs=10, events=1, first=0.2, last=0.8).cuts == [2]
    assert EdgePruner(epochs=2, events=5, first=0.1, last=0.8).cuts == [1, 2]


def test_a_gene_is_not_its_own_regulator() -> None:
    model = edges()
    attached(0.0, model)
    for layer in model.layers():
        assert torch.equal(mask_of(layer), 1 - torch.eye(4))
        assert (layer.weight.diagonal() == 0).all()


def test_without_the_prior_the_largest_importances_are_left_and_branches_agree() -> None:
    """Of the shares, 0.85, 0.6, 0.6, 0.45, 0.3 and 0.3 are the largest six; equal ones are kept in reading order."""
    model = edges()
    pruner = attached(0.0, model)
    assert [pruner.update(model, epoch) for epoch in (1, 2, 3)] == [False, True, False]
    assert pairs(model) == [(0, 1), (0, 2), (1, 0), (2, 0), (2, 1), (3, 0)]
    assert pruner.update(model, 8)
    assert pairs(model) == [(0, 1), (1, 0), (3, 0)]
    assert torch.equal(mask_of(model.sums), mask_of(model.products))
    assert not pruner.uses_prior


def test_with_all_weight_on_the_prior_its_edges_are_left() -> None:
    model = edges()
    pruner = attached(1.0, model)
    pruner.update(model, 2)
    assert {(3, 0), (0, 2), (3, 2)} < set(pairs(model))
    pruner.update(model, 8)
    assert pairs(model) == [(0, 2), (3, 0), (3, 2)]
    assert pruner.uses_prior


def test_a_score_is_a_mixture_of_share_and_prior() -> None:
    """With λ = ⅓: (3, 0) 0.733, (1, 0) 0.567 and (0, 2) 0.533, before (3, 2) and (0, 1) with 0.4."""
    model = edges()
    pruner = EdgeCut(1 / 3, edges_per_gene=0.75, epochs=10, events=1, first=0.2, last=0.8)
    pruner.attach(model, problem_with(PRIOR))
    pruner.update(model, 2)
    assert pairs(model) == [(0, 2), (1, 0), (3, 0)]


def test_shares_are_those_of_the_regulators_that_are_left() -> None:
    """As above, but of six pairs that are left at first, (2, 0) is the only one on its target: its share is then 1."""
    model = edges()
    pruner = attached(1 / 3, model)
    pruner.update(model, 2)
    assert pairs(model) == [(0, 1), (0, 2), (1, 0), (2, 0), (3, 0), (3, 2)]
    pruner.update(model, 8)
    assert pairs(model) == [(1, 0), (2, 0), (3, 0)]


def test_the_scale_of_a_target_does_not_count_and_a_dead_gene_has_no_regulators() -> None:
    model = edges()
    with torch.no_grad():
        model.raw_multipliers.copy_(tensor([1e-3, -1, 50, 1]))
    pruner = attached(0.0, model)
    pruner.update(model, 2)
    assert pairs(model) == [(0, 1), (0, 2), (2, 0), (2, 1), (3, 0), (3, 1)]


def test_a_pair_once_cut_stays_zero() -> None:
    model = edges()
    pruner = attached(0.0, model)
    pruner.update(model, 2)
    with torch.no_grad():
        for layer in model.layers():
            layer.parametrizations["weight"].original[0, 3] = 1000.0  # type: ignore[union-attr]
    pruner.update(model, 8)
    assert (0, 3) not in pairs(model)
    model(tensor(0), torch.rand(5, 4)).sum().backward()
    pruner.finalize(model)
    for layer in model.layers():
        assert layer.weight[0, 3] == 0
        assert (layer.weight != 0).sum() <= 3


class Everything(EdgePruner):
    """Chooses all pairs at the first event but those on gene 1, and at later ones all."""

    def choose(self, model: EdgeField, event: int) -> torch.Tensor:
        pairs = torch.ones(model.genes, model.genes, dtype=torch.bool)
        pairs[1] = event > 0
        return pairs


def test_a_strategy_cannot_bring_a_pair_back() -> None:
    model = edges()
    pruner = Everything(epochs=10, events=2, first=0.2, last=0.8)
    pruner.attach(model, problem_with(PRIOR))
    for epoch in (2, 8):
        assert pruner.update(model, epoch)
        assert len(pairs(model)) == 9
        assert all(target not in (1, source) for target, source in pairs(model))


def test_masked_weights_have_no_gradient() -> None:
    model = edges()
    attached(0.0, model)
    model(tensor(0), torch.rand(5, 4)).sum().backward()
    for layer in model.layers():
        gradient = layer.parametrizations["weight"].original.grad  # type: ignore[union-attr]
        assert (gradient.diagonal() == 0).all()
        assert (gradient != 0).sum() == 12


def test_more_edges_than_pairs_cut_nothing_but_self_pairs() -> None:
    model = edges()
    pruner = attached(0.5, model, edges_per_gene=100.0)
    pruner.update(model, 8)
    assert len(pairs(model)) == 12


def test_a_model_without_a_weight_for_every_pair_is_refused() -> None:
    with pytest.raises(DashpruneError, match=r"EdgeCut cuts pairs of genes.*; set model=phoenix_edge$"):
        edge_cut(0.5).check(phoenix())


def test_a_last_cut_before_the_first_is_refused() -> None:
    with pytest.raises(DashpruneError, match=r"^pruner\.last: 0\.2 is before pruner\.first=0\.8; make it at least"):
        EdgeCut(0.5, 1.0, epochs=10, events=2, first=0.8, last=0.2)
