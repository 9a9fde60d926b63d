"""Knock-outs in models whose answers are known, and of runs."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashprune import compose, train_prune_eval
from dashprune.analysis import knockouts
from dashprune.analysis.knockouts import SILENT, Change, interventions, most_changed
from dashprune.cli.main import main
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.runs import identity
from dashprune.runs.knockouts import followed
from dashprune.solvers.etdrk4 import Etdrk4
from tests.conftest import SMALL, Cascade, problem_with

TIMES = np.array([0.0, 1.0, 2.0])
NAMES = ("a", "b", "c")


def course(**done: float | str) -> np.ndarray:
    """(times, genes) of the cascade from (1, 1, 1), where it stays by itself."""
    model = Cascade()
    given = interventions(model, NAMES, done).map(lambda part: part[None]) if done else None
    return followed(model, Etdrk4(0.05), np.ones((1, 3), dtype=np.float32), given, TIMES)[:, 0]


def test_what_is_done_to_a_gene_reaches_what_it_makes() -> None:
    """b falls as e⁻ᵗ without a; c as (1 + t) e⁻ᵗ; a that is silent falls as e⁻ᵗ, and b as (1 + t) e⁻ᵗ."""
    one, two = math.exp(-1), math.exp(-2)
    assert course() == pytest.approx(np.ones((3, 3)), abs=1e-5)
    assert course(a=0.0) == pytest.approx(np.array([[0, 1, 1], [0, one, 2 * one], [0, two, 3 * two]]), abs=1e-4)
    assert course(a=SILENT)[:, :2] == pytest.approx(np.array([[1, 1], [one, 2 * one], [two, 3 * two]]), abs=1e-4)
    assert course(b=2.0)[:, :2].tolist() == [[1, 2]] * 3
    assert course(b=2.0)[2, 2] == pytest.approx(2 - two, abs=1e-4)


def test_a_steady_state_is_where_it_settles() -> None:
    problem: Problem = problem_with(np.zeros((3, 3)))
    measured, span = knockouts.starts(Cascade(), Etdrk4(0.5), problem, steady=False)
    assert span == 4
    assert measured.shape == (3, 3)
    steady, _ = knockouts.starts(Cascade(), Etdrk4(0.5), problem, steady=True)
    assert steady == pytest.approx(np.ones((1, 3)), abs=1e-5)


def test_changes_are_means_over_runs_with_the_least_and_the_largest() -> None:
    runs = [Change(TIMES, np.zeros((3, 3)), np.tile([0.1, value, -0.5], (3, 1))) for value in (0.2, 0.6)]
    table = most_changed(runs, NAMES)
    assert table["gene"].tolist() == ["c", "b", "a"]
    assert table[["change", "low", "high"]].iloc[1].tolist() == pytest.approx([0.4, 0.2, 0.6])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = compose([*SMALL, "train.epochs=4", "pruner=dash", f"outputs={tmp_path_factory.mktemp('runs')}"])
    return identity.folder_of(train_prune_eval(made))


def test_a_scan_is_every_knock_out_one_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, changes, scores = knockouts.scan(folder, steady=False)
    monkeypatch.setattr(knockouts, "_BLOCK", 1)
    _, again, _ = knockouts.scan(folder, steady=False)
    pd.testing.assert_frame_equal(changes, again, atol=1e-6)
    regulator = changes.index[1]
    _, change = knockouts.perturbed(folder, {regulator: 0.0}, steady=False)
    assert changes.loc[regulator].to_numpy() == pytest.approx(change.changed[-1] - change.plain[-1], abs=1e-6)
    mine = scores.set_index("gene")
    others = changes.loc[regulator].drop(regulator).abs().sum() / (len(problem.genes) - 1)
    assert mine["knockout"][regulator] == pytest.approx(others, rel=1e-5)
    assert (mine["knockout"][mine["out_degree"] == 0] == 0).all()
    assert scores["influence"].is_monotonic_decreasing


def test_a_path_is_the_one_with_the_largest_product_of_shares(folder: Path) -> None:
    effects = knockouts.reported(folder).model.effect_matrix().detach().numpy()
    genes = knockouts.reported(folder).problem.genes
    share = np.abs(effects) / np.maximum(np.abs(effects).sum(axis=0), 1e-30)
    source = int(np.argmax((share > 0).sum(axis=1)))
    target = next(k for k in np.argsort(-share[source]) if k != source)
    (path,) = knockouts.paths(folder, [genes[source]], [genes[target]])
    parts = [part for part in path.split() if part not in ("->", "-|")]
    assert (parts[0], parts[-1]) == (genes[source], genes[target])
    steps = [share[genes.index(one), genes.index(two)] for one, two in itertools.pairwise(parts)]
    assert np.prod(steps) >= share[source, target] * (1 - 1e-6)
    assert knockouts.paths(folder, [genes[source]], [genes[source]]) == [""]


def test_the_command_writes_tables_and_a_picture(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gene = knockouts.scan(folder, steady=False)[1].index[0]
    words = ["--knockout", gene, "--out", str(tmp_path)]
    other = train_prune_eval(compose([*SMALL, "train.epochs=4", "pruner=imp", f"outputs={tmp_path / 'other'}"]))
    again = str(identity.folder_of(other))
    assert main(["perturb", str(folder), again, *words, "--top", "3"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 5
    assert " to " in printed, "the range over runs"
    table = pd.read_csv(tmp_path / "perturbation.csv").set_index("gene")
    assert table["changed"][gene] == 0
    courses = pd.read_csv(tmp_path / "courses.csv")
    assert len(courses) == len(table) * (knockouts.POINTS + 1)
    assert main(["perturb", str(folder), "--scan", "--from", "steady", "--out", str(tmp_path)]) == 0
    assert {"scan.csv", "influence.csv", "scan.png", "scan.pdf"} <= {path.name for path in tmp_path.iterdir()}
    noisy = train_prune_eval(compose([*SMALL, "train.epochs=4", "dataset.noise=0.3", f"outputs={tmp_path / 'other'}"]))
    capsys.readouterr()
    for second, said in [(str(folder), "named twice"), (str(identity.folder_of(noisy)), "other data")]:
        assert main(["perturb", str(folder), second, *words]) == 2
        assert said in capsys.readouterr().err
    assert gene in pd.read_csv(tmp_path / "scan.csv")["knocked_out"].tolist()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give either --scan, or genes by"),
        (["--scan", "--knockout", "g1"], "give either --scan, or genes by"),
        (["--knockout", "nobody"], "'nobody' is not a gene of this run"),
        (["--overexpress", "g1"], "--overexpress: 'g1' is not GENE=VALUE"),
        (["--overexpress", "g1=nan"], "is not GENE=VALUE"),
        (["--knockout", "g1", "--silence", "g1"], "'g1' is named twice"),
        (["--from", "steadi", "--scan"], "invalid choice: 'steadi'"),
        (["another", "--scan"], "--scan is of one run"),
    ],
)
def test_mistakes_are_one_line(words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["perturb", str(folder), *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_solution_that_diverges() -> None:
    model = Cascade()
    model.layer.bias.data.fill_(math.inf)
    with pytest.raises(DashpruneError, match="diverges"):
        followed(model, Etdrk4(0.5), np.ones((1, 3), dtype=np.float32), None, TIMES)
