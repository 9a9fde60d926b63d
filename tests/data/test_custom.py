"""A user's own data: every form is read alike, every mistake is one line, nothing held out is trained on."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashprune import compose, train_prune_eval
from dashprune.data.custom import Custom
from dashprune.data.own import files
from dashprune.data.problem import Problem, Split, coregulation_from_prior
from dashprune.errors import DashpruneError
from dashprune.runs.checked import check
from tests.cli.test_cli import dashprune, mistake

GENES = ["TP53", "MDM2", "MYC", "ESR1"]
TIMES = [0.0, 1.0, 2.5, 4.0]
EDGES = "source,target,weight\nTP53,MDM2,1\nMDM2,TP53,-1\nMYC,ESR1,1\n"
SUMMARY = (
    "expression.csv: 4 genes, samples: 5, time points per sample: 4, times 0 to 4 in steps of 1 to 1.5, "
    "values 0.1 to 0.898"
)


def table(samples: int = 5) -> pd.DataFrame:
    """Wide expression of four genes: smooth, different in every sample, between 0 and 1."""
    rows = []
    for sample in range(samples):
        for time in TIMES:
            values = [0.5 + 0.4 * np.sin(0.3 * time + sample + gene) for gene in range(len(GENES))]
            rows.append([f"s{sample + 1}", time, *np.round(values, 4)])
    return pd.DataFrame(rows, columns=["sample", "time", *GENES])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a good expression.csv and prior.csv."""
    monkeypatch.chdir(tmp_path)
    table().to_csv("expression.csv", index=False)
    Path("prior.csv").write_text(EDGES)
    return tmp_path


def options(**changed: Any) -> list[str]:
    return ["dataset=custom", *(f"dataset.{key}={value}" for key, value in changed.items())]


def dataset(**changed: Any) -> Custom:
    made = check(compose(options(**changed))).dataset
    assert isinstance(made, Custom)
    return made


def load(**changed: Any) -> Problem:
    return dataset(**changed).load()


def refused(**changed: Any) -> str:
    """The one line that loading ends with."""
    with pytest.raises(DashpruneError) as caught:
        load(**changed)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edit(name: str, change: Callable[[list[str]], list[str]]) -> None:
    Path(name).write_text("\n".join(change(Path(name).read_text().splitlines())) + "\n")


def put(name: str, row: int, text: str) -> None:
    """Replace a row, counted from 1."""
    edit(name, lambda lines: [*lines[: row - 1], text, *lines[row:]])


def points(split: Split) -> set[tuple[float, ...]]:
    known = ~np.isnan(split.times)
    return {tuple(row) for row in split.expression[known].tolist()}


def same(one: Problem, other: Problem) -> None:
    order = [one.genes.index(gene) for gene in other.genes]
    for name in ("train", "validation", "test"):
        a, b = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(a.times, b.times)
        np.testing.assert_allclose(a.expression[:, :, order], b.expression, rtol=1e-6)
    np.testing.assert_array_equal(one.prior.toarray()[np.ix_(order, order)], other.prior.toarray())


# --- what is read ----------------------------------------------------------------------------------------------------


def test_two_csv_files_give_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    problem = load()
    assert problem.genes == tuple(GENES)
    assert (problem.truth, problem.evaluable) == (None, None)
    assert [len(split.times) for split in (problem.train, problem.validation, problem.test)] == [3, 1, 1]
    np.testing.assert_array_equal(problem.train.times[0], TIMES)
    np.testing.assert_array_equal(problem.prior.toarray()[:2], [[0, 1, 0, 0], [-1, 0, 0, 0]])
    np.testing.assert_array_equal(problem.coregulation.toarray(), coregulation_from_prior(problem.prior).toarray())
    assert capsys.readouterr().err.splitlines() == [
        f"dashprune: {SUMMARY}",
        "dashprune: prior.csv: kept 3 of 3 edges, between 4 genes; source 'source', target 'target', weight 'weight'",
    ]


def test_the_report_comes_once_while_the_files_stay_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    load()
    capsys.readouterr()
    load(seed=3)
    assert capsys.readouterr().err == ""
    Path("prior.csv").write_text(EDGES + "MYC,TP53,1\n")
    assert load().prior.nnz == 4
    assert "kept 4 of 4 edges" in capsys.readouterr().err


def test_the_fingerprint_is_of_the_content() -> None:
    before = dataset().fingerprint()
    Path("prior.csv").rename("moved.csv")
    assert dataset(prior="moved.csv").fingerprint() == before
    put("expression.csv", 2, "s1,0.0,0.5,0.5,0.5,0.5")
    assert dataset(prior="moved.csv").fingerprint() != before


