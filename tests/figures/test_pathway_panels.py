from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from dashprune import figures
from dashprune.errors import DashpruneError
from dashprune.figures.style import BLUE


def pathways(number: int) -> pd.DataFrame:
    """z from 0 up, the last two significant."""
    z = np.arange(number, dtype=float)
    return pd.DataFrame({"pathway": [f"pathway {k}" for k in range(number)], "z": z, "significant": z >= number - 2})


def test_pathways_are_bars_from_the_largest_z_down_with_stars_where_significant() -> None:
    short = pathways(3)
    short.loc[0, "z"] = np.nan
    figure = figures.pathway_bars({"dash": pathways(30), "imp": short, "other": pathways(0)}, "BRCA, Reactome")
    dash, imp, other, unused = figure.axes
    assert [bar.get_width() for bar in dash.patches] == list(range(29, 9, -1))
    assert [label.get_text() for label in dash.get_yticklabels()] == [f"pathway {k}" for k in range(29, 9, -1)]
    assert [text.get_text() for text in dash.texts] == ["*", "*"]
    assert [text.xy[0] for text in dash.texts] == [29, 28]
    blue, white = to_rgba(BLUE), to_rgba("white")
    assert [bar.get_facecolor() for bar in dash.patches] == [blue] * 2 + [white] * 18
    assert [bar.get_width() for bar in imp.patches] == [2, 1]
    assert imp.get_ylim() == dash.get_ylim()
    assert imp.get_xlim() == dash.get_xlim()
    assert [axes.get_title(loc="left") for axes in (dash, imp, other)] == ["DASH", "IMP", "other"]
    assert [axes.get_xlabel() for axes in (dash, imp, other)] == ["", "z-score", "z-score"]
    assert other.texts[0].get_text() == "no pathway was tested"
    assert not unused.axison
    assert "BRCA, Reactome" in figure.get_suptitle()
    with pytest.raises(DashpruneError, match="no pathways to show"):
        figures.pathway_bars({}, "BRCA")


def test_long_names_of_pathways_stay_on_the_page() -> None:
    long = "Regulation of insulin-like growth factor transport and uptake by binding proteins of class "
    frame = pd.DataFrame({"pathway": [f"{long}{k}".upper() for k in range(20)], "z": 1.0, "significant": False})
    figure = figures.pathway_bars({"dash": frame}, "BRCA")
    figure.draw_without_rendering()
    labels = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert min(box.x0 for box in labels) >= figure.bbox.x0


def test_accessions_are_left_out_of_the_names_of_pathways() -> None:
    names = ["DNA repair (GO:0006281)", "Mitosis (R-HSA-68886)", "growth (cell)"]
    frame = pd.DataFrame({"pathway": names, "z": [3.0, 2.0, 1.0], "significant": False})
    axes = figures.pathway_bars({"DASH": frame}, "A title").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["DNA repair", "Mitosis", "growth (cell)"]
