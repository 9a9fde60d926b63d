"""Two processes that are asked for the same run."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from dashprune import compose, train_prune_eval
from dashprune.data.sim350 import Sim350
from dashprune.errors import DashpruneError
from dashprune.runs import identity, locks
from dashprune.runs.checked import check
from dashprune.runs.run import train_prune_eval_together
from tests.conftest import SMALL

REPOSITORY = Path(__file__).parents[2]


def start(folder: Path, program: str, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", program, *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


RUN = "import sys; from dashprune.cli.main import main; sys.exit(main(['run', *sys.argv[1:]]))"
HOLD = """
import sys, time; from pathlib import Path; from dashprune.runs import locks
with locks.hold(Path(sys.argv[1])):
    print("held", file=sys.stderr, flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.mark.slow
def test_two_processes_asked_for_one_run_train_it_once_and_print_the_same_row(tmp_path: Path) -> None:
    settings = check(compose([*SMALL, f"outputs={tmp_path / 'outputs'}"]))
    folder = identity.run_folder(settings.values, settings.dataset.fingerprint(), settings.names)
    with locks.hold(folder):
        both = [start(tmp_path, RUN, *SMALL) for _ in range(2)]
        for one in both:
            assert one.stderr is not None
            waits = f"dashprune: another process works on {folder.relative_to(tmp_path)}; waiting for its result\n"
            assert one.stderr.readline() == waits
    said = [one.communicate()[1] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert ["epoch 6 of 6" in text for text in said].count(True) == 1
    (path,) = tmp_path.rglob("result.json")
    assert json.loads(path.read_text())["epochs_run"] == 6
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "checkpoint.pt", "config.yaml", "history.csv", "network.tsv", "result.json",
    ]  # fmt: skip


def test_the_lock_of_a_killed_process_is_gone(small: list[str], tmp_path: Path) -> None:
    row = train_prune_eval(compose([*small, "train.epochs=2"]))
    (path,) = tmp_path.rglob("result.json")
    holder = start(tmp_path, HOLD, str(path.parent), "600")
    assert holder.stderr is not None
    assert holder.stderr.readline() == "held\n"
    holder.kill()
    holder.communicate()
    path.unlink()
    assert train_prune_eval(compose([*small, "train.epochs=2"]))["mse"] == row["mse"]


def test_a_run_that_is_done_is_read_without_waiting(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = train_prune_eval(compose([*small, "train.epochs=2"]))
    (path,) = tmp_path.rglob("result.json")
    capsys.readouterr()
    with locks.hold(path.parent):
        assert train_prune_eval(compose([*small, "train.epochs=2"])) == row
    assert capsys.readouterr().err == ""


def test_runs_trained_together_are_locked_in_the_order_of_their_folders(
    small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So two sweeps that share runs in another order cannot each hold what the other waits for."""
    taken: list[str] = []
    hold = locks.hold

    def noted(folder: Path) -> object:
        taken.append(str(folder))
        return hold(folder)

    monkeypatch.setattr(locks, "hold", noted)
    train_prune_eval_together([compose([*small, "train.epochs=1", f"seed={seed}"]) for seed in (3, 1, 0, 2)])
    assert len(taken) == 4
    assert taken == sorted(taken)


def test_a_run_asked_for_twice_by_two_names_of_its_folder_does_not_wait_for_itself(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "outputs")
    (tmp_path / "outputs").mkdir()
    jobs = [compose([*SMALL, "train.epochs=1", f"outputs={tmp_path / name}"]) for name in ("outputs", "link")]
    first, second = train_prune_eval_together(jobs)
    assert first is second
    assert "mse" in first  # type: ignore[operator]


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def missing(self: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filelock.FileLock, "acquire", missing)
    with locks.hold(tmp_path / "runs/sim350/phoenix/dash/0123"):
        assert f"the file system of {tmp_path / 'locks'} has no locks" in capsys.readouterr().err


def test_a_lock_of_another_user_is_named_and_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(self: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", refused)
    with locks.hold(tmp_path / "runs/sim350/phoenix/dash/0123"):
        assert "0123.lock cannot be locked by you (chmod g+w mends it)" in capsys.readouterr().err


def test_data_that_change_while_a_run_waits_are_noticed(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    prints = iter(["before", "after"])
    monkeypatch.setattr(Sim350, "fingerprint", lambda self: next(prints))
    with pytest.raises(DashpruneError, match="its data have changed since the command began; repeat the command"):
        train_prune_eval(compose(small))
