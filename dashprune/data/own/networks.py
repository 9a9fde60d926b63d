"""Networks as users have them: edge lists or matrices, matched to the genes of the expression by name or index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from dashprune.data.own import files
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError, did_you_mean


class Edges(NamedTuple):
    """Edges as a file lists them.

    Attributes:
        source: (E,) str, gene name or index.
        target: (E,) str.
        weight: (E,) float64; 1 where the file has none.
        row: (E,) the row of the file that an edge stands in.
    """

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    row: np.ndarray


class Network(NamedTuple):
    """A network on the genes of the expression.

    Attributes:
        matrix: (genes, genes) sparse float32, row regulates column.
        report: one line on what was kept and dropped.
    """

    matrix: csr_array
    report: str


def read_network(path: Path, genes: Sequence[str], expression: str, index_base: int | None = None) -> Network:
    """Read an edge list or a matrix, and keep what lies between `genes`.

    Args:
        path: .csv, .tsv, .txt or .parquet. An edge list has the columns source and target, or at most three columns,
            of which the first two are taken; a column named weight or sign is the edge's value, other columns are
            ignored. Anything else is a matrix with gene names as header and first column, row regulates column.
        genes: of the expression, in its order.
        expression: name of the file that these are from, for messages.
        index_base: 0 or 1, what integer indices in place of names count from; None finds out.

    Raises:
        DashpruneError: on a malformed file, genes that differ in case only, edges with two weights, indices that may
            count from 0 or 1, or if nothing is left.
    """
    edges = _read(path, genes)
    if not len(edges.row):
        raise DashpruneError(f"{path.name} lists no edge: every weight is 0")
    source, target, dropped = _matched(path, edges, genes, expression, index_base)
    kept = (source >= 0) & (target >= 0)
    if not kept.any():
        what = f"no edge of {path.name} connects two genes of {expression}"
        raise DashpruneError(f"{what}{f' ({dropped})' if dropped else ''}; name genes alike in both files")
    shape = (len(genes), len(genes))
    matrix = sparse(coo_array((edges.weight[kept], (source[kept], target[kept])), shape=shape), np.float32)
    report = f"{path.name}: kept {kept.sum():,} of {len(kept):,} edges, between {_touched(matrix):,} genes"
    return Network(matrix, f"{report}; {dropped}" if dropped else report)


def transposed_hint(path: Path, matrix: csr_array) -> str | None:
    """A warning if many more genes regulate than are regulated, which is rare in biology; else None."""
    regulators, targets = (np.count_nonzero(np.bincount(axis)) for axis in matrix.nonzero())
    if regulators <= 2 * targets or regulators < 5:
        return None
    return (
        f"{path.name} may be transposed: {regulators} genes regulate, but only {targets} are regulated; if it has "
        f"targets in its rows or first column, set dataset.prior_transposed=true"
    )


def _read(path: Path, genes: Sequence[str]) -> Edges:
    columns = files.columns_of(path)
    lower = {name.casefold(): name for name in columns}
    if "source" in lower and "target" in lower:
        return _read_list(path, columns, lower["source"], lower["target"])
    if len(columns) > 3:
        return _read_matrix(path, columns)
    if len(columns) < 2:
        raise DashpruneError(f"{path.name} has a single column, '{columns[0]}'; an edge list needs source and target")
    if set(columns[:2]) & set(genes) or _are_indices(columns[:2]):
        raise DashpruneError(
            f"{path.name}: row 1 is an edge, '{columns[0]}' to '{columns[1]}', where the names of the columns must be; "
            f"insert a first row source,target"
        )
    return _read_list(path, columns, columns[0], columns[1])


def _read_list(path: Path, columns: list[str], source: str, target: str) -> Edges:
    table = files.read_table(path, columns, [source, target])
    value = next((name for name in columns if name.casefold() in ("weight", "sign")), None)
    weight = np.ones(len(table)) if value is None else files.numbers(path, table[value])
    table = pd.DataFrame({"source": table[source], "target": table[target], "weight": weight}, index=table.index)
    table = table[table["weight"] != 0].drop_duplicates()
    again = table.duplicated(["source", "target"])
    if again.any():
        row = table[again].iloc[0]
        raise DashpruneError(
            f"{path.name}: row {table.index[again][0]} lists the edge '{row['source']}' to '{row['target']}' once more "
            f"with another weight, {row['weight']:g}; keep one of them"
        )
    ends = [table[name].to_numpy(dtype=object) for name in ("source", "target")]
    return Edges(ends[0], ends[1], table["weight"].to_numpy(), table.index.to_numpy())


def _read_matrix(path: Path, columns: list[str]) -> Edges:
    table = files.read_table(path, columns, columns[:1])
    rows = table[columns[0]].to_numpy(dtype=object)
    files.check_unique(rows, f"{path.name}: column 1")
    targets = np.array(columns[1:], dtype=object)
    both = set(rows) & set(targets)
    odd = next((name for name in (*rows, *targets) if name not in both), None)
    if odd is not None:
        place = "first column" if odd in rows else "header"
        raise DashpruneError(
            f"{path.name}: only the {place} names '{odd}'; a matrix needs the same genes in header and first column, "
            f"and an edge list the columns source and target"
        )
    values = np.column_stack([files.numbers(path, table[name]) for name in targets])
    source, target = np.nonzero(values)
    return Edges(rows[source], targets[target], values[source, target], table.index.to_numpy()[source])


def _matched(
    path: Path, edges: Edges, genes: Sequence[str], expression: str, index_base: int | None
) -> tuple[np.ndarray, np.ndarray, str]:
    """Positions of sources and targets in `genes`, -1 for a name that is not there; and a note on such names."""
    ends = np.concatenate([edges.source, edges.target])
    names, place = np.unique(ends.astype(str), return_inverse=True)
    known = {gene: k for k, gene in enumerate(genes)}
    if _are_indices(names) and not known.keys() & set(names):
        found, note = _indices(path, [int(name) for name in names], len(genes), index_base), ""
    else:
        found = np.array([known.get(name, -1) for name in names], dtype=np.int64)
        note = _unknown(path, [str(name) for name in names[found < 0]], genes, expression, edges)
    source, target = np.split(found[place], 2)
    return source, target, note


def _are_indices(names: Iterable[str]) -> bool:
    return all(name.isascii() and name.isdigit() for name in names)


def _indices(path: Path, numbers: Sequence[int], genes: int, index_base: int | None) -> np.ndarray:
    """Positions that integer indices mean."""
    low, high = min(numbers), max(numbers)
    base = index_base
    if base is None:
        if low > 0 and high < genes:
            raise DashpruneError(
                f"{path.name}: indices run from {low} to {high} for {genes} genes, so they may count from 0 or from 1; "
                f"say which with dataset.index_base=0 or dataset.index_base=1"
            )
        base = 0 if low == 0 else 1
    if low < base or high >= genes + base:
        raise DashpruneError(
            f"{path.name}: indices run from {low} to {high}, but {genes} genes have indices from {base} to "
            f"{genes + base - 1}; mend them, or use names"
        )
    return np.array(numbers) - base


def _unknown(path: Path, names: Sequence[str], genes: Sequence[str], expression: str, edges: Edges) -> str:
    """A note on names that are not in the expression; raises DashpruneError for one that differs in case only."""
    if not names:
        return ""
    used = {*edges.source, *edges.target}
    lower = {gene.casefold(): gene for gene in genes if gene not in used}

    def row(name: str) -> int:
        return int(edges.row[(edges.source == name) | (edges.target == name)][0])

    for name in names:
        if name.casefold() in lower:
            raise DashpruneError(
                f"{path.name}: row {row(name)} names gene '{name}', which is '{lower[name.casefold()]}' in {expression}"
                f"; write genes alike in both files, upper and lower case included"
            )
    first = min(names, key=row)
    hint = did_you_mean(first, genes).removeprefix("; ").removesuffix("?")
    example = f"'{first}' in row {row(first)}{f', {hint}?' if hint else ''}"
    return f"{len(names):,} genes are not in {expression}, such as {example}"


def _touched(matrix: csr_array) -> int:
    return len(np.unique(np.concatenate(matrix.nonzero())))
