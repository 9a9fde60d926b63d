"""The tour that newcomers take, from two CSV files to a table, with a short training."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "tour.py"


@pytest.mark.slow
def test_the_tour_ends_with_a_table_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take = runpy.run_path(str(SCRIPT))["tour"]
    short = ["train.epochs=4", "schedule.start=2", "schedule.every=2"]
    table = take(tmp_path, short)
    assert table["pruner"].tolist() == ["dash", "prior", "lasso_prior"]
    assert table["balanced_accuracy"].notna().all()
    said = capsys.readouterr().out
    assert "error over that of no change: " in said
    assert {path.suffix for path in tmp_path.rglob("figures/*")} == {".png", ".pdf"}
    assert take(tmp_path, short).equals(table)  # what is done is not repeated