@pytest.mark.parametrize("name", ["long.csv", "wide.tsv", "wide.txt", "wide.parquet", "long.parquet", "cells.h5ad"])
def test_every_form_of_expression_is_read_alike(name: str) -> None:
    form, suffix = name.split(".")
    wide = table()
    shown = wide.melt(["sample", "time"], var_name="gene") if form == "long" else wide
    if suffix == "parquet":
        shown.to_parquet(name)
    elif suffix == "h5ad":
        write_h5ad(wide)
    else:
        shown.to_csv(name, index=False, sep="," if suffix == "csv" else "\t")
    same(load(), load(expression=name))


def write_h5ad(wide: pd.DataFrame, name: str = "cells.h5ad", **layers: np.ndarray) -> None:
    anndata = pytest.importorskip("anndata")
    wide.index = [f"cell{k}" for k in range(len(wide))]
    var = pd.DataFrame(index=[column for column in wide if column not in ("sample", "time")])
    anndata.AnnData(wide[var.index].to_numpy(), wide[["sample", "time"]], var, layers=layers).write_h5ad(name)


def test_a_layer_of_cells_and_a_sparse_one() -> None:
    from scipy.sparse import csr_matrix

    wide = table()
    twice = 2 * wide[GENES].to_numpy()
    write_h5ad(wide, twice=twice, thin=csr_matrix(twice))
    plain, dense, thin = (
        load(expression="cells.h5ad", layer=layer).test.expression for layer in ("null", "twice", "thin")
    )
    np.testing.assert_allclose(dense, 2 * plain, rtol=1e-6)
    np.testing.assert_array_equal(dense, thin)
    assert refused(expression="cells.h5ad", layer="thn") == (
        "dataset.layer: cells.h5ad has no layer 'thn'; did you mean 'thin'?; it has thin, twice"
    )
    assert refused(layer="thin") == (
        "dataset.layer: 'thin' is of layers of .h5ad files, which expression.csv is not; leave it out"
    )


def test_matrix_and_edge_lists_give_the_same_prior() -> None:
    matrix = pd.DataFrame(0, index=GENES, columns=GENES)
    for source, target, weight in (("TP53", "MDM2", 1), ("MDM2", "TP53", -1), ("MYC", "ESR1", 1)):
        matrix.loc[source, target] = weight
    matrix.to_csv("matrix.csv")
    matrix.to_parquet("matrix.parquet")
    Path("signs.tsv").write_text(
        "Target\tevidence\tSource\tSign\nMDM2\ta\tTP53\t1\nTP53\tb\tMDM2\t-1\nESR1\tc\tMYC\t1\n"
    )
    for name in ("matrix.csv", "matrix.parquet", "signs.tsv"):
        same(load(), load(prior=name))
    Path("two.txt").write_text("regulator\tgene\nTP53\tMDM2\nTP53\tMDM2\nMYC\tESR1\n")
    assert load(prior="two.txt").prior.toarray().sum() == 2  # an edge listed twice counts once
    matrix.T.to_csv("transposed.csv")
    same(load(), load(prior="transposed.csv", prior_transposed="true"))


def test_gold_standard_and_coregulation() -> None:
    Path("gold.csv").write_text("source,target\nTP53,MYC\nMYC,GATA1\nESR1,TP53\n")
    Path("together.csv").write_text("source,target,weight\nTP53,MYC,1\nMYC,TP53,1\nESR1,MDM2,3\n")
    problem = load(gold="gold.csv", coregulation="together.csv")
    assert problem.truth is not None
    assert problem.evaluable is not None
    assert np.argwhere(problem.truth.toarray()).tolist() == [[0, 2], [3, 0]]
    assert problem.evaluable.sources.tolist() == [True, False, False, True]
    assert (problem.evaluable.targets.all(), problem.evaluable.loops) == (True, False)
    expected = np.zeros((4, 4))
    expected[[0, 2, 3, 1], [2, 0, 1, 3]] = [1 / 8, 1 / 8, 3 / 8, 3 / 8]
    np.testing.assert_allclose(problem.coregulation.toarray(), expected)
    put("together.csv", 2, "TP53,ESR1,-2")
    assert refused(coregulation="together.csv") == "together.csv: co-regulation has a value of -2; none may be negative"


def test_edges_are_held_out_of_a_prior_that_is_the_gold_standard() -> None:
    """Of three edges, one; co-regulation follows from the other two, unless it is given."""
    Path("together.csv").write_text("source,target,weight\nTP53,MYC,1\n")
    whole, problem = (load(gold="prior.csv", prior_holdout=fraction) for fraction in ("null", 0.4))
    assert problem.truth is not None
    assert (whole.prior.nnz, problem.truth.nnz, problem.prior.nnz) == (3, 3, 2)
    np.testing.assert_array_equal(problem.coregulation.toarray(), coregulation_from_prior(problem.prior).toarray())
    given = load(coregulation="together.csv", prior_holdout=0.4, prior_holdout_by="genes")
    assert (given.prior.nnz, given.coregulation.nnz) == (2, 2)


