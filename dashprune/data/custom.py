"""A user's own data: expression over time or pseudotime and a prior network, from files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError
from scipy.sparse import csr_array

from dashprune.data import holdout
from dashprune.data.base import Dataset
from dashprune.data.interventions import Interventions, single
from dashprune.data.own.cells import Missing, MissingTime, Note, Reading
from dashprune.data.own.expression import pseudotime_beside, read_cells
from dashprune.data.own.files import digest, existing
from dashprune.data.own.interventions import read_interventions
from dashprune.data.own.network_columns import ROLES
from dashprune.data.own.networks import Network, read_network, transposed_hint
from dashprune.data.own.selection import Wanted, selected
from dashprune.data.own.series import Series, rescaled, series_of
from dashprune.data.own.summary import hints, summary
from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior, scaled
from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError, did_you_mean, say
from dashprune.seeds import numpy_generator

_VERSION = "custom-2"
"""Changes when the same files and settings would give other data."""
_WITHOUT = {"prior": "; or dataset.prior=null if nothing is known beforehand"}
"""What can be set in place of a file that does not exist."""


def _held_out(value: Any) -> float | tuple[str, ...] | None:
    """A fraction, or names of samples, or nothing."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and value:
        return tuple(str(name) for name in value)
    if isinstance(value, (int, float)) and 0 < value < 1:
        return float(value)
    allowed = "give a fraction above 0 and below 1, or a list of samples such as [s1,s2], or null to hold out nothing"
    raise PydanticCustomError("held_out", "{allowed}", {"allowed": allowed})


def _columns(value: Any) -> tuple[tuple[str, str], ...] | None:
    """Names of columns by role."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(value.values()):
        allowed = "give names of columns, such as {source: tf, target: gene}; of " + ", ".join(ROLES)
        raise PydanticCustomError("columns", "{allowed}", {"allowed": allowed})
    for role in value:
        if role not in ROLES:
            allowed = f"a network has no '{role}'{did_you_mean(str(role), ROLES)}; name some of {', '.join(ROLES)}"
            raise PydanticCustomError("columns", "{allowed}", {"allowed": allowed})
    return tuple(sorted((str(role), str(name)) for role, name in value.items()))


def _time_scale(value: Any) -> Any:
    """A number above 0, "auto", or nothing."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")
    if value is None or value == "auto" or number:
        return value
    allowed = "give a number above 0 by which times are divided, or auto, or null"
    raise PydanticCustomError("time_scale", "{allowed}", {"allowed": allowed})


def _names(value: Any) -> tuple[str, ...] | None:
    """Names; one alone may stand without brackets."""
    if value is None or isinstance(value, (list, tuple)):
        return None if value is None else tuple(str(name) for name in value)
    return (str(value),)


NetworkColumns = Annotated[tuple[tuple[str, str], ...] | None, PlainValidator(_columns)]
TimeScale = Annotated[float | Literal["auto"] | None, PlainValidator(_time_scale)]
Names = Annotated[tuple[str, ...] | None, PlainValidator(_names)]
HeldOut = Annotated[float | tuple[str, ...] | None, PlainValidator(_held_out)]


