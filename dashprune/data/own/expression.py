"""Expression as users have it: tables in long or wide form, genes in rows or in columns, and AnnData."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dashprune.data.own import columns as known
from dashprune.data.own import dialect, files, lineages
from dashprune.data.own.cells import Cells, Note, Reading, listed, override
from dashprune.data.own.geo import is_series_matrix, read_series_matrix
from dashprune.data.own.h5ad import read_h5ad
from dashprune.data.own.missing import resolve, resolve_times
from dashprune.errors import DashpruneError, MendableError


def read_cells(path: Path, how: Reading) -> Cells:
    """Read expression.

    Args:
        path: .h5ad, cells x genes; or a table (.csv, .tsv, .txt, also packed, .parquet, .xlsx): long, with the columns
            gene and value; wide, with a column per gene; genes in rows, with times in the row "time", which may be the
            first, or in `how.pseudotime`;
            a series matrix of GEO.
        how: the columns to take, and what to do about what is missing.

    Raises:
        DashpruneError: on anything that is not as described here, by row and column.
    """
    if path.suffix == ".h5ad":
        if how.pseudotime is not None:
            raise DashpruneError(f"dataset.pseudotime: {path.name} has the times of its cells in obs; leave it out")
        cells = read_h5ad(path, how)
    else:
        cells = _read_table(path, how)
    if len(cells.genes) < 2:
        raise DashpruneError(f"{path.name} has {len(cells.genes)} genes; a network needs at least two")
    return resolve(path, resolve_times(path, cells, how.missing_time), how.missing)


def pseudotime_beside(path: Path, how: Reading) -> Path | None:
    """BEELINE's PseudoTime.csv in the folder of an expression table that has no time of its own.

    Raises:
        DashpruneError: if the table cannot be read, or several of its columns may tell the time.
    """
    beside = path.parent / "PseudoTime.csv"
    if path.suffix == ".h5ad" or path == beside or not beside.is_file() or is_series_matrix(path):
        return None
    return beside if known.time_column(path, files.columns_of(path), how) is None else None


def _read_table(path: Path, how: Reading) -> Cells:
    for key, value, what in (("layer", how.layer, "layers"), ("gene_names", how.gene_names, "var")):
        if value is not None:
            raise DashpruneError(
                f"dataset.{key}: '{value}' is of {what} of .h5ad files, which {path.name} is not; leave it out"
            )
    if is_series_matrix(path):
        return read_series_matrix(path, how)
    columns = files.columns_of(path)
    if how.pseudotime is not None:
        return _read_timed(path, columns, how)
    if how.time != "time" and how.time not in columns:
        table = files.read_table(path, columns, columns[:1])
        if how.time in set(table[columns[0]]):
            return _turned(path, table, how, how.time)
    time = known.time_column(path, columns, how)
    if time is None:
        return _read_rows(path, columns, how)
    turned = _turned_if_times_are_above(path, columns, how) if time == columns[0] else None
    if turned is not None:
        return turned
    if "" in columns[1:]:
        place = columns.index("", 1) + 1
        raise DashpruneError(f"{path.name}: column {place} has no name; name it, or leave it out (pandas: index=False)")
    if {"gene", "value"} <= set(columns):
        return _read_long(path, columns, how, time)
    text = [name for name in how.labels if name in columns]
    return _read_wide(path, files.read_table(path, columns, text), how, time)


def _turned_if_times_are_above(path: Path, columns: list[str], how: Reading) -> Cells | None:
    """The cells of a table whose first column is called time, if its first row has the times, and genes are in rows.

    Raises:
        DashpruneError: if that cannot be told, or the times have something more.
    """
    names: Sequence[str] = columns[1:]
    header, above = names, known.moments(names)
    if not above and known.moments(known.without_x(names)) == 1:  # X0, X24, ... of R, or genes X1, X2, ...
        header = known.without_x(names)
    if not above and header is names and not known.labelled(names):
        return None
    table = files.read_table(path, columns, columns[:1])
    beside = table[columns[0]].map(dialect.with_point)
    if header is not names and _are_genes(path, beside):
        above = 1
    if above == 1 and _begin_with_zero(header):
        above = 3  # no gene is called 0
    turned = above > 0 and _are_times(path, header, above, beside)
    if (not above or known.numbered(names)) and (turned or _are_genes(path, beside)):
        raise DashpruneError(
            f"{path.name}: row 1 seems to have times with something more, such as '{columns[-1]}'; write the times "
            f"alone into a row 'time', and what tells samples apart into a row 'sample', below names of the columns"
        )
    return _turned(path, table, how, columns[0]) if turned else None


def _begin_with_zero(header: Sequence[str]) -> bool:
    """Whether these numbers rise from 0, and do not merely count, as pandas numbers columns."""
    numbers = pd.to_numeric(pd.Series(header), errors="coerce").to_numpy()
    return bool(numbers[0] == 0 and (np.diff(numbers) > 0).all() and not (np.diff(numbers) == 1).all())


def _read_wide(path: Path, table: pd.DataFrame, how: Reading, time: str) -> Cells:
    """A column per gene; a first column without a name holds names of rows."""
    times = known.times_of(path, table[time])
    labels = known.samples_of(path, table, how, times)
    known.check_drop(path, table.columns, how)
    genes = [str(name) for name in table.columns if name not in (*how.labels, time, *how.drop, "")]
    notes = known.time_note(path, time, how)
    if "" in table.columns:
        notes = (*notes, Note(f"{path.name}: column 1 has no name; it was taken for names of rows and left out"))
    values = _values(path, table, genes, [*how.labels, time])
    return Cells(tuple(genes), labels, times, values, table.index, (*notes, *known.hardly_genes(path, genes)))


def _values(path: Path, table: pd.DataFrame, genes: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """(rows, genes) float32, NaN where a value is missing."""
    text = [name for name in genes if known.is_text(table[name])]
    if text:
        example = table[text[0]].dropna().iloc[0]
        what = f"columns {listed(text)} hold" if len(text) > 1 else f"column {listed(text)} holds"
        mend = override("drop", text)
        raise MendableError(
            f"{path.name}: {what} text, such as '{example}', where expression must be; {mend} leaves "
            f"{'them' if len(text) > 1 else 'it'} out",
            mend,
        )
    values = np.empty((len(table), len(genes)), dtype=np.float32)
    them = "', '".join(others)
    what = f"it must be a number, as in every column but '{them}'"
    for place, gene in enumerate(genes):
        values[:, place] = known.measured(path, table[gene], what)
    return values


def _read_long(path: Path, columns: list[str], how: Reading, time: str) -> Cells:
    """A row per value. Pairs of a time point and a gene without a row are missing."""
    text = [name for name in (*how.labels, "gene") if name in columns]
    table = files.read_table(path, columns, text)
    times = known.times_of(path, table[time])
    labels = known.samples_of(path, table, how, times)
    known.check_drop(path, table["gene"].unique(), how)
    left = ~table["gene"].isin(how.drop).to_numpy()
    table, times, labels = table[left], times[left], labels[left]
    value = known.measured(path, table["value"], "it must be a number")
    gene, genes = pd.factorize(table["gene"])
    point, points = pd.factorize(pd.MultiIndex.from_arrays([labels, times]), use_na_sentinel=False)
    again = np.flatnonzero(pd.Series(point * len(genes) + gene).duplicated())
    if len(again) and not np.isnan(times[again[0]]):
        row, (name, when) = again[0], points[point[again[0]]]
        raise DashpruneError(
            f"{path.name}: row {table.index[row]} gives gene '{genes[gene[row]]}' of sample '{name}' at time {when:g} "
            f"once more; keep one value"
        )
    values = np.full((len(points), len(genes)), np.nan, dtype=np.float32)
    values[point, gene] = value
    sample, when = (points.get_level_values(level).to_numpy() for level in (0, 1))
    rows = table.index[np.unique(point, return_index=True)[1]]
    notes = known.time_note(path, time, how)
    return Cells(tuple(genes), sample.astype(object), when.astype(np.float64), values, rows, notes)


def _read_rows(path: Path, columns: list[str], how: Reading) -> Cells:
    """Genes in rows, with the time in one of the rows, too.

    Raises:
        DashpruneError: if no row tells the time, saying how to give it.
    """
    table = files.read_table(path, columns, columns[:1])
    names = table[columns[0]].tolist()
    time, above = known.time_row(path, names, how), known.moments(columns[1:])
    if time is not None and not (above == 4 and known.may_be_gene(time)):
        return _turned(path, table, how, time)
    if above == 4:  # 0h, 24h, ...
        cells = _turned(path, table.rename(columns={columns[0]: how.time}), how, how.time)
        return cells._replace(notes=(Note(f"{path.name}: row 1 has the times"), *cells.notes))
    first = "; or, if row 1 has the times, write 'time' into its first cell" if above else ""
    if not _has_names_in_rows(table):
        raise known.no_time(path, columns, first)
    raise DashpruneError(
        f"{path.name}: genes seem to stand in rows (column 1 has {listed(names, 2)}), and nothing tells the time of "
        f"the {len(columns) - 1:,} columns ({listed(columns[1:], 2)}); give dataset.pseudotime=FILE, a table with a "
        f"row per column: its name and its time, or name, sample and time (as BEELINE's PseudoTime.csv); or "
        f"transpose the file and add the column 'time'{first}"
    )


def _turned(path: Path, table: pd.DataFrame, how: Reading, time: str) -> Cells:
    """Genes in rows. If the first column has the name of the row with the time, row 1 is that row."""
    corner = str(table.columns[0])
    files.check_unique([*([time] if corner == time else []), *table[corner]], f"{path.name}: column 1")
    turned = table.set_index(corner).T.rename_axis(None, axis=1)
    if corner == time:
        turned.insert(0, time, turned.index)
    cells = _read_wide(path, turned, how, time)
    return cells._replace(notes=(Note(f"{path.name}: genes are in rows, and were turned"), *cells.notes))


def _are_genes(path: Path, column: pd.Series) -> bool:
    """Whether these are hardly times: names, or whole numbers in no order that all differ, and none is 0."""
    try:
        known.times_of(path, column)
    except DashpruneError:
        return True
    if known.moments(column) != 1:
        return False
    numbers = pd.to_numeric(column)
    whole = bool((numbers > 0).all() and (numbers % 1 == 0).all())
    return whole and not numbers.is_monotonic_increasing and bool(numbers.is_unique)


def _are_times(path: Path, header: Sequence[str], above: int, column: pd.Series) -> bool:
    """Whether the first row has the times, and not the first column; see `moments`, which says how surely either does.

    Raises:
        DashpruneError: if that cannot be told: a gene may be called 7157, E2, SEC61 or 5S.
    """
    beside = known.moments(column)
    if beside == 1:
        numbers = pd.to_numeric(column)
        times = numbers.is_monotonic_increasing or not numbers.is_unique  # numbers of genes are in no order, and differ
        ascending = above == 1 and pd.to_numeric(pd.Series(header)).is_monotonic_increasing
        unclear = above >= 3 if times else above == 2 or ascending
        found = above >= 3
    else:
        unclear, found = above == beside or (above, beside) == (1, 2), above > beside
    if unclear:
        raise DashpruneError(
            f"{path.name}: row 1 and column 1 may both have the times; write them with their unit, such as 24h, or, if "
            f"genes are in rows, into a row 'time' below names of the columns"
        )
    return found


def _has_names_in_rows(table: pd.DataFrame) -> bool:
    """Whether the first column holds different names, and hardly any other column holds text."""
    first = table.iloc[:, 0]
    others = [known.is_text(table.iloc[:, k]) for k in range(1, table.shape[1])]
    return bool(first.is_unique) and known.is_text(first) and len(others) > 1 and sum(others) <= 2


def _read_timed(path: Path, columns: list[str], how: Reading) -> Cells:
    """Expression whose times are in a table of their own, which names columns or rows of this one."""
    assert how.pseudotime is not None
    table = files.read_table(path, columns, columns[:1])
    rows = table[columns[0]].tolist()
    found = lineages.read_lineages(how.pseudotime, how)
    in_columns, in_rows = len(found.named & set(columns[1:])), len(found.named & set(rows))
    if not in_columns and not in_rows:
        raise DashpruneError(
            f"dataset.pseudotime: {how.pseudotime.name} names {listed(sorted(found.named), 2)}, but {path.name} has "
            f"{listed(columns[1:], 2)} in row 1 and {listed(rows, 2)} in column 1; name cells alike in both files"
        )
    files.check_unique(rows, f"{path.name}: column 1")
    if in_columns >= in_rows:
        genes, cells, turned = rows, columns[1:], "genes are in rows, and were turned; "
        values = np.column_stack([known.measured(path, table[name], "it must be a number") for name in cells]).T
    else:
        genes, cells, turned = columns[1:], rows, ""
        values = _values(path, table, genes, columns[:1])
    known.check_drop(path, genes, how)
    kept = np.array([gene not in how.drop for gene in genes])
    genes = [gene for gene, keep in zip(genes, kept, strict=True) if keep]
    joined = lineages.joined(cells, values[:, kept].astype(np.float32), genes, found)
    note = Note(f"{path.name}: {turned}times are those of {how.pseudotime.name}")
    return joined._replace(notes=(note, *joined.notes, *known.hardly_genes(path, genes)))
