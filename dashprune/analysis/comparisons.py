"""Which differences between strategies are more than noise: paired t-tests over seeds, corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

import pandas as pd

from dashprune import escaping, files
from dashprune.analysis import grouping
from dashprune.analysis.scores import COMPARED, SCORES, Score
from dashprune.runs import results
from dashprune.runs.results import Result

SEEDS = 3
"""As many seeds two strategies must share to be compared."""

LEVEL = 0.05
COLUMNS = [
    "dataset", "model", "settings", "score", "strategy", "reference", "seeds", "difference", "low", "high", "p",
    "p_corrected", "verdict",
]  # fmt: skip
EXPLANATION = (
    "Each strategy against the best by mean: its score minus the best one's, paired by seed, with 95 % interval; p by "
    "paired t-test, with Holm's correction for all comparisons of a dataset, model and score; within noise: p >= 0.05."
)

Values = Mapping[str, Mapping[int, float]]
"""A score of each strategy, by seed."""


class Place(NamedTuple):
    """Where strategies are compared: `settings` are those in which it differs from others of the dataset and model."""

    dataset: str
    model: str
    settings: str

    def __str__(self) -> str:
        return " ".join(part for part in self if part)


class PairedTest(NamedTuple):
    """A paired t-test: mean difference, its 95 % interval, and the two-sided p, not corrected."""

    difference: float
    low: float
    high: float
    p: float


class Comparison(NamedTuple):
    """What could be compared, with COLUMNS, and a line for each place where something could not."""

    table: pd.DataFrame
    missing: list[str]


def paired(own: Sequence[float], reference: Sequence[float]) -> PairedTest:
    """The paired t-test of `own` minus `reference`, both in the order of the seeds, of which there are at least two.

    If all differences are equal (but for rounding), there is no noise: p is 1 where they are 0, else 0.
    """
    from scipy.special import stdtr, stdtrit  # scipy.stats has the test, but takes four times as long to import

    differences = [a - b for a, b in zip(own, reference, strict=True)]
    mean, deviation = fmean(differences), stdev(differences)
    rounding = 1e-12 * max(map(abs, [*own, *reference]))
    if deviation <= rounding:
        same = abs(mean) <= rounding
        return PairedTest(0.0, 0.0, 0.0, 1.0) if same else PairedTest(mean, mean, mean, 0.0)
    freedom, error = len(differences) - 1, deviation / math.sqrt(len(differences))
    half = float(stdtrit(freedom, 0.975)) * error
    return PairedTest(mean, mean - half, mean + half, 2 * float(stdtr(freedom, -abs(mean) / error)))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's correction: the k-th smallest of n (k from 0) times n - k, at most 1, and never below a smaller one's."""
    corrected, largest = [0.0] * len(p), 0.0
    for k, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        largest = max(largest, min(1.0, (len(p) - k) * p[index]))
        corrected[index] = largest
    return corrected


def compare(rows: Iterable[Result]) -> Comparison:
    """Compare the strategies of each dataset and model with the best one, for each score that is COMPARED.

    Strategies are compared where everything but the pruner and its options is the same. The reference has the best mean
    of the score over its own seeds, of those that share SEEDS seeds with another. Controls are no strategies.
    """
    lines: list[dict[str, object]] = []
    missing: list[str] = []
    for place, runs in _places(rows).items():
        short: dict[str, None] = {}
        for score in COMPARED:
            values = _values(runs, score)
            reference = _reference(values, score)
            lines += [{**place._asdict(), **line} for line in _against(reference, values, score)]
            short.update(dict.fromkeys(_too_few(reference, values)))
        if short:
            missing.append(_not_compared(place, list(short)))
    return Comparison(pd.DataFrame(lines, columns=COLUMNS), missing)


def markdown(compared: Comparison) -> str:
    """The comparisons as a Markdown table below its explanation, and what could not be compared; empty for nothing."""
    table = compared.table
    shown = pd.DataFrame({name: table[name] for name in COLUMNS[:7] if name != "settings" or table[name].any()})
    digits = [SCORES[score].digits for score in table["score"]]
    for name in ("difference", "low", "high"):
        shown[name] = [f"{value:+{own}}" for value, own in zip(table[name], digits, strict=True)]
    shown["p"] = [f"{value:.2g}" for value in table["p_corrected"]]
    shown["verdict"] = table["verdict"]
    text = escaping.markdown(shown)
    return "\n\n".join([*([EXPLANATION, text] if len(table) else []), *compared.missing])


