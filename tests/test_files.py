from __future__ import annotations

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
