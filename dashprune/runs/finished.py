"""A run that is done: its data and its model, with which its result was scored. Nothing here trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from dashprune.data.knockouts import Knockouts
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.runs import checkpoints, knockouts, provenance, ranking, results
from dashprune.runs.checked import Settings, check
from dashprune.runs.results import Result
from dashprune.runs.scoring import rank_control
from dashprune.solvers.base import Solver


class Finished(NamedTuple):
    """What a finished training leaves.

    Attributes:
        problem: the data.
        model: the best one since the support last changed, its zeros baked in, on the CPU.
        solver: of its ODE.
    """

    problem: Problem
    model: VectorField
    solver: Solver


def reported(folder: Path) -> Finished:
    """Read a run that is done.

    Args:
        folder: of the run.

    Raises:
        DashpruneError: if the folder holds no finished training, its data are no longer the same, or this code cannot
            read it.
    """
    row = results.load(folder)
    if row is None or "model" not in row["config"]:
        what = "holds no result.json; finish the run" if row is None else "is a control's, which trains no model"
        raise DashpruneError(f"{folder} {what}; give the folder of a run, such as outputs/runs/sim350/phoenix/dash/ID")
    settings = _settings(folder, row)
    problem, model, _ = _restored(folder, settings, str(row["id"]))
    return Finished(problem, model, settings.solver)


def rank(folder: Path, settings: Settings) -> None:
    """Write ranking.tsv of a run that is done; a control, which keeps nothing, names its edges again.

    Args:
        folder: of the run.
        settings: of the run.

    Raises:
        DashpruneError: if the run has no checkpoint any more, or one that this code cannot read.
    """
    if settings.control is not None:
        problem = settings.problem()
        return rank_control(settings.control.fit(problem), problem, folder)
    problem, model, state = _restored(folder, settings)
    try:
        settings.pruner.load_state_dict(state)
    except RuntimeError as error:
        raise DashpruneError(
            f"{folder} was made by other code; to rank its pairs, run it again with force=true"
        ) from error
    return ranking.write(folder, ranking.of_model(model, settings.pruner), problem)


def known_knockouts(settings: Settings) -> Knockouts:
    """The knock-outs to score by.

    Raises:
        DashpruneError: if the dataset knows none, or has them trained on.
    """
    known = settings.dataset.knockouts()
    if known is None:
        raise DashpruneError(
            f"knockouts=true: {settings.names[0]} knows no knock-outs that are not trained on; sim350 and dream4 do"
        )
    return known


def knock_out(folder: Path, settings: Settings) -> Result:
    """Scores of the knock-outs that a run predicts which is done; a control is fitted again.

    Args:
        folder: of the run.
        settings: of the run.

    Raises:
        DashpruneError: as `rank`, or if the dataset knows no knock-outs.
    """
    known = known_knockouts(settings)
    if settings.control is not None:
        problem = settings.problem()
        settings.control.fit(problem)
        return knockouts.of_control(settings.control, problem, known)
    problem, model, _ = _restored(folder, settings)
    return knockouts.of_model(model, settings.solver, problem, known)


def _settings(folder: Path, row: Result) -> Settings:
    """Of a run whose data are still the same."""
    try:
        settings = check({**row["config"], "device": "cpu"})
    except DashpruneError as error:
        raise DashpruneError(
            f"{folder} was made by other code (dashprune {provenance.code(row)}), and cannot be read by this: {error}; "
            f"run it again"
        ) from error
    if settings.dataset.fingerprint() != row.get("data"):
        raise DashpruneError(f"{folder} was made from other data than dataset {row['dataset']} has now; run it again")
    return settings


def _restored(folder: Path, settings: Settings, run: str | None = None) -> tuple[Problem, VectorField, dict[str, Any]]:
    """The data, the model that is reported, its zeros baked in, and the state of the pruner at the end of training.

    `run` is its id, if the folder may have another name, as that of a copy.
    """
    problem = settings.problem()
    model = settings.initial_model(problem)
    settings.pruner.attach(model, problem)
    try:
        state = checkpoints.load(folder, run)
    except checkpoints.UnusableError as error:
        raise DashpruneError(f"{error}; run it again with force=true") from None
    if state is None:
        raise DashpruneError(f"{folder} has no checkpoint any more; run it again with force=true")
    try:
        model.load_state_dict(state["best"])
    except Exception as error:  # whatever a state of another form may do
        raise DashpruneError(f"{folder}: the checkpoint is of another model; run it again with force=true") from error
    settings.pruner.finalize(model)
    return problem, model, state["pruner"]
