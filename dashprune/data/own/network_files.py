"""Files of networks as tables of text: of any delimiter, with or without a header, packed, or sets of genes."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dashprune.data.own import dialect, files
from dashprune.data.own.columns import is_time, moments
from dashprune.data.own.network_columns import is_sign, recognised
from dashprune.errors import DashpruneError

_SUFFIX = re.compile(r"\s*\((?P<sign>[+-])\)|\s*\([0-9]+g?\)|[_ ](extended|regulon|targets?|genes)", re.IGNORECASE)
"""What tools add to the name of a regulator to name its set: pySCENIC (+), SCENIC (12g), and others."""


class Form(NamedTuple):
    """How a file is to be read.

    Attributes:
        names: of the columns; "column 1", ... where the file has none.
        header: whether the first row names the columns.
        delimiter: of text; empty for other files.
        skipped: lines of comment before the first row.
        rows: (.., columns) the first rows below the header, as text.
    """

    names: list[str]
    header: bool
    delimiter: str
    skipped: int
    rows: list[list[str]]

    @property
    def numeric(self) -> bool:
        """Whether all cells but the first of each row are numbers."""
        return bool(self.rows) and all(is_number(cell) for row in self.rows for cell in row[1:])


def is_number(cell: str) -> bool:
    """Whether a cell is a number, true or false, or missing."""
    return dialect.NUMBER.fullmatch(cell.strip()) is not None


def form_of(path: Path, genes: Collection[str], given: Collection[str]) -> Form:
    """Look at the beginning of a file.

    Args:
        path: .csv, .tsv, .txt and other text, also packed (.gz); .parquet; .xlsx.
        genes: of the expression; a first row that names two of them is an edge.
        given: names of columns that the user named.

    Raises:
        DashpruneError: if it is empty, cannot be read, or names a column twice.
    """
    kind = dialect.kind(path)
    if kind == ".parquet":
        return Form(files.columns_of(path), True, "", 0, [])
    if kind in files.WORKBOOKS:
        table = files.workbook(path).iloc[: dialect.LOOKED_AT]
        lines = [["" if pd.isna(cell) else str(cell) for cell in row] for row in table.to_numpy()]
        delimiter, skipped = "", int(table.index[0]) - 1 if len(table) else 0
    else:
        text = dialect.first_lines(path)
        skipped = _comments(text)
        row = "".join(text[skipped : skipped + 1])
        delimiter = (dialect.named_delimiter(text[0]) if text else None) or dialect.delimiter_of(kind, row)
        lines = [dialect.split(line, delimiter) for line in text[skipped:]]
        if dialect.decimal(path, delimiter) == ",":
            lines = [[dialect.with_point(cell) for cell in line] for line in lines]
    if not lines or not any(lines[0]):
        raise DashpruneError(f"{path.name} is empty, or its first row is; it must name the columns")
    first, rows = [cell.strip() for cell in lines[0]], [row for row in lines[1:] if any(row)]
    first[0] = first[0].lstrip("# ")
    if rows and len(rows[0]) == len(first) + 1 and (_are_numbers(rows[0][1:]) or _are_counted(rows, first)):
        first = ["", *first]  # as R writes a matrix, or a table with row names
    if not _is_header(first, rows, genes, given):
        return Form([f"column {k + 1}" for k in range(len(first))], False, delimiter, skipped, [first, *rows])
    files.check_unique(first, f"{path.name}: row {skipped + 1}")
    return Form(first, True, delimiter, skipped, rows)


def read(path: Path, form: Form, text: Collection[str]) -> pd.DataFrame:
    """The whole table, indexed by the number of the row in the file; the columns `text` are not empty.

    Raises:
        DashpruneError: if rows differ in length, there are none, or memory would not do.
    """
    kind = dialect.kind(path)
    if kind == ".parquet":
        return files.read_table(path, form.names, text)
    if kind in files.WORKBOOKS:
        return files.filled(path, files.workbook(path).iloc[int(form.header) :].set_axis(form.names, axis=1), text)
    return files.read_text(path, form.names, text, form.delimiter, form.skipped, form.header)


def sets(path: Path, genes: Collection[str]) -> pd.DataFrame:
    """A .gmt file as edges: columns source, target and sign, indexed by row.

    The name of a set is a regulator, without what tools add to it, such as (+), if only then the expression has it.
    """
    rows, index = [], []
    for number, line in enumerate(dialect.lines_of(path), start=1):
        cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
        if not any(cells):
            continue
        if len(cells) < 3:
            raise DashpruneError(f"{path.name}: row {number} has {len(cells)} cells; a set has a name, a remark, genes")
        source, sign = _regulator(cells[0], genes)
        members = [name for cell in cells[2:] for name in _members(cell)]
        rows += [(source, name, sign) for name in members]
        index += [number] * len(members)
    if not rows:
        raise DashpruneError(f"{path.name} is empty; it must have a set of genes in each row")
    return pd.DataFrame(rows, columns=["source", "target", "sign"], index=index)


def _members(cell: str) -> list[str]:
    """The genes of a cell: one, one with its weight, or several with commas between them."""
    names = [name.strip() for name in cell.split(",")]
    return [name for k, name in enumerate(names) if name and not (k and dialect.NUMBER.fullmatch(name))]


def _regulator(name: str, genes: Collection[str]) -> tuple[str, str]:
    found = _SUFFIX.search(name)
    if name in genes or found is None or name[: found.start()] not in genes:
        return name, ""
    return name[: found.start()], found["sign"] or ""


def _are_numbers(cells: Sequence[str]) -> bool:
    return all(is_number(cell) for cell in cells)


def _are_counted(rows: Sequence[Sequence[str]], header: Sequence[str]) -> bool:
    """Whether rows begin with 1, 2, 3, ..., as R's row names do, which its header leaves out."""
    return recognised(header) is not None and all(row[0] == str(k) for k, row in enumerate(rows, start=1))


def _is_header(first: Sequence[str], rows: list[list[str]], genes: Collection[str], given: Collection[str]) -> bool:
    """Whether the first row names the columns, rather than being an edge."""
    if (given and set(given) <= set(first)) or recognised(first) is not None:
        return True
    if len(first) < 2 or not first[0]:
        return True
    if all(cell.isascii() and cell.isdigit() for cell in first[:2]):
        return False
    if is_time(first[0]) or (len(first) > 2 and moments(first[1:]) in (1, 4)):
        return True  # of expression
    known = {gene.casefold() for gene in genes}
    if len(first) <= 5 and {cell.casefold() for cell in first[:2]} <= known:
        return all(is_number(row[1]) for row in rows if len(row) > 1) and bool(rows)
    if len(first) == 3 and {first[0].casefold(), first[2].casefold()} <= known:
        return False  # source, what it does, target
    return not (3 <= len(first) <= 5 and first[2] and (is_number(first[2]) or is_sign(first[2:3])))


def _comments(lines: Sequence[str]) -> int:
    """Lines before the first row: remarks, unless the last of them names the columns of an edge list."""
    count = dialect.remarks(lines)
    header = lines[count - 1] if count else ""
    named = header.startswith("#") and recognised(dialect.split(header, dialect.delimiter_of("", header))) is not None
    return count - 1 if named else dialect.above(lines)