def test_names_that_are_integers_are_names() -> None:
    wide = table().rename(columns=dict(zip(GENES, ["7157", "4193", "4609", "2099"], strict=True)))
    wide.to_csv("expression.csv", index=False)
    Path("prior.csv").write_text("source,target\n7157,4193\n1,4609\n")
    assert np.argwhere(load().prior.toarray()).tolist() == [[0, 1]]


# --- samples, times, splits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_whole_samples_are_held_out_and_no_point_of_them_is_trained_on(seed: int) -> None:
    problem = load(seed=seed, test=0.4)
    parts = [points(split) for split in (problem.train, problem.validation, problem.test)]
    assert [len(part) for part in parts] == [8, 4, 8]
    assert len(set.union(*parts)) == 20


def test_samples_are_held_out_by_name_or_drawn_from_the_seed() -> None:
    problem = load(test="[s2,s4]", validation="[s1]")
    rows = table().set_index("sample")[GENES].astype(np.float32)
    assert points(problem.test) == set(rows.loc[["s2", "s4"]].itertuples(index=False, name=None))
    assert points(problem.validation) == set(rows.loc["s1"].itertuples(index=False, name=None))
    for seed in range(6):
        drawn = load(validation="[s1]", seed=seed)
        assert not points(drawn.test) & points(drawn.validation)
    assert len({min(points(load(seed=seed).test)) for seed in range(9)}) > 1


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"test": "[s9]"}, "dataset.test: expression.csv has no sample 's9'; it has s1, s2, s3, s4, s5"),
        (
            {"test": "[s1]", "validation": "[s1]"},
            "dataset.test and dataset.validation both name 's1'; hold it out once",
        ),
        (
            {"test": 0.9, "validation": 0.2},
            "expression.csv: 5 samples or transitions are too few for dataset.test=0.9 and dataset.validation=0.2; "
            "training, validation and test need one each",
        ),
    ],
)
def test_samples_that_cannot_be_held_out(chosen: dict[str, Any], said: str) -> None:
    assert refused(**chosen) == said


@pytest.mark.parametrize("value", [2, 0, "[]", "s1"])
def test_what_is_held_out_is_a_fraction_or_a_list(value: object) -> None:
    said = (
        r"dataset.test: .* is not allowed; give a fraction above 0 and below 1, or a list of samples such as \[s1,s2\]"
    )
    with pytest.raises(DashpruneError, match=said):
        dataset(test=value)


def test_of_few_samples_single_transitions_are_held_out() -> None:
    table(samples=2).to_csv("expression.csv", index=False)
    problem = load()
    parts = [split.transitions() for split in (problem.train, problem.validation, problem.test)]
    assert [len(part.dt) for part in parts] == [4, 1, 1]
    assert problem.train.times.shape == (4, 2)
    starts = {tuple(row) for part in parts for row in part.start.tolist()}
    assert len(starts) == 6, "each transition is in one split"
    assert refused(test="[s1]") == (
        "dataset.test and dataset.validation name samples, but expression.csv has only 2; "
        "give fractions, or at least three samples"
    )


def test_without_a_prior_nothing_is_known_beforehand(capsys: pytest.CaptureFixture[str]) -> None:
    Path("prior.csv").unlink()
    problem = load(prior="null")
    assert not problem.has_prior
    assert (problem.prior.shape, problem.coregulation.nnz) == ((4, 4), 0)
    assert capsys.readouterr().err == f"dashprune: {SUMMARY}\n"
    Path("gold.csv").write_text(EDGES)
    assert load(prior="null", gold="gold.csv").truth is not None
    with pytest.raises(
        DashpruneError, match=r"dataset.coregulation=gold.csv: .* needs a prior, too; give dataset.prior"
    ):
        dataset(prior="null", coregulation="gold.csv")


@pytest.mark.parametrize(
    ("samples", "chosen", "sizes"),
    [
        (5, {"test": "null"}, [4, 1, 0]),
        (5, {"validation": "null"}, [4, 0, 1]),
        (5, {"validation": "null", "test": "null"}, [5, 0, 0]),
        (5, {"validation": "[s2,s3]", "test": "null"}, [3, 2, 0]),
        (2, {"test": "null"}, [1, 1, 0]),
        (2, {"test": "[s1]", "validation": "null"}, [1, 0, 1]),
        (1, {"validation": "null", "test": "null"}, [1, 0, 0]),
        (1, {"test": "null"}, [2, 1, 0]),  # of a single sample, of three transitions
    ],
)
def test_nothing_need_be_held_out(samples: int, chosen: dict[str, Any], sizes: list[int]) -> None:
    table(samples).to_csv("expression.csv", index=False)
    for scale in (False, True):
        problem = load(**chosen, scale=scale)
        splits = (problem.train, problem.validation, problem.test)
        assert [len(split.times) for split in splits] == sizes
        assert problem.train.times.shape[1] == (2 if samples == 1 and sum(sizes) > 1 else 4)


