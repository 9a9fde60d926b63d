"""Readers of published tables: what they return and how they name a fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashprune.data.published import readers
from dashprune.errors import DashpruneError


def written(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_edges_between_by_hand() -> None:
    """One edge is listed twice, two have a name that is no gene."""
    network = readers.edges_between(["a", "a", "c", "x", "c"], ["b", "b", "a", "a", "x"], ("a", "b", "c"))
    assert network.dtype == np.bool_
    assert network.nnz == 2
    assert network.toarray().tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert readers.edges_between([], [], ("a",)).nnz == 0


def test_tables_are_text_with_trimmed_names(tmp_path: Path) -> None:
    table = readers.read_table(written(tmp_path, "reg, aff\nNA,1\n,2\n"), ["reg", "aff"])
    assert table.to_numpy().tolist() == [["NA", "1"], ["", "2"]]
    assert len(readers.read_table(written(tmp_path, "\ufeff#ID\tName\n"), ["#ID", "Name"], "\t")) == 0


def test_long_tables_are_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 513
    monkeypatch.setattr(readers, "_CELLS", 256 * rows + 1)  # two parts, and a last one of one row
    path = written(tmp_path, "x\n" + "\n".join(f"g{k}" for k in range(rows)))
    assert readers.read_names(path, "x") == tuple(f"g{k}" for k in range(rows))
    path = written(tmp_path, "\n".join(",".join("1" if i == j + 1 else "0" for j in range(rows)) for i in range(rows)))
    np.testing.assert_array_equal(readers.read_square(path, rows).toarray(), np.eye(rows, k=-1))
    path.write_text(path.read_text().replace("1", "x"))
    with pytest.raises(DashpruneError, match=r"row 2, column 1 is empty .* every value must be one \(255 are not\)"):
        readers.read_square(path, rows)


def test_a_fault_in_a_later_part_has_its_own_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ["0,0"] * 7 + ["0,"]
    monkeypatch.setattr(readers, "_CELLS", 10)  # five rows of two
    with pytest.raises(DashpruneError, match=r"row 8, column 2 is empty"):
        readers.read_square(written(tmp_path, "\n".join(rows)), 2)


@pytest.mark.parametrize("text", ["", "\n"])
def test_empty_files_are_no_tables(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    for read in (
        readers.read_matrix,
        lambda path: readers.read_labelled(path, ","),
        lambda path: readers.read_names(path, "x"),
    ):
        with pytest.raises(DashpruneError, match=r"table.csv is not a table of the expected form"):
            read(path)


def test_repeated_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DashpruneError, match=r"table.csv has gene 'b' twice"):
        readers.read_names(written(tmp_path, "x\na\nb\nb\n"), "x")


@pytest.mark.parametrize("header", ["x,p,q", "p,q"])
def test_labelled_tables_may_lack_a_name_for_the_labels(tmp_path: Path, header: str) -> None:
    table = readers.read_labelled(written(tmp_path, f"{header}\na,1,-1\nb,0,2\n"), ",")
    assert table.index.tolist() == ["a", "b"]
    assert table.columns.tolist() == ["p", "q"]
    assert table.to_numpy().tolist() == [[1, -1], [0, 2]]


@pytest.mark.parametrize(("cell", "said"), [("", "row 3, column 2 is empty"), ("x", "is not a table of the expected")])
def test_labelled_tables_hold_numbers(tmp_path: Path, cell: str, said: str) -> None:
    with pytest.raises(DashpruneError, match=said) as error:
        readers.read_labelled(written(tmp_path, f"x,p,q\na,1,-1\nb,{cell},2\n"), ",")
    assert "\n" not in str(error.value)


def test_fingerprint_follows_version_content_and_order(tmp_path: Path) -> None:
    a, b = written(tmp_path, "1", "a"), written(tmp_path, "2", "b")
    prints = {readers.fingerprint(*of) for of in (("v1", [a, b]), ("v2", [a, b]), ("v1", [b, a]), ("v1", [a]))}
    assert len(prints) == 4
    before = readers.fingerprint("v1", [a])
    a.write_text("3")
    assert readers.fingerprint("v1", [a]) != before
