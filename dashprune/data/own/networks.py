"""Networks as users have them: edge lists, matrices or sets, matched to the genes of the expression.

An edge list has a row per edge. Its columns are known by their usual names (`network_columns.NAMES`), or are as the
user says; of two or three columns by other names the first two are source and target. A list without a header has
source, target and, if it is a sign or a number, sign or weight. A matrix has names in header and first column, row
regulates column; but with a column `gene_short_name` its rows are targets. A .gmt file has a regulator and its targets
in each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from dashprune.data.own import files, network_columns, network_files
from dashprune.data.own.network_columns import Columns
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError, MendableError, did_you_mean

ROW_NAMES = ("gene_short_name", "gene_name", "gene_symbol", "symbol")
"""Columns that name the targets in a table of CellOracle's form: a row per target or peak, a column per regulator."""


class Edges(NamedTuple):
    """Edges as a file lists them.

    Attributes:
        source: (E,) str, gene name or index.
        target: (E,) str.
        size: (E,) float64, not negative; 1 where the file has none, 0 for a pair that is no edge.
        sign: (E,) float64, 1, -1, or 0 where the file says none.
        row: (E,) the row of the file that an edge stands in.
        told: what the file was taken for.
        said: what else there is to say.
    """

    source: np.ndarray
    target: np.ndarray
    size: np.ndarray
    sign: np.ndarray
    row: np.ndarray
    told: str
    said: tuple[str, ...] = ()


class Network(NamedTuple):
    """A network on the genes of the expression.

    Attributes:
        matrix: (genes, genes) sparse float32, row regulates column; the sign is the effect's, + where none is known.
        report: one line on what was taken for what, kept and dropped.
        pairs: (genes, genes) sparse bool, the pairs of which the file says whether they are an edge, if it lists some
            that are none; or else None.
    """

    matrix: csr_array
    report: str
    pairs: csr_array | None = None


def read_network(
    path: Path,
    genes: Sequence[str],
    expression: str,
    index_base: int | None = None,
    columns: Mapping[str, str] | None = None,
    key: str = "dataset.prior_columns",
) -> Network:
    """Read an edge list, a matrix or sets of genes, and keep what lies between `genes`.

    Genes are matched first. Then a pair of weight 0 is no edge; one that is listed again counts once, with the largest
    of its weights, and without a sign if it has both.

    Args:
        path: of the file.
        genes: of the expression, in its order.
        expression: name of the file that these are from, for messages.
        index_base: 0 or 1, what integer indices in place of names count from; None finds out.
        columns: what the user says of columns, by role (`network_columns.ROLES`).
        key: of the configuration for these, for messages.

    Raises:
        DashpruneError: on a malformed file, genes that differ in case only, indices that may count from 0 or 1, or if
            nothing is left.
    """
    edges = _read(path, genes, dict(columns or {}), key)
    source, target, unknown = _matched(path, edges, genes, expression, index_base)
    kept = (source >= 0) & (target >= 0)
    if not kept.any():
        what = f"no edge of {path.name} connects two genes of {expression}"
        raise DashpruneError(f"{what}{f' ({unknown})' if unknown else ''}; name genes alike in both files")
    pairs = _Pairs.of(source[kept], target[kept], edges.size[kept], edges.sign[kept], len(genes))
    if not pairs.matrix.nnz:
        raise DashpruneError(f"{path.name} lists no edge: every weight is 0")
    notes = [note for note in (*pairs.notes(), *edges.said, unknown) if note]
    counts = f"kept {pairs.matrix.nnz:,} of {len(kept):,} edges, between {_touched(pairs.matrix):,} genes"
    report = "; ".join([f"{path.name}: {counts}; {edges.told}", *notes])
    return Network(pairs.matrix, report, pairs.listed if pairs.none else None)


