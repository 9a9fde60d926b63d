"""Haematopoiesis: single cells of human bone marrow in the order of a pseudotime, three lineages in five batches.

Each batch is one trajectory, a time point per cell. The files DASH trained on are made anew from those of PathReg, of
which they are a part: without the first 10 and the last 20 cells of the file, sorted by pseudotime, pseudotime and
expression each scaled to [0, 1] over the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from dashprune.data.base import Dataset
from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior
from dashprune.data.published import readers
from dashprune.data.published.locate import upstream_file
from dashprune.errors import DashpruneError

_VERSION = "hematopoiesis-1"
"""Changes when the same settings and files would give other data."""
_DASH = "QuackenbushLab+DASH/hema_data/clean_data"
_PATHREG = "theislab+PathReg/data/data"
_GRN = f"{_PATHREG}/TFs_Targets/tf_targets_baseGRN_human_matrix.csv.gz"
_NAMES = {"erythroid": "eryth", "monocyte": "mono", "B": "B"}
"""Lineages as the files call them."""
_TRAIN = (11, 12)
_TEST = {"erythroid": (21, 36), "monocyte": (21, 24, 36), "B": (21, 24, 36)}
_SKIPPED = slice(10, -20)


@dataclass(frozen=True)
class Hematopoiesis(Dataset):
    """The haematopoiesis dataset.

    Batches 11 and 12 are for training and validation, 21, 24 and 36 for the test. Batch 24 of the erythroid lineage is
    not published any more, so that its test has two batches. Co-regulation is the number of targets that two genes
    share in the prior, since the interactions were never published. Expression is nearly zero (79 to 92 % exact
    zeros), so read errors beside that of predicting no change.

    Attributes:
        lineage: one of three, each with a model of its own.
        validation_batch: the batch that is not trained on. The published program trains on 12 and validates on 11,
            whatever it is told (METHODS 7, bug 11); 12 leaves the batch with more cells to train on.
        gold: None, as in the paper: networks are judged by their size (out-degree). "base_grn" is PathReg's network
            of motifs in promoters, so that a prior of motifs scores well by construction: circular.
        pairs: with a gold standard, "gold" scores its regulators with its targets, "all" all ordered pairs.
    """

    lineage: Literal["erythroid", "monocyte", "B"]
    validation_batch: Literal[11, 12]
    gold: Literal["base_grn"] | None
    pairs: Literal["gold", "all"]

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the loader's version and the files' content.

        Raises:
            DashpruneError: if a file is missing.
        """
        batches = [self._batch(batch) for batch in (*_TRAIN, *_TEST[self.lineage])]
        gold = [upstream_file(_GRN)] if self.gold else []
        return readers.fingerprint(_VERSION, [_genes_file(), _prior_file(), *batches, *gold])

    def load(self) -> Problem:
        """Read the batches, which differ in length.

        Raises:
            DashpruneError: if a file is missing or damaged.
        """
        genes = readers.read_names(_genes_file(), "gene")
        prior = readers.read_square(_prior_file(), len(genes))
        truth = _base_grn(genes) if self.gold else None
        train = [batch for batch in _TRAIN if batch != self.validation_batch]
        return Problem(
            genes=genes,
            train=self._split(train, genes),
            validation=self._split([self.validation_batch], genes),
            test=self._split(_TEST[self.lineage], genes),
            prior=prior,
            coregulation=coregulation_from_prior(prior),
            truth=truth,
            evaluable=None if truth is None else self._evaluable(truth),
        )

    def _batch(self, batch: int) -> Path:
        return upstream_file(f"{_PATHREG}/trajectories/{_NAMES[self.lineage]}_{batch}_norm.csv")

    def _split(self, batches: list[int] | tuple[int, ...], genes: tuple[str, ...]) -> Split:
        return Split.ragged([_read_batch(self._batch(batch), genes) for batch in batches])

    def _evaluable(self, truth: csr_array) -> Pairs:
        """The gold standard has no column for the genes it did not look at."""
        if self.pairs == "all":
            return Pairs.every(truth.shape[0])
        return Pairs(np.diff(truth.indptr) > 0, truth.sum(axis=0) > 0, loops=True)


def _genes_file() -> Path:
    return upstream_file(f"{_DASH}/hema_gene_names_529.csv")


def _prior_file() -> Path:
    return upstream_file(f"{_DASH}/edge_prior_matrix_hema_529.csv")


def _read_batch(path: Path, genes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(times, genes) expression and (times,) pseudotime, both in [0, 1], of the cells that DASH kept.

    Cells of the same pseudotime (there are two in batch 21 of the monocytes) become one time point, their mean.
    """
    table = readers.read_labelled(path, "\t")
    if tuple(table.columns) != genes:
        raise DashpruneError(f"{path}: row 1 does not list the {len(genes)} genes of the prior; fetch the file again")
    cells = table.iloc[_SKIPPED]
    pseudotime, time_point, number = np.unique(cells.index, return_inverse=True, return_counts=True)
    if len(pseudotime) < 2:
        raise DashpruneError(f"{path} has {len(table)} cells, of which 30 are left out; fetch the file again")
    expression = np.zeros((len(pseudotime), len(genes)))
    np.add.at(expression, time_point, _scaled(cells.to_numpy()))
    return expression / number[:, None], _scaled(pseudotime)


def _scaled(values: np.ndarray) -> np.ndarray:
    """`values` moved and divided such that the least is 0 and the largest 1."""
    return (values - values.min()) / (values.max() - values.min())


def _base_grn(genes: tuple[str, ...]) -> csr_array:
    """PathReg's network among `genes`: a table with a row per regulator and a column per target."""
    table = readers.read_labelled(upstream_file(_GRN), ",")
    regulator, target = np.nonzero(table.to_numpy())
    return readers.edges_between(table.index[regulator], table.columns[target], genes)
