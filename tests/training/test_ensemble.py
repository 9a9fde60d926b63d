"""Models trained as one against the same models trained alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from dashprune.config import Plateau, Train
from dashprune.data.problem import Problem, Split
from dashprune.models.base import VectorField
from dashprune.models.mlp import Mlp
from dashprune.models.parametrizations import Threshold, parametrization_of
from dashprune.models.phoenix import Phoenix
from dashprune.pruners.base import Chain, Pruner
from dashprune.pruners.cnode import CNode
from dashprune.pruners.dash import Dash
from dashprune.pruners.dst import Dst
from dashprune.pruners.imp import Imp
from dashprune.pruners.l0 import L0
from dashprune.pruners.pathreg import PathPenalty
from dashprune.pruners.pinn import Pinn
from dashprune.pruners.scheduled import Schedule
from dashprune.pruners.sparseflow import SparseFlow
from dashprune.pruners.synflow import SynFlow
from dashprune.solvers.base import Solver
from dashprune.solvers.etdrk4 import Etdrk4
from dashprune.solvers.torchdiffeq import Torchdiffeq
from dashprune.training import loop
from dashprune.training.loop import Member, fit_together
from dashprune.training.state import Training

SETTINGS = Train(
    epochs=8, batch_trajectories=1, learning_rate=1e-2,
    plateau=Plateau(factor=0.5, patience=0, threshold=1e-6, min_lr=1e-3), early_stop=None, checkpoint_every=1,
)  # fmt: skip
SOLVERS = [Etdrk4(step=0.5), Torchdiffeq("rk4")]


def phoenix(importance: str = "abs", recovery: bool = True) -> Phoenix:
    return Phoenix(3, 4, importance, multiplier_rate=5.0, recovery=recovery)  # type: ignore[arg-type]


def schedule(start: int = 2, every: int = 3) -> Schedule:
    return Schedule(start=start, first=0.3, every=every, then=0.2, epochs=8)


PRUNERS: list[Callable[[], Pruner]] = [
    lambda: Imp(schedule()),
    lambda: Imp(schedule(start=3, every=2)),
    lambda: Dash(0.5, 0.9, True, schedule(), None, seed=1),
    lambda: SynFlow(0.6, 3, seed=7),
    lambda: SparseFlow(cycles=2, target_sparsity=0.6, epochs=8),  # forgets its moments at each cut
    lambda: CNode(1e-3, 1e-3),
    lambda: CNode(1e-1, 1e-3),
    lambda: L0(1e-3, 100.0, 0.5, 0.2, 0.5, seed=3),
    lambda: L0(1e-1, 100.0, 0.5, 0.2, 0.5, seed=4, random_gates=True),
    lambda: L0(1e-1, 100.0, 0.5, 0.2, 0.5, seed=5, random_gates=True),
    lambda: Chain({"l0": L0(1e-3, 100.0, 0.5, 0.2, 0.5, seed=3), "paths": PathPenalty(1e-2, 1e-3)}),
    lambda: Dst(1e-3),
    lambda: Pinn(0.9, 20, 5, 1.0, seed=5),
    lambda: Chain({"pinn": Pinn(0.8, 20, 5, 1.0, seed=6), "imp": Imp(schedule())}),
    lambda: Pruner(),
]
MODELS: list[Callable[[], VectorField]] = [phoenix, lambda: Mlp(3, [4, 5], decay=True), lambda: Mlp(3, 4, decay=False)]


def members(problem: Problem, make: Callable[[], VectorField], settings: Train = SETTINGS) -> list[Member]:
    made = []
    for seed, pruner in enumerate(own() for own in PRUNERS * 2):
        model = make()
        model.reset_parameters(torch.Generator().manual_seed(seed))
        pruner.attach(model, problem)
        training = Training(model, pruner, replace(settings, learning_rate=settings.learning_rate / (1 + seed)))
        made.append(Member(training, problem.train, problem.validation, seed, lambda: None))
    return made


def alone(problem: Problem, make: Callable[[], VectorField], solver: Solver) -> list[Member]:
    trained = members(problem, make)
    for member in trained:
        fit_together([member], solver)
    return trained


def compare(found: list[Member], expected: list[Member]) -> None:
    for one, other in zip(found, expected, strict=True):
        a, b = one.training, other.training
        assert np.array(a.history) == pytest.approx(np.array(b.history), rel=1e-3, abs=1e-7)
        assert a.best_epoch == b.best_epoch
        for layer, twin in zip(a.model.layers(), b.model.layers(), strict=True):
            torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-3, atol=1e-5)
        for (name, tensor), twin in zip(a.model.named_parameters(), b.model.parameters(), strict=True):
            if "parametrizations.weight" not in name:
                torch.testing.assert_close(tensor, twin, rtol=1e-3, atol=1e-5)
        for parameter, twin_parameter in zip(a.model.parameters(), b.model.parameters(), strict=True):
            state, expected = a.optimizer.state[parameter], b.optimizer.state[twin_parameter]
            alive = state["exp_avg"] != 0  # masked weights, and whatever else has no gradient, need no moments
            assert state["step"] == expected["step"]
            for key in ("exp_avg", "exp_avg_sq"):
                torch.testing.assert_close(state[key][alive], expected[key][alive], rtol=1e-2, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS, ids=["etdrk4", "rk4"])
@pytest.mark.parametrize("make", MODELS, ids=["phoenix", "mlp with decay", "mlp"])
def test_trained_together_equals_trained_alone(
    make: Callable[[], VectorField],
    solver: Solver,
    example: Problem,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Several pruners, schedules, seeds and learning rates at once."""
    sizes = []
    original = loop._train_as_one
    monkeypatch.setattr(loop, "_train_as_one", lambda group, *rest: (sizes.append(len(group)), original(group, *rest)))
    together = members(example, make)
    fit_together(together, solver)
    assert {4, 10} < set(sizes) <= {2, 4, 6, 8, 10}
    assert "cannot train as one" not in capsys.readouterr().err
    compare(together, alone(example, make, solver))


