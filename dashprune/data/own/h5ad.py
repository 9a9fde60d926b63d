"""Expression from an .h5ad file, as AnnData writes it: cells x genes.

Only what is needed is read: obs, var, and X or one layer. All of it is checked before use, as a file may be damaged
or made to mislead: anndata itself believes the indices of a sparse matrix. A file from before AnnData 0.7 is read as a
whole.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dashprune.data.own import columns, files
from dashprune.data.own.cells import Cells, Reading, all_finite
from dashprune.errors import DashpruneError, did_you_mean

_RAW = "raw"
"""In place of a layer: the values before genes were left out."""
_BYTES_PER_VALUE = 12
"""Memory that a value takes, as it is in the file and as float32."""


class _Parts(NamedTuple):
    """Of a file: its cells, the genes of the matrix that was asked for, and that."""

    obs: pd.DataFrame
    var: pd.DataFrame
    matrix: Any


def read_h5ad(path: Path, how: Reading) -> Cells:
    """Read cells, with sample and time in `obs` and genes in `var_names`.

    Raises:
        DashpruneError: on a file of another kind, a column or layer that is not there, genes that are named twice, or
            values that are infinite.
    """
    anndata = files.optional("anndata", path, "h5ad")
    obs, var, matrix = _read(anndata, path, how.layer)
    genes = _genes(path, var, how)
    numeric = [str(name) for name in obs if pd.api.types.is_numeric_dtype(obs[name]) or name == how.time]
    time = columns.time_column(path, numeric, how)
    if time is None:
        raise columns.no_time(path, list(obs.columns))
    times = columns.times_of(path, obs[time])
    sample = columns.samples_of(path, obs, how, times)
    columns.check_drop(path, genes, how)
    kept = np.array([gene not in how.drop for gene in genes])
    values = _dense(matrix if kept.all() else matrix[:, kept])
    genes = tuple(gene for gene, keep in zip(genes, kept, strict=True) if keep)
    _check_infinite(path, values, obs.index, genes)
    notes = (*columns.time_note(path, time, how), *columns.hardly_genes(path, genes))
    return Cells(genes, sample, times, values, obs.index, notes)


def _read(anndata: Any, path: Path, layer: str | None) -> _Parts:
    import h5py

    try:
        with h5py.File(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of encodings that are older than anndata
            _check_links(path, file)
            if isinstance(file.get("obs"), h5py.Dataset) and isinstance(file.get("var"), h5py.Dataset):
                return _read_old(anndata, path, file, layer)
            return _read_parts(path, file, layer)
    except DashpruneError:
        raise
    except Exception as error:  # of h5py and anndata, which have many
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DashpruneError(
            f"{path.name} is not an AnnData file, or damaged ({reason}); write it with AnnData.write_h5ad"
        ) from None


def _read_parts(path: Path, file: Any, layer: str | None) -> _Parts:
    read_elem = files.optional("anndata.io", path, "h5ad").read_elem
    layers = [str(name) for name in file.get("layers", ())]
    raw = layer == _RAW and _RAW not in layers
    source = file if not raw else file.get("raw")
    if source is None:
        raise _no_raw(path)
    if layer is not None and not raw and layer not in layers:
        raise _no_layer(path, layer, layers)
    node = source.get("X") if layer is None or raw else file["layers"][layer]
    if node is None or dict(node.attrs).get("encoding-type") == "null":
        raise DashpruneError(f"{path.name} has no X; choose one of its layers with dataset.layer={_known(layers)}")
    _check_matrix(path, node, _length(file["obs"]), _length(source["var"]))
    return _Parts(read_elem(file["obs"]), read_elem(source["var"]), read_elem(node))


def _read_old(anndata: Any, path: Path, file: Any, layer: str | None) -> _Parts:
    """Of AnnData before 0.7."""
    cells = len(file["obs"])
    for name, genes in (("X", "var"), ("raw.X", "raw.var")):
        if name in file:
            _check_matrix(path, file[name], cells, len(file[genes]))
    data = anndata.read_h5ad(path)
    if layer == _RAW and _RAW not in data.layers:
        if data.raw is None:
            raise _no_raw(path)
        return _Parts(data.obs, data.raw.var, data.raw.X)
    layers = [str(name) for name in data.layers if name is not None]  # anndata 0.13 lists X as the layer None
    if layer is not None and layer not in layers:
        raise _no_layer(path, layer, layers)
    return _Parts(data.obs, data.var, data.X if layer is None else data.layers[layer])


def _check_links(path: Path, file: Any) -> None:
    """Raise DashpruneError if a part lies in another file, which the sender of this one chose."""
    import h5py

    for name in file:
        if isinstance(file.get(name, getlink=True), h5py.ExternalLink):
            raise DashpruneError(f"{path.name}: '{name}' is a link to another file; write all into one")

    def check(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and (node.external or node.is_virtual):
            raise DashpruneError(f"{path.name}: '{name}' has its values in another file; write all into one")
        links = [node.get(own, getlink=True) for own in node] if isinstance(node, h5py.Group) else []
        if any(isinstance(link, h5py.ExternalLink) for link in links):
            raise DashpruneError(f"{path.name}: '{name}' has a link to another file; write all into one")

    file.visititems(check)


def _length(table: Any) -> int:
    """How many rows obs or var have: names are an array, or for nullable text a group with `values`."""
    import h5py

    names = table[table.attrs["_index"]]
    return len(names["values"] if isinstance(names, h5py.Group) else names)


def _check_matrix(path: Path, node: Any, cells: int, genes: int) -> None:
    """Raise DashpruneError if a matrix is not of numbers, cells x genes, or does not fit into memory."""
    import h5py

    files.check_memory(path, cells * genes * _BYTES_PER_VALUE, cells, genes)
    if isinstance(node, h5py.Dataset):
        if node.shape != (cells, genes) or node.dtype.kind not in "biuf":
            raise _other_matrix(path, node.name, f"{node.shape} of {node.dtype}", cells, genes)
        return
    kind = node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", ""))
    shape = node.attrs.get("shape", node.attrs.get("h5sparse_shape", ()))
    if not str(kind).startswith(("csr", "csc")) or tuple(shape) != (cells, genes):
        raise _other_matrix(path, node.name, f"{tuple(map(int, shape))} of kind '{kind}'", cells, genes)
    _check_sparse(path, node, *((cells, genes) if str(kind).startswith("csr") else (genes, cells)))


def _check_sparse(path: Path, node: Any, rows: int, columns: int) -> None:
    """Raise DashpruneError if a compressed matrix of rows (or columns) points outside of itself."""
    files.check_memory(path, sum(node[name].size * 8 for name in ("data", "indices")), rows, columns)
    starts, indices, values = node["indptr"][()], node["indices"][()], node["data"]
    fits = (
        starts.dtype.kind in "iu"
        and indices.dtype.kind in "iu"
        and values.dtype.kind in "biuf"
        and starts.shape == (rows + 1,)
        and indices.shape == values.shape == (int(starts[-1]),)
        and starts[0] == 0
        and bool((starts[1:] >= starts[:-1]).all())
        and (not indices.size or (indices.min() >= 0 and indices.max() < columns))
    )
    if not fits:
        raise DashpruneError(f"{path.name}: the sparse matrix {node.name} points outside of itself; write it anew")


def _other_matrix(path: Path, name: str, found: str, cells: int, genes: int) -> DashpruneError:
    return DashpruneError(f"{path.name}: {name} is {found}; it must hold numbers, {cells} cells x {genes} genes")


def _no_raw(path: Path) -> DashpruneError:
    return DashpruneError(f"dataset.layer: {path.name} has no raw values; leave it out, or name a layer")


def _no_layer(path: Path, layer: str, layers: list[str]) -> DashpruneError:
    hint = did_you_mean(layer, layers)
    return DashpruneError(f"dataset.layer: {path.name} has no layer '{layer}'{hint}; it has {_known(layers)}")


def _known(layers: list[str]) -> str:
    return ", ".join(layers) or "none"


def _genes(path: Path, table: pd.DataFrame, how: Reading) -> tuple[str, ...]:
    """Names of the genes: the index, or a column."""
    if how.gene_names is None:
        names = [str(name) for name in table.index]
        files.check_unique(names, f"{path.name}: var_names")
        return tuple(names)
    column = files.require(path, [str(name) for name in table.columns], how.gene_names, "dataset.gene_names")
    files.check_filled(path, table[column])
    names = [str(name) for name in table[column]]
    files.check_unique(names, f"{path.name}: var column '{column}'")
    return tuple(names)


def _dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float32)


def _check_infinite(path: Path, values: np.ndarray, cells: pd.Index, genes: tuple[str, ...]) -> None:
    if all_finite(values):
        return
    bad = np.argwhere(np.isinf(values))
    if len(bad):
        raise DashpruneError(
            f"{path.name}: gene '{genes[bad[0, 1]]}' of cell '{cells[bad[0, 0]]}' is {values[tuple(bad[0])]}; "
            f"every value must be a finite number ({len(bad)} are not)"
        )
