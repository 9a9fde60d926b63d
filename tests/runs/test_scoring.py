"""Scores of networks, block by block, against the dense ones."""

from __future__ import annotations

import functools
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from dashprune import compose, train_prune_eval
from dashprune.data.problem import Pairs, Problem
from dashprune.metrics import NOVEL, relative_effect
from dashprune.models import effects
from dashprune.models.base import VectorField
from dashprune.models.phoenix import Phoenix
from dashprune.runs import scoring
from dashprune.runs.checked import check


def run(small: list[str], *overrides: str) -> dict[str, Any]:
    return train_prune_eval(compose([*small, *overrides]))


def sparse_phoenix(genes: int, hidden: int, density: float) -> VectorField:
    model = Phoenix(genes, hidden, importance="abs", multiplier_rate=1.0, recovery=True)
    generator = torch.Generator().manual_seed(0)
    model.reset_parameters(generator)
    with torch.no_grad():
        for layer in model.layers():
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
            layer.weight.mul_(torch.rand(layer.weight.shape, generator=generator) < density)
    return model


def dense_scores(effect: np.ndarray, problem: Problem) -> dict[str, float]:
    assert problem.truth is not None
    truth, size = problem.truth.toarray().ravel(), np.abs(effect)
    accuracy = ((size.ravel() > 0)[truth].mean() + (size.ravel() == 0)[~truth].mean()) / 2
    novel = problem.prior.toarray().ravel() == 0
    first = np.argsort(-size.ravel()[novel])
    return {
        "edges": np.count_nonzero(effect),
        "out_degree": np.count_nonzero(effect) / len(effect),
        "balanced_accuracy": accuracy,
        "balanced_accuracy_all": accuracy,
        "auroc": roc_auc_score(truth, size.ravel()),
        "auprc": average_precision_score(truth, size.ravel()),
        "auroc_relative": roc_auc_score(truth, relative_effect(effect).ravel()),
        "auroc_novel": roc_auc_score(truth[novel], size.ravel()[novel]),
        "auprc_novel": average_precision_score(truth[novel], size.ravel()[novel]),
        **{f"precision_novel@{k}": truth[novel][first[:k]].mean() for k in (10, 100)},
    }


@pytest.mark.parametrize("block", [1, 100, 24 * 23, 24 * 24, 10**6])
def test_blocked_scores_and_edges_are_the_dense_ones(
    small: list[str], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "_BLOCK", block)
    problem, model = check(compose(small)).dataset.load(), sparse_phoenix(24, hidden=5, density=0.3)
    effect = model.effect_matrix().detach().numpy()
    edges, *strongest = effects.strongest(model, 10**6)
    found = scoring._network_scores(edges, functools.partial(scoring._scored, model), problem)
    assert found == pytest.approx(dense_scores(effect, problem))
    source, target = np.nonzero(effect)
    order = np.argsort(-np.abs(effect[source, target]), kind="stable")
    for part, expected in zip(strongest, (source, target, effect[source, target]), strict=True):
        np.testing.assert_allclose(part, expected[order], rtol=1e-5)
    for part, expected in zip(effects.strongest(model, 7)[1:], strongest, strict=True):
        np.testing.assert_array_equal(part, expected[:7])


def test_a_gold_standard_of_some_regulators_is_scored_on_them_and_on_all_pairs(small: list[str]) -> None:
    problem, model = check(compose(small)).dataset.load(), sparse_phoenix(24, hidden=5, density=0.3)
    assert problem.truth is not None
    sources = np.arange(24) < 9
    narrow = replace(problem, evaluable=Pairs(sources, np.ones(24, dtype=bool), loops=False))
    found = scoring._network_scores(0, functools.partial(scoring._scored, model), narrow)
    effect, truth = model.effect_matrix().detach().numpy() != 0, problem.truth.toarray()
    pairs = sources[:, None] & ~np.eye(24, dtype=bool)
    expected = (effect[pairs & truth].mean() + (~effect[pairs & ~truth]).mean()) / 2
    assert found["balanced_accuracy"] == pytest.approx(expected)
    whole = scoring._network_scores(0, functools.partial(scoring._scored, model), problem)
    assert found["balanced_accuracy_all"] == whole["balanced_accuracy"] != found["balanced_accuracy"]


def test_scores_of_what_is_new_are_none_where_they_mean_nothing(small: list[str]) -> None:
    problem, model = check(compose(small)).dataset.load(), sparse_phoenix(24, hidden=5, density=0.3)
    assert problem.truth is not None
    unknown = replace(problem, truth=None, evaluable=None)
    known = replace(problem, prior=problem.truth)
    for own in (unknown, known):
        found = scoring._network_scores(0, functools.partial(scoring._scored, model), own)
        assert [found[name] for name in NOVEL] == [None] * 4
    assert found["auprc"] > 0


def test_equally_strong_edges_are_listed_by_source_then_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "_BLOCK", 10)
    effect = np.zeros((5, 5), dtype=np.float32)
    effect[[0, 3, 4, 1, 1], [4, 1, 0, 3, 0]] = [1, -1, 1, 1, 2]
    monkeypatch.setattr(effects, "effects_on", lambda model, targets: effect[:, targets])
    for limit in range(1, 7):
        edges, source, target, sizes = effects.strongest(sparse_phoenix(5, 1, 1), limit)
        assert edges == 5
        expected = [(1, 0, 2), (0, 4, 1), (1, 3, 1), (3, 1, -1), (4, 0, 1)][:limit]
        assert list(zip(source, target, sizes, strict=True)) == expected


def test_only_the_strongest_edges_are_listed_but_all_are_counted(
    small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed() -> list[str]:
        (path,) = Path(small[-1].partition("=")[2]).rglob("network.tsv")
        return path.read_text().splitlines()

    row = run(small)
    everything = listed()
    monkeypatch.setattr(scoring, "LISTED", 10)
    assert run(small, "force=true")["edges"] == row["edges"] == len(everything) - 1 > 10
    assert listed() == everything[:11]


def peak(work: Callable[[], object]) -> int:
    """Most bytes that NumPy and Python held during `work`."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_no_matrix_of_all_pairs_is_held(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """2000 genes: loading, listing and scoring take less than even one byte per pair of genes."""
    pairs = 2000**2
    monkeypatch.setattr(effects, "_BLOCK", pairs // 100)
    options = ["dataset.genes=2000", "dataset.inputs=400", "dataset.edges=3200", "dataset.train=2"]
    dataset = check(compose([*small, *options])).dataset
    problems: list[Problem] = []
    assert peak(lambda: problems.append(dataset.load())) < pairs
    model = sparse_phoenix(2000, hidden=20, density=0.04)
    network = functools.partial(scoring._scored, model)
    assert peak(lambda: scoring._network_scores(0, network, problems[0])) < pairs
    assert peak(lambda: effects.strongest(model, 10_000)) < pairs


def test_where_nothing_changes_there_is_no_error_relative_to_no_change(example: Problem) -> None:
    still = replace(example.test, expression=np.ones_like(example.test.expression))
    found = scoring._beside_persistence(0.5, replace(example, test=still))
    assert (found["mse"], found["mse_persistence"], found["mse_relative"]) == (0.5, 0.0, None)
