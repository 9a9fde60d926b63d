"""E. coli under stress: measured series (Jozefczuk et al. 2010), edges from RegulonDB (Marbach et al. 2012).

Each condition has three replicates, which are the samples. The files number the time points, but do not say at which
minutes they lie, so the number is the time; a point may be missing. Intensities become log2(intensity + 32), a constant
that keeps those near zero from dominating. Then each gene is brought to 0 to 1 over the training samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from scipy.sparse import csr_array

from dashprune.data import holdout
from dashprune.data.base import Dataset
from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior, scaled
from dashprune.data.published import readers
from dashprune.data.published.locate import upstream_file
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError
from dashprune.seeds import numpy_generator

_VERSION = "ecoli-1"
"""Changes when the same settings and files would give other data."""
_FOLDER = "lab319+GRNs_nonlinear_ODEs/Ecoli"
_SERIES = {"cold": "coldstress", "heat": "heatstress", "lactose": "lactose", "oxidative": "oxidativestress"}
_GOLD = f"{_FOLDER}/DREAM5_NetworkInference_GoldStandard_Network3.tsv"
_NAMES = f"{_FOLDER}/genesInDream5.txt"
_MAP = f"{_FOLDER}/gene_map.txt"
_BACKGROUND = 32.0
"""Added to intensities before the logarithm."""
_NEIGHBOURS = 2
"""Largest distance of two successive b numbers that are taken for one operon."""

Condition = Literal["cold", "heat", "lactose", "oxidative"]


def _once(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if len(set(conditions)) < len(conditions):
        raise PydanticCustomError("once", "name each condition once")
    return conditions


@dataclass(frozen=True)
class Ecoli(Dataset):
    """The E. coli dataset.

    The gold standard lists pairs of 141 regulators and 1,081 genes, of which 135 and 1,034 were measured; these pairs
    are scored, but for loops. It has no signs. No other genes are taken for regulators.

    Attributes:
        conditions: the stresses, whose replicates are the samples.
        genes: "gold" keeps the genes of the gold standard, "all" every measured gene.
        prior: "gold" takes the gold standard, of which `prior_holdout` leaves a part; None for no prior.
        prior_holdout: fraction of its edges that are taken out of the prior; None for none.
        prior_holdout_by: "edges" takes out single edges; "genes" all edges to an operon, whose genes are transcribed
            together: genes of the gold standard whose b numbers, which follow the chromosome, are at most 2 apart.
        validation: number of samples that are not trained on, but choose checkpoint and learning rate; None for none.
        test: number of samples that are held out; None for none.
        seed: of split and prior, each with a stream of its own.
    """

    conditions: Annotated[tuple[Condition, ...], Field(min_length=1), AfterValidator(_once)]
    genes: Literal["gold", "all"]
    prior: Literal["gold"] | None
    prior_holdout: holdout.Fraction | None
    prior_holdout_by: holdout.By
    validation: Annotated[int, Field(ge=1)] | None
    test: Annotated[int, Field(ge=1)] | None
    seed: Annotated[int, Field(ge=0)]

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the loader's version and the files' content.

        Raises:
            DashpruneError: as `load`.
        """
        shared = [upstream_file(relative) for relative in (_GOLD, _NAMES, _MAP)]
        return readers.fingerprint(_VERSION, [*self._files(), *shared])

    def load(self) -> Problem:
        """Read the files, split the samples, scale the genes.

        Raises:
            DashpruneError: if a file is missing or damaged, or nothing would be left to train on.
        """
        numbered, samples = _samples(self._files())
        gold = _gold()
        sources, targets = set(gold["source"]), set(gold["target"])
        listed = _among(numbered, sources | targets)
        chosen = np.flatnonzero(listed | (self.genes == "all"))
        ids = tuple(numbered[k] for k in chosen)
        edges = gold[gold["value"] == 1]
        truth = readers.edges_between(edges["source"], edges["target"], ids)
        genes = _named(ids)
        prior = self._prior(truth, _operons(genes, listed[chosen]))
        kept = Split(samples.expression[:, :, chosen], samples.times)
        parts = kept.three_parts(self.validation, self.test, numpy_generator(self.seed, "split"))
        train, validation, test = scaled(*parts)
        evaluable = Pairs(_among(ids, sources), _among(ids, targets), loops=False)
        regulators = np.flatnonzero(evaluable.sources)
        coregulation = coregulation_from_prior(prior)
        return Problem(genes, train, validation, test, prior, coregulation, truth, evaluable, regulators)

    def _prior(self, truth: csr_array, operons: np.ndarray) -> csr_array:
        """(genes, genes) sparse float32."""
        if self.prior is None:
            return csr_array(truth.shape, dtype=np.float32)
        whole, rng = sparse(truth, np.float32), numpy_generator(self.seed, "holdout")
        return holdout.hold_out(whole, self.prior_holdout, self.prior_holdout_by, rng, operons)

    def _files(self) -> list[Path]:
        """The series, in the order of the conditions."""
        return [upstream_file(f"{_FOLDER}/{_SERIES[name]}.txt") for name in self.conditions]


