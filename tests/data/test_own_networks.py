"""Networks in the forms that people have: what is an edge, its direction, sign and weight; and what was said of it."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashprune.data.own.networks import Network, read_network
from dashprune.errors import DashpruneError
from tests.data.test_custom import folder, load, refused

assert folder  # the current folder, with a good expression.csv and prior.csv

GENES = ["G0", "G1", "G2", "G3"]


def read(name: str, content: str | bytes, genes: list[str] = GENES, **columns: str) -> Network:
    path = Path(name)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_network(path, genes, "expression.csv", columns=columns)


def edges(network: Network, genes: list[str] = GENES) -> dict[str, float]:
    """Weight by "source target"."""
    found = network.matrix.tocoo()
    listed = zip(found.row, found.col, found.data, strict=True)
    return {f"{genes[i]} {genes[j]}": round(float(value), 6) for i, j, value in listed}


def refused_to_read(name: str, content: str, **columns: str) -> str:
    with pytest.raises(DashpruneError) as caught:
        read(name, content, **columns)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected", "told"),
    [
        ("to,from\nG1,G0\nG2,G1\n", {"G0 G1": 1, "G1 G2": 1}, "source 'from', target 'to'"),
        ("tf\tgene\tscore\nG0\tG1\t1\nG0\tG2\t0\n", {"G0 G1": 1}, "weight 'score'; 1 pairs of weight 0 are no edges"),
        (
            "Gene1,Gene2,Type\nG0,G1,+\nG1,G2,-\nG1,G2,-\n",
            {"G0 G1": 1, "G1 G2": -1},
            "sign 'Type'; 1 rows list a pair again, which counts once",
        ),
        ("source,target,weight,sign\nG0,G1,0.9,-1\nG1,G2,0.5,1\n", {"G0 G1": -0.9, "G1 G2": 0.5}, "sign 'sign'"),
        ("regulator,target_gene,mor\nG0,G1,-1\nG1,G2,1\n", {"G0 G1": -1, "G1 G2": 1}, "sign 'mor'"),
        ("TF,target,mor\nG0,G1,-0.5\n", {"G0 G1": -0.5}, "sign 'mor'"),
        ("source,confidence,target,weight\nG0,A,G1,1\nG1,D,G2,-1\n", {"G0 G1": 1, "G1 G2": -0.4}, "confidence"),
        (
            "source,confidence,target,weight\nG0,A,G1,1\nG1,D,G2,-0.25\n",
            {"G0 G1": 1, "G1 G2": -0.25},
            "of 'weight' and 'confidence' the former counts",
        ),
        ("Regulator,Gene,Effect\nG0,G1,activator\nG1,G2,Repressor\n", {"G0 G1": 1, "G1 G2": -1}, "sign 'Effect'"),
        (
            "protein1 protein2 combined_score\nG0 G1 900\nG1 G2 150\n",
            {"G0 G1": 0.9, "G1 G2": 0.15},
            "scores were divided by 1,000",
        ),
        (
            "source\ttarget\tsource_genesymbol\ttarget_genesymbol\tis_stimulation\tis_inhibition\nP1\tP2\tG0\tG1\t0\t1\n"
            "P2\tP3\tG1\tG2\tTrue\tFalse\nP2\tP3\tG1\tG3\t1\t1\n",
            {"G0 G1": -1, "G1 G2": 1, "G1 G3": 1},
            "sign 'is_stimulation' and 'is_inhibition', ignored 'source', 'target'; 1 edges have no sign",
        ),
        ("# a remark\n#from\tto\nG0\tG1\n", {"G0 G1": 1}, "source 'from'"),
        ("source,target,pvalue\nG0,G1,0.001\n", {"G0 G1": 1}, "ignored 'pvalue'"),
        ("a;b\nG0;G1\n", {"G0 G1": 1}, "source 'a', target 'b'"),
        ('"source","target"\r\n"G0","G1"\r\n', {"G0 G1": 1}, "source 'source'"),
        ("source;target;weight\nG0;G1;0,5\nG1;G2;1\n", {"G0 G1": 0.5, "G1 G2": 1}, "weight 'weight'"),
        ("Gene1\tGene2\tEdgeWeight\nG0\tG1\t0.3\n", {"G0 G1": 0.3}, "weight 'EdgeWeight'"),
        (
            "source,target,seen\nG0,G1,1\nG0,G2,0\n",
            {"G0 G1": 1, "G0 G2": 1},
            "if 0 in 'seen' means that there is no edge, set dataset.prior_columns={weight: seen}",
        ),
    ],
)
def test_columns_are_known_by_their_names(content: str, expected: dict[str, float], told: str) -> None:
    found = read("prior.csv", content)
    assert edges(found) == expected
    assert told in found.report


@pytest.mark.parametrize(
    ("content", "expected", "told"),
    [
        (
            "G0\tG1\tActivation\t101;102\nG0\tG2\tRepression\t103\nG1\tG2\tUnknown\t104\nX\tG3\tActivation\t105\n",
            {"G0 G1": 1, "G0 G2": -1, "G1 G2": 1},
            "target 'column 2', sign 'column 3', ignored 'column 4'; 1 edges have no sign, and count as +",
        ),
        ("X\tY\tActivation\t9\nG0\tG1\tRepression\t103\n", {"G0 G1": -1}, "kept 1 of 2 edges"),
        ("X\tY\t1.0\nG0\tG1\t1.0\nG0\tG2\t0.0\n", {"G0 G1": 1}, "weight 'column 3'; 1 pairs of weight 0 are no edges"),
        ("G0 G1\nG1 G2\n", {"G0 G1": 1, "G1 G2": 1}, "no header"),
        ("G0 activates G1\nG1 inhibits G2\n", {"G0 G1": 1, "G1 G2": -1}, "target 'column 3', sign 'column 2'"),
        ("G0,G1,+\nG1,G2,-\n", {"G0 G1": 1, "G1 G2": -1}, "sign 'column 3'"),
        ("G0,G1,0.5\nG1,G2,-0.25\n", {"G0 G1": 0.5, "G1 G2": -0.25}, "weight 'column 3'"),
        ("G0\tG1\t0,5\nG1\tG2\t-0,25\n", {"G0 G1": 0.5, "G1 G2": -0.25}, "weight 'column 3'"),
        ("# version;1.234\nG0;G1;0,5\nG1;G2;-0,25\n", {"G0 G1": 0.5, "G1 G2": -0.25}, "weight 'column 3'"),
        ('"G0",G1\n"2,3-BPG",G2\nG1,G2\n', {"G0 G1": 1, "G1 G2": 1}, "no header"),
        ("G0;G1;0,5\nG1;G2;-0,25\n", {"G0 G1": 0.5, "G1 G2": -0.25}, "weight 'column 3'"),
        (";G1;G2\nG0;0,5;0\nG1;0;-0,25\n", {"G0 G1": 0.5, "G1 G2": -0.25}, "a matrix of 2 rows and 2 columns"),
    ],
)
def test_lists_without_a_header(content: str, expected: dict[str, float], told: str) -> None:
    found = read("prior.tsv", content)
    assert edges(found) == expected
    assert told in found.report


def test_columns_that_the_user_names() -> None:
    content = "A,B,how,weight,much\nG1,G0,rep,7,0.5\n"
    found = read("prior.csv", content, source="B", target="A", sign="how", confidence="much")
    assert edges(found) == {"G0 G1": -0.5}
    assert "ignored 'weight'" in found.report
    content = "source,target,A\nG1,G0,0.5\n"
    assert edges(read("prior.csv", content, weight="A")) == {"G1 G0": 0.5}
    assert refused_to_read("prior.csv", content, weight="a") == (
        "dataset.prior_columns: prior.csv has no column 'a'; did you mean 'A'?"
    )
    assert refused_to_read("prior.csv", "A,B\nG0,G1\n", source="A") == (
        "dataset.prior_columns: name the target, too, such as dataset.prior_columns={source: COLUMN, target: COLUMN}"
    )


def test_columns_by_the_command_line() -> None:
    Path("prior.csv").write_text("A,B,C\nTP53,MDM2,-\n")
    assert load(prior_columns="{source: B, target: A, sign: C}").prior.toarray()[1, 0] == -1
    said = refused(prior_columns="{source: B, taget: A}")
    assert "a network has no 'taget'; did you mean 'target'?" in said
    assert "dataset.prior_columns" in said


def test_a_table_that_is_neither_list_nor_matrix() -> None:
    said = refused_to_read("prior.csv", "A,B,C,D\nG0,G1,x,y\n")
    assert said == (
        "prior.csv is neither a matrix of numbers nor a list with columns source and target; say what its columns are, "
        "such as dataset.prior_columns={source: 'A', target: 'B'}"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("source,target,sign\nG0,G1,perhaps\n", "row 2, column 'sign' is 'perhaps'; it must be a sign"),
        ("source,target,weight\nG0,G1,much\n", "row 2, column 'weight' is 'much'; it must be a number"),
        ("source,target,confidence\nG0,G1,-1\n", "row 2, column 'confidence' is negative"),
        ("source,target\nG0,\n", "row 2, column 'target' is empty"),
        ("source,target\nG0,G1,G2\n", "row 2 has 3 cells, but the header has 2"),
        ("source,target\nG0,G1\nG0,G1,G2\n", "row 3 has 3 cells, but the header has 2"),
    ],
)
def test_cells_that_cannot_be_read(content: str, said: str) -> None:
    assert said in refused_to_read("prior.csv", content)


# --- what counts ------------------------------------------------------------------------------------------------------


def test_conflicts_are_resolved_after_genes_are_matched() -> None:
    found = read("prior.csv", "source,target,weight\nG0,G1,1\nG0,G1,-1\nG1,G2,0.5\nG1,G2,0.9\nX,Y,1\nX,Y,-1\n")
    assert edges(found) == {"G0 G1": 1, "G1 G2": pytest.approx(0.9)}
    assert found.report == (
        "prior.csv: kept 2 of 6 edges, between 3 genes; source 'source', target 'target', weight 'weight'; "
        "2 rows list a pair again, which counts once; 1 pairs have both signs, and are kept without; "
        "2 genes are not in expression.csv, such as 'X' in row 6"
    )


def test_a_prior_of_loops_is_told_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    Path("prior.csv").write_text("source,target\nTP53,TP53\nMYC,MYC\n")
    load()
    said = capsys.readouterr().err
    assert "all edges lead from a gene to itself" in said
    assert "warning: prior.csv has edges from genes to themselves only, which say nothing of a network" in said


def test_weights_of_a_prior_are_at_most_1(capsys: pytest.CaptureFixture[str]) -> None:
    Path("prior.csv").write_text("source,target,weight\nTP53,MDM2,8\nMDM2,TP53,-2\n")
    np.testing.assert_array_equal(load().prior.toarray()[:2, :2], [[0, 1], [-0.25, 0]])
    assert "prior.csv: weights run to 8, and were divided by that" in capsys.readouterr().err


def test_a_gold_standard_with_zeros_scores_what_it_lists(capsys: pytest.CaptureFixture[str]) -> None:
    Path("gold.csv").write_text(
        "source,target,edge\nTP53,MDM2,1\nTP53,MYC,0\nMDM2,MYC,1\nMYC,TP53,0\nESR1,TP53,1\nESR1,MYC,0\n"
    )
    problem = load(gold="gold.csv")
    assert problem.truth is not None
    assert problem.evaluable is not None
    assert "gold.csv: 3 edges among 6 pairs; only these are scored" in capsys.readouterr().err
    scored = problem.evaluable.block(slice(None))
    assert np.argwhere(scored).tolist() == [[0, 1], [0, 2], [1, 2], [2, 0], [3, 0], [3, 2]]
    assert problem.evaluable.block(slice(2, 3)).ravel().tolist() == [True, True, False, True]
    assert problem.truth[scored].sum() == 3
    assert not problem.evaluable.all()


def test_a_gold_standard_of_edges_scores_its_sources_or_all() -> None:
    Path("gold.csv").write_text("Gene1,Gene2\nTP53,MYC\n")
    sources, every = load(gold="gold.csv").evaluable, load(gold="gold.csv", pairs="all").evaluable
    assert sources is not None
    assert every is not None
    assert sources.block(slice(None)).sum() == 3
    assert every.block(slice(None)).sum() == 12


# --- forms ------------------------------------------------------------------------------------------------------------


def test_a_matrix_may_have_other_genes_in_rows_than_in_columns() -> None:
    found = read("prior.csv", ",G1,G2,G3\nG0,1,0,-1\nG1,0,1,0\n")
    assert edges(found) == {"G0 G1": 1, "G0 G3": -1, "G1 G2": 1}
    assert "a matrix of 2 rows and 3 columns, rows regulate columns" in found.report
    assert edges(read("prior.csv", "G1 G2\nG0 1 0\nG1 0 2\n")) == {"G0 G1": 1, "G1 G2": 2}  # as R writes it


def test_a_table_of_motifs_has_regulators_in_columns() -> None:
    content = ",peak_id,gene_short_name,G0,G1\n0,chr1_1_2,G2,1.0,0.0\n1,chr1_5_9,G2,1.0,0.0\n2,chr2_1_2,G3,0.0,1.0\n"
    expected = {"G0 G2": 1, "G1 G3": 1}
    found = read("base.csv", content)
    assert edges(found) == expected
    assert "columns regulate 'gene_short_name'" in found.report
    pd.read_csv("base.csv", index_col=0).to_parquet("base.parquet")
    assert edges(read_network(Path("base.parquet"), GENES, "expression.csv")) == expected


def test_truth_values_are_numbers() -> None:
    assert edges(read("prior.csv", ",G0,G1\nG0,False,True\nG1,False,False\n")) == {"G0 G1": 1}
    assert edges(read("gold.csv", "source,target,label\nG0,G1,True\nG0,G2,False\n")) == {"G0 G1": 1}


def test_sets_of_genes() -> None:
    found = read("regulons.gmt", "G0(+)\tgmt\tG1\tG2,0.7\nG1(-)\tgmt\tG3\nG2_regulon\tx\tG3\nG9\tx\tG1\n")
    assert edges(found) == {"G0 G1": 1, "G0 G2": 1, "G1 G3": -1, "G2 G3": 1}
    assert "regulons.gmt: kept 4 of 5 edges, between 4 genes; a set of targets in each row; 1 edges" in found.report
    assert edges(read("regulons.gmt", "G0\tx\tG1,G2\n")) == {"G0 G1": 1, "G0 G2": 1}
    assert refused_to_read("regulons.gmt", "G0\tG1\n") == (
        "regulons.gmt: row 1 has 2 cells; a set has a name, a remark, genes"
    )


def test_a_packed_file_that_is_not_whole() -> None:
    packed = gzip.compress(b"source,target\n" + b"G0,G1\n" * 5000)
    with pytest.raises(DashpruneError, match=r"prior.csv.gz"):
        read("prior.csv.gz", packed[: len(packed) // 2])


def test_a_spreadsheet() -> None:
    pytest.importorskip("openpyxl")
    pd.DataFrame({"TF": ["G0", "G1"], "target": ["G1", "G2"], "sign": ["+", "-"]}).to_excel("prior.xlsx", index=False)
    assert edges(read_network(Path("prior.xlsx"), GENES, "expression.csv")) == {"G0 G1": 1, "G1 G2": -1}
    Path("prior.xlsx").write_text("source,target\nG0,G1\n")
    with pytest.raises(DashpruneError, match="not a spreadsheet"):
        read_network(Path("prior.xlsx"), GENES, "expression.csv")


@settings(max_examples=40, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_all_forms_of_a_network_are_read_alike(pairs: set[tuple[int, int]]) -> None:
    listed = [(GENES[i], GENES[j]) for i, j in sorted(pairs)]
    matrix = pd.DataFrame(0, index=GENES, columns=GENES)
    for i, j in listed:
        matrix.loc[i, j] = 1
    motifs = matrix.T.rename_axis("gene_short_name").reset_index()
    by_source = {i: [j for k, j in listed if k == i] for i, _ in listed}
    forms = {
        "list.csv": "target,source\n" + "".join(f"{j},{i}\n" for i, j in listed),
        "bare.tsv": "".join(f"{i}\t{j}\t1\n" for i, j in listed),
        "blanks.txt": "TF gene\n" + "".join(f"{i} {j}\n" for i, j in listed),
        "matrix.csv": matrix.to_csv(),
        "rows.csv": matrix.loc[list(by_source)].to_csv(),
        "motifs.csv": motifs.to_csv(index=False),
        "sets.gmt": "".join(f"{i}\tx\t" + "\t".join(found) + "\n" for i, found in by_source.items()),
        "packed.csv.gz": gzip.compress(("source,target\n" + "".join(f"{i},{j}\n" for i, j in listed)).encode()),
    }
    with tempfile.TemporaryDirectory() as place:
        for name, content in forms.items():
            path = Path(place, name)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            found = read_network(path, GENES, "expression.csv").matrix.toarray()
            np.testing.assert_array_equal(found, matrix.to_numpy(), err_msg=name)


def test_a_name_over_several_lines_is_a_quote_that_is_not_closed() -> None:
    Path("prior.tsv").write_text('TP53\t"s\tMYC\nMY"bits\tG4\n')
    said = "prior.tsv: row 1, column 'column 2' runs over several lines; is a quote not closed?"
    assert refused(prior="prior.tsv") == said
