"""Expression in the layouts that people have: one content, the same arrays; what is amiss, with what mends it."""

from __future__ import annotations

import csv
import gzip
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashprune import compose
from dashprune.data.own.cells import Cells, Reading, override
from dashprune.data.own.columns import is_time
from dashprune.data.own.expression import read_cells
from dashprune.errors import DashpruneError, MendableError
from dashprune.runs.checked import check
from dashprune.runs.identity import run_id
from tests.data.test_custom import GENES, TIMES, edit, folder, load, options, put, refused, same, table, write_h5ad

assert folder  # the current folder, with a good expression.csv and prior.csv


def mends(**changed: object) -> tuple[str, ...]:
    """The overrides with which loading would come further."""
    with pytest.raises(MendableError) as caught:
        load(**changed)
    return caught.value.overrides


def beeline(wide: pd.DataFrame, expression: str = "expression.csv") -> None:
    """Genes in rows, and PseudoTime.csv with a column per lineage."""
    wide = wide.set_index(pd.Index([f"C{k}" for k in range(len(wide))]))
    wide[GENES].T.to_csv(expression)
    lineages = wide.pivot(columns="sample", values="time")
    lineages.columns = [f"PseudoTime{k + 1}" for k in range(lineages.shape[1])]
    lineages.to_csv("PseudoTime.csv", na_rep="NA")


# --- layouts ---------------------------------------------------------------------------------------------------------


def test_genes_in_rows_with_the_pseudotime_beside(capsys: pytest.CaptureFixture[str]) -> None:
    expected = load()
    capsys.readouterr()
    beeline(table())
    same(load(), expected)
    assert "expression.csv: genes are in rows, and were turned; times are those of PseudoTime.csv" in (
        capsys.readouterr().err
    )
    Path("PseudoTime.csv").rename("when.csv")
    same(load(pseudotime="when.csv"), expected)


def test_the_pseudotime_beside_is_part_of_the_fingerprint() -> None:
    alone = check(compose(options())).dataset.fingerprint()
    Path("PseudoTime.csv").write_text(",PseudoTime\nC0,0\n")
    assert check(compose(options())).dataset.fingerprint() == alone, "the expression has times of its own"
    beeline(table())
    before = check(compose(options())).dataset.fingerprint()
    put("PseudoTime.csv", 2, "C0,0.5,NA,NA,NA,NA")
    assert check(compose(options())).dataset.fingerprint() != before


def test_a_cell_of_two_lineages_is_in_both_and_one_of_none_is_counted() -> None:
    beeline(table(2))
    put("PseudoTime.csv", 2, "C0,0,0.5")
    put("PseudoTime.csv", 3, "C1,NA,")
    assert "1 of 9 cells have no time, the first is cell C1" in refused()
    assert mends() == ("dataset.missing_time=drop",)
    problem = load(missing_time="drop", test="[PseudoTime2]", validation="null")
    np.testing.assert_array_equal(problem.train.times, [[0, 2.5, 4]])
    np.testing.assert_array_equal(problem.test.times, [[0, 0.5, 1, 2.5, 4]])
    np.testing.assert_allclose(problem.test.expression[0, 1], table()[GENES].iloc[0], rtol=1e-6)


def test_times_with_a_column_of_samples(capsys: pytest.CaptureFixture[str]) -> None:
    expected = load()
    wide = table()
    names = [f"GSM{k}" for k in range(len(wide))]
    wide[GENES].set_index(pd.Index(names, name="ID_REF")).T.rename_axis("ID_REF").to_csv("e.tsv", sep="\t")
    wide[["sample", "time"]].assign(cell=names)[["cell", "sample", "time"]].to_csv("times.csv", index=False)
    same(load(expression="e.tsv", pseudotime="times.csv"), expected)
    wide[GENES].set_index(pd.Index(names, name="cell")).to_csv("cells.csv")
    same(load(expression="cells.csv", pseudotime="times.csv"), expected)
    edit("times.csv", lambda lines: [*lines, "GSM99,s1,3"])
    capsys.readouterr()
    same(load(expression="e.tsv", pseudotime="times.csv"), expected)
    assert "times.csv: 1 of 21 cells are not in the expression, such as 'GSM99'" in capsys.readouterr().err
    edit("times.csv", lambda lines: [line.replace("GSM", "X") for line in lines])
    assert refused(expression="e.tsv", pseudotime="times.csv") == (
        "dataset.pseudotime: times.csv names 'X0', 'X1' and 19 more, but e.tsv has 'GSM0', 'GSM1' and 18 more in row 1 "
        "and 'TP53', 'MDM2' and 2 more in column 1; name cells alike in both files"
    )


def test_genes_in_rows_with_a_row_of_times() -> None:
    expected = load()
    table().T.to_csv("turned.csv", header=False)
    edit("turned.csv", lambda lines: [",".join(["", *(f"c{k}" for k in range(20))]), *lines])
    same(load(expression="turned.csv"), expected)


@pytest.mark.parametrize(
    "times", ["0,1,2.5", "0h,1 h,2.5h", "T0,T1,T2.5", "day 0,Day 1,day 2.5", "0,1 wk,2.5 wk", "E0,E1,E2.5"]
)
def test_genes_in_rows_below_their_times(times: str) -> None:
    Path("rows.csv").write_text(f"time,{times}\nG1,0.1,0.2,0.3\nG2,0.4,0.5,0.6\n")
    cells = read_cells(Path("rows.csv"), Reading(sample=None))
    assert cells.genes == ("G1", "G2")
    assert cells.time.tolist() == [0, 1, 2.5]
    np.testing.assert_allclose(cells.values, [[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]])
    edit("rows.csv", lambda lines: [lines[0].replace("time", "gene"), *lines[1:]])
    if times[-1] in "hk":  # with units
        again = read_cells(Path("rows.csv"), Reading(sample=None))
        assert (again.genes, again.time.tolist()) == (cells.genes, [0, 1, 2.5])
        np.testing.assert_array_equal(again.values, cells.values)
        assert again.notes[0].text == "rows.csv: row 1 has the times"
        return
    with pytest.raises(DashpruneError, match="if row 1 has the times, write 'time' into its first cell"):
        read_cells(Path("rows.csv"), Reading(sample=None))


def test_negative_times_in_the_first_row_are_refused_as_such() -> None:
    Path("rows.csv").write_text("time,-1,0,1\nG1,0.1,0.2,0.3\nG2,0.4,0.5,0.6\n")
    with pytest.raises(DashpruneError, match=r"is -1; time must not be negative, so shift all times"):
        read_cells(Path("rows.csv"), Reading(sample=None))


