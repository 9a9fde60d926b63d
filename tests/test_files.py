from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
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


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: !!python/object/apply:os.system [id]", "it has a tag, tag:yaml.org,2002:python/object/apply:os.system"),
        ("[" * 5000 + "]" * 5000, "it is nested too deeply"),
        (BOMB, "its aliases stand for too much"),
        ("a: &a [*a]", "its aliases stand for too much"),
        ("x" * 100_001, "it has more than 100 kB"),
        ("a: [", "while parsing"),
        (b"\xff\xfe\x00", "cannot be read as yaml"),
        ("a: 9999-99-99", "cannot be read as yaml"),
    ],
)
def test_yaml_of_somebody_else_is_refused_in_one_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DashpruneError, match=re.escape(said)) as caught:
        files.read_yaml(path)
    assert "\n" not in str(caught.value)


def test_yaml_with_a_few_aliases_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: &a [1, 2]\nb: *a\n")
    assert files.read_yaml(tmp_path / "x.yaml") == {"a": [1, 2], "b": [1, 2]}