def _samples(files: list[Path]) -> tuple[tuple[str, ...], Split]:
    """Numbers of the genes, and log2 expression of all replicates, one condition after the other."""
    genes: tuple[str, ...] = ()
    samples: list[tuple[np.ndarray, np.ndarray]] = []
    for path in files:
        table = readers.read_columns(path, "\t")
        times = table.pop(table.columns[0]).to_numpy()
        genes = genes or tuple(table.columns)
        if set(genes) != set(table.columns):
            raise DashpruneError(f"{path} has other genes than {files[0]}; fetch both files again")
        intensity = table[list(genes)].to_numpy()
        if (intensity < 0).any():
            raise DashpruneError(f"{path} has an intensity of {intensity.min():g}; none may be negative")
        replicates = readers.stacked(np.log2(intensity + _BACKGROUND), times)
        known = ~np.isnan(replicates.times)
        samples += [(x[k], t[k]) for x, t, k in zip(replicates.expression, replicates.times, known, strict=True)]
    return genes, Split.ragged(samples)


def _among(genes: tuple[str, ...], names: set[str]) -> np.ndarray:
    """(genes,) bool, whether each gene is one of these."""
    return np.array([gene in names for gene in genes])


def _gold() -> pd.DataFrame:
    """All pairs that the gold standard lists, by the numbers of the genes; value is 1 where it has an edge."""
    return readers.read_pairs(upstream_file(_GOLD), {"1": 1, "0": 0})


def _named(ids: tuple[str, ...]) -> tuple[str, ...]:
    """The names of genes, such as crp for G55; the number where there is no name."""
    table = readers.read_table(upstream_file(_NAMES), ["GENE_ID", "ORF"], separator="\t")
    name = dict(zip(table["GENE_ID"], table["ORF"], strict=True))
    return tuple(name.get(gene, gene) for gene in ids)


def _operons(genes: tuple[str, ...], listed: np.ndarray) -> np.ndarray:
    """(genes,) int, the operon of each gene; a gene that is not `listed`, or has no b number, is one by itself.

    Genes of which nothing is known are no links of a chain: with them, most of the chromosome would be one operon.
    """
    place = _places()
    operon = np.arange(len(genes))
    last, number = -1, -np.inf
    known = [k for k in np.flatnonzero(listed).tolist() if genes[k] in place]
    for k in sorted(known, key=lambda k: place[genes[k]]):
        operon[k] = operon[last] if place[genes[k]] - number <= _NEIGHBOURS else k
        last, number = k, place[genes[k]]
    return operon


def _places() -> dict[str, int]:
    """The b number of each gene name. Lines have more cells than the header, as descriptions hold tabs."""
    path = upstream_file(_MAP)
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise DashpruneError(f"{path} cannot be read ({error.strerror})") from None
    cells = [line.split("\t")[:4] for line in lines]
    if not cells or cells[0][2:] != ["ORF", "synonym"]:
        raise DashpruneError(f"{path}: row 1 must name ORF and synonym in columns 3 and 4; fetch the file again")
    return {
        row[2]: int(row[3][1:]) for row in cells[1:] if len(row) == 4 and row[3][:1] == "b" and row[3][1:].isdigit()
    }
