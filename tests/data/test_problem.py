"""Problem: what it refuses, and the order of transitions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from dashprune.data.interventions import nothing
from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior, scaled, with_steady_states
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError

GENES = ("A", "B", "C")


def split(trajectories: int = 2, times: tuple[float, ...] = (0, 1, 3)) -> Split:
    """Expression 0, 1, 2, ... in storage order."""
    shape = (trajectories, len(times), len(GENES))
    expression = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return Split(expression, np.tile(np.array(times, dtype=np.float64), (trajectories, 1)))


def problem(**changed: Any) -> Problem:
    """A valid problem of three genes, but for `changed`."""
    square = csr_array((3, 3), dtype=np.float32)
    arguments: dict[str, Any] = {"genes": GENES, "train": split(), "validation": split(1), "test": split(1)}
    arguments |= {"prior": square, "coregulation": square, **changed}
    return Problem(**arguments)


def test_transitions_are_ordered_by_trajectory_then_time() -> None:
    """2 trajectories x 3 times x 3 genes: time points start at 0, 3, 6 and 9, 12, 15."""
    start, stop, dt, trajectory = split().transitions()
    assert start[:, 0].tolist() == [0, 3, 9, 12]
    assert stop[:, 0].tolist() == [3, 6, 12, 15]
    assert dt.tolist() == [1, 2, 1, 2]
    assert dt.dtype == np.float32
    assert trajectory.tolist() == [0, 0, 1, 1]


def test_transitions_leave_out_padding() -> None:
    ragged = split()
    ragged.times[0, 2] = np.nan
    ragged.expression[0, 2] = np.nan
    start, stop, dt, trajectory = ragged.transitions()
    assert start[:, 0].tolist() == [0, 9, 12]
    assert stop[:, 0].tolist() == [3, 12, 15]
    assert dt.tolist() == [1, 1, 2]
    assert trajectory.tolist() == [0, 1, 1]
    assert problem(train=ragged).train is ragged


def test_ragged_trajectories_end_in_nan() -> None:
    long, short = (np.arange(9.0).reshape(3, 3), np.array([0, 1, 3])), (np.ones((2, 3)), np.array([0.5, 2]))
    ragged = Split.ragged([short, long])
    assert ragged.expression.shape == (2, 3, 3)
    assert ragged.expression.dtype == np.float32
    np.testing.assert_array_equal(ragged.times, [[0.5, 2, np.nan], [0, 1, 3]])
    assert problem(train=ragged).train.transitions().stop[:, 0].tolist() == [1, 3, 6]


def test_single_keeps_every_transition() -> None:
    ragged = split()
    ragged.times[0, 2] = np.nan
    single = ragged.single()
    assert single.times.tolist() == [[0, 1], [0, 1], [1, 3]]
    for kept, given in zip(single.transitions()[:3], ragged.transitions()[:3], strict=True):
        np.testing.assert_array_equal(kept, given)
    assert single.transitions().trajectory.tolist() == [0, 1, 2]


def test_dividing_puts_a_random_part_aside() -> None:
    drawn = set()
    for seed in range(20):
        rest, aside = split(5).divide(2, np.random.default_rng(seed))
        firsts = [part.expression[:, 0, 0].tolist() for part in (rest, aside)]
        assert [len(part) for part in firsts] == [3, 2]
        assert firsts == [sorted(part) for part in firsts]
        assert sorted(firsts[0] + firsts[1]) == [0, 9, 18, 27, 36]
        drawn.add(tuple(firsts[1]))
    assert len(drawn) > 5
    with pytest.raises(DashpruneError, match=r"dataset.validation=5 leaves none of 5 to train on; give at most 4"):
        split(5).divide(5, np.random.default_rng(0))


def test_a_bootstrap_sample_is_of_whole_training_trajectories_and_nothing_else_changes() -> None:
    whole = problem(train=split(5))
    samples = [whole.bootstrap(sample, seed=0) for sample in (1, 2, 3)]
    drawn = [(sample.train.expression[:, 0, 0] / 9).astype(int).tolist() for sample in samples]  # 9 values each
    for sample, trajectories in zip(samples, drawn, strict=True):
        assert len(trajectories) == 5
        np.testing.assert_array_equal(sample.train.expression, whole.train.expression[trajectories])
        assert sample.validation is whole.validation
        assert sample.test is whole.test
    assert any(len(set(trajectories)) < 5 for trajectories in drawn)  # one that is drawn twice is there twice
    assert len({tuple(trajectories) for trajectories in drawn}) == 3
    np.testing.assert_array_equal(whole.bootstrap(1, seed=0).train.expression, samples[0].train.expression)
    assert (whole.bootstrap(1, seed=1).train.expression != samples[0].train.expression).any()


@pytest.mark.parametrize(("number", "what"), [(1, "1 training trajectory;"), (2, "2 training trajectories;")])
def test_from_one_or_two_trajectories_there_is_nothing_to_draw(number: int, what: str) -> None:
    with pytest.raises(DashpruneError, match=f"bootstrap=4: there is nothing to draw from {what} leave out bootstrap"):
        problem(train=split(number)).bootstrap(4, seed=0)
    transitions = problem(train=split(number, (0, 1, 3, 4)).single())
    assert len(transitions.bootstrap(4, seed=0).train.times) == 3 * number


def test_nan_expression_is_named() -> None:
    bad = split()
    bad.expression[1, 2, 1] = np.nan
    with pytest.raises(DashpruneError, match=r"train expression of gene 'B' in trajectory 1 at time 3 is nan"):
        problem(train=bad)


def test_infinite_expression_is_named() -> None:
    bad = split(1)
    bad.expression[0, 0, 2] = np.inf
    with pytest.raises(DashpruneError, match=r"test expression of gene 'C' in trajectory 0 at time 0 is inf"):
        problem(test=bad)


@pytest.mark.parametrize(("times", "message"), [((0, 2, 2), "2 is followed by 2"), ((0, 3, 1), "3 is followed by 1")])
def test_times_must_increase(times: tuple[float, ...], message: str) -> None:
    with pytest.raises(DashpruneError, match=f"validation times of trajectory 0 do not increase: {message}"):
        problem(validation=split(1, times))


@pytest.mark.parametrize("times", [(0, np.nan, 2), (0, np.nan, np.nan), (np.nan, 1, 2)])
def test_missing_times_stand_at_the_end(times: tuple[float, ...]) -> None:
    with pytest.raises(DashpruneError, match="train trajectory 0 needs at least two time points, missing ones at the"):
        problem(train=split(1, times))


def test_gene_names_must_fit_expression() -> None:
    with pytest.raises(DashpruneError, match="train expression has 3 genes, but 2 gene names are given"):
        problem(genes=("A", "B"))


@pytest.mark.parametrize("name", ["prior", "coregulation", "truth"])
def test_matrices_must_fit_expression(name: str) -> None:
    with pytest.raises(DashpruneError, match=f"{name} is 3 x 4, but expression has 3 genes"):
        problem(**{name: csr_array((3, 4), dtype=np.float32)})


def test_evaluable_pairs_must_fit_expression() -> None:
    with pytest.raises(DashpruneError, match="evaluable is 3 x 4, but expression has 3 genes"):
        problem(evaluable=Pairs(np.ones(3, dtype=bool), np.ones(4, dtype=bool), loops=True))


def test_matrices_are_held_without_zeros_and_repeats() -> None:
    """The entry (0, 1) is given twice, as 1 and 2; the entry (1, 2) is an explicit zero."""
    given = csr_array((np.array([1.0, 2, 0]), np.array([1, 1, 2]), np.array([0, 2, 3, 3])), shape=(3, 3))
    held = problem(prior=given, truth=given)
    assert held.truth is not None
    assert (held.prior.nnz, held.truth.nnz, given.nnz) == (1, 1, 3)
    assert held.prior.toarray().tolist() == [[0, 3, 0], [0, 0, 0], [0, 0, 0]]
    assert (held.prior.dtype, held.truth.dtype) == (np.float32, np.bool_)


def test_pairs_by_hand() -> None:
    pairs = Pairs(np.array([True, True, False]), np.array([False, True, True]), loops=False)
    assert pairs.block(slice(None)).tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    assert pairs.block(slice(1, 3)).tolist() == [[1, 1], [0, 1], [0, 0]]
    assert Pairs.every(3).block(slice(2, 3)).tolist() == [[1], [1], [1]]
    assert Pairs.every(3).all()
    assert not Pairs(np.ones(3, dtype=bool), np.ones(3, dtype=bool), loops=False).all()


def test_pairs_of_regulators_are_those_with_an_edge() -> None:
    pairs = Pairs.of_regulators(sparse(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 1]]), np.bool_))
    assert pairs.block(slice(None)).tolist() == [[1, 1, 1], [0, 0, 0], [1, 1, 1]]


def test_coregulation_by_hand() -> None:
    """METHODS 3.11: 0 -> 1 (+), 0 -> 2 (-), 1 -> 2 (+): A Aᵀ = [[2, 1, 0], [1, 1, 0], [0, 0, 0]], sum 5."""
    prior = np.array([[0, 1, -1], [0, 0, 1], [0, 0, 0]], dtype=np.float32)
    expected = [[0.4, 0.2, 0.0], [0.2, 0.2, 0.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(coregulation_from_prior(sparse(prior, np.float32)).toarray(), expected, rtol=1e-6)
    assert coregulation_from_prior(csr_array((3, 3))).nnz == 0


def test_nothing_held_out_is_a_split_without_trajectories() -> None:
    none = Split.none(3)
    assert none.empty
    assert not split().empty
    assert [len(part) for part in none.transitions()] == [0, 0, 0, 0]
    assert problem(validation=none, test=none).test.transitions().start.shape == (0, 3)
    with pytest.raises(DashpruneError, match="train expression has no trajectories, so there is nothing to train on"):
        problem(train=none)


def test_an_empty_prior_is_none() -> None:
    assert not problem().has_prior
    assert problem(prior=csr_array(np.eye(3, dtype=np.float32))).has_prior


def test_three_parts_are_whole_trajectories_in_their_order() -> None:
    """Of five trajectories, three, one and one, each once; another seed draws others."""
    whole, drawn = split(5), set()
    for seed in range(6):
        parts = whole.three_parts(1, 1, np.random.default_rng(seed))
        firsts = [part.expression[:, 0, 0].tolist() for part in parts]
        assert [len(part) for part in firsts] == [3, 1, 1]
        assert firsts[0] == sorted(firsts[0])
        assert sorted(itertools.chain(*firsts)) == whole.expression[:, 0, 0].tolist()
        drawn.add((*firsts[1], *firsts[2]))
    assert len(drawn) > 1


def test_three_parts_need_something_to_train_on() -> None:
    with pytest.raises(DashpruneError, match=r"dataset.validation=3 and dataset.test=2 leave none of 5 series"):
        split(5).three_parts(3, 2, np.random.default_rng(0))


def test_each_gene_is_scaled_by_the_training_split() -> None:
    """Gene A lies between 0 and 15 there, so that 30 becomes 2; a gene that is constant becomes 0."""
    train, other = split(2), split(1)
    train.expression[..., 1] = 4
    other.expression[..., 0], other.expression[..., 1] = 30, 4
    first, second = scaled(train, other)
    assert (first.expression[..., 0].min(), first.expression[..., 0].max()) == (0, 1)
    assert (first.expression[..., 1] == 0).all()
    assert (second.expression[..., 0] == 2).all()
    assert second.times is other.times


def test_pairs_without_loops() -> None:
    assert Pairs.every(3, loops=False).block(slice(None)).sum() == 6


def test_shuffled_data_keep_each_genes_values_and_nothing_that_goes_with_anything() -> None:
    rng = np.random.default_rng(0)
    common = rng.standard_normal((6, 8, 1)) + 0.1 * rng.standard_normal((6, 8, 3))
    times = np.tile(np.arange(8.0), (6, 1))
    times[0, 5:] = np.nan
    whole = problem(train=Split(common.astype(np.float32), times))
    found, again, other = (whole.shuffled(number, seed=0).train for number in (1, 1, 2))
    known = ~np.isnan(times)
    np.testing.assert_array_equal(
        np.sort(found.expression[known], axis=0), np.sort(whole.train.expression[known], axis=0)
    )
    np.testing.assert_array_equal(found.expression, again.expression)
    assert (found.expression[known] != other.expression[known]).any()
    assert np.abs(np.corrcoef(found.expression[known].T) - np.eye(3)).max() < 0.5
    assert np.corrcoef(whole.train.expression[known].T).min() > 0.9


def test_steady_states_stay_where_they_are() -> None:
    """Series of three points and of two; then two states, in one of which a gene is knocked down."""
    whole, first, second = split(2), nothing(2, 3), nothing(1, 3)
    first.held[1, 2], second.factor[0, 0] = 7, 0.5
    series = Split.ragged([(whole.expression[0], whole.times[0]), (whole.expression[1, :2], whole.times[1, :2])])
    told = Split.ragged([(whole.expression[0], whole.times[0])], [first])
    states = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    both = with_steady_states(series, [(states[:1], nothing(1, 3)), (states[1:], second)])
    assert both.transitions().steady.tolist() == [False] * 3 + [True] * 2
    np.testing.assert_array_equal(both.transitions().stop[3:], states)
    np.testing.assert_array_equal(both.transitions().start[:3], series.transitions().start)
    done = both.intervened()
    assert done is not None
    assert done.factor.tolist() == [[1, 1, 1]] * 4 + [[0.5, 1, 1]]
    assert both.free().all()
    np.testing.assert_array_equal(both.moving().transitions().stop, series.transitions().stop)
    added = with_steady_states(told, [(states, nothing(2, 3))])
    assert added.free().tolist() == [[True] * 3, [True, True, False], [True] * 3, [True] * 3]
    assert whole.moving() is whole


def test_a_short_transition_without_change_is_no_steady_state() -> None:
    still = np.ones((2, 2, 3), dtype=np.float32)
    assert Split(still, np.array([[0, 0.5], [0, 1.0]])).transitions().steady.tolist() == [False, True]
