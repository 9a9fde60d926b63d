"""Runs: a dataset, model, pruner and seed each, from configuration to result."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from dashprune import files
from dashprune.config import component, section
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.runs import checkpoints, identity, locks, provenance, results
from dashprune.runs.checked import Settings, check
from dashprune.runs.progress import Progress
from dashprune.runs.results import Result
from dashprune.runs.scoring import score_control, score_training
from dashprune.seeds import torch_generator
from dashprune.solvers.base import Solver
from dashprune.training.loop import Member, fit_together, groups
from dashprune.training.state import Epoch, Training

Configuration = DictConfig | Mapping[str, Any]


def train_prune_eval(cfg: Configuration) -> Result:
    """Train, prune and evaluate one model; the one entry point of every run.

    A run that is done is not repeated (unless `force` is set): its stored row is returned. A run with a checkpoint
    goes on from it and ends with the same row as an uninterrupted one. If another process works on the run, its end
    is waited for.

    Args:
        cfg: a configuration as `dashprune.compose` returns it.

    Returns:
        The row written to result.json. The README explains its keys.

    Raises:
        DashpruneError: on a mistake in the configuration or the data, or if the solution diverges.
    """
    (outcome,) = train_prune_eval_together([cfg])
    if isinstance(outcome, DashpruneError):
        raise outcome
    return outcome


def train_prune_eval_together(cfgs: Sequence[Configuration]) -> list[Result | DashpruneError]:
    """As `train_prune_eval` for several configurations, of which those that are alike are trained as one model.

    Alike are runs on data of the same shape, with the same model and solver (one with fixed steps), whose pruner adds
    nothing to the loss. They may differ in seed, data, pruner, its options, schedule and learning rate.

    Returns:
        For each configuration its row, or the error that stopped it.
    """
    jobs: list[_Job] = []
    for cfg in cfgs:
        job = _Job()
        job.attempt(functools.partial(job.open, cfg))
        same = [other for other in jobs if job.folder is not None and other.place == job.place]
        jobs.append(same[0] if same else job)
    todo = [job for job in dict.fromkeys(jobs) if job.error is None and not job.row]
    with ExitStack() as held:
        for job in sorted(todo, key=lambda job: job.place):
            job.attempt(functools.partial(job.claim, held))
        _work_on([job for job in todo if not job.row])
    return [job.error or job.row for job in jobs]


def _work_on(jobs: Sequence[_Job]) -> None:
    """Bring every job to its row or its error."""
    for job in jobs:
        job.attempt(job.prepare)
    trained = [job for job in jobs if job.error is None and job.settings.control is None]
    for solver in {repr(job.settings.solver): job.settings.solver for job in trained}.values():
        _train([job for job in trained if job.settings.solver == solver], solver)
    for job in jobs:
        job.attempt(job.finish)


def reported(folder: Path) -> tuple[Problem, VectorField, Solver]:
    """The data and the model of a run that is done, with which its result was scored.

    Args:
        folder: of the run.

    Returns:
        The problem; the best model since the support last changed, its zeros baked in, on the CPU; the solver.

    Raises:
        DashpruneError: if the folder holds no finished training, or its data are no longer the same.
    """
    row = results.load(folder)
    if row is None or "model" not in row["config"]:
        what = "holds no result.json; finish the run" if row is None else "is a control's, which trains no model"
        raise DashpruneError(f"{folder} {what}; give the folder of a run, such as outputs/runs/sim350/phoenix/dash/ID")
    values = row["config"]
    dataset = component(values["dataset"], "dataset")()
    if dataset.fingerprint() != row["data"]:
        raise DashpruneError(f"{folder} was made from other data than dataset {row['dataset']} has now; run it again")
    problem, pruner = _problem(dataset, values), component(values["pruner"], "pruner")()
    model = initial_model(component(values["model"], "model", later=("genes",)), problem, values["seed"])
    pruner.attach(model, problem)
    state = checkpoints.load(folder)
    if state is None:
        raise DashpruneError(f"{folder} has no checkpoint any more; run it again with force=true")
    model.load_state_dict(state["best"])
    pruner.finalize(model)
    return problem, model, section(Solver, values["solver"], "solver")


def initial_model(make: Callable[..., VectorField], problem: Problem, seed: int) -> VectorField:
    """The model of a run as its training starts, on the CPU, before a pruner is attached.

    Args:
        make: called with `genes`, as `Settings.model`.
        problem: the data.
        seed: of the run.
    """
    model = make(genes=len(problem.genes))
    model.bind(problem)
    model.reset_parameters(torch_generator(seed, "weights"))
    return model


def _problem(dataset: Any, values: Mapping[str, Any]) -> Problem:
    """The data of a run with this resolved configuration: all of them, or the bootstrap sample that it names."""
    problem: Problem = dataset.load()
    sample = values.get("bootstrap")
    return problem if sample is None else problem.bootstrap(sample, values["seed"])


class _Job:
    """A run on its way from configuration to row.

    Attributes:
        folder: of the run, once it is known.
        row: the result, once the run is done.
        error: what stopped it.
    """

    settings: Settings
    fingerprint: str
    problem: Problem
    training: Training

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.row: Result = {}
        self.error: DashpruneError | None = None

    def attempt(self, what: Callable[[], None]) -> None:
        """Call `what` unless there is an error already; a user's mistake or a full disk becomes the error."""
        if self.error is not None:
            return
        try:
            what()
        except DashpruneError as error:
            self.error = error
        except OSError as error:
            self.error = _unwritable(error)

    def open(self, cfg: Configuration) -> None:
        """Check the configuration; find the run's folder, and its row if it has one."""
        self.settings = check(cfg)
        torch.set_num_threads(self.settings.run.threads)
        self.fingerprint = self.settings.dataset.fingerprint()
        self.folder = identity.run_folder(self.settings.values, self.fingerprint, self.settings.names)
        remedy = "choose another with outputs=FOLDER"
        with files.writing("outputs: the run folder", self.folder, remedy):
            self.folder.mkdir(parents=True, exist_ok=True)
        if not self.settings.run.force:
            self.row = results.load(self.folder) or {}

    @property
    def place(self) -> str:
        """The run's folder as every process names it: the order in which locks are taken."""
        return str(self.folder and self.folder.resolve())

    def claim(self, held: ExitStack) -> None:
        """Keep other processes from the run until `held` is closed; find the row if one of them has just made it."""
        folder, settings = self.folder, self.settings
        assert folder is not None
        held.enter_context(locks.hold(folder))
        results.write_config(folder, settings.values)
        if settings.run.force:
            (folder / "result.json").unlink(missing_ok=True)
            checkpoints.discard(folder)
        self.row = results.load(folder) or {}

    def prepare(self) -> None:
        """Load the data; unless a control is evaluated, build the training, or restore it from its checkpoint."""
        settings = self.settings
        self.problem = _problem(settings.dataset, settings.values)
        if settings.control is not None:
            return
        model = initial_model(settings.model, self.problem, settings.run.seed)
        model.to(settings.values["device"])
        settings.pruner.attach(model, self.problem)
        self.training = Training(model, settings.pruner, settings.train)
        assert self.folder is not None
        state = checkpoints.load(self.folder)
        if state is not None:
            _restore(self.training, state, self.folder)

    def save(self) -> None:
        """After an epoch: history and checkpoint, if it is time to."""
        assert self.folder is not None
        training, every = self.training, self.settings.train.checkpoint_every
        if training.finished or len(training.history) % every == 0:
            results.write_history(self.folder, Epoch._fields, training.history)
            checkpoints.save(self.folder, training.state_dict())

    def finish(self) -> None:
        """Score what was trained, or the control, and write the row."""
        settings, folder = self.settings, self.folder
        assert folder is not None
        if settings.control is None:
            scores = score_training(self.training, self.problem, settings.solver, folder)
        else:
            scores = score_control(settings.control, self.problem)
        row = {
            **dict(zip(("dataset", "model", "pruner"), settings.names, strict=True)),
            "seed": settings.run.seed,
            "id": folder.name,
            **scores,
            "data": self.fingerprint,
            "versions": provenance.versions(),
            "config": settings.values,
        }
        results.write_result(folder, row)
        checkpoints.tidy(folder)
        self.row = row


