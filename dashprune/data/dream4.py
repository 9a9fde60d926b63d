"""DREAM4: the in-silico networks of the fourth DREAM challenge, five of 10 genes and five of 100 (Marbach et al. 2010).

The perturbations of their series were not published. See `in_silico`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from dashprune.data.in_silico import InSilico, all_pairs
from dashprune.data.problem import Split
from dashprune.data.published import readers
from dashprune.data.published.locate import upstream_file
from dashprune.errors import DashpruneError

_VERSION = "dream4-1"
"""Changes when the same settings and files would give other data."""
_FOLDER = "lab319+GRNs_nonlinear_ODEs/DREAM4"
_POINTS = 21
"""Time points of each series ..."""
_INTERVAL = 50.0
"""... and minutes between them, which the files do not say."""


@dataclass(frozen=True)
class Dream4(InSilico):
    """The DREAM4 dataset; further attributes are those of `InSilico`.

    Attributes:
        size: genes of the network; there are five series of 10 genes, and ten of 100.
        network: which of the five networks.
    """

    size: Literal[10, 100]
    network: Literal[1, 2, 3, 4, 5]

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the loader's version and the files' content.

        Raises:
            DashpruneError: as `load`.
        """
        return readers.fingerprint(_VERSION, [self._file("timeseries"), self._file("goldstandard")])

    def steady_states(self) -> dict[str, np.ndarray]:
        """Steady states that were measured beside the series. Nothing uses them yet.

        Returns:
            "knockouts": (genes, genes) float64, row k after gene k was switched off; "knockdowns": the same, after its
            production was halved; with 10 genes, "multifactorial": (10, 10), each row after the basal rates of all
            genes were changed a little, by unknown amounts. The wild type is the first row of each series.

        Raises:
            DashpruneError: if a file is missing or damaged.
        """
        kinds = ("knockouts", "knockdowns", *(("multifactorial",) if self.size == 10 else ()))
        files = {kind: self._file(kind) for kind in kinds}
        return {kind: self._table(path)[1] for kind, path in files.items()}

    def _file(self, kind: str) -> Path:
        name = f"insilico_size{self.size}"
        return upstream_file(f"{_FOLDER}/{name}/{name}_{self.network}_{kind}.tsv")

    def _table(self, path: Path) -> tuple[tuple[str, ...], np.ndarray]:
        """Gene names, and (rows, genes) float64."""
        table = readers.read_columns(path, "\t")
        if table.shape[1] != self.size:
            raise DashpruneError(f"{path} has {table.shape[1]} columns, but {self.size} genes; fetch the file again")
        return tuple(table.columns), table.to_numpy()

    def _series(self) -> tuple[tuple[str, ...], Split]:
        path = self._file("timeseries")
        genes, rows = self._table(path)
        if not len(rows) or len(rows) % _POINTS:
            raise DashpruneError(
                f"{path} has {len(rows)} rows, which are no series of {_POINTS} time points each; fetch the file again"
            )
        times = np.tile(np.arange(_POINTS) * _INTERVAL, len(rows) // _POINTS)
        return genes, readers.stacked(rows, times)

    def _network(self, genes: tuple[str, ...]) -> csr_array:
        return all_pairs(self._file("goldstandard"), genes)
