"""One experiment: one dataset, model, pruner and seed, from configuration to result."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dashprune import checkpoints, config, metrics, results
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.progress import Progress
from dashprune.pruners.base import Pruner
from dashprune.pruners.scheduled import Schedule
from dashprune.results import Result
from dashprune.seeds import torch_generator
from dashprune.solve import DivergenceError, Solver
from dashprune.training import Batch, Epoch, Training, by_trajectory, evaluate, fit, join, model_sparsity


@dataclass(frozen=True)
class Experiment:
    """A checked configuration.

    Attributes:
        values: the resolved configuration, as plain dicts; what identifies the run.
        run: top-level keys.
        train: training protocol.
        solver: of the ODEs.
        dataset: has `fingerprint()` and `load()`.
        model: builds the model when given the number of genes.
        pruner: the strategy.
    """

    values: dict[str, Any]
    run: config.Run
    train: config.Train
    solver: Solver
    dataset: Any
    model: Callable[..., VectorField]
    pruner: Pruner


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
    folder = results.open_run(experiment.values, fingerprint)
    if experiment.run.force:
        (folder / "result.json").unlink(missing_ok=True)
        checkpoints.discard(folder)
    row = results.load(folder)
    return row if row is not None else _new_row(experiment, folder, fingerprint)


def check(cfg: DictConfig | Mapping[str, Any]) -> Experiment:
    """Check every value of a configuration, without touching data.

    Raises:
        DashpruneError: naming all mistakes of the sections, or else of the components, in one line.
    """
    try:
        values: Any = OmegaConf.to_container(OmegaConf.create(dict(cfg)), resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise DashpruneError(" ".join(str(error).split())) from error
    groups = {name: values.pop(name) for name in ("train", "solver", "schedule", "dataset", "model", "pruner")}
    run, train, solver = _all(
        lambda: config.section(config.Run, values, ""),
        lambda: config.section(config.Train, groups["train"], "train"),
        lambda: config.section(Solver, groups["solver"], "solver"),
    )
    config.section(Schedule, groups.pop("schedule"), "schedule")  # its users hold copies, so it identifies no other run
    dataset, model, pruner, device, _ = _all(
        lambda: config.component(groups["dataset"], "dataset")(),
        lambda: config.component(groups["model"], "model", later=("genes",)),
        lambda: config.component(groups["pruner"], "pruner")(),
        lambda: _device(run.device),
        solver.check,
    )
    return Experiment({**values, "device": device, **groups}, run, train, solver, dataset, model, pruner)


def _all(*makers: Callable[[], Any]) -> list[Any]:
    """Call all of them, and report the mistakes of all that fail together."""
    made, mistakes = [], []
    for make in makers:
        try:
            made.append(make())
        except DashpruneError as error:
            mistakes.append(str(error))
    if mistakes:
        raise DashpruneError("; ".join(mistakes))
    return made


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise DashpruneError(f"device: '{name}' is not allowed; use auto, cpu, cuda or cuda:N")
    index = int(name.partition(":")[2] or 0)
    if name != "cpu" and index >= torch.cuda.device_count():
        raise DashpruneError(f"device: {name} is not on this machine; use device=auto or device=cpu")
    return name


def _new_row(experiment: Experiment, folder: Path, fingerprint: str) -> Result:
    started = time.monotonic()
    problem: Problem = experiment.dataset.load()
    training = _trained(experiment, problem, folder, started)
    assert training.best is not None
    training.model.load_state_dict(training.best)
    training.pruner.finalize(training.model)
    values = experiment.values
    row = {
        "dataset": values["dataset"]["name"],
        "model": values["model"]["name"],
        "pruner": values["pruner"]["name"],
        "seed": values["seed"],
        "id": folder.name,
        "uses_prior": training.pruner.uses_prior,
        **_network_scores(training.model, problem),
        **_errors(training, problem, experiment.solver),
        "wall_seconds": round(training.seconds, 1),
        "data": fingerprint,
        "versions": results.versions(),
        "config": values,
    }
    results.write_network(folder, _edges(training.model, problem.genes))
    results.write_result(folder, row)
    checkpoints.tidy(folder)
    return row


def _trained(experiment: Experiment, problem: Problem, folder: Path, started: float) -> Training:
    """The model after training, from a checkpoint if the folder has one, and with the folder's history written."""
    model = experiment.model(genes=len(problem.genes))
    model.reset_parameters(torch_generator(experiment.run.seed, "weights"))
    model.to(experiment.values["device"])
    experiment.pruner.attach(model, problem)
    training = Training(model, experiment.pruner, experiment.train)
    state = checkpoints.load(folder)
    if state is not None:
        training.load_state_dict(state)
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


@torch.no_grad()
def _network_scores(model: VectorField, problem: Problem) -> Result:
    effect = model.effect_matrix().cpu().numpy()
    scores = {
        "sparsity": model_sparsity(model),
        "edges": int(np.count_nonzero(effect)),
        "out_degree": metrics.out_degree(effect),
    }
    if problem.truth is None or problem.evaluable is None:
        return {**scores, "balanced_accuracy": None, "auroc": None, "auprc": None, "auroc_relative": None}
    return {
        **scores,
        "balanced_accuracy": metrics.balanced_accuracy(effect, problem.truth, problem.evaluable),
        "auroc": metrics.auroc(np.abs(effect), problem.truth, problem.evaluable),
        "auprc": metrics.auprc(np.abs(effect), problem.truth, problem.evaluable),
        "auroc_relative": metrics.auroc(metrics.relative_effect(effect), problem.truth, problem.evaluable),
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


@torch.no_grad()
def _edges(model: VectorField, genes: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Source, target and effect of every nonzero effect, the largest first."""
    effect = model.effect_matrix().cpu().numpy()
    source, target = np.nonzero(effect)
    order = np.argsort(-np.abs(effect[source, target]), kind="stable")
    return [(genes[i], genes[j], f"{effect[i, j]:.7g}") for i, j in zip(source[order], target[order], strict=True)]
