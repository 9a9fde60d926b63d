"""A run from its configuration to its row: open, claim, prepare, train, score, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from omegaconf import DictConfig

from dashprune import files
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError, DefectError, say
from dashprune.runs import checkpoints, finished, identity, knockouts, locks, provenance, results
from dashprune.runs.checked import Settings, check
from dashprune.runs.progress import Progress
from dashprune.runs.results import Result
from dashprune.runs.scoring import score_control, score_training
from dashprune.solvers.base import Solver
from dashprune.training.loop import Member, fit_together, groups
from dashprune.training.state import Epoch, Training

Configuration = DictConfig | Mapping[str, Any]
End = Result | DashpruneError
"""What a run ends with: its row, or the error that stopped it."""
T = TypeVar("T")


@dataclass(frozen=True)
class Opened:
    """A run whose configuration is valid.

    Attributes:
        settings: the checked configuration.
        fingerprint: of its data.
        folder: where its files are, or will be.
    """

    settings: Settings
    fingerprint: str
    folder: Path

    @property
    def place(self) -> str:
        """The run's folder as every process names it: the order in which locks are taken."""
        return str(self.folder.resolve())

    def __str__(self) -> str:
        return f"{self.settings.names[2]} {self.folder.name}"


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to be trained, or to go on.

    Attributes:
        opened: the run.
        problem: its data.
        training: as it begins, or as its checkpoint left it; None for a control.
    """

    opened: Opened
    problem: Problem
    training: Training | None


def train_prune_eval(cfg: Configuration) -> Result:
    """Train, prune and evaluate one model; the one entry point of every run.

    A run that is done is not repeated (unless `force` is set): its stored row is returned. A run with a checkpoint
    goes on from it and ends with the same row as an uninterrupted one. If another process works on the run, its end
    is waited for.

    Args:
        cfg: a configuration as `dashprune.compose` returns it.

    Returns:
        The row written to result.json. dashprune/analysis/README.md explains its keys.

    Raises:
        DashpruneError: on a mistake in the configuration or the data, or if the solution diverges.
    """
    (end,) = train_prune_eval_together([cfg])
    if isinstance(end, DefectError):
        raise end.cause
    if isinstance(end, DashpruneError):
        raise end
    return end


def train_prune_eval_together(cfgs: Sequence[Configuration]) -> list[End]:
    """As `train_prune_eval` for several configurations, of which those that are alike are trained as one model.

    Alike are runs on data of the same shape, with the same model and solver (one with fixed steps), whose pruners add
    nothing to the loss, or the same term. They may differ in seed, data, pruner, its options, schedule and learning
    rate.

    Returns:
        For each configuration its row, or the error that stopped it.
    """
    opened = [_tried(open_run, cfg) for cfg in cfgs]
    runs = {run.place: run for run in opened if isinstance(run, Opened)}  # one that is named twice is done once
    ends: dict[str, End] = {}
    with ExitStack() as held:
        for place in sorted(runs):
            row = _tried(claim, runs[place], held)
            if row is not None:
                ends[place] = row
        ends.update(_work_on({place: run for place, run in runs.items() if place not in ends}))
    return [run if isinstance(run, DashpruneError) else ends[run.place] for run in opened]


def open_run(cfg: Configuration) -> Opened:
    """Check a configuration, and find its run's folder, which is made if it is not there.

    Raises:
        DashpruneError: on a mistake in the configuration or the data, or if the folder cannot be made.
    """
    settings = check(cfg)
    provenance.commit()  # of the code that is loaded now, before somebody changes the files
    torch.set_num_threads(settings.run.threads)
    with files.reading("dataset"):
        fingerprint = settings.dataset.fingerprint()
    folder = identity.run_folder(settings.values, fingerprint, settings.names)
    with files.writing("outputs: the run folder", folder, "choose another with outputs=FOLDER"):
        folder.mkdir(parents=True, exist_ok=True)
    return Opened(settings, fingerprint, folder)


def claim(run: Opened, held: ExitStack) -> Result | None:
    """Keep other processes from a run until `held` is closed; returns its row if it is done, which needs no lock."""
    folder, force = run.folder, run.settings.run.force
    row = None if force else _done(run)
    if row is not None:
        if checkpoints.leftovers(folder) and (lock := locks.hold(folder, wait=False)):
            with lock:
                checkpoints.tidy(folder)
        return row
    held.enter_context(locks.hold(folder))
    _same_data(run)
    if force:
        for name in ("result.json", results.RANKING):
            (folder / name).unlink(missing_ok=True)
        checkpoints.discard(folder)
    return _done(run)  # which another process may have made while this one waited


def _done(run: Opened) -> Result | None:
    """The row of a run that is done, to which what is asked for and not done yet is added: a ranking, knock-outs."""
    row = results.load(run.folder)
    if row is not None and run.settings.run.ranking and not (run.folder / results.RANKING).exists():
        finished.rank(run.folder, run.settings)
    if row is not None and run.settings.run.knockouts and knockouts.SCORES[0] not in row:
        row = {**row, **finished.knock_out(run.folder, run.settings)}
        results.write_result(run.folder, row)
    return row


def prepare(run: Opened) -> Prepared:
    """Load the data; unless a control is evaluated, build the training, or restore it from its checkpoint."""
    settings = run.settings
    try:
        problem = _load(run)
    except DashpruneError:
        with suppress(OSError):
            run.folder.rmdir()  # unless something was left there before
        raise
    run.folder.mkdir(exist_ok=True)  # another process may have found the same mistake
    results.write_config(run.folder, settings.values)
    _notify(run, problem)
    if settings.control is not None:
        return Prepared(run, problem, None)
    model = settings.initial_model(problem)
    model.to(settings.values["device"])
    settings.pruner.attach(model, problem)
    training = Training(model, settings.pruner, settings.train)
    state = checkpoints.resume(run.folder)
    if state is not None:
        _restore(training, state, run.folder)
    return Prepared(run, problem, training)


def train(runs: Sequence[Prepared], solver: Solver) -> list[DashpruneError | None]:
    """Train all runs from wherever they stand, those that are alike as one; returns what stopped each."""
    started, sharing = time.monotonic(), len(runs)
    trainings = [run.training for run in runs if run.training is not None]
    name = f"{sharing} runs" if sharing > 1 else str(runs[0].opened)
    epochs, done = max(one.settings.epochs for one in trainings), min(len(one.history) for one in trainings)
    with Progress(name, epochs, done) as progress:
        members = [
            _member(run, training, progress, lambda: (time.monotonic() - started) / sharing)
            for run, training in zip(runs, trainings, strict=True)
        ]
        if sharing > 1:
            progress.note(_plan(runs, members, solver))
        fit_together(members, solver)
    return [None if member.error is None else _mistake(member.error) for member in members]


def score(run: Prepared) -> Result:
    """The scores of what was trained, or of the control; writes the network of the former, and ranks pairs if asked."""
    settings, folder = run.opened.settings, run.opened.folder
    ranked = settings.run.ranking
    known = finished.known_knockouts(settings) if settings.run.knockouts else None
    if settings.control is not None:
        found = score_control(settings.control, run.problem, folder if ranked else None)
        return found if known is None else {**found, **knockouts.of_control(settings.control, run.problem, known)}
    assert run.training is not None
    found = score_training(run.training, run.problem, settings.solver, folder, ranked)
    if known is None:
        return found
    return {**found, **knockouts.of_model(run.training.model.cpu(), settings.solver, run.problem, known)}


def write(run: Opened, scores: Result) -> Result:
    """Write the row, by which the run is done, and remove what is no longer needed."""
    row = {
        **dict(zip(("dataset", "model", "pruner"), run.settings.names, strict=True)),
        "seed": run.settings.run.seed,
        "id": run.folder.name,
        **scores,
        "data": run.fingerprint,
        "versions": provenance.versions(),
        "config": run.settings.values,
    }
    results.write_result(run.folder, row)
    checkpoints.tidy(run.folder)
    return row


def _load(run: Opened) -> Problem:
    with files.reading("dataset"):
        problem = run.settings.problem()
        if run.settings.run.knockouts:
            finished.known_knockouts(run.settings)  # or it would be a mistake only when all is trained
    _same_data(run)
    return problem


def _same_data(run: Opened) -> None:
    """Raise DashpruneError if the data are not those any more by which the run is known."""
    if run.settings.dataset.fingerprint() != run.fingerprint:
        raise DashpruneError(f"{run}: its data have changed since the command began; repeat the command")


def _notify(run: Opened, problem: Problem) -> None:
    """Tell what else would be a surprise at the end of training."""
    pruner, control = run.settings.pruner, run.settings.control
    looking = pruner if control is None else control
    if looking.uses_prior and not looking.weighs_prior and len(set(abs(problem.prior.data))) > 1:
        say(f"{run}: the prior's edges have weights, but here only counts which there are")
    if control is not None:
        return
    if pruner.uses_prior and not problem.has_prior:
        say(f"{run}: the data have no prior, so edges are found from expression alone")
    if pruner.notice is not None:
        say(f"{run}: {pruner.notice}")


def _work_on(runs: Mapping[str, Opened]) -> dict[str, End]:
    """Bring every run to its end."""
    prepared = {place: _tried(prepare, run) for place, run in runs.items()}
    for place in _ahead([run for run in prepared.values() if isinstance(run, Prepared)]):
        checkpoints.step_back(runs[place].folder)
        prepared[place] = _tried(prepare, runs[place])
    ends: dict[str, End] = {place: run for place, run in prepared.items() if isinstance(run, DashpruneError)}
    ready = {place: run for place, run in prepared.items() if isinstance(run, Prepared)}
    trained = [run for run in ready.values() if run.training is not None]
    for own in _by_solver(trained):
        for run, error in zip(own, train(own, own[0].opened.settings.solver), strict=True):
            if error is not None:
                ends[run.opened.place] = error
    for place, run in ready.items():
        if place not in ends:
            ends[place] = _tried(_scored, run)
    return ends


def _ahead(runs: Sequence[Prepared]) -> list[str]:
    """The runs whose last checkpoint was saved when the process was killed before others saved theirs.

    If they go back to the one before it, all go on from a common epoch, as if nothing had happened.
    """
    epochs = {run.opened.place: len(run.training.history) for run in runs if run.training is not None}
    last = max(epochs.values(), default=0)
    found = []
    for run in runs:
        if epochs.get(run.opened.place) == last > 0 and min(epochs.values()) < last:
            state = checkpoints.previous(run.opened.folder)
            every = 0 if run.training is None else run.training.settings.checkpoint_every
            before = (0 if last <= every else None) if state is None else len(state["history"])
            found += [run.opened.place] if before in epochs.values() else []
    return found


def _by_solver(runs: Sequence[Prepared]) -> list[list[Prepared]]:
    """Runs whose solvers are the same, together."""
    groups: dict[str, list[Prepared]] = {}
    for run in runs:
        groups.setdefault(repr(run.opened.settings.solver), []).append(run)
    return list(groups.values())


def _scored(run: Prepared) -> Result:
    return write(run.opened, score(run))


def _tried(stage: Callable[..., T], *arguments: object) -> T | DashpruneError:
    """What a stage returns, or its error, which ends this run only."""
    try:
        return stage(*arguments)
    except Exception as error:
        return _mistake(error)


def _member(run: Prepared, training: Training, progress: Progress, spent: Callable[[], float]) -> Member:
    """A training with its data, and what is done after each of its epochs; `spent` is its share of the time so far."""
    before = training.seconds

    def after_epoch() -> None:
        training.seconds = before + spent()
        progress.show(training.history[-1])
        _save(run.opened, training)

    problem, seed = run.problem, run.opened.settings.run.seed
    return Member(training, problem.train, problem.validation, seed, after_epoch)


def _save(run: Opened, training: Training) -> None:
    """History and checkpoint, if it is time to."""
    if training.finished or len(training.history) % training.settings.checkpoint_every == 0:
        results.write_history(run.folder, Epoch._fields, training.history)
        checkpoints.save(run.folder, training.state_dict())


def _plan(runs: Sequence[Prepared], members: Sequence[Member], solver: Solver) -> str:
    """Which runs train as one model and which alone."""
    strategies = {id(member): run.opened.settings.names[2] for run, member in zip(runs, members, strict=True)}
    found = groups(members, solver)
    alone = [member for group in found if len(group) == 1 for member in group]
    parts = []
    for how, group in [*(("as one", group) for group in found if len(group) > 1), ("alone", alone)]:
        names = ", ".join(dict.fromkeys(strategies[id(member)] for member in group))
        parts += [f"{len(group)} {how} ({names})"] if group else []
    return "; ".join(parts)


def _restore(training: Training, state: dict[str, Any], folder: Path) -> None:
    try:
        training.load_state_dict(state)
    except Exception as error:  # whatever a state of another form may do
        raise DashpruneError(
            f"{folder / checkpoints.CURRENT} was written by another version of dashprune; start anew with force=true"
        ) from error


def _mistake(error: Exception) -> DashpruneError:
    if isinstance(error, DashpruneError):
        return error
    if not isinstance(error, OSError):
        return DefectError(error)
    return DashpruneError(f"outputs: {error.filename or 'a file'} cannot be written ({error.strerror})")
