"""Training on transitions in which something was done to the genes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dashprune.data.interventions import Interventions, nothing
from dashprune.data.problem import Problem, Split, with_steady_states
from dashprune.models.mlp import Mlp
from dashprune.pruners.imp import Imp
from dashprune.training import loop
from dashprune.training.batches import Batch, by_trajectory, combined, join, mean_square, predicted
from dashprune.training.loop import Member, fit_together
from dashprune.training.state import Training
from tests.conftest import tensor
from tests.training.test_ensemble import SETTINGS, SOLVERS, compare, members, phoenix, schedule

NAN = float("nan")
CPU = torch.device("cpu")


def disturbed(problem: Problem) -> Problem:
    """A knockout, a knockdown and an input in training, and a gene that is held in validation."""
    train, validation = (nothing(3, 3, 3) for _ in range(2))
    train.held[0, 1:, 1] = 0
    train.factor[1, 0, 2] = 0.5
    train.addition[2, :, 0] = 0.3
    validation.held[1, :, 0] = 0.8
    return replace(
        problem,
        train=replace(problem.train, interventions=train),
        validation=replace(problem.validation, interventions=validation),
    )


def test_a_gene_that_is_held_makes_no_error() -> None:
    done = Interventions(tensor([[NAN, 0], [NAN, NAN]]), torch.ones(2, 2), torch.zeros(2, 2))
    batch = Batch(torch.zeros(2, 2), tensor([[1, 5], [2, 3]]), torch.ones(2), done)
    assert mean_square(torch.zeros(2, 2), batch).item() == pytest.approx((1 + 4 + 9) / 3)
    assert mean_square(torch.zeros(2, 2), batch._replace(interventions=None)).item() == pytest.approx(39 / 4)
    held = batch._replace(interventions=done._replace(held=torch.zeros(2, 2)))
    assert mean_square(torch.zeros(2, 2), held).item() == 0
    assert mean_square(torch.zeros(2, 2, 2), combined([batch, batch], torch.stack)).shape == (2,)


def test_batches_keep_what_belongs_together(example: Problem) -> None:
    parts = by_trajectory(disturbed(example).train, CPU)
    whole = join(parts[1:])
    assert whole.interventions is not None
    assert whole.interventions.factor[:, 2].tolist() == [0.5, 1, 1, 1, 1, 1]
    assert whole.interventions.addition[:, 0].tolist() == tensor([0, 0, 0, 0.3, 0.3, 0.3]).tolist()
    assert by_trajectory(example.train, CPU)[0].interventions is None


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS, ids=["etdrk4", "rk4"])
def test_trained_together_equals_trained_alone(
    solver: object, example: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    original = loop._train_as_one
    monkeypatch.setattr(loop, "_train_as_one", lambda group, *rest: (sizes.append(len(group)), original(group, *rest)))
    problem = disturbed(example)
    together, each = members(problem, phoenix), members(problem, phoenix)
    fit_together(together, solver)  # type: ignore[arg-type]
    assert max(sizes) >= 6
    for member in each:
        fit_together([member], solver)  # type: ignore[arg-type]
    compare(together, each)


def test_only_members_that_all_have_interventions_are_stacked(example: Problem) -> None:
    def key(train: Split) -> object:
        model, pruner = phoenix(), Imp(schedule())
        pruner.attach(model, example)
        return Member(Training(model, pruner, SETTINGS), train, example.validation, 0, lambda: None).alike(SOLVERS[0])

    assert key(disturbed(example).train) == key(disturbed(example).train) != key(example.train)


def test_arrays_in_which_nothing_is_done_change_nothing(example: Problem) -> None:
    neutral = [replace(split, interventions=nothing(3, 3, 3)) for split in (example.train, example.validation)]
    with_arrays, without = (
        members(problem, phoenix)[:1]
        for problem in (replace(example, train=neutral[0], validation=neutral[1]), example)
    )
    fit_together(with_arrays, SOLVERS[0])
    fit_together(without, SOLVERS[0])
    found, expected = np.array(with_arrays[0].training.history), np.array(without[0].training.history)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_in_a_steady_state_production_is_decay_whatever_the_rate() -> None:
    """Transition 0 is one, of a gene at half production that settles at J / 2 + u; rates learn nothing from it."""
    model = phoenix(3, 2)
    states, done = tensor([[0.2, 0.4, 0.6], [0.2, 0.4, 0.6]]), Interventions(*map(torch.as_tensor, nothing(2, 3)))
    done.factor[0, 1], done.addition[0, 1], done.held[0, 2] = 0.5, 0.1, 0.9
    batch = Batch(states, states, torch.full((2,), 3.0), done, torch.tensor([True, False]))
    found = predicted(model, batch, SOLVERS[0])
    seen = tensor([0.2, 0.4, 0.9])
    drift = model.drift(seen)
    torch.testing.assert_close(found[0], torch.stack([drift[0], 0.5 * drift[1] + 0.1, seen[2]]))
    torch.testing.assert_close(found[1], predicted(model, batch._replace(steady=None), SOLVERS[0])[1])
    found[0].sum().backward()
    assert model.raw_multipliers.grad is None or not model.raw_multipliers.grad.any()
    together = combined([batch, batch], torch.cat)
    assert together.steady is not None
    assert together.steady.tolist() == [True, False, True, False]


def test_models_without_decay_have_no_place_to_settle_at() -> None:
    y, still = torch.rand(2, 3), torch.tensor([True, True])
    batch = Batch(y, y, torch.ones(2), None, still)
    for decay in (True, False):
        model = Mlp(3, [2], decay=decay)
        settled = model.settled(y)
        assert (settled is None) == (not decay)
        solved = predicted(model, batch._replace(steady=None), SOLVERS[0])
        torch.testing.assert_close(predicted(model, batch, SOLVERS[0]), solved if settled is None else settled)


def test_steady_states_are_marked_in_batches(example: Problem) -> None:
    state = np.full((1, 3), 0.5, dtype=np.float32)
    split = with_steady_states(example.train, [(state, nothing(1, 3))])
    whole = join(by_trajectory(split, CPU))
    assert whole.steady is not None
    assert whole.steady.tolist() == [False] * 9 + [True]
    assert join(by_trajectory(example.train, CPU)).steady is None
