"""The network of a run that is done, with what is known of its edges and genes, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from dashprune.data.problem import Problem
from dashprune.data.sparse import dense
from dashprune.errors import DashpruneError
from dashprune.metrics import relative_effect
from dashprune.models.base import VectorField
from dashprune.models.effects import effects_on, target_blocks
from dashprune.runs import results
from dashprune.runs.finished import reported
from dashprune.solvers.base import Solver


class Network(NamedTuple):
    """A pruned network.

    Attributes:
        name: dataset, model, pruner and id of the run.
        edges: a row per edge, the strongest first: `source`, `target`, `effect`, `sign` (+1 or -1), `share` (of all
            effects on the target), `probability` (NaN where the strategy gives none), `in_prior` and `novel`, its
            opposite (bool).
        genes: a row per gene that has an edge: `gene`, `out_degree`, `in_degree` and `regulator` (bool).
        problem: the data.
        model: that the run reports.
        solver: of its ODE.
    """

    name: str
    edges: pd.DataFrame
    genes: pd.DataFrame
    problem: Problem
    model: VectorField
    solver: Solver


def read(folder: Path, limit: int | None = None) -> Network:
    """The network of a run.

    Args:
        folder: of a run that is done.
        limit: of the edges at most so many, the strongest; None for all.

    Raises:
        DashpruneError: if the run is not done, a control's, or its network is empty.
    """
    problem, model, solver = reported(folder)
    row = results.load(folder)
    assert row is not None
    edges = _edges(problem, model)
    probability = _probability(folder)
    if probability is not None:
        edges = edges.drop(columns="probability").merge(probability, how="left", on=["source", "target"])
    if edges.empty:
        raise DashpruneError(f"{folder}: the network has no edges, so there is nothing to export")
    edges = edges.iloc[np.argsort(-edges["share"].to_numpy(), kind="stable")[:limit]].reset_index(drop=True)
    name = f"{row['dataset']}, {row['model']}, {row['pruner']}, {row['id']}"
    return Network(name, edges, _genes(edges), problem, model, solver)


def _edges(problem: Problem, model: VectorField) -> pd.DataFrame:
    """All edges of the model, in the order of the genes."""
    found = []
    for targets in target_blocks(model.genes):
        effects = effects_on(model, targets)
        share, prior = relative_effect(effects.astype(np.float64)), dense(problem.prior, targets)
        source, target = np.nonzero(effects)
        columns = effects[source, target], share[source, target], prior[source, target] != 0
        found.append(np.stack([source, target + targets.start, *columns]))
    source, target, effect, share, in_prior = np.concatenate(found, axis=1)
    genes = np.array(problem.genes)
    return pd.DataFrame(
        {
            "source": genes[source.astype(int)],
            "target": genes[target.astype(int)],
            "effect": effect,
            "sign": np.sign(effect).astype(int),
            "share": share,
            "probability": np.nan,
            "in_prior": in_prior.astype(bool),
            "novel": ~in_prior.astype(bool),
        }
    )


def _probability(folder: Path) -> pd.DataFrame | None:
    """What the strategy said of the edges that are left; None if it gives no probabilities."""
    table = results.read_network(folder)
    return table[["source", "target", "probability"]] if "probability" in table else None


def _genes(edges: pd.DataFrame) -> pd.DataFrame:
    names = pd.Index(pd.unique(edges[["source", "target"]].to_numpy().ravel()), name="gene")
    degrees = {
        "out_degree": edges["source"].value_counts().reindex(names, fill_value=0),
        "in_degree": edges["target"].value_counts().reindex(names, fill_value=0),
    }
    table = pd.DataFrame(degrees).reset_index()
    return table.assign(regulator=table["out_degree"] > 0)
