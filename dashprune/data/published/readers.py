"""Reading published tables: every reader says in one line which row and column of which file is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack

from dashprune.data.problem import Split
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError

_CELLS = 2**21
"""Of a matrix, that are held as text at a time; a genome's prior has 125 million."""
_BROKEN = (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError)


def fingerprint(version: str, paths: Iterable[Path]) -> str:
    """SHA-256 of a loader's version and the content of the files it reads, in this order."""
    digest = hashlib.sha256(version.encode())
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_table(path: Path, columns: Sequence[str], separator: str = ",") -> pd.DataFrame:
    """A table with a header, every cell as text ("NA" too).

    Args:
        path: of the file.
        columns: names that must be in the header; blanks around names are ignored.
        separator: between cells.

    Raises:
        DashpruneError: if it is no such table.
    """
    table = _text(path, header=0, separator=separator)
    table.columns = table.columns.str.strip()
    for column in columns:
        if column not in table:
            raise DashpruneError(f"{path}: row 1 has no column '{column}'; it needs {', '.join(columns)}")
    return table


def read_names(path: Path, column: str) -> tuple[str, ...]:
    """Gene names, in the order of the file.

    Raises:
        DashpruneError: if the column is missing or a name is repeated.
    """
    names = read_table(path, [column])[column]
    if names.duplicated().any():
        raise DashpruneError(f"{path} has gene '{names[names.duplicated()].iloc[0]}' twice; fetch the file again")
    return tuple(names)


def read_labelled(path: Path, separator: str) -> pd.DataFrame:
    """Numbers (float64) under a header, the first column being the label of each row; compressed files too.

    Raises:
        DashpruneError: if it is no such table, or a cell is empty or not a finite number.
    """
    numbers = _numbers(path, separator, index=True)
    check_finite(path, numbers.to_numpy(), first_row=2, first_column=2)
    return numbers


def read_columns(path: Path, separator: str) -> pd.DataFrame:
    """Numbers (float64) under a header; lines that are empty are left out.

    Raises:
        DashpruneError: as `read_labelled`.
    """
    numbers = _numbers(path, separator, index=False)
    check_finite(path, numbers.to_numpy(), first_row=2)
    return numbers


def read_pairs(path: Path, values: Mapping[str, int]) -> pd.DataFrame:
    """A network as lines "source, target, value" with tabs between, without a header.

    Args:
        path: of the file.
        values: what a value may be, and the number that it stands for.

    Returns:
        A line per line, with the columns source, target (names) and value (number).

    Raises:
        DashpruneError: if it is no such table.
    """
    table = _text(path, header=None, separator="\t")
    if table.shape[1] != 3:
        raise DashpruneError(f"{path} has {table.shape[1]} columns, but lists source, target and value")
    table.columns = pd.Index(["source", "target", "value"])
    unknown = np.flatnonzero(~table["value"].isin(list(values)))
    if len(unknown):
        raise DashpruneError(
            f"{path}: row {unknown[0] + 1}, column 3 is '{table['value'].iloc[unknown[0]]}'; "
            f"it must be one of {', '.join(values)}"
        )
    return table.assign(value=table["value"].map(values))


def read_matrix(path: Path) -> np.ndarray:
    """Numbers of a CSV file without header, float64; NaN where a cell is empty or not a number."""
    return np.concatenate(list(_matrix_parts(path)))


def read_square(path: Path, genes: int) -> csr_array:
    """A (genes, genes) sparse float32 matrix from a CSV file without header, row regulates column as in the file.

    Raises:
        DashpruneError: if it has another shape, or a cell is empty or not a finite number.
    """
    parts: list[csr_array] = []
    for rows in _matrix_parts(path):
        check_finite(path, rows, first_row=1 + sum(part.shape[0] for part in parts))
        parts.append(sparse(rows, np.float32))
    matrix = csr_array(vstack(parts))
    if matrix.shape != (genes, genes):
        raise DashpruneError(
            f"{path} has {matrix.shape[0]} rows and {matrix.shape[1]} columns, but the gene list has {genes} genes; "
            f"give one row and one column per gene"
        )
    return matrix


