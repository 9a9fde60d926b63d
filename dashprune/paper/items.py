"""Which runs the paper's tables and figures need, and which of them are there.

An item is a yaml under conf/paper/: sweeps in the words of `dashprune run -m`, and the layout of its tables.
"""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from hydra.core.override_parser.overrides_parser import OverridesParser
from pydantic import Field

from dashprune import config, files
from dashprune.analysis import scores
from dashprune.analysis.grouping import NAMES, differing
from dashprune.errors import DashpruneError, did_you_mean
from dashprune.runs import identity, results
from dashprune.runs.checked import Settings, check
from dashprune.runs.results import Result

GROUP = "paper"
Kind = Literal["sparsity_accuracy", "effects", "coregulation", "pathway_map", "priors"]
"""What a figure can be: Figure 2, Figure 3, modules of co-regulation, Figures 5 and 6, or one beyond the paper."""


@dataclass(frozen=True)
class Table:
    """A table of an item.

    Attributes:
        columns: scores, as they are named in result.json.
        groups: for each group of rows its heading, and in it for each row its label and what its runs have: the name of
            a strategy or control, then KEY=VALUE for what else tells them from the item's other runs.
        title: what distinguishes it from the item's other tables.
        runs: KEY=VALUE that all its runs have.
        beside: for each further column of ours its heading, and KEY=VALUE that its runs have, and those of the table's
            own columns have not. It has the scores of which numbers of the paper are given.
        mse_unit: in which errors are shown, in squared units of expression.
        paper: numbers known from the paper, as the table shows them: for a row, as under `groups`, those of its scores.
    """

    columns: Annotated[list[scores.Name], Field(min_length=1)]
    groups: Annotated[dict[str, dict[str, str]], Field(min_length=1)]
    title: str = ""
    runs: str = ""
    beside: dict[str, str] = field(default_factory=dict)
    mse_unit: Annotated[float, Field(gt=0)] = 1e-3
    paper: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def known(self) -> list[str]:
        """Of the columns those of which numbers of the paper are known."""
        given = {score for numbers in self.paper.values() for score in numbers}
        return [name for name in self.columns if name in given]


@dataclass(frozen=True)
class Picture:
    """What a figure shows.

    Attributes:
        draw: the kind of figure.
        rows: for each panel its label and its runs, as the rows of a table.
        gene_sets: of a pathway analysis.
        influence: of genes in it, see `dashprune.analysis.pathways.Kind`.
        paper: of strategies, sparsity and balanced accuracy in percent that are read off the paper's figure.
    """

    draw: Kind
    rows: dict[str, str] = field(default_factory=dict)
    gene_sets: Literal["reactome", "go_slim"] | None = None
    influence: Literal["share", "perturbation"] = "share"
    paper: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """A table or figure of the paper.

    Attributes:
        title: as the paper counts it, and what it is.
        caption: what a reader must know to understand the numbers.
        sweeps: the runs it is made from, each in the words of `dashprune run -m`.
        quick: values that replace those of every sweep in the reduced version.
        tables: what is printed, if it is a table.
        figure: what is drawn, if it is a figure.
        gaps: in what it is known to differ from the paper's.
        verdict: whether it agrees with the paper, in a sentence of somebody who has looked.
    """

    title: str
    caption: str
    sweeps: Annotated[list[str], Field(min_length=1)]
    quick: str
    tables: list[Table] = field(default_factory=list)
    figure: Picture | None = None
    gaps: list[str] = field(default_factory=list)
    verdict: str = ""


