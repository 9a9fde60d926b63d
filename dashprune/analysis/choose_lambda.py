"""Choosing the options of a strategy, such as lambda, from a sweep: by validation error and sparsity alone.

The rule, for runs that differ only in seeds and in numbers among the options of their pruner (a candidate is the runs
that differ only in seeds; validation error and sparsity are its means over the seeds that the candidates share):

1. A candidate must be sparse enough: as asked, but for a shortfall of 0.0005, or else within 0.005 of the sparsest.
2. Of these, the one with the lowest validation error is the best. Others are as good if their validation error is at
   most one standard error higher: that of the mean difference, paired by seed, because all candidates see the same
   noise of a seed. With a single seed there is no standard error; then 5 % of the lowest error stand in its place.
3. Of those as good, the sparsest are kept (within 0.005); of these, those that give the prior the largest weight (the
   sum of the options lambda_... of a strategy that looks at the prior): where the data cannot tell candidates apart,
   what is known of the network decides. Of these, the one with the lowest validation error is chosen.

The one standard error rule is that of Breiman et al. 1984. The gold standard and the test set have no part in it.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple, TypeGuard

import pandas as pd
from omegaconf import OmegaConf

from dashprune import escaping, files
from dashprune.analysis import grouping
from dashprune.analysis.grouping import Kind
from dashprune.config import choices, compose
from dashprune.errors import DashpruneError
from dashprune.runs import identity
from dashprune.runs.results import Result

SLACK = 0.005
"""Sparsities closer than this count as equal."""

ROUNDING = 0.0005
"""How far a sparsity that was asked for may be missed, as layers have whole numbers of weights."""

TOLERANCE = 0.05
"""Share of the lowest validation error that stands in for a standard error where there is one seed."""

MACHINE = ("device",)
GROUPS = ("solver", "dataset", "model", "pruner")
ABSENT = object()


@dataclass(frozen=True)
class Candidate:
    """Runs that differ only in their seeds.

    Attributes:
        options: numbers of the pruner that vary in the sweep, by dotted key.
        errors: validation error of each seed, in squared units of expression.
        sparsity: mean over seeds.
        prior_weight: sum of the weights of the prior, 0 for a strategy without.
        balanced_accuracy: mean over seeds, None without gold standard; for information, the choice never reads it.
        config: of one of the runs.
    """

    options: dict[str, float]
    errors: tuple[float, ...]
    sparsity: float
    prior_weight: float
    balanced_accuracy: float | None
    config: dict[str, Any]

    def __str__(self) -> str:
        return " ".join(f"{key.removeprefix('pruner.')}={_text(value)}" for key, value in self.options.items())

    @property
    def error(self) -> float:
        """Mean validation error."""
        return fmean(self.errors)

    def above(self, best: Candidate) -> tuple[float, float | None]:
        """How much larger the validation error is than that of `best`, and its standard error (None for one seed)."""
        differences = [own - other for own, other in zip(self.errors, best.errors, strict=True)]
        error = stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else None
        return fmean(differences), error

    def equals(self, best: Candidate) -> bool:
        """Whether the validation error cannot be told from that of `best`."""
        difference, error = self.above(best)
        return difference <= (TOLERANCE * best.error if error is None else error)


@dataclass(frozen=True)
class Choice:
    """What the rule made of the candidates.

    Attributes:
        best: the lowest validation error of those sparse enough.
        chosen: the choice, which is `best` or equal to it.
        marks: for each candidate "chosen", "equal", "worse" or "too dense".
        why: one sentence.
    """

    best: Candidate
    chosen: Candidate
    marks: list[str]
    why: str


class Compared(NamedTuple):
    """Candidates that can be compared.

    Attributes:
        candidates: at least two, all with the same seeds.
        seeds: which the candidates share.
        left_out: candidates that lack these seeds.
    """

    candidates: list[Candidate]
    seeds: list[int]
    left_out: int


@dataclass(frozen=True)
class Sweep:
    """Candidates for one dataset, model, pruner and whatever else is not swept.

    Attributes:
        names: of dataset, model and pruner.
        settings: in which the sweep differs from others of these names, or an empty text.
        name: of its file.
        candidates, seeds, left_out: see `Compared`.
    """

    names: tuple[str, str, str]
    settings: str
    name: str
    candidates: list[Candidate]
    seeds: list[int]
    left_out: int

    def __str__(self) -> str:
        return ", ".join([*self.names, *([self.settings] if self.settings else [])])


def choose(candidates: Sequence[Candidate], sparsity: float | None = None) -> Choice:
    """Apply the rule at the top of this file.

    Args:
        candidates: with the same seeds.
        sparsity: asked for; None takes what the sparsest candidate has.

    Raises:
        DashpruneError: if no candidate is as sparse as asked.
    """
    floor, admitted = _admitted(candidates, sparsity)
    best = min(admitted, key=lambda own: own.error)
    equal = [own for own in admitted if own.equals(best)]
    sparsest = _near_highest(equal, [own.sparsity for own in equal], SLACK)
    heaviest = _near_highest(sparsest, [own.prior_weight for own in sparsest], 1e-9)
    chosen = min(heaviest, key=lambda own: own.error)
    marks = [_mark(own, chosen, equal, admitted) for own in candidates]
    enough = f"sparse enough (at least {floor:.4f}) are {len(admitted)} of {len(candidates)} candidates"
    why = f"{chosen} is chosen: {enough}, and {_why(equal, sparsest, heaviest, best)}."
    return Choice(best, chosen, marks, why)


def _admitted(candidates: Sequence[Candidate], sparsity: float | None) -> tuple[float, list[Candidate]]:
    """The least sparsity, and the candidates that have it."""
    highest = max(own.sparsity for own in candidates)
    floor = highest - SLACK if sparsity is None else sparsity - ROUNDING
    admitted = [own for own in candidates if own.sparsity >= floor]
    if not admitted:
        raise DashpruneError(f"--sparsity {sparsity:g}: the sparsest candidate has {highest:.4f}; ask for less")
    return floor, admitted


def _mark(own: Candidate, chosen: Candidate, equal: list[Candidate], admitted: list[Candidate]) -> str:
    if own is chosen:
        return "chosen"
    if own in equal:
        return "equal"
    return "worse" if own in admitted else "too dense"


def _near_highest(candidates: list[Candidate], values: list[float], slack: float) -> list[Candidate]:
    return [own for own, value in zip(candidates, values, strict=True) if value >= max(values) - slack]


def _why(equal: list[Candidate], sparsest: list[Candidate], heaviest: list[Candidate], best: Candidate) -> str:
    """Which step of the rule decided; the lists are what each step left."""
    within = f"within {'one standard error' if len(best.errors) > 1 else f'{TOLERANCE:.0%}'} of"
    if len(equal) == 1:
        return f"of these no other has a validation error {within} its own"
    start = f"{len(equal)} of these have a validation error {within} the lowest"
    if len(sparsest) == 1:
        return f"{start}; it is the sparsest of them"
    if len(heaviest) == 1:
        last = "where validation cannot tell candidates apart, the prior decides"
        return f"{start}; of them{' the sparsest' * (sparsest != equal)} it gives the prior the largest weight: {last}"
    return f"{start}; of those that are no less sparse and give the prior no less weight, it has the lowest error"


def sweeps(rows: Iterable[Result]) -> tuple[list[Sweep], list[str]]:
    """What there is to choose from, among runs that have a validation error.

    Candidates are compared on seeds that all have: those without the seed that most have are left out, then the seeds
    that all others share count.

    Returns:
        The sweeps, and the names of dataset, model and pruner of runs among which there is nothing to choose.
    """
    kinds = grouping.by(filter(_can_be_chosen, rows), _kind)
    swept = {kind: own for kind, runs in kinds.items() if (own := _compared(runs))}
    found = []
    for alike in grouping.by(swept, lambda kind: kind.names).values():
        labels = grouping.labels(alike)
        found += [_sweep(kind, label, swept[kind]) for kind, label in zip(alike, labels, strict=True)]
    without = [" ".join(kind.names) for kind in kinds if kind not in swept]
    return found, list(dict.fromkeys(without))


def unvalidated(rows: Iterable[Result]) -> list[str]:
    """The names of dataset, model and pruner of runs that held out nothing to validate on, each once."""
    names = (" ".join(row[name] for name in grouping.NAMES) for row in rows if _is_unvalidated(row))
    return list(dict.fromkeys(names))


def _is_unvalidated(row: Result) -> bool:
    return row["model"] != "control" and row["config"].get("dataset", {}).get("validation", ABSENT) is None


def _can_be_chosen(row: Result) -> bool:
    error = row.get("validation_mse")
    return row["model"] != "control" and error is not None and math.isfinite(error)


def _sweep(kind: Kind, label: str, compared: Compared) -> Sweep:
    dataset, model, pruner = kind.names
    end = f"_{_digest(kind)}" if label else ""
    return Sweep((dataset, model, pruner), label, "_".join(kind.names) + end, *compared)


def _digest(kind: Kind) -> str:
    """Six digits that tell a kind from others, for the name of a file."""
    texts = (*kind.names, *sorted(f"{key}={value}" for key, value in kind.pairs))
    return hashlib.sha256(repr(texts).encode()).hexdigest()[:6]


def _settings(row: Result) -> dict[str, Any]:
    """What decides a run's result but for seeds and the machine, by dotted key, as values."""
    keys = [key for key in identity.settings(row["config"]) if key not in MACHINE]
    return {key: _at(row["config"], key) for key in keys}