def write(root: Path) -> Comparison:
    """Compare all runs below `root`; write `root`/tables/comparisons.csv and .md, beside the tables.

    Raises:
        DashpruneError: if there is no result, or the files cannot be written.
    """
    compared = compare(results.collect(root))
    folder = root / "tables"
    with files.writing("the comparisons", folder):
        folder.mkdir(exist_ok=True)
        files.write(folder / "comparisons.csv", escaping.delimited(compared.table))
        files.write(folder / "comparisons.md", markdown(compared) + "\n")
    return compared


def _places(rows: Iterable[Result]) -> dict[Place, dict[str, list[Result]]]:
    """Runs by where they can be compared; there, by strategy: pruner and options."""
    trained = [row for row in rows if row["model"] != "control"]
    found = grouping.labelled(trained, lambda row: grouping.kind(row, ("dataset", "model"), _no_option))
    return {Place(dataset, model, settings): _strategies(runs) for ((dataset, model), settings), runs in found.items()}


def _strategies(rows: Sequence[Result]) -> dict[str, list[Result]]:
    found = grouping.labelled(rows, lambda row: grouping.kind(row, ("pruner",), _option))
    return {f"{pruner} {options.replace('pruner.', '')}".strip(): runs for ((pruner,), options), runs in found.items()}


def _option(key: str) -> bool:
    return key.startswith("pruner.")


def _no_option(key: str) -> bool:
    return not _option(key)


def _values(runs: Mapping[str, Sequence[Result]], score: Score) -> Values:
    """What there is of a score; empty if no run has it."""
    name = score.name
    found = {one: {row["seed"]: row[name] for row in own if row.get(name) is not None} for one, own in runs.items()}
    return found if any(found.values()) else {}


def _shared(values: Values, one: str, other: str) -> list[int]:
    """The seeds of both."""
    return sorted(values[one].keys() & values[other].keys())


def _reference(values: Values, score: Score) -> str | None:
    """The strategy with the best mean, of those that share enough seeds with another; None if none does."""
    sharing = {
        one: fmean(own.values())
        for one, own in values.items()
        if any(len(_shared(values, one, other)) >= SEEDS for other in values if other != one)
    }
    return next((one for one, mean in sharing.items() if mean == score.best(sharing.values())), None)


def _against(reference: str | None, values: Values, score: Score) -> list[dict[str, object]]:
    """A line for each strategy that is compared with the reference."""
    if reference is None:
        return []
    names = [name for name in values if name != reference and len(_shared(values, name, reference)) >= SEEDS]
    tests = [_test(values, name, reference) for name in names]
    corrected = holm([test.p for test in tests])
    return [
        {
            "score": score.name, "strategy": name, "reference": reference,
            "seeds": len(_shared(values, name, reference)), **test._asdict(),
            "p_corrected": p, "verdict": _verdict(score, test, p),
        }
        for name, test, p in zip(names, tests, corrected, strict=True)
    ]  # fmt: skip


def _test(values: Values, name: str, reference: str) -> PairedTest:
    seeds = _shared(values, name, reference)
    return paired(*([values[one][seed] for seed in seeds] for one in (name, reference)))


def _too_few(reference: str | None, values: Values) -> list[str]:
    """The strategies that share too few seeds with the reference; all of several if there is none."""
    if reference is None:
        return list(values) if len(values) > 1 else []
    return [name for name in values if name != reference and len(_shared(values, name, reference)) < SEEDS]


def _verdict(score: Score, test: PairedTest, p: float) -> str:
    if p >= LEVEL:
        return "within noise"
    return "better" if score.best([test.difference, 0.0]) == test.difference else "worse"


def _not_compared(place: Place, names: Sequence[str]) -> str:
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"Not compared on {place}, for want of {SEEDS} shared seeds: {listed}."
