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


@pytest.mark.parametrize(("text", "reason"), [("{", "is not a result"), ("{}", "lacks dataset, model"), ("", "is not")])
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
