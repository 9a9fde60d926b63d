"""Which pathways hold the genes that a network makes most of: influence per gene, and a permutation test per pathway.

Influence of gene i: Σ over the other genes j of |E_ij| / Σ_i' |E_i'j|, the share of j's regulation that comes from i.
Every target counts the same, whatever its scale, and nothing has to be solved, so that scores of strategies can be
compared and those of seeds averaged. PHOENIX (Hossain et al., Genome Biology 25:127, 2024) scores a gene by what
becomes of all others when its value alone is changed, see dashprune.analysis.perturbation; there, genes that change
fast count for more.

The test is PHOENIX's: the mean influence of a pathway's genes, against that of as many genes drawn at random among
those that are in some gene set (genes in no set may differ from all others just by being little studied). It is
one-sided: more influence than at random. The mean and variance of such draws are known, so that z is exact; the
variance is σ²/m · (n - m)/(n - 1) for m of n genes. p counts permutations, (b + 1) / (N + 1), and decides. p of the
normal distribution is given beside it; for a small set, where few genes have most of the influence, that one is far
too small.

What the test does not know: genes of a pathway are not independent, which makes all such p too small (Goeman and
Bühlmann, Bioinformatics 23:980, 2007); and a strategy that keeps a prior's edges finds the pathways of its regulators.
So every table has z of the prior itself, `z_prior`: what stands there needed no training.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.stats import false_discovery_control, norm

from dashprune import escaping
from dashprune.analysis.grouping import by
from dashprune.analysis.perturbation import perturbation_influence
from dashprune.data.gene_sets import GeneSet
from dashprune.data.sparse import dense
from dashprune.errors import DashpruneError
from dashprune.metrics import relative_effect
from dashprune.models.effects import effects_on, target_blocks
from dashprune.runs.finished import reported
from dashprune.seeds import numpy_generator

ALPHA = 0.05
"""Family-wise error rate, after Bonferroni, below which a pathway is significant; as in the DASH paper's figures."""
_TOGETHER = 1024
"""Permutations that are drawn together; with more, the genes' values no longer fit into a processor's cache."""
_EQUAL = 1e-9
"""Relative difference of two sums of influence below which they are the same but for rounding."""


@dataclass(frozen=True)
class Rules:
    """What is tested, and how.

    Attributes:
        smallest: genes that a set must have in the network; the mean of fewer says more of the gene than of the set.
        largest: genes that it may have; larger sets ("Metabolism") are no pathways, and permutations of them are slow.
        permutations: N. Their number limits how small p can be: 100,000 are enough for almost 5,000 sets.
        background: "annotated" draws random sets from the genes that are in some gene set, "all" from all genes.
        seed: of the permutations.
    """

    smallest: int = 5
    largest: int = 500
    permutations: int = 100_000
    background: Literal["annotated", "all"] = "annotated"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.smallest <= self.largest:
            raise DashpruneError(
                f"sizes of gene sets: {self.smallest} to {self.largest} is no range; the smallest must be at least 1 "
                f"and at most the largest"
            )


Kind = Literal["share", "perturbation"]
"""Of influence: a share of the regulation of others, or the change of others after a perturbation; see above."""


class Influence(NamedTuple):
    """Influence of genes on others; see above.

    Attributes:
        genes: their names.
        scores: (genes,) float64, in a network, or the mean over several.
        prior: (genes,) float64, in the prior network; always a share, since that has no dynamics.
    """

    genes: tuple[str, ...]
    scores: np.ndarray
    prior: np.ndarray


class Selection(NamedTuple):
    """The gene sets that are tested.

    Attributes:
        background: (n,) int, the genes from which random sets are drawn, as places in the network.
        members: (sets, n) sparse float64, 1 where the gene is in the set.
        table: a row per set: `pathway`, `genes` (how many the network has), `listed` (how many the set has), and
            `same`, names of sets with the same genes of the network, which are not tested again.
        text: how many genes and sets were found, tested and left out.
    """

    background: np.ndarray
    members: csr_array
    table: pd.DataFrame
    text: str