def _at(config: Mapping[str, Any], key: str) -> Any:
    """The value under a dotted key, or ABSENT."""
    node: Any = config
    for part in key.split("."):
        node = node.get(part, ABSENT) if isinstance(node, Mapping) else ABSENT
    return node


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(row: Result) -> dict[str, float]:
    """The numbers among the options of the pruner: what a sweep may vary."""
    return {key: value for key, value in _settings(row).items() if key.startswith("pruner.") and _number(value)}


def _kind(row: Result) -> Kind:
    """Dataset, model, pruner, and every setting that candidates of one sweep have in common."""
    settings, numbers = {**_settings(row), "data": row.get("data")}, _numbers(row)
    common = {key: "number" if key in numbers else _text(value) for key, value in settings.items()}
    return Kind.of((row[name] for name in grouping.NAMES), common)


def _text(value: object) -> str:
    """The same text for 1 and 1.0, which mean the same."""
    return repr(float(value)).removesuffix(".0") if _number(value) else str(value)


def _compared(rows: Sequence[Result]) -> Compared | None:
    """What can be compared of runs of one kind; None if there are not two candidates."""
    swept = _swept(rows)
    runs = _by_seed(rows, swept)
    most = _most_frequent(seed for own in runs.values() for seed in own)
    sharing = {values: own for values, own in runs.items() if most in own}
    if len(sharing) < 2:
        return None
    seeds = sorted(set.intersection(*map(set, sharing.values())))
    made = [_candidate(dict(zip(swept, key, strict=True)), [own[s] for s in seeds]) for key, own in sharing.items()]
    return Compared(made, seeds, len(runs) - len(sharing))


