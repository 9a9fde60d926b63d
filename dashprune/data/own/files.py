"""Reading a user's tables: CSV, TSV, Parquet and Excel, with every mistake named by file, row and column.

Rows are counted as in a spreadsheet: the header is row 1. A Parquet table has no header row, so its first row is 1.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import os
import re
import warnings
from collections.abc import Collection, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from dashprune.data.own import dialect
from dashprune.errors import DashpruneError, closest, did_you_mean

WORKBOOKS = (".xlsx", ".xls")
"""Ends of names of Excel's files."""
LEAD = 1000
"""Rows of a sheet among which the header must be."""
_EMPTY = "is empty, or its first row is; it must name the columns"
_BYTES_PER_CELL = 50
"""Memory that a text file takes per cell, beside its own size; measured 25 for wide tables and 46 for long ones."""


def existing(path: Path, key: str, otherwise: str = "") -> Path:
    """`path`, if a file is there.

    Args:
        path: absolute, or relative to the current folder.
        key: of the configuration, for the message.
        otherwise: what else can be set, for the message.

    Raises:
        DashpruneError: if there is none, with the file of that folder whose name is closest.
    """
    if path.is_file():
        return path
    if not path.parent.is_dir():
        raise DashpruneError(f"{key}: there is no folder '{path.parent}' for '{path.name}'; set {key}=FILE")
    kind = "is a folder, not a file" if path.is_dir() else "does not exist"
    raise DashpruneError(f"{key}: '{path}' {kind}{nearest(path) or f'; set {key}=FILE{otherwise}'}")


def nearest(path: Path) -> str:
    """`"; did you mean 'prior.csv'?"` for the file of that folder whose name is closest, or an empty string."""
    there = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    names = {file.stem: file.name for file in there if file.is_file()}  # endings are alike whatever the files are
    close = closest(path.stem, names)
    return f"; did you mean '{names[close]}'?" if close is not None else ""


