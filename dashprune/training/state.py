"""A model, its pruner and its optimiser: one step, one evaluation, and what a checkpoint saves."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from dashprune import metrics
from dashprune.config import Train
from dashprune.models.base import VectorField
from dashprune.pruners.base import Pruner
from dashprune.solvers.base import DivergenceError, Solver
from dashprune.training.batches import Batch, mean_square, predicted


class Epoch(NamedTuple):
    """One row of a run's history.

    Attributes:
        epoch: counted from 1.
        loss: mean objective over the optimiser steps, each before its step: the mean squared error on the training
            transitions, and what the strategy adds to it.
        validation: mean squared error on the validation transitions after the epoch; None if there are none.
        sparsity: of the model after the epoch, see metrics.sparsity.
        learning_rate: during the epoch, of the first parameter group.
        pruned: 1 if the support changed at the start of the epoch, else 0.
    """

    epoch: int
    loss: float
    validation: float | None
    sparsity: float
    learning_rate: float
    pruned: int

    @property
    def error(self) -> float:
        """What steers training: the validation error, or without one the loss."""
        return self.loss if self.validation is None else self.validation


class Training:
    """All that changes while a model is trained: what a checkpoint saves and a resumed run restores.

    Attributes:
        history: one row per finished epoch.
        best: the model's state at the lowest `Epoch.error` since the support last changed, or None.
        best_epoch: its epoch.
        best_validation: its error: on validation, or without one the loss.
        seconds: wall time spent so far, over all processes that worked on this training.
    """

    def __init__(self, model: VectorField, pruner: Pruner, settings: Train) -> None:
        self.model, self.pruner, self.settings = model, pruner, settings
        self.optimizer = torch.optim.Adam(model.parameter_groups(settings.learning_rate), fused=True)
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
        """All epochs are done, or the error has not improved for long enough after the last cut."""
        epoch = len(self.history)
        patience = self.settings.early_stop
        stale = epoch >= self.pruner.last_event and patience is not None and epoch - self.best_epoch >= patience
        return epoch >= self.settings.epochs or (epoch > 0 and stale)

    def record(self, row: Epoch) -> None:
        """Take note of a finished epoch; keep the model if it is the best since the support last changed."""
        self.history.append(row)
        self.scheduler.step(row.error)
        if row.error < self.best_validation:
            self.best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            self.best_epoch, self.best_validation = row.epoch, row.error

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly from here, as tensors, numbers, lists and dicts."""
        parts = {name: getattr(self, name).state_dict() for name in ("model", "pruner", "optimizer", "scheduler")}
        best = {name: getattr(self, name) for name in ("best", "best_epoch", "best_validation", "seconds")}
        return {**parts, **best, "history": [list(row) for row in self.history]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` saved, in a Training built from the same configuration."""
        for name in ("model", "pruner", "optimizer", "scheduler"):
            getattr(self, name).load_state_dict(state[name])
        own = {name: tensor.shape for name, tensor in self.model.state_dict().items()}
        if state["best"] is not None and {name: tensor.shape for name, tensor in state["best"].items()} != own:
            raise ValueError("the best model has other weights")
        for parameter, kept in self.optimizer.state.items():
            if any(kept[name].shape != parameter.shape for name in ("exp_avg", "exp_avg_sq")):
                raise ValueError("the optimiser has moments of other weights")
        for name in ("best", "best_epoch", "best_validation", "seconds"):
            setattr(self, name, state[name])
        self.history = [Epoch(*row) for row in state["history"]]


def step(training: Training, batch: Batch, solver: Solver) -> Tensor:
    """One optimiser step; effective weights are computed once, gates drawn once. Returns the objective, a scalar."""
    if not training.model.training:
        training.model.train()
    with parametrize.cached():
        data_loss = mean_square(predicted(training.model, batch, solver), batch)
        loss = training.pruner.objective(training.model, data_loss)
        training.optimizer.zero_grad()
        loss.backward()
    training.optimizer.step()
    return loss.detach()


@torch.no_grad()
def evaluate(model: VectorField, batch: Batch, solver: Solver) -> float:
    """Mean squared error of predicting each transition's end from its observed start, see `mean_square`.

    Raises:
        DivergenceError: if it is not finite.
    """
    model.eval()
    with parametrize.cached():
        error = mean_square(predicted(model, batch, solver), batch).item()
    if not math.isfinite(error):
        raise DivergenceError(f"the mean squared error is {error}")
    return error


@torch.no_grad()
def model_sparsity(model: VectorField) -> float:
    """Fraction of zeros among all weights on the way from genes to genes, outputs scaled as in the effect matrix."""
    model.eval()
    return metrics.sparsity([model.scaled_weight(w).cpu().numpy() for w in model.layers()])
