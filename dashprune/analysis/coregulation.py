"""Modules of co-regulation: genes that the same regulators act on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from dashprune.metrics import relative_effect

CUT = 0.5
"""Cosine at which modules are cut."""


class Agreement(NamedTuple):
    """How well the co-regulation of a network is that of another.

    Attributes:
        correlation: Pearson's, of the similarities of all pairs of genes; NaN where all are the same.
        rand: adjusted Rand index of the modules, 0 as by chance and 1 where they are the same.
        modules: how many were found, of at least two genes.
    """

    correlation: float
    rand: float
    modules: int


def similarity(effect: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How alike the regulation of genes is: the cosine of the relative effects on them, without those of themselves.

    Args:
        effect: (genes, genes), row regulates column.
        targets: (n,) which genes.

    Returns:
        (n, n) float64 from 0 to 1; 0 for a gene without regulators, 1 of a gene with itself.
    """
    share = relative_effect(effect.astype(np.float64))
    np.fill_diagonal(share, 0)
    chosen = share[:, targets]
    length = np.linalg.norm(chosen, axis=0)
    found = chosen.T @ chosen / np.maximum(np.outer(length, length), np.finfo(np.float64).tiny)
    np.fill_diagonal(found, 1)
    return np.clip(found, 0, 1)


def modules(alike: np.ndarray) -> np.ndarray:
    """(n,) the module of each gene, by average linkage of 1 - similarity (n, n), cut at `CUT`."""
    return fcluster(_tree(alike), 1 - CUT, criterion="distance")


def order(alike: np.ndarray) -> np.ndarray:
    """(n,) places of genes such that modules stand together."""
    return leaves_list(_tree(alike))


def agreement(found: np.ndarray, truth: np.ndarray) -> Agreement:
    """Of two similarities (n, n) of the same genes."""
    pairs = np.triu_indices(len(truth), 1)
    varies = found[pairs].std() > 0 and truth[pairs].std() > 0
    correlation = float(np.corrcoef(found[pairs], truth[pairs])[0, 1]) if varies else np.nan
    own = modules(found)
    return Agreement(correlation, float(adjusted_rand_score(modules(truth), own)), int((np.bincount(own) > 1).sum()))


def _tree(alike: np.ndarray) -> np.ndarray:
    distance = 1 - (alike + alike.T) / 2
    np.fill_diagonal(distance, 0)
    return linkage(squareform(distance, checks=False), "average")
