"""DREAM4: the in-silico networks of the fourth DREAM challenge, five of 10 genes and five of 100 (Marbach et al. 2010).

The perturbations of their series were not published. See `in_silico`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from dashprune.data.in_silico import InSilico, all_pairs
from dashprune.data.interventions import Interventions, nothing
from dashprune.data.knockouts import Knockouts
from dashprune.data.problem import Problem, Split, with_steady_states
from dashprune.data.published import readers
from dashprune.data.published.locate import upstream_file
from dashprune.errors import DashpruneError

_VERSION = "dream4-1"
"""Changes when the same settings and files would give other data."""
_FOLDER = "lab319+GRNs_nonlinear_ODEs/DREAM4"
_DONE = {"knockouts": lambda done: (done.held, 0.0), "knockdowns": lambda done: (done.factor, 0.5)}
"""What was done to gene k in row k of these steady states."""
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
        steady_states: which of those measured beside the series are trained on, and what was done there is known:
            "wildtype" (the first point of each series that is trained on), "knockouts" and "knockdowns"; None for none.
    """

    size: Literal[10, 100]
    network: Literal[1, 2, 3, 4, 5]
    steady_states: tuple[Literal["knockouts", "knockdowns", "wildtype"], ...] | None

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the loader's version and the files' content.

        Raises:
            DashpruneError: as `load`.
        """
        beside = [kind for kind in _DONE if kind in (self.steady_states or ())]
        return readers.fingerprint(_VERSION, [self._file(kind) for kind in ("timeseries", "goldstandard", *beside)])

    def load(self) -> Problem:
        problem = super().load()
        done = [self._states(kind, problem.train) for kind in dict.fromkeys(self.steady_states or ())]
        return replace(problem, train=with_steady_states(problem.train, done)) if done else problem

    def _states(self, kind: str, train: Split) -> tuple[np.ndarray, Interventions[np.ndarray]]:
        """Steady states (states, genes), and what was done there."""
        states = train.expression[:, 0] if kind == "wildtype" else self._table(self._file(kind))[1].astype(np.float32)
        done = nothing(*states.shape)
        if kind != "wildtype":
            if len(states) != self.size:
                raise DashpruneError(
                    f"{self._file(kind)} has {len(states)} rows, but {self.size} genes; fetch the file again"
                )
            np.fill_diagonal(*_DONE[kind](done))
        return states, done

    def knockouts(self) -> Knockouts | None:
        """Those measured, in the steady state, from the mean of the series' first points; None if they are trained on.

        A series' whole time is given to reach that state.
        """
        if "knockouts" in (self.steady_states or ()):
            return None
        wild = self._series()[1].expression[:, 0].mean(axis=0)
        after = self._table(self._file("knockouts"))[1].astype(np.float32)
        if len(after) != self.size:
            raise DashpruneError(f"{self._file('knockouts')} has {len(after)} rows, but {self.size} genes")
        before = np.tile(wild, (self.size, 1)).astype(np.float32)
        time = (_POINTS - 1) * _INTERVAL / self.time_unit
        return Knockouts(np.arange(self.size), np.zeros(self.size, dtype=np.float32), before, after, before, time)

    def measured_states(self) -> dict[str, np.ndarray]:
        """Steady states that were measured beside the series; see `steady_states` for those that are trained on.

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
