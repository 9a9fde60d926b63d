"""Yeast: two replicates of the cell cycle (Pramila), every 5 minutes from 0 to 120, without 105.

The first replicate is for training and validation, the second is the test split. Time is in minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from dashprune.data.base import Dataset
from dashprune.data.problem import Pairs, Problem, coregulation_from_prior
from dashprune.data.published import readers
from dashprune.data.published.locate import upstream_file
from dashprune.errors import DashpruneError
from dashprune.seeds import numpy_generator

_VERSION = "yeast-1"
"""Changes when the same settings and files would give other data."""
_PHOENIX = "QuackenbushLab+phoenix/pramila_yeast_data/clean_data"
_DREAM5 = "JBris+dream5_grn_data/s_cerevisiae/s_cerevisiae"


@dataclass(frozen=True)
class Yeast(Dataset):
    """The yeast dataset.

    The prior is the published motif network, which has no signs. Co-regulation is the number of targets that two
    genes share in it, since the published interactions are lost.

    Attributes:
        genes: size of the published gene list; the smaller is part of the larger.
        gold: gold standard. "binding_brent" joins calling cards, ChIP-exo and ChIP-chip: binding alone, the one to
            use. "dream5" is ChIP-chip sites that also have a conserved motif, so that a prior of motifs and whatever
            uses it score well by construction: circular. "inferelator" is a small curated set.
        validation: number of transitions, drawn at random, that are not trained on.
        pairs: "gold" scores the regulators of the gold standard with all genes, "all" all ordered pairs.
        seed: of the split.
    """

    genes: Literal[3551, 500]
    gold: Literal["binding_brent", "dream5", "inferelator"]
    validation: Annotated[int, Field(ge=1)]
    pairs: Literal["gold", "all"]
    seed: Annotated[int, Field(ge=0)]

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the loader's version and the files' content.

        Raises:
            DashpruneError: if a file is missing.
        """
        return readers.fingerprint(_VERSION, [*self._files(), *self._gold_files()])

    def load(self) -> Problem:
        """Read the files and split the transitions of the first replicate.

        Raises:
            DashpruneError: if a file is missing or damaged.
        """
        names, first, second, motifs = self._files()
        genes = readers.read_names(names, "x")
        observed = readers.read_trajectories(first, len(genes)).single()
        train, validation = observed.divide(self.validation, numpy_generator(self.seed, "split"))
        table = readers.read_table(motifs, ["reg", "aff"])
        prior = readers.edges_between(table["reg"], table["aff"], genes)
        truth = _GOLD[self.gold][0](*self._gold_files(), genes)
        return Problem(
            genes=genes,
            train=train,
            validation=validation,
            test=readers.read_trajectories(second, len(genes)),
            prior=prior,
            coregulation=coregulation_from_prior(prior),
            truth=truth,
            evaluable=Pairs.every(len(genes)) if self.pairs == "all" else Pairs.of_regulators(truth),
        )

    def _files(self) -> tuple[Path, ...]:
        """Gene names, first and second replicate, prior."""
        names = (
            f"pramila{self.genes}_gene_names.csv",
            f"pramila_{self.genes}genes_1sample_24T.csv",
            f"pramila_{self.genes}genes_1VALsample_24T.csv",
            "motif_prior.csv",
        )
        return tuple(upstream_file(f"{_PHOENIX}/{name}") for name in names)

    def _gold_files(self) -> tuple[Path, ...]:
        return tuple(upstream_file(relative) for relative in _GOLD[self.gold][1])


def _binding_brent(path: Path, genes: tuple[str, ...]) -> csr_array:
    table = readers.read_table(path, ["REGULATOR", "TARGET"], separator="\t")
    return readers.edges_between(table["REGULATOR"], table["TARGET"], genes)


def _dream5(edges: Path, names: Path, genes: tuple[str, ...]) -> csr_array:
    """Its edges are between numbered genes, of which the second file gives the names."""
    table, known = readers.read_table(edges, ["from", "to"]), readers.read_table(names, ["#ID", "Name"])
    name = dict(zip(known["#ID"], known["Name"], strict=True))
    unknown = [number for number in (*table["from"], *table["to"]) if number not in name]
    if unknown:
        raise DashpruneError(f"{edges} names gene '{unknown[0]}', which is not in {names}; fetch both files again")
    return readers.edges_between(table["from"].map(name), table["to"].map(name), genes)


def _inferelator(path: Path, genes: tuple[str, ...]) -> csr_array:
    """A table with a row per target, a column per regulator and signs."""
    table = readers.read_labelled(path, "\t")
    target, regulator = np.nonzero(table.to_numpy())
    return readers.edges_between(table.columns[regulator], table.index[target], genes)


_GOLD: dict[str, tuple[Callable[..., csr_array], tuple[str, ...]]] = {
    "binding_brent": (_binding_brent, ("BrentLab+NET-evaluation/metadata/yeast/reg_target_cc_exo_chip_exclusive.txt",)),
    "dream5": (_dream5, (f"{_DREAM5}_gold_standard.csv", f"{_DREAM5}_gene_ids.csv")),
    "inferelator": (_inferelator, ("flatironinstitute+inferelator/data/yeast/gold_standard.tsv",)),
}
"""Reader and files of each gold standard."""
