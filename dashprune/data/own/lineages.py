"""Times of cells in a table of their own, such as BEELINE's PseudoTime.csv: a column per lineage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from dashprune.data.own import columns as known
from dashprune.data.own import files
from dashprune.data.own.cells import Cells, Note, Reading, listed
from dashprune.errors import DashpruneError


class Lineages(NamedTuple):
    """What a table of times says.

    Attributes:
        named: all cells that it names.
        cell: (M,) names of the cells that have a time, once for each lineage in which they have one.
        sample: (M,) str, the lineage, or the sample.
        time: (M,) float64, finite.
        path: of the table.
    """

    named: frozenset[str]
    cell: np.ndarray
    sample: np.ndarray
    time: np.ndarray
    path: Path


def read_lineages(path: Path, how: Reading) -> Lineages:
    """Read a table with a row per cell: its name, and its time.

    With the column of samples (dataset.sample) it has one column of times beside it. Else every further column is a
    lineage with times of its own, empty or NA where a cell is not of it, and each lineage is a sample.

    Raises:
        DashpruneError: on a malformed table, or a cell that is named twice.
    """
    columns = files.columns_of(path)
    text = [name for name in how.labels if name in columns[1:]]
    if len(columns) < 2:
        raise DashpruneError(f"{path.name} has a single column; it needs the names of cells, and their times")
    table = files.read_table(path, columns, [columns[0], *text])
    cells = table[columns[0]].to_numpy(dtype=object)
    files.check_unique(cells, f"{path.name}: column 1")
    others = [name for name in columns[1:] if name not in text]
    if text:
        time = known.time_column(path, others, how) if len(others) > 1 else others[0]
        if time is None:
            raise known.no_time(path, others)
        others = [time]
    times = [known.times_of(path, table[name]) for name in others]
    labels = [table[text[0]].to_numpy(dtype=object)] if text else [np.full(len(cells), name) for name in others]
    cell, sample, time_ = (np.concatenate(part) for part in ([cells] * len(others), labels, times))
    there = np.isfinite(time_)
    return Lineages(frozenset(cells), cell[there], sample[there].astype(object), time_[there], path)


def joined(names: Sequence[str], values: np.ndarray, genes: Sequence[str], found: Lineages) -> Cells:
    """Cells in the order of the table of times; those to which it gives none come last, without a time.

    Args:
        names: of the cells.
        values: (cells, genes).
        genes: their names.
        found: the table of times.
    """
    place = {name: k for k, name in enumerate(names)}
    there = np.array([name in place for name in found.cell], dtype=bool)
    at = np.array([place[name] for name in found.cell[there]], dtype=np.int64)
    untimed = np.setdiff1d(np.arange(len(names)), at)
    order = np.concatenate([at, untimed])
    sample = np.concatenate([found.sample[there], np.full(len(untimed), "", dtype=object)])
    time = np.concatenate([found.time[there], np.full(len(untimed), np.nan)])
    absent = sorted(found.named - set(names))
    some = f"{found.path.name}: {len(absent):,} of {len(found.named):,} cells are not in the expression, such as "
    notes = (Note(f"{some}{listed(absent[:1])}"),) if absent else ()
    rows = pd.Index([names[k] for k in order])
    return Cells(tuple(genes), sample, time, values[order], rows, notes)
