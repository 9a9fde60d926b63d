"""Sweeps on every launcher, killed and repeated."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dashprune import compose, files
from dashprune.analysis import tables
from dashprune.cli import run
from dashprune.cli.main import main
from dashprune.config import EXTRAS, compose_sweep, explain, parse, quoted
from dashprune.errors import DashpruneError
from dashprune.runs import results, sweeps
from dashprune.runs.checked import check
from dashprune.runs.progress import Progress
from tests.conftest import SMALL

REPOSITORY = Path(__file__).parents[2]
SWEEP = [*SMALL, "train.epochs=3", "pruner=dash,imp", "seed=0,1"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps in this process: a folder, arguments and an environment of their own, which workers inherit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


def table(root: str | Path) -> list[dict[str, Any]]:
    """The table of runs without their times."""
    return tables.runs(results.collect(Path(root))).drop(columns="wall_seconds").to_dict("records")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The table of SWEEP on the basic launcher."""
    root = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", sys.argv)
        assert main(["run", "-m", *SWEEP, f"outputs={root}"]) == 0
    return table(root)


# Grids.


def combinations(*words: str) -> list[tuple[str, float, float]]:
    found = []
    run._hydra(
        ["-m"], list(words), lambda cfg: found.append((cfg.pruner.name, cfg.pruner.lambda_1, cfg.pruner.lambda_2))
    )
    return found


@pytest.mark.slow
def test_a_grid_gives_every_pair_of_its_lambdas() -> None:
    values = (0.75, 0.8, 0.95, 0.995)
    assert combinations("grid=paper") == [("dash", one, two) for one in values for two in values]


def test_a_value_on_the_command_line_takes_the_place_of_an_axis() -> None:
    assert combinations("grid=coarse", "pruner.lambda_2=0.1") == [("dash", v, 0.1) for v in (0, 0.25, 0.5, 0.75, 0.95)]


def test_the_fine_grid_goes_in_steps_of_a_twentieth_to_just_below_one() -> None:
    params = compose_sweep(["grid=fine"]).hydra.sweeper.params
    assert list(params) == ["pruner.lambda_1", "pruner.lambda_2"]
    for axis in parse([f"{key}={values}" for key, values in params.items()]):
        assert list(axis.sweep_iterator()) == [k / 20 for k in range(20)] + [0.995]


def test_a_grid_is_no_part_of_a_runs_identity() -> None:
    assert check(compose(["grid=coarse"])).values == check(compose()).values


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["grid=paper", "pruner=imp"],
            "grid=paper needs pruner.lambda_1, which not every pruner of this sweep has; set p",
        ),
        (["grid=paper", "pruner=dash,imp"], "grid=paper needs pruner.lambda_1"),
        (["grid=paper,coarse"], "grid=paper,coarse: grid belongs to the whole sweep; give one value"),
        (
            ["vectorize=true", "hydra/launcher=joblib"],
            "vectorize: true trains all runs in one process; set hydra/launc",
        ),
        (["hydra.sweep.dir=/dev/null/x"], "the sweep folder /dev/null/x cannot be written (Not a directory)"),
        (
            ["hydra/launcher=jobib"],
            "hydra/launcher=jobib: there is no such choice; did you mean 'joblib'?; choices: basic",
        ),
    ],
)
def test_a_mistake_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-m", *words]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_launcher_that_is_not_installed_is_answered_with_its_extra() -> None:
    for launcher, extra in EXTRAS.items():
        error = Exception(f"In 'hydra/config': Could not find 'hydra/launcher/{launcher}'\n\nAvailable options in ...")
        assert (
            f"hydra/launcher={launcher} is not installed; install it with pip install 'dashprune[{extra}]'"
            in explain(error, [])
        )
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS.values()) <= set(project["optional-dependencies"])


# Cores.


