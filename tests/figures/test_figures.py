from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from dashprune import metrics
from dashprune.errors import DashpruneError
from dashprune.figures import style


def line(pruner: str, sparsity: float, accuracy: float, **changes: object) -> dict[str, object]:
    """A line of tables.summary, with deviations of 1 and 2 %."""
    columns = {"dataset": "sim350", "model": "phoenix", "pruner": pruner, "options": "", "prior": False, "seeds": 3}
    scores = {"sparsity": sparsity, "sparsity_sd": 0.01, "balanced_accuracy": accuracy, "balanced_accuracy_sd": 0.02}
    return {**columns, **scores, **changes}


TABLE = pd.DataFrame(
    [
        line("none", 0, 0.5),
        line("cnode", 0.01, 0.498),
        line("dash", 0.96, 0.91, prior=True),
        line("imp", 0.95, 0.73),
        line("prior", 0.995, 0.975, model="control", prior=True),
        line("persistence", np.nan, np.nan, model="control"),
    ]
)


def texts(figure: Figure) -> list[str]:
    axes = [text.get_text() for axes in figure.axes for text in axes.texts]
    return [*axes, *(text.get_text() for text in figure.texts)]


def markers(axes: Axes) -> list[tuple[float, float, bool]]:
    """Place of every marker with error bars, and whether it is filled."""
    found = [bars.lines[0] for bars in axes.containers if isinstance(bars, ErrorbarContainer)]
    places = [(float(dot.get_xdata()[0]), float(dot.get_ydata()[0])) for dot in found]
    return [(*place, dot.get_markerfacecolor() != "none") for place, dot in zip(places, found, strict=True)]


def test_files_have_the_same_bytes_each_time_and_no_setting_of_the_caller_changes(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    first = style.save(style.sparsity_accuracy(TABLE), tmp_path / "a" / "fig.2")
    assert [path.name for path in first] == ["fig.2.png", "fig.2.pdf"]
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 20, "savefig.dpi": 10}):
        second = style.save(style.sparsity_accuracy(TABLE), tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert b"CreationDate" not in first[1].read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["fig.2.pdf", "fig.2.png"]


def test_a_figure_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DashpruneError, match=r"x cannot be written to '.+file' \(.+\); choose another folder"):
        style.save(Figure(), tmp_path / "file" / "x")


def test_figure_2_has_a_point_per_strategy_and_a_line_per_control() -> None:
    figure = style.sparsity_accuracy(TABLE)
    (axes,) = figure.axes
    assert [axes.get_xlabel(), axes.get_ylabel()] == [
        "sparsity of the weights (%)",
        "balanced accuracy of the edges (%)",
    ]
    assert markers(axes) == [(0, 50, False), (1, 49.8, False), (96, 91, True), (95, 73, False)]
    (bars,) = [c for c in axes.containers if c.lines[0].get_ydata()[0] == 91]
    across, up = (segments.get_segments()[0][:, k].tolist() for k, segments in enumerate(bars.lines[2]))
    assert across == pytest.approx([95, 97])
    assert up == pytest.approx([89, 93])
    names = texts(figure)
    assert {"C-NODE, dense", "DASH", "IMP", "prior alone: 97.5 %"} <= set(names)  # the first two coincide
    assert any("standard deviation of 3 seeds" in name for name in names)
    assert not any("persistence" in name for name in names)
    groups = [text.get_text() for text in figure.legends[0].get_texts()]
    assert groups == ["dense", "penalty", "pruning"]


def test_no_label_of_figure_2_covers_another_and_none_leaves_the_page() -> None:
    many = [line(f"strategy_{k}", 0.9 + k / 150, 0.5 + k / 1000) for k in range(12)]
    long = [line("dash", 0.96, 0.9 + k / 1000, options=f"pruner.lambda_1=0.{k} pruner.lambda_2=0.5") for k in range(3)]
    for table in (TABLE, pd.DataFrame(many), pd.DataFrame(long)):
        figure = style.sparsity_accuracy(table)
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in [*figure.axes[0].texts, *figure.texts]]
        assert len(boxes) > 3
        assert not [(a, b) for k, a in enumerate(boxes) for b in boxes[:k] if a.overlaps(b)]
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_figure_2_tells_options_apart_and_shows_one_dataset_and_model() -> None:
    both = pd.DataFrame(
        [line("dash", 0.9, 0.8, options="a=1", seeds=1), line("dash", 0.8, 0.6, options="a=2", seeds=1)]
    )
    both[["sparsity_sd", "balanced_accuracy_sd"]] = np.nan
    names = texts(style.sparsity_accuracy(both))
    assert {"DASH a=1", "DASH a=2"} <= set(names)
    assert any("One seed" in name for name in names)
    with pytest.raises(DashpruneError, match="one dataset and model, but the table has sim350, phoenix, mlp"):
        style.sparsity_accuracy(pd.DataFrame([line("dash", 1, 1), line("imp", 1, 1, model="mlp")]))
    with pytest.raises(DashpruneError, match="no strategy has both"):
        style.sparsity_accuracy(TABLE[TABLE["model"] == "control"])


def test_labels_are_spread_no_further_than_they_must() -> None:
    assert style.spread([1, 5, 9], 2) == [1, 5, 9]
    assert style.spread([4, 4], 2) == [3, 5]
    assert style.spread([0, 0, 0, 10], 1) == [-1, 0, 1, 10]
    assert style.spread([], 1) == []


