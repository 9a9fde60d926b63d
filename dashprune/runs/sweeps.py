"""Sweeps: runs that Hydra's launchers start, here or on other machines, and how their outcomes come home.

Every job leaves its outcome as a file in the sweep's folder, which all machines share; whoever started the sweep reads
them there when the launcher is done, or has given up. So it does not matter where a job ran, or whether its process
lived to the end. Nothing is resumed from these files: a run's own folder knows how far it is.
"""

from __future__ import annotations

import itertools
import json
import os
import shlex
import traceback
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from joblib import cpu_count
from omegaconf import DictConfig

from dashprune import files
from dashprune.config import compose_sweep, parse, quoted
from dashprune.errors import DashpruneError
from dashprune.runs.results import Result
from dashprune.runs.run import train_prune_eval

WHOLE = ("grid", "vectorize")
"""Keys that belong to a sweep and not to its runs."""

KILLED = "it began and left no result: its process was killed, or it is still running; repeat the sweep to go on"


class Failure(NamedTuple):
    """A job without a result: the KEY=VALUE that set it, and why."""

    words: list[str]
    error: str


class Outcomes(NamedTuple):
    """What the jobs of a sweep ended with, in the order of their numbers.

    Attributes:
        rows: of the runs that are done, each once.
        failures: the other jobs that began.
    """

    rows: list[Result]
    failures: list[Failure]


def prepare(overrides: Sequence[str], config_dir: str | None = None) -> tuple[DictConfig, Path, list[str]]:
    """Make a sweep's folder and settle what its user left open.

    Args:
        overrides: of the sweep, as on the command line.
        config_dir: a further folder of yaml files.

    Returns:
        What all runs share, with Hydra's settings; the folder, new and absolute; further overrides for Hydra.

    Raises:
        DashpruneError: on a mistake in the overrides, or if the folder cannot be made.
    """
    for word, override in zip(overrides, parse(overrides), strict=True):
        if override.key_or_group in WHOLE and override.is_sweep_override():
            raise DashpruneError(f"{word}: {override.key_or_group} belongs to the whole sweep; give one value")
    shared = compose_sweep(overrides, config_dir)
    if shared.vectorize is True and shared.hydra.runtime.choices["hydra/launcher"] != "basic":
        raise DashpruneError("vectorize: true trains all runs in one process; set hydra/launcher=basic")
    folder = _new_folder(Path(shared.hydra.sweep.dir).absolute())
    return shared, folder, [f"hydra.sweep.dir={quoted(str(folder))}", *spread(shared, cpu_count())]


def spread(shared: DictConfig, cores: int) -> list[str]:
    """Overrides for Hydra that let no more runs work at once than the cores of this machine allow.

    What the user has set is kept. SLURM is told the threads of a run, and knows its machines' cores itself.
    """
    hydra, threads = shared.hydra, shared.threads
    launcher, at_once = hydra.launcher, max(1, cores // threads)
    kind = hydra.runtime.choices["hydra/launcher"]
    words = []
    if kind == "joblib" and launcher.n_jobs == -1:
        words.append(f"hydra.launcher.n_jobs={at_once}")
    if kind.startswith("submitit") and launcher.cpus_per_task is None:
        words.append(f"hydra.launcher.cpus_per_task={threads}")
    if kind == "submitit_local" and hydra.sweeper.max_batch_size is None:  # it starts all jobs of a batch at once
        words.append(f"hydra.sweeper.max_batch_size={at_once}")
    if kind == "ray" and "num_cpus" not in launcher.ray.remote:
        words.append(f"+hydra.launcher.ray.remote.num_cpus={threads}")
        if launcher.ray.init.get("address") is None and "RAY_ADDRESS" not in os.environ:  # a cluster of this machine
            words.append(f"++hydra.launcher.ray.init.num_cpus={max(cores, threads)}")
    return words


def job(cfg: DictConfig) -> None:
    """One job, as a launcher calls it, wherever that is. It raises nothing, so that no job stops another."""
    own = HydraConfig.get()
    path = Path(own.sweep.dir, f"job-{own.job.num:06d}.json")
    words = task_words()
    files.write(path, json.dumps({"words": words, "error": KILLED}))
    with chdir(own.runtime.cwd):  # a worker of Ray may have been started elsewhere
        try:
            outcome: dict[str, object] = {"row": train_prune_eval(cfg)}
        except DashpruneError as error:
            outcome = {"error": str(error)}
        except Exception:
            outcome = {"error": traceback.format_exc()}
    files.write(path, json.dumps({"words": words, **outcome}))


def task_words() -> list[str]:
    """KEY=VALUE of the job that Hydra is at, without those of the whole sweep."""
    return [word for word in HydraConfig.get().overrides.task if word.partition("=")[0] not in WHOLE]


def outcomes(folder: Path) -> Outcomes:
    """Read what the jobs of a sweep have left in its folder."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("job-*.json"))]
    return gather([(one["words"], one.get("row", one.get("error"))) for one in found])


def gather(jobs: Sequence[tuple[list[str], Result | str]]) -> Outcomes:
    """Sort jobs, each with its row or its error, into rows and failures."""
    rows = {_identity(row): row for _, row in jobs if not isinstance(row, str)}
    return Outcomes(list(rows.values()), [Failure(words, error) for words, error in jobs if isinstance(error, str)])


def command(words: Sequence[str], before: Sequence[str] = ()) -> str:
    """What to type to run one job by itself."""
    return shlex.join(["dashprune", "run", *before, *words])


def _identity(row: Result) -> tuple[str, ...]:
    return tuple(str(row[key]) for key in ("dataset", "model", "pruner", "id"))


def _new_folder(wanted: Path) -> Path:
    """The folder, made, with a number behind its name if another sweep has it already."""
    folder = wanted
    for number in itertools.count(2):
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            folder = wanted.with_name(f"{wanted.name}-{number}")
        except OSError as error:
            reason = f"the sweep folder {folder} cannot be written ({error.strerror})"
            raise DashpruneError(f"outputs: {reason}; choose another with outputs=FOLDER") from error
    files.remove_abandoned(folder.parent, "*/job-*.json")
    return folder
