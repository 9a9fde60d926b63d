"""The training loop. It knows models, pruners and solvers by their contracts, and no method by name."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from dashprune import metrics
from dashprune.config import Train
from dashprune.data.problem import Split
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.pruners.base import Pruner
from dashprune.seeds import torch_generator
from dashprune.solve import DivergenceError, Solver


class Batch(NamedTuple):
    """Transitions to be solved together: start and stop (N, genes), dt (N,)."""

    start: Tensor
    stop: Tensor
    dt: Tensor


class Epoch(NamedTuple):
    """One row of a run's history.

    Attributes:
        epoch: counted from 1.
        loss: mean objective over the optimiser steps.
        validation: mean squared error on the validation transitions after the epoch.
        sparsity: of the model after the epoch, see metrics.sparsity.
        learning_rate: during the epoch, of the first parameter group.
        pruned: 1 if the support changed at the start of the epoch, else 0.
    """

    epoch: int
    loss: float
    validation: float
    sparsity: float
    learning_rate: float
    pruned: int


class Training:
    """All that changes while a model is trained: what a checkpoint saves and a resumed run restores.

    Attributes:
        history: one row per finished epoch.
        best: the model's state at the lowest validation error since the support last changed, or None.
        best_epoch: its epoch.
        best_validation: its validation error.
        seconds: wall time spent so far, over all processes that worked on this training.
    """

    def __init__(self, model: VectorField, pruner: Pruner, settings: Train) -> None:
        self.model, self.pruner, self.settings = model, pruner, settings
        self.optimizer = torch.optim.Adam(model.parameter_groups(settings.learning_rate))
        self.initial_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.history: list[Epoch] = []
        self.seconds = 0.0
        self.restart()

    def restart(self) -> None:
        """After a change of the support: initial learning rates, a new plateau scheduler, and no best model yet."""
        if self.pruner.restarts_optimizer:
            self.optimizer.state.clear()
        for group, rate in zip(self.optimizer.param_groups, self.initial_rates, strict=True):
            group["lr"] = rate
        plateau = self.settings.plateau
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=plateau.factor, patience=plateau.patience, threshold=plateau.threshold,
            threshold_mode="abs", min_lr=plateau.min_lr, eps=1e-9,
        )  # fmt: skip
        self.best: dict[str, Tensor] | None = None
        self.best_epoch = 0
        self.best_validation = math.inf

    @property
    def finished(self) -> bool:
        """All epochs are done, or the validation error has not improved for long enough after the last cut."""
        epoch = len(self.history)
        patience = self.settings.early_stop
        stale = epoch >= self.pruner.last_event and patience is not None and epoch - self.best_epoch >= patience
        return epoch >= self.settings.epochs or (epoch > 0 and stale)

    def record(self, row: Epoch) -> None:
        """Take note of a finished epoch; keep the model if it is the best since the support last changed."""
        self.history.append(row)
        self.scheduler.step(row.validation)
        if row.validation < self.best_validation:
            self.best = copy.deepcopy(self.model.state_dict())
            self.best_epoch, self.best_validation = row.epoch, row.validation

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly from here, as tensors, numbers, lists and dicts."""
        parts = {name: getattr(self, name).state_dict() for name in ("model", "pruner", "optimizer", "scheduler")}
        best = {name: getattr(self, name) for name in ("best", "best_epoch", "best_validation", "seconds")}
        return {**parts, **best, "history": [list(row) for row in self.history]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` saved, in a Training built from the same configuration."""
        for name in ("model", "pruner", "optimizer", "scheduler"):
            getattr(self, name).load_state_dict(state[name])
        for name in ("best", "best_epoch", "best_validation", "seconds"):
            setattr(self, name, state[name])
        self.history = [Epoch(*row) for row in state["history"]]


def fit(
    training: Training, train: Split, validation: Split, solver: Solver, seed: int, after_epoch: Callable[[], None]
) -> None:
    """Train until `training.finished`, from wherever `training` stands.

    Args:
        training: the model, its pruner and optimiser; changed in place.
        train: trajectories to fit.
        validation: trajectories whose error steers learning rate, best model and early stopping.
        solver: how transitions are predicted.
        seed: of the order of the batches, which is drawn anew for each epoch.
        after_epoch: called after each epoch, for checkpoints and progress.

    Raises:
        DashpruneError: if the solution diverges, naming epoch, step and a remedy.
    """
    device = next(training.model.parameters()).device
    trajectories = by_trajectory(train, device)
    held_out = join(by_trajectory(validation, device))
    while not training.finished:
        epoch = len(training.history) + 1
        pruned = training.pruner.update(training.model, epoch)
        if pruned:
            training.restart()
        rate = training.optimizer.param_groups[0]["lr"]
        generator = torch_generator(seed, "batches", epoch)
        losses = []
        for number, batch in enumerate(batches(trajectories, training.settings.batch_trajectories, generator), 1):
            with _explained(f"epoch {epoch}, step {number}", training.settings):
                losses.append(_step(training, batch, solver))
        with _explained(f"epoch {epoch}, validation", training.settings):
            error = evaluate(training.model, held_out, solver)
        zeros = model_sparsity(training.model)
        training.record(Epoch(epoch, sum(losses) / len(losses), error, zeros, rate, int(pruned)))
        after_epoch()


def _step(training: Training, batch: Batch, solver: Solver) -> float:
    """One optimiser step; effective weights are computed once, gates drawn once. Returns the objective."""
    training.model.train()
    with parametrize.cached():
        predicted = solver.predict(training.model, batch.start, batch.dt)
        loss = training.pruner.objective(training.model, ((predicted - batch.stop) ** 2).mean())
        training.optimizer.zero_grad()
        loss.backward()
    value = loss.item()
    if not math.isfinite(value):
        raise DivergenceError(f"the loss is {value}")
    training.optimizer.step()
    return value


@torch.no_grad()
def evaluate(model: VectorField, batch: Batch, solver: Solver) -> float:
    """Mean squared error of predicting each transition's end from its observed start.

    Raises:
        DivergenceError: if it is not finite.
    """
    model.eval()
    with parametrize.cached():
        error = ((solver.predict(model, batch.start, batch.dt) - batch.stop) ** 2).mean().item()
    if not math.isfinite(error):
        raise DivergenceError(f"the mean squared error is {error}")
    return error


@torch.no_grad()
def model_sparsity(model: VectorField) -> float:
    """Fraction of zeros among all weights on the way from genes to genes, outputs scaled as in the effect matrix."""
    model.eval()
    return metrics.sparsity([model.scaled_weight(w).cpu().numpy() for w in model.layers()])


def by_trajectory(split: Split, device: torch.device) -> list[Batch]:
    """The transitions of each trajectory, on `device`."""
    transitions = split.transitions()
    parts = []
    for trajectory in range(len(split.times)):
        rows = transitions.trajectory == trajectory
        columns = (transitions.start[rows], transitions.stop[rows], transitions.dt[rows])
        parts.append(Batch(*(torch.as_tensor(column, device=device) for column in columns)))
    return parts


def batches(trajectories: list[Batch], size: int, generator: torch.Generator) -> Iterator[Batch]:
    """All trajectories once, `size` at a time, shuffled."""
    order = torch.randperm(len(trajectories), generator=generator).tolist()
    for first in range(0, len(order), size):
        yield join([trajectories[k] for k in order[first : first + size]])


def join(parts: list[Batch]) -> Batch:
    """The transitions of several batches as one."""
    return parts[0] if len(parts) == 1 else Batch(*(torch.cat(column) for column in zip(*parts, strict=True)))


@contextlib.contextmanager
def _explained(where: str, settings: Train) -> Iterator[None]:
    """Turn a divergence into a message that says where it happened and what to do."""
    try:
        yield
    except DivergenceError as error:
        raise DashpruneError(
            f"{where}: the solution diverged ({error}); lower train.learning_rate (now {settings.learning_rate:g}) "
            f"or tighten solver.rtol; the last good checkpoint is kept"
        ) from error
