"""E. coli: sizes as published, replicates as samples, missing time points, operons, genes by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashprune import compose
from dashprune.data import ecoli
from dashprune.data.ecoli import Ecoli
from dashprune.data.published import manifest
from dashprune.data.published.locate import upstream_file
from dashprune.errors import DashpruneError
from dashprune.runs.checked import check

WHOLE = Ecoli(
    conditions=("cold", "heat"), genes="gold", prior="gold", prior_holdout=None, prior_holdout_by="edges",
    validation=1, test=1, seed=0,
)  # fmt: skip
GENES = 1034
"""Of the gold standard, that were measured."""

pytestmark = pytest.mark.usefixtures("mirror")


def test_counts() -> None:
    """Six replicates of eight points. 135 of the 141 regulators and 1,034 of the 1,081 targets were measured."""
    problem = WHOLE.load()
    assert len(problem.genes) == GENES
    assert problem.train.expression.shape == (4, 8, GENES)
    assert problem.test.times.tolist() == problem.validation.times.tolist() == [list(range(1, 9))]
    assert problem.truth is not None
    assert problem.evaluable is not None
    assert problem.truth.nnz == problem.prior.nnz == 1986
    assert (problem.evaluable.sources.sum(), problem.evaluable.targets.sum()) == (135, GENES)
    assert problem.evaluable.block(slice(None)).sum() == 135 * (GENES - 1)


def test_the_gold_standard_lists_every_regulator_with_every_target() -> None:
    """141 x 1,080 pairs, 2,066 of them edges, no loops; so a product of sources and targets holds what is scored."""
    gold = ecoli._gold()
    assert (len(gold), gold["value"].sum()) == (141 * 1080, 2066)
    assert (gold["source"].nunique(), gold["target"].nunique()) == (141, 1081)
    assert set(gold["source"]) <= set(gold["target"])
    assert not gold.duplicated(["source", "target"]).any()
    assert (gold["source"] != gold["target"]).all()


def test_all_measured_genes() -> None:
    """The gold standard says nothing about the others: neither edges nor pairs."""
    problem = replace(WHOLE, genes="all").load()
    assert len(problem.genes) == 3959
    assert problem.truth is not None
    assert problem.evaluable is not None
    assert problem.truth.nnz == 1986
    assert (problem.evaluable.sources.sum(), problem.evaluable.targets.sum()) == (135, GENES)


def test_genes_have_names() -> None:
    """G55 is crp, which regulates lacZ; decoys and the like keep their numbers."""
    problem = WHOLE.load()
    assert problem.truth is not None
    assert problem.truth[problem.genes.index("crp"), problem.genes.index("lacZ")]
    assert not any(gene[1:].isdigit() for gene in problem.genes)


def test_expression_is_scaled_log_intensity() -> None:
    """Each gene's training values go from 0 to 1; all samples are the same function of log2(intensity + 32)."""
    problem = WHOLE.load()
    low, high = problem.train.expression.min(axis=(0, 1)), problem.train.expression.max(axis=(0, 1))
    np.testing.assert_allclose(low, 0, atol=1e-6)
    np.testing.assert_allclose(high, 1, atol=1e-6)
    gene, measured = problem.genes.index("crp"), []
    for path in WHOLE._files():
        measured += pd.read_csv(path, sep="\t")["G55"].to_numpy().reshape(3, 8).tolist()
    logs = np.log2(np.array(measured) + 32)
    for part in (problem.train, problem.validation, problem.test):
        for series in part.expression[:, :, gene]:
            slopes = [np.polyfit(row, series, 1, full=True) for row in logs]
            assert min(float(residual[1].sum()) for residual in slopes) < 1e-8


@pytest.mark.slow
def test_samples_of_a_seed() -> None:
    drawn = {replace(WHOLE, seed=seed).load().test.expression.tobytes() for seed in range(3)}
    assert len(drawn) > 1
    with pytest.raises(DashpruneError, match=r"dataset.validation=3 and dataset.test=3 leave none of 6 series"):
        replace(WHOLE, validation=3, test=3).load()


def test_without_a_prior_and_with_all_samples() -> None:
    problem = replace(WHOLE, prior=None, validation=None, test=None).load()
    assert len(problem.train.times) == 6
    assert problem.validation.empty
    assert problem.test.empty
    assert not problem.has_prior


def test_operons_are_neighbours_on_the_chromosome() -> None:
    """322 blocks among the 1,034 measured targets, as counted beforehand; lacI to lacA, b0345 to b0342, are in one."""
    genes = WHOLE.load().genes
    operon = ecoli._operons(genes, np.ones(GENES, dtype=bool))
    assert len(np.unique(operon)) == 322
    assert len({operon[genes.index(gene)] for gene in ("lacZ", "lacY", "lacA", "lacI")}) == 1
    assert operon[genes.index("lacZ")] != operon[genes.index("crp")]
    assert ecoli._places()["lacZ"] == 344
    assert set(genes) <= set(ecoli._places())