@dataclass(frozen=True)
class Custom(Dataset):
    """Expression and networks from files.

    All genes of the expression are modelled; networks are matched to them by exact name. What was dropped is said on
    standard error. With three samples or more, whole samples are held out, so that no held-out point is trained on.
    With one or two, single transitions between successive time points are held out, drawn at random; a point may then
    be the end of a training transition and the start of a test transition, and errors are those of filling gaps. Where
    only one split is held out, two samples are enough; where none is, one.

    Attributes:
        expression: .csv, .tsv, .txt (packed or not), .parquet or .xlsx in long or wide form, or .h5ad; see
            `read_cells`.
        prior: edge list or matrix; see `read_network`; or None if nothing is known beforehand.
        gold: the true network, in the same forms, or None. If it lists pairs of weight 0, too, scores are over the
            pairs that it lists; else over `pairs`.
        coregulation: how much two genes share regulators or interact, in the same forms, or None to derive it from
            the prior, with which alone it is of use. It is made symmetric and scaled.
        interventions: what was done to the cells, see `read_interventions`; None if nothing is known to have been done.
        time: column with time or pseudotime.
        sample: column that names samples, or None if there is only one.
        layer: of an .h5ad, "raw" for its raw values, or None for X.
        bins: average the cells of each sample into this many time points, or None.
        scale: bring each gene to 0 to 1 over the training samples; errors are then in squared units of that.
        index_base: what integer indices in networks count from; None finds out.
        prior_transposed: the prior has targets in its rows, or its first column.
        prior_holdout: fraction of the prior's edges that are taken out of it; None for none. It is of use where the
            prior is the gold standard.
        prior_holdout_by: "edges" takes out single edges, "genes" all edges to a gene.
        validation: fraction of the samples, rounded and at least one, or their names; None holds out nothing.
        test: the same.
        seed: of the split.
        pseudotime: the times of cells, if the expression has none; None looks for PseudoTime.csv beside it then. See
            `read_lineages`.
        time_scale: times are divided by it, so that a gene responds within about one unit; "auto" takes the median
            step between time points, None leaves them as they are.
        drop: columns or genes to leave out, or None.
        missing: what to do about missing values, see `resolve`.
        missing_time: what to do about rows or cells without a time.
        prior_columns, gold_columns: what the columns of these are, by role; None takes those of usual names.
        pairs: "sources": all from the sources of the gold standard to any gene, of a gene and itself only if it lists
            such an edge; "all": all but those of a gene and itself.
        genes: names of those that are modelled, or how many of the most variable, beside which all regulators of the
            prior are kept; None for all.
        gene_names: column of var in an .h5ad that names genes; None for its index.
    """

    expression: Path
    prior: Path | None
    gold: Path | None
    coregulation: Path | None
    interventions: Path | None
    time: str
    sample: str | None
    layer: str | None
    bins: Annotated[int, Field(ge=2)] | None
    scale: bool
    index_base: Literal[0, 1] | None
    prior_transposed: bool
    prior_holdout: holdout.Fraction | None
    prior_holdout_by: holdout.By
    validation: HeldOut
    test: HeldOut
    seed: Annotated[int, Field(ge=0)]
    pseudotime: Path | None = None
    time_scale: TimeScale = None
    drop: Names = None
    missing: Missing = "error"
    missing_time: MissingTime = "error"
    prior_columns: NetworkColumns = None
    gold_columns: NetworkColumns = None
    pairs: Literal["sources", "all"] = "sources"
    genes: Wanted = None
    gene_names: str | None = None

    def __post_init__(self) -> None:
        if self.prior is None and self.coregulation is not None:
            raise DashpruneError(
                f"dataset.coregulation={self.coregulation}: what looks at co-regulation needs a prior, too; "
                f"give dataset.prior, or leave out both"
            )

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the content of the files.

        Raises:
            DashpruneError: if a file is missing or cannot be read.
        """
        parts = [_VERSION, *(f"{key} {digest(path)}" for key, path in self._files().items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def load(self) -> Problem:
        """Read the files (once per process while they stay the same), match genes, split.

        Raises:
            DashpruneError: on a mistake in a file, by row and column; or if there is too little to split.
        """
        stamps = tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in self._files().values())
        whole = replace(self, prior_holdout=None, prior_holdout_by="edges")
        data = _read(replace(whole, seed=0, validation=0.5, test=0.5), stamps)
        train, validation, test = self._splits(data.series, data.interventions)
        if self.scale:
            train, validation, test = scaled(train, validation, test)
        prior, coregulation = self._held_out(data)
        return Problem(data.genes, train, validation, test, prior, coregulation, data.truth, data.evaluable)

    def _held_out(self, data: _Data) -> tuple[csr_array, csr_array]:
        """What is left of the prior, and the co-regulation, which follows from it unless it is given."""
        if self.prior_holdout is None:
            return data.prior, data.coregulation
        rng = numpy_generator(self.seed, "holdout")
        prior = holdout.hold_out(data.prior, self.prior_holdout, self.prior_holdout_by, rng)
        return prior, coregulation_from_prior(prior) if self.coregulation is None else data.coregulation

    def _files(self) -> dict[str, Path]:
        """The files that are given, by key."""
        keys = ("expression", "prior", "gold", "coregulation", "interventions", "pseudotime")
        given = {key: getattr(self, key) for key in keys if getattr(self, key) is not None}
        found = {key: existing(path, f"dataset.{key}", _WITHOUT.get(key, "")) for key, path in given.items()}
        beside = self.reading().pseudotime
        return found if beside is None else {**found, "pseudotime": beside}

    def reading(self) -> Reading:
        """How the expression is to be read; with the times that lie beside it, if it has none."""
        how = Reading(
            self.sample,
            self.time,
            self.layer,
            self.pseudotime,
            self.drop or (),
            self.gene_names,
            self.missing,
            self.missing_time,
        )
        return how if self.pseudotime else how._replace(pseudotime=pseudotime_beside(self.expression, how))

    def _splits(
        self, series: Sequence[Series], done: list[Interventions[np.ndarray]] | None
    ) -> tuple[Split, Split, Split]:
        """Training, validation and test: whole samples if there are enough, else single transitions."""
        needed = 1 + sum(wanted is not None for wanted in (self.validation, self.test))
        names: list[str] = [one.sample for one in series]
        pieces = [(one.values, one.times) for one in series]
        if len(series) < needed:
            if isinstance(self.test, tuple) or isinstance(self.validation, tuple):
                raise DashpruneError(
                    f"dataset.test and dataset.validation name samples, but {self.expression.name} has only "
                    f"{len(series)}; give fractions, or at least {('', 'two', 'three')[needed - 1]} samples"
                )
            pieces = [pair for piece in pieces for pair in _transitions(*piece)]
            done = None if done is None else [one for own in done for one in single(own)]
            names = [f"transition {k}" for k in range(len(pieces))]
        free = numpy_generator(self.seed, "split").permutation(len(names)).tolist()
        test = self._chosen("test", names, free)
        validation = self._chosen("validation", names, [k for k in free if k not in test])
        train = [k for k in range(len(names)) if k not in {*test, *validation}]
        self._check(names, train, validation, test)
        genes = series[0].values.shape[1]
        splits = [
            Split.ragged([pieces[k] for k in chosen], None if done is None else [done[k] for k in chosen])
            if chosen
            else Split.none(genes)
            for chosen in (train, validation, test)
        ]
        return splits[0], splits[1], splits[2]

    def _chosen(self, key: str, names: list[str], free: list[int]) -> list[int]:
        """Positions of the samples held out for `key`: as named, or the first of `free`."""
        wanted: float | tuple[str, ...] | None = getattr(self, key)
        if wanted is None:
            return []
        if isinstance(wanted, float):
            other = self.validation if key == "test" else ()
            reserved = {names.index(name) for name in other if name in names} if isinstance(other, tuple) else set()
            return sorted([k for k in free if k not in reserved][: max(round(wanted * len(names)), 1)])
        for name in wanted:
            if name not in names:
                listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
                hint = did_you_mean(name, names) or f"; it has {listed}"
                raise DashpruneError(f"dataset.{key}: {self.expression.name} has no sample '{name}'{hint}")
        return sorted({names.index(name) for name in wanted})

    def _check(self, names: list[str], train: list[int], validation: list[int], test: list[int]) -> None:
        if both := set(validation) & set(test):
            raise DashpruneError(
                f"dataset.test and dataset.validation both name '{names[both.pop()]}'; hold it out once"
            )
        if not train or (self.validation is not None and not validation):
            given = {"dataset.test": self.test, "dataset.validation": self.validation}
            held_out = " and ".join(f"{key}={wanted}" for key, wanted in given.items() if wanted is not None)
            raise DashpruneError(
                f"{self.expression.name}: {len(names)} samples or transitions are too few for {held_out}; training, "
                f"validation and test need one each"
            )


class _Data(NamedTuple):
    """What the files say, before the split."""

    genes: tuple[str, ...]
    series: list[Series]
    prior: csr_array
    coregulation: csr_array
    truth: csr_array | None
    evaluable: Pairs | None
    interventions: list[Interventions[np.ndarray]] | None


def read_expression(custom: Custom) -> tuple[tuple[str, ...], list[Series], list[Note]]:
    """Genes, the series of each sample in units of the file, and what there is to say of them; the summary is first.

    Raises:
        DashpruneError: on a mistake in a file, by row and column; a `MendableError` if overrides mend it.
    """
    path = custom.expression
    cells = read_cells(path, custom.reading())
    regulators: list[str] = []
    if isinstance(custom.genes, int) and custom.prior is not None:
        found = read_network(custom.prior, cells.genes, path.name, custom.index_base, dict(custom.prior_columns or ()))
        matrix = found.matrix.T.tocsr() if custom.prior_transposed else found.matrix
        regulators = [cells.genes[k] for k in np.flatnonzero(np.diff(matrix.indptr))]
    cells = selected(path, cells, custom.genes, regulators)
    series = series_of(path, cells, custom.bins)
    notes = [Note(summary(path, cells.genes, series)), *cells.notes]
    return cells.genes, series, [*notes, *hints(path, series, custom.scale, custom.time_scale, custom.bins)]


def notes(custom: Custom) -> list[Note]:
    """What there is to say of all files, the summary of each file first, without splitting or keeping anything.

    Raises:
        DashpruneError: on a mistake in a file, by row and column; a `MendableError` if overrides mend it.
    """
    custom.fingerprint()  # all files are there
    genes, series, found = read_expression(custom)
    networks = {"prior": custom.prior_columns, "gold": custom.gold_columns, "coregulation": None}
    for key, columns in networks.items():
        path: Path | None = getattr(custom, key)
        if path is None:
            continue
        name = f"dataset.{key}_columns"
        network = read_network(path, genes, custom.expression.name, custom.index_base, dict(columns or ()), name)
        found.append(Note(network.report))
        if key == "prior" and (hint := transposed_hint(path, network.matrix)):
            found.append(Note(f"warning: {hint}", "dataset.prior_transposed=true"))
    if custom.interventions is not None:
        found.append(Note(read_interventions(custom.interventions, genes, series, custom.expression.name)[0]))
    return found


@lru_cache(maxsize=2)
def _read(custom: Custom, stamps: tuple[object, ...]) -> _Data:
    """Read all files and say on standard error what was kept; `stamps` change when a file does."""
    path = custom.expression
    genes, series, notes = read_expression(custom)
    for note in notes:
        say(note.text)

    def network(file: Path, columns: NetworkColumns = None, key: str = "coregulation") -> Network:
        found = read_network(file, genes, path.name, custom.index_base, dict(columns or ()), f"dataset.{key}_columns")
        say(found.report)
        return found

    if custom.prior is None:
        prior = csr_array((len(genes), len(genes)), dtype=np.float32)
    else:
        prior = network(custom.prior, custom.prior_columns, "prior").matrix
        prior = _prior(custom.prior, sparse(prior.T, np.float32) if custom.prior_transposed else prior)
    given = custom.coregulation
    coregulation = coregulation_from_prior(prior) if given is None else _coregulation(given, network(given).matrix)
    truth, evaluable = None, None
    if custom.gold is not None:
        gold = network(custom.gold, custom.gold_columns, "gold")
        truth, evaluable = gold.matrix.astype(bool), _evaluable(gold, custom)
    done = None
    if custom.interventions is not None:
        report, done = read_interventions(custom.interventions, genes, series, path.name)
        say(report)
    series = rescaled(series, custom.time_scale)
    return _Data(genes, series, prior, coregulation, truth, evaluable, done)


def _coregulation(path: Path, matrix: csr_array) -> csr_array:
    """Symmetric, with sum 1; an edge list may give each pair in one direction or in both."""
    if (matrix.data < 0).any():
        raise DashpruneError(f"{path.name}: co-regulation has a value of {matrix.data.min():g}; none may be negative")
    both = matrix.maximum(matrix.T).astype(np.float64)
    return sparse(both / both.sum(), np.float32)


def _prior(path: Path, matrix: csr_array) -> csr_array:
    """Weights of at most 1; and what is odd about the prior, said."""
    if warning := transposed_hint(path, matrix):
        say(f"warning: {warning}")
    source, target = matrix.nonzero()
    if (source == target).all():
        say(f"warning: {path.name} has edges from genes to themselves only, which say nothing of a network")
    largest = float(abs(matrix.data).max())
    if largest > 1:
        say(f"{path.name}: weights run to {largest:g}, and were divided by that")
        matrix = sparse(matrix / largest, np.float32)
    return matrix


def _evaluable(gold: Network, custom: Custom) -> Pairs:
    """The pairs that can be scored; said where they are not the usual ones."""
    truth = gold.matrix
    every, loops = np.ones(truth.shape[0], dtype=bool), bool(truth.diagonal().any())
    if gold.pairs is not None:
        assert custom.gold is not None
        say(f"{custom.gold.name}: {truth.nnz:,} edges among {gold.pairs.nnz:,} pairs; only these are scored")
        listed = np.asarray(gold.pairs.sum(axis=1)).ravel() > 0
        return Pairs(listed, every, loops=True, listed=gold.pairs)
    if custom.pairs == "all":
        return Pairs(every, every, loops=False)
    return Pairs(np.diff(truth.indptr) > 0, every, loops=loops)


def _transitions(expression: np.ndarray, times: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each pair of successive time points as a series of its own."""
    return [(expression[k : k + 2], times[k : k + 2]) for k in range(len(times) - 1)]