def digest(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal.

    Raises:
        DashpruneError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DashpruneError(f"{path} cannot be read ({error.strerror})") from None


def optional(module: str, path: Path, extra: str) -> ModuleType:
    """A package that only one kind of file needs.

    Raises:
        DashpruneError: if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise DashpruneError(
            f"{path.name}: reading this needs {module.partition('.')[0]}; pip install 'dashprune[{extra}]'"
        ) from None


def available_memory() -> int | None:
    """Bytes that can be taken without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def check_memory(path: Path, needed: int, rows: int, columns: int) -> None:
    """Raise DashpruneError if reading about `rows` x `columns` cells takes more bytes than there are."""
    available = available_memory()
    if available is not None and needed > available:
        raise DashpruneError(
            f"{path.name}: about {rows:,} rows x {columns:,} columns take {needed / 1e9:.1f} GB of memory to read, "
            f"but {available / 1e9:.1f} GB are free; keep fewer genes or cells, or use a machine with more memory"
        )


def columns_of(path: Path) -> list[str]:
    """Names of a table's columns, without surrounding spaces, all different.

    Raises:
        DashpruneError: if the file is empty, no table, of an unknown kind, or names a column twice.
    """
    kind = dialect.kind(path)
    if path.suffix == ".parquet":
        return list(_parquet(path, rows=0).columns)
    if kind in WORKBOOKS:
        first = workbook(path).iloc[:1]
        skipped = int(first.index[0]) - 1 if len(first) else 0
    elif kind in dialect.DELIMITERS:
        skipped = dialect.skipped(path)
        first = _parse(
            path, skipped=skipped, header=None, nrows=1, engine="python", dtype=str, keep_default_na=False,
            skip_blank_lines=False,
        )  # fmt: skip
    else:
        ends = ", ".join([*dialect.DELIMITERS, ".parquet", *WORKBOOKS])
        raise DashpruneError(f"{path.name} must end in one of {ends}, or .h5ad for cells")
    if first.empty:
        raise DashpruneError(f"{path.name} {_EMPTY}")
    names = ["" if pd.isna(name) else str(name).strip() for name in first.iloc[0]]
    comma = kind in dialect.DELIMITERS and dialect.decimal(path, dialect.delimiter(path)) == ","
    names = [dialect.with_point(name) for name in names] if comma else dialect.with_points(names)  # times
    if names[0].startswith("#"):
        names[0] = names[0].lstrip("# ")
    if kind in dialect.DELIMITERS and _rows_are_named(path, names, skipped):
        names = ["", *names]  # as R writes it: the header has no cell above the names of rows
    if any("\n" in name or "\r" in name for name in names):
        raise DashpruneError(f"{path.name}: a name in row 1 runs over several lines; is a quote not closed?")
    check_unique(names, f"{path.name}: row {skipped + 1}")
    return names


def _rows_are_named(path: Path, names: Sequence[str], skipped: int) -> bool:
    """Whether the rows below the header have one cell more than it, and only numbers, or nothing, after the first.

    Where the header begins with sample or time, the rows must begin with "1", "2", "3", or a name may be missing at the
    end of the header.
    """
    try:
        rows = _parse(
            path, skipped=skipped + 1, header=None, nrows=5, engine="python", dtype=str, na_values=[],
            keep_default_na=False,
        )  # fmt: skip
    except DashpruneError:
        return False
    if rows.shape[1] != len(names) + 1 or rows.isna().any(axis=None):
        return False
    if names[0].casefold() in ("sample", "time"):
        return _numbered_by_r(path, skipped)
    return all(dialect.NUMBER.fullmatch(str(cell).strip()) for cell in rows.iloc[:, 1:].to_numpy().ravel())


def _numbered_by_r(path: Path, skipped: int) -> bool:
    """Whether the rows begin with "1", "2", "3", in quotes, and not all else is in quotes, too."""
    with dialect.opened(path) as lines:
        rows = list(itertools.islice(lines, skipped + 1, skipped + 6))
    counted = all(row.startswith(f'"{number}"') for number, row in enumerate(rows, start=1))
    return bool(rows) and counted and not rows[0].rstrip().endswith('"')


def read_table(path: Path, columns: Sequence[str], text: Collection[str], *, empty: bool = False) -> pd.DataFrame:
    """A table, indexed by the number of the row in the file; blank lines are left out.

    Args:
        path: CSV, TSV, packed with gzip or not, Parquet or a workbook of Excel, of which the first sheet counts.
        columns: as `columns_of` gives them.
        text: columns to be read as text. In others, numbers become numbers and the rest stays text, to be found by
            `numbers`. An empty cell is NaN.
        empty: whether the table may have no rows.

    Raises:
        DashpruneError: if rows differ in length, there are none, or memory would not do.
    """
    if path.suffix == ".parquet":
        table = _parquet(path)
        table.index = pd.RangeIndex(1, len(table) + 1)
        return filled(path, table, text, empty=empty)
    if dialect.kind(path) in WORKBOOKS:
        return filled(path, workbook(path).iloc[1:].set_axis(list(columns), axis=1), text, empty=empty)
    return read_text(path, columns, text, dialect.delimiter(path), dialect.skipped(path), empty=empty)


def read_text(
    path: Path,
    columns: Sequence[str],
    text: Collection[str],
    delimiter: str,
    skipped: int = 0,
    header: bool = True,
    *,
    empty: bool = False,
) -> pd.DataFrame:
    """`read_table` of a text file, packed or not.

    Args:
        path, columns, text, empty: see `read_table`.
        delimiter: a sign, or a regular expression.
        skipped: lines before the first row.
        header: whether the first row names the columns.
    """
    _check_text_memory(path, len(columns))
    table = _parse(
        path, delimiter, skipped, header=0 if header else None, names=list(columns), dtype=dict.fromkeys(text, str),
        keep_default_na=False, na_values=[""], skip_blank_lines=False,
    )  # fmt: skip
    first = skipped + header + 1
    table.index = pd.RangeIndex(first, len(table) + first)
    return filled(path, table.dropna(how="all"), text, empty=empty)


def filled(path: Path, table: pd.DataFrame, text: Collection[str], *, empty: bool = False) -> pd.DataFrame:
    """The table with its columns of text as such.

    Raises:
        DashpruneError: if one of their cells is empty, or there are no rows.
    """
    if table.empty and not empty:
        raise DashpruneError(f"{path.name} has a header, but no rows below it")
    for name in text:
        check_filled(path, table[name])
        broken = table[name].astype(str).str.contains(r"[\r\n]").to_numpy()
        if broken.any():
            where = f"row {table.index[int(broken.argmax())]}, column '{_shown(str(name))}'"
            raise DashpruneError(f"{path.name}: {where} runs over several lines; is a quote not closed?")
    return table.assign(**{name: table[name].astype(str).str.strip() for name in text})


def numbers(path: Path, column: pd.Series, what: str = "it must be a number") -> np.ndarray:
    """(rows,) float64 values of a column.

    Raises:
        DashpruneError: naming the first cell that is empty or no finite number in float32, and `what` it should be.
    """
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~(np.abs(values) <= np.finfo(np.float32).max))
    if len(bad):
        check_filled(path, column)
        raise DashpruneError(
            f"{path.name}: row {column.index[bad[0]]}, column '{column.name}' is '{column.iloc[bad[0]]}'; {what}"
        )
    return values


