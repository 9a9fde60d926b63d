from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from dashprune import figures
from dashprune.errors import DashpruneError
from dashprune.figures.effect_maps import SIGNED, crop
from tests.figures.conftest import texts

TRUTH = np.array([[0, 0, 1, -1], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
"""Gene 0 activates 2 and represses 3, gene 1 activates 3."""


def test_a_crop_shows_the_regulators_with_most_targets_and_keeps_their_targets_together() -> None:
    rows, columns = crop(TRUTH, 10, 10)
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [3, 2]  # both of gene 0; 3 comes first, as gene 1 regulates it, too
    rows, columns = crop(TRUTH, 1, 1)
    assert (rows.tolist(), columns.tolist()) == ([0], [2])


def test_figure_3_shows_relative_effects_and_their_error() -> None:
    estimate = np.array([[0, 0, 3.0, -1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    panels = {"0 % noise": {"DASH": estimate, "BioPrune": 0 * estimate}, "5 % noise": {"DASH": TRUTH}}
    figure = figures.effects(TRUTH, panels)
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
    assert SIGNED(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)
    with pytest.raises(DashpruneError, match="no estimate of the effects"):
        figures.effects(TRUTH, {"0 % noise": {}})


def grey(colour: object) -> float:
    red, green, blue = to_rgba(colour)[:3]  # type: ignore[arg-type]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_strong_effects_of_either_sign_and_none_differ_in_grey() -> None:
    negative, none, positive = (grey(SIGNED(x)) for x in (0.0, 0.5, 1.0))
    assert positive + 0.2 < negative < none - 0.2