def test_what_is_held_out_must_leave_something(capsys: pytest.CaptureFixture[str]) -> None:
    names = "[s1,s2,s3,s4,s5]"
    assert refused(validation=names, test="null") == (
        "expression.csv: 5 samples or transitions are too few for "
        "dataset.validation=('s1', 's2', 's3', 's4', 's5'); training, validation and test need one each"
    )
    table(1).to_csv("expression.csv", index=False)
    assert refused(test="[s1]", validation="null").endswith("give fractions, or at least two samples")


def test_too_few_transitions() -> None:
    table(samples=1).drop(columns="sample").iloc[:3].to_csv("expression.csv", index=False)
    assert "2 samples or transitions are too few" in refused(sample="null")


def test_samples_of_different_length() -> None:
    wide = table()
    wide[~((wide["sample"] == "s1") & (wide["time"] > 1))].to_csv("expression.csv", index=False)
    problem = load(test="[s5]", validation="[s4]")
    assert np.isnan(problem.train.times).sum(axis=1).tolist() == [2, 0, 0]
    assert len(problem.train.transitions().dt) == 1 + 3 + 3


def test_tied_times_are_averaged(capsys: pytest.CaptureFixture[str]) -> None:
    wide = table()
    extra = wide[wide["time"] == 0].copy()
    extra[GENES] += 0.2
    pd.concat([wide, extra]).to_csv("expression.csv", index=False)
    problem = load(test="[s1]")
    np.testing.assert_allclose(problem.test.expression[0, 0], wide[GENES].iloc[0] + 0.1, rtol=1e-6)
    np.testing.assert_array_equal(problem.test.times[0], TIMES)
    assert "25 rows were averaged to 20 time points" in capsys.readouterr().err


def test_cells_are_averaged_into_bins_along_pseudotime() -> None:
    """Seven cells in three bins: 3, 2, 2."""
    time = np.array([6.0, 0, 1, 2, 3, 4, 5])
    cells = pd.concat(
        [pd.DataFrame({"sample": s, "time": time, "A": time, "B": time + k}) for k, s in enumerate("xyz")]
    )
    write_h5ad(cells)
    Path("prior.csv").write_text("source,target\nA,B\n")
    problem = load(expression="cells.h5ad", bins=3, test="[z]")
    np.testing.assert_allclose(problem.test.times, [[1, 3.5, 5.5]])
    np.testing.assert_allclose(problem.test.expression[0], [[1, 3], [3.5, 5.5], [5.5, 7.5]])
    assert refused(expression="cells.h5ad", bins=8) == (
        "dataset.bins: 8 is more than the 7 cells of sample 'x' in cells.h5ad; lower it"
    )


