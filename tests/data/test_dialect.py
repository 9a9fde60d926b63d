"""What stands above a table, what parts its cells, and how its numbers are written."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashprune.data.own import dialect
from dashprune.data.own.cells import Cells, Reading
from dashprune.data.own.expression import read_cells
from dashprune.data.own.networks import read_network
from dashprune.errors import DashpruneError


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


TABLE = "time,A,B\n0,0.5,2\n1,2.25,3\n2,2.5,1\n"
EDGES = "regulator,target\nA,B\nB,A\n"


def read(text: str, name: str = "table.csv") -> Cells:
    Path(name).write_text(text)
    return read_cells(Path(name), Reading(sample=None))


def is_the_table(cells: Cells) -> None:
    assert (cells.genes, cells.time.tolist()) == (("A", "B"), [0, 1, 2])
    np.testing.assert_array_equal(cells.values, [[0.5, 2], [2.25, 3], [2.5, 1]])


def semicolons(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


@pytest.mark.parametrize(
    "above",
    [
        "",
        "# made in May\n",
        "# made, in May,\n# 2\n",
        "#made,,\n",
        '"# made"\n',
        '# 5" of rain\n',
        "sep=,\n",
        "#\n",
        "#a,b\n",
    ],
)
def test_what_is_above_a_header(above: str) -> None:
    is_the_table(read(above + TABLE))
    is_the_table(read(above.replace("sep=,", "sep=\t") + TABLE.replace(",", "\t"), "table.tsv"))
    Path("prior.csv").write_text(above + EDGES)
    assert read_network(Path("prior.csv"), ["A", "B"], "table.csv").matrix.nnz == 2


@pytest.mark.parametrize("above", ["sep=;\n", '"sep=;"\n', "SEP=;\r\n# made in May\n"])
def test_excel_says_what_parts_the_cells(above: str) -> None:
    is_the_table(read(above + semicolons(TABLE)))
    Path("prior.csv").write_text(above + semicolons(EDGES))
    assert read_network(Path("prior.csv"), ["A", "B"], "table.csv").matrix.nnz == 2


def test_a_header_may_begin_with_a_sharp() -> None:
    assert dialect.above(["#time,A,B", "0,0.5,2"]) == 0
    assert dialect.above(["# made, in May", "time,A", "0,1"]) == 1
    assert dialect.above(["# one", "#time,A,B", "0,0.5,2"]) == 1
    assert dialect.above(["# x, y, z, w", "gene,0,24h,48h", "A,1,2,3"]) == 1  # none is a time's
    assert dialect.above(["#time;A;B", "", "0h;1,5;2,5"]) == 0
    assert dialect.above(["#time,A,B", '"1",0,0.5,2']) == 0  # below are R's row names
    assert dialect.above(["# only", "# remarks"]) == 2
    assert dialect.above(["# time in hours", "gene,0,24", "A,1,2"]) == 1  # it has not as many names as there are cells
    is_the_table(read("#" + TABLE))
    is_the_table(read("#" + semicolons(TABLE)))
    assert read("#A,B,time\n0.5,2,0\n2.25,3,1\n").genes == ("A", "B")


@pytest.mark.parametrize(
    "above",
    [
        "# edges, 2, 3",
        "# edges, signed, v2",
        "# regulators, targets, weights by Smith",
        "# A, B, C",
        "# two words",
        " # x",
    ],
)
def test_a_remark_is_no_header_of_a_list_that_has_none(above: str) -> None:
    for sign in ", ":
        Path("prior.txt").write_text(f"{above}\n" + "A,B,-0.5\nB,A,1\n".replace(",", sign))
        matrix = read_network(Path("prior.txt"), ["A", "B"], "table.csv").matrix
        assert matrix.toarray().tolist() == [[0, -0.5], [1, 0]]
    for header in ("#TF\ttarget", "#source target"):
        Path("prior.tsv").write_text(f"{header}\nA\tB\n")
        assert read_network(Path("prior.tsv"), ["A", "B"], "table.csv").matrix.nnz == 1


def test_many_remarks_and_empty_lines() -> None:
    is_the_table(read("# remark\n" * 80 + "\n\n" + TABLE))


def test_thousands_in_the_header_are_no_fractions() -> None:
    with pytest.raises(DashpruneError, match="nothing tells the time of the 3 columns"):
        read('gene,0h,"1,000h","2,000h"\nA,150,250,350\nB,250,350,450\n')
    with pytest.raises(DashpruneError, match="column 'time' is 'A'; time must be a finite number"):
        read('time,0,"1,500","3,000"\nA,150,250,350\nB,250,350,450\n')
    assert read("time;0;1,125\nA;1,5;2\nB;2;2,5\n").time.tolist() == [0, 1.125]


def test_times_above_are_believed_rather_than_a_row_that_may_be_a_gene() -> None:
    cells = read("gene,0h,24h,48h\nA,1,2,3\nB,2,3,4\nhr,1,5,7\n")
    assert (cells.genes, cells.time.tolist()) == (("A", "B", "hr"), [0, 24, 48])
    assert read("gene,0h,24h,48h\nA,1,2,3\nB,2,3,4\ntime,1,5,7\n").time.tolist() == [1, 5, 7]


def test_rows_are_counted_with_what_is_above_them() -> None:
    with pytest.raises(DashpruneError, match="row 4, column 'A' is 'x'"):
        read("# made in May\n" + TABLE.replace("2.25", "x"))
    with pytest.raises(DashpruneError, match="row 2 names 'A' twice"):
        read("# made in May\n" + TABLE.replace("B", "A"))
    for text in ("# made in May\n", "sep=;\n", "#"):
        with pytest.raises(DashpruneError, match=r"table.csv is empty, or its first row is"):
            read(text)


def test_fractions_behind_a_comma_in_quotes() -> None:
    is_the_table(read('"time","A","B"\n"0","0,5","2"\n"1","2,25","3"\n"2","2,5","1"\n'))
    with pytest.raises(DashpruneError, match=r"column 'A' is '1,234'; it must be a number"):
        read('time,A,B\n0,"1,234",2.5\n1,2,3\n2,2,1\n')  # thousands


@pytest.mark.parametrize("name", ["table.csv.gz", "table.txt.gz", "TABLE.CSV.gz"])
def test_packed(name: str) -> None:
    Path(name).write_bytes(gzip.compress(TABLE.encode()))
    is_the_table(read_cells(Path(name), Reading(sample=None)))
    Path(name).write_bytes(b"no")
    with pytest.raises(DashpruneError, match=r"is not a whole \.gz file"):
        read_cells(Path(name), Reading(sample=None))
    content = bytearray(gzip.compress(TABLE.encode()))
    content[10:14] = b"\xff" * 4
    Path(name).write_bytes(content)
    with pytest.raises(DashpruneError, match=r"is not a whole \.gz file"):
        read_cells(Path(name), Reading(sample=None))


def test_a_spreadsheet_of_expression() -> None:
    pytest.importorskip("openpyxl")
    table = pd.DataFrame({"time": [0, 1, 2], "A": [0.5, 2.25, 2.5], "B": [2, 3, 1]})
    table.to_excel("table.xlsx", index=False)
    is_the_table(read_cells(Path("table.xlsx"), Reading(sample=None)))
    turned = table.T.rename(columns={0: "c1", 1: "c2", 2: "c3"})
    turned.to_excel("rows.xlsx")
    is_the_table(read_cells(Path("rows.xlsx"), Reading(sample=None)))
    lines = pd.DataFrame([["# made in May", *[None] * 2], [None] * 3, ["time", "A", "B"], *table.to_numpy().tolist()])
    lines.to_excel("table.xlsx", index=False, header=False)
    is_the_table(read_cells(Path("table.xlsx"), Reading(sample=None)))
    lines.replace(2.25, "x").to_excel("table.xlsx", index=False, header=False)
    with pytest.raises(DashpruneError, match="row 5, column 'A' is 'x'"):
        read_cells(Path("table.xlsx"), Reading(sample=None))
    table.astype({"A": str}).replace({"A": {r"\.": ","}}, regex=True).to_excel("table.xlsx", index=False)
    is_the_table(read_cells(Path("table.xlsx"), Reading(sample=None)))
    table.astype(object).replace(2.25, "x").to_excel("table.xlsx", index=False)
    with pytest.raises(DashpruneError, match="row 3, column 'A' is 'x'"):
        read_cells(Path("table.xlsx"), Reading(sample=None))


def test_empty_columns_and_thousands_in_a_spreadsheet() -> None:
    pytest.importorskip("openpyxl")
    rows = [["time", None, "A", "B"], [0, None, 0.5, 2], [1, None, 2.25, 3], [2, None, 2.5, 1]]
    pd.DataFrame(rows).to_excel("table.xlsx", index=False, header=False)
    is_the_table(read_cells(Path("table.xlsx"), Reading(sample=None)))
    rows[2][2] = "1,234"
    pd.DataFrame(rows).to_excel("table.xlsx", index=False, header=False)
    with pytest.raises(DashpruneError, match="column 'A' is '1,234'"):
        read_cells(Path("table.xlsx"), Reading(sample=None))


def test_spreadsheets_that_are_none() -> None:
    pytest.importorskip("openpyxl")
    for name, content in {
        "ole.xlsx": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
        "cut.xlsx": b"PK\3\4",
        "a.xls": b"x",
    }.items():
        Path(name).write_bytes(content)
        with pytest.raises(DashpruneError, match=r"is not a spreadsheet of Excel|save it as \.xlsx"):
            read_cells(Path(name), Reading(sample=None))
    pd.DataFrame({"time": [0, 1], "A": [1, 2], "B": [2, 1]}).rename(columns={"B": pd.Timestamp("2024-03-01")}).to_excel(
        "dates.xlsx", index=False
    )
    with pytest.raises(DashpruneError, match=r"row 1, column 3 is the date '2024-03-01 00:00:00'.* such as MARCH1"):
        read_cells(Path("dates.xlsx"), Reading(sample=None))


def test_an_edge_list_in_a_spreadsheet_with_an_empty_row() -> None:
    pytest.importorskip("openpyxl")
    rows = [["TF", "target", "weight"], ["A", "B", 1], [None] * 3, ["B", "A", "x"]]
    pd.DataFrame(rows).to_excel("prior.xlsx", index=False, header=False)
    with pytest.raises(DashpruneError, match="row 4, column 'weight' is 'x'"):
        read_network(Path("prior.xlsx"), ["A", "B"], "table.csv")


def test_row_names_of_r_in_an_edge_list() -> None:
    Path("prior.csv").write_text('"regulator","target"\n"1","A","B"\n"2","B","A"\n')
    assert read_network(Path("prior.csv"), ["A", "B"], "table.csv").matrix.nnz == 2
    Path("prior.csv").write_text('"regulator","target"\n"1","A","B"\n"7","B","A"\n')
    with pytest.raises(DashpruneError, match="row 2 has 3 cells, but the header has 2"):
        read_network(Path("prior.csv"), ["A", "B"], "table.csv")
