"""`dashprune select` as a user meets it: sweep, select, run what was chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dashprune.config import compose
from dashprune.runs.run import train_prune_eval
from tests.cli.test_cli import dashprune, mistake


@pytest.mark.slow
def test_what_is_chosen_can_be_run(small: list[str], tmp_path: Path) -> None:
    for weight in (0.5, 1):
        for seed in (0, 1):
            train_prune_eval(compose([*small, "train.epochs=3", f"pruner.lambda_1={weight}", f"seed={seed}"]))
    done = dashprune("select", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "## sim350, phoenix, dash" in done.stdout
    assert done.stdout.count("**chosen**") == 1
    assert "For information only" in done.stdout
    command = done.stdout.split("To use it: dashprune ")[1].splitlines()[0].split()
    assert command == ["run", "--config-dir", "outputs", "+selected=sim350_phoenix_dash"]
    again = dashprune(*command, "seed=1", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith(
        "dashprune: the run is in "
    )  # which is one of the sweep, so that nothing is left to train
    assert "| sim350    | phoenix | dash" in again.stdout
    assert len(list(tmp_path.rglob("result.json"))) == 4


def row(seed: int, error: float, **options: Any) -> dict[str, Any]:
    names = {"dataset": "sim350", "model": "phoenix", "pruner": "imp", "seed": seed}
    config = {"seed": seed, **{key: {"name": names[key]} for key in ("dataset", "model")}}
    return {
        **names,
        "sparsity": 0.9,
        "validation_mse": error,
        "config": {**config, "pruner": {"name": "imp", **options}},
    }


def stored(root: Path, *rows: dict[str, Any]) -> Path:
    for number, own in enumerate(rows):
        (root / str(number)).mkdir(parents=True)
        (root / str(number) / "result.json").write_text(json.dumps(own))
    return root


def test_nothing_to_choose_is_one_clear_line(tmp_path: Path) -> None:
    stored(tmp_path / "alike", row(0, 1.0, target_sparsity=0.9), row(1, 1.0, target_sparsity=0.9))
    said = mistake("select", "alike", cwd=tmp_path)
    assert "nothing to choose from below 'alike'" in said
    assert "sweep some: dashprune run -m" in said
    (tmp_path / "empty").mkdir()
    assert "no result.json below 'empty'" in mistake("select", "empty", cwd=tmp_path)


def test_runs_without_a_choice_are_named_and_the_others_chosen_from(tmp_path: Path) -> None:
    other = {**row(0, 1.0), "pruner": "none"}
    stored(tmp_path / "runs", row(0, 1.0, target_sparsity=0.9), row(0, 2.0, target_sparsity=0.95), other)
    done = dashprune("select", "runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "dashprune: nothing to choose from: sim350 phoenix none\n"
    assert "| 0.9  " in next(line for line in done.stdout.splitlines() if "**chosen**" in line)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no folder 'nowhere'; give the folder of your runs: dashprune select FOLDER"),
        (["runs", "--sparsity", "95"], "--sparsity 95 is not a fraction; give one from 0 to 1"),
        (["runs", "--sparsity", "nan"], "--sparsity nan is not a fraction"),
        (["runs", "--sparsity", "high"], "argument --sparsity: invalid float value: 'high'"),
        (["runs", "--sparsity", "0.99"], "sim350, phoenix, imp: --sparsity 0.99: the sparsest candidate has 0.9000"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words: list[str], said: str, tmp_path: Path) -> None:
    stored(tmp_path / "runs", row(0, 1.0, target_sparsity=0.9), row(0, 2.0, target_sparsity=0.95))
    assert said in mistake("select", *words, cwd=tmp_path)


def test_without_a_validation_error_nothing_is_chosen(tmp_path: Path) -> None:
    blind = [{**row(0, 1.0, target_sparsity=sparsity), "validation_mse": None} for sparsity in (0.9, 0.95)]
    for own in blind:
        own["config"]["dataset"]["validation"] = None
    reason = "no choice among runs of sim350 phoenix imp that held out nothing to validate on: the training error"
    stored(tmp_path / "blind", *blind)
    assert reason in mistake("select", "blind", cwd=tmp_path)
    stored(tmp_path / "both", *blind, row(0, 1.0, target_sparsity=0.9), row(0, 2.0, target_sparsity=0.95))
    done = dashprune("select", "both", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert reason in done.stderr
    assert done.stdout.count("**chosen**") == 1
