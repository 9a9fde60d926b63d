"""Which differences between strategies are more than noise: paired t-tests over seeds, corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

import pandas as pd
from tabulate import tabulate

from dashprune import files
from dashprune.analysis.tables import DIGITS, differing
from dashprune.runs import identity, results
from dashprune.runs.results import Result

BEST: dict[str, Callable[[Iterable[float]], float]] = {"balanced_accuracy": max, "mse": min}
"""The scores that are compared, and which of their values is the best."""

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

Place = tuple[str, str, str]  # dataset, model, and the settings in which it differs from others of these
Scores = dict[str, dict[int, float]]  # of each strategy, by seed


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
    """Compare the strategies of each dataset and model with the best one, for each score in BEST.

    Strategies are compared where everything but the pruner and its options is the same. The reference has the best mean
    of the score over its own seeds, of those that share SEEDS seeds with another. Controls are no strategies.
    """
    lines: list[dict[str, object]] = []
    missing: list[str] = []
    for place, runs in _places(rows).items():
        without: dict[str, None] = {}
        for score in BEST:
            found, short = _against_best(score, _scores(runs, score))
            lines += [{**dict(zip(COLUMNS, place, strict=False)), **line} for line in found]
            without.update(dict.fromkeys(short))
        if without:
            missing.append(_not_compared(place, list(without)))
    return Comparison(pd.DataFrame(lines, columns=COLUMNS), missing)


def markdown(compared: Comparison) -> str:
    """The comparisons as a Markdown table below its explanation, and what could not be compared; empty for nothing."""
    table = compared.table
    shown = pd.DataFrame({name: table[name] for name in COLUMNS[:7] if name != "settings" or table[name].any()})
    digits = [DIGITS.get(score, ".4f") for score in table["score"]]
    for name in ("difference", "low", "high"):
        shown[name] = [f"{value:+{own}}" for value, own in zip(table[name], digits, strict=True)]
    shown["p"] = [f"{value:.2g}" for value in table["p_corrected"]]
    shown["verdict"] = table["verdict"]
    text = tabulate(shown.to_dict("list"), headers="keys", tablefmt="github", disable_numparse=True)
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
        files.write(folder / "comparisons.csv", compared.table.to_csv(index=False))
        files.write(folder / "comparisons.md", markdown(compared) + "\n")
    return compared


def _places(rows: Iterable[Result]) -> dict[Place, dict[str, list[Result]]]:
    """Runs by dataset, model and settings of others than the pruner; there, by strategy: pruner and options."""
    kinds: dict[tuple[str, str], list[Result]] = {}
    for row in rows:
        if row["model"] != "control":
            kinds.setdefault((row["dataset"], row["model"]), []).append(row)
    places: dict[Place, dict[str, list[Result]]] = {}
    for (dataset, model), members in kinds.items():
        for settings, runs in _divided(members, lambda key: not key.startswith("pruner.")).items():
            own = places.setdefault((dataset, model, settings), {})
            for pruner in dict.fromkeys(run["pruner"] for run in runs):
                alike = [run for run in runs if run["pruner"] == pruner]
                for options, group in _divided(alike, lambda key: key.startswith("pruner.")).items():
                    own[f"{pruner} {options.replace('pruner.', '')}".strip()] = group
    return places


def _divided(rows: Sequence[Result], counts: Callable[[str], bool]) -> dict[str, list[Result]]:
    """Runs by the settings in which they differ, of those whose key counts."""
    settings = [identity.settings(row["config"]) for row in rows]
    groups: dict[str, list[Result]] = {}
    labels = differing([{key: value for key, value in own.items() if counts(key)} for own in settings])
    for row, label in zip(rows, labels, strict=True):
        groups.setdefault(label, []).append(row)
    return groups


def _scores(runs: Mapping[str, Sequence[Result]], score: str) -> Scores:
    """What there is of a score, by strategy and seed; empty if no run has it."""
    found = {name: {row["seed"]: row[score] for row in own if row.get(score) is not None} for name, own in runs.items()}
    return found if any(found.values()) else {}


def _against_best(score: str, values: Scores) -> tuple[list[dict[str, object]], list[str]]:
    """The lines of one table of comparisons, and the strategies that share too few seeds with the reference."""
    sharing = [
        name
        for name, own in values.items()
        if any(len(own.keys() & other.keys()) >= SEEDS for rival, other in values.items() if rival != name)
    ]
    if not sharing:
        return [], list(values) if len(values) > 1 else []
    means = {name: fmean(values[name].values()) for name in sharing}
    reference = next(name for name in sharing if means[name] == BEST[score](means.values()))
    seeds = {name: sorted(own.keys() & values[reference].keys()) for name, own in values.items() if name != reference}
    compared = [name for name in seeds if len(seeds[name]) >= SEEDS]
    tests = [paired(*([values[one][seed] for seed in seeds[name]] for one in (name, reference))) for name in compared]
    corrected = holm([test.p for test in tests])
    lines: list[dict[str, object]] = [
        {
            "score": score, "strategy": name, "reference": reference, "seeds": len(seeds[name]), **test._asdict(),
            "p_corrected": p, "verdict": _verdict(score, test, p),
        }
        for name, test, p in zip(compared, tests, corrected, strict=True)
    ]  # fmt: skip
    return lines, [name for name in seeds if name not in compared]


def _verdict(score: str, test: PairedTest, p: float) -> str:
    if p >= LEVEL:
        return "within noise"
    return "better" if BEST[score]([test.difference, 0.0]) == test.difference else "worse"


def _not_compared(place: Place, names: Sequence[str]) -> str:
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"Not compared on {' '.join(part for part in place if part)}, for want of {SEEDS} shared seeds: {listed}."