def influence(network: Callable[[slice], np.ndarray], genes: int) -> np.ndarray:
    """Influence of each gene on the others; see above.

    Args:
        network: gives (genes, targets), the effect of all genes on some targets, row regulates column.
        genes: how many.

    Returns:
        (genes,) float64, non-negative, in targets: a gene that alone regulates three others has 3. Zeros without edges.
    """
    total = np.zeros(genes)
    for targets in target_blocks(genes):
        share = relative_effect(network(targets).astype(np.float64))
        own = np.arange(targets.start, targets.stop)
        share[own, own - targets.start] = 0
        total += share.sum(axis=1)
    return total


def mean_influence(runs: Sequence[Path], kind: Kind = "share") -> Influence:
    """Influence averaged over finished runs, such as a strategy's seeds.

    Args:
        runs: their folders, at least one. A run without edges adds none.
        kind: of influence in the network.

    Raises:
        DashpruneError: if a run is not finished, genes differ, or no run has an edge between two genes.
    """
    found = [_influence_of(run, kind) for run in runs]
    for run, one in zip(runs, found, strict=True):
        if one.genes != found[0].genes:
            raise DashpruneError(f"{run} has other genes than {runs[0]}; average over runs on the same dataset only")
    mean = np.mean([one.scores for one in found], axis=0)
    if not mean.any():
        raise DashpruneError(f"{runs[0]}: the network has no edge between two genes, so that no gene has any influence")
    return found[0]._replace(scores=mean)


def select(sets: Sequence[GeneSet], genes: Sequence[str], rules: Rules) -> Selection:
    """Restrict gene sets to the genes of a network, and keep those of the right size, each once.

    A gene that stands for several, "A /// B" as microarrays name them, is in a set that has any of these, unless the
    network has that name by itself. Of sets with the same genes, the one that lists fewest is tested.

    Raises:
        DashpruneError: if no gene is in any set, or no set has the right size.
    """
    found = _places(sets, genes)
    annotated = sorted(frozenset().union(*found))
    if not annotated:
        theirs = next((gene for one in sets for gene in one.genes), "")
        raise DashpruneError(
            f"none of the network's {len(genes)} genes, such as '{genes[0]}', is in a gene set; these have genes such "
            f"as '{theirs}'; give sets with the names of the network"
        )
    background = np.array(annotated if rules.background == "annotated" else range(len(genes)))
    alike = _alike(sets, found, len(background), rules)
    if not alike:
        raise DashpruneError(
            f"none of {len(sets)} gene sets has {rules.smallest} to {rules.largest} of the network's genes and leaves "
            f"others to compare with ({len(background)} genes in all); change --min-size, --max-size or --background"
        )
    text = _found(found, len(genes), len(alike), rules)
    return Selection(background, _members(list(alike), background), _table(sets, alike), text)


def _places(sets: Sequence[GeneSet], genes: Sequence[str]) -> list[frozenset[int]]:
    """For each set the places of its genes in the network."""
    index = {alias: k for k, gene in enumerate(genes) for alias in gene.split(" /// ")}
    index |= {gene: k for k, gene in enumerate(genes)}
    return [frozenset(index[gene] for gene in one.genes if gene in index) for one in sets]


def _alike(
    sets: Sequence[GeneSet], found: Sequence[frozenset[int]], genes: int, rules: Rules
) -> dict[frozenset[int], list[int]]:
    """The sets of the right size, by the genes of the network that they have; the one that lists fewest comes first."""
    fitting = [k for k, members in enumerate(found) if rules.smallest <= len(members) <= rules.largest]
    tested = [k for k in fitting if len(found[k]) < genes]
    return by(sorted(tested, key=lambda k: len(sets[k].genes)), lambda k: found[k])


