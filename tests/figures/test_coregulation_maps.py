from __future__ import annotations

import numpy as np

from dashprune import figures


def test_a_map_for_each_network_with_its_numbers() -> None:
    maps = {"true network": np.eye(4), "dash": np.ones((4, 4)), "imp": np.zeros((4, 4)), "a": np.eye(4), "b": np.eye(4)}
    figure = figures.coregulation(maps, {"dash": "r 0.50, Rand 0.25"}, "Modules")
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels] == ["true network", "DASH\nr 0.50, Rand 0.25", "IMP", "a", "b"]
    for axes, values in zip(panels, maps.values(), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), values)
    assert any("the 4 regulated\ngenes" in text.get_text() for text in figure.texts)
    boxes = [text.get_window_extent() for text in figure.texts]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
