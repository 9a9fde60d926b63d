"""ranking.tsv: every candidate once, the best first, and the same whether it was asked for at once or later."""

from __future__ import annotations

import csv
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from dashprune import compose, train_prune_eval
from dashprune.controls.base import Estimate
from dashprune.data.problem import Pairs
from dashprune.errors import DashpruneError
from dashprune.models import effects
from dashprune.runs import checkpoints, ranking
from dashprune.runs.checked import check
from tests.conftest import problem_with
from tests.runs.test_scoring import peak, sparse_phoenix

EDGE = ["model=phoenix_edge", "pruner=dash_edge"]


def run(small: list[str], *overrides: str) -> dict[str, Any]:
    return train_prune_eval(compose([*small, *overrides]))


def files(small: list[str]) -> list[Path]:
    return sorted(Path(small[-1].partition("=")[2]).rglob("ranking.tsv"))


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(), delimiter="\t"))


def test_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Genes 0 and 1 may regulate others: four pairs. Scores 2, 0, 0, 0; of the latter, 1 -> 2 is the most probable."""
    score = np.array([[9, 2, 0], [0, 9, 0], [7, 7, 9]], dtype=np.float32)
    probability = np.array([[1, 0.5, 0.1], [0.1, 1, 0.2], [1, 1, 1]])
    candidates = Pairs(np.array([True, True, False]), np.ones(3, dtype=bool), loops=False)
    prior = np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=np.float32)
    expected = ["g0\tg1\t2\t0.5\t0", "g1\tg2\t0\t0.2\t0", "g0\tg2\t0\t0.1\t1", "g1\tg0\t0\t0.1\t0"]
    ranked = ranking.of_control(Estimate(score, score > 0, probability, candidates))
    for block, limit in itertools.product((1, 6, 100), (1, 2, 3, 4, 9)):
        monkeypatch.setattr(effects, "_BLOCK", block)
        monkeypatch.setattr(ranking, "LISTED", limit)
        ranking.write(tmp_path, ranked, problem_with(prior))
        lines = (tmp_path / "ranking.tsv").read_text().splitlines()
        assert lines == ["source\ttarget\tscore\tprobability\tin_prior", *expected[:limit]]


def test_a_control_without_more_to_say_ranks_all_pairs(tmp_path: Path) -> None:
    score = np.eye(3)
    ranking.write(tmp_path, ranking.of_control(Estimate(score, score > 0)), problem_with(np.zeros((3, 3))))
    lines = read(tmp_path / "ranking.tsv")
    assert [(line["source"], line["target"]) for line in lines[:4]] == [
        ("g0", "g0"), ("g1", "g1"), ("g2", "g2"), ("g0", "g1"),
    ]  # fmt: skip
    assert len(lines) == 9
    assert {line["probability"] for line in lines} == {""}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "pairs"),
    [(["pruner=dash"], 24 * 24), (EDGE, 24 * 23), (["pruner=l0"], 24 * 24), (["control=lasso"], 24 * 23),
     (["control=genie3"], 24 * 23), (["control=prior"], 24 * 24)],
)  # fmt: skip
def test_every_candidate_is_ranked_at_once_or_later_alike(
    small: list[str], tmp_path: Path, words: list[str], pairs: int
) -> None:
    row = run(small, *words)
    assert files(small) == []
    assert run(small, *words, "ranking=true") == row
    (path,) = files(small)
    before = path.stat().st_mtime_ns
    assert run(small, *words, "ranking=true") == row
    assert path.stat().st_mtime_ns == before
    lines = read(path)
    assert len({(line["source"], line["target"]) for line in lines}) == len(lines) == pairs
    at_once = [*small[:-1], f"outputs={tmp_path / 'at once'}"]
    again = run(at_once, *words, "ranking=true")
    assert again["id"] == row["id"]
    assert "ranking" not in again["config"]
    assert files(at_once)[0].read_bytes() == path.read_bytes()
    problem = check(compose([*small, *words])).problem()
    assert problem.truth is not None
    names = {name: k for k, name in enumerate(problem.genes)}
    truth = np.zeros((24, 24), dtype=bool)
    score = np.zeros((24, 24))
    for line in lines:
        place = names[line["source"]], names[line["target"]]
        truth[place], score[place] = problem.truth[place], float(line["score"])
        assert line["in_prior"] == str(int(problem.prior[place] != 0))
        assert (line["probability"] != "") == (words == EDGE)
    expected = row["auprc_probability" if words == EDGE else "auprc"]
    assert average_precision_score(problem.truth.toarray().ravel(), score.ravel()) == pytest.approx(expected, rel=1e-3)


def test_candidates_are_those_that_a_model_sees(small: list[str]) -> None:
    run(small, *EDGE, "model.candidates=prior", "ranking=true")
    problem = check(compose(small)).problem()
    sources = {problem.genes[k] for k in np.flatnonzero(np.diff(problem.prior.indptr))}
    lines = read(files(small)[0])
    assert {line["source"] for line in lines} == sources
    assert len(lines) == 23 * len(sources)


def test_a_strategy_that_gives_probabilities_ranks_by_them_what_it_cut_included(small: list[str]) -> None:
    row = run(small, *EDGE, "ranking=true")
    probability = [float(line["probability"]) for line in read(files(small)[0])]
    assert len(probability) > row["edges"] + 100
    assert probability == sorted(probability, reverse=True)


def test_forced_anew_an_old_ranking_goes(small: list[str]) -> None:
    run(small, "ranking=true")
    run(small, "force=true")
    assert files(small) == []


def test_no_edges_no_ranking(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(small, "control=persistence", "ranking=true")
    assert files(small) == []
    assert "ranking: the control names no edges, so " in capsys.readouterr().err


def test_a_run_of_other_code_is_not_ranked(small: list[str]) -> None:
    row = run(small, *EDGE)
    (folder,) = (path.parent for path in Path(small[-1].partition("=")[2]).rglob("result.json"))
    state = checkpoints.load(folder)
    assert state is not None
    state["pruner"]["renamed"] = state["pruner"].pop("log_odds")
    checkpoints.save(folder, state)
    with pytest.raises(
        DashpruneError, match=rf"{row['id']} was made by other code; to rank its pairs, run it again with"
    ):
        run(small, *EDGE, "ranking=true")


def test_no_matrix_of_all_pairs_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = 2000**2
    monkeypatch.setattr(effects, "_BLOCK", pairs // 100)
    model = sparse_phoenix(2000, hidden=20, density=0.04)
    pruner = check(compose(["pruner=none"])).pruner
    found: list[tuple[np.ndarray, ...]] = []
    assert peak(lambda: found.append(ranking.best(ranking.of_model(model, pruner), 10_000))) < 2 * pairs
    place, score, _ = found[0]
    assert len(np.unique(place)) == 10_000
    assert (np.diff(score) <= 0).all()
    assert math.isfinite(score[0])
