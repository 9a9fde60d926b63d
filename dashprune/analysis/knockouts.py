"""What a model says becomes of all genes when some are knocked out or overexpressed, and by which paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from dashprune.analysis.perturbation import perturbation_influence
from dashprune.data.interventions import Interventions, nothing
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError, did_you_mean
from dashprune.metrics import relative_effect
from dashprune.models.base import VectorField
from dashprune.models.effects import degrees, effects_on
from dashprune.runs.finished import reported
from dashprune.runs.knockouts import followed
from dashprune.solvers.base import Solver

POINTS = 10
"""Points of time at which a perturbed course is given."""
STARTS = 10
"""Measured states from which it goes, at most."""
SETTLING = 20
"""Spans of the measured time after which a state counts as steady."""
_BLOCK = 2**23
"""Most values of expression that are solved for together."""


class Change(NamedTuple):
    """What a perturbation changes, mean over starting states.

    Attributes:
        times: (points,) since the start, in the unit of the data.
        plain: (points, genes) expression without the perturbation.
        changed: (points, genes) expression with it.
    """

    times: np.ndarray
    plain: np.ndarray
    changed: np.ndarray


SILENT = "silent"
"""What is done to a gene whose production is removed, so that what is there decays."""
Doing = Mapping[str, float | str]
"""Of genes, by name: the level at which it is held, which is 0 in a knock-out, or SILENT."""


def interventions(model: VectorField, genes: Sequence[str], done: Doing) -> Interventions[np.ndarray]:
    """(genes,) what is done.

    Raises:
        DashpruneError: naming a gene that is not there.
    """
    found = nothing(model.genes)
    for place, what in zip(places(done, genes), done.values(), strict=True):
        if what == SILENT:
            found.factor[place] = 0
        else:
            found.held[place] = what
    return found


def places(names: Iterable[str], genes: Sequence[str]) -> list[int]:
    """Of genes, given by name.

    Raises:
        DashpruneError: naming one that is not there.
    """
    index = {gene: place for place, gene in enumerate(genes)}
    found = []
    for name in names:
        if name not in index:
            raise DashpruneError(f"'{name}' is not a gene of this run{did_you_mean(name, genes)}; it has {len(genes)}")
        found.append(index[name])
    return found


def starts(model: VectorField, solver: Solver, problem: Problem, steady: bool) -> tuple[np.ndarray, float]:
    """(N, genes) states to start from, and the time that was measured, for which they are followed.

    Measured: first points of trajectories, of the test split if there is one. Steady: where the first of these settles.
    """
    split = problem.train if problem.test.empty else problem.test
    span = float(np.nanmax(split.times) - np.nanmin(split.times))
    states = split.expression[:STARTS, 0]
    if steady:
        mean = states.mean(axis=0, keepdims=True)
        states = followed(model, solver, mean, None, np.linspace(0, SETTLING * span, 10 * SETTLING))[-1]
    return states, span


def perturbed(folder: Path, done: Doing, steady: bool) -> tuple[Problem, Change]:
    """A perturbation in the model of a run.

    Args:
        folder: of a run that is done.
        done: to which genes, and what.
        steady: whether to start from a steady state.

    Raises:
        DashpruneError: if a gene is not in the run, or the solution diverges.
    """
    problem, model, solver = reported(folder)
    states, span = starts(model, solver, problem, steady)
    both = interventions(model, problem.genes, done).map(lambda part: np.tile(part, (len(states), 1)))
    times = np.linspace(0, span, POINTS + 1)
    plain, changed = (followed(model, solver, states, one, times).mean(axis=1) for one in (None, both))
    return problem, Change(times, plain, changed)


def scan(folder: Path, steady: bool) -> tuple[Problem, pd.DataFrame, pd.DataFrame]:
    """Every regulator of a run knocked out, one at a time.

    Returns:
        The data; the change of every gene at the end of the measured time (a row per regulator, a column per gene, mean
        over starting states); and of every gene `out_degree`, `influence` by perturbation (PHOENIX's) and `knockout`,
        the mean absolute change of all others by its knock-out (0 for genes that regulate none).
    """
    problem, model, solver = reported(folder)
    states, span = starts(model, solver, problem, steady)
    leaving, _ = degrees(model)
    regulators = np.flatnonzero(leaving)
    times = np.linspace(0, span, POINTS + 1)
    plain = followed(model, solver, states, None, times)[-1]
    rows = []
    together = max(_BLOCK // (len(states) * model.genes), 1)
    for first in range(0, len(regulators), together):
        chosen = regulators[first : first + together]
        own = [interventions(model, problem.genes, {problem.genes[gene]: 0.0}) for gene in chosen]
        done = Interventions(*(np.repeat(np.stack(part), len(states), axis=0) for part in zip(*own, strict=True)))
        changed = followed(model, solver, np.tile(states, (len(chosen), 1)), done, times)[-1]
        rows.append((changed.reshape(len(chosen), len(states), -1) - plain).mean(axis=1))
    if not rows:
        raise DashpruneError(f"{folder}: the network has no edges, so no gene regulates any")
    names = pd.Index([problem.genes[k] for k in regulators], name="knocked_out")
    changes = pd.DataFrame(np.concatenate(rows), index=names, columns=list(problem.genes))
    others = changes.abs().to_numpy()
    others[np.arange(len(regulators)), regulators] = 0
    scores = pd.DataFrame({"gene": problem.genes, "out_degree": leaving, "knockout": 0.0})
    scores["influence"] = perturbation_influence(model, solver, problem)
    scores.loc[regulators, "knockout"] = others.sum(axis=1) / (len(problem.genes) - 1)
    return problem, changes, scores.sort_values("influence", ascending=False, ignore_index=True)


def most_changed(changes: Sequence[Change], genes: Sequence[str]) -> pd.DataFrame:
    """A row per gene, the most changed first, over one or several runs on the same genes.

    Returns:
        `gene`; `plain`, `changed` and `change` at the last time, means over runs; and `low` and `high`, the least and
        the largest change in any run.
    """
    plain, changed = (np.stack([getattr(one, name)[-1] for one in changes]) for name in ("plain", "changed"))
    each = changed - plain
    table = pd.DataFrame({"gene": list(genes), "plain": plain.mean(axis=0), "changed": changed.mean(axis=0)})
    table["change"], table["low"], table["high"] = each.mean(axis=0), each.min(axis=0), each.max(axis=0)
    return table.iloc[np.argsort(-table["change"].abs().to_numpy(), kind="stable")].reset_index(drop=True)


def paths(folder: Path, sources: Sequence[str], targets: Sequence[str]) -> list[str]:
    """By which path each target is reached: the one with the largest product of shares of regulation.

    Returns:
        For each target text such as `A -> B -| C`; empty where no path leads there, or for a source.
    """
    problem, model, _ = reported(folder)
    effects = effects_on(model, slice(0, model.genes))
    share = relative_effect(effects.astype(np.float64))
    distance = csr_array(np.where(share > 0, -np.log(np.maximum(share, 1e-300)) + 1e-9, 0))
    _, before, _ = dijkstra(distance, indices=places(sources, problem.genes), min_only=True, return_predecessors=True)
    return [_path(place, before, effects, problem.genes) for place in places(targets, problem.genes)]


def _path(place: int, before: np.ndarray, effects: np.ndarray, genes: Sequence[str]) -> str:
    parts: list[str] = []
    while before[place] >= 0:
        sign = "->" if effects[before[place], place] > 0 else "-|"
        parts = [sign, genes[place], *parts]
        place = int(before[place])
    return " ".join([genes[place], *parts]) if parts else ""
