"""What GeneNetWeaver's benchmarks share: series of simulated genes, perturbed in their first half, and a known network.

Each series begins in the steady state of the wild type. Then the basal rates of some genes are changed, from 0 to 500
minutes, and set back. Values are mRNA, in [0, 1], with noise of the dynamics and of the measurement; proteins are
hidden. There are no loops, and signs are known only where a file gives them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.sparse import csr_array

from dashprune.data import holdout
from dashprune.data.base import Dataset
from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior
from dashprune.data.published import readers
from dashprune.data.simulator import corrupt
from dashprune.errors import DashpruneError
from dashprune.seeds import numpy_generator

PERTURBED = (0.0, 500.0)
"""Minutes from and to which the perturbation of a series acts."""


@dataclass(frozen=True)
class InSilico(Dataset):
    """A benchmark of GeneNetWeaver.

    Pairs that are scored are all ordered pairs of different genes, as in the DREAM challenges.

    Attributes:
        prior: "gold": the true network, of which `prior_noise` and `prior_holdout` leave a part; None for no prior.
        prior_noise: fraction of the prior's edges that are moved to random places, as on SIM350 (METHODS 5).
        prior_holdout: fraction of the edges, after that, that are taken out of the prior; None for none.
        prior_holdout_by: "edges" takes out single edges, "genes" all edges to a gene.
        validation: number of series that are not trained on, but choose checkpoint and learning rate; None for none.
        test: number of series that are held out; None for none.
        time_unit: minutes that count as 1.
        seed: of split and prior, each with a stream of its own.
    """

    prior: Literal["gold"] | None
    prior_noise: Annotated[float, Field(ge=0, le=1)]
    prior_holdout: holdout.Fraction | None
    prior_holdout_by: holdout.By
    validation: Annotated[int, Field(ge=1)] | None
    test: Annotated[int, Field(ge=1)] | None
    time_unit: Annotated[float, Field(gt=0)]
    seed: Annotated[int, Field(ge=0)]

    def load(self) -> Problem:
        """Read the files and split the series.

        Raises:
            DashpruneError: if a file is missing or damaged, or nothing would be left to train on.
        """
        genes, series = self._series()
        network = self._network(genes)
        prior = self._prior(network)
        scaled = replace(series, times=series.times / self.time_unit)
        train, validation, test = scaled.three_parts(self.validation, self.test, numpy_generator(self.seed, "split"))
        return Problem(
            genes=genes,
            train=train,
            validation=validation,
            test=test,
            prior=prior,
            coregulation=coregulation_from_prior(prior),
            truth=network.astype(bool),
            evaluable=Pairs.every(len(genes), loops=False),
        )

    def _prior(self, network: csr_array) -> csr_array:
        """(genes, genes) sparse float32, sign kept."""
        if self.prior is None:
            return csr_array(network.shape, dtype=np.float32)
        moved = corrupt(network, self.prior_noise, numpy_generator(self.seed, "prior"))
        rng = numpy_generator(self.seed, "holdout")
        return holdout.hold_out(moved, self.prior_holdout, self.prior_holdout_by, rng)

    @abstractmethod
    def _series(self) -> tuple[tuple[str, ...], Split]:
        """Genes, and all series, in minutes."""

    @abstractmethod
    def _network(self, genes: tuple[str, ...]) -> csr_array:
        """(genes, genes) sparse float32, the true network: signs where they are known, else 1."""


def all_pairs(path: Path, genes: Sequence[str]) -> csr_array:
    """A network from a list of all ordered pairs of different genes, each with 1 or 0: (genes, genes) float32.

    Raises:
        DashpruneError: if it lists others.
    """
    table = readers.read_pairs(path, {"1": 1, "0": 0})
    listed = network_of(path, table.assign(value=1), genes)
    if len(table) != listed.nnz or listed.nnz != len(genes) * (len(genes) - 1) or listed.diagonal().any():
        raise DashpruneError(f"{path} must list each ordered pair of {len(genes)} genes once; fetch the file again")
    return network_of(path, table[table["value"] == 1], genes)


def network_of(path: Path, table: pd.DataFrame, genes: Sequence[str]) -> csr_array:
    """(genes, genes) sparse float32 of lines source, target and value.

    Raises:
        DashpruneError: if a name is not a gene.
    """
    index = pd.Index(genes)
    row, column = index.get_indexer(pd.Index(table["source"])), index.get_indexer(pd.Index(table["target"]))
    bad = np.flatnonzero((row < 0) | (column < 0))
    if len(bad):
        line = table.iloc[bad[0]]
        raise DashpruneError(
            f"{path} lists '{line['source']}' and '{line['target']}', which are not both among the {len(genes)} genes "
            f"of the series; fetch both files again"
        )
    return csr_array((table["value"].to_numpy(np.float32), (row, column)), shape=(len(genes), len(genes)))
