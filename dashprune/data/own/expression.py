"""Expression as users have it (tables in long or wide form, AnnData) and its order in samples and time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dashprune.data.own import files
from dashprune.errors import DashpruneError, did_you_mean

_ALL = "all"
"""Name of the only sample where no column names samples."""


class Cells(NamedTuple):
    """Measurements in the order of the file: cells, or rows of a wide table.

    Attributes:
        genes: names, all different.
        sample: (N,) str, the sample that each was taken from.
        time: (N,) float64, time or pseudotime, not negative.
        values: (N, genes) float32.
    """

    genes: tuple[str, ...]
    sample: np.ndarray
    time: np.ndarray
    values: np.ndarray


class Series(NamedTuple):
    """Expression of one sample.

    Attributes:
        sample: its name.
        times: (T,) float64, increasing, T at least 2.
        values: (T, genes) float32.
        measurements: number of rows or cells that went into it.
        sorted: whether they had to be sorted by time.
    """

    sample: str
    times: np.ndarray
    values: np.ndarray
    measurements: int
    sorted: bool


def read_cells(path: Path, sample: str | None, time: str, layer: str | None) -> Cells:
    """Read expression.

    Args:
        path: a table (.csv, .tsv, .txt, .parquet), long if it has the columns gene and value, else wide with a column
            per gene; or .h5ad, cells x genes.
        sample: column (of `obs` in an .h5ad) that names the sample; None if everything is one sample.
        time: column with time or pseudotime.
        layer: of an .h5ad; None for X.

    Raises:
        DashpruneError: on anything that is not as described here, by row and column.
    """
    cells = _read_h5ad(path, sample, time, layer) if path.suffix == ".h5ad" else _read_table(path, sample, time, layer)
    if len(cells.genes) < 2:
        raise DashpruneError(f"{path.name} has {len(cells.genes)} genes; a network needs at least two")
    return cells


def _read_table(path: Path, sample: str | None, time: str, layer: str | None) -> Cells:
    if layer is not None:
        raise DashpruneError(
            f"dataset.layer: '{layer}' is of an .h5ad file, but {path.name} has no layers; leave it out"
        )
    columns = files.columns_of(path)
    if "" in columns:
        raise DashpruneError(
            f"{path.name}: column {columns.index('') + 1} has no name; name it, or leave it out (pandas: index=False)"
        )
    files.require(path, columns, time, "dataset.time")
    if sample is not None:
        files.require(path, columns, sample, "dataset.sample", "; or dataset.sample=null if all rows are one sample")
    labels = [sample] if sample is not None else []
    if {"gene", "value"} <= set(columns):
        return _read_long(path, columns, labels, time)
    return _read_wide(path, columns, labels, time)


def _read_wide(path: Path, columns: list[str], labels: list[str], time: str) -> Cells:
    table = files.read_table(path, columns, labels)
    genes = tuple(name for name in columns if name not in (*labels, time))
    values = np.empty((len(table), len(genes)), dtype=np.float32)
    for place, gene in enumerate(genes):
        known = "', '".join([*labels, time])
        what = f"it must be a number, as in every column but '{known}'"
        values[:, place] = files.numbers(path, table[gene], what)
    return Cells(genes, _labels(table, labels), _times(path, table, time), values)


def _read_long(path: Path, columns: list[str], labels: list[str], time: str) -> Cells:
    table = files.read_table(path, columns, [*labels, "gene"])
    times, value = _times(path, table, time), files.numbers(path, table["value"])
    gene, genes = pd.factorize(table["gene"])
    point, points = pd.factorize(pd.MultiIndex.from_arrays([_labels(table, labels), times]))
    values = np.full((len(points), len(genes)), np.nan, dtype=np.float32)
    again = np.flatnonzero(pd.Series(point * len(genes) + gene).duplicated())
    if len(again):
        row, (name, when) = again[0], points[point[again[0]]]
        raise DashpruneError(
            f"{path.name}: row {table.index[row]} gives gene '{genes[gene[row]]}' of sample '{name}' at time {when:g} "
            f"once more; keep one value"
        )
    values[point, gene] = value
    missing = np.argwhere(np.isnan(values))
    if len(missing):
        name, when = points[missing[0, 0]]
        raise DashpruneError(
            f"{path.name} has no value of gene '{genes[missing[0, 1]]}' for sample '{name}' at time {when:g}; "
            f"every gene needs one at every time point ({len(missing)} are missing)"
        )
    sample, when = (points.get_level_values(level).to_numpy() for level in (0, 1))
    return Cells(tuple(genes), sample.astype(object), when.astype(np.float64), values)


def _read_h5ad(path: Path, sample: str | None, time: str, layer: str | None) -> Cells:
    anndata = files.optional("anndata", path, "h5ad")
    _check_h5ad(path)
    data = anndata.read_h5ad(path)
    genes, obs = tuple(str(name) for name in data.var_names), data.obs
    files.check_unique(genes, f"{path.name}: var_names")
    files.require(path, list(obs.columns), time, "dataset.time")
    labels = [sample] if sample is not None else []
    for name in labels:
        files.require(path, list(obs.columns), name, "dataset.sample", "; or dataset.sample=null for a single sample")
        files.check_filled(path, obs[name])
    layers = [str(name) for name in data.layers if name is not None]  # anndata 0.13 lists X as the layer None
    if layer is not None and layer not in layers:
        hint, listed = did_you_mean(layer, layers), ", ".join(layers) or "none"
        raise DashpruneError(f"dataset.layer: {path.name} has no layer '{layer}'{hint}; it has {listed}")
    matrix = data.X if layer is None else data.layers[layer]
    if matrix is None:
        listed = ", ".join(layers) or "none"
        raise DashpruneError(f"{path.name} has no X; choose one of its layers with dataset.layer={listed}")
    values = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    values = np.asarray(values, dtype=np.float32)
    _check_finite(path, values, obs.index, genes)
    return Cells(genes, _labels(obs, labels), _times(path, obs, time), values)


def _check_h5ad(path: Path) -> None:
    """Raise DashpruneError if the file is not an AnnData, or its cells x genes would not fit into memory."""
    import h5py

    try:
        with h5py.File(path) as file:
            cells, genes = (_stored(file[axis][file[axis].attrs["_index"]]) for axis in ("obs", "var"))
    except (OSError, KeyError):
        raise DashpruneError(f"{path.name} is not an AnnData file; write it with AnnData.write_h5ad") from None
    files.check_memory(path, path.stat().st_size + cells * genes * 16, cells, genes)


def _stored(names: Any) -> int:
    """How many names an index has in HDF5: an array, or for nullable text a group with `values`."""
    import h5py

    return len(names["values"] if isinstance(names, h5py.Group) else names)


def _check_finite(path: Path, values: np.ndarray, cells: pd.Index, genes: tuple[str, ...]) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        raise DashpruneError(
            f"{path.name}: gene '{genes[bad[0, 1]]}' of cell '{cells[bad[0, 0]]}' is {values[tuple(bad[0])]}; "
            f"every value must be a finite number ({len(bad)} are not)"
        )


def _labels(table: pd.DataFrame, labels: list[str]) -> np.ndarray:
    """(N,) object, the sample of each row."""
    if not labels:
        return np.full(len(table), _ALL, dtype=object)
    return table[labels[0]].astype(str).to_numpy(dtype=object)


def _times(path: Path, table: pd.DataFrame, time: str) -> np.ndarray:
    """(N,) float64, checked to be numbers that are not negative."""
    times = files.numbers(path, table[time], "time must be a finite number; remove the row if it has none")
    if (times < 0).any():
        row = int((times < 0).argmax())
        raise DashpruneError(
            f"{path.name}: row {table.index[row]}, column '{time}' is {times[row]:g}; time must not be negative, "
            f"so shift all times by the same amount"
        )
    return times


def series_of(path: Path, cells: Cells, bins: int | None) -> list[Series]:
    """One series per sample, in the order in which samples first appear; tied times are averaged.

    Args:
        path: where the cells are from, for messages.
        cells: in any order.
        bins: average the cells of each sample, in the order of time, into this many groups whose numbers of cells
            differ by at most one; None leaves every cell a time point of its own.

    Raises:
        DashpruneError: if a sample has fewer cells than bins, or a single time point.
    """
    found = []
    names = pd.unique(pd.Series(cells.sample))
    for name in names:
        rows = np.flatnonzero(cells.sample == name)
        order = rows[np.argsort(cells.time[rows], kind="stable")]
        times, values = cells.time[order], cells.values[order]
        if bins is not None:
            times, values = _binned(path, name, times, values, bins)
        times, values = _untied(times, values)
        if len(times) < 2:
            raise DashpruneError(
                f"{path.name}: sample '{name}' has a single time point, {times[0]:g}; every sample needs at least two"
            )
        found.append(Series(str(name), times, values, len(rows), bool((order != rows).any())))
    return found


def _binned(path: Path, name: str, times: np.ndarray, values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    if len(times) < bins:
        raise DashpruneError(
            f"dataset.bins: {bins} is more than the {len(times)} cells of sample '{name}' in {path.name}; lower it"
        )
    return _means(times, values, np.arange(len(times)) * bins // len(times))


def _untied(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average what has the same time."""
    distinct, group = np.unique(times, return_inverse=True)
    return distinct, values if len(distinct) == len(times) else _means(times, values, group)[1]


def _means(times: np.ndarray, values: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean time and values of consecutive rows with the same group."""
    first = np.flatnonzero(np.append(True, np.diff(group)))
    count = np.diff(np.append(first, len(group)))
    summed = np.add.reduceat(values.astype(np.float64), first, axis=0)
    return np.add.reduceat(times, first) / count, (summed / count[:, None]).astype(np.float32)
