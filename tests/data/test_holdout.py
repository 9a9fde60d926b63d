"""What is taken out of a prior, on a network that can be counted by hand: targets 1, 2, 3 have 3, 1 and 2 edges."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pytest
from scipy.sparse import csr_array

from dashprune.data.holdout import hold_out
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError

NETWORK = sparse(np.array([[0, 1, 0, -1], [0, 1, 0, 1], [0, -1, 1, 0], [0, 0, 0, 0]]), np.float32)


def taken(prior: csr_array) -> set[tuple[int, int]]:
    row, column = (prior != NETWORK).nonzero()
    return set(zip(row.tolist(), column.tolist(), strict=True))


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_without_a_fraction_nothing_is_taken_out() -> None:
    assert not taken(hold_out(NETWORK, None, "genes", rng(0)))


@pytest.mark.parametrize(("fraction", "number"), [(0.5, 3), (0.4, 2), (0.2, 1), (0.99, 5)])
def test_single_edges(fraction: float, number: int) -> None:
    """floor(fraction * 6); the others keep their signs."""
    prior = hold_out(NETWORK, fraction, "edges", rng(0))
    assert len(taken(prior)) == number
    assert prior.dtype == np.float32
    assert prior.nnz == 6 - number
    assert (prior.multiply(NETWORK) > 0).nnz == prior.nnz


def test_whole_genes() -> None:
    """To come nearest to 3 of 6: gene 1 (3 edges); 2, then 1 (4, not 1) or 3 (3); 3, then 2 (3), not 1 (2, not 5)."""
    found = set()
    for seed in range(60):
        edges = taken(hold_out(NETWORK, 0.5, "genes", rng(seed)))
        targets = tuple(sorted({target for _, target in edges}))
        assert len(edges) == sum({1: 3, 2: 1, 3: 2}[target] for target in targets), "a gene keeps some of its edges"
        found.add(targets)
    assert found == {(1,), (1, 2), (2, 3), (3,)}


def test_groups_of_genes_go_together() -> None:
    """Genes 2 and 3 are an operon: 3 edges of the two, or the 3 edges to gene 1, but no others."""
    operons = np.array([0, 1, 7, 7])
    found = {frozenset(taken(hold_out(NETWORK, 0.5, "genes", rng(seed), operons))) for seed in range(20)}
    assert found == {frozenset({(0, 1), (1, 1), (2, 1)}), frozenset({(2, 2), (0, 3), (1, 3)})}


def test_other_seeds_take_others() -> None:
    drawn = [taken(hold_out(NETWORK, 0.5, "edges", rng(seed))) for seed in (0, 0, *range(1, 6))]
    assert drawn[0] == drawn[1]
    assert len({frozenset(edges) for edges in drawn}) > 1


@pytest.mark.parametrize(("fraction", "by"), [(0.1, "edges"), (0.01, "genes")])
def test_a_fraction_of_no_edge_is_refused(fraction: float, by: Literal["edges", "genes"]) -> None:
    said = f"dataset.prior_holdout={fraction} by {by} takes none of the prior's 6 edges out; choose another fraction"
    with pytest.raises(DashpruneError, match=re.escape(said)):
        hold_out(NETWORK, fraction, by, rng(0))


def test_a_prior_of_which_nothing_would_be_left_is_refused() -> None:
    """All three edges are to gene 1, and floor(0.7 * 3) = 2 is nearer to 3 than to 0."""
    single = sparse(np.array([[0, 1, 0], [0, 1, 0], [0, 1, 0]]), np.float32)
    with pytest.raises(DashpruneError, match="takes all of the prior's 3 edges out"):
        hold_out(single, 0.7, "genes", rng(0))
