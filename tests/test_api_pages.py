"""The pages of the interface name nothing that is not there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from dashprune import metrics
from dashprune.data import problem


def loaded(path: Path) -> ModuleType:
    """A module from a file that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_reference_to_nothing_is_found(tmp_path: Path) -> None:
    docs = loaded(Path(__file__).parents[1] / "scripts" / "docs.py")
    source = tmp_path / "leaf.py"
    source.write_text(
        '"""See `Leaf.size`, `Leaf.colour`, `Problem`, `train.epochs`, `metrics.calibration`, `metrics.missing`,\n'
        'and `--help`, ``anything``, `wither()`."""\n\n\n'
        'class Leaf:\n    """Has a `size`."""\n\n    size: int\n\n    def grow(self, by: int) -> None:\n'
        '        """Adds `by`, never `bye`."""\n'
    )
    found = docs.references_to_nothing([loaded(source), problem, metrics])
    assert [line.partition(": ")[2] for line in found] == ["`Leaf.colour`", "`metrics.missing`", "`wither`", "`bye`"]