def enrichment(found: Influence, selection: Selection, rules: Rules) -> pd.DataFrame:
    """The permutation test of every selected set; see above.

    Args:
        found: influence of every gene of the network.
        selection: of gene sets.
        rules: number and seed of the permutations.

    Returns:
        A row per set, the largest z first: the columns of `selection.table`, `influence` (the mean over its genes), `z`
        (0 where all genes have the same influence), `z_prior` (of the prior), `p` by permutation, `p_normal` by z,
        `bonferroni` and `bh` (p adjusted for all sets, the latter after Benjamini and Hochberg) and `significant`.

    Raises:
        DashpruneError: if even the smallest p that can be reached would not be significant.
    """
    table, tests = selection.table.copy(), len(selection.table)
    if tests >= ALPHA * (rules.permutations + 1):
        raise DashpruneError(
            f"{rules.permutations} permutations are too few for {tests} gene sets, of which none could be significant; "
            f"use --permutations {math.ceil(tests / ALPHA)} or more"
        )
    values, size = found.scores[selection.background], table["genes"].to_numpy()
    table["influence"] = selection.members @ values / size
    table["z"] = _z(values, selection.members)
    table["z_prior"] = _z(found.prior[selection.background], selection.members)
    table["p"] = (_reached(values, size, selection.members @ values, rules) + 1) / (rules.permutations + 1)
    table["p_normal"] = norm.sf(table["z"])
    table["bonferroni"] = np.minimum(table["p"] * tests, 1)
    table["bh"] = false_discovery_control(table["p"], method="bh")
    table["significant"] = table["bonferroni"] < ALPHA
    return table.sort_values(["z", "pathway"], ascending=[False, True], ignore_index=True)


def analysis(
    runs: Sequence[Path], sets: Sequence[GeneSet], rules: Rules, influence: Kind = "share"
) -> tuple[pd.DataFrame, str]:
    """The test of the influence averaged over finished runs.

    Args:
        runs: their folders.
        sets: gene sets, see `dashprune.data.gene_sets.load`.
        rules: what is tested, and how.
        influence: of genes, which kind.

    Returns:
        The table of `enrichment`, and the text of `Selection`.

    Raises:
        DashpruneError: see `mean_influence`, `select` and `enrichment`.
    """
    found = mean_influence(runs, influence)
    selection = select(sets, found.genes, rules)
    return enrichment(found, selection, rules), selection.text


def strategies(
    runs: Mapping[str, Sequence[Path]],
    sets: Sequence[GeneSet],
    rules: Rules | None = None,
    influence: Kind = "share",
) -> dict[str, pd.DataFrame]:
    """The test for each of several strategies, of the influence averaged over its runs.

    Args:
        runs: for each strategy the folders of its finished runs.
        sets: gene sets, see `dashprune.data.gene_sets.load`.
        rules: what is tested, and how; those of `Rules()` if None.
        influence: of genes, which kind.

    Returns:
        For each strategy the table of `enrichment`.

    Raises:
        DashpruneError: see `analysis`.
    """
    return {name: analysis(folders, sets, rules or Rules(), influence)[0] for name, folders in runs.items()}


