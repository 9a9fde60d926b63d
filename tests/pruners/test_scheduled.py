"""METHODS section 2: the schedule and the cut."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dashprune.errors import DashpruneError
from dashprune.models.mlp import Mlp
from dashprune.pruners.base import Chain, Pruner
from dashprune.pruners.bioprune import BioPrune
from dashprune.pruners.dash import Dash
from dashprune.pruners.imp import Imp
from dashprune.pruners.magnitude import Magnitude
from dashprune.pruners.random import Random
from dashprune.pruners.scheduled import Schedule, cut, share
from dashprune.pruners.sparseflow import SparseFlow
from tests.conftest import problem_with, tensor

SIM = Schedule(start=3, first=0.7, every=10, then=0.1, epochs=200)


def test_s1_survivors_of_the_sim350_schedule() -> None:
    left = SIM.survivors(14_000)
    assert left[:4] == [4200, 3780, 3402, 3062]
    assert left[-1] == 567
    assert len(left) == 20
    assert SIM.events() == [3, *range(10, 200, 10)]
    assert 1 - left[-1] / 14_000 == pytest.approx(0.9595)


def test_s1_survivors_of_the_hematopoiesis_schedule() -> None:
    left = Schedule(start=3, first=0.7, every=10, then=0.1, epochs=240).survivors(26_450)
    assert (len(left), left[-1]) == (24, 704)


def test_the_first_event_cuts_only_its_own_fraction() -> None:
    schedule = Schedule(start=10, first=0.5, every=5, then=0.1, epochs=20)
    assert [schedule.fraction(e) for e in (5, 9, 10, 15, 20)] == [0, 0, 0.5, 0.1, 0]


def test_events_that_cut_nothing_are_none() -> None:
    assert Schedule(start=2, first=0.0, every=2, then=0.0, epochs=10).events() == []


def test_cut_removes_the_lowest_scores_of_the_survivors() -> None:
    mask, score = tensor([[1, 0, 1], [1, 1, 1]]), tensor([[3, 0, 1], [2, 5, 4]])
    cut(mask, score, torch.zeros(2, 3), 0.4)  # 2 of 5
    assert mask.tolist() == [[1, 0, 0], [0, 1, 1]]


def test_halves_round_to_even() -> None:
    mask = torch.ones(1, 5)
    cut(mask, torch.arange(5.0)[None], torch.zeros(1, 5), 0.5)  # 2.5 -> 2
    assert mask.tolist() == [[0, 0, 1, 1, 1]]


def test_ties_go_by_magnitude_then_by_position() -> None:
    mask = torch.ones(1, 4)
    cut(mask, torch.zeros(1, 4), tensor([[2, 1, 1, 3]]), 0.25)
    assert mask.tolist() == [[1, 0, 1, 1]]
    cut(mask, torch.zeros(1, 4), tensor([[2, 1, 1, 3]]), 0.67)
    assert mask.tolist() == [[0, 0, 0, 1]]


def test_a_score_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ArithmeticError, match="not a number"):
        cut(torch.ones(1, 2), tensor([[1.0, math.nan]]), torch.ones(1, 2), 0.5)


@given(st.integers(0, 2**32 - 1), st.lists(st.floats(0, 0.99), min_size=1, max_size=5))
def test_cuts_are_monotone_and_exact(seed: int, fractions: list[float]) -> None:
    generator = torch.Generator().manual_seed(seed)
    mask, alive = torch.ones(6, 7), 42
    for fraction in fractions:
        before = mask.clone()
        score = torch.randint(0, 5, (6, 7), generator=generator).double()  # many ties
        cut(mask, score, torch.rand(6, 7, generator=generator), fraction)
        assert (mask <= before).all()
        alive -= round(fraction * alive)
        assert mask.sum() == alive
        if alive < before.sum() and alive:
            assert score[(before == 1) & (mask == 0)].max() <= score[mask == 1].min()


def test_share_sums_to_one_and_is_uniform_where_nothing_is_important() -> None:
    torch.testing.assert_close(share(tensor([[1, 3]])), torch.tensor([[0.25, 0.75]], dtype=torch.float64))
    torch.testing.assert_close(share(torch.zeros(2, 2)), torch.full((2, 2), 0.25, dtype=torch.float64))


def test_a_schedule_that_would_cut_everything_is_refused() -> None:
    schedule = Schedule(start=1, first=0.9, every=1, then=0.9, epochs=10)
    with pytest.raises(DashpruneError, match=r"cuts all 12 weights of a layer by epoch 2; lower schedule\.first"):
        Imp(schedule).attach(Mlp(6, hidden=2, decay=False), problem_with(torch.eye(6).numpy()))


def test_finalize_leaves_plain_layers_with_exact_zeros() -> None:
    model = Mlp(6, hidden=4, decay=False)
    pruner = Imp(Schedule(start=1, first=0.5, every=5, then=0.1, epochs=3))
    pruner.attach(model, problem_with(torch.eye(6).numpy()))
    assert pruner.update(model, 1)
    assert not pruner.update(model, 2)
    pruner.finalize(model)
    for layer in model.chains()[0]:
        assert type(layer) is torch.nn.Linear
        assert isinstance(layer.weight, torch.nn.Parameter)
        assert (layer.weight == 0).sum() == 12


LATE = Schedule(start=100, first=0.7, every=50, then=0.1, epochs=5)


@pytest.mark.parametrize(
    "pruner",
    [
        Imp(LATE), Dash(0.5, 0.5, True, LATE, None, seed=0), BioPrune(LATE, None, seed=0), Random(LATE, None, seed=0),
        Chain({"cut": Imp(LATE), "other": Pruner()}),
    ],
)  # fmt: skip
def test_a_schedule_that_begins_after_the_end_is_noticed(pruner: Pruner) -> None:
    assert pruner.notice == (
        "nothing will be cut, as the first cut is at epoch 100 (schedule.start), but training ends with epoch 5; "
        "lower schedule.start, or raise train.epochs"
    )


def test_a_schedule_that_cuts_needs_no_notice() -> None:
    assert Imp(Schedule(start=5, first=0.7, every=50, then=0.1, epochs=5)).notice is None
    assert SparseFlow(cycles=4, target_sparsity=0.5, epochs=5).notice is None
    assert Magnitude(target_sparsity=0.5, at=0.99, epochs=5).notice is None
    assert Pruner().notice is None
    assert Chain({"one": Pruner()}).notice is None
