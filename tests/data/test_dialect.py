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
    assert dialect.above(["# made, in May", "time,A", "0,1"]) == 1  # there is no number below
    assert dialect.above(["# one", "#time,A,B", "0,0.5,2"]) == 1
    assert read("#" + TABLE).time.tolist() == [0, 1, 2]
    Path("prior.csv").write_text("#TF\ttarget\nA\tB\n")
    assert read_network(Path("prior.csv"), ["A", "B"], "table.csv").matrix.nnz == 1


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


def test_a_spreadsheet_of_expression() -> None:
    pytest.importorskip("openpyxl")
    table = pd.DataFrame({"time": [0, 1, 2], "A": [0.5, 2.25, 2.5], "B": [2, 3, 1]})
    table.to_excel("table.xlsx", index=False)
    is_the_table(read_cells(Path("table.xlsx"), Reading(sample=None)))
    turned = table.T.rename(columns={0: "c1", 1: "c2", 2: "c3"})
    turned.to_excel("rows.xlsx")
    is_the_table(read_cells(Path("rows.xlsx"), Reading(sample=None)))
    table.astype(object).replace(2.25, "x").to_excel("table.xlsx", index=False)
    with pytest.raises(DashpruneError, match="row 3, column 'A' is 'x'"):
        read_cells(Path("table.xlsx"), Reading(sample=None))


def test_row_names_of_r_in_an_edge_list() -> None:
    Path("prior.csv").write_text('"regulator","target"\n"1","A","B"\n"2","B","A"\n')
    assert read_network(Path("prior.csv"), ["A", "B"], "table.csv").matrix.nnz == 2
    Path("prior.csv").write_text('"regulator","target"\n"1","A","B"\n"7","B","A"\n')
    with pytest.raises(DashpruneError, match="row 2 has 3 cells, but the header has 2"):
        read_network(Path("prior.csv"), ["A", "B"], "table.csv")
