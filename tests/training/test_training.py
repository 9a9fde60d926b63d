from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from dashprune.config import Plateau, Train
from dashprune.data.problem import Problem, Split
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.models.mlp import Mlp
from dashprune.models.phoenix import Phoenix
from dashprune.pruners.base import Pruner
from dashprune.pruners.cnode import CNode
from dashprune.pruners.imp import Imp
from dashprune.pruners.scheduled import Schedule
from dashprune.pruners.sparseflow import SparseFlow
from dashprune.solvers.base import Solver
from dashprune.solvers.torchdiffeq import Torchdiffeq
from dashprune.training import loop as loop
from dashprune.training.batches import Batch, batches, by_trajectory
from dashprune.training.loop import fit
from dashprune.training.state import Epoch, Training

SETTINGS = Train(
    epochs=6, batch_trajectories=1, learning_rate=1e-2,
    plateau=Plateau(factor=0.5, patience=0, threshold=1e-6, min_lr=1e-3), early_stop=None, checkpoint_every=1,
)  # fmt: skip
SOLVER = Torchdiffeq("rk4", step=0.5)


def training(model: VectorField, pruner: Pruner, problem: Problem, settings: Train = SETTINGS) -> Training:
    model.reset_parameters(torch.Generator().manual_seed(0))
    pruner.attach(model, problem)
    return Training(model, pruner, settings)


def run(state: Training, problem: Problem, after_epoch: Callable[[], None] = lambda: None) -> Training:
    fit(state, problem.train, problem.validation, SOLVER, seed=0, after_epoch=after_epoch)
    return state


def row(epoch: int, validation: float | None, loss: float = 0.0) -> Epoch:
    return Epoch(epoch, loss, validation, 0.0, 0.0, 0)


def test_training_lowers_the_error(example: Problem) -> None:
    state = run(training(Mlp(3, hidden=8, decay=False), Pruner(), example, replace(SETTINGS, epochs=30)), example)
    assert state.history[-1].error < 0.5 * state.history[0].error
    assert [r.epoch for r in state.history] == list(range(1, 31))


def test_the_multipliers_keep_their_own_rate_after_a_cut(example: Problem) -> None:
    """The published code gave it to another group from the first cut on."""
    model = Phoenix(3, hidden=4, importance="abs", multiplier_rate=5.0, recovery=True)
    state = training(model, Imp(Schedule(start=3, first=0.5, every=10, then=0.0, epochs=6)), example)
    for group in state.optimizer.param_groups:
        group["lr"] /= 8
    state.restart()
    rates = {id(p): group["lr"] for group in state.optimizer.param_groups for p in group["params"]}
    assert rates.pop(id(model.raw_multipliers)) == pytest.approx(5e-2)
    assert set(rates.values()) == {1e-2}


def test_a_cut_resets_rate_scheduler_and_best_but_not_adam(example: Problem) -> None:
    model = Phoenix(3, hidden=4, importance="abs", multiplier_rate=5.0, recovery=True)
    state = training(model, Imp(Schedule(start=4, first=0.5, every=10, then=0.0, epochs=6)), example)
    steps: list[float] = []

    def observe() -> None:
        steps.append(next(iter(state.optimizer.state.values()))["step"].item())

    run(state, example, observe)
    assert [r.pruned for r in state.history] == [0, 0, 0, 1, 0, 0]
    assert state.history[3].learning_rate == 1e-2
    assert state.best_epoch >= 4
    assert state.best_validation == min(r.error for r in state.history[3:])
    assert steps == [3, 6, 9, 12, 15, 18]  # three trajectories a step each; the moments go on


def test_the_best_model_is_the_one_of_its_epoch(example: Problem) -> None:
    state = training(Mlp(3, hidden=4, decay=False), Pruner(), example)
    for epoch, error in enumerate([3.0, 1.0, 1.0, 2.0], 1):
        with torch.no_grad():
            state.model.chains()[0][0].bias.fill_(float(epoch))
        state.record(row(epoch, error))
    assert (state.best_epoch, state.best_validation) == (2, 1.0)  # a tie is no improvement
    assert state.best is not None
    assert (state.best["linear.0.bias"] == 2).all()


def test_early_stopping_counts_epochs_without_a_new_best(example: Problem) -> None:
    state = training(Mlp(3, hidden=4, decay=False), Pruner(), example, replace(SETTINGS, epochs=100, early_stop=2))
    finished = []
    for epoch, error in enumerate([3.0, 2.0, 2.5, 2.1, 2.0], 1):
        finished.append(state.finished)
        if not state.finished:
            state.record(row(epoch, error))
    assert finished == [False, False, False, False, True]


def test_without_validation_the_loss_steers(example: Problem) -> None:
    """Errors 3, 1, 1, 1 with patience 0: the best epoch is the second, the rate halves after it, and three stop."""
    state = training(Mlp(3, hidden=4, decay=False), Pruner(), example, replace(SETTINGS, epochs=100, early_stop=2))
    for epoch, loss in enumerate([3.0, 1.0, 1.0, 1.0], 1):
        assert not state.finished
        state.record(row(epoch, None, loss))
    assert state.finished
    assert (state.best_epoch, state.best_validation) == (2, 1.0)
    assert state.optimizer.param_groups[0]["lr"] == pytest.approx(2.5e-3)


def test_the_loss_holds_what_a_strategy_adds(example: Problem) -> None:
    """C-NODE with a strong penalty: without validation, the epoch with the lowest objective is the best."""
    unvalidated = replace(example, validation=Split.none(3))
    state = run(training(Mlp(3, hidden=4, decay=False), CNode(10.0, 0.0), example), unvalidated)
    plain = run(training(Mlp(3, hidden=4, decay=False), CNode(0.0, 0.0), example), unvalidated)
    assert [row.validation for row in state.history] == [None] * 6
    assert state.best_validation == min(row.loss for row in state.history)
    assert state.history[0].loss > plain.history[0].loss