@dataclass(frozen=True)
class Run:
    """A run that an item needs.

    Attributes:
        overrides: with which `dashprune run` makes it.
        sweep: number of the item's sweep that it belongs to, from 0.
        names: of dataset, model and pruner; see `Settings.names`.
        seed: of everything random.
        uses_prior: whether there is a prior, and its strategy or control looks at it.
        settings: its configuration as texts, flat; and `dataset`, `model` and `pruner`, its names.
        kind: of these, what tells it from runs that differ only in their seeds.
        folder: where its result is, or will be.
        kept: its row, where that is known without its folder.
    """

    overrides: tuple[str, ...]
    sweep: int
    names: tuple[str, str, str]
    seed: int
    uses_prior: bool
    settings: Mapping[str, str]
    kind: Mapping[str, str]
    folder: Path
    kept: Result | None = None

    @property
    def result(self) -> Result | None:
        """Its row, or None while it is not done."""
        return results.load(self.folder) or self.kept

    @property
    def is_control(self) -> bool:
        return self.names[1] == "control"


@dataclass(frozen=True)
class Line:
    """A row of a table and the runs, which differ in their seeds only, that it is the mean of.

    Attributes:
        group, label, row: as in Table.groups.
        runs: of the table's own columns.
        beside: for each heading of Table.beside its runs; none where no sweep has any.
    """

    group: str
    label: str
    row: str
    runs: tuple[Run, ...]
    beside: Mapping[str, tuple[Run, ...]]


def names() -> list[str]:
    """Names of all items: figures, then tables, by number."""
    return sorted(config.choices(GROUP), key=lambda name: (name.rstrip("0123456789"), len(name), name))


