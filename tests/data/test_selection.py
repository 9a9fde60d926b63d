"""Which genes of the expression are modelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashprune.data.own.selection import most_variable
from tests.data.test_custom import GENES, TIMES, folder, load, refused, table, write_h5ad

assert folder  # the current folder, with a good expression.csv and prior.csv


def test_genes_of_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    problem = load(genes="[MDM2,TP53]")
    assert problem.genes == ("TP53", "MDM2")
    assert "2 of 4 genes are those of dataset.genes" in capsys.readouterr().err
    assert refused(genes="[MYC,TP35]") == "dataset.genes: expression.csv has no gene 'TP35'; did you mean 'TP53'?"
    assert "give a number of genes, at least 2" in refused(genes=1)


def test_the_most_variable_and_all_regulators(capsys: pytest.CaptureFixture[str]) -> None:
    wide = table()
    random = np.random.default_rng(0)
    for k in range(60):
        wide[f"g{k}"] = np.round(0.5 + 0.001 * random.random(len(wide)), 5)
    for name in ("wild", "wilder"):
        wide[name] = np.round(3 * random.random(len(wide)) ** 4, 4)
    wide.to_csv("expression.csv", index=False)
    Path("prior.csv").write_text("source,target\ng7,TP53\ng9,MYC\n")
    problem = load(genes=2)
    assert {"g7", "g9"} < set(problem.genes)
    assert len(problem.genes) == 4
    assert "the 2 most variable of 66 genes are kept, and 2 regulators beside" in capsys.readouterr().err
    assert len(load(genes=3).genes) == 5
    assert len(load(genes=500).genes) == 66


def test_dispersions_by_hand() -> None:
    """Of two genes with mean 2, that of variance 2 is more variable than that of 0.5; a constant one comes last."""
    counts = np.array([[1.5, 5.0, 1.0], [2.5, 5.0, 3.0]])
    assert most_variable(np.log1p(counts)).tolist() == [2, 0, 1]


def test_they_are_those_of_scanpy() -> None:
    preprocessing = pytest.importorskip("scanpy.preprocessing", exc_type=ImportError)
    anndata = pytest.importorskip("anndata")
    random = np.random.default_rng(0)
    values = np.log1p(random.poisson(random.gamma(1, 3, 300), (200, 300))).astype(np.float32)
    data = anndata.AnnData(values)
    preprocessing.highly_variable_genes(data, n_top_genes=50)
    assert set(most_variable(values)[:50]) == set(np.flatnonzero(data.var["highly_variable"]))


def test_raw_values_and_other_names_of_genes() -> None:
    anndata = pytest.importorskip("anndata")
    wide = table()
    write_h5ad(wide)
    data = anndata.read_h5ad("cells.h5ad")
    symbols = list(data.var_names)
    data.var = pd.DataFrame({"symbol": symbols}, index=[f"ENSG{k}" for k in range(len(symbols))])
    data.raw = data
    smaller = data[:, :2].copy()
    smaller.X = smaller.X * 0
    smaller.write_h5ad("both.h5ad")
    problem = load(expression="both.h5ad", layer="raw", gene_names="symbol")
    assert sorted(problem.genes) == sorted(GENES)
    assert problem.train.times.shape[1] == len(TIMES)
    assert problem.train.expression.max() > 0.1
    assert len(load(expression="both.h5ad", gene_names="symbol", prior="null").genes) == 2
    assert "has no column 'symbols'; did you mean 'symbol'?" in refused(expression="both.h5ad", gene_names="symbols")
    assert "cells.h5ad has no raw values" in refused(expression="cells.h5ad", layer="raw")


def test_options_that_are_wrong() -> None:
    assert refused(gene_names="symbol") == (
        "dataset.gene_names: 'symbol' is of var of .h5ad files, which expression.csv is not; leave it out"
    )
    assert refused(time_scale="fast") == (
        "dataset.time_scale: 'fast' is not allowed; give a number above 0 by which times are divided, or auto, or null"
    )
    assert load(drop="ESR1", prior="null").genes == ("TP53", "MDM2", "MYC")
