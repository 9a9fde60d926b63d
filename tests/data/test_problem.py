"""Problem: what it refuses, and the order of transitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashprune.data.problem import Problem, Split, coregulation_from_prior
from dashprune.errors import DashpruneError

GENES = ("A", "B", "C")


def split(trajectories: int = 2, times: tuple[float, ...] = (0, 1, 3)) -> Split:
    """Expression 0, 1, 2, ... in storage order."""
    shape = (trajectories, len(times), len(GENES))
    expression = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return Split(expression, np.tile(np.array(times, dtype=np.float64), (trajectories, 1)))


def problem(**changed: Any) -> Problem:
    """A valid problem of three genes, but for `changed`."""
    square = np.zeros((3, 3), dtype=np.float32)
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


@pytest.mark.parametrize("name", ["prior", "coregulation", "truth", "evaluable"])
def test_matrices_must_fit_expression(name: str) -> None:
    with pytest.raises(DashpruneError, match=f"{name} is 3 x 4, but expression has 3 genes"):
        problem(**{name: np.zeros((3, 4), dtype=np.float32)})


def test_coregulation_by_hand() -> None:
    """METHODS 3.11: 0 -> 1 (+), 0 -> 2 (-), 1 -> 2 (+): A Aᵀ = [[2, 1, 0], [1, 1, 0], [0, 0, 0]], sum 5."""
    prior = np.array([[0, 1, -1], [0, 0, 1], [0, 0, 0]], dtype=np.float32)
    expected = [[0.4, 0.2, 0.0], [0.2, 0.2, 0.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(coregulation_from_prior(prior), expected, rtol=1e-6)
    assert not coregulation_from_prior(np.zeros((3, 3))).any()
