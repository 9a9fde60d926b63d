"""The rows of an item's file of runs, which outlive the runs' folders: to go on from them, and to compare with."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    """A score of a run that was made again: as it was written, and as it is now."""

    score: str
    written: float
    now: float

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
            frame = pd.read_csv(path, dtype={"id": str})
    except ValueError as error:
        raise DashpruneError(f"{path} is no file of runs: {' '.join(str(error).split())}") from error
    missing = {"dataset", "model", "pruner", "seed", "id"} - set(frame)
    if missing:
        raise DashpruneError(f"{path} is no file of runs: it has no column {', '.join(sorted(missing))}")
    known = [name for name in SCORES if name in frame]
    frame[known] = frame[known].apply(pd.to_numeric, errors="coerce")
    return {str(row["id"]): _row({str(key): value for key, value in row.items()}) for row in frame.to_dict("records")}


def _row(values: Mapping[str, Any]) -> Result:
    versions = {key: value for key, value in values.items() if key not in (*SCORES, *NAMES) and isinstance(value, str)}
    scores = {key: value for key, value in values.items() if key in SCORES and not math.isnan(value)}
    return {**{key: values[key] for key in NAMES if key in values}, **scores, "versions": versions}


NAMES = ("dataset", "model", "pruner", "seed", "id", "options")


def differences(written: Result, now: Result) -> list[Difference]:
    """The scores in which two rows of the same run differ, but for its times; the largest difference first."""
    pairs = [(name, written.get(name), now.get(name)) for name in SCORES if name not in TIMES]
    found = [
        Difference(name, math.nan if old is None else old, math.nan if new is None else new)
        for name, old, new in pairs
        if old != new and not (old is None and new is None)
    ]
    return sorted((one for one in found if one.relative > PRINTED), key=lambda one: -one.relative)


def verdict(found: list[Difference]) -> str:
    """`equal`, `equal within rounding`, or `different`."""
    if not found:
        return "equal"
    return "equal within rounding" if found[0].relative <= ROUNDING else "different"
