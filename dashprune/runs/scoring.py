"""Scoring what was trained: the network, block by block, and the error on the test split."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from dashprune import metrics
from dashprune.controls.base import Control, Estimate
from dashprune.data.problem import Pairs, Problem
from dashprune.data.sparse import dense
from dashprune.errors import say
from dashprune.models.activity import Activities
from dashprune.models.base import EdgeField, VectorField
from dashprune.models.effects import effects_on, strongest, target_blocks
from dashprune.pruners.base import Pruner
from dashprune.runs import ranking, results
from dashprune.runs.results import Result
from dashprune.solvers.base import DivergenceError, Solver
from dashprune.training.batches import Batch, by_trajectory, join
from dashprune.training.state import Training, evaluate, model_sparsity

LISTED = 1_000_000
"""Most edges that network.tsv lists."""


def score_training(training: Training, problem: Problem, solver: Solver, folder: Path, ranked: bool = False) -> Result:
    """Scores of the best model since the support last changed; writes its network to `folder`.

    The model is left with its zeros baked in. If all pairs are to be `ranked`, their order is written, too.
    """
    model, pruner = training.model, training.pruner
    assert training.best is not None
    model.load_state_dict(training.best)
    pruner.finalize(model)
    edges, *listed = strongest(model, LISTED)
    _write_network(folder, problem.genes, listed, pruner)
    if isinstance(model, EdgeField) and model.activities is not None:
        results.write_activities(folder, _activities(model.activities, problem))
    if ranked:
        ranking.write(folder, ranking.of_model(model, pruner), problem)
    return {
        "uses_prior": pruner.uses_prior and problem.has_prior,
        "sparsity": model_sparsity(model),
        **_network_scores(edges, functools.partial(_scored, model), problem),
        **_probability_scores(pruner, problem),
        **pruner.report(),
        **_errors(training, problem, solver),
        "wall_seconds": round(training.seconds, 1),
    }


def _write_network(folder: Path, genes: tuple[str, ...], listed: list[np.ndarray], pruner: Pruner) -> None:
    """The edges with source, target and effect, and with their probability where the strategy gives one."""
    sources, targets, effects = listed
    columns = [[genes[i] for i in sources], [genes[j] for j in targets], [f"{e:.7g}" for e in effects]]
    if pruner.edge_probability(slice(0, 1)) is not None:
        found = np.empty(len(targets))
        for block in target_blocks(len(genes)):
            inside = (block.start <= targets) & (targets < block.stop)
            probability = pruner.edge_probability(block)
            assert probability is not None
            found[inside] = probability.cpu().numpy()[sources[inside], targets[inside] - block.start]
        columns.append([f"{p:.4f}" for p in found])
    results.write_network(folder, zip(*columns, strict=True))


def _activities(activities: Activities, problem: Problem) -> Iterator[tuple[str, str, int, float, str]]:
    """Regulator, split, number of the trajectory, time and activity, regulator by regulator."""
    splits = {"train": problem.train, "validation": problem.validation, "test": problem.test}
    found = {name: activities.places(np.nan_to_num(split.expression)) for name, split in splits.items()}
    for k, gene in enumerate(activities.genes):
        for name, split in splits.items():
            for sample, point in np.argwhere(~np.isnan(split.times)).tolist():
                value = f"{found[name][sample, point, k]:.5g}"
                yield problem.genes[gene], name, sample + 1, float(split.times[sample, point]), value


def _probability_scores(pruner: Pruner, problem: Problem) -> Result:
    """AUROC and AUPRC of the strategy's own order of pairs, where it gives one and the truth is known.

    It orders pairs outside of the prior, too, that it cut; so what is new is scored by it.
    """

    def network(targets: slice) -> tuple[np.ndarray, np.ndarray]:
        ranking = pruner.edge_ranking(targets)
        assert ranking is not None
        found = ranking.cpu().numpy()
        return found, found > 0

    if pruner.edge_probability(slice(0, 1)) is None:
        return {}
    scores = _network_scores(0, network, problem)
    novel = {name: scores[name] for name in metrics.NOVEL}
    return {**novel, **{f"{name}_probability": scores[name] for name in ("auroc", "auprc") if name in scores}}


def score_control(control: Control, problem: Problem, folder: Path | None = None) -> Result:
    """Scores of a control; its sparsity is the share of gene pairs without an edge.

    The order of all pairs is written to `folder`, if one is given and the control names edges.
    """
    started = time.monotonic()
    estimate = control.fit(problem)
    test = problem.test.transitions()
    predicted = None if problem.test.empty else control.predict(test)
    scores: Result = {"uses_prior": control.uses_prior and problem.has_prior}
    if folder is not None:
        rank_control(estimate, problem, folder)
    if estimate is not None:
        pairs, edges = len(problem.genes) ** 2, int(estimate.support.sum())
        scores["sparsity"] = (pairs - edges) / pairs
        scores.update(_network_scores(edges, estimate.block, problem))
    free = problem.test.free()
    mse = None if predicted is None else metrics.mse(predicted[free], test.stop[free])
    scores.update(_beside_persistence(mse, problem))
    scores["wall_seconds"] = round(time.monotonic() - started, 1)
    return scores


def rank_control(estimate: Estimate | None, problem: Problem, folder: Path) -> None:
    """Write the order of all pairs, or say that there is none."""
    if estimate is None:
        say(f"ranking: the control names no edges, so {folder} gets no {results.RANKING}")
    else:
        ranking.write(folder, ranking.of_control(estimate), problem)


def _network_scores(edges: int, network: Callable[[slice], tuple[np.ndarray, np.ndarray]], problem: Problem) -> Result:
    """Scores of a network with this many edges, which gives (genes, targets) score and support of some targets."""
    genes = len(problem.genes)
    size = {"edges": edges, "out_degree": edges / genes}
    truth, pairs = problem.truth, problem.evaluable
    if truth is None or pairs is None:
        return {**size, **dict.fromkeys(metrics.NOVEL)}

    def blocks(chosen: Pairs) -> Iterator[metrics.Block]:
        for targets in target_blocks(genes):
            known = dense(problem.prior, targets) != 0
            yield metrics.Block(*network(targets), dense(truth, targets), chosen.block(targets), known)

    scores = metrics.network_scores(functools.partial(blocks, pairs))
    every = scores if pairs.all() else metrics.network_scores(functools.partial(blocks, Pairs.every(genes)))
    novel = {name: None if math.isnan(scores[name]) else scores[name] for name in metrics.NOVEL}
    return {**size, **scores, "balanced_accuracy_all": every["balanced_accuracy"], **novel}


def _scored(model: VectorField, targets: slice) -> tuple[np.ndarray, np.ndarray]:
    """(genes, targets) size of the effects on some targets, and whether they are not zero."""
    effect = effects_on(model, targets)
    return np.abs(effect), effect != 0


def _errors(training: Training, problem: Problem, solver: Solver) -> Result:
    device = next(training.model.parameters()).device
    errors = [row.error for row in training.history]
    last_cut = max((row.epoch for row in training.history if row.pruned), default=1)
    tolerance = training.settings.plateau.threshold
    test = by_trajectory(problem.test, device)
    return {
        **_beside_persistence(_test_error(training.model, join(test), solver) if test else None, problem),
        "validation_mse": None if problem.validation.empty else training.best_validation,
        "epochs": metrics.epochs_to_plateau(errors, tolerance),
        "epochs_after_pruning": metrics.epochs_to_plateau(errors[last_cut - 1 :], tolerance),
        "epochs_run": len(errors),
        "best_epoch": training.best_epoch,
    }


def _beside_persistence(mse: float | None, problem: Problem) -> Result:
    """An error on the test split, that of predicting no change, their ratio, and the scale of the data.

    A gene that is held is left out of all. All are None without a test split.
    """
    if problem.test.empty:
        return dict.fromkeys(("mse", "mse_persistence", "mse_relative", "expression_sd"))
    test, free = problem.test.transitions(), problem.test.free()
    start, stop = test.start[free], test.stop[free]
    persistence = metrics.mse(start, stop)
    return {
        "mse": mse,
        "mse_persistence": persistence,
        "mse_relative": None if mse is None or persistence == 0 else mse / persistence,
        "expression_sd": float(stop.astype(np.float64).std()),
    }


def _test_error(model: VectorField, batch: Batch, solver: Solver) -> float:
    """Mean squared error on held-out transitions; NaN where the solution diverges there."""
    try:
        return evaluate(model, batch, solver)
    except DivergenceError:
        return math.nan
