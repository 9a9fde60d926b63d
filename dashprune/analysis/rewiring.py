"""How networks differ: which edges they share, whose hubs gain or lose targets, which genes are rewired.

A network here is what several runs of the same have in common, such as those of seeds or bootstrap samples; it may be
one run. With at least two runs of each of two networks, differences are tested by permutation: the runs are dealt out
anew, and a p is the share of deals that differ at least as much (adjusted after Benjamini and Hochberg, for genes).
Runs of seeds or bootstrap samples see the same cells, so such a p says whether training could make that difference,
not whether other animals would show it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.stats import false_discovery_control

from dashprune import escaping, files
from dashprune.analysis import grouping
from dashprune.errors import DashpruneError, say
from dashprune.runs import results
from dashprune.seeds import numpy_generator

DEALS = 5000
"""Ways to deal out the runs that are tried at most; beyond it they are drawn at random."""
_COLUMNS = ("gene", "difference", "shared", "rewired", "union", "p", "p_adjusted")
"""Of tables that have a column for each network, too."""
_MOST_EDGES = 20_000_000
"""Of all networks together; more do not fit into a laptop's memory."""


class Group(NamedTuple):
    """Runs that stand for one network.

    Attributes:
        name: by which it is told from others.
        networks: of each run, its `source`, `target` and `effect`.
    """

    name: str
    networks: Sequence[pd.DataFrame]


class Rewiring(NamedTuple):
    """What differs between networks.

    Attributes:
        names: of the networks.
        runs: how many stand for each.
        edges: a row per edge of any: `source`, `target`, and for each network the share of its runs that kept the edge
            (`kept NAME`) and the mean effect over these (`effect NAME`); `in`, the networks of which at least half of
            the runs kept it, and `sign_differs`, whether they disagree on its sign.
        pairs: a row per pair of networks: `first`, `second`, `shared`, `only_first`, `only_second`, `jaccard`
            (shared edges over those of either), `by_chance` (that of networks whose regulators have as many targets,
            drawn at random), `same_sign` (share of shared edges), `p`.
        hubs: a row per gene that regulates in any: its number of targets in each network (mean over runs),
            `difference` (largest minus smallest), `p` and `p_adjusted`.
        targets: a row per gene that is regulated in any: its number of regulators in each network, `shared` by all,
            `rewired` (1 - shared over those of any), `p` and `p_adjusted`.
    """

    names: Sequence[str]
    runs: Sequence[int]
    edges: pd.DataFrame
    pairs: pd.DataFrame
    hubs: pd.DataFrame
    targets: pd.DataFrame


def read(folders: Sequence[Sequence[Path]], names: Sequence[str | None]) -> list[Group]:
    """Networks of runs that are done.

    Args:
        folders: of each network its runs.
        names: of networks; None for what tells its runs from the others'.

    Raises:
        DashpruneError: if a run is not done, is a control's, has no edges, or is named twice, or two names are equal.
    """
    rows = [[_row(folder) for folder in own] for own in folders]
    everything = [folder.resolve() for own in folders for folder in own]
    if len(set(everything)) < len(everything):
        twice = next(folder for k, folder in enumerate(everything) if folder in everything[:k])
        raise DashpruneError(f"run {twice.name} is named twice; give different runs")
    told = _told([own[0] for own in rows])
    called = [name or other for name, other in zip(names, told, strict=True)]
    reserved = [name for name in called if name in _COLUMNS]
    if reserved:
        raise DashpruneError(f"a network cannot be called '{reserved[0]}', as a column is; give it another name")
    if len(set(called)) < len(called):
        raise DashpruneError(f"two networks are called '{called[0]}'; name each: first=RUN second=RUN")
    groups = [Group(name, [_network(folder) for folder in own]) for name, own in zip(called, folders, strict=True)]
    if sum(len(network) for group in groups for network in group.networks) > _MOST_EDGES:
        raise DashpruneError("these networks are too dense to be compared; prune more, or give fewer runs")
    return groups


