from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashprune import compose
from dashprune.cli import main as cli
from dashprune.runs.run import train_prune_eval_together
from tests.conftest import SMALL


@pytest.mark.slow
def test_edges_of_bootstrap_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*SMALL, "model=phoenix_edge", "pruner=dash_edge", "train.epochs=6"]
    runs = [[*words, f"bootstrap={sample}"] for sample in (1, 2)]
    rows = train_prune_eval_together([compose(own) for own in [*runs, [*SMALL, "pruner=imp", "train.epochs=2"]]])
    capsys.readouterr()
    assert cli.main(["edges"]) == 0
    said = capsys.readouterr()
    assert "dashprune: a single run, left out: sim350 phoenix imp\n" in said.err
    assert said.out.startswith("## sim350, phoenix_edge, dash_edge\n\n2 runs: seed 0 with bootstrap 1, 2. ")
    folder = Path("outputs/edges")
    names = [f"sim350.phoenix_edge.dash_edge.{kind}" for kind in ("md", "pdf", "png", "tsv")]
    assert sorted(path.name for path in folder.iterdir()) == names
    edges = pd.read_csv(folder / names[-1], sep="\t")
    networks = []
    for row in rows[:2]:
        assert isinstance(row, dict)
        networks.append(pd.read_csv(f"outputs/runs/sim350/phoenix_edge/dash_edge/{row['id']}/network.tsv", sep="\t"))
    assert edges["runs"].sum() == sum(len(network) for network in networks) > 0
    total = sum(network["probability"].sum() for network in networks)
    assert edges["probability"].sum() == pytest.approx(total / 2, abs=1e-4 * len(edges))
    assert {"novel", "contradicted", "in_prior"} <= set(edges)


def mistake(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["edges", *words]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    return said.err


def test_a_mistake_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no folder 'nowhere'; give the folder of your runs" in mistake(capsys, "nowhere")
    assert "no result.json below" in mistake(capsys, str(tmp_path))
    train_prune_eval_together([compose([*SMALL, "train.epochs=1", f"outputs={tmp_path}"])])
    capsys.readouterr()
    said = mistake(capsys, str(tmp_path))
    assert "no two runs below" in said
    assert "make some: dashprune run -m ... bootstrap=1,2,3,4,5 vectorize=true" in said


def test_a_group_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*SMALL, "train.epochs=1", f"outputs={tmp_path}"]
    train_prune_eval_together([compose([*words, f"bootstrap={sample}"]) for sample in (1, 2)])
    next(tmp_path.rglob("network.tsv")).unlink()
    capsys.readouterr()
    said = mistake(capsys, str(tmp_path))
    assert said.startswith("dashprune: sim350, phoenix, dash: ")
    assert "network.tsv cannot be read (No such file or directory); run it again with force=true" in said
