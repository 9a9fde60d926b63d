"""Rows that are committed under outputs/paper, made again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashprune.cli.main import main
from dashprune.data.published import locate

OUTPUTS = Path(__file__).parents[2] / "outputs"
ROWS = OUTPUTS / "paper/table1/table1.runs.csv"


@pytest.mark.slow
@pytest.mark.skipif(locate.mirror() is None, reason="needs the upstream files, of which the published network is one")
@pytest.mark.parametrize(
    ("row", "verdicts"),
    [
        ("control == 'prior'", ["equal"]),
        ("control == 'lasso'", ["equal", "equal within rounding"]),
        ("pruner == 'bioprune' and sparsity < 0.9", ["equal", "equal within rounding", "within the spread of seeds"]),
    ],
)
def test_a_committed_row_is_made_again(row: str, verdicts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = pd.read_csv(ROWS, dtype={"id": str}).query("seed == 0")
    chosen = rows.assign(control=rows["pruner"].where(rows["model"] == "control")).query(row)
    assert main(["reproduce", "table1", "--check", chosen["id"].item(), "--outputs", str(OUTPUTS)]) == 0
    assert capsys.readouterr().out.splitlines()[0].rpartition(": ")[2] in verdicts