@pytest.mark.parametrize(
    ("above", "beside"), [("7157,1956", "0h,24h"), ("T1,T2", "0,24"), ("T1,T2", "day 0,day 24"), ("G1,G2", "T0,T24")]
)
def test_genes_above_times_may_have_names_like_times(above: str, beside: str) -> None:
    first, second = beside.split(",")
    Path("wide.csv").write_text(f"time,{above}\n{first},0.1,0.2\n{second},0.3,0.4\n")
    cells = read_cells(Path("wide.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (tuple(above.split(",")), [0, 24])


@pytest.mark.parametrize(
    ("above", "beside"),
    [
        ("0h,24h", "T1,T2"),
        ("0h,24h", "7157,1956"),
        ("T0,T24", "TP53,E2F1"),
        ("0h,24h", "SEC61,SEC63"),
        ("Day0,Day24", "H1,H3"),
    ],
)
def test_genes_below_times_may_have_names_like_times(above: str, beside: str) -> None:
    first, second = beside.split(",")
    Path("rows.csv").write_text(f"time,{above}\n{first},0.1,0.2\n{second},0.3,0.4\n")
    cells = read_cells(Path("rows.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == ((first, second), [0, 24])


def test_a_long_cell_in_place_of_a_time_is_told_at_once() -> None:
    Path("rows.csv").write_text(f"time,A,B\n{'_ ' * 3000}x,0.1,0.2\n1,0.3,0.4\n")
    with pytest.raises(DashpruneError, match=r"time must be a finite number"):
        read_cells(Path("rows.csv"), Reading(sample=None))


@pytest.mark.parametrize("genes", ["SEC61,SEC63", "5S,18S"])
def test_genes_that_may_be_times_above_numbers_of_genes_are_refused(genes: str) -> None:
    Path("wide.csv").write_text(f"time,{genes}\n0,1,4\n24,2,5\n48,3,6\n")
    with pytest.raises(DashpruneError, match="row 1 and column 1 may both have the times"):
        read_cells(Path("wide.csv"), Reading(sample=None))


@pytest.mark.parametrize("genes", ["T1,T2", "P1,P2", "7157,1956"])
def test_genes_above_plain_times_are_never_taken_for_these(genes: str) -> None:
    Path("wide.csv").write_text(f"time,{genes}\n0,1,4\n24,2,5\n48,3,6\n")
    cells = read_cells(Path("wide.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (tuple(genes.split(",")), [0, 24, 48])


@pytest.mark.parametrize("times", ["6,24,48", "T0,T24,T48"])
def test_numbers_of_genes_below_times_are_not_taken_for_these(times: str) -> None:
    Path("rows.csv").write_text(f"time,{times}\n7157,1,2,3\n4193,4,5,6\n672,7,8,9\n")
    with pytest.raises(DashpruneError, match="row 1 and column 1 may both have the times"):
        read_cells(Path("rows.csv"), Reading(sample=None))


def test_names_that_begin_like_a_fraction_are_kept() -> None:
    Path("e.tsv").write_text("time\t2,3-BPG\tPKM\n0\t0.5\t4\n1\t2\t5\n")
    assert read_cells(Path("e.tsv"), Reading(sample=None)).genes == ("2,3-BPG", "PKM")


def test_one_day_and_two_days_are_of_one_unit() -> None:
    Path("rows.csv").write_text("time,0 days,1 day,2 Days\nTP53,1,2,3\nMDM2,4,5,6\n")
    assert read_cells(Path("rows.csv"), Reading(sample=None)).time.tolist() == [0, 1, 2]


def test_a_gene_called_like_a_unit_is_no_row_of_times() -> None:
    Path("rows.csv").write_text("gene,c1,c2\nTP53,0.1,0.2\nHR,0.3,0.4\nMIN,1,2\n")
    with pytest.raises(DashpruneError, match="nothing tells the time of the 2 columns"):
        read_cells(Path("rows.csv"), Reading(sample=None))
    Path("rows.csv").write_text("gene,c1,c2\nbatch,1,1\nsample,a,a\nlane,2,2\nhr,0,24\nTP53,0.1,0.2\nHR,0.3,0.4\n")
    cells = read_cells(Path("rows.csv"), Reading(drop=["lane"]))
    assert (cells.genes, cells.time.tolist()) == (("batch", "TP53", "HR"), [0, 24])


@pytest.mark.parametrize(
    ("name", "more", "found"),
    [("hr", "HR", True), ("min", "TP53", True), ("Day", "abl1", True), ("hr", "abl1", False), ("Hr", "Tp53", False)],
)
def test_a_row_of_times_below_genes(name: str, more: str, found: bool) -> None:
    """Unless a gene may have that name: it is not one if it alone is in small letters."""
    Path("rows.csv").write_text(f"gene,c1,c2\nA,0.1,0.2\n{more},0.3,0.4\n{name},0,24\n")
    if found:
        assert read_cells(Path("rows.csv"), Reading(sample=None)).time.tolist() == [0, 24]
    else:
        with pytest.raises(DashpruneError, match="nothing tells the time"):
            read_cells(Path("rows.csv"), Reading(sample=None))
    cells = read_cells(Path("rows.csv"), Reading(sample=None, time=name))
    assert (cells.genes, cells.time.tolist()) == (("A", more), [0, 24])


@pytest.mark.parametrize(("first", "found"), [("0m", [0, 30]), ("0h", [0, 30]), ("0 days", [0, 30]), ("P0", None)])
def test_zero_is_zero_in_every_unit(first: str, found: list[float] | None) -> None:
    second = "30min" if found else "E14"  # P0 is the day of birth
    Path("wide.csv").write_text(f"time,A,B\n{first},0.1,0.2\n{second},0.3,0.4\n")
    if found:
        assert read_cells(Path("wide.csv"), Reading(sample=None)).time.tolist() == found
    else:
        with pytest.raises(DashpruneError, match="different units"):
            read_cells(Path("wide.csv"), Reading(sample=None))


@pytest.mark.parametrize("genes", ["7157,4193", "TP53,MDM2"])
@pytest.mark.parametrize("times", ["0h_a,24h_a", "X0h.1,X24h.1", "0,24,0.1,24.1"])
def test_times_with_something_more_are_refused(times: str, genes: str) -> None:
    rows = [",".join([gene, *(f"{k}.5" for k in range(times.count(",") + 1))]) for gene in genes.split(",")]
    Path("rows.csv").write_text("\n".join([f"time,{times}", *rows]) + "\n")
    said = "row 1 seems to have times with something more|row 1 and column 1 may both have the times"
    with pytest.raises(DashpruneError, match=said):
        read_cells(Path("rows.csv"), Reading(sample=None))


@pytest.mark.parametrize("times", ["0,0.5,2", "24,0,48"])
@pytest.mark.parametrize("genes", ["X1,X2", "T1,T2"])
def test_simulated_genes_above_times(times: str, genes: str) -> None:
    rows = [";".join([time.replace(".", ","), "1", "2"]) for time in times.split(",")]
    Path("wide.csv").write_text("\n".join([f"time;{genes.replace(',', ';')}", *rows]) + "\n")
    if (times, genes) == ("24,0,48", "T1,T2"):  # and of genes whose numbers stand below T1 and T2
        with pytest.raises(DashpruneError, match="row 1 and column 1 may both have the times"):
            read_cells(Path("wide.csv"), Reading(sample=None))
        return
    cells = read_cells(Path("wide.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (tuple(genes.split(",")), [float(one) for one in times.split(",")])


@pytest.mark.parametrize("times", ["0,24,6", "5e-05,0.1,0.2", ".5,1.5,2.5", "0h after,6h after,9h after"])
@pytest.mark.parametrize("genes", ["1007_s_at,1053_at", "X1007_s_at,X117_at", "2-oxoglutarate,3-PG", "X5S,X18S"])
def test_genes_that_begin_with_numbers(times: str, genes: str) -> None:
    rows = [f"{time},1,2" for time in times.split(",")]
    Path("wide.csv").write_text("\n".join([f"time,{genes}", *rows]) + "\n")
    assert read_cells(Path("wide.csv"), Reading(sample=None)).genes == tuple(genes.split(","))


def test_numbers_that_rise_from_zero_are_no_genes() -> None:
    Path("rows.csv").write_text("time,0,24\n7157,0.1,0.2\n4193,0.3,0.4\n672,0.5,0.6\n")
    cells = read_cells(Path("rows.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (("7157", "4193", "672"), [0, 24])
    Path("rows.csv").write_text("time,0,24\n672,0.1,0.2\n7157,0.3,0.4\n")  # in order, as times are
    with pytest.raises(DashpruneError, match="row 1 and column 1 may both have the times"):
        read_cells(Path("rows.csv"), Reading(sample=None))
    Path("wide.csv").write_text("time,0,1,2\n0,0.1,0.2,0.3\n24,0.3,0.4,0.5\n")  # columns that pandas counted
    assert read_cells(Path("wide.csv"), Reading(sample=None)).genes == ("0", "1", "2")


def test_times_to_which_r_wrote_an_x() -> None:
    Path("rows.csv").write_text("time,X0,X24\nTP53,0.1,0.2\nMDM2,0.3,0.4\n")
    cells = read_cells(Path("rows.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (("TP53", "MDM2"), [0, 24])
    for above, found in (("X0,X24", [0, 24]), ("X7,X24", None)):
        Path("rows.csv").write_text(f"time,{above}\n7157,0.1,0.2\n4193,0.3,0.4\n672,0.5,0.6\n")
        if found:
            assert read_cells(Path("rows.csv"), Reading(sample=None)).time.tolist() == found
            continue
        with pytest.raises(DashpruneError, match="row 1 and column 1 may both have the times"):
            read_cells(Path("rows.csv"), Reading(sample=None))
    Path("rows.csv").write_text("time,X0h,X24h\nTP53,0.1,0.2\nMDM2,0.3,0.4\n")
    cells = read_cells(Path("rows.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (("TP53", "MDM2"), [0, 24])
    Path("wide.csv").write_text("time,X1,X2\nT0,0.1,0.2\nT24,0.3,0.4\n")
    assert read_cells(Path("wide.csv"), Reading(sample=None)).genes == ("X1", "X2")


@pytest.mark.parametrize(
    "times", ["0,0.1,0.2,0.3", "0,0.5,1,1.5", "1,1.1,2,2.5", ",".join(f"{k / 10:g}" for k in range(20))]
)
def test_times_with_fractions_were_not_numbered(times: str) -> None:
    values = ",".join(str(k) for k in range(times.count(",") + 1))
    Path("rows.csv").write_text(f"time,{times}\nTP53,{values}\nMDM2,{values}\n")
    assert read_cells(Path("rows.csv"), Reading(sample=None)).time.tolist() == [float(one) for one in times.split(",")]


def test_long_and_short_names_of_a_unit_are_one() -> None:
    Path("rows.csv").write_text("time,0 h,1hr,2 Hours\nTP53,1,2,3\nMDM2,4,5,6\n")
    assert read_cells(Path("rows.csv"), Reading(sample=None)).time.tolist() == [0, 1, 2]
    Path("rows.csv").write_text("time,0 h,1d,2 Hours\nTP53,1,2,3\nMDM2,4,5,6\n")
    with pytest.raises(DashpruneError, match="times have different units"):
        read_cells(Path("rows.csv"), Reading(sample=None))


def test_a_gene_is_no_time() -> None:
    Path("rows.csv").write_text("time,c1,c2\nG1,0.1,0.2\nG2,0.3,0.4\n")
    with pytest.raises(DashpruneError, match=r"row 2, column 'time' is 'G1'; time must be a finite number"):
        read_cells(Path("rows.csv"), Reading(sample=None))


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("LPS 4h,LPS 8h", [4, 8]),
        ("embryonic day 8.5,embryonic day 9.5", [8.5, 9.5]),
        ("3 hours after,6 hours after", [3, 6]),
    ],
)
def test_times_in_words(times: str, expected: list[float]) -> None:
    first, second = times.split(",")
    Path("wide.csv").write_text(f"time,A,B\n{first},0.1,0.2\n{second},0.3,0.4\n")
    assert read_cells(Path("wide.csv"), Reading(sample=None)).time.tolist() == expected


@pytest.mark.parametrize(("above", "first"), [("7,24", "E2"), ("T1,T2", "T0")])
def test_times_that_may_be_above_or_beside_are_refused(above: str, first: str) -> None:
    Path("rows.csv").write_text(f"time,{above}\n{first},0.1,0.2\nE4,0.3,0.4\n")
    with pytest.raises(DashpruneError, match=r"row 1 and column 1 may both have the times; .* such as 24h"):
        read_cells(Path("rows.csv"), Reading(sample=None))


@pytest.mark.parametrize("sign", [";", "\t", "|", " "])
def test_fractions_behind_a_comma(sign: str) -> None:
    lines = ["time,0,0.5,1", "G1,0.1,2,3.125", "G2,4,0.5,6"]
    Path("rows.csv").write_text("\n".join(line.replace(",", sign).replace(".", ",") for line in lines) + "\n")
    cells = read_cells(Path("rows.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (("G1", "G2"), [0, 0.5, 1])
    np.testing.assert_allclose(cells.values, [[0.1, 4], [2, 0.5], [3.125, 6]])


def test_a_comma_that_may_be_for_thousands_is_refused() -> None:
    Path("counts.tsv").write_text("time\tA\tB\n0\t1,234\t567\n1\t2,345\t678\n")
    with pytest.raises(DashpruneError, match=r"column 'A' holds text, such as '1,234'"):
        read_cells(Path("counts.tsv"), Reading(sample=None))
    Path("counts.csv").write_text("time;A;B\n0;1.234;5\n1;345;6\n")
    with pytest.raises(DashpruneError, match=r"the point in '1.234' may be for thousands"):
        read_cells(Path("counts.csv"), Reading(sample=None))
    Path("counts.csv").write_text("time;A;B\n0;1.234;0,5\n1;2.345;1,5\n")
    with pytest.raises(DashpruneError, match=r"'0,5' has a comma and '1.234' a point before the fraction"):
        read_cells(Path("counts.csv"), Reading(sample=None))


@pytest.mark.parametrize(
    ("name", "sign", "rows", "said"),
    [
        ("a.tsv", "\t", ["time A B", "0 1.234 5", "1 345 6"], "the point in '1.234'"),
        ("a.txt", "|", ["time A B", "0 1.234 5", "1 345 6"], "the point in '1.234'"),
        ("a.csv", ";", ["time A B", "0 1,234 5", "1 345 6"], "the comma in '1,234'"),
        ("a.tsv", "\t", ["time A B", *(f"{k} {k} {k}" for k in range(40)), "40 1.234 7"], "the point in '1.234'"),
        ("a.tsv", "\t", ["gene c1 c2", "time 0 24", "A 1.234 950", "B 2.345 2.123"], "the point in '2.345'"),
    ],
)
def test_numbers_that_may_have_thousands_are_refused(name: str, sign: str, rows: list[str], said: str) -> None:
    Path(name).write_text("".join(row.replace(" ", sign) + "\n" for row in rows))
    with pytest.raises(DashpruneError, match=rf"{re.escape(said)} may be for thousands"):
        read_cells(Path(name), Reading(sample=None))


@pytest.mark.parametrize(
    "rows",
    [
        ["time A B", "0 1.234 5", "1 345 0.5"],  # a fraction elsewhere
        ["time A B", "0 1.234 5", "1 1345 6"],  # thousands without a point
        ["time A B", "0 1.234 5", "1 3.450 6"],  # three digits everywhere
        ["gene c1 c2", "time 0 24", "A 1.234 2.950", "B 2.345 2.123"],  # whole numbers are times alone
        ["time 0 24", "A 1.234 2.950", "B 2.345 2.123"],
        ["sample time A B", "1.100 0 7 8", "1.100 1 8 9"],
        ["gene c1 c2", "hours 0 24", "A 1.234 2.950", "B 2.345 2.123"],
        ["gene c1 c2", "seconds 0 24", "A 1.234 2.950", "B 2.345 2.123"],
        ["time A B", "0 5.123 0", "1 6.234 7.345"],  # a zero may have no fraction
        ["time A B", "0 -1.123 5", "1 2.234 -3.345"],  # thousands are counts
        ["time A B", "0 1.234 3.456", "1 2 4.567", "2 3.456 6.789"],  # within the range of the others
        ["time A B", "0 1.234 3.456", "1.125 2.345 4.567", "24 3.456 6.789"],
        ["time A B", "0 1.234 3.456", "", "1 2.345 4.567"],
    ],
)
def test_fractions_of_three_digits_are_read(rows: list[str]) -> None:
    Path("a.tsv").write_text("".join(row.replace(" ", "\t") + "\n" for row in rows))
    how = Reading(sample="sample" if rows[0].startswith("sample") else None)
    assert read_cells(Path("a.tsv"), how).genes == ("A", "B")
    Path("a.txt").write_text("".join(f"{row}\n" for row in rows))
    assert read_cells(Path("a.txt"), how).genes == ("A", "B")


@pytest.mark.parametrize("missing", ["NA", "#N/A", ""])
def test_fractions_behind_a_comma_beside_what_is_missing(missing: str) -> None:
    Path("a.csv").write_text(f"time;cond;A;B;C\n0,5 h;x;0,5;{missing};1\n1,5 h;2,3-BPG;1,25;2,5;2\n")
    cells = read_cells(Path("a.csv"), Reading(sample="cond", missing="drop_gene"))
    assert (cells.genes, cells.time.tolist(), cells.sample.tolist()) == (("A", "C"), [0.5, 1.5], ["x", "2,3-BPG"])
    np.testing.assert_allclose(cells.values, [[0.5, 1], [1.25, 2]])


def test_points_among_fractions_behind_a_comma_are_refused_anywhere() -> None:
    rows = [f"{k};{k},5;{k},25" for k in range(30)]
    Path("a.csv").write_text("\n".join(["time;A;B", *rows, "30;1.234;7,5"]) + "\n")
    with pytest.raises(DashpruneError, match=r"'0,5' has a comma and '1.234' a point before the fraction"):
        read_cells(Path("a.csv"), Reading(sample=None))


def test_fractions_behind_a_comma_below_times_with_units() -> None:
    Path("a.csv").write_text("time;0h;24h\nA;0,5;1,25\nB;2;3,5\n")
    cells = read_cells(Path("a.csv"), Reading(sample=None))
    assert cells.time.tolist() == [0, 24]
    np.testing.assert_allclose(cells.values, [[0.5, 2], [1.25, 3.5]])


def test_points_of_names_and_of_other_columns_go_with_commas() -> None:
    Path("s.csv").write_text("sample;time;A;B\n1.1;0;0,5;0.25\n1.1;1;0,75;0.5\n")
    cells = read_cells(Path("s.csv"), Reading())
    assert cells.sample.tolist() == ["1.1", "1.1"]
    np.testing.assert_allclose(cells.values, [[0.5, 0.25], [0.75, 0.5]])


def test_rows_that_r_has_numbered() -> None:
    Path("r.txt").write_text('"time"\t"A"\t"B"\n"1"\t0\t0.1\t0.5\n"2"\t1\t0.2\t0.5\n')
    cells = read_cells(Path("r.txt"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (("A", "B"), [0, 1])
    np.testing.assert_allclose(cells.values, [[0.1, 0.5], [0.2, 0.5]])
    Path("s.txt").write_text('"sample" "time" "A" "B"\n"1" "s1" 0 0.1 0.5\n"2" "s1" 1 0.2 0.5\n')
    assert read_cells(Path("s.txt"), Reading()).sample.tolist() == ["s1", "s1"]
    Path("q.csv").write_text('"time","A","B"\n"1","0.1","0.5","0.7"\n"2","0.2","0.5","0.7"\n')
    with pytest.raises(DashpruneError, match="has 4 cells, but the header has 3"):  # which lacks a name
        read_cells(Path("q.csv"), Reading(sample=None))
    edit("r.txt", lambda lines: [line.replace('"', "") for line in lines])  # or the header lacks a name
    with pytest.raises(DashpruneError, match="has 4 cells, but the header has 3"):
        read_cells(Path("r.txt"), Reading(sample=None))


def test_names_with_spaces_are_not_taken_for_several() -> None:
    Path("r.txt").write_text('"time" "A one" "B"\n"1" 0 0.1 0.5\n"2" 1 0.2 0.5\n')
    with pytest.raises(DashpruneError, match=r"row 1 has names with spaces; part them by tabs"):
        read_cells(Path("r.txt"), Reading(sample=None))


def test_a_gene_called_time_below_a_row_of_times() -> None:
    Path("rows.csv").write_text("time,0,1\ntime,0.1,0.2\nG2,0.4,0.5\n")
    with pytest.raises(DashpruneError, match=r"column 1 names 'time' twice, at 1 and 2"):
        read_cells(Path("rows.csv"), Reading(sample=None))


def test_times_of_replicates_need_a_row_of_their_own() -> None:
    Path("rows.csv").write_text("time,0,1,0,1\nG1,0.1,0.2,0.3,0.4\nG2,0.4,0.5,0.6,0.7\n")
    with pytest.raises(DashpruneError, match=r"names '0' twice, at 2 and 4; .* a row 'time' below names"):
        read_cells(Path("rows.csv"), Reading(sample="auto"))
    edit("rows.csv", lambda lines: [",a,b,c,d", *lines])
    assert read_cells(Path("rows.csv"), Reading(sample="auto")).time.tolist() == [0, 1, 0, 1]


def test_genes_that_are_numbers_are_not_taken_for_times() -> None:
    Path("entrez.csv").write_text("time,7157,1956\n0h,0.1,0.2\n24h,0.3,0.4\n")
    cells = read_cells(Path("entrez.csv"), Reading(sample=None))
    assert (cells.genes, cells.time.tolist()) == (("7157", "1956"), [0, 24])


def test_genes_in_rows_without_any_time_are_told_apart_from_a_missing_column() -> None:
    Path("expression.csv").write_text(",C1,C2,C3\nG0,0.0,0.3,0.6\nG1,0.7,0.0,0.3\nG2,0.4,0.7,0.0\n")
    said = refused()
    assert said.startswith(
        "expression.csv: genes seem to stand in rows (column 1 has 'G0', 'G1' and 1 more), and nothing tells the "
        "time of the 3 columns ('C1', 'C2' and 1 more); "
    )
    assert "give dataset.pseudotime=FILE" in said
    assert "transpose the file and add the column 'time'" in said
    edit("expression.csv", lambda lines: ["gene,s0_0.0,s0_0.6,s1_0.0", *lines[1:]])
    assert "genes seem to stand in rows" in refused()


def series_matrix(wide: pd.DataFrame, time: str = "time point", unit: str = " h") -> str:
    """As GEO writes it: lines on the samples, then genes in rows."""

    def line(*cells: object) -> str:
        return "\t".join(f'"{cell}"' if k else str(cell) for k, cell in enumerate(cells))

    names = [f"GSM{100 + k}" for k in range(len(wide))]
    rows = [line("!Series_title", "A response"), line("!Sample_title", *(f"rep {k}" for k in range(len(wide))))]
    rows.append(line("!Sample_geo_accession", *names))
    rows.append(line("!Sample_characteristics_ch1", *["tissue: liver"] * len(wide)))
    rows.append(line("!Sample_characteristics_ch1", *(f"donor: {sample}" for sample in wide["sample"])))
    rows.append(line("!Sample_characteristics_ch1", *(f"{time}: {when:g}{unit}" for when in wide["time"])))
    rows.append("!series_matrix_table_begin")
    rows.append("\t".join(['"ID_REF"', *(f'"{name}"' for name in names)]))
    for gene in wide.columns[2:]:
        rows.append("\t".join([f'"{gene}"', *(repr(float(value)) for value in wide[gene])]))
    return "\n".join([*rows, "!series_matrix_table_end"]) + "\n"


def test_a_series_matrix_of_geo(capsys: pytest.CaptureFixture[str]) -> None:
    expected = load()
    Path("GSE1_series_matrix.txt").write_text(series_matrix(table()))
    with gzip.open("GSE1_series_matrix.txt.gz", "wt") as file:
        file.write(series_matrix(table()))
    geo = {"expression": "GSE1_series_matrix.txt"}
    assert "has no column 'sample' (time is taken from 'time point'); 'donor' may be it" in refused(**geo)
    assert mends(**geo) == ("dataset.sample=donor",)
    capsys.readouterr()
    same(load(**geo, sample="donor"), expected)
    assert "a series matrix of GEO, genes in rows\n" in capsys.readouterr().err
    same(load(expression="GSE1_series_matrix.txt.gz", sample="donor"), expected)
    names = pd.DataFrame({"name": [f"rep {k}" for k in range(20)], **table()[["sample", "time"]]})
    names.to_csv("times.csv", index=False)
    same(load(**geo, pseudotime="times.csv"), expected)


def test_a_series_matrix_without_times_or_without_a_table() -> None:
    Path("geo.txt").write_text(series_matrix(table(), "phase of treatment"))
    assert refused(expression="geo.txt", sample="donor") == (
        "geo.txt: a series matrix of GEO, in which nothing tells the time of the 20 samples; name what does with "
        "dataset.time=NAME (they have 'title', 'tissue', 'donor' and 'phase of treatment'), or give "
        "dataset.pseudotime=FILE, a table with a row per sample: GSM100 or its title, its time, or name, sample and "
        "time"
    )
    assert mends(expression="geo.txt")[-1] == "dataset.time='phase of treatment'"
    mended = [*options(expression="geo.txt", sample="donor"), "dataset.time='phase of treatment'"]
    same(check(compose(mended)).dataset.load(), load())
    Path("geo.txt").write_text(series_matrix(table()).partition("!series_matrix_table_end")[0])
    assert "geo.txt: a series matrix without a table between" in refused(expression="geo.txt")


def test_a_series_matrix_that_is_no_table() -> None:
    lines = series_matrix(table()).splitlines()
    lines[9] += "\t1.5"
    Path("geo.txt").write_text("\n".join(lines))
    assert "geo.txt: row 10 has 22 cells, but the header has 21; " in refused(expression="geo.txt", sample="donor")
    lines[9] = '"' + lines[9].removesuffix("\t1.5").replace('"', "")
    Path("geo.txt").write_text("\n".join(lines))
    assert "geo.txt: a gene's name runs over several lines" in refused(expression="geo.txt", sample="donor")
    lines[10:-1] = []
    Path("geo.txt").write_text("\n".join(lines))
    assert "geo.txt: it is not a table: " in refused(expression="geo.txt", sample="donor")


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["time_points", "Time", "TIME", "pseudotime", "dpt_pseudotime", "latent_time", "hours", "Time (h)", "timepoint",
     "slingPseudotime_1", "PseudoTime", "days", "t"],
)  # fmt: skip
def test_time_is_found_under_its_usual_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = load()
    capsys.readouterr()
    table().rename(columns={"time": name}).to_csv("expression.csv", index=False)
    same(load(), expected)
    assert f"expression.csv: time is taken from '{name}' ({override('time', name)})" in capsys.readouterr().err
    write_h5ad(table())
    same(load(expression="cells.h5ad"), expected)


@pytest.mark.parametrize("name", ["TIMELESS", "MIN1", "T", "H", "DAYSY", "TIMP1", "HRAS", "hours_fasted", "sample"])
def test_genes_are_not_taken_for_time(name: str) -> None:
    assert not is_time(name)


def test_several_columns_that_may_tell_the_time() -> None:
    wide = table().rename(columns={"time": "dpt_pseudotime"})
    wide["latent_time"] = wide["dpt_pseudotime"] + 0.5
    wide.to_csv("expression.csv", index=False)
    assert refused() == (
        "expression.csv has no column 'time', but 'dpt_pseudotime' and 'latent_time' may tell it; name it with "
        "dataset.time=COLUMN"
    )
    assert mends() == ("dataset.time=dpt_pseudotime", "dataset.time=latent_time")
    assert load(time="latent_time", test="[s1]", drop="[dpt_pseudotime]").test.times.min() == 0.5


def test_times_with_a_unit() -> None:
    expected = load()
    wide = table()
    wide.assign(time=[f"{time:g} h" if time else "0" for time in wide["time"]]).to_csv("expression.csv", index=False)
    same(load(), expected)
    for form in ("{:g}h", "{:g} hours", "T{:g}", "day {:g}"):
        wide.assign(time=[form.format(time) for time in table()["time"]]).to_csv("expression.csv", index=False)
        same(load(), expected)
    put("expression.csv", 3, "s1,1 week,0.1,0.2,0.3,0.4")
    assert "expression.csv: times have different units, such as 'day 4' and '1 week'; write all in one" in refused()


def test_rows_without_a_time_are_counted() -> None:
    wide = table()
    wide.loc[[0, 6], "time"] = [np.nan, np.inf]
    wide.to_csv("expression.csv", index=False, na_rep="NA")
    write_h5ad(wide.copy())
    assert refused() == (
        "expression.csv: 2 of 20 rows have no time, the first is row 2; dataset.missing_time=drop leaves them out"
    )
    assert "cells.h5ad: 2 of 20 cells have no time, the first is cell cell0" in refused(expression="cells.h5ad")
    for name in ("expression.csv", "cells.h5ad"):
        problem = load(expression=name, missing_time="drop", validation="null", test="null")
        assert int((~np.isnan(problem.train.times)).sum()) == 18
        np.testing.assert_array_equal(problem.train.times[0, :3], TIMES[1:])
    wide.assign(time="NA").to_csv("expression.csv", index=False)
    assert refused(missing_time="drop").startswith("expression.csv: none of 20 rows has a time")


def test_a_table_of_one_series_says_what_was_taken_and_what_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    """As DynGENIE3 and GeneNetWeaver write: time_points in steps of 50, no sample."""
    one = table(1).drop(columns="sample").rename(columns={"time": "time_points"})
    one["time_points"] = [0, 50, 100, 150]
    one.to_csv("series.txt", index=False, sep="\t")
    assert refused(expression="series.txt") == (
        "series.txt has no column 'sample' (time is taken from 'time_points'); name it with dataset.sample=COLUMN; "
        "or dataset.sample=null if all rows are one sample"
    )
    assert mends(expression="series.txt") == ("dataset.sample=null",)
    capsys.readouterr()
    one_sample = {"expression": "series.txt", "sample": "null", "test": "null", "validation": "null"}
    load(**one_sample)
    assert (
        "warning: series.txt: a step in time is 50, but a gene should respond within about one unit; "
        "dataset.time_scale=auto makes a step one unit, dataset.time_scale=N divides times by N"
    ) in capsys.readouterr().err
    assert load(**one_sample, time_scale="auto").train.times[0].tolist() == [0, 1, 2, 3]
    assert "a step in time" not in capsys.readouterr().err
    assert load(**one_sample, time_scale=100).train.times[0].tolist() == [0, 0.5, 1, 1.5]
    pd.concat([one, one]).to_csv("series.txt", index=False, sep="\t")
    assert refused(expression="series.txt").endswith(
        "dataset.sample=null if all rows are one sample, dataset.sample=auto if one begins where time goes back, which "
        "it does 1 times"
    )
    assert mends(expression="series.txt") == ("dataset.sample=auto",)
    pd.concat([one, one]).iloc[[3, 0, 6, 2, 5, 1]].to_csv("shuffled.csv", index=False)
    assert mends(expression="shuffled.csv") == ("dataset.sample=null",)
    two = load(expression="series.txt", sample="auto", test="null", validation="[series 1]", time_scale="auto")
    assert two.train.times.tolist() == two.validation.times.tolist() == [[0, 1, 2, 3]]


def test_steps_in_which_hardly_anything_changes(capsys: pytest.CaptureFixture[str]) -> None:
    table().assign(time=table()["time"] / 1000).to_csv("expression.csv", index=False)
    load()
    assert "a step in time is 0.0015, in which hardly anything changes" in capsys.readouterr().err
    load(time_scale=0.001)
    assert "a step in time" not in capsys.readouterr().err


def test_windows_of_interventions_are_in_units_of_the_file() -> None:
    Path("done.csv").write_text("sample,gene,kind,from,to\ns1,MYC,knockout,0,1\n")
    problem = load(interventions="done.csv", time_scale=2, test="null", validation="null")
    assert problem.train.times[0].tolist() == [0, 0.5, 1.25, 2]
    done = problem.train.interventions
    assert done is not None
    assert np.argwhere(~np.isnan(done.held)).tolist() == [[0, 0, 2]]


# --- samples ---------------------------------------------------------------------------------------------------------


def test_a_column_that_may_name_samples_is_named() -> None:
    table().rename(columns={"sample": "Replicate"}).to_csv("expression.csv", index=False)
    assert "has no column 'sample'; 'Replicate' may be it" in refused()
    assert mends() == ("dataset.sample=Replicate",)


def test_every_animal_measured_once() -> None:
    wide = table(4)
    wide["sample"] = [f"mouse{k}" for k in range(len(wide))]
    wide.to_csv("expression.csv", index=False)
    assert refused() == (
        "expression.csv: each of the 16 samples has a single time point, as where every animal is measured once; "
        "dataset.sample=null takes all for one sample, and averages what has the same time"
    )
    assert mends() == ("dataset.sample=null",)
    problem = load(sample="null", drop="[sample]", test="null", validation="null")
    np.testing.assert_array_equal(problem.train.times, [TIMES])


# --- genes -----------------------------------------------------------------------------------------------------------


def test_columns_that_are_hardly_genes(capsys: pytest.CaptureFixture[str]) -> None:
    expected = load()
    odd = table().assign(**{"Unnamed: 0": range(20), "batch": 1, "n_counts": 7.0, "dpt_pseudotime": 0.5})
    odd.to_csv("expression.csv", index=False)
    capsys.readouterr()
    assert len(load().genes) == 8
    said = capsys.readouterr().err
    mend = "dataset.drop=['Unnamed: 0',batch,n_counts,dpt_pseudotime]"
    assert (
        "warning: expression.csv: columns 'Unnamed: 0', 'batch', 'n_counts' and 'dpt_pseudotime' are hardly genes; "
        f"{mend} leaves them out"
    ) in said
    same(check(compose([*options(), mend])).dataset.load(), expected)
    assert "hardly" not in capsys.readouterr().err
    assert refused(drop="[bacth]") == (
        "dataset.drop: expression.csv has no column or gene 'bacth'; did you mean 'batch'?"
    )


def test_columns_of_text_are_named_together() -> None:
    expected = load()
    table().assign(**{"cell type": "B", "ward": "x"}).to_csv("expression.csv", index=False)
    assert refused() == (
        "expression.csv: columns 'cell type' and 'ward' hold text, such as 'B', where expression must be; "
        "dataset.drop=['cell type',ward] leaves them out"
    )
    same(check(compose([*options(), *mends()])).dataset.load(), expected)


def test_genes_are_dropped_of_every_layout() -> None:
    wide = table()
    wide.melt(["sample", "time"], var_name="gene").to_csv("long.csv", index=False)
    write_h5ad(wide.copy())
    for name in ("expression.csv", "long.csv", "cells.h5ad"):
        assert load(expression=name, drop="[MYC]").genes == ("TP53", "MDM2", "ESR1")
    beeline(wide)
    assert load(drop="[MYC]").genes == ("TP53", "MDM2", "ESR1")


# --- missing values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["", "NA", "NaN", "nan", "N/A", "null", "None"])
def test_missing_values_are_counted_and_named(mark: str) -> None:
    wide = table()
    wide.loc[[1, 6], "MYC"] = np.nan
    wide.loc[2, "TP53"] = np.nan
    wide.to_csv("expression.csv", index=False, na_rep=mark)
    assert refused() == (
        "expression.csv: 3 of 80 values are missing, of 2 genes ('MYC' and 'TP53'), in 2 samples ('s1' and 's2'); "
        "the first is that of 'MYC' in row 3 (sample 's1', time 1); say what to do with "
        "dataset.missing=interpolate, drop_gene or drop_time"
    )
    assert mends() == ("dataset.missing=interpolate", "dataset.missing=drop_gene", "dataset.missing=drop_time")


def test_what_is_done_about_missing_values(capsys: pytest.CaptureFixture[str]) -> None:
    wide = table()
    wide.loc[[1, 3], "MYC"] = np.nan
    wide.to_csv("expression.csv", index=False)
    whole = {"test": "null", "validation": "null"}
    filled = load(missing="interpolate", **whole).train.expression[0, :, 2]
    start, middle = wide["MYC"][0], wide["MYC"][2]
    np.testing.assert_allclose(filled, [start, start + (middle - start) / 2.5, middle, middle], rtol=1e-6)
    assert "they were filled in along time (dataset.missing=interpolate)" in capsys.readouterr().err
    assert load(missing="drop_gene", **whole).genes == ("TP53", "MDM2", "ESR1")
    assert load(missing="drop_time", **whole).train.times[0, :2].tolist() == [0, 2.5]
    wide.loc[:3, "MYC"] = np.nan
    wide.to_csv("expression.csv", index=False)
    assert "dataset.missing=drop_gene or drop_time" in refused()
    assert refused(missing="interpolate") == (
        "expression.csv: gene 'MYC' has no value in sample 's1' to interpolate from; leave it out with "
        "dataset.missing=drop_gene"
    )
    wide["TP53"] = wide["MDM2"] = wide["MYC"] = wide["ESR1"] = np.nan
    wide.to_csv("expression.csv", index=False, na_rep="NA")
    assert "dataset.missing=drop_time leaves nothing" in refused(missing="drop_time")


def test_interpolation_takes_the_mean_of_replicates() -> None:
    rows = [("s", 0, 1.0, 1), ("s", 0, 3.0, 1), ("s", 1, np.nan, 1), ("s", 2, 4.0, 1), ("s", 2, 8.0, 1)]
    pd.DataFrame(rows, columns=["sample", "time", "A", "B"]).to_csv("expression.csv", index=False)
    cells = read_cells(Path("expression.csv"), Reading(missing="interpolate"))
    np.testing.assert_array_equal(cells.values[:, 0], [1, 3, 4, 4, 8])


# --- size of values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: np.round(1000 * x), "are all whole, as counts are; take log(1 + x) first, and consider"),
        (lambda x: 1000.5 * x, "values reach"),
        (lambda x: 14 * x, "as logarithms do"),
        (lambda x: (x - x.mean(axis=0)) / x.std(axis=0), "as z-scores have"),
        (lambda x: x - 0.5, "as logarithms do"),
        (lambda x: x, None),
    ],
)
def test_the_size_of_values_is_pointed_out(
    change: Callable[[np.ndarray], np.ndarray], said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = table()
    wide[GENES] = change(wide[GENES].to_numpy())
    wide.to_csv("expression.csv", index=False)
    load()
    told = capsys.readouterr().err
    assert ("warning" in told) == (said is not None)
    assert said is None or (said in told and "consider dataset.scale=true" in told)
    load(scale="true")
    assert "warning" not in capsys.readouterr().err


def test_steps_in_which_nothing_changes_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    """As of a Boolean network."""
    wide = table(1)
    wide[GENES] = [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]]
    wide.to_csv("expression.csv", index=False)
    load()
    assert "warning: expression.csv: no gene changes in 1 of 3 steps between time points" in capsys.readouterr().err


# --- all together ----------------------------------------------------------------------------------------------------


def test_new_keys_leave_the_ids_of_runs_as_they_were() -> None:
    config = {"dataset": {"name": "custom", "time": "time", "sample": "sample"}, "seed": 0}
    added = {"pseudotime": None, "time_scale": None, "drop": None, "missing": "error", "missing_time": "error"}
    with_keys = {**config, "dataset": {**config["dataset"], **added}}
    assert run_id(with_keys, "x") == run_id(config, "x")
    for key, value in {"time_scale": 2.0, "drop": ["a"], "missing": "drop_gene", "missing_time": "drop"}.items():
        assert run_id({**with_keys, "dataset": {**with_keys["dataset"], key: value}}, "x") != run_id(config, "x")
    assert {f"dataset.{key}={value}" for key, value in added.items()} <= {
        f"dataset.{key}={value}" for key, value in compose(options()).dataset.items()
    }


def test_a_prior_that_is_not_there_may_be_none() -> None:
    assert refused(prior="net.txt") == (
        "dataset.prior: 'net.txt' does not exist; set dataset.prior=FILE; or dataset.prior=null if nothing is known "
        "beforehand"
    )


@st.composite
def expressions(draw: st.DrawFn) -> pd.DataFrame:
    """Wide expression: samples of their own times, values as float32 holds them."""
    genes = draw(st.lists(st.from_regex(r"[A-Z]{3}[0-9]{1,2}", fullmatch=True), min_size=2, max_size=5, unique=True))
    value = st.floats(0, 1, width=32, allow_subnormal=False)
    rows = []
    for sample in range(draw(st.integers(1, 3))):
        times = draw(st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True))
        for time in times:
            rows.append([f"s{sample}", time / 4, *draw(st.lists(value, min_size=len(genes), max_size=len(genes)))])
    return pd.DataFrame(rows, columns=["sample", "time", *genes])


def layouts(wide: pd.DataFrame, here: Path) -> dict[str, Path | None]:
    """The same expression in fourteen layouts: file, and the file with its times."""
    genes = [name for name in wide if name not in ("sample", "time")]
    names = [f"C{k}" for k in range(len(wide))]
    long = wide.melt(["sample", "time"], var_name="gene")
    named = wide.set_index(pd.Index(names))
    wide.to_csv(here / "wide.csv", index=False)
    named.to_csv(here / "indexed.csv")
    wide.rename(columns={"time": "dpt_pseudotime"}).to_csv(here / "wide.tsv", index=False, sep="\t")
    wide.to_csv(here / "tabs.csv", index=False, sep="\t")
    wide.to_csv(here / "semicolons.csv", index=False, sep=";", decimal=",")
    wide.to_csv(here / "spaces.txt", index=False, sep=" ", quoting=csv.QUOTE_NONNUMERIC)
    wide.to_parquet(here / "wide.parquet")
    long.to_csv(here / "long.csv", index=False)
    long.to_parquet(here / "long.parquet")
    named.T.to_csv(here / "turned.csv")
    named[genes].T.to_csv(here / "rows.csv")
    named[["sample", "time"]].to_csv(here / "times.csv")
    named[genes].to_csv(here / "columns.csv")
    (here / "geo.txt").write_text(series_matrix(wide))
    here = here.resolve()
    write_h5ad(wide.copy(), str(here / "cells.h5ad"))
    times = here / "times.csv"
    plain = ("wide.csv", "indexed.csv", "wide.tsv", "wide.parquet", "long.csv", "long.parquet", "turned.csv")
    parted = ("tabs.csv", "semicolons.csv", "spaces.txt")
    return {**dict.fromkeys((*plain, *parted, "cells.h5ad")), "rows.csv": times, "columns.csv": times, "geo.txt": None}


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(expressions())
def test_every_layout_of_an_expression_gives_the_same_arrays(wide: pd.DataFrame) -> None:
    def ordered(cells: Cells) -> tuple[object, ...]:
        by_gene = np.argsort(np.array(cells.genes))
        rows = np.lexsort((cells.time, cells.sample.astype(str)))
        return (
            [cells.genes[k] for k in by_gene], cells.sample[rows].tolist(), cells.time[rows].tolist(),
            cells.values[np.ix_(rows, by_gene)].tolist(),
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as place:
        expected = None
        for name, times in layouts(wide, Path(place)).items():
            how = Reading(sample="donor" if name == "geo.txt" else "sample")
            found = ordered(read_cells(Path(place, name), how._replace(pseudotime=times)))
            expected = expected or found
            assert found == expected, name
    assert expected is not None
    values = wide.sort_values(["sample", "time"])[expected[0]].to_numpy(dtype=np.float32)
    assert expected[3] == values.tolist()


def test_errors_are_those_of_the_user() -> None:
    for how in (Reading(time="age"), Reading(drop=("nothing",)), Reading(layer="raw")):
        with pytest.raises(DashpruneError):
            read_cells(Path("expression.csv"), how)


def test_times_of_day_in_parquet_are_no_numbers() -> None:
    """Nor is a gene of them: as in the CSV of the same table."""
    pytest.importorskip("pyarrow")
    wide = table()
    wide.assign(time=pd.to_datetime("2020-01-01")).to_parquet("days.parquet")
    assert "days.parquet: row 1, column 'time' is '2020-01-01" in refused(expression="days.parquet")
    wide.assign(**{GENES[0]: pd.to_datetime("2020-01-01")}).to_parquet("gene.parquet")
    assert f"column '{GENES[0]}' holds text, such as '2020-01-01'" in refused(expression="gene.parquet")


def test_bytes_in_parquet_are_text() -> None:
    pytest.importorskip("pyarrow")
    wide = table()
    wide.assign(sample=[name.encode() for name in wide["sample"]]).to_parquet("bytes.parquet")
    same(load(expression="bytes.parquet"), load())


def test_parquet_with_metadata_of_another_kind_is_named() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for k, metadata in enumerate(("no json", '{"index_columns": 3}', "[]")):
        content = pyarrow.Table.from_pandas(table()).replace_schema_metadata({"pandas": metadata})
        parquet.write_table(content, f"odd{k}.parquet")
        assert f"odd{k}.parquet is damaged, or no table of pandas (" in refused(expression=f"odd{k}.parquet")
