"""Runs without a prior, a validation or a test split: what works, what is refused, and what a row then says."""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path
from typing import Any

import pytest

from dashprune import compose, train_prune_eval
from dashprune.analysis.tables import markdown, summary
from dashprune.cli import main as cli
from dashprune.config import choices
from dashprune.errors import DashpruneError
from dashprune.runs.checked import check
from dashprune.runs.run import train_prune_eval_together
from dashprune.training import loop, sparse_layers
from dashprune.training.state import Epoch, Training
from tests.conftest import SMALL

HELD_OUT = ["dataset.validation=null", "dataset.test=null"]
NOTHING = ["dataset.prior=null", *HELD_OUT]
EDGES = ("dash_edge", "imp_edge", "dash_edge_fixed")
KNOWN = {"pruner": {"dash", "bioprune", "pinn", "pinn_mp", "dash_edge_fixed"}, "control": {"prior", "lasso_prior"}}
"""What cannot do without a prior for certain."""


def run(small: list[str], *overrides: str) -> dict[str, Any]:
    return train_prune_eval(compose([*small, *overrides]))


def words(group: str, name: str) -> list[str]:
    """Overrides for a short run of one strategy or control."""
    short = {"sparseflow": ["train.epochs=12"], "dyngenie3": ["control.trees=10"]}.get(name, [])
    return [f"{group}={name}", *(["model=phoenix_edge", "train.epochs=6"] if name in EDGES else short)]


def looks(group: str, name: str) -> bool:
    """Whether a strategy or control says of itself that it cannot do without a prior."""
    settings = check(compose(words(group, name)))
    return bool((settings.control if group == "control" else settings.pruner).needs_prior)


LOOKING = {group: {name for name in choices(group) if looks(group, name)} for group in KNOWN}
EVERY = [(group, name) for group in KNOWN for name in choices(group) if name != "knockout"]
"""All but the control that has nothing to go by without knockouts."""


def test_they_know_it_of_themselves() -> None:
    assert all(KNOWN[group] <= LOOKING[group] for group in KNOWN)
    assert LOOKING["pruner"] == KNOWN["pruner"]


@pytest.mark.slow
@pytest.mark.parametrize(("group", "name"), [(g, n) for g, n in EVERY if n in LOOKING[g]])
def test_what_looks_at_the_prior_says_what_does_without(small: list[str], group: str, name: str) -> None:
    with pytest.raises(DashpruneError) as caught:
        run(small, *words(group, name), *NOTHING)
    start, _, others = str(caught.value).partition(f"set {group} to one of ")
    assert start == f"{group}={name} looks at the prior network, but the data have none (dataset.prior); give one, or "
    assert set(others.split(", ")) == set(choices(group)) - LOOKING[group]
    assert not list(Path(small[-1].partition("=")[2]).rglob("history.csv"))


