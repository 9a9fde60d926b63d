"""What every reader of expression returns, how it is asked to read, and how an override is written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from dashprune import config

Missing = Literal["error", "drop_gene", "drop_time", "interpolate"]
"""What is done about missing values: see `resolve`."""
MissingTime = Literal["error", "drop"]
"""What is done about measurements without a time."""
ALL = "all"
"""Name of the only sample where no column names samples."""
AUTO = "auto"
"""In place of a column of samples: a new one begins wherever time goes back."""


class Reading(NamedTuple):
    """How expression is to be read.

    Attributes:
        sample: column (of obs in an .h5ad) that names the sample; None if everything is one sample; `AUTO` if one
            begins where time goes back.
        time: column with time or pseudotime; where it is "time" and there is none, its other usual names are tried.
        layer: of an .h5ad; None for X.
        pseudotime: a table with the times of the cells, if they are not in the file itself.
        drop: columns or genes to leave out.
        gene_names: column of var in an .h5ad with the names of genes; None for its index.
        missing: what to do about missing values.
        missing_time: what to do about measurements without a time.
    """

    sample: str | None = "sample"
    time: str = "time"
    layer: str | None = None
    pseudotime: Path | None = None
    drop: tuple[str, ...] = ()
    gene_names: str | None = None
    missing: Missing = "error"
    missing_time: MissingTime = "error"

    @property
    def labels(self) -> list[str]:
        """The column of samples, if there is one."""
        return [] if self.sample is None else [self.sample]


class Note(NamedTuple):
    """Something to say about what was read.

    Attributes:
        text: one line.
        override: what mends it, as `dashprune run` takes it; empty if there is nothing to mend.
    """

    text: str
    override: str = ""


class Cells(NamedTuple):
    """Measurements in the order of the file: cells, or rows of a wide table.

    Attributes:
        genes: names, all different.
        sample: (N,) str, the sample that each was taken from.
        time: (N,) float64, time or pseudotime, not negative; NaN where a reader found none.
        values: (N, genes) float32; NaN where a reader found none.
        rows: (N,) what the file calls each: the number of its row, or the name of the cell.
        notes: what is to be said beside the summary: what was taken for what, what was left out.
    """

    genes: tuple[str, ...]
    sample: np.ndarray
    time: np.ndarray
    values: np.ndarray
    rows: pd.Index
    notes: tuple[Note, ...] = ()

    def only(self, kept: np.ndarray) -> Cells:
        """The measurements at these places, or for which this mask is true."""
        return self._replace(
            sample=self.sample[kept], time=self.time[kept], values=self.values[kept], rows=self.rows[kept]
        )


def override(key: str, value: str | list[str]) -> str:
    """`dataset.KEY=VALUE` as Hydra reads it."""
    return config.override(f"dataset.{key}", value)


def listed(names: Iterable[object], most: int = 5) -> str:
    """`'a', 'b' and 3 more`."""
    every = [f"'{name}'" for name in names]
    if len(every) > most:
        return f"{', '.join(every[:most])} and {len(every) - most} more"
    return " and ".join([", ".join(every[:-1]), every[-1]]) if len(every) > 1 else "".join(every)


def all_finite(values: np.ndarray) -> bool:
    """Whether there is no NaN and nothing infinite; it makes no array as large as `values`."""
    return bool(np.isfinite(values.sum(dtype=np.float64)))
