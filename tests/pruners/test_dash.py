"""METHODS 3.10 and 3.11: the worked example with the prior 0 -> 1, 0 -| 2, 1 -> 2."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from dashprune.data.problem import Problem, coregulation_from_prior
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError
from dashprune.models.mlp import Mlp
from dashprune.models.parametrizations import mask_of
from dashprune.models.phoenix import Phoenix
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.pruners.bioprune import BioPrune
from dashprune.pruners.dash import Dash, pinv
from dashprune.pruners.imp import Imp
from dashprune.pruners.scheduled import Schedule
from tests.conftest import problem_with
from tests.pruners.test_imp import phoenix

HALF = Schedule(start=1, first=0.5, every=1, then=0.1, epochs=10)
START = [[1.0, 0, 1], [0, 1, 1]]


def dash(lambda_1: float, lambda_2: float, normalize: bool = False, schedule: Schedule = HALF) -> Dash:
    return Dash(lambda_1, lambda_2, normalize=normalize, schedule=schedule, target_sparsity=None, seed=0)


def attached(pruner: Dash, model: Any, problem: Problem, start: object = START) -> Dash:
    pruner.attach(model, problem)
    for name, buffer in pruner.named_buffers():
        if name.startswith("scores_") and name.endswith("_0"):
            buffer.copy_(torch.tensor(start, dtype=torch.float64))
    return pruner


def assert_close(actual: torch.Tensor, expected: object) -> None:
    torch.testing.assert_close(actual, torch.tensor(expected, dtype=torch.float64), atol=2e-6, rtol=0)


def test_coregulation_counts_shared_targets(example: Problem) -> None:
    np.testing.assert_allclose(example.coregulation.toarray(), [[0.4, 0.2, 0], [0.2, 0.2, 0], [0, 0, 0]], rtol=1e-6)


def test_prior_term_of_the_input_layer(example: Problem) -> None:
    scores = attached(dash(1, 0), phoenix(), example).score(phoenix(), 0)[0]
    assert_close(scores, [[0.2, 0.0666667, 0], [0, 0.0666667, 0]])


def test_example_a_published_form(example: Problem) -> None:
    model = phoenix()
    pruner = attached(dash(0.5, 0), model, example)
    assert pruner.update(model, 1)
    assert_close(pruner.get_buffer("scores_0_0"), [[0.25, 0.0833333, 0], [0.1, 0.0333333, 0.2]])
    assert mask_of(model.sums).tolist() == [[1, 0, 0], [1, 0, 1]]


def test_example_a_normalised(example: Problem) -> None:
    model = phoenix()
    scores = attached(dash(0.5, 0, normalize=True), model, example).score(model, 0)[0]
    assert_close(scores, [[0.45, 0.15, 0], [0.1, 0.1, 0.2]])


def test_example_a_with_the_published_importance(example: Problem) -> None:
    model = phoenix("exp")
    scores = attached(dash(0.5, 0), model, example).score(model, 1)[0]
    assert_close(scores, [[0.209809, 0.10694, 0.081348], [0.099359, 0.114682, 0.054529]])


def test_example_c_a_dead_gene_survives_by_its_prior(example: Problem) -> None:
    model = phoenix()
    pruner = attached(dash(0.5, 0.5), model, example)
    assert_close(pruner.score(model, 0)[1], [[0.1666667, 0], [1.8, 0], [2.4666667, 0.2666667]])
    attached(pruner := dash(0.5, 0.5), model := phoenix(), example)
    pruner.update(model, 1)
    assert mask_of(model.sums_out).tolist() == [[0, 0], [1, 0], [1, 1]]


def test_b1_the_published_form_alternates_between_two_scores(example: Problem) -> None:
    model = phoenix()
    pruner = attached(dash(1, 0), model, example)
    first = pruner.score(model, 0)[0].clone()
    assert_close(pruner.score(model, 0)[0], [[2, 1, 0], [1, 2, 0]])
    assert_close(pruner.score(model, 0)[0], first.tolist())


def test_b3_the_published_prior_term_shrinks_when_scores_grow(example: Problem) -> None:
    for factor, total in ((1, 1 / 3), (10, 1 / 30)):
        start = [[factor * value for value in row] for row in START]
        scores = attached(dash(1, 0), phoenix(), example, start).score(phoenix(), 0)[0]
        assert scores.sum().item() == pytest.approx(total)


def masks(pruner: Any, model: Any, problem: Problem, start: object = START) -> list[list[list[float]]]:
    attached(pruner, model, problem, start) if isinstance(pruner, Dash) else pruner.attach(model, problem)
    for epoch in range(1, 5):
        pruner.update(model, epoch)
    return [mask_of(layer).tolist() for chain in model.chains() for layer in chain]


def test_b2_at_lambda_one_no_scale_matters(example: Problem) -> None:
    start = [[0.9, 0.2, 0.5], [0.3, 0.7, 0.4]]  # START would give equal scores, which rounding ranks by chance
    reference = masks(dash(1, 1), phoenix(), example, start)
    assert masks(dash(1, 1, normalize=True), phoenix(), example, start) == reference
    assert masks(dash(1, 1), phoenix(), example, [[7 * value for value in row] for row in start]) == reference
    scaled = problem_with(3 * example.prior)
    assert masks(dash(1, 1), phoenix(), scaled, start) == reference


def test_b4_lambda_zero_is_magnitude_pruning_even_with_singular_scores(example: Problem) -> None:
    singular = [[1.0, 1, 1], [1, 1, 1]]
    for normalize in (False, True):
        assert masks(dash(0, 0, normalize), phoenix(), example, singular) == masks(Imp(HALF), phoenix(), example)


def test_bioprune_is_dash_at_lambda_one_and_ignores_the_weights(example: Problem) -> None:
    model, other = phoenix(), phoenix()
    with torch.no_grad():
        for layer in (other.sums, other.products, other.sums_out, other.products_out):
            layer.weight.mul_(-17)
    assert masks(BioPrune(HALF, None, seed=0), model, example) == masks(dash(1, 1, normalize=True), phoenix(), example)
    assert masks(BioPrune(HALF, None, seed=0), other, example) == [
        mask_of(w).tolist() for c in model.chains() for w in c
    ]


def test_initial_scores_depend_on_the_seed_alone(example: Problem) -> None:
    def initial(seed: int, model: Any) -> torch.Tensor:
        pruner = Dash(0.5, 0.5, normalize=True, schedule=HALF, target_sparsity=None, seed=seed)
        pruner.attach(model, example)
        return pruner.get_buffer("scores_0_0")

    torch.testing.assert_close(initial(1, phoenix()), initial(1, phoenix("exp")))
    assert not torch.equal(initial(1, phoenix()), initial(2, phoenix()))


def test_an_all_zero_prior_is_refused_only_where_it_counts() -> None:
    empty = problem_with(np.zeros((3, 3), dtype=np.float32))
    with pytest.raises(DashpruneError, match=r"lambda_1: 0\.5 asks for the co-regulation matrix, which is all zero"):
        dash(0.5, 0).attach(phoenix(), empty)
    with pytest.raises(DashpruneError, match=r"lambda_2: 0\.5 asks for the prior, which is all zero; give a prior"):
        dash(0, 0.5).attach(phoenix(), empty)
    dash(0, 0).attach(model := phoenix(), empty)
    assert mask_of(model.sums).all()


# Chains of any depth.


def test_shapes_of_a_chain_of_three_layers() -> None:
    prior = np.random.default_rng(1).integers(0, 2, (6, 6)).astype(np.float32)
    model = Mlp(6, hidden=[4, 3], decay=False)
    pruner = dash(0.5, 0.5, normalize=True)
    pruner.attach(model, problem_with(prior))
    scores = pruner.score(model, 0)
    assert [tuple(score.shape) for score in scores] == [(4, 6), (3, 4), (6, 3)]
    assert all(torch.isfinite(score).all() for score in scores)


def test_the_middle_score_is_the_least_squares_answer() -> None:
    prior = np.random.default_rng(1).integers(0, 2, (6, 6)).astype(np.float32)
    model = Mlp(6, hidden=[4, 3], decay=False)
    pruner = dash(0, 1, normalize=True)
    pruner.attach(model, problem_with(prior))
    last = pruner.get_buffer("scores_0_2").clone()
    first, middle, _ = pruner.score(model, 0)
    answer = (pinv(last) @ pruner.targets.to_dense() @ pinv(first)).abs()
    torch.testing.assert_close(middle, answer / answer.sum())


def edges() -> PhoenixEdge:
    """Three genes with weights from genes to genes in both branches; υ = (1, 2, 1), a = (1, 1, 0)."""
    model = PhoenixEdge(3, multiplier_rate=2.0, recovery=True)
    with torch.no_grad():
        model.sums.weight.copy_(torch.tensor([[0.0, 3, 0], [1, 0, -1], [0, 0, 1]]))
        model.products.weight.copy_(torch.tensor([[0.0, -1, 0], [0, 0.5, 0], [0, 5, 5]]))
        model.amplitudes.copy_(torch.tensor([1.0, 1, 0]))
        model.raw_multipliers.copy_(torch.tensor([1.0, 2, 1]))
    return model


def test_layers_from_genes_to_genes_are_mixed_with_the_prior_itself(example: Problem) -> None:
    """Aᵀ has three edges of a third each; importances sum to 8 and to 2. λ₂ belongs to later layers, and has no say."""
    pruner = dash(0.6, 0.9, normalize=True)
    pruner.attach(edges(), example)
    assert_close(pruner.score(edges(), 0)[0], [[0, 0.15, 0], [0.3, 0, 0.1], [0.2, 0.2, 0.05]])
    assert_close(pruner.score(edges(), 1)[0], [[0, 0.2, 0], [0.2, 0.2, 0], [0.2, 0.2, 0]])


def test_bioprune_keeps_the_priors_edges_in_layers_from_genes_to_genes(example: Problem) -> None:
    model = edges()
    schedule = Schedule(start=1, first=2 / 3, every=10, then=0.0, epochs=5)
    pruner = BioPrune(schedule, None, seed=0)
    pruner.attach(model, example)
    assert pruner.update(model, 1)
    for layer in model.layers():
        assert mask_of(layer).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_a_prior_that_explains_nothing_leaves_pure_magnitude() -> None:
    model = Mlp(6, hidden=[4, 3], decay=False)
    pruner = dash(0, 0.9, normalize=True)
    pruner.attach(model, problem_with(np.eye(6, dtype=np.float32)))
    pruner.targets.zero_()
    for layer, score in zip(model.chains()[0], pruner.score(model, 0), strict=True):
        torch.testing.assert_close(score, layer.weight.abs().double() / layer.weight.abs().sum(dtype=torch.float64))


def test_the_published_form_needs_two_layers() -> None:
    with pytest.raises(DashpruneError, match="chains of two layers, but the model has 3"):
        dash(0.5, 0.5, normalize=False).check(Mlp(3, hidden=[2, 2], decay=False))


def test_sparser_than_the_rank_of_the_prior_stays_finite() -> None:
    """More hidden units than the rank of P: S Sᵀ is singular from the second event on."""
    prior = np.zeros((8, 8), dtype=np.float32)
    prior[0, 1:3] = 1
    model = Phoenix(8, hidden=6, importance="abs", multiplier_rate=1.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(0))
    pruner = BioPrune(HALF, None, seed=0)
    pruner.attach(model, problem_with(prior))
    for epoch in range(1, 5):
        pruner.update(model, epoch)
    assert torch.isfinite(pruner.get_buffer("scores_0_0")).all()
    assert coregulation_from_prior(sparse(prior, np.float32)).sum() == pytest.approx(1)


def test_a_copy_of_the_pruner_scores_alike(example: Problem) -> None:
    pruner = attached(dash(0.5, 0.5, normalize=True), phoenix(), example)
    twin = copy.deepcopy(pruner)
    for score, again in zip(pruner.score(phoenix(), 0), twin.score(phoenix(), 0), strict=True):
        torch.testing.assert_close(score, again, rtol=0, atol=0)
    assert not {"coregulation", "targets"} & twin.state_dict().keys()