def load(name: str) -> Item:
    """The item of this name under conf/paper/, or in a yaml file of one's own.

    Raises:
        DashpruneError: if there is none, or its yaml has a mistake.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else config.conf_dir() / GROUP / f"{name}.yaml"
    if not path.is_file():
        known = [*names(), "all"]
        raise DashpruneError(f"there is no item '{name}'{did_you_mean(name, known)}; items: {', '.join(known)}")
    values = files.read_yaml(path)
    if not isinstance(values, dict):
        raise DashpruneError(f"{path} must have the keys title, caption, sweeps and quick")
    parts: dict[str, Any] = {
        "tables": [config.section(Table, table, f"tables.{k}") for k, table in enumerate(values.get("tables", []))]
    }
    if values.get("figure") is not None:
        parts["figure"] = config.section(Picture, values["figure"], "figure")
    return config.section(Item, {**values, **parts}, "")


def sweeps(item: Item, quick: bool) -> list[list[str]]:
    """The words of each sweep; for the reduced version with the values that replace others."""
    words = [shlex.split(sweep) for sweep in item.sweeps]
    if not quick:
        return words
    reduced = shlex.split(item.quick)
    keys = {word.partition("=")[0] for word in reduced}
    return [[*(word for word in sweep if word.partition("=")[0] not in keys), *reduced] for sweep in words]


def expand(words: Sequence[str]) -> list[tuple[str, ...]]:
    """All combinations of a sweep's values, in the order of `dashprune run -m`.

    Raises:
        DashpruneError: if Hydra cannot read a word, or would not sweep over it.
    """
    config.parse(words)
    choices: dict[str, list[str]] = {}
    for word in words:
        override = OverridesParser.create().parse_override(word)
        key = override.get_key_element()
        if not override.is_sweep_override():
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise DashpruneError(f"'{word}' is an interval, which has no list of values; use range(...) or a,b,c")
    return list(itertools.product(*choices.values()))


def plan(item: Item, outputs: Path, quick: bool = False, kept: Mapping[str, Result] | None = None) -> list[Run]:
    """The runs of an item, each once, and where their results are or will be.

    Args:
        item: whose runs.
        outputs: the folder of results.
        quick: whether they are those of the reduced version.
        kept: rows by their ids, of runs that count as done although their folders are not there.

    Raises:
        DashpruneError: if a sweep is not valid, or data are missing.
    """
    runs: dict[Path, Run] = {}
    fingerprints: dict[str, str] = {}  # of each dataset; its files are read once
    for number, words in enumerate(sweeps(item, quick)):
        for overrides in expand(words):
            settings = check(config.compose(overrides))
            values = {**settings.values, "outputs": str(outputs)}
            dataset = json.dumps(values["dataset"], sort_keys=True)
            if dataset not in fingerprints:
                fingerprints[dataset] = settings.dataset.fingerprint()
            folder = identity.run_folder(values, fingerprints[dataset], settings.names)
            row = (kept or {}).get(folder.name)
            run = _run(overrides, number, settings, folder)
            row = row and {**row, "config": settings.values, "uses_prior": run.uses_prior}
            runs.setdefault(folder, replace(run, kept=row))
    return list(runs.values())


def lines(table: Table, runs: Iterable[Run]) -> list[Line]:
    """The rows of a table.

    Raises:
        DashpruneError: if a row has no runs, or runs that differ in more than their seeds; or if numbers of the paper
            are given for something else than a row and a column.
    """
    here = [run for run in runs if _has(run, shlex.split(table.runs))]
    apart = {title: [run for run in here if _has(run, shlex.split(words))] for title, words in table.beside.items()}
    own = [run for run in here if not any(run in others for others in apart.values())]
    found = []
    for group, rows in table.groups.items():
        for label, row in rows.items():
            beside = {title: select(row, others, least=0) for title, others in apart.items()}
            found.append(Line(group, label, row, select(row, own), beside))
    given = {"row": list(table.paper), "column": [score for numbers in table.paper.values() for score in numbers]}
    known = {"row": [line.row for line in found], "column": table.columns}
    for kind, names in given.items():
        for name in set(names) - set(known[kind]):
            hint = did_you_mean(name, known[kind])
            raise DashpruneError(f"paper: the table has no {kind} '{name}'{hint}; {kind}s: {', '.join(known[kind])}")
    return found


def select(row: str, runs: Iterable[Run], least: int = 1) -> tuple[Run, ...]:
    """The runs that a row means: of this strategy or control, with these settings.

    Raises:
        DashpruneError: if there are fewer than `least`, or if they differ in more than their seeds.
    """
    name, *settings = shlex.split(row)
    chosen = tuple(run for run in runs if _has(run, [f"pruner={name}", *settings]))
    if len(chosen) < least:
        raise DashpruneError(f"no sweep has runs for the row '{row}'")
    told = differing([run.kind for run in chosen])
    if told:
        raise DashpruneError(f"the row '{row}' has runs that differ in {', '.join(told)}; add KEY=VALUE to it")
    return chosen


def check_item(name: str) -> None:
    """Check an item without touching data: every sweep composes, without seeds, and every row has runs.

    Raises:
        DashpruneError: on the first mistake.
    """
    item = load(name)
    if bool(item.tables) == (item.figure is not None):
        raise DashpruneError("give either tables or a figure")
    runs = []
    for number, words in enumerate(sweeps(item, quick=False)):
        config.parse(words)
        for overrides in expand([word for word in words if not _is_seed(word)]):
            runs.append(_run(overrides, number, check(config.compose(overrides)), Path()))
    check(config.compose(expand(sweeps(item, quick=True)[0])[0]))
    for table in item.tables:
        lines(table, runs)


def finished(outputs: Path) -> list[Result]:
    """The rows of all runs below `outputs` that are done, whatever they were made for."""
    rows = (results.load(path.parent) for path in sorted((outputs / "runs").rglob("result.json")))
    return [row for row in rows if row is not None]


def _run(overrides: tuple[str, ...], sweep: int, settings: Settings, folder: Path) -> Run:
    names, strategy = settings.names, settings.control or settings.pruner
    named = dict(zip(NAMES, names, strict=True))
    texts, kind = {**identity.flat(settings.values), **named}, {**identity.settings(settings.values), **named}
    telling = tuple(word for word in overrides if not word.startswith("vectorize="))  # which makes no other run
    looks = strategy.uses_prior and settings.values["dataset"].get("prior", names[0]) is not None
    return Run(telling, sweep, names, settings.run.seed, looks, texts, kind, folder)


def _has(run: Run, words: Iterable[str]) -> bool:
    return all(run.settings.get(word.partition("=")[0]) == word.partition("=")[2] for word in words)


def _is_seed(word: str) -> bool:
    return word.startswith("seed=")
