"""The gene-network simulator, against arithmetic by hand and a naive reader of the logic."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dashprune.data.simulator import (
    Derivative,
    Edge,
    Logic,
    Network,
    corrupt,
    generate,
    initial_states,
    join,
    signs,
    simulate,
)
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError


def small(logic: Logic, ec50: float = 0.5, n: float = 2.0) -> Network:
    """Inputs A and B, and C with this logic."""
    edges = tuple(Edge(source, "C", sign, ec50, n) for source, sign in signs(logic))
    return Network(("A", "B", "C"), edges, {"C": logic})


def derivative(network: Network, x: np.ndarray) -> np.ndarray:
    """dx/dt at x, both (trajectories, genes)."""
    return Derivative(network)(torch.zeros(()), torch.tensor(x.T, dtype=torch.float64)).numpy().T


def naive(network: Network, x: np.ndarray) -> np.ndarray:
    """dx/dt at x (genes,), gene by gene, by the formulas of METHODS 5."""
    edges = {(edge.source, edge.target): edge for edge in network.edges}

    def value(tree: Logic, target: str) -> float:
        if isinstance(tree, str):
            edge = edges[tree, target]
            b = (edge.ec50**edge.n - 1) / (2 * edge.ec50**edge.n - 1)
            power = abs(x[network.genes.index(tree)]) ** edge.n
            return float(b * power / (b - 1 + power))
        operands = [value(operand, target) for operand in tree[1:]]
        if tree[0] == "not":
            return 1 - operands[0]
        result = operands[0]
        for operand in operands[1:]:
            result = result * operand if tree[0] == "and" else result + operand - result * operand
        return result

    rates = [value(network.logic[g], g) - x[k] if g in network.logic else 0 for k, g in enumerate(network.genes)]
    return np.array(rates)


def test_hill_by_hand() -> None:
    """EC50 = 0.5, n = 2: B = (0.25 - 1) / (0.5 - 1) = 1.5, K = 0.5; at x = 0.25: 1.5/16 / (0.5 + 1/16) = 1/6."""
    x = np.array([[0.0, 0, 0], [0.25, 0, 0], [0.5, 0, 0], [1.0, 0, 0], [-0.5, 0, 0]])
    np.testing.assert_allclose(derivative(small("A"), x)[:, 2], [0, 1 / 6, 0.5, 1, 0.5], rtol=1e-12)


@pytest.mark.parametrize(
    ("logic", "expected"),
    [
        (("not", "A"), 5 / 6),
        (("and", "A", "B"), 1 / 12),
        (("or", "A", "B"), 1 / 6 + 1 / 2 - 1 / 12),
        (("and", "A", ("not", "B")), 1 / 12),
        (("or", ("not", "A"), "B"), 5 / 6 + 1 / 2 - 5 / 12),
        (("not", ("or", "A", "B")), 5 / 12),
        (("not", ("not", "A")), 1 / 6),
    ],
)
def test_derivative_by_hand(logic: Logic, expected: float) -> None:
    """Leaf A is 1/6 at 0.25, leaf B 1/2 at 0.5 (see test_hill_by_hand), and C = 0.1 decays at rate 1."""
    rates = derivative(small(logic), np.array([[0.25, 0.5, 0.1]]))
    np.testing.assert_allclose(rates, [[0, 0, expected - 0.1]], rtol=1e-12, atol=1e-15)


def test_solution_by_hand() -> None:
    """Constant input, F = 1/6: x(t) = 1/6 + (x0 - 1/6) exp(-t); the inputs stay where they are."""
    initial = np.array([[0.25, 0.7, 1.0], [0.25, 0.3, 0.0]])
    result = simulate(small("A"), initial, (0, 1, 2.5))
    expected = 1 / 6 + (initial[:, 2:] - 1 / 6) * np.exp([-0.0, -1, -2.5])
    assert result.shape == (2, 3, 3)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result[:, :, 2], expected, atol=1e-8)
    np.testing.assert_array_equal(result[:, :, :2], np.repeat(initial[:, None, :2], 3, axis=1))


@pytest.mark.parametrize("times", [(0,), (0, 1, 1), (2, 1), (0, float("nan"))])
def test_times_must_increase(times: tuple[float, ...]) -> None:
    with pytest.raises(DashpruneError, match="times must be at least two numbers that increase"):
        simulate(small("A"), np.zeros((1, 3)), times)


def test_adjacency_row_regulates_column() -> None:
    network = small(("or", ("not", "A"), "B"))
    assert network.adjacency().toarray().tolist() == [[0, 0, -1], [0, 0, 1], [0, 0, 0]]
    assert network.is_input.tolist() == [True, True, False]


def test_join_merges_the_same_operator() -> None:
    assert join("or", ("or", "A", "B"), ("and", "C", "D")) == ("or", "A", "B", ("and", "C", "D"))
    assert join("and", "A") == "A"


def test_signs_count_negations() -> None:
    tree = ("or", ("not", "A"), ("and", "B", ("not", ("or", "C", ("not", "D")))))
    assert dict(signs(tree)) == {"A": -1, "B": 1, "C": -1, "D": 1}


TREES = st.recursive(
    st.integers(0, 11).map("R{}".format),
    lambda inner: st.one_of(
        inner.map(lambda tree: ("not", tree)),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=6)).map(lambda t: (t[0], *t[1])),
    ),
    max_leaves=30,
)


@given(trees=st.lists(TREES, min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1))
def test_any_logic_equals_the_naive_reader(trees: list[Logic], seed: int) -> None:
    rng = np.random.default_rng(seed)
    genes = tuple(f"R{k}" for k in range(12)) + tuple(f"T{k}" for k in range(len(trees)))
    logic = {f"T{k}": tree for k, tree in enumerate(trees)}
    pairs = {(source, target) for target, tree in logic.items() for source, _ in signs(tree)}
    edges = tuple(Edge(s, t, 1, rng.uniform(0.4, 0.6), rng.uniform(1, 1.7)) for s, t in sorted(pairs))
    network = Network(genes, edges, logic)
    x = rng.random((2, len(genes)))
    np.testing.assert_allclose(derivative(network, x), [naive(network, row) for row in x], atol=1e-12)


def test_a_network_of_350_genes_equals_the_naive_reader() -> None:
    network = generate(np.random.default_rng(5))
    x = np.random.default_rng(6).random((3, 350))
    np.testing.assert_allclose(derivative(network, x), [naive(network, row) for row in x], atol=1e-12)


def test_tighter_tolerance_changes_little() -> None:
    network = generate(np.random.default_rng(5))
    initial = initial_states(np.random.default_rng(6), network, 20)
    coarse = simulate(network, initial, (0, 2, 3, 7, 9))
    fine = simulate(network, initial, (0, 2, 3, 7, 9), rtol=1e-11, atol=1e-13)
    assert np.abs(coarse - fine).max() < 1e-5
    assert coarse.min() >= 0
    assert coarse.max() <= 1


# --- generated networks ----------------------------------------------------------------------------------------------


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int, int]:
    """Genes, inputs and edges of a network that exists."""
    genes = draw(st.integers(2, 40))
    inputs = draw(st.integers(1, genes - 1))
    regulated = genes - inputs
    return genes, inputs, draw(st.integers(max(inputs, regulated), regulated * (genes - 1)))


@settings(deadline=None)
@given(size=sizes(), seed=st.integers(0, 2**32 - 1))
def test_generated_networks_are_well_formed(size: tuple[int, int, int], seed: int) -> None:
    genes, inputs, edges = size
    network = generate(np.random.default_rng(seed), genes, inputs, edges)
    pairs = {(edge.source, edge.target) for edge in network.edges}
    assert len(network.genes) == len(set(network.genes)) == genes
    assert len(network.edges) == len(pairs) == edges
    assert all(source != target for source, target in pairs)
    assert network.genes[:inputs] == tuple(g for g in network.genes if g not in network.logic)
    assert set(network.genes[:inputs]) <= {source for source, _ in pairs}
    assert set(network.genes[inputs:]) == {target for _, target in pairs}
    leaves = [(source, gene, sign) for gene, tree in network.logic.items() for source, sign in signs(tree)]
    assert sorted(leaves) == sorted((edge.source, edge.target, edge.sign) for edge in network.edges)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((10, 0, 20), "give 1 to 9 inputs"),
        ((10, 10, 20), "give 1 to 9 inputs"),
        ((10, 3, 6), "cannot have 6 edges; give 7 to 63"),
        ((10, 8, 7), "cannot have 7 edges; give 8 to 18"),
        ((10, 3, 64), "cannot have 64 edges"),
    ],
)
def test_impossible_sizes(size: tuple[int, int, int], message: str) -> None:
    with pytest.raises(DashpruneError, match=message):
        generate(np.random.default_rng(0), *size)


def test_names() -> None:
    assert generate(np.random.default_rng(0)).genes[:2] == ("G001", "G002")
    assert generate(np.random.default_rng(0), 1000, 209, 1571).genes[999] == "G1000"


def test_same_generator_same_network() -> None:
    assert generate(np.random.default_rng(3)) == generate(np.random.default_rng(3))
    assert generate(np.random.default_rng(3)) != generate(np.random.default_rng(4))


@pytest.mark.parametrize("seed", range(3))
def test_statistics_are_the_published_ones(seed: int) -> None:
    """Degrees agree exactly at the published size, shares within four standard errors."""
    network = generate(np.random.default_rng(seed))
    in_degree = Counter(Counter(edge.target for edge in network.edges).values())
    out_degree = Counter(edge.source for edge in network.edges)
    assert in_degree == {1: 143, 2: 65, 3: 39, 4: 15, 5: 6, 6: 4, 7: 1, 8: 2, 10: 1, 13: 1}
    assert len(out_degree) == 97
    assert max(out_degree.values()) == 37
    assert abs(np.mean([edge.sign < 0 for edge in network.edges]) - 0.32) < 0.09
    assert abs(sum(isinstance(tree, str) for tree in network.logic.values()) - 103) < 4 * np.sqrt(143 * 0.72 * 0.28)
    ec50, n = np.array([(edge.ec50, edge.n) for edge in network.edges]).T
    assert ec50.min() >= 0.4
    assert ec50.max() <= 0.6
    assert abs(ec50.mean() - 0.5) < 4 * 0.0588 / np.sqrt(550)
    assert n.min() >= 1.01
    assert n.max() <= 1.7
    assert abs(n.mean() - 1.351) < 4 * 0.197 / np.sqrt(550)


def test_initial_states_follow_the_rule() -> None:
    """4000 draws per gene: means to a few standard errors, everything inside [0, 1], inputs narrow."""
    network = generate(np.random.default_rng(0), 40, 10, 60)
    states = initial_states(np.random.default_rng(1), network, 4000)
    assert states.shape == (4000, 40)
    assert states.min() >= 0
    assert states.max() <= 1
    spread = states.std(axis=0)
    assert spread[:10].min() > 0.009
    assert spread[:10].max() < 0.17
    assert spread[10:].min() > 0.15
    assert spread[10:].max() < 0.24
    assert np.abs(states[:, 10:].mean(axis=0) - 0.5).max() < 0.25


def test_given_input_moments_are_used() -> None:
    network = generate(np.random.default_rng(0), 40, 10, 60)
    moments = (np.linspace(0.3, 0.7, 10), np.full(10, 0.05))
    states = initial_states(np.random.default_rng(1), network, 2000, moments)
    np.testing.assert_allclose(states[:, :10].mean(axis=0), moments[0], atol=0.006)
    np.testing.assert_allclose(states[:, :10].std(axis=0), moments[1], rtol=0.08)


def test_trajectories_do_not_depend_on_their_number() -> None:
    network = generate(np.random.default_rng(0), 40, 10, 60)
    few, many = (initial_states(np.random.default_rng(1), network, number) for number in (3, 7))
    np.testing.assert_array_equal(few, many[:3])


# --- corruption ------------------------------------------------------------------------------------------------------


@st.composite
def priors(draw: st.DrawFn) -> np.ndarray:
    """Signed priors of 2 to 12 genes with zero diagonal, at most half of the pairs being edges."""
    genes = draw(st.integers(2, 12))
    pairs = [(i, j) for i in range(genes) for j in range(genes) if i != j]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=len(pairs) // 2))
    prior = np.zeros((genes, genes), dtype=np.float32)
    for pair in edges:
        prior[pair] = draw(st.sampled_from([-1, 1]))
    return prior


def dense_corrupt(prior: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """The definition: draw from the lists of all edges and of all empty places, in row-major order."""
    edges = np.flatnonzero(prior)
    empty = np.flatnonzero((prior == 0) & ~np.eye(len(prior), dtype=bool))
    number = int(np.floor(round(fraction * len(edges), 9)))
    moved = rng.choice(edges, number, replace=False)
    corrupted = prior.copy()
    corrupted.flat[moved] = 0
    corrupted.flat[rng.choice(empty, number, replace=False)] = prior.flat[moved]
    return corrupted


@given(prior=priors(), fraction=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_corruption_draws_what_the_dense_definition_draws(prior: np.ndarray, fraction: float, seed: int) -> None:
    expected = dense_corrupt(prior, fraction, np.random.default_rng(seed))
    found = corrupt(sparse(prior, np.float32), fraction, np.random.default_rng(seed))
    np.testing.assert_array_equal(found.toarray(), expected)


@pytest.mark.parametrize("edges", [900, 9000])
def test_corruption_of_a_larger_prior_draws_the_same(edges: int) -> None:
    """350 genes, all edges moved: NumPy draws few places out of many by another algorithm than many."""
    prior = generate(np.random.default_rng(0), edges=edges).adjacency()
    expected = dense_corrupt(prior.toarray(), 1, np.random.default_rng(1))
    np.testing.assert_array_equal(corrupt(prior, 1, np.random.default_rng(1)).toarray(), expected)


@given(prior=priors(), fraction=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_corruption_moves_edges_and_keeps_signs(prior: np.ndarray, fraction: float, seed: int) -> None:
    given_prior = sparse(prior, np.float32)
    corrupted = corrupt(given_prior, fraction, np.random.default_rng(seed)).toarray()
    np.testing.assert_array_equal(given_prior.toarray(), prior)
    assert Counter(corrupted.ravel().tolist()) == Counter(prior.ravel().tolist())
    assert not np.diagonal(corrupted).any()
    moved = int(((prior != 0) & (corrupted == 0)).sum())
    edges = np.count_nonzero(prior)
    assert abs(moved - np.floor(fraction * edges)) <= 1
    assert moved <= fraction * edges + 1e-6
    kept = (prior != 0) & (corrupted != 0)
    np.testing.assert_array_equal(prior[kept], corrupted[kept])


@pytest.mark.parametrize(("fraction", "moved"), [(0, 0), (0.05, 27), (0.1, 55), (0.2, 110), (1, 550)])
def test_corruption_counts(fraction: float, moved: int) -> None:
    """METHODS 5: of 550 edges 27, 55 and 110 are lost at 5, 10 and 20 %."""
    truth = generate(np.random.default_rng(0)).adjacency()
    corrupted = corrupt(truth, fraction, np.random.default_rng(1))
    both = (truth * corrupted).count_nonzero()
    assert truth.nnz - both == moved == corrupted.nnz - both


def test_corruption_needs_room() -> None:
    full = sparse(1 - np.eye(3), np.float32)
    with pytest.raises(DashpruneError, match="cannot move 3 prior edges: only 0 pairs of genes have none"):
        corrupt(full, 0.5, np.random.default_rng(0))