def check_filled(path: Path, column: pd.Series) -> None:
    """Raise DashpruneError naming the first cell of a column that is empty."""
    empty = column.isna().to_numpy() | (column.astype(str).str.strip() == "").to_numpy()
    if empty.any():
        row = column.index[int(empty.argmax())]
        raise DashpruneError(f"{path.name}: row {row}, column '{column.name}' is empty; every row needs a value")


def require(path: Path, columns: Sequence[str], name: str, key: str, fix: str = "") -> str:
    """`name`, if it is a column.

    Raises:
        DashpruneError: if not, with the closest column and the option that names another one.
    """
    if name in columns:
        return name
    alike = next((column for column in columns if column.casefold() == name.casefold()), None)
    hint = f"; did you mean '{alike}'?" if alike else did_you_mean(name, columns)
    raise DashpruneError(f"{path.name} has no column '{name}'{hint}; name it with {key}=COLUMN{fix}")


def check_unique(names: Iterable[str], where: str) -> None:
    """Raise DashpruneError if a name comes twice, giving both positions, counted from 1."""
    seen: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if name in seen:
            times = ", or, if these are times, write them into a row 'time' below names of the columns"
            hint = times if name[:1].isdigit() else ""
            raise DashpruneError(f"{where} names '{name}' twice, at {seen[name]} and {place}; keep one of them{hint}")
        seen[name] = place


def _parse(path: Path, delimiter: str | None = None, skipped: int = 0, **options: Any) -> pd.DataFrame:
    """pandas.read_csv, for text in UTF-8 with or without a byte-order mark; the parser is chosen if none is named."""
    with dialect.explained(path):
        return _parsed(path, delimiter, skipped, options)


def _parsed(path: Path, delimiter: str | None, skipped: int, options: dict[str, Any]) -> pd.DataFrame:
    try:
        sign = delimiter or dialect.delimiter(path)
        if "engine" not in options:
            with dialect.opened(path) as lines:
                options |= dialect.parser(path, lines, sign, len(options["names"]), skipped)
        mark = dialect.decimal(path, sign)
        options |= {"sep": sign, "decimal": "." if sign == "," else mark}
        with warnings.catch_warnings(), dialect.opened(path) as lines:
            warnings.simplefilter("error", pd.errors.ParserWarning)  # raised where cells would be lost
            for _ in range(skipped):
                lines.readline()  # pandas would look for quotes in it
            table = pd.read_csv(lines, index_col=False, skipinitialspace=True, **options)
        table = _without_quotes(table) if sign == r"\s+" else table
        return (
            _with_points(path, table, options["dtype"]) if mark == "," and isinstance(options["dtype"], dict) else table
        )
    except pd.errors.EmptyDataError:
        raise DashpruneError(f"{path.name} {_EMPTY}") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DashpruneError(f"{path.name}: it is not a table: {' '.join(str(error).split())}") from None


def _with_points(path: Path, table: pd.DataFrame, text: Collection[str]) -> pd.DataFrame:
    """`with_point` of what pandas left as it is, since other cells of the column are no numbers.

    Raises:
        DashpruneError: if some of these have a point.
    """
    mixed = [name for name in table.select_dtypes(include=["object", "string"]).columns if name not in text]
    for name in mixed:
        cells = [cell for cell in table[name] if isinstance(cell, str)]
        comma, point = (next(filter(kind.fullmatch, cells), None) for kind in (dialect.COMMA, dialect.POINT))
        if comma and point:
            raise DashpruneError(
                f"{path.name}: '{comma}' has a comma and '{point}' a point before the fraction; write all alike"
            )
    table = table.copy()
    for name in mixed:
        table[name] = table[name].map(lambda cell: dialect.with_point(cell) if isinstance(cell, str) else cell)
    return table