def test_a_gene_that_is_not_listed_links_nothing() -> None:
    """lacY lies between lacA and lacZ (b0342, b0343, b0344), which are 2 apart; lacI is b0345."""
    genes = ("lacI", "lacZ", "lacY", "lacA", "unknown")
    assert len(set(ecoli._operons(genes, np.array([True, True, True, True, True]))[:4])) == 1
    apart = ecoli._operons(genes, np.array([True, False, False, True, True]))
    assert len(set(apart)) == 5


def test_held_out_edges_and_operons() -> None:
    """Half of 1,986 edges; by operons, no gene of an operon that lost an edge keeps one."""
    by_edges = replace(WHOLE, prior_holdout=0.5).load()
    by_genes = replace(WHOLE, prior_holdout=0.5, prior_holdout_by="genes").load()
    assert by_edges.prior.nnz == 993
    assert abs(by_genes.prior.nnz - 993) < 60
    assert by_genes.truth is not None
    lost = sorted(set((by_genes.truth > by_genes.prior).nonzero()[1].tolist()))
    operon = ecoli._operons(by_genes.genes, np.ones(GENES, dtype=bool))
    same = np.flatnonzero(np.isin(operon, operon[lost]))
    assert by_genes.prior[:, same].nnz == 0
    shared = np.isin(operon, operon[sorted(set((by_edges.truth > by_edges.prior).nonzero()[1].tolist()))])  # type: ignore[operator]
    assert by_edges.prior[:, np.flatnonzero(shared)].nnz > 0


def test_missing_time_points_and_a_misspelt_header(copied: Callable[..., Path]) -> None:
    """A condition as lactose is: replicates of 8, 7 and 8 points, one without its third."""
    copied(*WHOLE._files(), *(upstream_file(relative) for relative in (ecoli._GOLD, ecoli._NAMES, ecoli._MAP)))
    path = WHOLE._files()[0]
    lines = path.read_text().replace("time_points", "time_ponits").splitlines()
    path.write_text("\n".join([*lines[:11], *lines[12:]]))
    _genes, samples = ecoli._samples([path])
    assert samples.times[1, :7].tolist() == [1, 2, 4, 5, 6, 7, 8]
    assert np.isnan(samples.times[1, 7])
    assert samples.times[[0, 2]].tolist() == [list(range(1, 9))] * 2
    assert replace(WHOLE, conditions=("cold",)).load().train.times.shape[0] == 1


def test_damaged_files_are_refused(copied: Callable[..., Path]) -> None:
    copied(*WHOLE._files(), *(upstream_file(relative) for relative in (ecoli._GOLD, ecoli._NAMES, ecoli._MAP)))
    _cold, heat = WHOLE._files()
    before = WHOLE.fingerprint()
    text = heat.read_text()
    heat.write_text(text.replace("G2468\t", "G9999\t", 1))
    assert WHOLE.fingerprint() != before
    with pytest.raises(DashpruneError, match=r"heatstress.txt has other genes than .*coldstress.txt"):
        WHOLE.load()
    first, second, *others = text.splitlines()
    heat.write_text("\n".join([first, "1\t-7" + second[second.index("\t", 2) :], *others]))
    with pytest.raises(DashpruneError, match=r"has an intensity of -7; none may be negative"):
        WHOLE.load()
    heat.write_text(text)
    genes = upstream_file(ecoli._MAP)
    genes.write_text("ID\tORF\n")
    with pytest.raises(DashpruneError, match=r"gene_map.txt: row 1 must name ORF and synonym in columns 3 and 4"):
        WHOLE.load()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("dataset.conditions=[cold,hot]", "'hot' is not allowed; input should be 'cold', 'heat', 'lactose'"),
        ("dataset.conditions=[]", "at least 1 item"),
        ("dataset.conditions=[cold,cold]", "name each condition once"),
        ("dataset.genes=some", "'some' is not allowed"),
        ("dataset.prior_holdout=1", "dataset.prior_holdout: 1 is not allowed; input should be less than 1"),
        ("dataset.prior_holdout_by=operons", "input should be 'edges' or 'genes'"),
        ("dataset.prior_hold=0.5", "there is no key 'prior_hold' under dataset; did you mean 'prior_holdout'?"),
    ],
)
def test_a_mistake_is_one_line(override: str, said: str) -> None:
    with pytest.raises(DashpruneError) as caught:
        check(compose(["dataset=ecoli", override]))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_conditions_that_are_not_here_are_named(copied: Callable[..., Path]) -> None:
    copied(*WHOLE._files(), *(upstream_file(relative) for relative in (ecoli._GOLD, ecoli._NAMES, ecoli._MAP)))
    with pytest.raises(DashpruneError, match=r"Ecoli/lactose.txt is missing"):
        replace(WHOLE, conditions=("cold", "lactose")).fingerprint()


def test_all_four_conditions_can_be_fetched() -> None:
    without = [entry.without for entry in manifest.files_of("ecoli")]
    assert [line for line in without if line.startswith("condition")] == [
        f"condition {name} of dataset=ecoli" for name in ("cold", "heat", "lactose", "oxidative")
    ]