@pytest.mark.parametrize(
    ("words", "cores", "more"),
    [
        (["threads=3"], 8, []),
        (["hydra/launcher=joblib"], 8, ["hydra.launcher.n_jobs=8"]),
        (["hydra/launcher=joblib", "threads=3"], 8, ["hydra.launcher.n_jobs=2"]),
        (["hydra/launcher=joblib", "threads=9"], 8, ["hydra.launcher.n_jobs=1"]),
        (["hydra/launcher=joblib", "hydra.launcher.n_jobs=5"], 8, []),
        (
            ["hydra/launcher=submitit_local", "threads=3"],
            8,
            ["hydra.launcher.cpus_per_task=3", "hydra.sweeper.max_batch_size=2"],
        ),
        (["hydra/launcher=submitit_slurm", "threads=3"], 8, ["hydra.launcher.cpus_per_task=3"]),
        (["hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=4"], 8, []),
        (
            ["hydra/launcher=ray", "threads=3"],
            8,
            ["+hydra.launcher.ray.remote.num_cpus=3", "++hydra.launcher.ray.init.num_cpus=8"],
        ),
        (["hydra/launcher=ray", "hydra.launcher.ray.init.address=auto"], 8, ["+hydra.launcher.ray.remote.num_cpus=1"]),
    ],
)
def test_no_more_threads_than_cores(words: list[str], cores: int, more: list[str]) -> None:
    assert sweeps.spread(compose_sweep(words), cores) == more
    compose_sweep([*words, *more])


def test_two_sweeps_of_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    wanted = tmp_path / "it's, [so] = 1"
    words = [f"hydra.sweep.dir={quoted(str(wanted))}"]
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    note = tmp_path / "earlier" / "job-000003.json"
    note.parent.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getpid", lambda: killed.pid)
        left = files.temporary(note)
    left.write_text("half")
    folders = [sweeps.prepare(words)[1] for _ in range(3)]
    assert [folder.name for folder in folders] == ["it's, [so] = 1", "it's, [so] = 1-2", "it's, [so] = 1-3"]
    _, _, (word,) = sweeps.prepare(words)
    assert compose_sweep([word]).hydra.sweep.dir == f"{wanted}-4"
    assert not left.exists()


def test_workers_draw_no_bars_over_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    import multiprocessing

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Progress("a", 1, 0) as progress:
        assert progress.bar is not None
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "LokyProcess-1")
    with Progress("a", 1, 0) as progress:
        assert progress.bar is None


