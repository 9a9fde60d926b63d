from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from dashprune import figures

FILES = sorted(path.stem for path in Path(figures.__file__).parent.glob("*.py") if path.stem != "__init__")


def test_what_can_be_imported_is_named_alike_whatever_was_imported_before() -> None:
    before = {name: getattr(figures, name) for name in figures.__all__}
    for file in FILES:
        assert importlib.import_module(f"dashprune.figures.{file}") is getattr(figures, file)
    assert {name: getattr(figures, name) for name in figures.__all__} == before


@pytest.mark.parametrize("file", FILES)
def test_no_file_bears_the_name_of_a_function(file: str) -> None:
    assert not hasattr(importlib.import_module(f"dashprune.figures.{file}"), file)
    assert file not in figures.__all__


def test_the_figures_of_the_paper_load_no_torch() -> None:
    words = "import sys, dashprune.figures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