def test_scaling_looks_at_training_samples_only(capsys: pytest.CaptureFixture[str]) -> None:
    wide = table()
    wide[GENES] *= 1000
    wide.loc[wide["sample"] == "s5", "MYC"] = 9000.0
    wide["flat"] = 7
    wide.to_csv("expression.csv", index=False)
    problem = load(scale="true", test="[s5]", validation="[s4]")
    train = problem.train.expression.reshape(-1, 5)
    np.testing.assert_allclose(train.min(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.max(axis=0), [1, 1, 1, 1, 0], rtol=1e-6)
    assert problem.test.expression.max() > 5
    assert problem.train.expression.dtype == np.float32
    assert "warning" not in capsys.readouterr().err
    load(test="[s5]", validation="[s4]")
    assert "warning: expression.csv: values reach 9000, consider dataset.scale=true" in capsys.readouterr().err


# --- bad input -------------------------------------------------------------------------------------------------------


def test_ragged_rows() -> None:
    put("expression.csv", 4, "s1,2.5,0.1,0.2,0.3,0.4,0.5")
    assert refused() == (
        "expression.csv: row 4 has 7 cells, but the header has 6; the header must name every column, and no row have "
        "more cells"
    )
    put("expression.csv", 4, "s1,2.5,0.1")
    assert refused() == (
        "expression.csv: 3 of 80 values are missing, of 3 genes ('MDM2', 'MYC' and 'ESR1'), in sample 's1'; "
        "the first is that of 'MDM2' in row 4 (sample 's1', time 2.5); say what to do with "
        "dataset.missing=interpolate, drop_time or drop_gene"
    )
    edit("expression.csv", lambda lines: [lines[0], *(f"{line},1" for line in lines[1:] if line.count(",") == 5)])
    assert "expression.csv: row 2 has 7 cells, but the header has 6; the header must name" in refused()


@pytest.mark.parametrize("line", ["", "0", "0,1"])
def test_short_lines_however_many(line: str) -> None:
    """With pandas' fast parser, some numbers of short lines end in a "Buffer overflow", or never."""
    path, columns = Path("wide.csv"), [f"G{k}" for k in range(50)]
    for lines in range(1, 80):
        path.write_text("\n".join([",".join(columns), *[line] * lines, ",".join("1" * 50)]))
        table = files.read_table(path, columns, ())
        assert table.index[-1] == lines + 2
        assert table.notna().sum().sum() == 50 + lines * len(line.replace(",", ""))


@pytest.mark.parametrize("lines", [1, 75])
@pytest.mark.parametrize("line", ["", " ", ",,,,,"])
def test_lines_without_a_value_are_left_out(line: str, lines: int) -> None:
    expected = load()
    edit("expression.csv", lambda all_lines: [*all_lines[:2], *[line] * lines, *all_lines[2:]])
    same(load(), expected)
    put("expression.csv", 3 + lines, "s1,2.5,much,0.2,0.3,0.4")
    assert f"row {3 + lines}, " in refused()


def test_duplicate_genes() -> None:
    put("expression.csv", 1, "sample,time,TP53,MDM2,TP53,ESR1")
    assert refused() == "expression.csv: row 1 names 'TP53' twice, at 3 and 5; keep one of them"
    long = table().melt(["sample", "time"], var_name="gene")
    pd.concat([long, long.iloc[:1]]).to_csv("expression.csv", index=False)
    assert refused() == ("expression.csv: row 82 gives gene 'TP53' of sample 's1' at time 0 once more; keep one value")
    wide = table()
    wide.columns = ["sample", "time", "A", "B", "C", "D"]
    anndata = pytest.importorskip("anndata")
    obs = wide[["sample", "time"]].set_index(wide.index.astype(str))
    var = pd.DataFrame(index=["A", "B", "A", "D"])
    with pytest.warns(UserWarning, match="Variable names are not unique"):
        anndata.AnnData(wide[["A", "B", "C", "D"]].to_numpy(), obs, var).write_h5ad("cells.h5ad")
    assert refused(expression="cells.h5ad") == "cells.h5ad: var_names names 'A' twice, at 1 and 3; keep one of them"


def test_missing_values_of_a_long_table() -> None:
    table().melt(["sample", "time"], var_name="gene").drop(index=2).to_csv("expression.csv", index=False)
    assert refused() == (
        "expression.csv: 1 of 80 values is missing, of gene 'TP53', in sample 's1'; the first is that of 'TP53' "
        "in row 23 (sample 's1', time 2.5); say what to do with dataset.missing=interpolate, drop_gene or drop_time"
    )


def test_genes_in_different_case() -> None:
    put("prior.csv", 3, "Mdm2,TP53,-1")
    edit("prior.csv", lambda lines: [lines[0], "TP53,Mdm2,1", *lines[2:]])
    assert refused() == (
        "prior.csv: row 2 names gene 'Mdm2', which is 'MDM2' in expression.csv; "
        "write genes alike in both files, upper and lower case included"
    )


def test_genes_that_are_not_in_the_expression_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    Path("prior.csv").write_text(EDGES + "TP35,MYC,1\nGATA1,MYC,1\n")
    assert load().prior.nnz == 3
    assert capsys.readouterr().err.splitlines()[1] == (
        "dashprune: prior.csv: kept 3 of 5 edges, between 4 genes; source 'source', target 'target', weight 'weight'; "
        "2 genes are not in expression.csv, such as 'TP35' in row 5, did you mean 'TP53'?"
    )
    Path("prior.csv").write_text("source,target\nTP35,MYC\nX,Y\n")
    assert refused() == (
        "no edge of prior.csv connects two genes of expression.csv (3 genes are not in expression.csv, "
        "such as 'TP35' in row 2, did you mean 'TP53'?); name genes alike in both files"
    )


def test_cells_that_are_no_numbers() -> None:
    put("expression.csv", 4, "s1,2.5,0.1,low,0.3,0.4")
    assert refused() == (
        "expression.csv: row 4, column 'MDM2' is 'low'; it must be a number, as in every column but 'sample', 'time'"
    )
    put("expression.csv", 4, "s1,2.5,0.1,inf,0.3,0.4")
    assert "row 4, column 'MDM2' is 'inf'" in refused()
    put("expression.csv", 4, "s1,2.5,0.1,1e300,0.3,0.4")
    assert "row 4, column 'MDM2' is '1e+300'" in refused()
    put("expression.csv", 4, "s1,soon,0.1,0.2,0.3,0.4")
    assert refused() == (
        "expression.csv: row 4, column 'time' is 'soon'; time must be a finite number; remove the row if it has none"
    )
    table().to_csv("expression.csv", index=False)
    put("prior.csv", 3, "MDM2,TP53,-")
    assert refused() == "prior.csv: row 3, column 'weight' is '-'; it must be a number"
    wide = table()
    wide.loc[3, "MYC"] = np.nan
    write_h5ad(wide)
    assert "cells.h5ad: 1 of 80 values is missing, of gene 'MYC'" in refused(expression="cells.h5ad")
    wide["MYC"] = wide["MYC"].fillna(np.inf)
    write_h5ad(wide)
    assert refused(expression="cells.h5ad") == (
        "cells.h5ad: gene 'MYC' of cell 'cell3' is inf; every value must be a finite number (1 are not)"
    )


EMPTY = "{} is empty, or its first row is; it must name the columns"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("expression.csv", "", EMPTY.format("expression.csv")),
        ("prior.csv", "", EMPTY.format("prior.csv")),
        ("prior.csv", "\nsource,target\nTP53,MYC\n", EMPTY.format("prior.csv")),
        ("prior.csv", "source,target,weight\nMYC,TP53,0\n", "prior.csv lists no edge: every weight is 0"),
        ("prior.csv", "source,target\n", "prior.csv has a header, but no rows below it"),
        ("expression.csv", "sample,time,A\n\n\n", "expression.csv has a header, but no rows below it"),
        ("expression.csv", "sample,time,A\ns,0,1\ns,1,1\n", "expression.csv has 1 genes; a network needs at least two"),
    ],
)
def test_empty_files(name: str, content: str, said: str) -> None:
    Path(name).write_text(content)
    assert refused() == said


