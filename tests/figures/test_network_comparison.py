"""The picture of compared networks."""

from __future__ import annotations

import pandas as pd

from dashprune import figures


def test_bars_are_parts_of_both_networks_and_hubs_that_differ_are_named() -> None:
    pairs = pd.DataFrame(
        [{"first": "one", "second": "two", "shared": 30, "only_first": 5, "only_second": 10, "jaccard": 30 / 45}]
    )
    hubs = pd.DataFrame({"gene": ["GAL4", "MIG1", "SAME"], "one": [20.0, 3, 7], "two": [5.0, 30, 7]})
    figure = figures.networks_compared(pairs, hubs, "compared")
    bars, scatter = figure.axes
    assert sorted(patch.get_width() for patch in bars.patches) == [5, 10, 30]
    assert [text.get_text() for text in scatter.texts] == ["MIG1", "GAL4"]
    assert bars.texts[0].get_text() == "one | two\n5 / 30 / 10"
