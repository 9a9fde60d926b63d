"""What was done to genes, in arrays of transitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dashprune.data.interventions import Interventions, covered, nothing, rescaled
from dashprune.data.problem import Problem, Split, scaled
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError

TIMES = np.array([0.0, 1.0, 3.0, 4.0])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 4, [1, 1, 1]),
        (-math.inf, math.inf, [1, 1, 1]),
        (1, 3, [0, 1, 0]),
        (0.5, 2, [0, 0, 0]),  # half of the first and half of the second: not more
        (0.4, 2.1, [1, 1, 0]),
        (-5, 0.6, [1, 0, 0]),
        (3.4, 9, [0, 0, 1]),
    ],
)
def test_a_window_counts_where_it_covers_more_than_half(start: float, end: float, expected: list[int]) -> None:
    assert covered(TIMES, start, end).tolist() == [bool(one) for one in expected]


def numbered() -> Split:
    """Two trajectories of two genes; what is added is 10 times the trajectory and the transition, and the gene / 10."""
    expression = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    done = nothing(2, 2, 2)
    done.addition[:] = 10 * np.arange(2)[:, None, None] + np.arange(2)[:, None] + np.arange(2) / 10
    return Split(expression, np.array([[0, 1, 2], [0, 1, math.nan]]), done)


def additions(split: Split) -> list[list[float]]:
    done = split.intervened()
    assert done is not None
    return np.round(done.addition.astype(float), 6).tolist()


def test_they_follow_the_transitions() -> None:
    split = numbered()
    assert additions(split) == [[0, 0.1], [1, 1.1], [10, 10.1]]
    assert additions(split.take(np.array([1, 0]))) == [[10, 10.1], [0, 0.1], [1, 1.1]]
    assert additions(split.single()) == additions(split)
    assert Split(split.expression, split.times).intervened() is None
    assert split.free().all()


def test_series_of_different_lengths() -> None:
    long, short = nothing(2, 1), nothing(1, 1)
    short.held[:] = 3
    pieces = [(np.zeros((3, 1)), np.arange(3.0)), (np.zeros((2, 1)), np.arange(2.0))]
    split = Split.ragged(pieces, [long, short])
    assert split.free().tolist() == [[True], [True], [False]]
    assert Split.ragged(pieces).interventions is None


def test_scaled_expression_has_scaled_interventions() -> None:
    """x' = (x - 2) / 4: held at 4 is held at 1/2. J = 6 halved, plus 1, is 4, so J' = 1 becomes 1/2."""
    done = Interventions(*(np.array([[row]], dtype=np.float32) for row in ([4, np.nan], [1, 0.5], [0, 1])))
    held, factor, addition = rescaled(done, np.array([2, 2]), np.array([4, 4]))
    assert held[0, 0, 0] == 0.5
    assert factor[0, 0].tolist() == [1, 0.5]
    assert addition[0, 0].tolist() == [0, 0]
    assert held.dtype == factor.dtype == addition.dtype == np.float32
    split = numbered()
    (found,) = scaled(split)
    assert found.interventions is not None
    assert found.expression[0, 0].tolist() == [0, 0]
    assert additions(found)[1] == pytest.approx([1 / 8, 1.1 / 8])


def test_arrays_that_do_not_fit_are_refused() -> None:
    split = Split(numbered().expression, numbered().times, nothing(2, 3, 2))
    none = sparse(np.zeros((2, 2)), np.float32)
    with pytest.raises(DashpruneError, match=r"train interventions have shapes .* they must have \(2, 2, 2\)"):
        Problem(("a", "b"), split, Split.none(2), Split.none(2), none, none)