def _row(folder: Path) -> results.Result:
    row = results.load(folder)
    if row is None:
        raise DashpruneError(f"{folder} holds no result.json; finish the run")
    if "model" not in row["config"]:
        raise DashpruneError(f"{folder} is a control's, which keeps no network; give runs that train a model")
    return row


def _told(rows: Sequence[results.Result]) -> list[str]:
    """What each row is called: the names and settings in which it differs from others, or its id."""
    kinds = [grouping.kind(row) for row in rows]
    varying = [k for k in range(len(grouping.NAMES)) if len({kind.names[k] for kind in kinds}) > 1]
    parts = [
        [*(kind.names[k] for k in varying), label] for kind, label in zip(kinds, grouping.labels(kinds), strict=True)
    ]
    texts = [" ".join(part for part in own if part) for own in parts]
    same = len(set(texts)) < len(texts)
    return [f"{text} {row['id']}".strip() if same else text for text, row in zip(texts, rows, strict=True)]


def _network(folder: Path) -> pd.DataFrame:
    table = results.read_network(folder)
    if table.empty:
        raise DashpruneError(f"{folder} has no edges, so there is nothing to compare")
    if (number := int(_row(folder)["edges"])) > len(table):
        say(f"{folder} lists the {len(table):,} strongest of {number:,} edges, which are compared")
    return table[["source", "target", "effect"]]


def compare(groups: Sequence[Group]) -> Rewiring:
    """Compare at least two networks.

    Raises:
        DashpruneError: if they have no gene in common.
    """
    own = [set(pd.unique(pd.concat(group.networks)[["source", "target"]].to_numpy().ravel())) for group in groups]
    if not set.intersection(*own):
        raise DashpruneError("these networks have no gene in common; genes are matched by exact name")
    genes = sorted(set.union(*own))
    place = pd.Series(range(len(genes)), index=genes)
    runs = [[_matrix(network, place) for network in group.networks] for group in groups]
    kept = [sum((run != 0).astype(np.float64) for run in of) / len(of) for of in runs]
    network = [_half(share) for share in kept]
    effect = [_mean_effect(of, share) for of, share in zip(runs, kept, strict=True)]
    names, numbers = [group.name for group in groups], [len(of) for of in runs]
    tested = _Test(runs) if len(runs) == 2 and min(numbers) > 1 else None
    edges = _edges(genes, names, kept, effect, network)
    pairs = _pairs(names, network, effect, None if tested is None else tested.whole())
    hubs = _hubs(genes, names, runs, tested)
    return Rewiring(names, numbers, edges, pairs, hubs, _targets(genes, names, runs, network, tested))


def _matrix(network: pd.DataFrame, place: pd.Series) -> csr_array:
    """(genes, genes) effects, row regulates column."""
    where = place[network["source"]].to_numpy(), place[network["target"]].to_numpy()
    return csr_array((network["effect"].to_numpy(), where), shape=(len(place), len(place)))


def _half(share: csr_array) -> csr_array:
    """(genes, genes) 1 where at least half of the runs kept an edge, else 0."""
    found = share.copy()
    found.data = (found.data >= 0.5).astype(np.float64)
    found.eliminate_zeros()
    return found


def _mean_effect(runs: Sequence[csr_array], share: csr_array) -> csr_array:
    """Over the runs that kept an edge."""
    number = share.copy()
    number.data = 1 / (number.data * len(runs))
    return sum(runs[1:], runs[0]).multiply(number).tocsr()