def workbook(path: Path) -> pd.DataFrame:
    """The first sheet of a workbook of Excel, indexed by row, without empty rows and columns, and remarks above.

    Raises:
        DashpruneError: if it is none, a package is missing, or there is a date, which Excel makes of a gene's name.
    """
    if dialect.kind(path) == ".xls":
        raise DashpruneError(f"{path.name}: workbooks of this old kind are not read; save it as .xlsx")
    optional("openpyxl", path, "excel")
    try:
        table = pd.read_excel(path, header=None, dtype=object, keep_default_na=False, na_values=[""])
    except Exception as error:  # of openpyxl, zipfile or the parser of XML
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DashpruneError(f"{path.name} is not a spreadsheet of Excel ({reason})") from None
    table.index = pd.RangeIndex(1, len(table) + 1)
    table = table.dropna(how="all").dropna(how="all", axis="columns")
    dates = table.map(lambda cell: isinstance(cell, (datetime.date, datetime.time))).to_numpy()
    if dates.any():
        row, column = np.argwhere(dates)[0]
        raise DashpruneError(
            f"{path.name}: row {table.index[row]}, column {column + 1} is the date '{table.iloc[row, column]}', which "
            f"Excel makes of names such as MARCH1; write names as text, and times as numbers"
        )
    lines = ["\t".join("" if pd.isna(cell) else str(cell) for cell in row) for row in table.to_numpy()[:LEAD]]
    table = table.iloc[dialect.above(lines) :]
    text = [cell for cell in table.to_numpy().ravel() if isinstance(cell, str)]
    return table if dialect.with_points(text) == text else _with_points(path, table, ())


def _without_quotes(table: pd.DataFrame) -> pd.DataFrame:
    """What pandas leaves to do where white space parts the cells."""
    return table.map(lambda cell: cell.strip('"') if isinstance(cell, str) else cell)


def _shown(text: str) -> str:
    short = text if len(text) <= 40 else f"{text[:37]}..."
    return short.encode("unicode_escape").decode("ascii") if re.search(r"[\r\n\t]", short) else short


def _check_text_memory(path: Path, columns: int) -> None:
    """Estimate the rows of a text file from its size and its first megabyte."""
    with path.open("rb") as file:
        start = file.read(2**20)
    size = path.stat().st_size
    rows = max(size * start.count(b"\n") // max(len(start), 1), 1)
    check_memory(path, size + rows * columns * _BYTES_PER_CELL, rows, columns)


def _parquet(path: Path, rows: int | None = None) -> pd.DataFrame:
    """A Parquet table, or with rows=0 its columns only; an index of names becomes its first column."""
    parquet = optional("pyarrow.parquet", path, "parquet")
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError):  # ArrowInvalid is a ValueError
        raise DashpruneError(f"{path.name} is not a Parquet file") from None
    with file:
        shape = file.metadata.num_rows, file.metadata.num_columns
        check_memory(path, shape[0] * shape[1] * 24, *shape)
        try:
            table = (file.schema_arrow.empty_table() if rows == 0 else file.read()).to_pandas()
        except Exception as error:  # of Arrow, or of metadata that are not those of pandas
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise DashpruneError(f"{path.name} is damaged, or no table of pandas ({reason}); write it anew") from None
    if None not in table.index.names:
        table = table.reset_index()
    elif not isinstance(table.index, pd.RangeIndex) and not pd.api.types.is_numeric_dtype(table.index):
        table = table.reset_index(names="")
    table.columns = [str(name) for name in table.columns]
    return table.apply(_as_text) if len(table) else table


def _as_text(column: pd.Series) -> pd.Series:
    """Times of day and bytes as the CSV of the same table has them; or they would count as numbers."""
    if column.dtype.kind in "mM":
        return column.astype(str)
    if column.dtype != object:
        return column
    return column.map(lambda one: one.decode("utf-8", "replace") if isinstance(one, bytes) else one)