@pytest.mark.slow
def test_thresholds_start_again_in_their_own_model_only(example: Problem) -> None:
    def two() -> list[Member]:
        made = [member for member in members(example, phoenix) if isinstance(member.training.pruner, Dst)]
        for member, threshold in zip(made, (10.0, 1e-3), strict=True):  # the first cuts all weights
            member.training.settings = replace(member.training.settings, epochs=1)
            for own in thresholds(member):
                own.threshold.data.fill_(threshold)
        return made

    def thresholds(member: Member) -> list[Threshold]:
        return [parametrization_of(layer, Threshold) for layer in member.training.model.layers()]

    together, each = two(), two()
    fit_together(together, SOLVERS[0])
    for member, twin in zip(together, each, strict=True):
        fit_together([twin], SOLVERS[0])
        for own, other in zip(thresholds(member), thresholds(twin), strict=True):
            torch.testing.assert_close(own.threshold, other.threshold, rtol=1e-3, atol=1e-5)
            assert own.resets == other.resets
    assert [all(own.resets > 0 for own in thresholds(member)) for member in together] == [True, False]


@pytest.mark.slow
def test_one_that_has_done_some_epochs_already(example: Problem) -> None:
    """As after a crash: two have made other numbers of steps than the others, and go on from there."""
    ahead = members(example, phoenix)
    for member in ahead[:2]:
        rest, member.training.settings = member.training.settings, replace(member.training.settings, epochs=3)
        fit_together([member], SOLVERS[0])
        member.training.settings = rest
    fit_together(ahead, SOLVERS[0])
    compare(ahead, alone(example, phoenix, SOLVERS[0]))


@pytest.mark.slow
def test_one_that_diverges_does_not_stop_the_others(example: Problem) -> None:
    together = members(example, phoenix)
    with torch.no_grad():
        together[1].training.model.chains()[1][0].bias.fill_(1e4)
    fit_together(together, SOLVERS[0])
    assert "epoch 1, step 1: the solution diverged" in str(together[1].error)
    assert together[1].training.history == []
    expected = alone(example, phoenix, SOLVERS[0])
    compare(together[:1] + together[2:], expected[:1] + expected[2:])


