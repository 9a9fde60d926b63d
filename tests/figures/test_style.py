from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from dashprune import figures
from dashprune.errors import DashpruneError
from dashprune.figures import style
from tests.figures.conftest import TABLE


def test_files_have_the_same_bytes_each_time_and_no_setting_of_the_caller_changes(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    first = figures.save(figures.sparsity_accuracy(TABLE), tmp_path / "a" / "fig.2")
    assert [path.name for path in first] == ["fig.2.png", "fig.2.pdf"]
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 20, "savefig.dpi": 10}):
        second = figures.save(figures.sparsity_accuracy(TABLE), tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert b"CreationDate" not in first[1].read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["fig.2.pdf", "fig.2.png"]


def test_a_figure_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DashpruneError, match=r"x cannot be written to '.+file' \(.+\); choose another folder"):
        figures.save(Figure(), tmp_path / "file" / "x")


def test_long_names_are_shortened_to_fit_and_stay_distinct() -> None:
    long = "Regulation of insulin-like growth factor transport and uptake by binding proteins of class "
    assert style.shortened(["Apoptosis"], 150) == ["Apoptosis"]
    (one,) = style.shortened([f"{long}A"], 150)
    assert one.startswith("Regulation of insulin")
    assert one.endswith("…")
    several = style.shortened([f"{long}A", f"{long}B", "Apoptosis"], 150)
    assert several[0].endswith("class A")
    assert several[1].endswith("class B")
    assert several[2] == "Apoptosis"


def test_seeds_behind_a_figure_are_named() -> None:
    assert style.averaged([3, 3]) == "Mean and standard deviation of 3 seeds"
    assert style.averaged([3, 1, 2]) == "Mean and standard deviation of 1 to 3 seeds"
    assert style.averaged([1, 1]) == "One seed"
