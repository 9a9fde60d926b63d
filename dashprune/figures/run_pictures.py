"""What is drawn of one run: how it was trained, what it predicts, and the network that is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_array

from dashprune.data.problem import Problem, Split
from dashprune.errors import DashpruneError, did_you_mean, say
from dashprune.figures.run_activities import Active, activity_map
from dashprune.figures.run_degrees import Degrees, degree_distributions
from dashprune.figures.run_history import history
from dashprune.figures.run_trajectories import Course, trajectories
from dashprune.figures.style import save
from dashprune.models.activity import Activities
from dashprune.models.base import EdgeField, VectorField
from dashprune.models.effects import degrees
from dashprune.runs import results
from dashprune.runs.finished import reported
from dashprune.solvers.base import DivergenceError, Solver
from dashprune.training.batches import Batch, by_trajectory, predicted

GENES = 6
"""Genes whose trajectories are drawn unless others are named."""
MOST = 60
"""Genes whose trajectories can be drawn at once."""
SMOOTH = 60
"""Points of a free run, at least; it is solved between the measured points, too."""
FEW = 12
"""Trajectories with at most so many time points are drawn three at a time, longer ones alone."""


def draw(folder: Path, out: Path, genes: Sequence[str] | None = None) -> list[Path]:
    """Draw all pictures of a run that is done: history, trajectories, degrees and activities, as PNG and PDF.

    Args:
        folder: of the run.
        out: folder for the pictures.
        genes: whose trajectories to draw; None for those of `telling_genes`.

    Returns:
        The files written.

    Raises:
        DashpruneError: if the run is not done or a control's, a gene is not in its data, or a file cannot be written.

    What the run has no data for is left out, and that is said on standard error.
    """
    if genes is not None and len(genes) > MOST:
        raise DashpruneError(f"--genes: {len(genes)} genes are too many for one figure; name at most {MOST}")
    problem, model, solver = reported(folder)
    row = results.load(folder)
    assert row is not None
    named = None if genes is None else [_index(gene, problem.genes) for gene in dict.fromkeys(genes)]
    title = f"{row['dataset']}, {row['model']}, {row['pruner']}, run {row['id']}"
    figures = {"history": history(results.read_history(folder), row["best_epoch"], title)}
    if problem.validation.empty:
        say("history: the run held out nothing to validate on, so there is no validation error to draw")
    if problem.test.empty:
        say("trajectories: left out, as the run held out nothing to test on")
    else:
        chosen = telling_genes(problem) if named is None else named
        shown = _shown(problem.test)
        courses = [predict(model, solver, problem.test, k) for k in shown]
        figures["trajectories"] = trajectories(
            courses, {problem.genes[k]: k for k in chosen}, f"{title}: {_which(shown, problem.test)}"
        )
    figures["degrees"] = degree_distributions(_networks(model, problem), title)
    if isinstance(model, EdgeField) and model.activities is not None:
        figures["activities"] = activity_map(_active(model.activities, problem), title)
    return [path for name, figure in figures.items() for path in save(figure, out / name)]


def telling_genes(problem: Problem) -> list[int]:
    """Genes worth looking at: those that vary most over time within the test trajectories, at most six.

    At least three of them, if there are as many, have a regulator in the gold standard, or in the prior where there is
    none. Of genes that vary alike, the first.
    """
    split = problem.test
    known = ~np.isnan(split.times)[:, :, None]
    variance = np.nanmean(np.nanvar(np.where(known, split.expression, np.nan), axis=1), axis=0)
    ranking = np.argsort(-variance, kind="stable")
    network = problem.prior if problem.truth is None else problem.truth
    regulated = [k for k in ranking if network.sum(axis=0)[k] != 0][:3]
    others = [k for k in ranking if k not in regulated][: GENES - len(regulated)]
    return sorted((int(k) for k in [*regulated, *others]), key=ranking.tolist().index)


def _index(gene: str, genes: Sequence[str]) -> int:
    if gene not in genes:
        raise DashpruneError(
            f"--genes: '{gene}' is not a gene of this run{did_you_mean(gene, genes)}; "
            f"it has {len(genes)}, such as {', '.join(genes[:3])}"
        )
    return genes.index(gene)


def _shown(split: Split) -> list[int]:
    """The test trajectories to draw."""
    return list(range(min(len(split.times), 3 if split.times.shape[1] <= FEW else 1)))


def _which(shown: Sequence[int], split: Split) -> str:
    several = f"trajectories 1 to {len(shown)}" if len(shown) > 1 else "trajectory 1"
    return f"test {several} of {len(split.times)}"


@torch.no_grad()
def predict(model: VectorField, solver: Solver, split: Split, trajectory: int) -> Course:
    """One trajectory of a split, with the model's one-step predictions and its free run."""
    known = ~np.isnan(split.times[trajectory])
    times, measured = split.times[trajectory, known], split.expression[trajectory, known]
    first = torch.as_tensor(measured[:1])
    model.eval()
    one_step = _solved(model, solver, *by_trajectory(split.take(np.array([trajectory])), first.device))
    fractions = torch.arange(1, math.ceil(SMOOTH / len(times)) + 1) / math.ceil(SMOOTH / len(times))
    free, free_times = [first], [times[:1]]
    parts = by_trajectory(split.take(np.array([trajectory])).single(), first.device)
    for part, begun in zip(parts, times, strict=False):
        several = part.take(torch.zeros(len(fractions), dtype=torch.long))
        several = several._replace(start=free[-1][-1:].expand_as(several.start), dt=part.dt * fractions)
        free.append(_solved(model, solver, several))
        free_times.append(begun + several.dt.numpy())
    one_step, curve = torch.cat([first, one_step]), torch.cat(free)
    return Course(times, measured, one_step.numpy(), np.concatenate(free_times), curve.numpy())


def _solved(model: VectorField, solver: Solver, batch: Batch) -> torch.Tensor:
    """As `predicted`, NaN where the solution diverges."""
    try:
        stop = predicted(model, batch, solver)
    except DivergenceError:
        stop = torch.full_like(batch.start, math.nan)
    return stop.masked_fill(~stop.isfinite(), math.nan)


def _active(activities: Activities, problem: Problem) -> Active:
    """Activities in the training trajectories."""
    known = ~np.isnan(problem.train.times)
    values = activities.places(problem.train.expression[known]).T
    return Active([problem.genes[k] for k in activities.genes], values, known.sum(axis=1).tolist())


def _networks(model: VectorField, problem: Problem) -> dict[str, Degrees]:
    """Degrees in the pruned network, and in the gold standard and the prior as far as they have edges."""
    networks = {"pruned network": Degrees(*degrees(model))}
    gold = "gold standard"
    if problem.evaluable is not None and not problem.evaluable.sources.all():
        gold += f" of {problem.evaluable.sources.sum():,} regulators"
    for name, network in ((gold, problem.truth), ("prior", problem.prior)):
        if network is not None and network.nnz:
            networks[name] = _degrees(network)
    return networks


def _degrees(network: csr_array) -> Degrees:
    genes = network.shape[0]
    return Degrees(np.diff(network.indptr), np.bincount(network.indices, minlength=genes))
