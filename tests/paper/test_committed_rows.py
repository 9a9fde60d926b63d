"""Rows that are committed under outputs/paper, made again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashprune.cli.main import main
from dashprune.data.published import locate

OUTPUTS = Path(__file__).parents[2] / "outputs"
DREAM4 = "dataset == 'dream4' and options == 'dataset.network=1'"  # ten genes, so that a model is trained in seconds


@pytest.mark.slow
@pytest.mark.skipif(locate.mirror() is None, reason="needs the upstream files, of which the networks are some")
@pytest.mark.parametrize(
    ("item", "row", "verdicts"),
    [
        ("table1", "pruner == 'prior'", ["equal"]),
        ("interventions", f"{DREAM4} and pruner == 'lasso'", ["equal", "equal within rounding"]),
        (
            "interventions",
            f"{DREAM4} and pruner == 'dash_edge'",
            ["equal", "equal within rounding", "within the spread of seeds"],
        ),
    ],
)
def test_a_committed_row_is_made_again(
    item: str, row: str, verdicts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.read_csv(OUTPUTS / f"paper/{item}/{item}.runs.csv", dtype={"id": str}, low_memory=False)
    chosen = rows.query("seed == 0").query(row)
    assert main(["reproduce", item, "--check", chosen["id"].item(), "--outputs", str(OUTPUTS)]) == 0
    assert capsys.readouterr().out.splitlines()[0].rpartition(": ")[2] in verdicts
