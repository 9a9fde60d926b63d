"""The examples, as a reader would run them, with one seed."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "scripts"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["guide_pixels", "guide_pathways"])
def test_what_is_left_is_what_the_prior_is_about(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 90 % sparsity, DASH keeps related inputs together; magnitude pruning does so by chance."""
    if name == "guide_pathways":
        if importlib.util.find_spec("scanpy") is None:
            pytest.skip("scanpy, whose data it takes, is not installed")
        if not Path(__file__).parents[2].joinpath("shared/data").is_dir():
            pytest.skip("needs the upstream files")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    trained = runpy.run_path(str(EXAMPLES / f"{name}.py"))["trained"]
    (accuracy, sparsity, together), (plain, as_sparse, by_chance) = (trained(own, 0.9, 0) for own in ("dash", "imp"))
    assert sparsity == pytest.approx(0.9, abs=0.002)
    assert as_sparse == pytest.approx(sparsity, abs=0.002)
    assert together > 1.3 * by_chance
    assert min(accuracy, plain) > 0.65