def transposed_hint(path: Path, matrix: csr_array) -> str | None:
    """A warning if many more genes regulate than are regulated, which is rare in biology; else None."""
    regulators, targets = (np.count_nonzero(np.bincount(axis)) for axis in matrix.nonzero())
    if regulators <= 2 * targets or regulators < 5:
        return None
    return (
        f"{path.name} may be transposed: {regulators} genes regulate, but only {targets} are regulated; if it has "
        f"targets in its rows or first column, set dataset.prior_transposed=true"
    )


class _Pairs(NamedTuple):
    """Pairs of genes as listed, each once.

    Attributes:
        matrix: of the edges, with signs.
        listed: (genes, genes) bool, all that were listed, also those that are no edges.
        none: how many are no edges.
        again, conflicts, loops, unsigned: how many rows repeat another, pairs have both signs, edges lead from a gene
            to itself, edges have no sign though others have.
    """

    matrix: csr_array
    listed: csr_array
    none: int
    again: int
    conflicts: int
    loops: int
    unsigned: int

    @classmethod
    def of(cls, source: np.ndarray, target: np.ndarray, size: np.ndarray, sign: np.ndarray, genes: int) -> _Pairs:
        table = pd.DataFrame({"pair": source.astype(np.int64) * genes + target, "size": size})
        edge = size > 0
        table["up"], table["down"] = edge & (sign > 0), edge & (sign < 0)
        found = table.groupby("pair").agg(size=("size", "max"), up=("up", "any"), down=("down", "any"))
        both = (found["up"] & found["down"]).to_numpy()
        value = found["size"].to_numpy() * np.where(found["down"].to_numpy() & ~both, -1, 1)
        row, column = np.divmod(found.index.to_numpy(), genes)
        shape, real = (genes, genes), value != 0
        matrix = sparse(coo_array((value[real], (row[real], column[real])), shape=shape), np.float32)
        listed = sparse(coo_array((np.ones(len(row), dtype=bool), (row, column)), shape=shape), bool)
        signed = bool(found["up"].any() or found["down"].any())
        neither = real & ~(found["up"] | found["down"]).to_numpy()
        return cls(
            matrix,
            listed,
            none=int((~real).sum()),
            again=len(table) - len(found),
            conflicts=int(both.sum()),
            loops=int((row == column)[real].sum()),
            unsigned=int(neither.sum()) if signed else 0,
        )

    def notes(self) -> list[str]:
        """What there is to say of them."""
        only = self.loops == self.matrix.nnz
        said = [
            (self.none, f"{self.none:,} pairs of weight 0 are no edges"),
            (self.again, f"{self.again:,} rows list a pair again, which counts once"),
            (self.conflicts, f"{self.conflicts:,} pairs have both signs, and are kept without"),
            (self.unsigned, f"{self.unsigned:,} edges have no sign, and count as +"),
            (self.loops, f"{'all' if only else f'{self.loops:,}'} edges lead from a gene to itself"),
        ]
        return [text for number, text in said if number]


def _read(path: Path, genes: Sequence[str], given: dict[str, str], key: str) -> Edges:
    known = set(genes)
    if path.name.lower().endswith((".gmt", ".gmt.gz")):
        table = network_files.sets(path, known)
        return _of_list(path, table, Columns("source", "target", sign="sign"), "a set of targets in each row")
    form = network_files.form_of(path, known, given.values())
    columns: Columns | None
    if given:
        columns = network_columns.named(path, form.names, given, key)
    elif form.header:
        columns = network_columns.recognised(form.names)
    else:
        columns = _by_content(path, form)
    if columns is None and len(form.names) <= 3 and not _is_small_matrix(form):
        columns = _first_two(path, [name for name in form.names if name])
    if columns is None:
        return _read_matrix(path, form, key)
    table = network_files.read(path, form, [columns.source, columns.target])
    ignored = [name for name in form.names if name not in columns.used() and name]
    also = f", ignored {', '.join(repr(name) for name in ignored[:6])}" + (", ..." if len(ignored) > 6 else "")
    told = ("" if form.header else "no header, ") + columns.told() + (also if ignored else "")
    edges = _of_list(path, table, columns, told)
    return edges._replace(said=(*edges.said, *_perhaps_weights(table[ignored], columns, key)))


