"""The training loop. It knows models, pruners and solvers by their contracts, and no method by name."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence

import torch

from dashprune.data.problem import Split
from dashprune.errors import DashpruneError, say
from dashprune.seeds import torch_generator
from dashprune.solvers.base import IN_CACHE, DivergenceError, Solver
from dashprune.training.batches import Batch, batches, by_trajectory, join, stacked
from dashprune.training.ensemble import Ensemble, shape_of, steps_behind
from dashprune.training.sparse_layers import compacted
from dashprune.training.state import Epoch, Training, evaluate, model_sparsity, step

LARGE = 1000.0
"""Expression, or time between two measurements, above which a model diverges for that reason."""


class Member:
    """One training and its data, among those that `fit_together` trains.

    Attributes:
        error: why the training was given up, or None.

    Args:
        training: the model, its pruner and optimiser; changed in place.
        train: trajectories to fit.
        validation: trajectories whose error steers learning rate, best model and early stopping; without any, the loss
            does.
        seed: of the order of the batches, which is drawn anew for each epoch.
        after_epoch: called after each epoch, for checkpoints and progress.
    """

    def __init__(
        self, training: Training, train: Split, validation: Split, seed: int, after_epoch: Callable[[], None]
    ) -> None:
        self.training, self.seed, self.after_epoch = training, seed, after_epoch
        device = next(training.model.parameters()).device
        self.trajectories = by_trajectory(train, device)
        self.held_out = None if validation.empty else join(by_trajectory(validation, device))
        self.error: Exception | None = None

    def begin_epoch(self) -> None:
        """Prune, if it is time to."""
        training = self.training
        self.epoch = len(training.history) + 1
        self.pruned = training.pruner.update(training.model, self.epoch)
        if self.pruned:
            training.restart()
        self.rate = training.optimizer.param_groups[0]["lr"]

    def batches(self) -> Iterator[Batch]:
        """Those of the current epoch."""
        generator, settings = torch_generator(self.seed, "batches", self.epoch), self.training.settings
        for _ in range(settings.passes(len(self.trajectories))):
            yield from batches(self.trajectories, settings.batch_trajectories, generator)

    def attempt(self, stage: Callable[[], None]) -> None:
        """Do something that no failure of may stop other members; it ends this one."""
        if self.error is None:
            try:
                stage()
            except Exception as error:
                self.error = error

    def note(self, losses: list[float], validation: float | None, reason: str = "") -> None:
        """Take note of the epoch's losses and of the error on the validation split, or of a divergence.

        Args:
            losses: of the optimiser steps.
            validation: mean squared error after them; None without a validation split.
            reason: why the last of these is not a number, where there is more to say than that.
        """
        self.loss, self.validation = sum(losses) / len(losses), validation
        bad = next((n for n, loss in enumerate(losses, 1) if not math.isfinite(loss)), None)
        if bad is not None:
            self._diverged(f"step {bad}", reason or f"the loss is {losses[bad - 1]}")
        elif validation is not None and not math.isfinite(validation):
            self._diverged("validation", reason or f"the mean squared error is {validation}")

    def end_epoch(self) -> None:
        """Record the epoch."""
        zeros = model_sparsity(self.training.model)
        row = Epoch(self.epoch, self.loss, self.validation, zeros, self.rate, int(self.pruned))
        self.training.record(row)
        self.after_epoch()

    def _diverged(self, where: str, reason: str) -> None:
        kept = "; the last good checkpoint is kept" if self.training.history else ""
        self.error = DashpruneError(
            f"epoch {self.epoch}, {where}: the solution diverged ({reason}); {self._remedy()}{kept}"
        )

    def _remedy(self) -> str:
        """What most likely helps against a divergence: data of a usual size come first."""
        largest = max(float(one.start.abs().max()) for one in self.trajectories)
        longest = max(float(one.dt.max()) for one in self.trajectories)
        if largest > LARGE:
            return f"values reach {largest:.3g}: take logarithms, or bring genes to 0 to 1 (dataset.scale=true)"
        if longest > LARGE:
            return f"a transition lasts {longest:.3g} units of time: count in larger units (dataset.time_scale=auto)"
        rate = self.training.settings.learning_rate
        return f"lower train.learning_rate (now {rate:g}) or solve more exactly (solver.step, solver.rtol)"

    @property
    def most(self) -> float:
        """The largest number of such runs that gain by training as one: on a CPU, what a cache holds the batches of."""
        if self.trajectories[0].start.device.type != "cpu":
            return math.inf
        sizes = sorted(one.start.numel() for one in self.trajectories)
        return IN_CACHE // max(1, sum(sizes[-self.training.settings.batch_trajectories :]))

    def alike(self, solver: Solver) -> object:
        """Equal for members that can be trained as one ensemble in the current epoch; None if this one cannot."""
        training, lengths = self.training, sorted(len(part.dt) for part in self.trajectories)
        shape = shape_of(training.model)
        if shape is None or not solver.fixed_step:
            return None
        held_out = 0 if self.held_out is None else len(self.held_out.dt)
        settings, number = training.settings, len(self.trajectories)
        first = self.trajectories[0]
        known = first.interventions is not None, first.steady is not None
        sizes = (number, settings.batch_trajectories, settings.passes(number), *lengths, held_out, *known)
        return shape, training.pruner.kind, sizes, steps_behind(training.optimizer)


def fit(
    training: Training, train: Split, validation: Split, solver: Solver, seed: int, after_epoch: Callable[[], None]
) -> None:
    """Train until `training.finished`, from wherever `training` stands; the arguments are those of Member.

    Raises:
        DashpruneError: if the solution diverges, naming epoch, step and a remedy.
        OSError: if `after_epoch` cannot write.
    """
    member = Member(training, train, validation, seed, after_epoch)
    fit_together([member], solver)
    if member.error is not None:
        raise member.error


def fit_together(members: Sequence[Member], solver: Solver) -> None:
    """Train each member until it is finished or diverges, as ensembles where they are alike.

    Each has its own weights, masks, moments, schedule and history, as if it were trained alone.
    """
    with _subnormals_flushed():
        while active := [member for member in members if member.error is None and not member.training.finished]:
            for member in active:
                member.attempt(member.begin_epoch)
            for group in groups([member for member in active if member.error is None], solver):
                _train(group, solver)
            for member in active:
                member.attempt(member.end_epoch)


def groups(members: Sequence[Member], solver: Solver) -> list[list[Member]]:
    """The members that can be trained as one in the current epoch, as many together as gain by it; others alone."""
    if len(members) == 1:
        return [list(members)]
    found: list[tuple[object, list[Member]]] = []
    for member in members:
        key = member.alike(solver)
        fitting = [group for other, group in found if key is not None and other == key and len(group) < member.most]
        fitting[0].append(member) if fitting else found.append((key, [member]))
    return [group for _, group in found]


def _train(group: list[Member], solver: Solver) -> None:
    """An epoch of one member, or of several as one; where that fails, of each alone, so that the others go on."""
    if len(group) > 1:
        try:
            return _train_as_one(group, solver)
        except Exception as error:
            say(f"{len(group)} runs cannot train as one now ({type(error).__name__}: {error}); each does alone")
    for member in group:
        member.attempt(functools.partial(_train_alone, member, solver))
    return None


def _train_alone(member: Member, solver: Solver) -> None:
    losses, reason = [], ""
    validation = None if member.held_out is None else math.nan
    with _survivors_only(member.training):
        try:
            for batch in member.batches():
                losses.append(step(member.training, batch, solver))
        except DivergenceError as error:
            losses.append(torch.tensor(math.nan))
            reason = str(error)
        else:
            if member.held_out is not None:
                with contextlib.suppress(DivergenceError):
                    validation = evaluate(member.training.model, member.held_out, solver)
    member.note([loss.item() for loss in losses], validation, reason)


def _train_as_one(members: list[Member], solver: Solver) -> None:
    trainings = [member.training for member in members]
    models, optimizers, pruners = zip(*((own.model, own.optimizer, own.pruner) for own in trainings), strict=True)
    ensemble = Ensemble(models, optimizers, pruners)
    steps = zip(*(member.batches() for member in members), strict=True)
    losses = torch.stack([ensemble.step(stacked(parts), solver) for parts in steps])
    held_out = [member.held_out for member in members if member.held_out is not None]
    errors = [None] * len(members)
    if held_out:
        errors = ensemble.errors(stacked(held_out), solver).tolist()
    ensemble.write_back()
    for member, own, error in zip(members, losses.T.tolist(), errors, strict=True):
        member.note(own, error)


def _survivors_only(training: Training) -> contextlib.AbstractContextManager[None]:
    """Sparse products where they pay, unless the objective looks at the weights."""
    if training.pruner.changes_objective:
        return contextlib.nullcontext()
    return compacted(training.model, training.optimizer)


@contextlib.contextmanager
def _subnormals_flushed() -> Iterator[None]:
    """Let numbers below 1e-38 count as 0 meanwhile: the moments of masked weights decay to them, and they are slow."""
    already = float(torch.tensor(2e-39) / 2) == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(already)
