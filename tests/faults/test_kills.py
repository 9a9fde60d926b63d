"""A command that is killed anywhere and repeated leaves what an undisturbed one does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults import kills

AT_MOST = 3
"""Kills per command; `scripts/faults.py --full` kills before every change."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize("name", kills.CASES)
def test_a_killed_command_is_repeated_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    case, start = kills.CASES[name], tmp_path / "start"
    kills.prepare(case, start)
    wanted, changes = kills.undisturbed(case, start, tmp_path)
    assert len(wanted) > 2
    assert changes > 2
    for k in range(AT_MOST):
        moment = 1 + (changes - 1) * k // (AT_MOST - 1)
        killed = kills.kill(case, start, tmp_path, [moment], k % 2 == 0, wanted)
        assert killed == kills.Killed(0, [], [], False), f"killed before change {moment} of {changes}"


def test_a_child_dies_at_the_moment_it_is_told(tmp_path: Path) -> None:
    case = kills.CASES["data fetch"]
    kills.prepare(case, tmp_path / "start")
    ended = kills.child(case.words, tmp_path / "start", 4)
    assert (ended.code, ended.changes) == (-9, 4)
