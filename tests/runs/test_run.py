"""End to end on a network of 24 genes."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from dashprune import compose, train_prune_eval
from dashprune.data.sim350 import Sim350
from dashprune.errors import DashpruneError, DefectError
from dashprune.pruners.dash import Dash
from dashprune.runs import checkpoints
from dashprune.runs.finished import reported
from dashprune.runs.run import train_prune_eval_together
from dashprune.solvers.base import DivergenceError
from dashprune.training import loop
from dashprune.training.batches import by_trajectory, join
from dashprune.training.state import Epoch, Training, evaluate

KEYS = ["dataset", "model", "pruner", "seed", "sparsity", "balanced_accuracy", "auroc", "auprc", "out_degree", "mse",
        "mse_persistence", "epochs", "wall_seconds", "versions"]  # fmt: skip


def run(small: list[str], *overrides: str) -> dict[str, Any]:
    return train_prune_eval(compose([*small, *overrides]))


def folder(small: list[str]) -> Path:
    (found,) = Path(small[-1].partition("=")[2]).rglob("result.json")
    return found.parent


def timeless(row: dict[str, Any]) -> dict[str, Any]:
    config = {key: value for key, value in row["config"].items() if key not in ("outputs", "force")}
    return {**row, "wall_seconds": None, "config": config}


def test_a_run_leaves_its_four_files_and_returns_the_row_it_wrote(small: list[str]) -> None:
    row = run(small)
    where = folder(small)
    assert where.relative_to(where.parents[4]).as_posix() == f"runs/sim350/phoenix/dash/{row['id']}"
    assert json.loads((where / "result.json").read_text()) == row
    assert all(key in row for key in KEYS)
    assert sorted(p.name for p in where.iterdir()) == [
        "checkpoint.pt", "config.yaml", "history.csv", "network.tsv", "result.json",
    ]  # fmt: skip
    history = list(csv.DictReader((where / "history.csv").open()))
    assert [int(line["epoch"]) for line in history] == [1, 2, 3, 4, 5, 6]
    assert [line["pruned"] for line in history] == ["0", "1", "0", "1", "0", "0"]
    edges = list(csv.DictReader((where / "network.tsv").open(), delimiter="\t"))
    assert len(edges) == row["edges"] == round(row["out_degree"] * 24)
    sizes = [abs(float(edge["effect"])) for edge in edges]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) > 0
    assert {edge["source"] for edge in edges} <= {f"G{k:03d}" for k in range(1, 25)}


def test_fractions_are_fractions_and_pruning_shows(small: list[str]) -> None:
    row = run(small, "model.multiplier_rate=1")
    assert 0.72 <= row["sparsity"] < 0.8  # 0.7 then 0.1 of the rest, and what υ <= 0 adds
    assert 0 <= row["balanced_accuracy"] <= 1
    assert 0 < row["mse"] < row["mse_persistence"] * 20
    assert row["best_epoch"] >= 4  # after the last cut


def test_asked_again_the_stored_row_is_returned_and_nothing_is_done(small: list[str]) -> None:
    row = run(small)
    before = {path: path.stat().st_mtime_ns for path in folder(small).iterdir()}
    assert run(small) == row
    assert {path: path.stat().st_mtime_ns for path in folder(small).iterdir()} == before


def test_force_trains_anew_to_the_same_result(small: list[str]) -> None:
    row = run(small)
    first = (folder(small) / "checkpoint.pt").stat().st_mtime_ns
    again = run(small, "force=true")
    assert timeless(again) == timeless(row)
    assert (folder(small) / "checkpoint.pt").stat().st_mtime_ns > first


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["none", "dash"])
def test_the_same_seed_gives_the_same_row_and_another_seed_another(
    small: list[str], tmp_path: Path, pruner: str
) -> None:
    row = run(small, f"pruner={pruner}")
    again = run([*small, f"outputs={tmp_path / 'again'}"], f"pruner={pruner}")
    assert timeless(again) == timeless(row)
    assert run(small, f"pruner={pruner}", "seed=1")["mse"] != row["mse"]


def test_the_pruner_changes_neither_data_nor_initial_weights(small: list[str], tmp_path: Path) -> None:
    """Until the first cut, at epoch 2, every pruner's first epoch is the same."""
    lines = set()
    for pruner in ("none", "imp", "dash", "bioprune"):
        here = tmp_path / pruner
        run([*small, f"outputs={here}"], f"pruner={pruner}")
        (history,) = here.rglob("history.csv")
        lines.add(history.read_text().splitlines()[1])
    assert len(lines) == 1


