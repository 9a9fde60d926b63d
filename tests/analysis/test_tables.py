from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dashprune.analysis import tables


def result(pruner: str, seed: int, sparsity: float, mse: float | None = 1e-3, **config: Any) -> dict[str, Any]:
    settings = {"seed": seed, "outputs": f"o{seed}", "pruner": {"seed": seed, "name": pruner, **config}}
    return {
        "dataset": "sim350", "model": "phoenix", "pruner": pruner, "seed": seed, "uses_prior": pruner == "dash",
        "sparsity": sparsity, "balanced_accuracy": None, "mse": mse, "epochs": 7, "config": settings, "id": "x",
    }  # fmt: skip


ROWS = [
    result("dash", 0, 0.94, lambda_1=0.5),
    result("dash", 1, 0.96, mse=3e-3, lambda_1=0.5),
    result("dash", 0, 0.9, lambda_1=0.9),
    result("imp", 0, 0.5),
]


def test_runs_that_differ_only_in_seeds_share_a_line() -> None:
    table = tables.summary(ROWS)
    assert table["pruner"].tolist() == ["dash", "dash", "imp"]
    assert table["options"].tolist() == ["pruner.lambda_1=0.5", "pruner.lambda_1=0.9", ""]
    assert table["seeds"].tolist() == [2, 1, 1]
    assert table["sparsity"].tolist() == pytest.approx([0.95, 0.9, 0.5])
    assert table["sparsity_sd"][0] == pytest.approx(math.sqrt(2) * 0.01)  # n - 1
    assert math.isnan(table["sparsity_sd"][1])
    assert table["mse"][0] == pytest.approx(2e-3)


def test_controls_have_a_table_of_their_own() -> None:
    control = {**result("prior", 0, 0.99), "model": "control"}
    text = tables.markdown(tables.summary([control, *ROWS]))
    strategies, controls = text.split("Controls, without a neural model:")
    assert "prior  " in controls
    assert "dash" not in controls
    assert "control" not in strategies
    assert tables.latex(tables.summary([control, *ROWS])).count("tabular") == 4


def test_the_target_says_whether_a_sparsity_can_be_asked_for() -> None:
    rows = [
        result("l0", 0, 0.5),
        result("imp", 0, 0.5, target_sparsity=None),
        result("imp", 1, 0.9, target_sparsity=0.9),
    ]
    assert tables.summary(rows)["target"].tolist() == ["none", "schedule", "0.9"]


def test_markdown_shows_mean_and_deviation_and_no_empty_columns() -> None:
    text = tables.markdown(tables.summary(ROWS))
    assert "0.9500 ± 0.0141" in text
    assert "2.00e-03 ± 1.41e-03" in text
    assert "balanced_accuracy" not in text
    dash, imp = text.splitlines()[2], text.splitlines()[4]
    assert "✓" in dash
    assert "✓" not in imp


def test_latex_escapes_what_latex_would_not_take() -> None:
    text = tables.latex(tables.summary(ROWS))
    assert r"pruner.lambda\_1=0.5" in text
    assert r"0.9500 $\pm$ 0.0141" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\hline")] == [1, 1, 1, 0]
    assert "_" not in text.replace(r"\_", "")


def test_an_undefined_score_is_a_dash() -> None:
    text = tables.markdown(tables.summary([result("imp", 0, 0.5, mse=None), result("dash", 0, 0.5)]))
    assert "–" in text.splitlines()[2]


def test_what_a_score_says_again_is_left_out() -> None:
    rows = [{**row, "epochs_after_pruning": 7} for row in ROWS]
    assert "epochs_after_pruning" not in tables.markdown(tables.summary(rows))
    assert "epochs_after_pruning" in tables.summary(rows)
    rows[-1]["epochs_after_pruning"] = 3
    head, _, *lines = tables.markdown(tables.summary(rows)).splitlines()
    column = [cell.strip() for cell in head.split("|")].index("epochs_after_pruning")
    assert [line.split("|")[column].strip() for line in lines] == ["7 ± 0", "7", "3"]


def test_scores_of_what_is_new_are_columns() -> None:
    rows = [{**row, "auprc_novel": 0.25, "precision_novel@10": 0.1} for row in ROWS]
    text = tables.markdown(tables.summary(rows))
    assert "auprc_novel" in text
    assert "precision_novel@10" in text
    assert "precision_novel@100" not in text  # which these rows lack


def made_by(row: dict[str, Any], **versions: str | None) -> dict[str, Any]:
    return {**row, "versions": {"dashprune": "0.2", **versions}}


def test_rows_of_different_code_are_marked_and_told() -> None:
    first, second, third, last = ROWS
    control = {**result("prior", 0, 0.99), "model": "control"}
    rows = [
        made_by(first, commit="aaa"), made_by(second, commit="bbb-dirty"), made_by(third, commit="bbb-dirty"),
        made_by(last, commit=None), made_by(control),
    ]  # fmt: skip
    table = tables.summary(rows)
    assert table["code"].tolist() == ["0.2, commit aaa; 0.2, commit bbb-dirty", "0.2, commit bbb-dirty", "0.2", "0.2"]
    text = tables.markdown(table)
    cells = [line.split("|")[-2].strip() for line in text.splitlines() if line.startswith("| sim350")]
    assert cells == ["1, 2", "2", "3", "3"]
    note = "Not all runs were made by the same code: 1 is 0.2, commit aaa; 2 is 0.2, commit bbb-dirty; 3 is 0.2."
    assert text.endswith(f"\n\n{note}")
    assert tables.latex(table).endswith(note)


def test_rows_of_the_same_code_are_not_marked() -> None:
    text = tables.markdown(tables.summary([made_by(row, commit="aaa") for row in ROWS]))
    assert "code" not in text
    assert "aaa" not in text


def test_runs_have_the_commit_whatever_versions_they_know() -> None:
    found = tables.runs([ROWS[0], made_by(ROWS[1], commit="aaa"), made_by(ROWS[2], commit=None, torch="2.9")])
    assert found["commit"].tolist() == [None, "aaa", None]
    assert found["dashprune"].tolist() == [None, "0.2", "0.2"]
    assert found["torch"].tolist() == [None, None, "2.9"]
    assert tables.runs(ROWS[:1])["commit"].tolist() == [None]


def test_tables_are_collected_from_result_files(tmp_path: Path) -> None:
    for k, row in enumerate(ROWS):
        folder = tmp_path / "runs" / str(k)
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(row))
    tables.write(tmp_path)
    tables.write(tmp_path)  # again: collected, not appended
    frame = pd.read_csv(tmp_path / "tables" / "results.csv")
    assert frame["pruner"].tolist() == ["dash", "dash", "imp"]
    runs = pd.read_csv(tmp_path / "tables" / "runs.csv")
    assert runs["seed"].tolist() == [0, 1, 0, 0]
    assert runs["mse"].tolist() == [1e-3, 3e-3, 1e-3, 1e-3]
    assert (tmp_path / "tables" / "results.md").read_text().count("\n") == 5
    assert "tabular" in (tmp_path / "tables" / "results.tex").read_text()