@pytest.mark.slow
@pytest.mark.parametrize(("group", "name"), [(g, n) for g, n in EVERY if n not in LOOKING[g]])
def test_all_others_run_without_anything(
    small: list[str], group: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = run(small, *words(group, name), *NOTHING)
    assert row["uses_prior"] is False
    assert [row[key] for key in ("mse", "mse_persistence", "mse_relative", "expression_sd")] == [None] * 4
    assert ("the data have no prior, so edges are found from expression alone" in capsys.readouterr().err) == (
        name == "dash_edge"
    )
    if group == "pruner":
        assert row["validation_mse"] is None
        assert row["best_epoch"] >= 1
    if name != "persistence":
        by = "_probability" if name == "dash_edge" else ""  # by which it ranks what is not in a prior
        assert (row["auprc_novel"], row["auroc_novel"]) == (row[f"auprc{by}"], row[f"auroc{by}"])


def test_dash_without_weights_of_the_prior_needs_none(small: list[str]) -> None:
    assert run(small, "pruner.lambda_1=0", "pruner.lambda_2=0", *NOTHING)["uses_prior"] is False


def test_candidates_of_the_prior_need_one(small: list[str]) -> None:
    with pytest.raises(DashpruneError, match=r"model.candidates: the prior has no edges, .* set model.candidates=all"):
        run(small, "model=phoenix_edge", "pruner=dash_edge", "model.candidates=prior", *NOTHING)


def test_dash_edge_is_then_what_it_is_without_looking(small: list[str]) -> None:
    edge = ["model=phoenix_edge", "pruner=dash_edge", "train.epochs=20"]
    row = run(small, *edge, "dataset.prior=null")
    blind = run(small, *edge, "pruner.prior=false")
    for key in ("edges", "mse", "auprc", "auroc_probability", "novelty", "uses_prior"):
        assert row[key] == blind[key], key
    assert row["prior_reliability"] is None


def test_the_history_has_an_empty_column_and_the_loss_chooses(small: list[str]) -> None:
    row = run(small, "pruner=imp", *HELD_OUT)
    (path,) = Path(small[-1].partition("=")[2]).rglob("history.csv")
    lines = list(csv.DictReader(path.open()))
    assert [line["validation"] for line in lines] == [""] * 6
    after = [float(line["loss"]) for line in lines[3:]]  # the last cut is in the fourth epoch
    assert row["best_epoch"] == 4 + after.index(min(after))


def test_a_table_has_a_dash_where_there_is_no_error(small: list[str]) -> None:
    rows = [run(small, "pruner=imp"), run(small, "pruner=imp", *HELD_OUT), run(small, "control=lasso", *HELD_OUT)]
    head, _, *lines = markdown(summary(rows)).splitlines()
    column = [cell.strip() for cell in head.split("|")].index("mse")
    shown = [line.split("|")[column].strip() for line in lines[:2]]
    assert shown[0] != "–"
    assert shown[1] == "–"


@pytest.mark.slow
def test_a_run_goes_on_from_its_checkpoint_to_the_same_row(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [["pruner=imp"], ["pruner=dash_edge", "model=phoenix_edge", "train.epochs=6"], ["pruner=l0"]]
    undisturbed = [run([*small[:-1], f"{small[-1]}-undisturbed"], *own, *NOTHING) for own in jobs]
    record = Training.record

    def interrupted(state: Training, row: Epoch) -> None:
        if row.epoch == 4:
            raise KeyboardInterrupt
        record(state, row)

    for own, expected in zip(jobs, undisturbed, strict=True):
        monkeypatch.setattr(Training, "record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(small, *own, *NOTHING)
        monkeypatch.setattr(Training, "record", record)
        found = run(small, *own, *NOTHING)
        for row in (found, expected):
            row.update(wall_seconds=None, config=None)
        assert json.dumps(found) == json.dumps(expected)


def test_bootstrap_samples_are_trained_as_one(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [["pruner=imp", f"bootstrap={k}", *NOTHING] for k in (1, 2, 3)]
    rows = train_prune_eval_together([compose([*small, *own]) for own in jobs])
    assert "3 runs: 3 as one (imp)" in capsys.readouterr().err
    for row, own in zip(rows, jobs, strict=True):
        assert not isinstance(row, DashpruneError)
        alone = run([*small[:-1], f"{small[-1]}-alone"], *own)
        assert row["best_epoch"] == alone["best_epoch"]
        assert row["auprc"] == pytest.approx(alone["auprc"], rel=1e-3)


def test_sparse_layers_work_without_validation(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    dense = run([*small[:-1], f"{small[-1]}-dense"], "pruner=imp", *NOTHING)
    monkeypatch.setattr(loop, "compacted", functools.partial(sparse_layers.compacted, least_weights=1))
    monkeypatch.setattr(sparse_layers, "MOST_DENSE", 0.5)
    assert run(small, "pruner=imp", *NOTHING)["auprc"] == pytest.approx(dense["auprc"], rel=1e-2)


@pytest.mark.parametrize("pruner", ["imp", "dash", "bioprune", "random"])
def test_that_nothing_will_be_cut_is_said_at_the_start(
    small: list[str], pruner: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = run(small, f"pruner={pruner}", "schedule.start=100", "train.epochs=2")
    first = capsys.readouterr().err.splitlines()[0]
    assert first == (
        f"dashprune: {pruner} {row['id']}: nothing will be cut, as the first cut is at epoch 100 (schedule.start), but "
        f"training ends with epoch 2; lower schedule.start, or raise train.epochs"
    )
    run(small, f"pruner={pruner}", "schedule.start=2", "train.epochs=2")
    assert "nothing will be cut" not in capsys.readouterr().err


@pytest.mark.slow
def test_edges_and_a_sweep_that_fails_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The refusal composes other configurations while Hydra is at a sweep, whose next job is then done as before."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "-m", *SMALL, *NOTHING, "pruner=dash,imp", "seed=0,1", "dataset.seed=0"]) == 2
    done = capsys.readouterr()
    assert done.err.count("failed: pruner=dash looks at the prior network") == 2
    assert len(list(tmp_path.rglob("result.json"))) == 2
    assert cli.main(["edges"]) == 0
    (table,) = tmp_path.rglob("sim350.phoenix.imp.tsv")
    assert {line["in_prior"] for line in csv.DictReader(table.open(), delimiter="\t")} == {"0"}