def test_noise_does_not_touch_the_test_data(small: list[str]) -> None:
    quiet, loud = run(small, "dataset.noise=0"), run(small, "dataset.noise=0.1")
    assert quiet["mse_persistence"] == loud["mse_persistence"]
    assert quiet["validation_mse"] != loud["validation_mse"]


def test_a_run_with_a_checkpoint_goes_on_from_it(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    row = run(small)
    where = folder(small)
    state = checkpoints.load(where)
    assert state is not None
    (where / "result.json").unlink()
    capsys.readouterr()
    assert timeless(run(small)) == timeless(row)
    assert "resuming after epoch 6 of 6" in capsys.readouterr().err


def test_a_truncated_checkpoint_costs_one_epoch(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    class Killed(BaseException):
        pass

    def kill(folder: Path, state: dict[str, Any]) -> None:
        save(folder, state)
        if len(state["history"]) == 5:
            raise Killed

    row = run([*small, f"{small[-1]}2"])
    save = checkpoints.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "save", kill)
        with pytest.raises(Killed):
            run(small)
    (path,) = Path(small[-1].partition("=")[2]).rglob("checkpoint.pt")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert timeless(run(small)) == timeless(row)
    said = capsys.readouterr().err
    assert "going on from the previous one, after epoch 4" in said
    assert "resuming after epoch 4 of 6" in said


@pytest.mark.parametrize("kill_at", [1, 2, 4, 5, 11])
def test_runs_trained_as_one_end_with_the_same_bytes_after_a_kill_between_their_saves(
    small: list[str], tmp_path: Path, kill_at: int
) -> None:
    class Killed(BaseException):
        pass

    def kill(folder: Path, state: dict[str, Any]) -> None:
        save(folder, state)
        saves.append(folder)
        if len(saves) == kill_at:
            raise Killed

    def together(outputs: str) -> dict[str, str]:
        jobs = [compose([*small, f"outputs={tmp_path / outputs}", f"seed={seed}", "vectorize=true"]) for seed in (0, 1)]
        train_prune_eval_together(jobs)
        return {path.parent.name: path.read_text() for path in (tmp_path / outputs).rglob("history.csv")}

    whole = together("whole")
    save, saves = checkpoints.save, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "save", kill)
        with pytest.raises(Killed):
            together("killed")
    assert together("killed") == whole
    assert {path.suffix for path in (tmp_path / "killed").rglob("*") if path.is_file()} == {
        ".csv", ".json", ".lock", ".pt", ".tsv", ".yaml",
    }  # fmt: skip
    assert not list(tmp_path.rglob(checkpoints.PREVIOUS))


