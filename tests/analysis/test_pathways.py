"""Influence and the permutation test, with arithmetic by hand."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from dashprune import compose, train_prune_eval
from dashprune.analysis import pathways
from dashprune.analysis.pathways import Influence, Rules, enrichment, influence, mean_influence, select, strategies
from dashprune.data.gene_sets import GeneSet
from dashprune.errors import DashpruneError
from dashprune.models import effects
from dashprune.runs.finished import reported
from tests.conftest import SMALL

QUICK = Rules(smallest=1, permutations=2000)


def sets_of(*members: str) -> list[GeneSet]:
    """Sets "0", "1" and so on, of genes that are single letters."""
    return [GeneSet(str(k), "", tuple(genes)) for k, genes in enumerate(members)]


def result(scores: list[float] | np.ndarray, sets: list[GeneSet], rules: Rules = QUICK) -> pd.DataFrame:
    """The test for genes "a", "b" and so on, by pathway; in the prior, influence is the other way round."""
    genes = tuple(chr(ord("a") + k) for k in range(len(scores)))
    found = Influence(genes, np.array(scores), np.array(scores)[::-1])
    return enrichment(found, select(sets, genes, rules), rules).set_index("pathway")


# --- influence -------------------------------------------------------------------------------------------------------

EFFECT = np.array([[0, 2, -1], [0, 0, 0], [0, 0, 3]], dtype=np.float32)
"""0 alone regulates 1; of the regulation of 2, a quarter is 0's and the rest its own (METHODS section 6)."""


