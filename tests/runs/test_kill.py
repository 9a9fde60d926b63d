"""kill -9 at five moments, then the same command: the result is that of an undisturbed run."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import time
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest

from dashprune.cli.main import main
from tests.conftest import SMALL


def command() -> int:
    return main(["run", *SMALL, "train.epochs=80", "schedule.every=10"])


def start(folder: Path) -> ForkProcess:
    """The command in a process of its own, forked so that it imports nothing anew."""

    def here() -> None:
        os.chdir(folder)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os._exit(command())

    folder.mkdir(exist_ok=True)
    process = multiprocessing.get_context("fork").Process(target=here)
    process.start()
    return process


def result(folder: Path) -> str:
    (path,) = folder.rglob("result.json")
    row = json.loads(path.read_text())
    row.pop("wall_seconds")
    return json.dumps(row)


def epochs_done(folder: Path) -> int:
    histories = list(folder.rglob("history.csv"))
    return len(histories[0].read_text().splitlines()) - 1 if histories else 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_killed_five_times_at_random_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed, disturbed = tmp_path / "a", tmp_path / "b"
    undisturbed.mkdir()
    monkeypatch.chdir(undisturbed)
    assert command() == 0
    moments = random.Random(0)
    kills = 0
    for _ in range(5):
        process = start(disturbed)
        before = epochs_done(disturbed)
        while process.is_alive() and epochs_done(disturbed) < min(before + 1 + moments.randrange(4), 79):
            time.sleep(0.002)
        time.sleep(moments.random() * 0.05)  # anywhere within an epoch, a checkpoint or the final files
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
        assert epochs_done(disturbed) >= before
    assert kills >= 4  # some attempts may find the run already done
    process = start(disturbed)
    process.join()
    assert process.exitcode == 0
    assert result(disturbed) == result(undisturbed)
    for name in ("history.csv", "network.tsv"):
        (a,), (b,) = undisturbed.rglob(name), disturbed.rglob(name)
        assert a.read_bytes() == b.read_bytes()
    assert not list(disturbed.rglob("*.tmp"))