def _train(jobs: Sequence[_Job], solver: Solver) -> None:
    """Train all jobs from wherever they stand."""
    started = time.monotonic()
    name = f"{len(jobs)} runs"
    if len(jobs) == 1:
        name = f"{jobs[0].settings.values['pruner']['name']} {jobs[0].folder.name if jobs[0].folder else ''}"
    done = min(len(job.training.history) for job in jobs)
    with Progress(name, max(job.settings.train.epochs for job in jobs), done) as progress:
        members = []
        for job in jobs:
            after_epoch = functools.partial(_after_epoch, job, job.training.seconds, started, len(jobs), progress)
            data, seed = (job.problem.train, job.problem.validation), job.settings.run.seed
            members.append(Member(job.training, *data, seed, after_epoch))
        if len(jobs) > 1:
            progress.note(_plan(jobs, members, solver))
        try:
            fit_together(members, solver)
        except OSError as error:
            for job in jobs:
                job.error = _unwritable(error)
    for job, member in zip(jobs, members, strict=True):
        job.error = job.error or member.error


def _after_epoch(job: _Job, before: float, started: float, sharing: int, progress: Progress) -> None:
    job.training.seconds = before + (time.monotonic() - started) / sharing
    progress.show(job.training.history[-1])
    job.save()


def _plan(jobs: Sequence[_Job], members: Sequence[Member], solver: Solver) -> str:
    """Which runs train as one model and which alone."""
    parts = []
    for group in groups(members, solver):
        own = [
            job.settings.values["pruner"]["name"] for job, member in zip(jobs, members, strict=True) if member in group
        ]
        names = ", ".join(dict.fromkeys(own))
        parts.append(f"{len(group)} as one ({names})" if len(group) > 1 else f"1 alone ({names})")
    return "; ".join(parts)


def _restore(training: Training, state: dict[str, Any], folder: Path) -> None:
    try:
        training.load_state_dict(state)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise DashpruneError(
            f"{folder / checkpoints.CURRENT} was written by another version of dashprune; start anew with force=true"
        ) from error


def _unwritable(error: OSError) -> DashpruneError:
    return DashpruneError(f"outputs: {error.filename or 'a file'} cannot be written ({error.strerror})")