def _swept(rows: Sequence[Result]) -> list[str]:
    """The numbers in which runs of one kind differ."""
    options = [_numbers(row) for row in rows]
    return [key for key in options[0] if len({own[key] for own in options}) > 1]


def _by_seed(rows: Sequence[Result], swept: Sequence[str]) -> dict[tuple[float, ...], dict[int, Result]]:
    """The run of each seed, for each combination of the numbers that are swept, in their order."""
    runs = grouping.by(rows, lambda row: tuple(_numbers(row)[key] for key in swept))
    return {values: {row["seed"]: row for row in own} for values, own in sorted(runs.items())}


def _most_frequent(seeds: Iterable[int]) -> int:
    """The lowest of those that come most often."""
    counts = Counter(seeds)
    return min(counts, key=lambda seed: (-counts[seed], seed))


def _candidate(options: dict[str, float], rows: Sequence[Result]) -> Candidate:
    known = [row["balanced_accuracy"] for row in rows if row.get("balanced_accuracy") is not None]
    return Candidate(
        options,
        errors=tuple(row["validation_mse"] for row in rows),
        sparsity=fmean(row["sparsity"] for row in rows),
        prior_weight=_prior_weight(rows[0]),
        balanced_accuracy=fmean(known) if len(known) == len(rows) else None,
        config=rows[0]["config"],
    )


def _prior_weight(row: Result) -> float:
    """The sum of the options lambda... of a strategy that looks at the prior; 0 for others."""
    weights = [value for key, value in _numbers(row).items() if key.split(".")[-1].startswith("lambda")]
    return sum(weights) if row.get("uses_prior") else 0.0


def markdown(sweep: Sweep, choice: Choice) -> str:
    """The candidates as a table, why one is chosen, and, as information, how far it is from the best by truth."""
    table = []
    for own, mark in zip(sweep.candidates, choice.marks, strict=True):
        difference, error = own.above(choice.best)
        shown = {key.removeprefix("pruner."): _text(value) for key, value in own.options.items()}
        shown |= {"sparsity": f"{own.sparsity:.4f}", "validation_mse": f"{own.error:.3e}"}
        above = f"{difference:+.1e}" + ("" if error is None else f" ± {error:.1e}")
        shown["above the best"] = "0" if own is choice.best else above
        table.append({**shown, "mark": f"**{mark}**" if mark == "chosen" else mark})
    seeds = f"Seeds: {', '.join(map(str, sweep.seeds))}."
    if sweep.left_out:
        seeds += f" Left out, for want of these: {sweep.left_out} other candidates."
    text = escaping.markdown(pd.DataFrame(table).fillna(""))
    return "\n\n".join([f"## {sweep}", text, f"{seeds} {choice.why}", *_by_truth(sweep, choice)])


def _by_truth(sweep: Sweep, choice: Choice) -> list[str]:
    """How far the choice is from the best balanced accuracy of those sparse enough; nothing without gold standard."""
    known = [
        (own.balanced_accuracy, str(own))
        for own, mark in zip(sweep.candidates, choice.marks, strict=True)
        if own.balanced_accuracy is not None and mark != "too dense"
    ]
    if choice.chosen.balanced_accuracy is None:
        return []
    own, (best, name) = choice.chosen.balanced_accuracy, max(known)
    rival = f"the best of those sparse enough has {best:.4f} ({name}), which is {best - own:.4f} more"
    return [f"For information only, not used for the choice: its balanced accuracy is {own:.4f}; {rival}."]


