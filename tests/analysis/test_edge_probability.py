"""A probability per edge, on networks of three genes worked by hand and on runs that were written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashprune import compose
from dashprune.analysis import edge_probability
from dashprune.analysis.grouping import Kind
from dashprune.data.problem import Pairs
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError
from dashprune.runs import identity, results
from dashprune.runs.checked import check
from tests.conftest import SMALL

PRIOR = np.array([[1, 1, 0], [0, 0, -1], [0, 0, 0]], dtype=np.float32)  # A to A and B, B to C
TRUTH = np.array([[0, 1, 1], [0, 0, 0], [0, 0, 0]], dtype=bool)  # A to B and C
COLUMNS = ["source", "target", "effect", "probability"]
NETWORKS = [
    pd.DataFrame([["A", "B", 2.0, 0.9], ["A", "C", 1.0, 0.8], ["C", "B", -1.0, 0.6]], columns=COLUMNS),
    pd.DataFrame([["A", "C", 3.0, 0.6], ["A", "B", 1.0, 0.7], ["C", "B", 1.0, 0.6]], columns=COLUMNS),
]


def reference(evaluable: Pairs | None = None) -> edge_probability.Reference:
    return edge_probability.Reference(
        ("A", "B", "C"), sparse(PRIOR, np.float32), sparse(TRUTH, np.bool_), evaluable or Pairs.every(3)
    )


def test_probabilities_are_means_and_what_a_biologist_wants_comes_first() -> None:
    edges = edge_probability.agreement(NETWORKS, reference())
    assert edges.columns.tolist() == edge_probability.COLUMNS
    assert [tuple(line) for line in edges.itertuples(index=False)] == [
        # source, target, effect, sign, probability, in_prior, novel, contradicted, runs
        ("A", "C", 2.0, "+", 0.7, False, True, False, 2),
        ("C", "B", 0.0, "?", 0.6, False, True, False, 2),  # the runs disagree on its sign
        ("B", "C", 0.0, "?", 0.0, True, False, True, 0),
        ("A", "B", 1.5, "+", 0.8, True, False, False, 2),
        ("A", "A", 0.0, "?", 0.0, True, False, False, 0),  # its own decay explains it, too
    ]


def test_an_edge_that_a_run_cut_counts_as_0_there() -> None:
    edges = edge_probability.agreement([NETWORKS[0], NETWORKS[1].iloc[:1], NETWORKS[1].iloc[:0]], reference())
    found = edges.set_index(["source", "target"])
    assert found.loc[("A", "B"), ["effect", "probability", "runs"]].tolist() == pytest.approx([2 / 3, 0.3, 1])
    assert found.loc[("A", "C"), ["effect", "probability", "runs"]].tolist() == pytest.approx([4 / 3, 1.4 / 3, 2])
    assert found.loc[("C", "B"), "sign"] == "-"
    assert not edges["novel"].any()
    contradicted = edges[edges["contradicted"]]
    assert list(zip(contradicted["source"], contradicted["target"], strict=True)) == [("B", "C"), ("A", "B")]


def test_without_probabilities_the_share_of_runs_takes_their_place() -> None:
    networks = [network.drop(columns="probability") for network in (NETWORKS[0], NETWORKS[1].iloc[:1])]
    found = edge_probability.agreement(networks, reference()).set_index(["source", "target"])["probability"]
    assert found[("A", "C")] == 1
    assert found[("A", "B")] == found[("C", "B")] == 0.5


def test_calibration_counts_what_a_run_kept_and_the_gold_standard_can_judge() -> None:
    edges = edge_probability.agreement(NETWORKS, reference())
    found = edge_probability.calibration(edges, reference())
    assert found is not None
    assert [(own.pairs, own.real) for own in found.bins] == [(1, 0), (1, 1), (1, 1)]
    assert [own.probability for own in found.bins] == pytest.approx([0.6, 0.7, 0.8])
    assert (found.others, found.missed) == (6, 0)  # of 9 pairs
    regulators = Pairs(np.array([True, True, False]), np.ones(3, dtype=bool), loops=False)  # 4 pairs, none from C
    agreed = edge_probability.agreement([NETWORKS[0].iloc[:1]], reference())
    found = edge_probability.calibration(agreed, reference(regulators))
    assert found is not None
    assert [(own.pairs, own.real) for own in found.bins] == [(1, 1)]
    assert (found.others, found.missed) == (3, 1)
    assert edge_probability.calibration(edges, reference()._replace(truth=None)) is None


def test_a_gene_that_the_dataset_lacks_is_named() -> None:
    network = NETWORKS[0].assign(target=["B", "D", "B"])
    with pytest.raises(DashpruneError, match=r"names gene 'D', which its dataset lacks; run it again"):
        edge_probability.agreement([network], reference())


def stored(root: Path, *overrides: str, network: str = "source\ttarget\teffect\n", **changes: Any) -> Path:
    """The folder of a run with this configuration and network, as if it were done."""
    settings = check(compose([*SMALL, f"outputs={root}", *overrides]))
    data = settings.dataset.fingerprint()
    folder = identity.run_folder(settings.values, data, settings.names)
    folder.mkdir(parents=True)
    (folder / "network.tsv").write_text(network)
    row = {
        **dict(zip(("dataset", "model", "pruner"), settings.names, strict=True)),
        "seed": settings.run.seed, "id": folder.name, "edges": network.count("\n") - 1, "data": data,
        "config": settings.values,
    }  # fmt: skip
    results.write_result(folder, {**row, **changes})
    return folder


def test_runs_of_a_group_differ_only_in_seed_and_bootstrap_sample_and_share_a_network(tmp_path: Path) -> None:
    for sample in ("null", "2", "1"):
        stored(tmp_path, f"bootstrap={sample}")
    stored(tmp_path, "seed=1")  # another generated network
    for seed in (0, 1):  # another training on the network of seed 0
        stored(tmp_path, f"seed={seed}", "dataset.seed=0", "pruner.lambda_1=0.5")
    stored(tmp_path, "pruner=imp")
    for seed in (0, 1):
        stored(tmp_path, "control=prior", f"seed={seed}")
    found = edge_probability.find(tmp_path)
    assert found.alone == ["sim350 phoenix dash", "sim350 phoenix imp"]
    assert found.mistakes == []
    named = {title: (group.samples, stem.name) for group, title, stem in edge_probability.named(found.groups, tmp_path)}
    assert {title: samples for title, (samples, _) in named.items()} == {
        "sim350, phoenix, dash, pruner.lambda_1=0.75": "seed 0 with bootstrap null, 1, 2",
        "sim350, phoenix, dash, pruner.lambda_1=0.5": "seed 0, 1",
    }
    assert sorted(stem for _, stem in named.values()) == ["sim350.phoenix.dash.1", "sim350.phoenix.dash.2"]


def test_a_run_that_was_copied_counts_once(tmp_path: Path) -> None:
    for place in ("one", "two"):
        stored(tmp_path / place, "bootstrap=1")
    assert edge_probability.find(tmp_path).alone == ["sim350 phoenix dash"]


def test_other_data_than_those_of_the_runs_are_a_mistake(tmp_path: Path) -> None:
    for sample in (1, 2):
        stored(tmp_path, f"bootstrap={sample}", data="other")
    (mistake,) = edge_probability.find(tmp_path).mistakes
    assert mistake.startswith("sim350 phoenix dash: ")
    assert mistake.endswith("was made from other data than there are now; run it again")


def run(tmp_path: Path, network: str, **changes: Any) -> edge_probability.Run:
    folder = stored(tmp_path, network=network, **changes)
    row = results.load(folder)
    assert row is not None
    return edge_probability.Run(folder, row)


def test_names_of_genes_are_texts(tmp_path: Path) -> None:
    network = edge_probability.read(run(tmp_path, "source\ttarget\teffect\nNA\t7\t0.5\n"))
    assert network.to_dict("list") == {"source": ["NA"], "target": ["7"], "effect": [0.5]}


def test_a_network_must_be_there_in_full(tmp_path: Path) -> None:
    long = run(tmp_path, "source\ttarget\teffect\nA\tB\t0.5\n", edges=1234567)
    with pytest.raises(DashpruneError, match=r"network\.tsv lists 1 of 1,234,567 edges; .*, so prune more"):
        edge_probability.read(long)
    (long.folder / "network.tsv").unlink()
    with pytest.raises(DashpruneError, match=r"network\.tsv cannot be read \(.+\); run it again with force=true"):
        edge_probability.read(long)


def test_runs_with_and_without_probabilities_are_not_mixed(tmp_path: Path) -> None:
    networks = ["source\ttarget\teffect\nA\tB\t1\n", "source\ttarget\teffect\tprobability\nA\tB\t1\t0.5\n"]
    runs = [run(tmp_path / str(k), network) for k, network in enumerate(networks)]
    group = edge_probability.Group(Kind.of("dmp", {}), runs, reference())
    with pytest.raises(DashpruneError, match="some of its runs give no probabilities; run them again"):
        edge_probability.consensus(group, "d, m, p", tmp_path / "x")


def summary(
    networks: list[pd.DataFrame], own: bool, known: edge_probability.Reference, stem: Path
) -> edge_probability.Consensus:
    edges = edge_probability.agreement(networks, known)
    judged = edge_probability.calibration(edges, known)
    return edge_probability.Consensus("d, m, p", stem, "seed 0, 1", len(networks), own, edges, judged)


def test_the_summary_counts_lists_and_judges(tmp_path: Path) -> None:
    text = edge_probability.markdown(summary(NETWORKS, True, reference(), tmp_path / "x"))
    assert "2 runs: seed 0, 1. Probability: mean over runs of what the strategy gives, 0 where a run cut" in text
    assert "3 edges have a probability of 0.5 or more; 2 of them are novel (not in the prior)." in text
    assert "1 of the prior's 3 edges are contradicted (less than 0.5)." in text
    novel, contradicted = text.index("| A        | C        | +      | 0.700"), text.index("| B        | C        | ?")
    assert text.index("Novel edges") < novel < text.index("Contradicted edges") < contradicted
    assert (
        "Expected calibration error 0.367, over the 3 pairs that a run kept. Of the 6 other pairs 0 are real." in text
    )
    unknown = edge_probability.markdown(summary(NETWORKS, False, reference()._replace(truth=None), tmp_path / "x"))
    assert "Probability: share of the runs that kept the edge" in unknown
    assert "gold standard" not in unknown


def test_a_summary_of_nothing_has_no_tables(tmp_path: Path) -> None:
    empty = reference()._replace(prior=sparse(np.zeros((3, 3)), np.float32))
    text = edge_probability.markdown(summary([NETWORKS[0].iloc[:0]] * 2, False, empty, tmp_path / "x"))
    assert "0 edges have a probability" in text
    assert "|" not in text
    assert "none of the edges found can be judged" in text


def test_only_the_first_ten_are_shown(tmp_path: Path) -> None:
    genes = tuple(f"g{k}" for k in range(12))
    known = edge_probability.Reference(genes, sparse(np.zeros((12, 12)), np.float32), None, None)
    chain = [[genes[k], genes[k + 1], 1.0, 0.99 - k / 100] for k in range(11)]
    text = edge_probability.markdown(summary([pd.DataFrame(chain, columns=COLUMNS)], True, known, tmp_path / "x"))
    assert "the most probable first (10 of 11):" in text
    assert "g9 " in text
    assert "g11" not in text


def test_the_table_is_written_with_its_summary(tmp_path: Path) -> None:
    found = summary(NETWORKS, True, reference(), tmp_path / "edges" / "d.m.p.1")
    edge_probability.write(found)
    lines = (tmp_path / "edges" / "d.m.p.1.tsv").read_text().splitlines()
    assert lines[:2] == ["\t".join(edge_probability.COLUMNS), "A\tC\t2\t+\t0.7000\t0\t1\t0\t2"]
    assert len(lines) == 6
    assert (tmp_path / "edges" / "d.m.p.1.md").read_text() == edge_probability.markdown(found) + "\n"
    (tmp_path / "file").touch()
    with pytest.raises(DashpruneError, match=r"the edges cannot be written to '.*file'"):
        edge_probability.write(found._replace(stem=tmp_path / "file" / "x"))