def read_trajectories(path: Path, genes: int) -> Split:
    """Published trajectories: first line "genes,samples", then per sample one line per gene and one of times.

    Raises:
        DashpruneError: if it is no such file, or of another number of genes.
    """
    rows = read_matrix(path)
    found, samples = (int(value) for value in [*np.nan_to_num(rows[0]), 0][:2])
    if found != genes or samples < 1:
        raise DashpruneError(
            f"{path}: row 1 announces {found} genes and {samples} samples, but the gene list has {genes} genes; "
            f"fetch the published file again"
        )
    expected = 1 + samples * (genes + 1)
    if len(rows) != expected:
        raise DashpruneError(
            f"{path} has {len(rows)} rows, but {samples} samples of {genes} genes take {expected}; "
            f"fetch the published file again"
        )
    check_finite(path, rows[1:], first_row=2)
    blocks = rows[1:].reshape(samples, genes + 1, -1)
    expression = np.ascontiguousarray(blocks[:, :-1].transpose(0, 2, 1), dtype=np.float32)
    return Split(expression, blocks[:, -1].copy())


def stacked(expression: np.ndarray, times: np.ndarray) -> Split:
    """Series that lie one below the other: a new one begins where the time is not later than in the row before.

    Args:
        expression: (rows, genes).
        times: (rows,).
    """
    first = np.flatnonzero(np.diff(times) <= 0) + 1
    return Split.ragged(list(zip(np.split(expression, first), np.split(times, first), strict=True)))


def edges_between(sources: Iterable[str], targets: Iterable[str], genes: Sequence[str]) -> csr_array:
    """A network from a list of edges, of which those with a name that is not a gene are left out.

    Args:
        sources: name of each edge's regulator.
        targets: name of each edge's regulated gene; an edge may be listed more than once.
        genes: names, without repeats, in the order of the rows and columns.

    Returns:
        (genes, genes) sparse bool, row regulates column.
    """
    index = pd.Index(genes)
    row, column = (index.get_indexer(pd.Index(list(names), dtype=object)) for names in (sources, targets))
    known = (row >= 0) & (column >= 0)
    ones = np.ones(np.count_nonzero(known), dtype=bool)
    return sparse(csr_array((ones, (row[known], column[known])), shape=(len(genes), len(genes))), np.bool_)


def check_finite(path: Path, matrix: np.ndarray, first_row: int, first_column: int = 1) -> None:
    """Raise DashpruneError, with its place in the file, for the first entry that is NaN or infinite."""
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        raise DashpruneError(
            f"{path}: row {bad[0, 0] + first_row}, column {bad[0, 1] + first_column} is empty or not a finite number; "
            f"every value must be one ({len(bad)} are not)"
        )


def _numbers(path: Path, separator: str, *, index: bool) -> pd.DataFrame:
    """A table with a header, of float64; with `index`, the first column is the label of each row."""
    try:
        table = pd.read_csv(path, sep=separator, index_col=0 if index else False, float_precision="round_trip")
        return table.astype(np.float64)
    except _BROKEN as error:
        raise _not_a_table(path, error) from None


def _text(path: Path, header: int | None, separator: str) -> pd.DataFrame:
    """Every cell as text."""
    try:
        return pd.read_csv(path, sep=separator, header=header, dtype=str, keep_default_na=False)
    except _BROKEN as error:
        raise _not_a_table(path, error) from None


def _matrix_parts(path: Path) -> Iterator[np.ndarray]:
    """Some rows at a time; see `read_matrix`."""
    with path.open("rb") as file:
        rows = max(_CELLS // (file.readline().count(b",") + 1), 1)
    try:
        with pd.read_csv(path, header=None, dtype=str, keep_default_na=False, chunksize=rows) as chunks:
            for text in chunks:
                numbers: pd.DataFrame = text.apply(pd.to_numeric, errors="coerce")
                yield numbers.to_numpy(dtype=np.float64)
    except _BROKEN as error:
        raise _not_a_table(path, error) from None


def _not_a_table(path: Path, error: Exception) -> DashpruneError:
    return DashpruneError(f"{path} is not a table of the expected form: {' '.join(str(error).split())}")
