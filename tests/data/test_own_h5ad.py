"""An .h5ad that is damaged, made to mislead, or old."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from tests.data.test_custom import GENES, folder, load, refused, same, table, write_h5ad

__all__ = ["folder"]  # a fixture


def sparse_file(matrix: Any = csr_matrix) -> None:
    wide = table()
    write_h5ad(wide, thin=matrix(wide[GENES].to_numpy()))


@pytest.mark.parametrize("kind", [csr_matrix, csc_matrix])
def test_a_sparse_layer_is_read_as_the_dense(folder: Path, kind: Any) -> None:
    sparse_file(kind)
    same(load(expression="cells.h5ad", layer="thin"), load(expression="cells.h5ad"))


@pytest.mark.parametrize(
    ("part", "place", "value"),
    [
        ("indices", 3, 10**6), ("indices", 0, -1), ("indptr", 1, 10**6), ("indptr", 2, -5), ("indptr", -1, 10**9),
        ("indptr", 0, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [csr_matrix, csc_matrix])
def test_a_sparse_matrix_that_points_outside_is_refused(
    folder: Path, part: str, place: int, value: int, kind: Any
) -> None:
    sparse_file(kind)
    with h5py.File("cells.h5ad", "r+") as file:
        file["layers/thin"][part][place] = value
    assert refused(expression="cells.h5ad", layer="thin") == (
        "cells.h5ad: the sparse matrix /layers/thin points outside of itself; write it anew"
    )


def replaced(name: str, content: Any) -> str:
    write_h5ad(table())
    with h5py.File("cells.h5ad", "r+") as file:
        attributes = dict(file[name].attrs)
        del file[name]
        file[name] = content
        file[name].attrs.update(attributes)
    return refused(expression="cells.h5ad")


def test_a_matrix_of_another_shape_or_kind_is_refused(folder: Path) -> None:
    size = f"it must hold numbers, {len(table())} cells x {len(GENES)} genes"
    assert replaced("X", np.zeros((3, 2))) == f"cells.h5ad: /X is (3, 2) of float64; {size}"
    assert size in replaced("X", np.zeros((len(table()), len(GENES)), dtype="S3"))


def test_what_lies_in_another_file_is_refused(folder: Path) -> None:
    with h5py.File("other.h5", "w") as other:
        other["X"] = np.zeros((len(table()), len(GENES)))
    write_h5ad(table())
    with h5py.File("cells.h5ad", "r+") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("other.h5", "X")
    assert refused(expression="cells.h5ad") == "cells.h5ad: 'X' is a link to another file; write all into one"
    write_h5ad(table())
    with h5py.File("cells.h5ad", "r+") as file:
        del file["X"]
        place = [("other.bin", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("X", (len(table()), len(GENES)), "f4", external=place)
    assert "'X' has its values in another file" in refused(expression="cells.h5ad")
    write_h5ad(table())
    with h5py.File("cells.h5ad", "r+") as file:
        file["obs/other"] = h5py.ExternalLink("/etc/passwd", "X")
    assert "'obs' has a link to another file" in refused(expression="cells.h5ad")


def test_an_encoding_that_is_not_known_is_named(folder: Path) -> None:
    write_h5ad(table())
    with h5py.File("cells.h5ad", "r+") as file:
        file["obs"].attrs["encoding-type"] = "something"
    assert "cells.h5ad is not an AnnData file, or damaged (" in refused(expression="cells.h5ad")


def test_what_is_not_asked_for_is_not_read(folder: Path) -> None:
    write_h5ad(table(), other=np.zeros(table()[GENES].shape))
    whole = load(expression="cells.h5ad")
    with h5py.File("cells.h5ad", "r+") as file:
        file["layers/other"].attrs["encoding-type"] = "something"
        file["uns"].attrs["encoding-type"] = "something"
    same(load(expression="cells.h5ad"), whole)


def test_a_file_from_before_anndata_0_7_is_read(folder: Path) -> None:
    """Compound tables, categories in uns, `raw.X` in the form of h5sparse; as scanpy's 10x_pbmc68k_reduced has."""
    wide = table()
    expected = load(expression="expression.csv")
    values = csr_matrix(wide[GENES].to_numpy(dtype=np.float32))
    with h5py.File("cells.h5ad", "w") as file:
        obs = np.empty(len(wide), dtype=[("index", "S10"), ("sample", "i1"), ("time", "f8")])
        names = sorted(set(wide["sample"]))
        obs["index"] = [f"cell{k}" for k in range(len(wide))]
        obs["sample"] = [names.index(one) for one in wide["sample"]]
        obs["time"] = wide["time"]
        file["obs"], file["X"] = obs, values.toarray()
        file["uns/sample_categories"] = np.array(names, dtype="S10")
        file["var"] = file["raw.var"] = np.array([(gene,) for gene in GENES], dtype=[("index", "S10")])
        raw = file.create_group("raw.X")
        raw.attrs.update({"h5sparse_format": "csr", "h5sparse_shape": np.array(values.shape)})
        for name in ("data", "indices", "indptr"):
            raw[name] = getattr(values, name)
    for layer in ("null", "raw"):
        same(load(expression="cells.h5ad", layer=layer), expected)
    with h5py.File("cells.h5ad", "r+") as file:
        file["raw.X/indices"][0] = 99
    assert "points outside of itself" in refused(expression="cells.h5ad", layer="raw")
