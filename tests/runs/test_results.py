from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashprune.errors import DashpruneError
from dashprune.runs import results


def test_infinite_and_undefined_numbers_are_stored_as_null(tmp_path: Path) -> None:
    row = {"dataset": "d", "model": "m", "pruner": "p", "seed": 0, "config": {}, "mse": float("nan"), "auroc": 0.5}
    results.write_result(tmp_path, row)
    text = (tmp_path / "result.json").read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name))["mse"] is None
    loaded = results.load(tmp_path)
    assert loaded is not None
    assert loaded["auroc"] == 0.5


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "is not a result"), ("{}", "dataset: Field required"), ("", "is not")]
)
def test_a_damaged_result_is_named(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(DashpruneError, match=f"result.json.*{reason}.*delete the file and run again"):
        results.load(tmp_path)


def test_a_damaged_result_costs_only_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"dataset": "d", "model": "m", "pruner": "p", "seed": 0, "config": {}}
    results.write_result(tmp_path, row)
    for name, text in {"a": "{", "b": "[" * 10**5, "c": " " * (results.LARGEST + 1), "d": '{"a": NaN}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(text)
    assert results.collect(tmp_path) == [row]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 4
    assert all(line.startswith("dashprune: warning: left out: ") for line in said)
    with pytest.raises(DashpruneError, match=r"a/result.json is not a result"):
        results.collect(tmp_path, strict=True)


def test_no_result_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DashpruneError, match=r"no result\.json below .*dashprune run"):
        results.collect(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("mse", "small", "mse"), ("mse", [1], "mse"), ("versions", [], "versions"),
        ("versions", {"commit": 3}, "versions.commit"),
        ("config", {"dataset": []}, "config.dataset"),
        ("config", {"pruner": "dash"}, "config.pruner"), ("config", 3, "config"),
        ("seed", True, "seed"), ("seed", 0.5, "seed"), ("model", "a\nb", "model"), ("dataset", "../../x", "dataset"),
        ("id", "", "id"), ("id", "x" * 201, "id"), ("data", 3, "data"),
    ],
)  # fmt: skip
def test_a_result_of_another_form_is_none(tmp_path: Path, key: str, value: object, said: str) -> None:
    row = {"dataset": "sim350", "model": "phoenix", "pruner": "dash", "seed": 0, "mse": 0.5, "config": {"dataset": {}}}
    (tmp_path / "result.json").write_text(json.dumps(row))
    assert results.load(tmp_path) == row
    (tmp_path / "result.json").write_text(json.dumps({**row, key: value}))
    with pytest.raises(DashpruneError, match=rf"result.json is not a result: {said}\S*: .*; delete the file and run"):
        results.load(tmp_path)