def test_training_never_stops_before_the_schedule_has_finished(example: Problem) -> None:
    pruner = Imp(Schedule(start=2, first=0.1, every=5, then=0.1, epochs=12))
    state = training(Mlp(3, hidden=4, decay=False), pruner, example, replace(SETTINGS, epochs=12, early_stop=1))
    assert pruner.last_event == 10
    for epoch in range(1, 10):
        state.record(row(epoch, 1.0 + epoch))
        assert not state.finished


def test_the_learning_rate_falls_to_its_floor_on_a_plateau(example: Problem) -> None:
    state = training(Mlp(3, hidden=4, decay=False), Pruner(), example)
    rates = []
    for epoch in range(1, 8):
        state.record(row(epoch, 1.0))
        rates.append(state.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-2, 5e-3, 2.5e-3, 1.25e-3, 1e-3, 1e-3, 1e-3])


def test_every_trajectory_is_seen_once_an_epoch(example: Problem) -> None:
    parts = by_trajectory(example.train, torch.device("cpu"))
    for size, steps in ((1, 3), (2, 2), (5, 1)):
        drawn = list(batches(parts, size, torch.Generator().manual_seed(0)))
        assert len(drawn) == steps
        starts = torch.cat([batch.start for batch in drawn])
        assert sorted(starts[:, 0].tolist()) == sorted(torch.cat([p.start for p in parts])[:, 0].tolist())


def test_ragged_trajectories_are_cut_at_their_end() -> None:
    split = Split(np.zeros((2, 3, 4), np.float32), np.array([[0, 1, 3], [0, 2, np.nan]]))
    assert [part.dt.tolist() for part in by_trajectory(split, torch.device("cpu"))] == [[1, 2], [2]]


@pytest.mark.parametrize("validated", [True, False])
def test_a_restored_training_goes_on_bit_for_bit(example: Problem, validated: bool) -> None:
    example = example if validated else replace(example, validation=Split.none(3))

    def fresh() -> Training:
        pruner = Imp(Schedule(start=2, first=0.3, every=2, then=0.1, epochs=6))
        return training(Phoenix(3, hidden=4, importance="abs", multiplier_rate=5.0, recovery=True), pruner, example)

    saved: dict[int, dict[str, object]] = {}
    whole = fresh()

    def keep() -> None:
        saved[len(whole.history)] = {k: _copied(v) for k, v in whole.state_dict().items()}

    run(whole, example, keep)
    for epoch in range(1, 6):
        resumed = fresh()
        resumed.load_state_dict(saved[epoch])
        run(resumed, example)
        assert resumed.history == whole.history
        for a, b in zip(resumed.model.state_dict().values(), whole.model.state_dict().values(), strict=True):
            assert torch.equal(a, b)


def _copied(value: object) -> object:
    import copy

    return copy.deepcopy(value)


def test_a_divergence_names_epoch_step_and_remedy(example: Problem) -> None:
    state = training(Mlp(3, hidden=4, decay=False), Pruner(), example, replace(SETTINGS, learning_rate=1e30))
    with pytest.raises(DashpruneError, match=r"epoch 1, step 2: the solution diverged .* lower train\.learning_rate"):
        run(state, example)


def test_a_pruner_may_start_the_optimiser_anew(example: Problem) -> None:
    pruner = SparseFlow(cycles=1, target_sparsity=0.5, epochs=6)
    state = training(Mlp(3, hidden=4, decay=False), pruner, example)
    steps: list[float] = []
    run(state, example, lambda: steps.append(next(iter(state.optimizer.state.values()))["step"].item()))
    assert [row.pruned for row in state.history] == [0, 0, 0, 1, 0, 0]
    assert steps == [3, 6, 9, 3, 6, 9]
    assert state.history[3].learning_rate == state.history[0].learning_rate


@pytest.mark.parametrize(("trajectories", "passes"), [(1, 5), (4, 5), (5, 3), (40, 1)])
def test_few_trajectories_are_passed_over_several_times(trajectories: int, passes: int) -> None:
    """Of 50 steps in 10 epochs: 5 an epoch, of which a pass over 5 trajectories, 4 at a time, makes two."""
    settings = replace(SETTINGS, epochs=10, batch_trajectories=4, steps=50)
    assert settings.passes(trajectories) == passes


def test_the_order_of_batches_depends_on_seed_and_epoch(example: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def step(state: Training, batch: Batch, solver: Solver) -> torch.Tensor:
        seen.append(batch.start[0, 0].item())
        return torch.zeros(())

    def orders(seed: int) -> list[tuple[float, ...]]:
        seen.clear()
        state = training(Mlp(3, hidden=4, decay=False), Pruner(), example, replace(SETTINGS, epochs=12))
        fit(state, example.train, example.validation, SOLVER, seed=seed, after_epoch=lambda: None)
        return [tuple(seen[k : k + 3]) for k in range(0, len(seen), 3)]

    monkeypatch.setattr(loop, "step", step)
    first = orders(0)
    assert orders(0) == first
    assert orders(1) != first
    assert len(set(first)) > 1
    assert {frozenset(order) for order in first} == {frozenset(first[0])}


def test_arithmetic_outside_of_training_is_as_before(example: Problem) -> None:
    run(training(Mlp(3, hidden=4, decay=False), Pruner(), example), example)
    assert torch.tensor(2e-39) / 2 > 0
