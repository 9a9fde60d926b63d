"""A prior that is a part of the gold standard, so that there are true edges to find (METHODS 5)."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError

Fraction = Annotated[float, Field(gt=0, lt=1)]
"""Of the edges of a prior."""
By = Literal["edges", "genes"]
"""Whether single edges are taken out, or all edges to whole genes."""


def hold_out(
    prior: csr_array, fraction: Fraction | None, by: By, rng: np.random.Generator, groups: np.ndarray | None = None
) -> csr_array:
    """A prior without a fraction of its edges.

    By edges, floor(fraction * edges) are drawn without replacement. By genes, groups of targets are drawn one after the
    other, without replacement, each with all edges to it, until the number of edges comes nearest to that. The edge of
    a gene can then not be guessed from another to the same gene, or to one of its group.

    Args:
        prior: (genes, genes) sparse, row regulates column.
        fraction: of edges to take out, or None to return the prior as it is.
        by: "edges" or "genes".
        rng: source of randomness.
        groups: (genes,) the group of each gene, such as its operon; None if each is a group of its own.

    Returns:
        A new (genes, genes) sparse array of the prior's type.

    Raises:
        DashpruneError: if none or all of the edges would be taken out.
    """
    if fraction is None:
        return prior
    listed = sparse(prior, prior.dtype).tocoo()
    edges, number = len(listed.data), int(np.floor(round(fraction * len(listed.data), 9)))
    if by == "edges":
        kept = np.ones(edges, dtype=bool)
        kept[rng.choice(edges, number, replace=False)] = False
    else:
        kept = _without_groups(listed.col if groups is None else groups[listed.col], number, rng)
    if not 0 < np.count_nonzero(kept) < edges:
        raise DashpruneError(
            f"dataset.prior_holdout={fraction:g} by {by} takes {'none' if kept.all() else 'all'} of the prior's "
            f"{edges} edges out; choose another fraction"
        )
    return sparse(csr_array((listed.data[kept], (listed.row[kept], listed.col[kept])), shape=prior.shape), prior.dtype)


def _without_groups(group: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """(edges,) bool, which edges are kept when whole groups of about `number` edges are taken out."""
    names, sizes = np.unique(group, return_counts=True)
    order = rng.permutation(len(names))
    taken = np.argmin(np.abs(np.cumsum([0, *sizes[order]]) - number))
    return ~np.isin(group, names[order[:taken]])
