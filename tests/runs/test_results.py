from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashprune.errors import DashpruneError
from dashprune.runs import results

CONFIG: dict[str, Any] = {
    "seed": 0,
    "outputs": "outputs",
    "force": False,
    "train": {"epochs": 5, "checkpoint_every": 1},
    "dataset": {"name": "sim350"},
    "model": {"name": "mlp"},
    "pruner": {"name": "dash", "lambda_1": 0.5},
}


def changed(**changes: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    for path, value in changes.items():
        node = config
        *parents, last = path.split("__")
        for parent in parents:
            node = node[parent]
        node[last] = value
    return config


def test_a_run_is_identified_by_what_decides_its_result() -> None:
    name = results.run_id(CONFIG, "data")
    assert re.fullmatch("[0-9a-f]{12}", name)
    assert results.run_id(changed(outputs="x", force=True, train__checkpoint_every=7), "data") == name
    others = [changed(seed=1), changed(train__epochs=6), changed(pruner__lambda_1=0.6)]
    assert len({name, results.run_id(CONFIG, "other data"), *(results.run_id(o, "data") for o in others)}) == 5


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DashpruneError, match=r"run folder .* cannot be written \(Not a directory\); choose another"):
        results.open_run(changed(outputs=str(tmp_path / "file" / "x")), "data", ("sim350", "mlp", "dash"))


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


def test_no_result_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DashpruneError, match=r"no result\.json below .*dashprune run"):
        results.collect(tmp_path)


def test_a_run_is_found_by_its_folder_or_the_first_digits_of_its_id(tmp_path: Path) -> None:
    for name in ("sim350/phoenix/dash/12ab", "sim350/phoenix/imp/12cd", "brca/mlp/dash/34ef"):
        (tmp_path / name).mkdir(parents=True)
    folder = tmp_path / "brca/mlp/dash/34ef"
    assert results.find_run(str(folder), tmp_path / "nowhere") == folder
    assert results.find_run("34", tmp_path) == folder
    assert results.find_run("12ab", tmp_path).parent.name == "dash"
    with pytest.raises(
        DashpruneError, match=r"of 2 runs begin with '12': sim350/.*12ab, sim350/.*12cd; give more digits"
    ):
        results.find_run("12", tmp_path)
    with pytest.raises(DashpruneError, match=r"there is no run '34fe', .* did you mean '34ef'\?; give the folder"):
        results.find_run("34fe", tmp_path)
