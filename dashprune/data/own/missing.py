"""Measurements without a time, and values that are missing: counted, named, and left out or filled in on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dashprune.data.own.cells import Cells, Missing, MissingTime, Note, all_finite, listed
from dashprune.errors import DashpruneError, MendableError


def resolve_times(path: Path, cells: Cells, how: MissingTime) -> Cells:
    """The measurements that have a time.

    Raises:
        DashpruneError: if some have none and are not to be dropped, or all have none.
    """
    untimed = np.isnan(cells.time)
    if untimed.all():
        raise DashpruneError(f"{path.name}: none of {len(untimed):,} rows has a time; choose another dataset.time")
    if untimed.any():
        first = cells.rows[int(untimed.argmax())]
        what = "cell" if isinstance(first, str) else "row"
        some = f"{path.name}: {untimed.sum():,} of {len(untimed):,} {what}s have no time, the first is {what} {first}"
        if how == "error":
            raise MendableError(f"{some}; dataset.missing_time=drop leaves them out", "dataset.missing_time=drop")
        cells = cells.only(~untimed)
        cells = cells._replace(notes=(*cells.notes, Note(f"{some}; they were left out (dataset.missing_time=drop)")))
    return cells


def resolve(path: Path, cells: Cells, how: Missing) -> Cells:
    """Expression without missing values.

    Args:
        path: where it is from, for messages.
        cells: with NaN where a value is missing.
        how: "drop_gene" and "drop_time" leave out each gene or measurement that lacks a value. "interpolate" fills in
            from the same gene at the times before and after in the same sample, in proportion to time; before the
            first and after the last it is the nearest one.

    Raises:
        DashpruneError: with "error" if any is missing; if nothing is left; or if a gene has no value in a sample.
    """
    if all_finite(cells.values):
        return cells
    lacking = np.isnan(cells.values)
    said = f"{path.name}: {_where(cells, lacking)}"
    if how == "error":
        gappy = any(lacking[cells.sample == name].all(axis=0).any() for name in pd.unique(pd.Series(cells.sample)))
        others = ["drop_gene", "drop_time"] if (~lacking).all(axis=0).sum() > 1 else ["drop_time", "drop_gene"]
        ways = others if gappy else ["interpolate", *others]
        raise MendableError(
            f"{said}; say what to do with dataset.missing={', '.join(ways[:-1])} or {ways[-1]}",
            *(f"dataset.missing={way}" for way in ways),
        )
    if how == "interpolate":
        done = "they were filled in along time"
        filled = cells._replace(values=_interpolated(path, cells, lacking))
    elif how == "drop_gene":
        lost = lacking.any(axis=0)
        done = f"{lost.sum():,} of {len(lost):,} genes were left out"
        genes = tuple(gene for gene, out in zip(cells.genes, lost, strict=True) if not out)
        filled = cells._replace(genes=genes, values=cells.values[:, ~lost])
    else:
        lost = lacking.any(axis=1)
        done = f"{lost.sum():,} of {len(lost):,} rows or cells were left out"
        filled = cells.only(~lost)
    if not filled.values.size:
        raise DashpruneError(f"{said}; dataset.missing={how} leaves nothing; choose another way")
    return filled._replace(notes=(*cells.notes, Note(f"{said}; {done} (dataset.missing={how})")))


def _where(cells: Cells, lacking: np.ndarray) -> str:
    """How many values are missing, of which genes, in which samples, and the first place."""
    count = int(lacking.sum())
    by_gene = lacking.sum(axis=0)
    genes = [cells.genes[k] for k in np.argsort(-by_gene, kind="stable")[: np.count_nonzero(by_gene)]]
    samples = pd.Series(cells.sample[lacking.any(axis=1)]).unique()
    row, gene = np.argwhere(lacking)[0]
    share = f"{count:,} of {lacking.size:,} values"
    return (
        f"{share} {'is' if count == 1 else 'are'} missing, of {_counted(genes, 'gene')}, in "
        f"{_counted(list(samples), 'sample')}; the first is that of '{cells.genes[gene]}' in row {cells.rows[row]} "
        f"(sample '{cells.sample[row]}', time {cells.time[row]:g})"
    )


def _counted(names: list[str], what: str) -> str:
    return f"{what} {listed(names)}" if len(names) == 1 else f"{len(names):,} {what}s ({listed(names, 3)})"


def _interpolated(path: Path, cells: Cells, lacking: np.ndarray) -> np.ndarray:
    """(N, genes) float32 values, the missing ones filled in along time within each sample."""
    values = cells.values.copy()
    for name in pd.unique(pd.Series(cells.sample)):
        rows = np.flatnonzero(cells.sample == name)
        for gene in np.flatnonzero(lacking[rows].any(axis=0)):
            gaps = lacking[rows, gene]
            if gaps.all():
                raise DashpruneError(
                    f"{path.name}: gene '{cells.genes[gene]}' has no value in sample '{name}' to interpolate from; "
                    f"leave it out with dataset.missing=drop_gene"
                )
            known = pd.Series(cells.values[rows, gene][~gaps]).groupby(cells.time[rows][~gaps]).mean()
            when = known.index.to_numpy(dtype=np.float64)
            values[rows[gaps], gene] = np.interp(cells.time[rows][gaps], when, known.to_numpy())
    return values
