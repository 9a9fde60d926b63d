"""Expression from an .h5ad file, as AnnData writes it: cells x genes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dashprune.data.own import columns, files
from dashprune.data.own.cells import Cells, Reading
from dashprune.errors import DashpruneError, did_you_mean


def read_h5ad(path: Path, how: Reading) -> Cells:
    """Read cells, with sample and time in `obs` and genes in `var_names`.

    Raises:
        DashpruneError: on a file of another kind, a column or layer that is not there, genes that are named twice, or
            values that are infinite.
    """
    anndata = files.optional("anndata", path, "h5ad")
    _check(path)
    data = anndata.read_h5ad(path)
    genes, obs = tuple(str(name) for name in data.var_names), data.obs
    files.check_unique(genes, f"{path.name}: var_names")
    numeric = [str(name) for name in obs if pd.api.types.is_numeric_dtype(obs[name]) or name == how.time]
    time = columns.time_column(path, numeric, how)
    if time is None:
        raise columns.no_time(path, list(obs.columns))
    times = columns.times_of(path, obs[time])
    sample = columns.samples_of(path, obs, how, times)
    columns.check_drop(path, genes, how)
    kept = np.array([gene not in how.drop for gene in genes])
    values = _matrix(path, data, how.layer)[:, kept]
    genes = tuple(gene for gene, keep in zip(genes, kept, strict=True) if keep)
    _check_infinite(path, values, obs.index, genes)
    notes = (*columns.time_note(path, time, how), *columns.hardly_genes(path, genes))
    return Cells(genes, sample, times, values, obs.index, notes)


def _matrix(path: Path, data: Any, layer: str | None) -> np.ndarray:
    """(cells, genes) float32."""
    layers = [str(name) for name in data.layers if name is not None]  # anndata 0.13 lists X as the layer None
    if layer is not None and layer not in layers:
        hint, known = did_you_mean(layer, layers), ", ".join(layers) or "none"
        raise DashpruneError(f"dataset.layer: {path.name} has no layer '{layer}'{hint}; it has {known}")
    matrix = data.X if layer is None else data.layers[layer]
    if matrix is None:
        known = ", ".join(layers) or "none"
        raise DashpruneError(f"{path.name} has no X; choose one of its layers with dataset.layer={known}")
    values = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return np.asarray(values, dtype=np.float32)


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
    bad = np.argwhere(np.isinf(values))
    if len(bad):
        raise DashpruneError(
            f"{path.name}: gene '{genes[bad[0, 1]]}' of cell '{cells[bad[0, 0]]}' is {values[tuple(bad[0])]}; "
            f"every value must be a finite number ({len(bad)} are not)"
        )
