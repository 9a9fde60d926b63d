"""Four processes in one folder, of which one is killed: nothing is lost."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from tests.faults import kills

ROUNDS = 2
"""`scripts/faults.py --full` plays 50."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_four_processes_of_which_one_is_killed_leave_what_one_after_the_other_does(tmp_path: Path) -> None:
    wanted = kills.one_after_the_other(tmp_path)
    assert len([name for name in wanted if name.endswith("result.json")]) == 4
    drawn = random.Random(0)
    for number in range(ROUNDS):
        assert kills.crowded(tmp_path / str(number), drawn, wanted) == kills.Killed(0, [], [], False)
