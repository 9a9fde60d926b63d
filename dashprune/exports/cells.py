"""A run as AnnData, for scanpy and scVelo: measured expression, what the model makes of it, and the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_array, csr_matrix

from dashprune.exports.network import Network
from dashprune.models.base import EdgeField
from dashprune.training.batches import by_trajectory, predicted

if TYPE_CHECKING:
    import anndata


def h5ad(network: Network, path: Path) -> None:
    """Write `annotated(network)`."""
    annotated(network).write_h5ad(path)


@torch.no_grad()
def annotated(network: Network) -> anndata.AnnData:
    """All measured points, of all splits.

    ``X`` is measured expression, points x genes. `layers`: `predicted`, from the point before (the first of a series as
    it was measured), and `velocity`, dx/dt at the measured point, per unit of time. `obs`: `split`, `trajectory`
    and `time`. `var`: `out_degree`, `in_degree`, and `regulator`. `varp["effect"]`: genes x genes, row regulates
    column; `varp["prior"]` likewise. `obsm["activities"]`, with names in `uns`, where regulators act by their
    activities.
    """
    import anndata

    problem, model = network.problem, network.model
    model.eval()
    rows, measured, steps = [], [], []
    splits = {"train": problem.train, "validation": problem.validation, "test": problem.test}
    for name, split in splits.items():
        batches = [] if split.empty else by_trajectory(split, torch.device("cpu"))
        for number, batch in enumerate(batches):
            known = ~np.isnan(split.times[number])
            values = split.expression[number, known]
            measured.append(values)
            steps.append(np.concatenate([values[:1], predicted(model, batch, network.solver).numpy()]))
            rows.append(pd.DataFrame({"split": name, "trajectory": number, "time": split.times[number, known]}))
    expression = np.concatenate(measured)
    obs = pd.concat(rows, ignore_index=True).set_index(pd.RangeIndex(len(expression)).astype(str))
    velocity = model(torch.zeros(()), torch.as_tensor(expression)).numpy()
    found = anndata.AnnData(expression, obs=obs, var=_var(network))
    found.layers["predicted"], found.layers["velocity"] = np.concatenate(steps), velocity
    found.varp["effect"], found.varp["prior"] = _effects(network), csr_matrix(problem.prior)
    found.uns["dashprune"] = network.name
    if isinstance(model, EdgeField) and model.activities is not None:
        found.obsm["activities"] = model.activities.places(expression)
        found.uns["activities"] = [problem.genes[gene] for gene in model.activities.genes]
    return found


def _var(network: Network) -> pd.DataFrame:
    known = network.genes.set_index("gene").reindex(network.problem.genes)
    degrees = known[["out_degree", "in_degree"]].fillna(0).astype(int)
    return degrees.assign(regulator=degrees["out_degree"] > 0).rename_axis(None)


def _effects(network: Network) -> csr_matrix:
    place = pd.Index(network.problem.genes)
    at = tuple(place.get_indexer(pd.Index(network.edges[name])) for name in ("source", "target"))
    size = (len(place), len(place))
    return csr_matrix(csr_array((network.edges["effect"].to_numpy(dtype=np.float32), at), shape=size))
