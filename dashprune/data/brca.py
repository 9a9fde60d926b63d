"""BRCA: breast cancer tumours (Desmedt) in the order of a pseudotime, as one trajectory of 186 points.

Eight successive points in its middle are held out. The other 178 are the published training file; its transition across
the gap is dropped, so that nothing is learned from the held-out points or over them (METHODS 7, bug 16).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.sparse import csr_array, tril

from dashprune.data.base import Dataset
from dashprune.data.problem import Pairs, Problem, Split
from dashprune.data.published import readers
from dashprune.data.published.locate import upstream_file
from dashprune.errors import DashpruneError
from dashprune.seeds import numpy_generator

_VERSION = "brca-1"
"""Changes when the same settings and files would give other data."""
BLOCKS = 3
"""Runs of successive transitions that a split by blocks holds out."""
_FOLDER = "breast_cancer_data/clean_data"
_PHOENIX = f"QuackenbushLab+phoenix/{_FOLDER}"
_CHIP = f"QuackenbushLab+DASH/{_FOLDER}/otter_chip_val_clean.csv"
_INTERACTIONS = f"QuackenbushLab+DASH/{_FOLDER}/PPI_matrix_desmedt_11165.csv"
_ALL_GENES = f"{_PHOENIX}/desmedt_gene_names_11165.csv"
"""The genes that the interactions count."""


@dataclass(frozen=True)
class Brca(Dataset):
    """The BRCA dataset.

    The prior (motifs) is |published|, whose signs are random. Co-regulation is the protein interactions, of which the
    published file holds the lower triangle, mirrored and scaled to sum 1. The gold standard is ChIP-seq.

    Attributes:
        genes: size of the published gene list. The sizes are nested.
        validation: number of transitions that are not trained on.
        split: how they are chosen. "published": at random, one by one, so that nearly all of their points are ends of
            transitions that are trained on, too. "blocks": as three runs of successive ones at random places, and the
            transitions that share a point with them are not trained on either.
        pairs: "gold" scores the regulators of the gold standard with all genes (500 genes: 7 x 500 pairs); "all"
            scores all ordered pairs, as published, where most of a score comes from knowing who regulates at all.
        seed: of the split.
    """

    genes: Literal[500, 2000, 11165]
    validation: Annotated[int, Field(ge=1)]
    split: Literal["published", "blocks"]
    pairs: Literal["gold", "all"]
    seed: Annotated[int, Field(ge=0)]

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the loader's version and the files' content.

        Raises:
            DashpruneError: as `load`.
        """
        return readers.fingerprint(_VERSION, self._files())

    def load(self) -> Problem:
        """Read the files and split the transitions.

        The test split is one trajectory: the last point before the gap, observed in training too, then the eight
        held-out points.

        Raises:
            DashpruneError: if a file is missing or damaged.
        """
        names, observed, held_out, prior, chip, all_names, interactions = self._files()
        genes = readers.read_names(names, "gene")
        fitted, test = _split(observed, held_out, len(genes))
        rng = numpy_generator(self.seed, "split")
        divide = fitted.divide if self.split == "published" else partial(_divide_by_blocks, fitted)
        train, validation = divide(self.validation, rng)
        measured = readers.read_table(chip, ["from", "to"])
        truth = readers.edges_between(measured["from"], measured["to"], genes)
        return Problem(
            genes=genes,
            train=train,
            validation=validation,
            test=test,
            prior=abs(readers.read_square(prior, len(genes))),
            coregulation=_interactions(interactions, readers.read_names(all_names, "gene"), genes),
            truth=truth,
            evaluable=Pairs.every(len(genes)) if self.pairs == "all" else Pairs.of_regulators(truth),
        )

    def _files(self) -> tuple[Path, ...]:
        """Gene names, training and test expression, prior, ChIP, names of the interactions' genes, interactions."""
        size = self.genes
        own = (
            f"{_PHOENIX}/desmedt_gene_names_{size}.csv",
            f"{_PHOENIX}/desmedt_{size}genes_1sample_178T.csv",
            f"{_PHOENIX}/desmedt_{size}genes_1TESTsample_8middleT.csv",
            f"{_PHOENIX}/edge_prior_matrix_desmedt_{size}.csv",
        )
        return tuple(upstream_file(relative) for relative in (*own, _CHIP, _ALL_GENES, _INTERACTIONS))


def _split(path: Path, held_out_path: Path, genes: int) -> tuple[Split, Split]:
    """Every transition that does not cross the gap, each as a trajectory of its own; and the test split."""
    observed, held_out = (readers.read_trajectories(file, genes) for file in (path, held_out_path))
    times, middle = observed.times[0], held_out.times[0]
    after = int(np.searchsorted(times, middle[0]))
    if not 0 < after < len(times) or times[after] <= middle[-1]:
        raise DashpruneError(
            f"{path} must have times before and after the held-out ones ({middle[0]:g} to {middle[-1]:g}) and none "
            f"among them; fetch the published file again"
        )
    fitted = observed.single().take(np.delete(np.arange(len(times) - 1), after - 1))
    start = slice(after - 1, after)
    expression = np.concatenate([observed.expression[:, start], held_out.expression], axis=1)
    return fitted, Split(expression, np.concatenate([observed.times[:, start], held_out.times], axis=1))


def _divide_by_blocks(fitted: Split, number: int, rng: np.random.Generator) -> tuple[Split, Split]:
    """Training and validation transitions; `number` of the latter, in three blocks that are nowhere near each other.

    Args:
        fitted: transitions in the order of pseudotime, each as a trajectory of its own.
        number: of transitions to hold out.
        rng: source of the blocks' places, which leave at least one transition between them.
    """
    lengths = [len(part) for part in np.array_split(np.arange(number), min(BLOCKS, number))]
    spare = len(fitted.times) - number - 3 * len(lengths)
    if spare < 0:
        raise DashpruneError(
            f"dataset.validation={number} in blocks leaves none of {len(fitted.times)} transitions to train on; "
            f"give at most {len(fitted.times) - 3 * BLOCKS}"
        )
    before = np.diff(np.sort(rng.integers(0, spare + 1, len(lengths))), prepend=0)
    starts = np.cumsum(before + 3) - 2 + np.concatenate([[0], np.cumsum(lengths)[:-1]])
    held_out = np.concatenate([np.arange(start, start + size) for start, size in zip(starts, lengths, strict=True)])
    validation = fitted.take(held_out)
    return fitted.take(np.flatnonzero(~np.isin(fitted.times, validation.times).any(axis=1))), validation


def _interactions(path: Path, all_genes: tuple[str, ...], genes: tuple[str, ...]) -> csr_array:
    """P + Pᵀ - diag(P) among `genes`, scaled to sum 1, from lines "i,j,weight" that count `all_genes` from 1."""
    rows = readers.read_matrix(path)
    readers.check_finite(path, rows, first_row=1)
    if rows.shape[1] != 3 or not np.isin(rows[:, :2], np.arange(1, len(all_genes) + 1)).all():
        raise DashpruneError(
            f"{path} must have three columns: two genes, as numbers from 1 to {len(all_genes)}, and a weight; "
            f"fetch the published file again"
        )
    i, j = rows[:, :2].astype(np.int64).T - 1
    lower = csr_array((rows[:, 2], (i, j)), shape=(len(all_genes), len(all_genes)))
    chosen = pd.Index(all_genes).get_indexer(pd.Index(genes))
    interactions = csr_array(lower + tril(lower, -1).T)[chosen][:, chosen]
    return interactions / interactions.sum()
