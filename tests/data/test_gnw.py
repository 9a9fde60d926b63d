"""GNW: a network with signs, ten series whose perturbations are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashprune.data import gnw
from dashprune.data.gnw import Gnw
from dashprune.errors import DashpruneError

WHOLE = Gnw(
    prior="gold", prior_noise=0.0, prior_holdout=None, prior_holdout_by="edges",
    validation=1, test=1, time_unit=50.0, seed=0, interventions=None,
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("mirror")


def test_counts() -> None:
    """Ten genes, ten series of 21 points, 15 edges: two regulators, of which one represses ten targets or fewer."""
    problem = WHOLE.load()
    assert problem.genes == tuple(f"G{k + 1}" for k in range(10))
    assert problem.train.expression.shape == (8, 21, 10)
    assert problem.test.times.tolist() == problem.validation.times.tolist() == [list(range(21))]
    assert problem.truth is not None
    assert problem.evaluable is not None
    assert problem.truth.nnz == 15
    assert problem.evaluable.block(slice(None)).sum() == 90


def test_the_prior_has_the_published_signs() -> None:
    prior = WHOLE.load().prior.toarray()
    assert np.flatnonzero(prior.any(axis=1)).tolist() == [1, 2]
    assert prior[1].tolist() == [-1, 0, 0, -1, 1, 1, 1, 1, 0, 0]
    assert prior[2].tolist() == [-1, -1, 0, -1, -1, -1, -1, -1, -1, -1]
    assert replace(WHOLE, prior_holdout=0.5).load().prior.nnz == 8


def test_series_are_those_of_the_file() -> None:
    """The file numbers the minutes of each series from 0, and has empty lines between."""
    problem = WHOLE.load()
    table = pd.read_csv(gnw._file(gnw._SERIES), sep="\t")
    whole = table.to_numpy(np.float32)[:, 1:].reshape(10, 21, 10)
    assert set(table["Time"]) == set(range(0, 1001, 50))
    found = [x.tobytes() for part in (problem.train, problem.validation, problem.test) for x in part.expression]
    assert sorted(found) == sorted(series.tobytes() for series in whole)


def test_perturbations_and_the_wild_type() -> None:
    """Each series has genes of which the basal rate changes, and others; series begin near the wild type."""
    changes, states = WHOLE.perturbations(), WHOLE.measured_states()
    assert changes.shape == (10, 10)
    assert changes[1, 0] == pytest.approx(-0.893845199374482)
    assert (changes >= -1).all()
    assert (changes != 0).any(axis=1).all()
    assert states["wildtype"].shape == (1, 10)
    assert np.abs(WHOLE.load().train.expression[:, 0] - states["wildtype"]).mean() < 0.06


def test_known_perturbations_are_inputs_in_the_first_half() -> None:
    """Each series keeps its own, whichever split it is in."""
    assert WHOLE.load().train.interventions is None
    told = replace(WHOLE, interventions="known")
    assert told.fingerprint() != WHOLE.fingerprint()
    genes, series = told._series()
    assert series.interventions is not None
    assert len(genes) == 10
    changes = WHOLE.perturbations().astype(np.float32)
    assert (series.interventions.addition[:, :10] == changes[:, None]).all()
    assert not series.interventions.addition[:, 10:].any()
    assert series.free().all()
    problem = told.load()
    for split in (problem.train, problem.validation, problem.test):
        assert split.interventions is not None
        for expression, addition in zip(split.expression, split.interventions.addition, strict=True):
            (number,) = np.flatnonzero((series.expression == expression).all(axis=(1, 2)))
            assert (addition[0] == changes[number]).all()
    assert problem.train.expression.tobytes() == WHOLE.load().train.expression.tobytes()


def test_perturbations_of_other_series_are_refused(copied: Callable[..., Path]) -> None:
    copied(*(gnw._file(kind) for kind in (gnw._SERIES, gnw._GOLD, gnw._SIGNS, gnw._PERTURBATIONS)))
    path = gnw._file(gnw._PERTURBATIONS)
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(DashpruneError, match=r"perturbations.tsv does not have a row per series"):
        replace(WHOLE, interventions="known").load()


def test_signs_that_belong_to_other_edges_are_refused(copied: Callable[..., Path]) -> None:
    copied(*(gnw._file(kind) for kind in (gnw._SERIES, gnw._GOLD, gnw._SIGNS)))
    signs = gnw._file(gnw._SIGNS)
    lines = signs.read_text().splitlines()
    signs.write_text("\n".join(lines[:-1]))
    with pytest.raises(DashpruneError, match=r"signed.tsv and .*goldstandard.tsv list different edges"):
        WHOLE.load()
    signs.write_text("\n".join(lines).replace("G3\tG1\t-", "G3\tG1\t?"))
    with pytest.raises(DashpruneError, match=r"row 1, column 3 is '\?'; it must be one of \+, -"):
        WHOLE.load()


def test_series_without_times_are_refused(copied: Callable[..., Path]) -> None:
    copied(*(gnw._file(kind) for kind in (gnw._SERIES, gnw._GOLD, gnw._SIGNS)))
    series = gnw._file(gnw._SERIES)
    series.write_text(series.read_text().replace("Time", "Tine"))
    with pytest.raises(DashpruneError, match=r"row 1 has no column 'Time'"):
        WHOLE.load()
