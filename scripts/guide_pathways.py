"""Cells classified from genes, with pathways as the prior.

    python scripts/guide_pathways.py

700 cells of peripheral blood and 765 genes (scanpy's bundled pbmc68k_reduced), of which those in some pathway of
Reactome are used (`dashprune data fetch gene_sets`). Genes are related as much as they share pathways. DASH is told so;
magnitude pruning ("imp") is not. Both cut to the same sparsity.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
from guide_pixels import fitted, report
from scipy.sparse import csr_array
from sklearn.model_selection import train_test_split

from dashprune.data import gene_sets


def cells() -> tuple[np.ndarray, list[str], np.ndarray]:
    """(cells, genes) scaled expression, names of genes, and (cells,) numbers of cell types."""
    place = find_spec("scanpy")
    assert place is not None, "pip install scanpy"
    assert place.origin is not None
    with h5py.File(Path(place.origin).parent / "datasets" / "10x_pbmc68k_reduced.h5ad") as file:
        names = [one["index"].decode() for one in file["var"][:]]
        labels = file["obs"][:]["bulk_labels"]
        return file["X"][:], names, labels.astype(np.int64)


def pathways(names: list[str]) -> tuple[np.ndarray, csr_array]:
    """Places of the genes that are in some pathway of 3 to 100 of them, and in how many two of these are together."""
    sets = [[names.index(gene) for gene in one.genes if gene in names] for one in gene_sets.load("reactome")]
    sets = [members for members in sets if 3 <= len(members) <= 100]
    member = np.zeros((len(sets), len(names)), dtype=np.float32)
    for row, members in zip(member, sets, strict=True):
        row[members] = 1
    used = np.flatnonzero(member.any(axis=0))
    return used, csr_array(member[:, used].T @ member[:, used])


def trained(strategy: str, sparsity: float, seed: int) -> tuple[float, float, float]:
    """See `guide_pixels.fitted`."""
    expression, names, kinds = cells()
    used, related = pathways(names)
    parts = train_test_split(expression[:, used], kinds, test_size=0.3, random_state=seed)
    return fitted(parts, related, 1e-3, strategy, sparsity, seed)


if __name__ == "__main__":
    report(trained, "pairs in a pathway")
