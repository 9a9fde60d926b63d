from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from dashprune import figures
from dashprune.errors import DashpruneError


def pathways(names: str, *z: float, significant: str = "", prior: float = 1.5) -> pd.DataFrame:
    rows = {"pathway": list(names), "z": z, "z_prior": prior, "significant": [name in significant for name in names]}
    return pd.DataFrame(rows)


def test_the_union_of_the_strongest_in_every_strategy_and_in_the_prior() -> None:
    tables = {"dash": pathways("abcd", 4, 3, 2, 1, significant="a"), "imp": pathways("dcba", 9, 0, -1, -2)}
    figure = figures.pathway_map(tables, "BRCA, Reactome", count=1)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["d", "a"], "the largest z first"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["prior alone", "DASH", "IMP"]
    np.testing.assert_array_equal(axes.collections[0].get_array(), [[1.5, 1, 9], [1.5, 4, -2]])
    stars = [(text.get_position()[0], text.get_text()) for text in axes.texts]
    assert stars == [(1.5, "*")]
    assert figure.axes[1].get_ylabel() == "z-score"
    assert "BRCA, Reactome" in figure.get_suptitle()


def test_what_a_strategy_did_not_test_is_left_empty() -> None:
    tables = {"dash": pathways("a", 4, significant="a"), "imp": pathways("b", np.nan), "dst": pathways("c", 5)}
    values = figures.pathway_map(tables, "BRCA").axes[0].collections[0].get_array()
    np.testing.assert_array_equal(np.ma.filled(values, np.nan)[:, 1:], [[np.nan, np.nan, 5], [4, np.nan, np.nan]])


def test_whatever_is_significant_is_shown() -> None:
    table = pathways("abcd", 4, 3, 2, 1, significant="c")
    axes = figures.pathway_map({"dash": table}, "BRCA", count=1).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "c"]


@pytest.mark.parametrize("tables", [{}, {"dash": pathways("")}])
def test_nothing_to_show(tables: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(DashpruneError, match="no pathways to show"):
        figures.pathway_map(tables, "BRCA")


def test_long_names_of_pathways_are_shown_in_full_and_stay_on_the_page() -> None:
    long = "Regulation of insulin-like growth factor transport and uptake by binding proteins of class "
    names = [f"{long}{k}".upper() for k in range(20)]
    frame = pd.DataFrame({"pathway": names, "z": 1.0, "z_prior": 0.0, "significant": False})
    figure = figures.pathway_map({"a strategy with a long name": frame}, "BRCA", count=20)
    figure.draw_without_rendering()
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text().replace("\n", " ") for label in labels] == names
    headings = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert max(box.y1 for box in headings) <= figure.bbox.y1
    boxes = [label.get_window_extent() for label in labels]
    assert min(box.x0 for box in boxes) >= figure.bbox.x0
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in itertools.pairwise(boxes)), "no name on another"


def test_accessions_are_left_out_of_the_names_of_pathways() -> None:
    names = ["DNA repair (GO:0006281)", "Mitosis (R-HSA-68886)", "growth (cell)"]
    frame = pd.DataFrame({"pathway": names, "z": [3.0, 2.0, 1.0], "z_prior": 0.0, "significant": False})
    axes = figures.pathway_map({"DASH": frame}, "A title").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["DNA repair", "Mitosis", "growth (cell)"]