def top(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """The `count` sets with the largest z, for a figure: pathway, genes, z and z_prior, p, adjusted p, significant."""
    return table.head(count)[["pathway", "genes", "z", "z_prior", "p", "bonferroni", "bh", "significant"]]


def markdown(table: pd.DataFrame, count: int) -> str:
    """`top` as a Markdown table, z with a star where it is significant."""
    shown = top(table, count)
    cells = {
        "pathway": list(shown["pathway"]),
        "genes": list(shown["genes"]),
        "z": [f"{z:.2f}{' *' if star else ''}" for z, star in zip(shown["z"], shown["significant"], strict=True)],
        "z_prior": [f"{z:.2f}" for z in shown["z_prior"]],
        **{name: [f"{value:.2g}" for value in shown[name]] for name in ("p", "bonferroni", "bh")},
    }
    return escaping.markdown(pd.DataFrame(cells))


def _influence_of(run: Path, kind: Kind) -> Influence:
    """In the network of a finished run, and in its prior."""
    problem, model, solver = reported(run)
    genes = len(problem.genes)
    if kind == "perturbation":
        scores = perturbation_influence(model, solver, problem)
    else:
        scores = influence(functools.partial(effects_on, model), genes)
    return Influence(problem.genes, scores, influence(functools.partial(dense, problem.prior), genes))


def _z(values: np.ndarray, members: csr_array) -> np.ndarray:
    """(sets,) z of the mean over each set's members, (sets, n), of (n,) values; 0 where all values are the same."""
    size, n = members.sum(axis=1), len(values)
    if values.std() <= _EQUAL * values.mean():
        return np.zeros(len(size))
    variance = values.var() / size * (n - size) / (n - 1)
    return (members @ values / size - values.mean()) / np.sqrt(variance)


def _reached(values: np.ndarray, sizes: np.ndarray, sums: np.ndarray, rules: Rules) -> np.ndarray:
    """How many of N random sets of a set's size have at least its sum.

    A random order serves all sizes, by its cumulative sums. Only as many of its places are drawn as the largest set
    takes, by the first steps of Fisher and Yates' shuffle; these give a random order whatever the order before.

    Args:
        values: (n,) non-negative.
        sizes: (sets,) int.
        sums: (sets,) of the values of each set.
        rules: number and seed of the permutations.

    Returns:
        (sets,) int.
    """
    generator = numpy_generator(rules.seed, "pathways")
    orders = np.tile(values[:, None], (1, _TOGETHER))  # a column per permutation
    each, least, count = np.arange(_TOGETHER), sums * (1 - _EQUAL), np.zeros(len(sums), dtype=np.int64)
    for done in range(0, rules.permutations, _TOGETHER):
        for place in range(sizes.max()):
            other = generator.integers(place, len(values), _TOGETHER)
            drawn = orders[other, each]
            orders[other, each] = orders[place]
            orders[place] = drawn
        random = orders[: sizes.max(), : rules.permutations - done].cumsum(axis=0)
        count += (random[sizes - 1] >= least[:, None]).sum(axis=1)
    return count


def _members(sets: Sequence[frozenset[int]], background: np.ndarray) -> csr_array:
    """(sets, n) sparse float64, 1 where the gene is in the set."""
    ends = np.cumsum([0, *(len(members) for members in sets)])
    places = np.searchsorted(background, [gene for members in sets for gene in sorted(members)])
    return csr_array((np.ones(len(places)), places, ends), shape=(len(sets), len(background)))


def _table(sets: Sequence[GeneSet], alike: Mapping[frozenset[int], Sequence[int]]) -> pd.DataFrame:
    """A row per tested set, which is the first of those that are alike."""
    columns = {
        "pathway": [sets[k].name for k, *_ in alike.values()],
        "genes": [len(members) for members in alike],
        "listed": [len(sets[k].genes) for k, *_ in alike.values()],
        "same": ["; ".join(sets[k].name for k in others) for _, *others in alike.values()],
    }
    return pd.DataFrame(columns)


def _found(found: Sequence[frozenset[int]], genes: int, tested: int, rules: Rules) -> str:
    """Says how many genes are in some set, and what became of the sets."""
    sizes = [len(members) for members in found]
    small, large = sum(size < rules.smallest for size in sizes), sum(size > rules.largest for size in sizes)
    return (
        f"{len(frozenset().union(*found)):,} of {genes:,} genes are in some set; {tested:,} of {len(found):,} sets are "
        f"tested; left out: {small:,} with fewer than {rules.smallest} of these genes, {large:,} with more than "
        f"{rules.largest}, {len(found) - small - large - tested:,} with the same genes as another, or all of them"
    )
