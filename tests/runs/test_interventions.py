"""Runs on data with interventions: the same rows where nothing is done, resumed, with sparse layers, scored, drawn."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashprune import compose, train_prune_eval
from dashprune.figures.run_pictures import predict
from dashprune.runs.finished import reported
from dashprune.runs.run import train_prune_eval_together
from dashprune.training import loop, sparse_layers
from dashprune.training.state import Epoch, Training

GENES = ["a", "b", "c"]
DONE = "sample,gene,kind,value,from,to\ns0,a,knockout,,,\ns1,b,knockdown,0.2,1,\ns2,c,input,0.5,,2\ns3,b,knockout,,2,\n"
SHORT = [
    "dataset=custom", "dataset.validation=[s3]", "dataset.test=[s0]", "hidden=4", "solver=etdrk4",
    "train.epochs=6", "schedule.start=2", "schedule.every=2", "pruner=imp",
]  # fmt: skip
TOLD = "dataset.interventions=done.csv"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four series of a drives b drives c; gene a is knocked out in the first, from its first time on."""
    monkeypatch.chdir(tmp_path)
    rng, rows = np.random.default_rng(0), []
    for sample in range(4):
        x = rng.random(3)
        for time in range(5):
            rows.append([f"s{sample}", time, *x])
            x = x + 0.5 * (np.array([0.7, x[0], x[1]]) - x)
            x[0] *= sample != 0
    pd.DataFrame(rows, columns=["sample", "time", *GENES]).to_csv("expression.csv", index=False)
    Path("prior.csv").write_text("source,target\na,b\nb,c\n")
    Path("done.csv").write_text(DONE)
    Path("nothing.csv").write_text(DONE.splitlines()[0] + "\n")
    return tmp_path


def run(*overrides: str, outputs: str = "outputs") -> dict[str, Any]:
    return train_prune_eval(compose([*SHORT, *overrides, f"outputs={outputs}"]))


def scores(row: dict[str, Any]) -> str:
    """All of a row but time and what names the run."""
    return json.dumps({key: row[key] for key in row if key not in ("wall_seconds", "config", "id", "data")})


@pytest.mark.parametrize("words", [["pruner=imp"], ["control=lasso"]], ids=["imp", "lasso"])
def test_a_file_without_rows_gives_the_same_row(words: list[str]) -> None:
    plain = run(*words)
    assert plain["id"] != run(*words, "dataset.interventions=nothing.csv")["id"]
    assert scores(run(*words, "dataset.interventions=nothing.csv")) == scores(plain)
    assert scores(run(*words, TOLD)) != scores(plain)


def test_a_run_goes_on_from_its_checkpoint_to_the_same_row(monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed, record = run(TOLD, outputs="undisturbed"), Training.record

    def interrupted(state: Training, row: Epoch) -> None:
        if row.epoch == 4:
            raise KeyboardInterrupt
        record(state, row)

    monkeypatch.setattr(Training, "record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(TOLD)
    monkeypatch.setattr(Training, "record", record)
    assert scores(run(TOLD)) == scores(undisturbed)


@pytest.mark.parametrize("solver", ["rk4", "dopri5"])
def test_other_solvers_give_about_the_same(solver: str) -> None:
    assert run(TOLD, f"solver={solver}", "pruner=none")["mse"] == pytest.approx(
        run(TOLD, "pruner=none")["mse"], rel=0.05
    )


def test_trained_together_as_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Two that are told and two that are not make two ensembles."""
    jobs = [[TOLD, "seed=1"], [TOLD, "seed=2"], ["seed=1"], ["seed=2"]]
    rows = train_prune_eval_together([compose([*SHORT, *own, "outputs=together"]) for own in jobs])
    assert "4 runs: 2 as one (imp); 2 as one (imp)" in capsys.readouterr().err
    for row, own in zip(rows, jobs, strict=True):
        assert isinstance(row, dict)
        assert row["mse"] == pytest.approx(run(*own)["mse"], rel=1e-3)


def test_sparse_layers_are_as_dense_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = run(TOLD, outputs="dense")
    monkeypatch.setattr(loop, "compacted", functools.partial(sparse_layers.compacted, least_weights=1))
    monkeypatch.setattr(sparse_layers, "MOST_DENSE", 1.0)
    assert run(TOLD)["mse"] == pytest.approx(dense["mse"], rel=1e-3)


def test_a_gene_that_is_held_is_left_out_of_the_scores() -> None:
    """In the test series a is held throughout, so that only b and c count."""
    table = pd.read_csv("expression.csv").query("sample == 's0'")[["b", "c"]].to_numpy(np.float32).astype(float)
    row = run(TOLD, "control=persistence")
    assert row["mse"] == row["mse_persistence"] == pytest.approx((np.diff(table, axis=0) ** 2).mean())
    assert row["expression_sd"] == pytest.approx(table[1:].std())


def test_a_gene_that_is_held_is_drawn_as_held() -> None:
    run(TOLD)
    (result,) = Path("outputs").rglob("result.json")
    problem, model, solver = reported(result.parent)
    course = predict(model, solver, problem.test, 0)
    assert course.one_step[1:, 0].tolist() == [0] * 4
    assert (course.free[1:, 0] == 0).all()
    assert course.free[0].tolist() == problem.test.expression[0, 0].tolist()
    assert (course.free[1:, 1] != 0).all()