@pytest.mark.parametrize("where", ["update", "state_dict", "report"])
def test_one_that_fails_costs_only_itself(small: list[str], monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """At the start of an epoch, when it is saved, and when it is scored."""

    def broken(self: Dash, *arguments: Any, **options: Any) -> Any:
        if made.index(self) == 1 and (where != "update" or arguments[1] == 3):
            raise ZeroDivisionError("of a class of the user")
        return whole(self, *arguments, **options)

    def attach(self: Dash, *arguments: Any) -> None:
        made.append(self)
        attached(self, *arguments)

    whole, attached = getattr(Dash, where), Dash.attach
    made: list[Dash] = []
    monkeypatch.setattr(Dash, where, broken)
    monkeypatch.setattr(Dash, "attach", attach)
    ends = train_prune_eval_together([compose([*small, f"seed={seed}"]) for seed in (0, 1, 2)])
    assert [isinstance(end, DefectError) for end in ends] == [False, True, False]
    assert "ZeroDivisionError: of a class of the user" in str(ends[1])
    assert len(list(Path(small[-1].partition("=")[2]).rglob("result.json"))) == 2


def test_what_fails_together_is_tried_alone(
    small: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop, "_train_as_one", lambda *_: 1 / 0)
    ends = train_prune_eval_together([compose([*small, f"seed={seed}"]) for seed in (0, 1)])
    said = "2 runs cannot train as one now (ZeroDivisionError: division by zero); each does alone"
    assert said in capsys.readouterr().err
    alone = [run([*small, f"{small[-1]}2"], f"seed={seed}") for seed in (0, 1)]
    assert [end["mse"] for end in ends if isinstance(end, dict)] == [row["mse"] for row in alone]


def test_a_test_split_in_which_nothing_changes_has_no_relative_error(
    small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def still(self: Sim350) -> Any:
        problem = load(self)
        problem.test.expression[:] = 0.5
        return problem

    load = Sim350.load
    monkeypatch.setattr(Sim350, "load", still)
    row = run(small, "train.epochs=1")
    assert row["mse_persistence"] == 0
    assert row["mse"] is not None
    assert row["mse_relative"] is None


def test_killed_before_it_tidied_up_the_repeated_command_does(small: list[str]) -> None:
    run(small)
    where = folder(small)
    for name in (checkpoints.PREVIOUS, "result.json.host-1.tmp"):
        (where / name).write_bytes(b"")
    run(small)
    assert not checkpoints.leftovers(where)


def test_a_full_disk_is_one_clear_line(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, state: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device", str(folder / "checkpoint.pt"))

    monkeypatch.setattr(checkpoints, "save", full)
    with pytest.raises(
        DashpruneError, match=r"outputs: .*checkpoint\.pt cannot be written \(No space left on device\)"
    ):
        run(small)


def _rename(state: dict[str, Any]) -> None:
    state["model"]["renamed"] = state["model"].pop("sums.bias")


def _cut(state: dict[str, Any]) -> None:
    moments = state["optimizer"]["state"][0]
    moments["exp_avg"] = moments["exp_avg"][:1]


@pytest.mark.parametrize("change", [_rename, _cut])
def test_a_checkpoint_of_another_version_is_not_forced_into_the_model(
    small: list[str], change: Callable[[dict[str, Any]], None]
) -> None:
    run(small)
    where = folder(small)
    state = checkpoints.load(where)
    assert state is not None
    change(state)
    checkpoints.save(where, state)
    (where / "result.json").unlink()
    with pytest.raises(DashpruneError, match=r"another version of dashprune; start anew with force=true"):
        run(small)
    assert run(small, "force=true")["epochs_run"] == 6


def test_a_divergence_is_explained(small: list[str]) -> None:
    with pytest.raises(DashpruneError, match=r"epoch \d, step \d: the solution diverged .*lower train.learning_rate"):
        run(small, "model=mlp", "train.learning_rate=1e5", "model.hidden=5", "solver=dopri5", "train.epochs=50")
    assert not list(Path(small[-1].partition("=")[2]).rglob("result.json"))


@pytest.mark.parametrize(
    ("what", "factor", "said"),
    [
        ("expression", 1e30, r"values reach \S+: take logarithms, or bring genes to 0 to 1 \(dataset.scale=true\)$"),
        ("times", 1e5, r"a transition lasts \S+ units of time: count in larger units \(dataset.time_scale=auto\)$"),
    ],
)
def test_a_divergence_for_want_of_scale_is_told_so(
    small: list[str], monkeypatch: pytest.MonkeyPatch, what: str, factor: float, said: str
) -> None:
    """And no checkpoint is promised where there is none."""

    def large(self: Sim350) -> Any:
        problem = load(self)
        getattr(problem.train, what)[:] *= factor
        return problem

    def step(*_: Any) -> torch.Tensor:
        raise DivergenceError("the loss is nan")

    load = Sim350.load
    monkeypatch.setattr(Sim350, "load", large)
    monkeypatch.setattr(loop, "step", step)
    with pytest.raises(DashpruneError, match=said):
        run(small)


def test_a_divergence_keeps_the_last_good_checkpoint(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def step(state: Training, *arguments: Any) -> torch.Tensor:
        if len(state.history) == 3:
            raise DivergenceError("the loss is nan")
        return one_step(state, *arguments)

    one_step = loop.step
    monkeypatch.setattr(loop, "step", step)
    with pytest.raises(DashpruneError, match=r"epoch 4, step 1: the solution diverged \(the loss is nan\)"):
        run(small)
    (path,) = Path(small[-1].partition("=")[2]).rglob("checkpoint.pt")
    state = checkpoints.load(path.parent)
    assert state is not None
    assert len(state["history"]) == 3


def test_an_all_zero_prior_with_dash_is_refused(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from dashprune.data import sim350

    monkeypatch.setattr(sim350, "corrupt", lambda prior, fraction, rng: csr_array(prior.shape))
    with pytest.raises(DashpruneError, match=r"pruner=dash looks at the prior network, but the data have none .* imp,"):
        run(small)


def test_expression_that_is_not_finite_is_refused(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from dashprune.data import sim350

    def broken(*arguments: Any, **options: Any) -> np.ndarray:
        values = simulate(*arguments, **options)
        values[3, 1, 2] = np.nan
        return values

    simulate = sim350.simulate
    sim350._simulate_generated.cache_clear()
    monkeypatch.setattr(sim350, "simulate", broken)
    with pytest.raises(DashpruneError, match=r"expression of gene 'G003' in trajectory \d at time 2 is nan"):
        run(small)
    assert not list(Path(small[-1].partition("=")[2], "runs").glob("*/*/*/*"))
    sim350._simulate_generated.cache_clear()


def test_times_that_do_not_increase_are_refused(small: list[str]) -> None:
    with pytest.raises(DashpruneError, match=r"times must be at least two numbers that increase.*\[?\(?0"):
        run(small, "dataset.times=[0,2,2]")


# A genome: networks in blocks of targets.


def together(small: list[str], *jobs: list[str]) -> list[Any]:
    return train_prune_eval_together([compose([*small, *words]) for words in jobs])


DIFFERENT = [
    ["pruner=dash", "seed=0"], ["pruner=dash", "seed=1", "pruner.lambda_1=0.2"], ["pruner=imp", "dataset.noise=0.1"],
    ["pruner=imp", "train.epochs=4", "schedule.first=0.5"], ["pruner=l0"], ["pruner=none"], ["control=prior"],
]  # fmt: skip
"""Three that train as one, one of other length, one whose gates keep it alone, one without masks, and a control."""


@pytest.mark.slow
def test_runs_trained_together_give_the_rows_of_separate_runs(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = together(small, *DIFFERENT)
    assert "6 runs: 4 as one (dash, imp); 2 alone (l0, none)" in capsys.readouterr().err
    for row, words in zip(rows, DIFFERENT, strict=True):
        alone = run([*small, f"outputs={tmp_path / 'alone'}"], *words)
        assert row.keys() == alone.keys()
        assert row["id"] == alone["id"]
        for key in {"sparsity", "balanced_accuracy", "auprc", "mse", "validation_mse", "edges"} & row.keys():
            assert row[key] == (alone[key] and pytest.approx(alone[key], rel=1e-3)), (words, key)


def test_a_mistake_in_one_of_several_stops_only_that_one(small: list[str]) -> None:
    rows = together(small, ["seed=0"], ["pruner=dst", "train.learning_rate=-1"], ["seed=2"])
    assert [row["seed"] for row in (rows[0], rows[2])] == [0, 2]
    assert "train.learning_rate: -1" in str(rows[1])


def test_the_same_run_asked_for_twice_is_done_once(small: list[str]) -> None:
    rows = together(small, ["seed=0"], ["seed=0", "pruner.lambda_1=0.75"])
    assert rows[0] is rows[1]
    assert len(list(Path(small[-1].partition("=")[2]).rglob("result.json"))) == 1


@pytest.mark.slow
def test_several_go_on_from_their_checkpoints(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted in the fifth epoch of the second run: the first has one epoch more behind it when they go on."""
    jobs = [["seed=0"], ["seed=1"], ["seed=2"]]
    undisturbed = [timeless(row) for row in together([*small, f"{small[-1]}-undisturbed"], *jobs)]
    record = Training.record

    def interrupted(state: Training, row: Epoch) -> None:
        if row.epoch == 5 and state.pruner.seed == 1:
            raise KeyboardInterrupt
        record(state, row)

    monkeypatch.setattr(Training, "record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        together(small, *jobs)
    monkeypatch.setattr(Training, "record", record)
    for row, expected in zip(together(small, *jobs), undisturbed, strict=True):
        for key in ("sparsity", "balanced_accuracy", "mse", "epochs_run"):
            assert row[key] == pytest.approx(expected[key], rel=1e-3)


def test_a_full_disk_stops_all_with_one_clear_line_each(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, state: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device", str(folder / "checkpoint.pt"))

    monkeypatch.setattr(checkpoints, "save", full)
    for outcome in together(small, ["seed=0"], ["seed=1"]):
        assert "checkpoint.pt cannot be written (No space left on device)" in str(outcome)


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["none", "dash", "l0", "dst", "synflow", "pinn_mp"])
def test_the_reported_model_can_be_had_again(small: list[str], pruner: str) -> None:
    row = run(small, f"pruner={pruner}")
    problem, model, solver = reported(folder(small))
    test = join(by_trajectory(problem.test, torch.device("cpu")))
    assert evaluate(model, test, solver) == row["mse"]
    assert int((model.effect_matrix() != 0).sum()) == row["edges"]


def test_a_bootstrap_sample_is_a_run_of_its_own_and_drawn_again_for_its_report(small: list[str]) -> None:
    row, other = run(small), run(small, "bootstrap=2")
    assert row["id"] != other["id"]
    assert row["config"]["bootstrap"] is None
    assert other["config"]["bootstrap"] == 2
    assert row["mse_persistence"] == other["mse_persistence"]
    assert row["mse"] != other["mse"]
    base = Path(small[-1].partition("=")[2], "runs", "sim350", "phoenix", "dash")
    whole, drawn = (reported(base / each["id"])[0] for each in (row, other))
    np.testing.assert_array_equal(drawn.train.expression, whole.bootstrap(2, seed=0).train.expression)
    np.testing.assert_array_equal(drawn.validation.expression, whole.validation.expression)


def test_controls_see_the_bootstrap_sample_too(small: list[str]) -> None:
    rows = [run(small, "control=lasso", *own) for own in ([], ["bootstrap=1"], ["bootstrap=2"])]
    assert len({row["mse"] for row in rows}) == 3


def test_too_few_trajectories_for_a_bootstrap_sample_are_one_clear_line(small: list[str]) -> None:
    with pytest.raises(DashpruneError, match=r"bootstrap=1: there is nothing to draw from 2 training trajectories"):
        run(small, "dataset.train=2", "bootstrap=1")


def test_a_folder_without_a_reported_model_is_refused(small: list[str], tmp_path: Path) -> None:
    with pytest.raises(DashpruneError, match=r"holds no result.json; finish the run"):
        reported(tmp_path)
    run(small, "control=prior")
    with pytest.raises(DashpruneError, match="is a control's, which trains no model"):
        reported(folder(small))


def test_a_copy_of_a_folder_can_be_read(small: list[str], tmp_path: Path) -> None:
    run(small)
    copy = shutil.copytree(folder(small), tmp_path / "copy")
    same = zip(reported(copy).model.parameters(), reported(folder(small)).model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in same)


def test_a_reported_model_needs_its_data_and_its_checkpoint(small: list[str]) -> None:
    row = run(small)
    where = folder(small)
    (where / "checkpoint.pt").write_bytes(b"")
    with pytest.raises(DashpruneError, match=r"checkpoint.pt is no checkpoint .*; run it again with force=true"):
        reported(where)
    (where / "checkpoint.pt").unlink()
    with pytest.raises(DashpruneError, match="has no checkpoint any more"):
        reported(where)
    (where / "result.json").write_text(json.dumps({**row, "data": "other"}))
    with pytest.raises(DashpruneError, match="was made from other data"):
        reported(where)
