"""How long runs may take."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashprune.paper.estimates import Estimates, written
from dashprune.runs.results import Result
from tests.paper.test_items import made_up


def test_the_time_of_a_run_is_the_mean_of_those_most_like_it() -> None:
    """Like it are runs on data of the same size, with as many epochs."""
    seconds = {("imp", "phoenix"): (100.0, 140.0), ("dash", "phoenix"): (30.0,), ("prior", "control"): (1.0,)}

    def rows(**config: object) -> list[Result]:
        return [
            {"dataset": "sim350", "model": model, "pruner": pruner, "wall_seconds": value, "config": config}
            for (pruner, model), values in seconds.items()
            for value in values
        ]

    done = Estimates(rows(dataset={"genes": 350}, train={"epochs": 200}))
    settings = {"dataset.genes": "350", "train.epochs": "200"}
    assert done.of(made_up("imp", **settings)) == (120.0, "by 2 like it")
    other = done.of(made_up("random", **settings))
    assert other == (90.0, "by other strategies on such data")  # (100 + 140 + 30) / 3
    nothing = (None, "none like it is done")
    assert done.of(made_up("imp", **{**settings, "train.epochs": "3"})) == nothing
    assert done.of(made_up("imp", **{**settings, "dataset.genes": "9"})) == nothing
    elsewhere = Estimates([{**row, "dataset": "brca"} for row in rows(dataset={"genes": 350}, train={"epochs": 200})])
    assert elsewhere.of(made_up("imp", **settings)) == nothing


def test_rows_that_are_written_count_without_the_folders_of_their_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"dataset": "sim350", "model": "phoenix", "pruner": "imp", "seed": 0, "wall_seconds": 50.0}
    for item, run in (("ours", "imp0"), ("theirs", "other")):
        (tmp_path / "paper" / item).mkdir(parents=True)
        pd.DataFrame([{**rows, "id": run}]).to_csv(tmp_path / "paper" / item / f"{item}.runs.csv")
    (tmp_path / "paper/ours/before.runs.csv").write_text("no table of runs of this code")
    planned = [made_up("imp", seed, **{"train.epochs": "9"}) for seed in (0, 1)]
    (row,) = written(planned, tmp_path)
    assert capsys.readouterr().err == "", "a file of another name is none of an item's"
    assert row["id"] == "imp0"
    assert Estimates([row]).of(planned[1]) == (50.0, "by 1 like it")
    (tmp_path / "paper/theirs/theirs.runs.csv").write_text("a,b\n")
    assert written(planned, tmp_path) == [row]
    assert "theirs.runs.csv is no file of runs: it has no column" in capsys.readouterr().err