def test_what_differs_in_more_than_numbers_is_not_stacked(example: Problem) -> None:
    def key(model: VectorField, pruner: Pruner, solver: Solver = SOLVERS[0], split: Split | None = None) -> object:
        pruner.attach(model, example)
        return Member(
            Training(model, pruner, SETTINGS), split or example.train, example.validation, 0, lambda: None
        ).alike(solver)

    imp = key(phoenix(), Imp(schedule()))
    assert imp is not None
    assert imp == key(phoenix(), Dash(0.5, 0.9, True, schedule(), None, seed=1))
    assert imp != key(phoenix(recovery=False), Imp(schedule()))
    assert imp != key(Phoenix(3, 5, "abs", 5.0, True), Imp(schedule()))
    assert imp != key(phoenix(), Pruner())  # which has no masks
    penalty = key(phoenix(), CNode(1e-3, 1e-3))
    assert penalty == key(phoenix(), CNode(1e-1, 1e-3))
    assert penalty != key(phoenix(), Pruner())
    gates = [L0(1e-3, 100.0, beta, 0.2, 0.5, seed=3) for beta in (0.5, 0.5, 0.6)]
    assert key(phoenix(), gates[0]) == key(phoenix(), gates[1]) != key(phoenix(), gates[2])
    with_prior = [Pinn(weight, 20, rows, 1.0, seed=5) for weight, rows in ((0.5, 5), (0.6, 5), (1.0, 5), (0.5, 6))]
    assert key(phoenix(), with_prior[0]) == key(phoenix(), with_prior[1])
    assert len({str(key(phoenix(), own)) for own in with_prior}) == 3
    assert key(phoenix(), Imp(schedule()), Torchdiffeq("dopri5", rtol=1e-3, atol=1e-3)) is None
    ragged = Split(example.train.expression, np.array([[0, 1, 3, 4], [0, 1, 3, np.nan], [0, 1, np.nan, np.nan]]))
    assert key(phoenix(), Imp(schedule()), split=ragged) not in (None, imp)


def test_no_more_runs_are_trained_as_one_than_gain_by_it(example: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [member for member in members(example, phoenix) if type(member.training.pruner) is Pruner]
    made += [member for member in members(example, phoenix) if type(member.training.pruner) is Pruner][:1]
    largest = max(one.start.numel() for one in made[0].trajectories)
    assert [len(group) for group in loop.groups(made, SOLVERS[0])] == [3]
    for room, sizes in ((2, [2, 1]), (1, [1, 1, 1]), (0.5, [1, 1, 1])):
        monkeypatch.setattr(loop, "IN_CACHE", int(room * largest * SETTINGS.batch_trajectories))
        found = loop.groups(made, SOLVERS[0])
        assert [len(group) for group in found] == sizes
        assert [member for group in found for member in group] == made


def test_trajectories_of_different_lengths(example: Problem, capsys: pytest.CaptureFixture[str]) -> None:
    """In each step the runs have other numbers of transitions; short batches are filled up with what does not count."""
    times = example.train.times.copy()
    times[1, 3:], times[2, 2:] = np.nan, np.nan
    ragged = replace(example, train=replace(example.train, times=times))
    together, each = members(ragged, phoenix), members(ragged, phoenix)
    fit_together(together, SOLVERS[0])
    assert "cannot train as one" not in capsys.readouterr().err
    for member in each:
        fit_together([member], SOLVERS[0])
    compare(together, each)


@pytest.mark.slow
def test_without_validation_trained_together_equals_trained_alone(example: Problem) -> None:
    unvalidated = replace(example, validation=Split.none(3))
    together, each = members(unvalidated, phoenix), members(unvalidated, phoenix)
    fit_together(together, SOLVERS[0])
    for member in each:
        fit_together([member], SOLVERS[0])
    for one, other in zip(together, each, strict=True):
        assert one.training.history[0].validation is None
        losses = [[row.loss for row in member.training.history] for member in (one, other)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3, abs=1e-7)
        assert one.training.best_epoch == other.training.best_epoch