# Launchers.


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher",
    [
        ["joblib", "hydra.launcher.n_jobs=2"],
        ["submitit_local"],
        ["ray", "++hydra.launcher.ray.init.include_dashboard=false", "++hydra.launcher.ray.init.num_cpus=2"],
    ],
    ids=["joblib", "submitit_local", "ray"],
)
def test_a_launcher_gives_the_rows_of_the_basic_one(
    launcher: list[str], undisturbed: list[dict[str, Any]], ray_stops: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-m", *SWEEP, "seed=1", f"hydra/launcher={launcher[0]}", *launcher[1:]]) == 0
    assert table("outputs") == [row for row in undisturbed if row["seed"] == 1]
    printed = capfd.readouterr()
    assert [line.split("|")[3].strip() for line in printed.out.splitlines()[2:]] == ["dash", "imp"]
    assert "failed" not in printed.err


@pytest.fixture
def ray_stops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray cluster that this process has started ends with the test."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    yield
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()


# Failures.


@pytest.mark.slow
def test_failed_jobs_are_named_with_their_commands_and_retried(
    monkeypatch: pytest.MonkeyPatch, undisturbed: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(cfg: Any) -> Any:
        if cfg.pruner.name == "imp":
            raise DashpruneError("a mistake") if cfg.seed == 0 else RuntimeError("a defect")
        return train_prune_eval(cfg)

    train_prune_eval = sweeps.train_prune_eval
    monkeypatch.setattr(sweeps, "train_prune_eval", failing)
    assert main(["run", "-m", *SWEEP, "dataset.times=[0,2,3,7,9]"]) == 2
    printed = capsys.readouterr()
    assert [line.split("|")[3].strip() for line in printed.out.splitlines()[2:]] == ["dash"]
    first, second = printed.err.split("dashprune: failed: ")[1:]
    assert first.splitlines()[0] == "a mistake"
    assert second.startswith("Traceback (most recent call last):")
    assert "RuntimeError: a defect" in second
    assert len(table("outputs")) == 2

    monkeypatch.setattr(sweeps, "train_prune_eval", train_prune_eval)
    words = shlex.split(second.splitlines()[-1])
    assert words[:2] == ["dashprune", "run"]
    assert words[-3:] == ["pruner=imp", "seed=1", "dataset.times=[0,2,3,7,9]"]
    assert main(words[1:]) == 0
    assert "epoch 3 of 3" in capsys.readouterr().err
    assert main(["run", "-m", *SWEEP]) == 0
    assert capsys.readouterr().err.count("epoch 3 of 3") == 1  # only the mistake was still to do
    assert table("outputs") == undisturbed


def test_the_command_of_a_job_finds_the_yaml_files_of_the_sweep_and_leaves_its_grid_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my conf/solver").mkdir(parents=True)
    (tmp_path / "my conf/solver/mine.yaml").write_text("defaults:\n  - rk4\nstep: -1\n")
    words = ["--config-dir", "my conf", "grid=paper", "pruner.lambda_2=0.5", "pruner.lambda_1=0.5", "solver=mine"]
    assert main(["run", "-m", *words]) == 2
    printed = capsys.readouterr()
    assert "failed: solver.step: -1" in printed.err
    assert printed.err.splitlines()[1] == (
        "  dashprune run --config-dir 'my conf' pruner.lambda_1=0.5 pruner.lambda_2=0.5 solver=mine"
    )


def test_a_run_that_two_jobs_ask_for_is_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-m", *SMALL, "control=prior", "pruner.lambda_1=0,1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()[2:]
    assert line.split("|")[6].strip() == "1"


# Killing.


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dashprune.cli.main", "run", "-m", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def done() -> int:
    return len(list(Path("outputs/runs").rglob("result.json")))


def epochs() -> int:
    return sum(path.read_text().count("\n") - 1 for path in Path("outputs/runs").rglob("history.csv"))


def jobs() -> list[bool]:
    """Of each job that has begun, whether it has noted its end, which it does after its row is written."""
    return [sweeps.KILLED not in path.read_text() for path in Path("outputs/sweeps").rglob("job-*.json")]


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_driver_lose_nothing_finished() -> None:
    """joblib gives up when a worker dies; the report names the jobs that had begun; the repeated command goes on."""
    longer = [*SMALL, "train.epochs=20", "schedule.every=10", "seed=range(4)"]
    joblib = [*longer, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert main(["run", "-m", *longer, "outputs=undisturbed"]) == 0

    sweep = start(*joblib)
    wait_for(lambda: sorted(jobs())[:3] == [False, False, True])  # both workers are in the middle of a job
    workers = [child for child in psutil.Process(sweep.pid).children() if "LokyProcess" in " ".join(child.cmdline())]
    assert len(workers) == 2
    workers[0].kill()
    out, err = sweep.communicate()
    kept, before = done(), epochs()
    assert sweep.returncode == 2
    assert f"failed: {sweeps.KILLED}\n  dashprune run " in err
    assert "the launcher gave up before all jobs were done (TerminatedWorkerError: A worker process" in err
    assert "| sim350" in out

    sweep = start(*joblib)
    wait_for(lambda: epochs() >= before + 3)
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.communicate()
    assert kept <= done() < 4

    assert main(["run", "-m", *longer]) == 0
    assert table("outputs") == table("undisturbed")
    assert not list(Path("outputs/runs").rglob("*.tmp"))


def test_a_yaml_of_ones_own_with_a_name_that_is_taken_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine/pruner").mkdir(parents=True)
    (tmp_path / "mine/pruner/dash.yaml").write_text("name: dash\n_target_: mine.Dash\n")
    assert main(["run", "--config-dir", "mine", "pruner=dash"]) == 2
    assert "mine/pruner/dash.yaml bears the name of a file that comes with dashprune" in capsys.readouterr().err
