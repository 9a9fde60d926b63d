from __future__ import annotations

import pandas as pd

from dashprune.figures.run_history import history


def test_the_history_marks_cuts_and_the_reported_model() -> None:
    frame = pd.DataFrame(
        {"epoch": [1, 2, 3, 4], "loss": [1, 0.1, 0.05, 0.01], "validation": [4, 3, 2, 3.0],
         "sparsity": [0, 0, 0.7, 0.7], "pruned": [0, 0, 1, 0]}
    )  # fmt: skip
    figure = history(frame, 4, "a run")
    _, validation, sparsity = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss", "validation error (MSE)", "sparsity of the weights (%)",
    ]  # fmt: skip
    assert sparsity.get_xlabel() == "epoch"
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "linear"]
    cut, curve, star = validation.lines
    assert list(cut.get_xdata()) == [3, 3]
    assert curve.get_ydata().tolist() == [4, 3, 2, 3]
    assert (star.get_xdata().tolist(), star.get_ydata().tolist()) == ([4], [3])
    assert sparsity.lines[1].get_ydata().tolist() == [0, 0, 70, 70]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["reported model (epoch 4)", "weights are cut (1 times)"]
    dense = history(frame.assign(pruned=0), 1, "a run")
    assert [text.get_text() for text in dense.legends[0].get_texts()] == ["reported model (epoch 1)"]


def test_without_validation_its_panel_is_left_out() -> None:
    frame = pd.DataFrame(
        {"epoch": [1, 2], "loss": [1, 0.5], "validation": [float("nan")] * 2, "sparsity": [0, 0.0], "pruned": [0, 0]}
    )
    figure = history(frame, 2, "a run")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "sparsity of the weights (%)"]
    assert figure.axes[0].get_title(loc="left") == "a run"
