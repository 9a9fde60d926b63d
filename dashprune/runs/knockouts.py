"""Scores of predicted knock-outs, where their outcome is known (METHODS 6).

A model starts from what was measured, once with the gene held and once without, and is solved for the time that the
knock-outs took. What is scored is every gene but the one that is held.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.sparse.csgraph import shortest_path

from dashprune.controls.base import Control
from dashprune.data.interventions import Interventions, nothing
from dashprune.data.knockouts import Knockouts
from dashprune.data.problem import Problem, Transitions
from dashprune.data.sparse import dense
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.runs.results import Result
from dashprune.solvers.base import DivergenceError, Solver
from dashprune.training.batches import Batch, predicted

SCORES = ("knockout_mse", "knockout_relative", "knockout_spearman", "knockout_spearman_prior")
STEPS = 10
"""Parts into which the time of a knock-out is divided."""


def of_model(model: VectorField, solver: Solver, problem: Problem, known: Knockouts) -> Result:
    """Scores of a model; None where its solution diverges."""
    done = nothing(*known.before.shape)
    done.held[np.arange(len(known.gene)), known.gene] = known.level
    times = np.linspace(0, known.time, STEPS + 1)
    try:
        after, plain = (followed(model, solver, known.before, one, times)[-1] for one in (done, None))
    except (DivergenceError, DashpruneError):
        return {**dict.fromkeys(SCORES), "knockout_spearman_prior": of_prior(problem, known)}
    return scores(after, plain, problem, known)


def of_control(control: Control, problem: Problem, known: Knockouts) -> Result:
    """Scores of a control that predicts, after `fit`; it goes step by step, and the gene is set back at each."""
    courses = []
    for held in (True, False):
        state = known.before
        for _ in range(STEPS):
            state = _set(state, known) if held else state
            dt = np.full(len(state), known.time / STEPS, dtype=np.float32)
            stop = control.predict(Transitions(state, state, dt, np.arange(len(state))))
            if stop is None:
                return {**dict.fromkeys(SCORES), "knockout_spearman_prior": of_prior(problem, known)}
            state = stop.astype(np.float32)
        courses.append(state)
    after, plain = courses
    return scores(after, plain, problem, known)


def _set(state: np.ndarray, known: Knockouts) -> np.ndarray:
    found = state.copy()
    found[np.arange(len(known.gene)), known.gene] = known.level
    return found


def scores(after: np.ndarray, plain: np.ndarray, problem: Problem, known: Knockouts) -> Result:
    """The scores of predictions.

    Args:
        after: (K, genes) predicted with the gene held.
        plain: (K, genes) predicted without.
        problem: whose gold standard says which genes a knock-out can reach.
        known: what became of them.

    Returns:
        `knockout_mse`, of the change by the knock-out: expression with it minus expression without, predicted and true.
        `knockout_relative`, over that of predicting no change. `knockout_spearman`, rank correlation of predicted and
        true changes over the genes that the knocked-out gene reaches in the gold standard, all without one; None if
        either are all equal. `knockout_spearman_prior`, that of the signs of the prior's edges alone.
    """
    others = _others(known)
    predicted_change, change = (after - plain).astype(np.float64)[others], (known.after - known.plain)[others]
    mse, nothing_changes = (float(np.square(found - change).mean()) for found in (predicted_change, np.zeros(1)))
    return {
        "knockout_mse": mse,
        "knockout_relative": None if nothing_changes == 0 else mse / nothing_changes,
        "knockout_spearman": _spearman(after - plain, problem, known),
        "knockout_spearman_prior": of_prior(problem, known),
    }


def of_prior(problem: Problem, known: Knockouts) -> float | None:
    """Rank correlation of what the signs of the prior say: a target loses or gains what its regulator lost."""
    sign = np.sign(dense(problem.prior, slice(None)))[known.gene]
    lost = known.level - known.before[np.arange(len(known.gene)), known.gene]
    return _spearman(sign * lost[:, None], problem, known)


def _others(known: Knockouts) -> np.ndarray:
    """(K, genes) bool, all but the held genes."""
    found = np.ones(known.before.shape, dtype=bool)
    found[np.arange(len(known.gene)), known.gene] = False
    return found


def _spearman(change: np.ndarray, problem: Problem, known: Knockouts) -> float | None:
    reached = _others(known)
    if problem.truth is not None:
        steps = shortest_path(problem.truth.astype(float), unweighted=True, indices=known.gene)
        reached &= np.isfinite(steps)
    one, other = change[reached], (known.after - known.plain)[reached]
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    from scipy.stats import spearmanr  # here, as it takes a second to import, and few runs ask for knock-outs

    value = float(spearmanr(one, other).statistic)
    return None if math.isnan(value) else value


@torch.no_grad()
def followed(
    model: VectorField, solver: Solver, states: np.ndarray, done: Interventions[np.ndarray] | None, times: np.ndarray
) -> np.ndarray:
    """(times, N, genes) expression from (N, genes) states at the first time on.

    Args:
        model: the field.
        solver: of its ODE.
        states: where it starts.
        done: (N, genes) what is done to genes throughout; None for nothing.
        times: increasing.

    Raises:
        DashpruneError: if the solution diverges.
    """
    model.eval()
    state = torch.as_tensor(states.copy())
    given = None if done is None else done.map(torch.as_tensor)
    points = [state if given is None else torch.where(given.held.isnan(), state, given.held)]
    for step in np.diff(times):
        dt = torch.full((len(states),), float(step))
        points.append(predicted(model, Batch(points[-1], points[-1], dt, given), solver))
    course = torch.stack(points).numpy()
    if not np.isfinite(course).all():
        raise DashpruneError("the perturbed solution diverges; solve more exactly, or follow it for a shorter time")
    return course
