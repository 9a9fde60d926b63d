"""A user's table of what was done to the cells, checked against the expression."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from dashprune.data.interventions import Interventions, covered, nothing
from dashprune.data.own import files
from dashprune.data.own.series import Series
from dashprune.errors import DashpruneError, did_you_mean

DEFAULTS = {"knockout": 0.0, "knockdown": 0.5, "overexpression": None, "input": None}
"""The kinds of interventions, and the value of each where none is given; None where one must be."""
_NUMBERS = {"value": None, "from": -math.inf, "to": math.inf}
"""Columns that may be missing or empty."""


class Done(NamedTuple):
    """What a file says.

    Attributes:
        report: one line, for the user.
        interventions: for each of the series, (times - 1, genes); None if the file lists nothing.
    """

    report: str
    interventions: list[Interventions[np.ndarray]] | None


class _Row(NamedTuple):
    """A row of the file; `where` names it."""

    where: str
    series: int
    gene: int
    kind: str
    value: float
    start: float
    end: float


def read_interventions(path: Path, genes: Sequence[str], series: Sequence[Series], expression: str) -> Done:
    """Read a table with columns sample, gene, kind and, where there is more to say, value, from and to.

    The column sample may be missing if there is only one. An intervention counts for a transition if it covers more
    than half of it.

    Args:
        path: .csv, .tsv, .txt, also packed, .parquet or .xlsx.
        genes: of the expression.
        series: the expression of each sample.
        expression: name of its file, for messages.

    Raises:
        DashpruneError: naming the row, if a sample, gene or kind is unknown, a value is missing or makes no sense, the
            window lies outside of the sample's times or is too short to count, or a gene that is held is named twice.
    """
    rows = _rows(path, genes, series, expression)
    if not rows:
        return Done(f"{path.name}: no interventions", None)
    done = [nothing(len(one.times) - 1, len(genes)) for one in series]
    counted = sum(_enter(row, series[row.series], done[row.series]) for row in rows)
    kinds = Counter(row.kind for row in rows)
    listed = ", ".join(f"{kinds[kind]:,} {kind}" for kind in DEFAULTS if kind in kinds)
    touched = len({row.series for row in rows})
    report = (
        f"{path.name}: interventions: {len(rows):,} ({listed}), genes: {len({row.gene for row in rows}):,}, "
        f"in {touched:,} of {len(series):,} samples, over {counted:,} transitions of a gene"
    )
    return Done(report, done)


def _rows(path: Path, genes: Sequence[str], series: Sequence[Series], expression: str) -> list[_Row]:
    columns = files.columns_of(path)
    samples = [one.sample for one in series]
    text = ["sample", "gene", "kind"] if len(samples) > 1 or "sample" in columns else ["gene", "kind"]
    allowed = [*text, *_NUMBERS]
    for name in text:
        if name not in columns:
            raise DashpruneError(f"{path.name} has no column '{name}'; it needs {', '.join(text)}")
    for name in columns:
        if name not in allowed:
            hint = did_you_mean(name, allowed)
            raise DashpruneError(f"{path.name}: column '{name}' is unknown{hint}; allowed are {', '.join(allowed)}")
    table = files.read_table(path, columns, text, empty=True)
    if "sample" not in text:
        table["sample"] = samples[0]
    numbers = {name: _numbers(path, table, name) for name in _NUMBERS}
    rows = []
    for place, (row, line) in enumerate(table.iterrows()):
        where = f"{path.name}: row {row}"
        sample = _index(where, "sample", line["sample"], samples, expression)
        gene = _index(where, "gene", line["gene"], genes, expression)
        value, start, end = (float(numbers[name][place]) for name in _NUMBERS)
        value = _checked(where, line["kind"], value)
        start, end = (unset if math.isnan(own) else own for own, unset in ((start, -math.inf), (end, math.inf)))
        rows.append(_Row(where, sample, gene, line["kind"], value, start, end))
    return rows


def _numbers(path: Path, table: pd.DataFrame, name: str) -> np.ndarray:
    """(rows,) float64 of a column that may be missing or have empty cells, which are NaN."""
    found = pd.Series(math.nan, index=table.index)
    if name in table:
        filled = table[name].dropna()
        found[filled.index] = files.numbers(path, filled, "it must be a number, or empty")
    return found.to_numpy()


def _index(where: str, what: str, name: str, known: Sequence[str], expression: str) -> int:
    if name not in known:
        listed = ", ".join(known[:5]) + (", ..." if len(known) > 5 else "")
        hint = did_you_mean(name, known) or f"; it has {listed}"
        raise DashpruneError(f"{where}: {expression} has no {what} '{name}'{hint}")
    return known.index(name)


def _checked(where: str, kind: str, value: float) -> float:
    """The value, or that of the kind where none is given."""
    if kind not in DEFAULTS:
        hint = did_you_mean(kind, DEFAULTS)
        raise DashpruneError(f"{where}: kind '{kind}' is unknown{hint}; one of {', '.join(DEFAULTS)}")
    if not math.isnan(value):
        if kind == "knockdown" and not 0 <= value <= 1:
            raise DashpruneError(
                f"{where}: a knockdown to {value:g} times the production; the value must be between 0 and 1"
            )
        return value
    default = DEFAULTS[kind]
    if default is None:
        what = "the expression at which the gene is held" if kind == "overexpression" else "what is added to its input"
        raise DashpruneError(f"{where}: {kind} needs a value, {what}")
    return default


def _enter(row: _Row, series: Series, done: Interventions[np.ndarray]) -> int:
    """Put a row into what was done to a sample; returns for how many transitions it counts."""
    times = series.times
    window = f"the window from {row.start:g} to {row.end:g}"
    if not row.start < row.end:
        raise DashpruneError(f"{row.where}: {window} is empty; 'from' must be less than 'to'")
    if row.end <= times[0] or row.start >= times[-1]:
        raise DashpruneError(
            f"{row.where}: {window} is outside of the times of sample '{series.sample}', {times[0]:g} to {times[-1]:g}"
        )
    chosen = covered(times, row.start, row.end)
    if not chosen.any():
        raise DashpruneError(
            f"{row.where}: {window} covers more than half of no transition of sample '{series.sample}', so it would "
            f"count for none; widen it"
        )
    _apply(row, done, chosen)
    return int(chosen.sum())


def _apply(row: _Row, done: Interventions[np.ndarray], chosen: np.ndarray) -> None:
    here = (chosen, row.gene)
    holds = row.kind in ("knockout", "overexpression")
    changed = (done.factor[here] != 1) | (done.addition[here] != 0)
    if (~np.isnan(done.held[here])).any() or (holds and changed.any()):
        raise DashpruneError(
            f"{row.where}: {row.kind} of a gene that another row holds or changes at the same time; a gene that is "
            f"held has no production to scale or add to, so keep one of the rows"
        )
    if holds:
        done.held[here] = row.value
    elif row.kind == "knockdown":
        done.factor[here] *= row.value
    else:
        done.addition[here] += row.value