def _by_content(path: Path, form: network_files.Form) -> Columns:
    """Of a list without header: source, target, and by what stands in it a sign or a weight."""
    if len(form.names) < 2:
        raise DashpruneError(f"{path.name} has a single column, and no header; an edge list needs source and target")
    source, target, *others = form.names
    if len(others) == 1 and network_columns.is_sign(row[1] for row in form.rows if len(row) > 2):
        return Columns(source, others[0], sign=target)  # as in .sif: what it does stands between them
    if others:
        third = [row[2] for row in form.rows if len(row) > 2]
        if all(network_files.is_number(cell) for cell in third):
            return Columns(source, target, weight=others[0])
        if network_columns.is_sign(third):
            return Columns(source, target, sign=others[0])
    return Columns(source, target)


def _perhaps_weights(table: pd.DataFrame, columns: Columns, key: str) -> list[str]:
    """A hint at each ignored column of 0 and 1, which may say what is an edge."""
    if columns.weight is not None:
        return []
    told = []
    for name in table:
        found = set(table[name].astype(str).str.strip().str.casefold())
        if found in ({"0", "1"}, {"0.0", "1.0"}, {"true", "false"}):
            told.append(f"if 0 in '{name}' means that there is no edge, set {key}={{weight: {name}}}")
    return told


def _first_two(path: Path, names: Sequence[str]) -> Columns:
    if len(names) < 2:
        raise DashpruneError(f"{path.name} has a single column, '{names[0]}'; an edge list needs source and target")
    return Columns(names[0], names[1])


def _is_small_matrix(form: network_files.Form) -> bool:
    """Whether a table of three columns or less is a matrix: numbers, and an empty corner or rows named as columns."""
    return form.numeric and (not form.names[0] or {row[0] for row in form.rows} <= set(form.names[1:]))


def _of_list(path: Path, table: pd.DataFrame, columns: Columns, told: str) -> Edges:
    size, sign, said = network_columns.values(path, table, columns)
    ends = [table[name].to_numpy(dtype=object) for name in (columns.source, columns.target)]
    return Edges(ends[0], ends[1], size, sign, table.index.to_numpy(), told, tuple(said))


def _read_matrix(path: Path, form: network_files.Form, key: str) -> Edges:
    names = [name for name in form.names if network_columns.plain(name) in ROW_NAMES]
    labels = names[:1] or form.names[:1]
    first = form.names.index(labels[0]) + 1
    others = form.names[first:]
    if form.rows and not all(network_files.is_number(cell) for row in form.rows for cell in row[first:]):
        raise MendableError(
            f"{path.name} is neither a matrix of numbers nor a list with columns source and target; say what its "
            f"columns are, such as {key}={{source: '{form.names[0]}', target: '{form.names[1]}'}}",
            f"{key}={{source:COLUMN,target:COLUMN}}",
        )
    table = network_files.read(path, form, labels)
    rows = table[labels[0]].to_numpy(dtype=object)
    if not names:
        files.check_unique(rows, f"{path.name}: column 1")
    columns = np.array(others, dtype=object)
    values = np.column_stack([files.numbers(path, network_columns.truth(table[name])) for name in others])
    row, column = np.nonzero(values)
    value, places = values[row, column], table.index.to_numpy()[row]
    sign = np.sign(value) if (value < 0).any() else np.zeros(len(value))
    shape = f"a matrix of {len(rows):,} rows and {len(columns):,} columns"
    if names:
        return Edges(columns[column], rows[row], abs(value), sign, places, f"{shape}, columns regulate '{labels[0]}'")
    return Edges(rows[row], columns[column], abs(value), sign, places, f"{shape}, rows regulate columns")


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
