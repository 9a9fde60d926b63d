"""No reader gives a traceback, hangs, or says more than a line of a file that is nearly right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import fuzz

FED = 60
"""Files per reader; `scripts/fuzz.py --full` feeds 2,500."""


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz.readers())
def test_a_file_that_is_nearly_right_is_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    found = fuzz.feed(fuzz.readers()[name], tmp_path, FED)
    assert found.fed >= FED // 2
    assert found.read < found.fed
