from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashprune import compose, train_prune_eval
from dashprune.cli import main as cli
from tests.conftest import SMALL

NAMES = [f"{name}.{kind}" for name in ("history", "trajectories", "degrees") for kind in ("png", "pdf")]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run, below outputs/runs of the current folder."""
    monkeypatch.chdir(tmp_path)
    row = train_prune_eval(compose([*SMALL, "train.epochs=4"]))
    return Path("outputs/runs/sim350/phoenix/dash", row["id"])


def mistake(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["plot", *words]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return message


@pytest.mark.slow
def test_a_run_is_drawn_by_the_first_digits_of_its_id(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(run.iterdir())
    assert cli.main(["plot", run.name[:5], "--genes", "G007, G003,G007"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(run / "figures" / name) for name in NAMES]
    assert sorted(run.iterdir()) == sorted([*before, run / "figures"])
    for path in (run / "figures").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_mistakes_are_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no run 'zzz'" in mistake(capsys, "zzz")
    assert "'G01' is not a gene of this run; did you mean 'G0" in mistake(capsys, str(run), "--genes", "G001,G01")
    assert "--genes: no gene is named" in mistake(capsys, str(run), "--genes", " ,")
    many = ",".join(f"G{k:03d}" for k in range(61))
    assert "--genes: 61 genes are too many for one figure; name at most 60" in mistake(
        capsys, str(run), "--genes", many
    )
    Path("file").touch()
    assert "cannot be written to " in mistake(capsys, str(run), "--out", "file")
    row = json.loads((run / "result.json").read_text())
    (run / "history.csv").unlink()
    assert "history.csv cannot be read" in mistake(capsys, str(run))
    (run / "result.json").unlink()
    assert "holds no result.json; finish the run" in mistake(capsys, row["id"])
    control = train_prune_eval(compose([*SMALL, "control=prior"]))
    assert "is a control's, which trains no model" in mistake(capsys, control["id"])


def test_what_there_is_is_drawn_and_what_is_left_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    without = ["dataset.prior=null", "dataset.validation=null", "dataset.test=null"]
    row = train_prune_eval(compose([*SMALL, "train.epochs=4", "pruner=imp", *without]))
    capsys.readouterr()
    assert cli.main(["plot", row["id"]]) == 0
    done = capsys.readouterr()
    assert [Path(line).name for line in done.out.splitlines()] == [*NAMES[:2], *NAMES[4:]]
    assert done.err.splitlines() == [
        "dashprune: history: the run held out nothing to validate on, so there is no validation error to draw",
        "dashprune: trajectories: left out, as the run held out nothing to test on",
    ]
