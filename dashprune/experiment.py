"""One experiment: one dataset, model, pruner and seed, from configuration to result."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig

from dashprune import checkpoints, metrics, results
from dashprune.controls.base import Control
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.progress import Progress
from dashprune.results import Result
from dashprune.seeds import torch_generator
from dashprune.settings import Experiment, check
from dashprune.solve import DivergenceError, Solver
from dashprune.training import Batch, Epoch, Training, by_trajectory, evaluate, fit, join, model_sparsity


def train_prune_eval(cfg: DictConfig | Mapping[str, Any]) -> Result:
    """Train, prune and evaluate one model; the one entry point of every run.

    A run that is done is not repeated (unless `force` is set): its stored row is returned. A run with a checkpoint
    goes on from it and ends with the same row as an uninterrupted one.

    Args:
        cfg: a configuration as `dashprune.compose` returns it.

    Returns:
        The row written to result.json. The README explains its keys.

    Raises:
        DashpruneError: on a mistake in the configuration or the data, or if the solution diverges.
    """
    experiment = check(cfg)
    torch.set_num_threads(experiment.run.threads)
    fingerprint = experiment.dataset.fingerprint()
    folder = results.open_run(experiment.values, fingerprint, experiment.names)
    if experiment.run.force:
        (folder / "result.json").unlink(missing_ok=True)
        checkpoints.discard(folder)
    row = results.load(folder)
    if row is not None:
        return row
    problem: Problem = experiment.dataset.load()
    try:
        return _new_row(experiment, problem, fingerprint, folder)
    except OSError as error:
        raise DashpruneError(f"outputs: {error.filename or folder} cannot be written ({error.strerror})") from error


def _new_row(experiment: Experiment, problem: Problem, fingerprint: str, folder: Path) -> Result:
    if experiment.control is None:
        scores = _train_and_score(experiment, problem, folder)
    else:
        scores = _control(experiment.control, problem)
    row = {
        **dict(zip(("dataset", "model", "pruner"), experiment.names, strict=True)),
        "seed": experiment.run.seed,
        "id": folder.name,
        **scores,
        "data": fingerprint,
        "versions": results.versions(),
        "config": experiment.values,
    }
    results.write_result(folder, row)
    checkpoints.tidy(folder)
    return row


def _train_and_score(experiment: Experiment, problem: Problem, folder: Path) -> Result:
    training = _trained(experiment, problem, folder)
    model, pruner = training.model, training.pruner
    assert training.best is not None
    model.load_state_dict(training.best)
    pruner.finalize(model)
    with torch.no_grad():
        effect = model.effect_matrix().cpu().numpy()
    results.write_network(folder, _edges(effect, problem.genes))
    return {
        "uses_prior": pruner.uses_prior,
        "sparsity": model_sparsity(model),
        **_network_scores(np.abs(effect), effect != 0, problem),
        **_errors(training, problem, experiment.solver),
        "wall_seconds": round(training.seconds, 1),
    }


def _control(control: Control, problem: Problem) -> Result:
    """Scores of a control; its sparsity is the share of gene pairs without an edge."""
    started = time.monotonic()
    estimate = control.fit(problem)
    test = problem.test.transitions()
    predicted = control.predict(test)
    scores: Result = {"uses_prior": control.uses_prior}
    if estimate is not None:
        scores["sparsity"] = metrics.sparsity([estimate.support])
        scores.update(_network_scores(estimate.score, estimate.support, problem))
    scores["mse"] = None if predicted is None else metrics.mse(predicted, test.stop)
    scores["mse_persistence"] = metrics.mse(test.start, test.stop)
    scores["wall_seconds"] = round(time.monotonic() - started, 1)
    return scores


def _trained(experiment: Experiment, problem: Problem, folder: Path) -> Training:
    """The model after training, from a checkpoint if the folder has one, and with the folder's history written."""
    started = time.monotonic()
    model = experiment.model(genes=len(problem.genes))
    model.reset_parameters(torch_generator(experiment.run.seed, "weights"))
    model.to(experiment.values["device"])
    experiment.pruner.attach(model, problem)
    training = Training(model, experiment.pruner, experiment.train)
    state = checkpoints.load(folder)
    if state is not None:
        _restore(training, state, folder)
    before = training.seconds
    name = f"{experiment.values['pruner']['name']} {folder.name}"
    with Progress(name, experiment.train.epochs, len(training.history)) as progress:

        def after_epoch() -> None:
            training.seconds = before + time.monotonic() - started
            progress.show(training.history[-1])
            if training.finished or len(training.history) % experiment.train.checkpoint_every == 0:
                results.write_history(folder, Epoch._fields, training.history)
                checkpoints.save(folder, training.state_dict())

        fit(training, problem.train, problem.validation, experiment.solver, experiment.run.seed, after_epoch)
    return training


def _restore(training: Training, state: dict[str, Any], folder: Path) -> None:
    try:
        training.load_state_dict(state)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise DashpruneError(
            f"{folder / checkpoints.CURRENT} was written by another version of dashprune; start anew with force=true"
        ) from error


def _network_scores(score: np.ndarray, support: np.ndarray, problem: Problem) -> Result:
    """Scores of a network, (genes, genes): of its edges' sizes, and of the edges it commits itself to."""
    size = {"edges": int(np.count_nonzero(support)), "out_degree": metrics.out_degree(support)}
    truth, pairs = problem.truth, problem.evaluable
    if truth is None or pairs is None:
        return size
    return {
        **size,
        "balanced_accuracy": metrics.balanced_accuracy(support, truth, pairs),
        "auroc": metrics.auroc(score, truth, pairs),
        "auprc": metrics.auprc(score, truth, pairs),
        "auroc_relative": metrics.auroc(metrics.relative_effect(score), truth, pairs),
    }


def _errors(training: Training, problem: Problem, solver: Solver) -> Result:
    device = next(training.model.parameters()).device
    test = problem.test.transitions()
    validation = [row.validation for row in training.history]
    last_cut = max((row.epoch for row in training.history if row.pruned), default=1)
    tolerance = training.settings.plateau.threshold
    return {
        "mse": _test_error(training.model, join(by_trajectory(problem.test, device)), solver),
        "mse_persistence": metrics.mse(test.start, test.stop),
        "validation_mse": training.best_validation,
        "epochs": metrics.epochs_to_plateau(validation, tolerance),
        "epochs_after_pruning": metrics.epochs_to_plateau(validation[last_cut - 1 :], tolerance),
        "epochs_run": len(validation),
        "best_epoch": training.best_epoch,
    }


def _test_error(model: VectorField, batch: Batch, solver: Solver) -> float:
    """Mean squared error on held-out transitions; NaN where the solution diverges there."""
    try:
        return evaluate(model, batch, solver)
    except DivergenceError:
        return math.nan


def _edges(effect: np.ndarray, genes: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Source, target and effect of every nonzero effect, the largest first."""
    source, target = np.nonzero(effect)
    order = np.argsort(-np.abs(effect[source, target]), kind="stable")
    return [(genes[i], genes[j], f"{effect[i, j]:.7g}") for i, j in zip(source[order], target[order], strict=True)]
