"""`dashprune reproduce` on a small item of one's own; the paper's would take hours."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from dashprune.cli import reproduce
from dashprune.cli.main import main
from dashprune.paper import items
from tests.conftest import SMALL

ITEM = {
    "title": "Ours",
    "caption": "Small.",
    "sweeps": [
        " ".join([*SMALL, "pruner=imp,dash seed=0,1 vectorize=true"]),
        " ".join([*SMALL, "control=prior seed=0"]),
    ],
    "quick": "seed=0 train.epochs=3",
    "tables": [
        {
            "columns": ["sparsity", "mse"],
            "groups": {"pruning": {"IMP": "imp", "DASH": "dash"}, "added": {"the prior": "prior"}},
            "paper": {"dash": {"sparsity": 92.71}},
        }
    ],
}
FAILING = " ".join([*SMALL, "pruner=none seed=0 train.learning_rate=1e30"])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])  # which Hydra is given its words in


def written(name: str = "ours", **changes: object) -> str:
    Path(f"{name}.yaml").write_text(yaml.safe_dump({**ITEM, **changes}, sort_keys=False))
    return f"{name}.yaml"


@pytest.mark.slow
def test_an_item_is_made_once_and_previewed(capsys: pytest.CaptureFixture[str]) -> None:
    item = written()
    assert main(["reproduce", item, "--dry-run"]) == 0
    before = capsys.readouterr().out
    assert "ours.yaml: 5 runs, 0 done; unknown time left for 5 runs" in before
    assert "to do  unknown (none like it is done)" in before
    assert not Path("outputs").exists()

    assert main(["reproduce", item, "--outputs", "it's, out"]) == 0
    done = capsys.readouterr()
    assert "4 runs: 4 as one (imp, dash)" in done.err
    assert "| DASH" in done.out
    folder = Path("it's, out/paper/ours")
    assert {path.name for path in folder.iterdir()} == {f"ours.{end}" for end in ("md", "csv", "tex", "runs.csv")}
    assert pd.read_csv(folder / "ours.csv")["seeds"].tolist() == [2, 2, 1]

    assert main(["reproduce", item, "--outputs", "it's, out"]) == 0
    again = capsys.readouterr()
    assert again.out == done.out
    assert "epoch" not in again.err
    assert main(["reproduce", item, "--outputs", "it's, out", "--dry-run"]) == 0
    after = capsys.readouterr().out
    assert "5 runs, 5 done; nothing left to do" in after
    assert after.count("  done ") == 5

    shutil.rmtree("it's, out/runs")
    assert main(["reproduce", item, "--outputs", "it's, out", "--dry-run"]) == 0
    assert "5 runs, 0 done; about " in capsys.readouterr().out, "by what is written, though the runs are gone"


def test_what_all_items_take_counts_each_run_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = [{"columns": ["sparsity"], "groups": {"added": {"the prior": "prior"}}}]
    one, both = ITEM["sweeps"][1], " ".join([*SMALL, "control=prior,persistence seed=0"])
    names = [written("first", sweeps=[one], tables=tables), written("second", sweeps=[both], tables=tables)]
    monkeypatch.setattr(items, "names", lambda: [*names, written("wrong", sweeps=["pruner=imq"])])
    assert main(["reproduce", names[0]]) == 0
    Path("outputs/runs").rename("elsewhere")
    capsys.readouterr()
    assert main(["reproduce", "all", "--dry-run"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("dashprune: wrong.yaml: pruner=imq: there is no such choice")
    assert "first.yaml: 1 runs, 0 done; about 0 s of computing left, 0 s on two cores\n" in told.out
    assert "control=persistence" in told.out
    assert told.out.splitlines()[-1] == (
        "all: 2 runs, each counted once, 0 done; about 0 s of computing left, 0 s on two cores"
    )
    assert not Path("outputs/paper/index.md").exists()


def test_a_failed_run_is_a_gap(capsys: pytest.CaptureFixture[str]) -> None:
    groups = {"dense": {"PHOENIX": "none"}, "added": {"the prior": "prior"}}
    item = written(sweeps=[FAILING, ITEM["sweeps"][1]], tables=[{"columns": ["sparsity"], "groups": groups}])
    assert main(["reproduce", item, "--dry-run"]) == 0
    capsys.readouterr()
    assert main(["reproduce", item]) == 2
    done = capsys.readouterr()
    assert "ours.yaml: 1 of 2 runs are missing; repeat the command to try them again" in done.err
    assert "epoch 1, step" in done.err
    assert "Missing runs (1 of 2):" in done.out
    (gap,) = [line for line in done.out.splitlines() if "PHOENIX" in line]
    assert [cell.strip() for cell in gap.split("|")[3:6]] == ["", "0 of 1", "–"]
    assert main(["reproduce", item, "--dry-run"]) == 0
    assert "2 runs, 1 done; unknown time left for 1 runs" in capsys.readouterr().out


def test_no_run_is_started_if_none_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", written(), "--no-run"]) == 2
    assert "runs are missing" in capsys.readouterr().err
    assert not list(Path("outputs").rglob("result.json"))
    assert "Missing runs" in Path("outputs/paper/ours/ours.md").read_text()


@pytest.mark.slow
def test_quick_has_a_folder_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", written(), "--quick"]) == 0
    assert "QUICK: reduced epochs and seeds, not a reproduction." in capsys.readouterr().out
    assert [path.name for path in Path("outputs").iterdir()] == ["quick"]
    assert Path("outputs/quick/paper/ours/ours.quick.md").exists()
    assert len(list(Path("outputs/quick/runs").rglob("result.json"))) == 3  # one seed


def test_launchers_with_many_processes_train_runs_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[list[str]] = []
    monkeypatch.setattr(reproduce, "launch", lambda words: launched.append(words))
    assert main(["reproduce", written(), "--launcher", "joblib"]) == 2  # nothing was run, so all are missing
    assert [words[-2:] for words in launched] == [["outputs='outputs'", "hydra/launcher=joblib"]] * 2
    assert not [word for words in launched for word in words if "vectorize" in word]


def test_an_interrupted_sweep_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce.command_line, "main", lambda words: 130)
    with pytest.raises(SystemExit) as ended:
        reproduce.launch(["pruner=imp"])
    assert ended.value.code == 130


def test_all_writes_an_index_and_survives_an_item(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = {"added": {"the prior": "prior"}}
    small = {"sweeps": [ITEM["sweeps"][1]], "tables": [{"columns": ["sparsity"], "groups": groups}]}
    names = [written("first", **small), written("wrong", sweeps=["pruner=imq"]), written("last", **small)]
    monkeypatch.setattr(items, "names", lambda: names)
    assert main(["reproduce", "all"]) == 2
    assert "dashprune: wrong.yaml: " in capsys.readouterr().err
    page = Path("outputs/paper/index.md").read_text()
    assert "[first](first/first.md)" in page
    assert "[last](last/last.md)" in page
    assert "wrong.yaml could not be made: pruner=imq: there is no such choice; did you mean 'imp'?" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tabel1"], "there is no item 'tabel1'; did you mean 'table1'?; items: beyond_data, "),
        (["nowhere.yaml"], "there is no item 'nowhere.yaml'"),
        ([], "the following arguments are required: ITEM"),
        (["table1", "--quik"], "unrecognized arguments: --quik"),
        (["table1", "--dry-run", "--launcher", "a,b"], "--launcher a,b: this is no name of a launcher; give one, such"),
        (["table1", "--dry-run", "--launcher", "null"], "--launcher null: this is no name of a launcher"),
        (["table1", "--dry-run", "--launcher", "jobli"], "jobli: there is no such choice; did you mean 'joblib'?"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *words]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_the_help_names_every_item(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["reproduce", "--help"])
    words = capsys.readouterr().out.replace(",", " ").replace(";", " ").split()
    assert {*items.names(), "all"} <= set(words)


def test_an_item_made_from_more_runs_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """As the committed ones are, in a checkout without their runs."""
    name = written(
        "ours", sweeps=[ITEM["sweeps"][1]], tables=[{"columns": ["mse"], "groups": {"": {"prior": "prior"}}}]
    )
    assert main(["reproduce", name]) == 0
    page = Path("outputs/paper/ours/ours.md")
    made = page.read_text()
    Path("outputs/runs").rename("elsewhere")
    assert main(["reproduce", name, "--no-run"]) == 2
    assert "was made from 1 runs, of which 0 are done below 'outputs'; it is kept as it is" in capsys.readouterr().err
    assert page.read_text() == made
    assert main(["reproduce", name, "--no-run", "--replace"]) == 2  # as a run is missing
    assert page.read_text() != made


@pytest.mark.slow
def test_written_rows_are_gone_on_from_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    item = written()
    assert main(["reproduce", item]) == 0
    page = Path("outputs/paper/ours/ours.md").read_text()
    shutil.rmtree("outputs/runs")
    assert main(["reproduce", item, "--keep", "--no-run"]) == 0
    assert Path("outputs/paper/ours/ours.md").read_text() == page, "the same from rows alone"
    assert main(["reproduce", item, "--dry-run"]) == 0
    assert "5 runs, 0 done" in capsys.readouterr().out
    assert main(["reproduce", item, "--dry-run", "--keep"]) == 0
    assert "5 runs, 5 done; nothing left to do" in capsys.readouterr().out

    rows = pd.read_csv("outputs/paper/ours/ours.runs.csv", dtype={"id": str})
    control = rows["id"][rows["pruner"] == "prior"].item()
    assert main(["reproduce", item, "--check", control[:6]]) == 0
    assert capsys.readouterr().out == f"ours.yaml, run {control} (control prior, seed 0): equal\n"
    assert main(["reproduce", item, "--check"]) == 0
    assert "(phoenix " in capsys.readouterr().out, "without an id, a run of a strategy"
    assert not Path("outputs/runs").exists()
    rows["sparsity"] = 0.123
    rows.loc[rows["pruner"] == "dash", "sparsity"] = [0.1, 0.2]
    rows.to_csv("outputs/paper/ours/ours.runs.csv", index=False)
    assert main(["reproduce", item, "--check", control]) == 1
    told = capsys.readouterr().out
    assert "different\n  sparsity: 0.123 written, " in told
    assert "seeds differ by" not in told, "the control has one seed"
    dash = rows["id"][rows["pruner"] == "dash"].iloc[0]
    assert main(["reproduce", item, "--check", dash]) == 1
    assert re.search(r"sparsity: 0.1 written, 0\.\d+ now \(by \d+ %, seeds differ by 0.071\)", capsys.readouterr().out)


def test_what_cannot_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    item = written()
    assert main(["reproduce", "all", "--check"]) == 2
    assert "--check compares a run of one item" in capsys.readouterr().err
    assert main(["reproduce", item, "--check"]) == 2
    assert "none of the runs in its file of runs is planned by this code" in capsys.readouterr().err