def _edges(
    genes: Sequence[str], names: Sequence[str], kept: list[csr_array], effect: list[csr_array], network: list[csr_array]
) -> pd.DataFrame:
    source, target = sum(kept[1:], kept[0]).nonzero()
    values = {f"kept {name}": share[source, target] for name, share in zip(names, kept, strict=True)}
    effects = {f"effect {name}": own[source, target] for name, own in zip(names, effect, strict=True)}
    inside = np.stack([own[source, target] for own in network]) > 0
    signs = np.where(inside, np.sign(np.stack(list(effects.values()))), 0)
    table = pd.DataFrame({"source": np.array(genes)[source], "target": np.array(genes)[target], **values, **effects})
    table["in"] = ["; ".join(itertools.compress(names, own)) for own in inside.T]
    table["sign_differs"] = np.asarray((signs > 0).any(axis=0) & (signs < 0).any(axis=0))
    size = np.abs(np.stack(list(effects.values()))).max(axis=0)
    order = np.lexsort((-size, -inside.sum(axis=0)))
    return table.iloc[order].reset_index(drop=True)


def _pairs(names: Sequence[str], network: list[csr_array], effect: list[csr_array], p: float | None) -> pd.DataFrame:
    rows = []
    for one, other in itertools.combinations(range(len(names)), 2):
        both = network[one].multiply(network[other]).tocsr()
        shared, first, second = both.nnz, network[one].nnz, network[other].nnz
        alike = (effect[one].multiply(effect[other]).multiply(both) > 0).nnz
        rows.append({
            "first": names[one], "second": names[other], "shared": shared,
            "only_first": first - shared, "only_second": second - shared,
            "jaccard": shared / max(first + second - shared, 1), "by_chance": _by_chance(network[one], network[other]),
            "same_sign": alike / shared if shared else math.nan, "p": math.nan if p is None else p,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _by_chance(one: csr_array, other: csr_array) -> float:
    """Jaccard index to expect where every regulator's targets are drawn at random from all that have a regulator."""
    targets = len(np.union1d(one.nonzero()[1], other.nonzero()[1]))
    shared = float((one.sum(axis=1) * other.sum(axis=1)).sum()) / max(targets, 1)
    return shared / max(one.nnz + other.nnz - shared, 1)


def _hubs(
    genes: Sequence[str], names: Sequence[str], runs: list[list[csr_array]], tested: _Test | None
) -> pd.DataFrame:
    degrees = np.stack([np.mean([(run != 0).sum(axis=1) for run in of], axis=0) for of in runs])
    table = pd.DataFrame({"gene": genes, **dict(zip(names, degrees, strict=True))})
    table["difference"] = np.ptp(degrees, axis=0)
    if tested is not None:
        table["p"] = tested.hubs()
    return _ranked(table, np.asarray(degrees.any(axis=0)), "difference")


def _targets(
    genes: Sequence[str],
    names: Sequence[str],
    runs: list[list[csr_array]],
    network: list[csr_array],
    tested: _Test | None,
) -> pd.DataFrame:
    degrees = np.stack([np.mean([(run != 0).sum(axis=0) for run in of], axis=0) for of in runs])
    inside = sum(network[1:], network[0])
    shared, union = (np.asarray((inside >= least).sum(axis=0)) for least in (len(network), 1))
    table = pd.DataFrame({"gene": genes, **dict(zip(names, degrees, strict=True)), "shared": shared})
    table["rewired"] = 1 - shared / np.maximum(union, 1)
    if tested is not None:
        table["p"] = tested.targets()
    return _ranked(table.assign(union=union), np.asarray(union > 0), "rewired", "union").drop(columns="union")


def _ranked(table: pd.DataFrame, there: np.ndarray, *by: str) -> pd.DataFrame:
    """Only genes that are there, those that differ most first, with p adjusted for their number."""
    table = table[there].copy()
    if "p" in table and len(table):
        table["p_adjusted"] = false_discovery_control(table["p"])
    return table.sort_values(list(by), ascending=False, kind="stable", ignore_index=True)


class _Test:
    """Two networks' runs, dealt out anew to groups of the same sizes; the first deal is the true one."""

    def __init__(self, runs: list[list[csr_array]]) -> None:
        self.runs = [run != 0 for of in runs for run in of]
        number, self.first = len(self.runs), len(runs[0])
        if math.comb(number, self.first) <= DEALS:
            deals: Iterable[Sequence[int]] = itertools.combinations(range(number), self.first)
        else:
            generator = numpy_generator(0, "rewiring")
            drawn = (generator.permutation(number)[: self.first].tolist() for _ in range(DEALS - 1))
            deals = itertools.chain([list(range(self.first))], drawn)
        chosen = [np.isin(np.arange(number), list(deal)) for deal in deals]
        self.deals = np.array(chosen, dtype=np.float64)  # (deals, runs), 1 for the first group
        ends = list(itertools.combinations(range(number), 2))
        self.ends = np.array(ends)
        apart = [_distances(self.runs[one], self.runs[other]) for one, other in ends]
        self.by_target, self.overall = np.stack([one for one, _ in apart]), np.array([whole for _, whole in apart])

    def whole(self) -> float:
        """p of the networks as a whole: runs are farther apart between the groups than within."""
        return float(self._p(self._between(self.overall[:, None]))[0])

    def targets(self) -> np.ndarray:
        """(genes,) p likewise of the regulators of each gene."""
        return self._p(self._between(self.by_target))

    def hubs(self) -> np.ndarray:
        """(genes,) two-sided p of the difference of mean numbers of targets."""
        degrees = np.stack([run.sum(axis=1) for run in self.runs]).astype(np.float64)
        second = 1 - self.deals
        means = self.deals @ degrees / self.first - second @ degrees / (len(self.runs) - self.first)
        return self._p(np.abs(means))

    def _between(self, distances: np.ndarray) -> np.ndarray:
        """(deals, items) mean distance between groups; distances are (pairs, items).

        The mean of all pairs is the same in each deal, so where this is large, the mean within groups is small.
        """
        crossing = (self.deals[:, self.ends[:, 0]] != self.deals[:, self.ends[:, 1]]).astype(np.float64)
        return crossing @ distances / crossing.sum(axis=1, keepdims=True)

    def _p(self, statistic: np.ndarray) -> np.ndarray:
        """Share of deals with a statistic as large as the true one's; a hair of rounding counts as as large."""
        return np.asarray((statistic >= statistic[0] - 1e-9).mean(axis=0))


def _distances(one: csr_array, other: csr_array) -> tuple[np.ndarray, float]:
    """1 - Jaccard index of two runs: (genes,) of each gene's regulators, and of all edges."""
    shared = one.multiply(other).sum(axis=0).astype(np.float64)
    union = one.sum(axis=0) + other.sum(axis=0) - shared
    return 1 - shared / np.maximum(union, 1) * (union > 0) - (union == 0), 1 - shared.sum() / max(union.sum(), 1)


def markdown(found: Rewiring, top: int) -> str:
    """The pairs, and the genes that differ most, as text."""
    shown = found.pairs.copy()
    for name, digits in (("jaccard", ".3f"), ("by_chance", ".3f"), ("same_sign", ".3f"), ("p", ".3g")):
        shown[name] = shown[name].map(f"{{:{digits}}}".format)
    shown = shown.drop(columns="p") if found.pairs["p"].isna().all() else shown
    parts = [escaping.markdown(shown.astype(str))]
    for title, table in (("Hubs that gain or lose most", found.hubs), ("Genes rewired most", found.targets)):
        numbers = table.select_dtypes("number").columns
        texts = table.head(top).assign(**{name: table[name].map("{:.3g}".format) for name in numbers})
        parts += [f"{title}:", escaping.markdown(texts.astype(str))]
    return "\n\n".join(parts)


def write(found: Rewiring, out: Path) -> None:
    """pairs.csv, edges.csv, hubs.csv and targets.csv.

    Raises:
        DashpruneError: if they cannot be written.
    """
    with files.writing("the comparison", out, "choose another with --out DIR"):
        out.mkdir(parents=True, exist_ok=True)
        for name in ("pairs", "edges", "hubs", "targets"):
            files.write(out / f"{name}.csv", escaping.delimited(getattr(found, name)))
