"""What the benchmarks of GeneNetWeaver read: lists of pairs, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashprune.data.in_silico import all_pairs, network_of
from dashprune.data.published import readers
from dashprune.errors import DashpruneError

PAIRS = "A\tB\t1\nC\tA\t1\nA\tC\t0\nB\tA\t0\nB\tC\t0\nC\tB\t0\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "pairs.tsv"
    path.write_text(text)
    return path


def test_all_pairs(tmp_path: Path) -> None:
    network = all_pairs(written(tmp_path, PAIRS), ["A", "B", "C"])
    assert network.toarray().tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert network.dtype == np.float32


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PAIRS.replace("C\tB\t0\n", ""), "must list each ordered pair of 3 genes once"),
        (PAIRS.replace("C\tB", "A\tC"), "must list each ordered pair of 3 genes once"),
        (PAIRS.replace("C\tB", "B\tB"), "must list each ordered pair of 3 genes once"),
        (PAIRS.replace("C\tB", "D\tB"), "lists 'D' and 'B', which are not both among the 3 genes"),
        (PAIRS.replace("B\tC\t0", "B\tC\t2"), "row 5, column 3 is '2'; it must be one of 1, 0"),
        (PAIRS.replace("\t", ","), "has 1 columns, but lists source, target and value"),
    ],
)
def test_a_damaged_list_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DashpruneError, match=said) as caught:
        all_pairs(written(tmp_path, text), ["A", "B", "C"])
    assert "\n" not in str(caught.value)


def test_signs(tmp_path: Path) -> None:
    path = written(tmp_path, "B\tA\t-\nA\tB\t+\n")
    network = network_of(path, readers.read_pairs(path, {"+": 1, "-": -1}), ["A", "B"])
    assert network.toarray().tolist() == [[0, 1], [-1, 0]]
