"""GNW E. coli 10: a part of the E. coli network, simulated by GeneNetWeaver for SWING (Finkle et al. 2018).

As DREAM4 of size 10, but for ten series in place of five, signs, and perturbations that are known. See `in_silico`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from dashprune.data.in_silico import PERTURBED, InSilico, all_pairs, network_of
from dashprune.data.interventions import covered, nothing
from dashprune.data.problem import Split
from dashprune.data.published import readers
from dashprune.data.published.locate import upstream_file
from dashprune.errors import DashpruneError

_VERSION = "gnw-1"
"""Changes when the same settings and files would give other data."""
_PREFIX = "bagherilab+SWING/data/Ecoli_10_node/Ecoli10-1_"
_SERIES, _GOLD, _SIGNS = "dream4_timeseries", "goldstandard", "goldstandard_signed"
_WILD_TYPE, _PERTURBATIONS = "wildtype", "dream4_timeseries_perturbations"


@dataclass(frozen=True)
class Gnw(InSilico):
    """The GNW dataset; further attributes are those of `InSilico`. The prior has the signs of the true network.

    Attributes:
        interventions: "known": the model is told what was done to the basal rates, see `perturbations`; None: it is
            not.
    """

    interventions: Literal["known"] | None

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the loader's version and the files' content.

        Raises:
            DashpruneError: as `load`.
        """
        known = () if self.interventions is None else (_PERTURBATIONS,)
        return readers.fingerprint(_VERSION, [_file(kind) for kind in (_SERIES, _GOLD, _SIGNS, *known)])

    def measured_states(self) -> dict[str, np.ndarray]:
        """Steady states that were measured beside the series: "wildtype", (1, genes) float64. Nothing uses them yet.

        Raises:
            DashpruneError: if the file is missing or damaged.
        """
        return {"wildtype": readers.read_columns(_file(_WILD_TYPE), "\t").to_numpy()}

    def perturbations(self) -> np.ndarray:
        """How the first half of each series was perturbed; used with interventions="known".

        Returns:
            (series, genes) float64: relative change of each gene's basal rate from 0 to 500 minutes, 0 for none; in
            the order of the series in the file, which the split changes.

        Raises:
            DashpruneError: if the file is missing or damaged.
        """
        return readers.read_columns(_file(_PERTURBATIONS), "\t").to_numpy()

    def _series(self) -> tuple[tuple[str, ...], Split]:
        path = _file(_SERIES)
        table = readers.read_columns(path, "\t")
        if "Time" not in table:
            raise DashpruneError(f"{path}: row 1 has no column 'Time'; fetch the file again")
        times = table.pop("Time").to_numpy()
        series = readers.stacked(table.to_numpy(), times)
        return tuple(table.columns), series if self.interventions is None else self._intervened(series)

    def _intervened(self, series: Split) -> Split:
        """Series with inputs to the genes, which are added to all activations of a gene, as in GeneNetWeaver."""
        changes = self.perturbations()
        if changes.shape != series.expression[:, 0].shape:
            raise DashpruneError(f"{_file(_PERTURBATIONS)} does not have a row per series; fetch both files again")
        times = series.times
        done = nothing(len(times), times.shape[1] - 1, changes.shape[1])
        acting = np.stack([covered(row, *PERTURBED) for row in times])
        done.addition[:] = np.where(acting[:, :, None], changes[:, None], 0)
        return replace(series, interventions=done)

    def _network(self, genes: tuple[str, ...]) -> csr_array:
        path = _file(_SIGNS)
        signed = network_of(path, readers.read_pairs(path, {"+": 1, "-": -1}), genes)
        if (abs(signed) != all_pairs(_file(_GOLD), genes)).nnz:
            raise DashpruneError(f"{path} and {_file(_GOLD)} list different edges; fetch both files again")
        return signed


def _file(kind: str) -> Path:
    return upstream_file(f"{_PREFIX}{kind}.tsv")