def write(root: Path, sweep: Sweep, choice: Choice) -> str:
    """Write the choice to `root`/selected/NAME.yaml, with which `run` repeats the chosen runs or makes more like them.

    Returns:
        The command that uses it.

    Raises:
        DashpruneError: if the file cannot be written, or dataset, model or pruner are not among those of `conf/`.
    """
    command = f"dashprune run --config-dir {shlex.quote(str(root))} +selected={sweep.name}"
    lines = ["# @package _global_", f"# {command}", f"# {choice.why}", "defaults:"]
    values, options = OmegaConf.create(), choice.chosen.options
    try:
        lines += [f"  - override /{group}: {name}" for group, name in _chosen(choice.chosen.config).items()]
        for key, value in changes(choice.chosen.config, options).items():
            OmegaConf.update(values, key, value, force_add=True)
    except DashpruneError as error:
        by_hand = " ".join(f"{key}={_text(value)}" for key, value in options.items())
        raise DashpruneError(f"the choice cannot be written as a file: {error}; set it by hand: {by_hand}") from error
    path = root / "selected" / f"{sweep.name}.yaml"
    with files.writing("the choice", path):
        path.parent.mkdir(exist_ok=True)
        files.write(path, "\n".join(lines) + "\n" + OmegaConf.to_yaml(values))
    return command


def check(path: Path) -> None:
    """Refuse a file of `selected/` that says more than choices of this package and values of their keys.

    Raises:
        DashpruneError: naming what it says.
    """
    if not path.is_file():
        return  # Hydra says that there is no such choice
    content = files.read_yaml(path)
    if not isinstance(content, dict):
        raise DashpruneError(f"{path} is not a choice: it has no keys")
    for entry in content.pop("defaults", None) or []:
        [(group, name)] = entry.items() if isinstance(entry, dict) and len(entry) == 1 else [(entry, "")]
        group = str(group).removeprefix("override ").removeprefix("/")
        if group not in GROUPS or name not in choices(group):
            raise DashpruneError(f"{path}: the default {entry!r} is not one that a choice has")
    odd = [key for key in content if key in ("hydra", "defaults") or not isinstance(key, str)]
    if odd or "_target_" in _keys(content):
        raise DashpruneError(f"{path}: it sets {odd[0] if odd else '_target_'}, which no choice does; use none of it")


def _keys(node: object) -> set[object]:
    """All keys at any depth."""
    if isinstance(node, dict):
        return set(node).union(*(_keys(value) for value in node.values()))
    return set().union(*(_keys(value) for value in node)) if isinstance(node, list) else set()


def changes(config: Mapping[str, Any], always: Iterable[str] = ()) -> dict[str, Any]:
    """What to set, by dotted key, to get this resolved configuration, seeds and the machine's settings aside.

    A value that conf/ takes from elsewhere is set there: `schedule.start`, not `pruner.schedule.start`.

    Args:
        config: of a run.
        always: keys to set even if they have their default.
    """
    groups = [f"{group}={name}" for group, name in _chosen(config).items()]
    raw: Any = OmegaConf.to_container(compose(groups), resolve=False)
    wanted = _settings({"config": config})
    places = {key: _place(raw, key, wanted) for key in wanted}
    return {place: wanted[key] for key, place in places.items() if key in always or _at(raw, place) != wanted[key]}


def _chosen(config: Mapping[str, Any]) -> dict[str, str]:
    """What is chosen of each group."""
    nodes = {group: config[group] for group in GROUPS if group in config}
    for group, node in nodes.items():
        if "name" not in node:
            raise DashpruneError(f"its runs were made by older code, which did not name their {group}")
    return {group: node["name"] for group, node in nodes.items()}


def _place(raw: Mapping[str, Any], key: str, wanted: Mapping[str, Any]) -> str:
    """Where a value comes from, as far back as nothing else is wanted there."""
    origin = _origin(raw, key)
    if origin is None or wanted.get(origin, wanted[key]) != wanted[key]:
        return key
    return _place(raw, origin, {**wanted, origin: wanted[key]})


def _origin(raw: Mapping[str, Any], key: str) -> str | None:
    """The key that a key refers to, itself or by a part of its path, as in `schedule: ${schedule}`; else None."""
    parts = key.split(".")
    for end in range(1, len(parts) + 1):
        reference = re.fullmatch(r"\$\{([\w.]+)\}", str(_at(raw, ".".join(parts[:end]))))
        if reference:
            return ".".join([reference[1], *parts[end:]])
    return None
