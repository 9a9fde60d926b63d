"""Rows of a file of runs, read again and compared."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dashprune import compose, escaping, train_prune_eval
from dashprune.analysis import tables
from dashprune.errors import DashpruneError
from dashprune.paper import rows
from dashprune.paper.rows import Difference, differences, verdict
from tests.conftest import SMALL


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    made = [
        train_prune_eval(compose([*SMALL, "train.epochs=3", choice, f"outputs={tmp_path}"]))
        for choice in ("pruner=imp", "control=prior")
    ]
    path = tmp_path / "ours.runs.csv"
    path.write_text(escaping.delimited(tables.runs(made)))
    read = rows.read(path)
    assert list(read) == [row["id"] for row in made]
    for row in made:
        found = read[row["id"]]
        assert differences(found, row) == []
        assert all(found[name] == row[name] for name in ("sparsity", "auprc") if name in row), "to the last digit"
        assert found["versions"] == {key: value for key, value in row["versions"].items() if value is not None}
        assert "mse" in found or row["pruner"] == "prior"


def test_numbers_are_read_to_the_last_digit(tmp_path: Path) -> None:
    """pandas' fast parser reads the first of these as 0.357688492063492."""
    values = [0.35768849206349207, 0.32238401466983546]
    lines = [f"sim350,phoenix,dash,{k},id{k},{value!r}" for k, value in enumerate(values)]
    (tmp_path / "a.csv").write_text("\n".join(["dataset,model,pruner,seed,id,auprc", *lines]))
    assert [row["auprc"] for row in rows.read(tmp_path / "a.csv").values()] == values


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", 'a\n"1\n'])
def test_a_file_that_is_not_of_runs(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DashpruneError, match="is no file of runs"):
        rows.read(tmp_path / "a.csv")
    with pytest.raises(DashpruneError, match="cannot be read"):
        rows.read(tmp_path / "b.csv")


def test_differences_are_told_from_rounding() -> None:
    row = {"sparsity": 0.95, "mse": 1e-3, "wall_seconds": 3.0, "auroc": None}
    assert verdict(differences(row, {**row, "wall_seconds": 9.0})) == "equal"
    near = differences(row, {**row, "mse": 1.0001e-3})
    assert [one.score for one in near] == ["mse"]
    assert verdict(near) == "equal within rounding"
    far = differences(row, {**row, "mse": 1.0001e-3, "sparsity": 0.9})
    assert far[0] == Difference("sparsity", 0.95, 0.9)
    assert far[0].relative == pytest.approx(0.05 / 0.95)
    assert verdict(far) == "different"
    seeds = [{**row, "sparsity": sparsity, "mse": mse} for sparsity, mse in ((0.95, 1e-3), (0.8, 2e-3))]
    assert verdict(differences(row, {**row, "mse": 1.0001e-3, "sparsity": 0.9}, seeds)) == "within the spread of seeds"
    assert verdict(differences(row, {**row, "mse": 9e-3, "sparsity": 0.9}, seeds)) == "different"
    absent = differences(row, {**row, "mse": None})
    assert math.isinf(absent[0].relative)
    assert verdict(absent) == "different"
