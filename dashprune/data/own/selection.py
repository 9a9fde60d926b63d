"""Which genes of the expression are modelled: all, those of a list, or the most variable ones."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from dashprune.data.own.cells import Cells, Note
from dashprune.errors import DashpruneError, did_you_mean

_BLOCK = 512
"""Genes that are looked at at once."""
_BINS = 20
"""Groups of genes of like mean, among which their dispersions are compared."""


def _wanted(value: Any) -> int | tuple[str, ...] | None:
    """A number of genes, or their names."""
    if isinstance(value, (list, tuple)) and value:
        return tuple(str(name) for name in value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 2):
        return value
    allowed = "give a number of genes, at least 2, or a list of names such as [TP53,MDM2], or null for all"
    raise PydanticCustomError("genes", "{allowed}", {"allowed": allowed})


Wanted = Annotated[int | tuple[str, ...] | None, PlainValidator(_wanted)]


def selected(path: Path, cells: Cells, wanted: int | tuple[str, ...] | None, regulators: Collection[str]) -> Cells:
    """Cells with the genes that are wanted, in the order of the file.

    Args:
        path: of the expression, for messages.
        cells: with all genes.
        wanted: how many of the most variable, or names; None for all.
        regulators: genes that are kept beside the most variable.

    Raises:
        DashpruneError: if a gene of the list is not there.
    """
    if wanted is None:
        return cells
    known = cells.genes
    if isinstance(wanted, tuple):
        for name in wanted:
            if name not in cells.genes:
                raise DashpruneError(f"dataset.genes: {path.name} has no gene '{name}'{did_you_mean(name, known)}")
        kept = np.array([gene in set(wanted) for gene in cells.genes])
        note = f"{kept.sum():,} of {len(kept):,} genes are those of dataset.genes"
    else:
        kept = np.zeros(len(cells.genes), dtype=bool)
        kept[most_variable(cells.values)[:wanted]] = True
        also = np.array([gene in regulators for gene in cells.genes]) & ~kept
        note = f"the {kept.sum():,} most variable of {len(kept):,} genes are kept, and {also.sum():,} regulators beside"
        kept |= also
    genes = tuple(gene for gene, keep in zip(cells.genes, kept, strict=True) if keep)
    return cells._replace(genes=genes, values=cells.values[:, kept], notes=(*cells.notes, Note(f"{path.name}: {note}")))


def most_variable(values: np.ndarray) -> np.ndarray:
    """(genes,) places of genes, the most variable first.

    By dispersion (variance over mean, of exp(x) - 1), compared with that of genes of like mean. It takes values for
    logarithms, log(1 + x), as scanpy does.

    Source: Satija et al., Nature Biotechnology 33:495 (2015); scanpy.pp.highly_variable_genes, flavor "seurat".

    Args:
        values: (cells, genes), NaN where missing.
    """
    blocks = [_moments(values[:, first : first + _BLOCK]) for first in range(0, values.shape[1], _BLOCK)]
    mean, variance = (np.concatenate(part) for part in zip(*blocks, strict=True))
    mean[mean == 0] = 1e-12
    dispersion = variance / mean
    dispersion[dispersion == 0] = np.nan
    table = pd.DataFrame({"mean": np.log1p(mean), "dispersion": np.log(dispersion)})
    groups = table.groupby(pd.cut(table["mean"], bins=_BINS), observed=True)["dispersion"]
    centre, spread = groups.transform("mean"), groups.transform("std")
    alone = spread.isna()
    spread[alone], centre[alone] = centre[alone], 0.0
    compared = np.asarray((table["dispersion"] - centre) / spread, dtype=np.float64)
    return np.argsort(-np.nan_to_num(compared, nan=-np.inf), kind="stable")


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(genes,) means and variances of exp(x) - 1 over the cells that have a value."""
    with np.errstate(over="ignore"):  # of counts, which are pointed out elsewhere
        counts = np.expm1(values)
    known = (~np.isnan(counts)).sum(axis=0)
    np.nan_to_num(counts, copy=False)
    mean = counts.sum(axis=0, dtype=np.float64) / np.maximum(known, 1)
    squares = np.einsum("ij,ij->j", counts, counts, dtype=np.float64)
    return mean, (squares - known * mean**2) / np.maximum(known - 1, 1)
