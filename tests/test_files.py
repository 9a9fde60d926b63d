from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashprune import files
from dashprune.errors import DashpruneError


def test_a_file_is_replaced_at_once(tmp_path: Path) -> None:
    files.write(tmp_path / "a.txt", "old")
    files.write(tmp_path / "a.txt", "new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "new")]


def test_bytes_are_written_as_they_are_and_text_as_utf_8(tmp_path: Path) -> None:
    files.write(tmp_path / "x", b"\x00\r\n\xff")
    assert (tmp_path / "x").read_bytes() == b"\x00\r\n\xff"
    files.write(tmp_path / "x", "υ\n")
    assert (tmp_path / "x").read_bytes() == "υ\n".encode()


def test_what_cannot_be_written_is_said_in_one_line_with_a_remedy() -> None:
    where = Path("/dev/null/x")
    with (
        pytest.raises(DashpruneError, match=r"^the table cannot be written to '/dev/null/x' \(Not a dir.*\); ask her$"),
        files.writing("the table", where, "ask her"),
    ):
        files.write(where, "text")


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    for process in (killed.pid, os.getppid()):
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda process=process: process)
            files.temporary(tmp_path / "a.txt").write_text("half")
    files.write(tmp_path / "a.txt", "whole")
    assert sorted(p.name.rpartition("-")[2] for p in tmp_path.iterdir()) == [f"{os.getppid()}.tmp", "a.txt"]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.write(tmp_path / "folder", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
