"""A probability per edge, from the agreement of runs that differ only in their seeds and bootstrap samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from dashprune import escaping, files, metrics
from dashprune.analysis import grouping
from dashprune.analysis.grouping import Kind
from dashprune.config import component
from dashprune.data.base import Dataset
from dashprune.data.problem import Pairs
from dashprune.errors import DashpruneError
from dashprune.runs import results
from dashprune.runs.results import Result

HALF = 0.5
"""The probability from which a pair counts as an edge."""

TOP = 10
"""Edges that the summary lists."""

COLUMNS = [
    "source", "target", "effect", "sign", "probability", "in_prior", "novel", "contradicted", "runs",
]  # fmt: skip

MORE = "dashprune run -m ... bootstrap=1,2,3,4,5 vectorize=true"


class Run(NamedTuple):
    """A run that is done."""

    folder: Path
    row: Result


class Reference(NamedTuple):
    """What a dataset knows of its network; the attributes are those of `Problem`."""

    genes: tuple[str, ...]
    prior: csr_array
    truth: csr_array | None
    evaluable: Pairs | None

    @property
    def digest(self) -> str:
        """Equal for equal genes, prior and gold standard."""
        digest = hashlib.sha256(json.dumps(self.genes).encode())
        for matrix in (self.prior, self.truth):
            parts = [] if matrix is None else [matrix.indptr, matrix.indices, matrix.data]
            for part in parts:
                digest.update(str(part.shape).encode() + np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


class Group(NamedTuple):
    """Runs of one network that differ only in their seeds and bootstrap samples.

    Attributes:
        kind: their names, and settings that they have in common.
        runs: at least two.
        reference: their genes, prior and gold standard.
    """

    kind: Kind
    runs: Sequence[Run]
    reference: Reference

    @property
    def samples(self) -> str:
        """Seeds and bootstrap samples of its runs."""
        by_seed: dict[int, list[int | None]] = {}
        for run in self.runs:
            by_seed.setdefault(run.row["seed"], []).append(run.row["config"].get("bootstrap"))
        if all(drawn == [None] for drawn in by_seed.values()):
            return f"seed {_listed(sorted(by_seed))}"
        ordered = {seed: sorted(drawn, key=lambda sample: sample or 0) for seed, drawn in sorted(by_seed.items())}
        return "; ".join(f"seed {seed} with bootstrap {_listed(drawn)}" for seed, drawn in ordered.items())


class Found(NamedTuple):
    """The groups below a folder.

    Attributes:
        groups: of two runs or more.
        alone: names of dataset, model and pruner of runs that no other is like.
        mistakes: why groups could not be made.
    """

    groups: list[Group]
    alone: list[str]
    mistakes: list[str]


class Calibration(NamedTuple):
    """Probabilities beside the gold standard.

    Attributes:
        bins: of the pairs that at least one run kept and the gold standard could have.
        others: number of all other pairs that the gold standard could have.
        missed: how many of these are real.
    """

    bins: list[metrics.Bin]
    others: int
    missed: int


class Consensus(NamedTuple):
    """What the runs of a group agree on.

    Attributes:
        title: dataset, model and pruner, and the settings that tell the group from others of these.
        stem: of its files.
        samples: seeds and bootstrap samples of its runs.
        runs: how many there are.
        own: whether the strategy gives probabilities of its own.
        edges: see `agreement`.
        calibration: None without gold standard.
    """

    title: str
    stem: Path
    samples: str
    runs: int
    own: bool
    edges: pd.DataFrame
    calibration: Calibration | None


def find(root: Path) -> Found:
    """Group the runs below `root`, controls aside.

    Raises:
        DashpruneError: if there is no result.
    """
    found: list[Group] = []
    alone, mistakes = [], []
    for kind, members in _kinds(results.by_folder(root)).items():
        name = " ".join(kind.names)
        try:
            networks = _by_network(members) if len(members) > 1 else []
        except DashpruneError as error:
            mistakes.append(f"{name}: {error}")
            continue
        found += [Group(kind, runs, reference) for reference, runs in networks if len(runs) > 1]
        if len(members) == 1 or any(len(runs) == 1 for _, runs in networks):
            alone.append(name)
    return Found(found, list(dict.fromkeys(alone)), mistakes)


def named(groups: Iterable[Group], root: Path) -> list[tuple[Group, str, Path]]:
    """For each group its title, and the stem of its files: ROOT/edges/<dataset>.<model>.<pruner>[.N]."""
    made = []
    for names, members in grouping.by(groups, lambda group: group.kind.names).items():
        labels = grouping.labels([group.kind for group in members])
        for number, (group, label) in enumerate(zip(members, labels, strict=True), 1):
            end = [str(number)] if len(members) > 1 else []
            title = ", ".join([*names, *([label] if label else [])])
            made.append((group, title, root / "edges" / ".".join([*names, *end])))
    return made


def consensus(group: Group, title: str, stem: Path) -> Consensus:
    """Read the networks of a group, and see what they agree on.

    Raises:
        DashpruneError: if a network is missing, or is not listed in full.
    """
    networks = [read(run) for run in group.runs]
    own = {"probability" in network for network in networks if len(network)}
    if len(own) > 1:
        raise DashpruneError("some of its runs give no probabilities; run them again with force=true")
    edges = agreement(networks, group.reference)
    return Consensus(
        title, stem, group.samples, len(networks), own == {True}, edges, calibration(edges, group.reference)
    )


def read(run: Run) -> pd.DataFrame:
    """The network of a run: source, target, effect, and probability where the strategy gives one.

    Raises:
        DashpruneError: if there is none, or if it does not list all edges.
    """
    network = results.read_network(run.folder)
    if len(network) != run.row["edges"]:
        raise DashpruneError(
            f"{run.folder / 'network.tsv'} lists {len(network):,} of {run.row['edges']:,} edges; a probability needs "
            f"all, so prune more"
        )
    return network


def agreement(networks: Sequence[pd.DataFrame], reference: Reference) -> pd.DataFrame:
    """What several networks of the same genes say of each edge.

    Args:
        networks: frames with source, target, effect and, where known, probability; each edge once.
        reference: the genes and the prior.

    Returns:
        COLUMNS, a line for every edge of any network or of the prior. `effect` is the mean over networks, 0 where an
        edge is absent; `sign` is + or -, or ? if networks disagree or none has the edge; `probability` the mean over
        networks, 0 where an edge is absent, and 1 where it is present without a probability; `runs` how many networks
        have it. The novel ones come first, the most probable on top; then the contradicted ones, the least probable on
        top; then the others. A gene's edge to itself is neither novel nor contradicted, as its decay explains it, too.

    Raises:
        DashpruneError: if a network has a gene that the reference lacks.
    """
    size, number = len(reference.genes), len(networks)
    edges = pd.concat([network.assign(probability=network.get("probability", 1.0)) for network in networks])
    ends = [_index(edges[end], reference.genes) for end in ("source", "target")]
    prior = reference.prior.tocoo()
    known = prior.row.astype(np.int64) * size + prior.col
    place, at = np.unique(np.concatenate([ends[0] * size + ends[1], known]), return_inverse=True)
    at = at[: len(edges)]
    runs = np.bincount(at, minlength=len(place))
    rising = np.bincount(at[edges["effect"].to_numpy() > 0], minlength=len(place))
    effect, probability = (
        np.bincount(at, weights=edges[name].astype(np.float64), minlength=len(place)) / number
        for name in ("effect", "probability")
    )
    probability = np.round(probability, 9)
    source, target = np.divmod(place, size)
    in_prior, apart = np.isin(place, known), source != target
    novel, contradicted = apart & (probability >= HALF) & ~in_prior, apart & (probability < HALF) & in_prior
    up = np.where(contradicted, 1, -1)
    order = np.lexsort((place, up * np.abs(effect), up * probability, np.select([novel, contradicted], [0, 1], 2)))
    sign = np.select([(rising == runs) & (runs > 0), (rising == 0) & (runs > 0)], ["+", "-"], "?")
    genes = np.array(reference.genes, dtype=object)
    values = (genes[source], genes[target], effect, sign, probability, in_prior, novel, contradicted, runs)
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True))).iloc[order].reset_index(drop=True)


def calibration(edges: pd.DataFrame, reference: Reference) -> Calibration | None:
    """How probabilities compare with the gold standard; None without one.

    Args:
        edges: as `agreement` returns them.
        reference: with which they were made.
    """
    truth, pairs = reference.truth, reference.evaluable
    if truth is None or pairs is None:
        return None
    kept = edges[edges["runs"] > 0]
    source, target = (_index(kept[end], reference.genes) for end in ("source", "target"))
    judged = _among(pairs, source, target)
    source, target = source[judged], target[judged]
    gold = truth.tocoo()
    size = len(reference.genes)
    real = np.isin(source * size + target, gold.row.astype(np.int64) * size + gold.col)
    number = int(pairs.sources.sum() * pairs.targets.sum())
    number -= 0 if pairs.loops else int((pairs.sources & pairs.targets).sum())
    missed = int(_among(pairs, gold.row, gold.col).sum() - real.sum())
    bins = metrics.calibration(kept["probability"].to_numpy()[judged], real)
    return Calibration(bins, number - len(source), missed)


def write(found: Consensus) -> None:
    """Write the edges to STEM.tsv and the summary to STEM.md.

    Raises:
        DashpruneError: if they cannot be written.
    """
    edges = found.edges.assign(
        effect=[f"{effect:.7g}" for effect in found.edges["effect"]],
        probability=[f"{probability:.4f}" for probability in found.edges["probability"]],
    )
    flags = ["in_prior", "novel", "contradicted"]
    edges[flags] = edges[flags].astype(np.int64)
    with files.writing("the edges", found.stem.parent):
        found.stem.parent.mkdir(exist_ok=True)
        for kind, content in (("tsv", escaping.delimited(edges, "\t")), ("md", markdown(found) + "\n")):
            files.write(found.stem.with_name(f"{found.stem.name}.{kind}"), content)


def markdown(found: Consensus) -> str:
    """A summary: how many edges there are, the first novel and contradicted ones, and the calibration."""
    basis = (
        "mean over runs of what the strategy gives, 0 where a run cut the edge"
        if found.own
        else "share of the runs that kept the edge, as the strategy gives none itself"
    )
    edges = found.edges
    novel, contradicted = edges[edges["novel"]], edges[edges["contradicted"]]
    probable, known = (edges["probability"] >= HALF).sum(), edges["in_prior"].sum()
    counts = (
        f"{probable} edges have a probability of {HALF:g} or more; {len(novel)} of them are novel (not in the prior). "
        f"{len(contradicted)} of the prior's {known} edges are contradicted (less than {HALF:g})."
    )
    return "\n\n".join(
        [
            f"## {found.title}",
            f"{found.runs} runs: {found.samples}. Probability: {basis}.",
            counts,
            *_first("Novel edges, the most probable first", novel),
            *_first("Contradicted edges of the prior, the least probable first", contradicted),
            *_by_truth(found.calibration),
        ]
    )


def _first(heading: str, edges: pd.DataFrame) -> list[str]:
    """The first edges as a table; nothing if there is none."""
    if edges.empty:
        return []
    shown = edges.head(TOP)
    columns = {name: shown[name].tolist() for name in ("source", "target", "sign", "probability", "runs")}
    columns["probability"] = [f"{probability:.3f}" for probability in shown["probability"]]
    number = f" ({TOP} of {len(edges)})" if len(edges) > TOP else ""
    return [f"{heading}{number}:", escaping.markdown(pd.DataFrame(columns))]


def _by_truth(found: Calibration | None) -> list[str]:
    """Which share of the edges is real, by probability, as information; nothing without gold standard."""
    if found is None:
        return []
    if not found.bins:
        return ["For information only: none of the edges found can be judged by the gold standard."]
    rows = [
        {
            "probability": f"{own.low:.1f} to {own.high:.1f}",
            "pairs": own.pairs,
            "mean probability": f"{own.probability:.3f}",
            "share that is real": f"{own.share:.3f}",
            "95 % interval": "{:.3f} to {:.3f}".format(*metrics.wilson(own.real, own.pairs)),
        }
        for own in found.bins
    ]
    kept, error = sum(own.pairs for own in found.bins), metrics.calibration_error(found.bins)
    return [
        "For information only, used for none of the above: the gold standard.",
        escaping.markdown(pd.DataFrame(rows)),
        f"Expected calibration error {error:.3f}, over the {kept} pairs that a run kept. "
        f"Of the {found.others} other pairs {found.missed} are real.",
    ]


def _kinds(runs: Mapping[Path, Result]) -> dict[Kind, list[Run]]:
    """Trained runs that differ only in seeds and bootstrap samples; a copy of a run counts once."""
    once: dict[tuple[Kind, str], Run] = {}
    for folder, row in runs.items():
        if row["model"] != "control":
            once.setdefault((_kind(row), row["id"]), Run(folder, row))
    return grouping.by(once.values(), lambda run: _kind(run.row))


def _kind(row: Result) -> Kind:
    """What tells groups apart: settings and data, without seeds and bootstrap samples."""
    own = grouping.kind(row, counts=lambda key: key != "bootstrap")
    return Kind.of(own.names, {**own.settings, "data": str(row["data"])})


def _by_network(runs: Iterable[Run]) -> list[tuple[Reference, list[Run]]]:
    """Divide runs by genes, prior and gold standard, which may follow from a seed.

    Raises:
        DashpruneError: if data are missing or no longer those of the runs.
    """
    digests: dict[str, str] = {}  # of each dataset, which is loaded once
    references: dict[str, Reference] = {}
    divided: dict[str, list[Run]] = {}
    for run in runs:
        settings = run.row["config"]["dataset"]
        name = json.dumps(settings, sort_keys=True)
        if name not in digests:
            dataset = component(settings, "dataset", base=Dataset)()
            if dataset.fingerprint() != run.row["data"]:
                raise DashpruneError(f"{run.folder} was made from other data than there are now; run it again")
            problem = dataset.load()
            reference = Reference(problem.genes, problem.prior, problem.truth, problem.evaluable)
            digests[name] = reference.digest
            references.setdefault(reference.digest, reference)
        divided.setdefault(digests[name], []).append(run)
    return [(references[digest], members) for digest, members in divided.items()]


def _index(names: pd.Series, genes: Sequence[str]) -> np.ndarray:
    """(names,) int64 place of each gene.

    Raises:
        DashpruneError: on a name that is not among the genes.
    """
    found = pd.Index(genes).get_indexer(pd.Index(names)).astype(np.int64)
    if (found < 0).any():
        raise DashpruneError(
            f"a network.tsv names gene '{names.iloc[int(np.argmin(found))]}', which its dataset lacks; run it again"
        )
    return found


def _among(pairs: Pairs, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Bool, whether each of these is among the pairs."""
    return pairs.sources[source] & pairs.targets[target] & (pairs.loops | (source != target))


def _listed(values: Iterable[object]) -> str:
    return ", ".join("null" if value is None else str(value) for value in values)
