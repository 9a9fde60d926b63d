"""What is shown never costs what was made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dashprune import errors
from tests.conftest import SMALL

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("✓ 1.0 ± 0.1 – υ", "ascii", "x 1.0 +- 0.1 - \\u03c5"),
        ("✓ ± –", "cp1252", "x +- -"),
        ("± –", "cp1252", "± –"),
        ("✓", "utf-8", "✓"),
        ("a\x1b[2Jb\r\n\tc", "utf-8", "a\\x1b[2Jb\\r\n\tc"),
        ("a\x9bb\u202ec", "utf-8", "a\\x9bb\\u202ec"),
        ("file\udcff", "utf-8", "file\\udcff"),
    ],
)
def test_only_what_a_terminal_can_show_is_shown(text: str, encoding: str, shown: str) -> None:
    assert errors.printable(text, encoding) == shown


def shell(folder: Path, where: str) -> subprocess.CompletedProcess[str]:
    """A short run on an ASCII terminal, its output sent elsewhere."""
    words = " ".join(["run", *SMALL, "train.epochs=1", f"outputs={folder / 'out'}"])
    command = f"set -o pipefail; PYTHONIOENCODING=ascii {sys.executable} -m dashprune {words} {where}"
    return subprocess.run(["bash", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        ("", 0, "the run is in"),
        (">/dev/full", 2, "dashprune: standard output cannot be written (No space left on device); what was made is"),
        (">&-", 0, "the run is in"),
        ("2>&-", 0, ""),
        ("2>/dev/full", 0, ""),
        (">&- 2>&- <&-", 0, ""),
        ("| true", 0, ""),
    ],
)
def test_a_closed_or_full_output_costs_no_result(tmp_path: Path, where: str, code: int, said: str) -> None:
    done = shell(tmp_path, where)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert len(list(tmp_path.rglob("result.json"))) == 1
    assert where or "| sim350    | phoenix | dash     | x " in done.stdout
