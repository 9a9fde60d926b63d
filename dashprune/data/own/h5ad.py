"""Expression from an .h5ad file, as AnnData writes it: cells x genes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dashprune.data.own import columns, files
from dashprune.data.own.cells import Cells, Reading, all_finite
from dashprune.errors import DashpruneError, did_you_mean

_RAW = "raw"
"""In place of a layer: the values before genes were left out."""


def read_h5ad(path: Path, how: Reading) -> Cells:
    """Read cells, with sample and time in `obs` and genes in `var_names`.

    Raises:
        DashpruneError: on a file of another kind, a column or layer that is not there, genes that are named twice, or
            values that are infinite.
    """
    anndata = files.optional("anndata", path, "h5ad")
    _check(path)
    data = anndata.read_h5ad(path)
    genes, obs = _genes(path, data, how), data.obs
    numeric = [str(name) for name in obs if pd.api.types.is_numeric_dtype(obs[name]) or name == how.time]
    time = columns.time_column(path, numeric, how)
    if time is None:
        raise columns.no_time(path, list(obs.columns))
    times = columns.times_of(path, obs[time])
    sample = columns.samples_of(path, obs, how, times)
    columns.check_drop(path, genes, how)
    kept = np.array([gene not in how.drop for gene in genes])
    values = _matrix(path, data, how.layer)
    values = _dense(values if kept.all() else values[:, kept])
    genes = tuple(gene for gene, keep in zip(genes, kept, strict=True) if keep)
    _check_infinite(path, values, obs.index, genes)
    notes = (*columns.time_note(path, time, how), *columns.hardly_genes(path, genes))
    return Cells(genes, sample, times, values, obs.index, notes)


def _genes(path: Path, data: Any, how: Reading) -> tuple[str, ...]:
    """Names of the genes: of `var`, or of a column of it; likewise of `raw`."""
    table = _source(path, data, how.layer).var
    if how.gene_names is None:
        names = [str(name) for name in table.index]
        files.check_unique(names, f"{path.name}: var_names")
        return tuple(names)
    column = files.require(path, [str(name) for name in table.columns], how.gene_names, "dataset.gene_names")
    files.check_filled(path, table[column])
    names = [str(name) for name in table[column]]
    files.check_unique(names, f"{path.name}: var column '{column}'")
    return tuple(names)


def _source(path: Path, data: Any, layer: str | None) -> Any:
    """The part of the file with the values: itself, or its `raw`."""
    if layer != _RAW or _RAW in data.layers:
        return data
    if data.raw is None:
        raise DashpruneError(f"dataset.layer: {path.name} has no raw values; leave it out, or name a layer")
    return data.raw


def _matrix(path: Path, data: Any, layer: str | None) -> Any:
    """(cells, genes) values, dense or sparse."""
    layers = [str(name) for name in data.layers if name is not None]  # anndata 0.13 lists X as the layer None
    source = _source(path, data, layer)
    if source is not data:
        return source.X
    if layer is not None and layer not in layers:
        hint, known = did_you_mean(layer, layers), ", ".join(layers) or "none"
        raise DashpruneError(f"dataset.layer: {path.name} has no layer '{layer}'{hint}; it has {known}")
    matrix = data.X if layer is None else data.layers[layer]
    if matrix is None:
        known = ", ".join(layers) or "none"
        raise DashpruneError(f"{path.name} has no X; choose one of its layers with dataset.layer={known}")
    return matrix


def _dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float32)


def _check(path: Path) -> None:
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


def _check_infinite(path: Path, values: np.ndarray, cells: pd.Index, genes: tuple[str, ...]) -> None:
    if all_finite(values):
        return
    bad = np.argwhere(np.isinf(values))
    if len(bad):
        raise DashpruneError(
            f"{path.name}: gene '{genes[bad[0, 1]]}' of cell '{cells[bad[0, 0]]}' is {values[tuple(bad[0])]}; "
            f"every value must be a finite number ({len(bad)} are not)"
        )