TRUTH = np.array([[0, 0, 1, -1], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
"""Gene 0 activates 2 and represses 3, gene 1 activates 3."""


def test_a_crop_shows_the_regulators_with_most_targets_and_keeps_their_targets_together() -> None:
    rows, columns = style.crop(TRUTH, 10, 10)
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [3, 2]  # both of gene 0; 3 comes first, as gene 1 regulates it, too
    rows, columns = style.crop(TRUTH, 1, 1)
    assert (rows.tolist(), columns.tolist()) == ([0], [2])


def test_figure_3_shows_relative_effects_and_their_error() -> None:
    estimate = np.array([[0, 0, 3.0, -1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    panels = {"0 % noise": {"DASH": estimate, "BioPrune": 0 * estimate}, "5 % noise": {"DASH": TRUTH}}
    figure = style.effects(TRUTH, panels)
    true, dash, bioprune, again, perfect, missing, bar = figure.axes
    # rows are targets 3 and 2, columns regulators 0 and 1
    np.testing.assert_allclose(true.images[0].get_array(), [[-0.5, 0.5], [1, 0]])
    np.testing.assert_allclose(dash.images[0].get_array(), [[-0.5, 0.5], [0.75, 0.25]])
    np.testing.assert_allclose(again.images[0].get_array(), true.images[0].get_array())
    assert [axes.get_title() for axes in (dash, bioprune, perfect)] == [
        "DASH: MSE 7.81e-3",  # (0.25² + 0.25²) / 16
        "BioPrune: MSE 93.75e-3",  # (1 + 0.5² + 0.5²) / 16
        "DASH: MSE 0.00e-3",
    ]
    assert [dot.tolist() for dot in true.lines[0].get_data()] == [[0], [0]]  # the repression
    assert [true.get_ylabel(), again.get_ylabel()] == ["0 % noise\ntarget gene i", "5 % noise\ntarget gene i"]
    assert again.get_xlabel() == "regulator gene j"
    assert missing.texts[0].get_text() == "BioPrune:\nno run"
    assert not missing.images
    assert "relative effect" in bar.get_xlabel()
    assert "No effect at all has an MSE of 93.75e-3" in texts(figure)[-1].replace("\n", " ")
    assert style.SIGNED(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)
    with pytest.raises(DashpruneError, match="no estimate of the effects"):
        style.effects(TRUTH, {"0 % noise": {}})


def grey(colour: object) -> float:
    red, green, blue = to_rgba(colour)[:3]  # type: ignore[arg-type]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_strong_effects_of_either_sign_and_none_differ_in_grey() -> None:
    negative, none, positive = (grey(style.SIGNED(x)) for x in (0.0, 0.5, 1.0))
    assert positive + 0.2 < negative < none - 0.2


def pathways(number: int) -> pd.DataFrame:
    """z from 0 up, the last two significant."""
    z = np.arange(number, dtype=float)
    return pd.DataFrame({"pathway": [f"pathway {k}" for k in range(number)], "z": z, "significant": z >= number - 2})


def test_pathways_are_bars_from_the_largest_z_down_with_stars_where_significant() -> None:
    short = pathways(3)
    short.loc[0, "z"] = np.nan
    figure = style.pathway_bars({"dash": pathways(30), "imp": short, "other": pathways(0)}, "BRCA, Reactome")
    dash, imp, other, unused = figure.axes
    assert [bar.get_width() for bar in dash.patches] == list(range(29, 9, -1))
    assert [label.get_text() for label in dash.get_yticklabels()] == [f"pathway {k}" for k in range(29, 9, -1)]
    assert [text.get_text() for text in dash.texts] == ["*", "*"]
    assert [text.xy[0] for text in dash.texts] == [29, 28]
    blue, white = to_rgba(style.BLUE), to_rgba("white")
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
        style.pathway_bars({}, "BRCA")


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
    frame = pd.DataFrame({"pathway": [f"{long}{k}".upper() for k in range(20)], "z": 1.0, "significant": False})
    figure = style.pathway_bars({"dash": frame}, "BRCA")
    figure.draw_without_rendering()
    labels = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert min(box.x0 for box in labels) >= figure.bbox.x0


def test_calibration_shows_shares_with_intervals_and_counts() -> None:
    bins = [metrics.Bin(0.4, 0.5, 10, 0.44, 8), metrics.Bin(0.9, 1.0, 4, 0.98, 4)]
    many = style.calibration([metrics.Bin(0.0, 0.1, 12_345, 0.01, 9)], "x", 2)
    assert "12k" in texts(many)
    figure = style.calibration(bins, "sim350, phoenix_edge, dash_edge", 5)
    above, below = figure.axes
    (bars,) = [c for c in above.containers if isinstance(c, ErrorbarContainer)]
    line, _, (segments,) = bars.lines
    assert line.get_xydata().tolist() == pytest.approx(np.array([[0.44, 0.8], [0.98, 1.0]]))
    heights = [segment[:, 1].tolist() for segment in segments.get_segments()]
    assert heights == pytest.approx(np.array([[0.4901625, 0.9433178], [0.5101092, 1.0]]), abs=1e-6)
    assert [bar.get_height() for bar in below.patches] == [10, 4]
    names = texts(figure)
    assert {"10", "4", "sim350, phoenix_edge, dash_edge"} <= set(names)
    assert "one of 5 runs" in names[-1]
    assert "error 0.263" in names[-1]  # (10 * 0.36 + 4 * 0.02) / 14
    with pytest.raises(DashpruneError, match="no edges that the gold standard can judge"):
        style.calibration([], "x", 2)


def test_accessions_are_left_out_of_the_names_of_pathways() -> None:
    names = ["DNA repair (GO:0006281)", "Mitosis (R-HSA-68886)", "growth (cell)"]
    frame = pd.DataFrame({"pathway": names, "z": [3.0, 2.0, 1.0], "significant": False})
    axes = style.pathway_bars({"DASH": frame}, "A title").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["DNA repair", "Mitosis", "growth (cell)"]
