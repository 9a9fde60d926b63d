"""Cells classified from genes, with pathways as the prior.

    python examples/guide_pathways.py

700 cells of peripheral blood and 765 genes (scanpy's bundled pbmc68k_reduced), of which those in some pathway of
Reactome are used (`dashprune data fetch gene_sets`). Genes are related as much as they share pathways. DASH is told so;
magnitude pruning ("imp") is not. Both cut to the same sparsity.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
import torch
from guide_pixels import coherence
from scipy.sparse import csr_array
from sklearn.model_selection import train_test_split
from torch import nn

from dashprune import Schedule, guide
from dashprune.data import gene_sets

EPOCHS = 60
SCHEDULE = Schedule(start=10, first=0.5, every=5, then=0.2, epochs=EPOCHS)


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
    """Accuracy on held-out cells, sparsity, and coherence of the first layer."""
    expression, names, kinds = cells()
    used, related = pathways(names)
    parts = train_test_split(expression[:, used], kinds, test_size=0.3, random_state=seed)
    x, x_test, y, y_test = (torch.as_tensor(part) for part in parts)
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(len(used), 32), nn.ReLU(), nn.Linear(32, int(kinds.max()) + 1))
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    chains = [["0", "2"]]
    guided = guide(
        net, chains, inputs=related, schedule=SCHEDULE, strategy=strategy, target_sparsity=sparsity, seed=seed
    )
    for epoch in range(1, EPOCHS + 1):
        guided.update(epoch)
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    left = guided.sparsity, coherence(guided.masks()[0], related)
    guided.finalize()
    with torch.no_grad():
        return (net(x_test).argmax(dim=1) == y_test).float().mean().item(), *left


if __name__ == "__main__":
    for strategy in ("dash", "imp"):
        found = np.array([trained(strategy, 0.9, seed) for seed in range(3)])
        accuracy, sparsity, together = found.mean(axis=0)
        print(f"{strategy}: accuracy {accuracy:.3f} ± {found[:, 0].std(ddof=1):.3f}, sparsity {sparsity:.3f}, "
              f"pairs in a pathway {together:.3f} ± {found[:, 2].std(ddof=1):.3f}")  # fmt: skip