@pytest.mark.parametrize("pairs", [3, 2**23])
def test_influence_is_the_share_of_the_regulation_of_others(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks of one target, too."""
    monkeypatch.setattr(effects, "_BLOCK", pairs)
    assert influence(lambda targets: EFFECT[:, targets], 3).tolist() == [1.25, 0, 0]


def test_the_scale_of_a_target_and_signs_do_not_matter() -> None:
    scaled = EFFECT * np.array([1, -100, 0.01], dtype=np.float32)
    assert influence(lambda targets: scaled[:, targets], 3) == pytest.approx([1.25, 0, 0])


# --- selection -------------------------------------------------------------------------------------------------------


def test_unknown_and_repeated_genes_count_for_nothing() -> None:
    selection = select(sets_of("abb?!", "cd"), "abcdef", QUICK)
    assert selection.table["genes"].tolist() == [2, 2]
    assert selection.table.set_index("pathway")["listed"].to_dict() == {"0": 5, "1": 2}
    assert selection.background.tolist() == [0, 1, 2, 3]
    assert selection.members.sum() == 4
    everything = select(sets_of("abb?!", "cd"), "abcdef", Rules(smallest=1, background="all"))
    assert everything.background.tolist() == [0, 1, 2, 3, 4, 5]


def test_sizes_and_sets_that_are_alike() -> None:
    """Of sets with the same genes the one that lists fewest is tested; the text counts what was left out."""
    selection = select(sets_of("abx", "ba", "abc", "a", "", "abcde"), "abcdef", Rules(smallest=2, largest=4))
    assert selection.table.values.tolist() == [["1", 2, 2, "0"], ["2", 3, 3, ""]]
    assert selection.members.toarray().tolist() == [[1, 1, 0, 0, 0], [1, 1, 1, 0, 0]]
    assert selection.text == (
        "5 of 6 genes are in some set; 2 of 6 sets are tested; left out: 2 with fewer than 2 of these genes, 1 with "
        "more than 4, 1 with the same genes as another, or all of them"
    )


def test_a_gene_of_several_names_is_found_by_each() -> None:
    """But a name that is a gene by itself means that gene."""
    genes = ["A /// B", "B", "C"]
    sets = [GeneSet("one", "", ("A",)), GeneSet("two", "", ("B", "C")), GeneSet("both", "", ("A", "A /// B", "C"))]
    selection = select(sets, genes, QUICK)
    members = dict(zip(selection.table["pathway"], selection.members.toarray().tolist(), strict=True))
    assert members == {"one": [1, 0, 0], "two": [0, 1, 1], "both": [1, 0, 1]}


@pytest.mark.parametrize(
    ("sets", "rules", "said"),
    [
        (
            sets_of("", "XY"),
            Rules(),
            "none of the network's 6 genes, such as 'a', is in a gene set; these have genes such",
        ),
        (sets_of("ab", "cd"), Rules(), "none of 2 gene sets has 5 to 500 of the network's genes and leaves others"),
        (sets_of("abcdef"), Rules(), "none of 1 gene sets has 5 to 500 .* --max-size or --background"),
    ],
)
def test_nothing_to_test_is_one_clear_line(sets: list[GeneSet], rules: Rules, said: str) -> None:
    with pytest.raises(DashpruneError, match=said):
        select(sets, "abcdef", rules)


def test_sizes_must_be_a_range() -> None:
    with pytest.raises(DashpruneError, match="sizes of gene sets: 6 to 5 is no range"):
        Rules(smallest=6, largest=5)


# --- the test --------------------------------------------------------------------------------------------------------


def test_z_by_hand() -> None:
    """Scores 0 to 4: mean 2, σ² = 2. Pairs have the variance 2/2 · 3/4, so {3, 4} has z = 1.5 / √0.75 = √3.

    One in ten pairs is as good as {3, 4}, and of sets of one, two in five as good as {3}, with z = 1 / √2.
    """
    table = result([0, 1, 2, 3, 4], sets_of("de", "d", "abc"), Rules(smallest=1, permutations=20_000))
    assert table["influence"].to_dict() == {"0": 3.5, "1": 3, "2": 1}
    assert table["z"].to_dict() == pytest.approx({"0": 3**0.5, "1": 0.5**0.5, "2": -(3**0.5)})
    assert table["z_prior"].to_dict() == pytest.approx({"0": -(3**0.5), "1": -(0.5**0.5), "2": 3**0.5})
    assert table["p"].to_dict() == pytest.approx({"0": 0.1, "1": 0.4, "2": 1}, abs=0.015)
    assert table["p_normal"]["0"] == pytest.approx(0.041632, abs=1e-6)
    assert list(table.index) == ["0", "1", "2"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 20), min_size=4, max_size=7), st.integers(1, 3))
def test_z_over_all_sets_of_a_size_has_mean_0_and_variance_1(scores: list[int], size: int) -> None:
    """Which is what an exact z means; where all scores are the same it is 0."""
    members = ["".join(chosen) for chosen in itertools.combinations("abcdefg"[: len(scores)], size)]
    z = result([float(score) for score in scores], sets_of(*members), Rules(smallest=1, permutations=800))["z"]
    assert z.mean() == pytest.approx(0, abs=1e-9)
    assert z.var(ddof=0) == pytest.approx(0 if len(set(scores)) == 1 else 1)


def test_p_is_the_share_of_random_sets_that_do_as_well() -> None:
    """All 56 sets of three of eight genes, ties and skew included: p within five standard errors of the exact one."""
    scores = np.array([0, 0, 0, 0.1, 0.1, 0.3, 1, 7])
    chosen = list(itertools.combinations(range(8), 3))
    sums = np.array([scores[list(one)].sum() for one in chosen])
    exact = (sums[:, None] <= sums + 1e-12).mean(axis=1)
    table = result(scores, sets_of(*("".join("abcdefgh"[k] for k in one) for one in chosen)))
    found = table["p"][[str(k) for k in range(len(chosen))]].to_numpy()
    assert (np.abs(found - exact) < 5 * np.sqrt(exact * (1 - exact) / 2000) + 1 / 2000).all()


@pytest.mark.parametrize("permutations", [100, 1024, 1500])
@pytest.mark.parametrize("score", [1.0, 0.1])
def test_the_same_influence_everywhere_says_nothing(permutations: int, score: float) -> None:
    """Every random set does as well, whatever the rounding, and exactly N are counted."""
    table = result([score] * 7, sets_of("abc", "de", "f"), Rules(smallest=1, permutations=permutations))
    assert table["z"].tolist() == [0, 0, 0]
    assert table["p"].tolist() == [1, 1, 1]
    assert not table["significant"].any()


def test_p_of_random_sets_is_uniform() -> None:
    generator = np.random.default_rng(0)
    genes = [f"g{k}" for k in range(200)]
    sizes = generator.integers(5, 20, 200)
    sets = [GeneSet(str(k), "", tuple(generator.choice(genes, m, replace=False))) for k, m in enumerate(sizes)]
    rules = Rules(permutations=4096, background="all")
    found = Influence(tuple(genes), generator.exponential(size=200), np.ones(200))
    table = enrichment(found, select(sets, genes, rules), rules)
    assert not table["z_prior"].any()
    assert kstest(table["p"], "uniform").pvalue > 0.05
    assert abs(table["z"].mean()) < 0.25
    assert 0.8 < table["z"].std() < 1.2


def test_adjustment_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """0, 1 and 5 of 99: p = 0.01, 0.02, 0.06; times 3; and after Benjamini and Hochberg 3/1, 3/2 and 3/3 times.

    Of the four genes in sets, 5, 4, 3 and 2, the mean is 3.5 and σ² 1.25, so that z of {5, 4} is 1 / √(1.25/2 · 2/3).
    """
    monkeypatch.setattr(pathways, "_reached", lambda *_: np.array([0, 1, 5]))
    table = result([5, 4, 3, 2, 1, 0], sets_of("ab", "bc", "cd"), Rules(smallest=1, permutations=99))
    assert table["p"].tolist() == pytest.approx([0.01, 0.02, 0.06])
    assert table["bonferroni"].tolist() == pytest.approx([0.03, 0.06, 0.18])
    assert table["bh"].tolist() == pytest.approx([0.03, 0.03, 0.06])
    assert table["significant"].tolist() == [True, False, False]
    assert pathways.markdown(table.reset_index(), 2).splitlines()[2:] == [
        "| 0         | 2       | 1.55 * | -1.55     | 0.01 | 0.03         | 0.03 |",
        "| 1         | 2       | 0.00   | 0.00      | 0.02 | 0.06         | 0.03 |",
    ]
    assert list(pathways.top(table.reset_index(), 1)["pathway"]) == ["0"]


def test_permutations_follow_the_seed() -> None:
    sets = sets_of("abc", "cdef", "fg")
    scores = [0.0, 1, 5, 2, 8, 1, 1]
    first, again, other = (
        result(scores, sets, Rules(smallest=1, permutations=500, seed=seed)).drop(columns="p_normal")
        for seed in (0, 0, 1)
    )
    assert first.equals(again)
    assert first["z"].equals(other["z"])
    assert not first["p"].equals(other["p"])


def test_too_few_permutations_are_refused() -> None:
    """Of two sets none is significant unless p can fall below 0.025: 1/40 does not, 1/41 does."""
    sets = sets_of("ab", "bc")
    with pytest.raises(DashpruneError, match=r"39 permutations are too few for 2 gene sets.*use --permutations 40 or"):
        result([1, 2, 3, 4], sets, Rules(smallest=1, permutations=39))
    assert len(result([1, 2, 3, 4], sets, Rules(smallest=1, permutations=40))) == 2


# --- runs ------------------------------------------------------------------------------------------------------------


def trained(folder: Path, *words: str) -> Path:
    train_prune_eval(compose([*SMALL, "train.epochs=3", f"outputs={folder}", *words]))
    return next(path.parent for path in folder.rglob("result.json"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two finished runs that differ in their seeds."""
    return [trained(tmp_path_factory.mktemp(f"seed{seed}"), f"seed={seed}") for seed in (0, 1)]


def test_influence_of_runs_is_averaged(runs: list[Path]) -> None:
    singles, mean = [mean_influence([run]) for run in runs], mean_influence(runs)
    assert mean.genes == singles[0].genes
    assert len(mean.genes) == 24
    np.testing.assert_allclose(mean.scores, (singles[0].scores + singles[1].scores) / 2)
    assert not np.allclose(singles[0].scores, singles[1].scores)
    assert 0 < singles[0].scores.sum() <= 24


def test_influence_in_the_prior(runs: list[Path]) -> None:
    """Every edge of n on the same target has 1/n."""
    prior = np.abs(reported(runs[0])[0].prior.toarray())
    np.fill_diagonal(prior, 0)
    expected = (prior / np.maximum(prior.sum(axis=0), 1)).sum(axis=1)
    np.testing.assert_allclose(mean_influence(runs[:1]).prior, expected)


def test_strategies(runs: list[Path]) -> None:
    """The first eight genes against the rest: the sets' shares of all influence add up, and z is that of their mean."""
    genes, scores, _ = mean_influence(runs)
    sets = [GeneSet("first", "", genes[:8]), GeneSet("rest", "", genes[8:])]
    tables = strategies({"both": runs, "one": runs[:1]}, sets, Rules(permutations=100))
    assert list(tables) == ["both", "one"]
    both = tables["both"].set_index("pathway")
    assert 8 * both["influence"]["first"] + 16 * both["influence"]["rest"] == pytest.approx(scores.sum())
    z = (scores[:8].mean() - scores.mean()) / np.sqrt(scores.var() / 8 * 16 / 23)
    assert both["z"]["first"] == pytest.approx(z)
    assert both["z"]["rest"] == pytest.approx(-z)


def test_runs_of_other_genes_are_refused(runs: list[Path], tmp_path: Path) -> None:
    other = trained(tmp_path, "dataset.genes=25")
    with pytest.raises(DashpruneError, match=r"has other genes than .*; average over runs on the same dataset only"):
        mean_influence([runs[0], other])


def test_a_network_without_edges_is_one_clear_line(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pathways, "effects_on", lambda model, targets: np.eye(24)[:, targets])
    with pytest.raises(DashpruneError, match=r"the network has no edge between two genes, so that no gene has any"):
        mean_influence(runs)
