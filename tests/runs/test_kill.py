"""kill -9 at five moments, then the same command: the result is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import SMALL

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "dashprune.cli.main", "run", *SMALL, "train.epochs=80", "schedule.every=10"]


def start(folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(COMMAND, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def result(folder: Path) -> str:
    (path,) = folder.rglob("result.json")
    row = json.loads(path.read_text())
    row.pop("wall_seconds")
    return json.dumps(row)


def epochs_done(folder: Path) -> int:
    histories = list(folder.rglob("history.csv"))
    return len(histories[0].read_text().splitlines()) - 1 if histories else 0


@pytest.mark.slow
def test_killed_five_times_at_random_moments(tmp_path: Path) -> None:
    undisturbed, disturbed = tmp_path / "a", tmp_path / "b"
    assert start(undisturbed).wait() == 0
    moments = random.Random(0)
    kills = 0
    for _ in range(5):
        process = start(disturbed)
        before = epochs_done(disturbed)
        while process.poll() is None and epochs_done(disturbed) < min(before + 1 + moments.randrange(4), 79):
            time.sleep(0.002)
        time.sleep(moments.random() * 0.05)  # anywhere within an epoch, a checkpoint or the final files
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        assert epochs_done(disturbed) >= before
    assert kills >= 4  # some attempts may find the run already done
    assert start(disturbed).wait() == 0
    assert result(disturbed) == result(undisturbed)
    for name in ("history.csv", "network.tsv"):
        (a,), (b,) = undisturbed.rglob(name), disturbed.rglob(name)
        assert a.read_bytes() == b.read_bytes()
    assert not list(disturbed.rglob("*.tmp"))