def test_files_are_read_by_what_parts_their_first_row() -> None:
    expected = load()
    table().to_csv("expression.csv", index=False, sep=";", decimal=",")
    same(load(), expected)
    Path("prior.tsv").write_text(EDGES)
    same(load(prior="prior.tsv"), expected)


@pytest.mark.parametrize("end", ["\r\n", "\n\n", " \n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_byte_order_mark_windows_line_ends_and_blanks_make_no_difference(mark: bytes, end: str) -> None:
    expected = load()
    for name in ("expression.csv", "prior.csv"):
        text = end.join(Path(name).read_text().splitlines()) + end
        Path(name).write_bytes(mark + text.replace(",", ", ").encode())
    same(load(), expected)


def test_other_encodings() -> None:
    Path("prior.csv").write_text(EDGES, encoding="utf-16")
    assert refused() == "prior.csv is not text in UTF-8; save it as such"


def test_a_prior_that_seems_transposed_is_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    genes = [f"g{k}" for k in range(12)]
    wide = pd.concat([table()[["sample", "time"]], pd.DataFrame(0.5, index=range(20), columns=genes)], axis=1)
    wide.to_csv("expression.csv", index=False)
    Path("prior.csv").write_text("tf,gene\n" + "".join(f"g{k},g{k % 2}\n" for k in range(2, 12)))
    load()
    assert capsys.readouterr().err.splitlines()[-1] == (
        "dashprune: warning: prior.csv may be transposed: 10 genes regulate, but only 2 are regulated; "
        "if it has targets in its rows or first column, set dataset.prior_transposed=true"
    )
    assert load(prior_transposed="true").prior.toarray()[0, 2] == 1
    assert "transposed" not in capsys.readouterr().err


def test_indices_from_0_or_from_1() -> None:
    Path("prior.csv").write_text("source,target\n0,1\n2,3\n")
    assert np.argwhere(load().prior.toarray()).tolist() == [[0, 1], [2, 3]]
    Path("prior.csv").write_text("source,target\n1,2\n3,4\n")
    assert np.argwhere(load().prior.toarray()).tolist() == [[0, 1], [2, 3]]
    Path("prior.csv").write_text("source,target\n1,2\n2,3\n")
    assert refused() == (
        "prior.csv: indices run from 1 to 3 for 4 genes, so they may count from 0 or from 1; "
        "say which with dataset.index_base=0 or dataset.index_base=1"
    )
    assert np.argwhere(load(index_base=0).prior.toarray()).tolist() == [[1, 2], [2, 3]]
    assert np.argwhere(load(index_base=1).prior.toarray()).tolist() == [[0, 1], [1, 2]]
    Path("prior.csv").write_text("source,target\n0,1\n2,4\n")
    assert refused() == (
        "prior.csv: indices run from 0 to 4, but 4 genes have indices from 0 to 3; mend them, or use names"
    )


def test_missing_time_column() -> None:
    edit("expression.csv", lambda lines: [lines[0].replace("time", "when"), *lines[1:]])
    assert refused() == "expression.csv has no column 'time'; name it with dataset.time=COLUMN"
    edit("expression.csv", lambda lines: [lines[0].replace("when", "Hours"), *lines[1:]])
    assert refused(time="hours") == (
        "expression.csv has no column 'hours'; did you mean 'Hours'?; name it with dataset.time=COLUMN"
    )
    assert load(time="Hours").genes == tuple(GENES)
    write_h5ad(table())
    assert refused(expression="cells.h5ad", time="pseudotime") == (
        "cells.h5ad has no column 'pseudotime'; name it with dataset.time=COLUMN"
    )


def test_missing_sample_column() -> None:
    table().drop(columns="sample").iloc[:4].to_csv("expression.csv", index=False)
    assert refused() == (
        "expression.csv has no column 'sample'; name it with dataset.sample=COLUMN"
        "; or dataset.sample=null if all rows are one sample"
    )
    assert len(load(sample="null").train.times) == 1


def test_an_index_that_pandas_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    """As a column without a name it is left out, which is said; in Parquet, too, or taken if it has a name."""
    expected = load()
    table().to_csv("expression.csv")
    capsys.readouterr()
    same(load(), expected)
    assert "column 1 has no name; it was taken for names of rows and left out" in capsys.readouterr().err
    put("expression.csv", 1, "sample,time,TP53,MDM2,MYC,ESR1,")
    assert refused() == "expression.csv: column 7 has no name; name it, or leave it out (pandas: index=False)"
    shuffled = table().set_index(np.arange(20) * 2)
    for shown in (shuffled, table().set_index("sample"), table().set_index(["sample", "time"])):
        shown.to_parquet("wide.parquet")
        same(load(expression="wide.parquet"), expected)


def test_a_cell_without_sample() -> None:
    wide = table()
    wide.loc[2, "sample"] = None
    wide.to_csv("expression.csv", index=False)
    assert refused() == "expression.csv: row 4, column 'sample' is empty; every row needs a value"
    write_h5ad(wide)
    assert refused(expression="cells.h5ad") == (
        "cells.h5ad: row cell2, column 'sample' is empty; every row needs a value"
    )


def test_a_single_time_point() -> None:
    table().drop(index=[5, 6, 7]).to_csv("expression.csv", index=False)
    assert refused() == "expression.csv: sample 's2' has a single time point, 0; every sample needs at least two"


def test_negative_times() -> None:
    put("expression.csv", 3, "s1,-1.5,0.1,0.2,0.3,0.4")
    assert refused() == (
        "expression.csv: row 3, column 'time' is -1.5; time must not be negative, so shift all times by the same amount"
    )


def test_unsorted_times_are_sorted(capsys: pytest.CaptureFixture[str]) -> None:
    expected = load()
    table().iloc[[1, 0, *range(2, 20)]].to_csv("expression.csv", index=False)
    same(load(), expected)
    assert "times were not in order and were sorted in 1 of the samples" in capsys.readouterr().err


def test_a_file_that_memory_would_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two gigabytes, of which only the first megabyte is looked at."""
    line = "s1,0.0,0.1234,0.1234,0.1234,0.1234\n"
    with open("expression.csv", "w") as file:
        file.write("sample,time,TP53,MDM2,MYC,ESR1\n" + line * 40_000)
        file.truncate(2 * 10**9)
    monkeypatch.setattr(files, "available_memory", lambda: 8 * 10**9)
    assert refused() == (
        "expression.csv: about 57,142,257 rows x 6 columns take 19.1 GB of memory to read, but 8.0 GB are free; "
        "keep fewer genes or cells, or use a machine with more memory"
    )


@pytest.mark.parametrize("name", ["wide.parquet", "cells.h5ad"])
def test_other_files_that_memory_would_not_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = table()
    wide.to_parquet("wide.parquet")
    write_h5ad(wide)
    monkeypatch.setattr(files, "available_memory", lambda: 400)
    assert f"{name}: about 20 rows x " in refused(expression=name)
    monkeypatch.undo()


def test_memory_for_cells_whose_names_are_nullable_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas 3 has such names, which anndata keeps as a group of two arrays, values and mask."""
    h5py = pytest.importorskip("h5py")
    write_h5ad(table())
    with h5py.File("cells.h5ad", "r+") as cells:
        obs = cells["obs"]
        held = np.array([f"cell{k}" for k in range(20)], dtype=object)
        del obs[obs.attrs["_index"]]
        obs[f"{obs.attrs['_index']}/values"], obs[f"{obs.attrs['_index']}/mask"] = held, np.zeros(len(held), dtype=bool)
    monkeypatch.setattr(files, "available_memory", lambda: 400)
    assert "cells.h5ad: about 20 rows x " in refused(expression="cells.h5ad")


def test_available_memory_is_known() -> None:
    available = files.available_memory()
    assert available is None or available > 10**6


def test_a_single_column_is_no_network() -> None:
    Path("prior.csv").write_text("gene\nTP53\n")
    assert refused() == "prior.csv has a single column, 'gene'; an edge list needs source and target"


def test_paths_that_lead_nowhere() -> None:
    assert refused(expression="expresion.csv") == (
        "dataset.expression: 'expresion.csv' does not exist; did you mean 'expression.csv'?"
    )
    assert refused(prior="data/prior.csv") == (
        "dataset.prior: there is no folder 'data' for 'prior.csv'; set dataset.prior=FILE"
    )
    Path("table.docx").write_text("x")
    assert refused(expression="table.docx") == (
        "table.docx must end in one of .csv, .tsv, .tab, .txt, .parquet, .xlsx, .xls, or .h5ad for cells"
    )
    for name in ("table.parquet", "table.h5ad"):
        Path("table.docx").rename(name)
        assert f"{name} is not a" in refused(expression=name)
        Path(name).rename("table.docx")


@pytest.mark.parametrize(("package", "name"), [("anndata", "cells.h5ad"), ("pyarrow", "wide.parquet")])
def test_a_package_that_is_not_installed(package: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(name).write_text("x")
    monkeypatch.setitem(sys.modules, package if package == "anndata" else "pyarrow.parquet", None)
    extra = name.rpartition(".")[2]
    assert refused(expression=name) == f"{name}: reading this needs {package}; pip install 'dashprune[{extra}]'"


# --- whole runs ------------------------------------------------------------------------------------------------------

SHORT = ["model.hidden=5", "train.epochs=8", "schedule.start=2", "schedule.every=2", "solver=etdrk4"]


def test_two_csv_files_to_a_pruned_network() -> None:
    row = train_prune_eval(compose([*options(), *SHORT]))
    assert row["dataset"] == "custom"
    assert np.isfinite([row["mse"], row["mse_persistence"], row["sparsity"]]).all()
    assert "auroc" not in row
    network = pd.read_csv(next(Path("outputs").rglob("network.tsv")), sep="\t")
    assert set(network["source"]) <= set(GENES)
    assert len(network) == row["edges"]


def test_cells_to_a_pruned_network() -> None:
    write_h5ad(table(samples=2), twice=2 * table(samples=2)[GENES].to_numpy())
    Path("gold.csv").write_text("source,target\nTP53,MYC\nESR1,TP53\n")
    made = options(expression="cells.h5ad", layer="twice", bins=4, gold="gold.csv")
    row = train_prune_eval(compose([*made, *SHORT, "pruner=imp"]))
    assert 0 <= row["auroc"] <= 1
    assert np.isfinite(row["mse"])


@pytest.mark.slow
def test_the_command_line(folder: Path) -> None:
    words = ["run", "dataset=custom", "dataset.expression=expression.csv", "dataset.prior=prior.csv", *SHORT]
    done = dashprune(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "| custom    | phoenix | dash" in done.stdout
    assert "expression.csv: 4 genes, samples: 5" in done.stderr
    said = mistake("run", "dataset=custom", "dataset.prior=priors.csv", cwd=folder)
    assert said == "dashprune: dataset.prior: 'priors.csv' does not exist; did you mean 'prior.csv'?\n"


def test_the_page_of_the_data_leads_to_a_network() -> None:
    text = (Path(__file__).parents[2] / "dashprune/data/README.md").read_text()
    script = text.partition("python - <<'END'\n")[2].partition("END\n")[0]
    exec(script, {})
    row = train_prune_eval(compose([*options(gold="gold.csv"), *SHORT]))
    assert row["auroc"] > 0
    assert len(pd.read_csv("gold.csv")) == 8


def test_a_control_on_own_data() -> None:
    row = train_prune_eval(compose([*options(), "control=prior"]))
    assert row["edges"] == 3


def test_the_files_of_a_package_that_nobody_here_made() -> None:
    """Myeloid differentiation as scanpy bundles it: 11 genes along four branches (Krumsiek et al. 2011)."""
    found = importlib.util.find_spec("scanpy")
    if found is None or found.origin is None:
        pytest.skip("needs the data files of scanpy: pip install scanpy")
    path = Path(found.origin).parent / "datasets" / "krumsiek11.txt"
    wide = pd.read_csv(path, sep=r"\s+", comment="#", header=None)
    genes = ["Gata2", "Gata1", "Fog1", "EKLF", "Fli1", "SCL", "Cebpa", "Pu.1", "cJun", "EgrNab", "Gfi1"]
    wide.columns = ["time", *genes]
    wide.insert(0, "sample", (wide["time"] == 0).cumsum())
    wide["time"] /= 10
    wide.to_csv("expression.csv", index=False)
    Path("prior.csv").write_text("source,target,sign\nGata1,Fog1,1\nGata1,EKLF,1\nPu.1,cJun,1\nPu.1,Gata1,-1\n")
    row = train_prune_eval(compose([*options(bins=20), *SHORT]))
    assert row["mse"] < 1
