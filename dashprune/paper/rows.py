"""The rows of an item's file of runs, which outlive the runs' folders: to go on from them, and to compare with."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dashprune import files
from dashprune.analysis.scores import SCORES
from dashprune.errors import DashpruneError
from dashprune.runs.results import Result

TIMES = ("wall_seconds",)
"""Scores that differ from one machine and day to the next."""
PRINTED = 1e-12
"""Relative difference up to which a score is the same but for its being written and read."""
ROUNDING = 1e-3
"""Relative difference of a score up to which two runs are the same but for rounding."""


class Difference(NamedTuple):
    """A score of a run that was made again.

    Attributes:
        score: its name.
        written: as it was written.
        now: as it is now.
        spread: standard deviation of the written runs that differ in their seeds only; NaN if there is one.
    """

    score: str
    written: float
    now: float
    spread: float = math.nan

    @property
    def relative(self) -> float:
        """To the larger of both in size; infinite where one of them is missing."""
        if math.isnan(self.written) or math.isnan(self.now):
            return math.inf
        return abs(self.written - self.now) / max(abs(self.written), abs(self.now))


def read(path: Path) -> dict[str, Result]:
    """The rows of a file of runs by their ids, each with what the file has of it: no configuration and no data.

    Raises:
        DashpruneError: if the file cannot be read, or is not one of runs.
    """
    try:
        with files.reading("the rows"):
            frame = pd.read_csv(path, dtype={"id": str}, float_precision="round_trip")
    except ValueError as error:
        raise DashpruneError(f"{path} is no file of runs: {' '.join(str(error).split())}") from error
    missing = {"dataset", "model", "pruner", "seed", "id"} - set(frame)
    if missing:
        raise DashpruneError(f"{path} is no file of runs: it has no column {', '.join(sorted(missing))}")
    frame["options"] = frame["options"].fillna("") if "options" in frame else ""
    known = [name for name in SCORES if name in frame]
    frame[known] = frame[known].apply(pd.to_numeric, errors="coerce")
    return {str(row["id"]): _row({str(key): value for key, value in row.items()}) for row in frame.to_dict("records")}


def _row(values: Mapping[str, Any]) -> Result:
    versions = {key: value for key, value in values.items() if key not in (*SCORES, *NAMES) and isinstance(value, str)}
    scores = {key: value for key, value in values.items() if key in SCORES and not math.isnan(value)}
    return {**{key: values[key] for key in NAMES if key in values}, **scores, "versions": versions}


NAMES = ("dataset", "model", "pruner", "seed", "id", "options")
ALIKE = ("dataset", "model", "pruner", "options")


def differences(written: Result, now: Result, repeats: Sequence[Result] = ()) -> list[Difference]:
    """The scores in which two rows of the same run differ, but for its times; the largest difference first.

    Args:
        written: the row of a file of runs.
        now: the row of the same run, made again.
        repeats: all written rows that differ from the first in their seeds only.
    """
    pairs = [(name, written.get(name), now.get(name)) for name in SCORES if name not in TIMES]
    found = [
        Difference(name, math.nan if old is None else old, math.nan if new is None else new, _spread(name, repeats))
        for name, old, new in pairs
        if old != new and not (old is None and new is None)
    ]
    return sorted((one for one in found if one.relative > PRINTED), key=lambda one: -one.relative)


def _spread(score: str, rows: Sequence[Result]) -> float:
    values = [row[score] for row in rows if row.get(score) is not None]
    return statistics.stdev(values) if len(values) > 1 else math.nan


SAME, ROUNDED, LIKE_SEEDS, DIFFERENT = "equal", "equal within rounding", "within the spread of seeds", "different"


def verdict(found: list[Difference]) -> str:
    """Equal; within rounding; or each difference is at most the spread over seeds; or different.

    Training amplifies rounding: a run that was trained as one model with others, or on another processor, adds up its
    numbers in another order, and after some thousand steps differs as much as another seed may.
    """
    if not found:
        return SAME
    if found[0].relative <= ROUNDING:
        return ROUNDED
    return LIKE_SEEDS if all(abs(one.written - one.now) <= one.spread for one in found) else DIFFERENT
