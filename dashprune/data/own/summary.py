"""One line on expression that was read, and what about it may be amiss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dashprune.data.own.cells import Note
from dashprune.data.own.series import Series, median_step

_LARGE = 20.0
"""Expression beyond this is pointed out: models start from weights made for values of about 0 to 1."""
_LOG = 2.0
"""The same for expression that is no large count, and may be a logarithm."""
_MANY, _BINS = 200, 50
"""Time points of a sample that are pointed out, and into how many they may be averaged."""
_LONG, _SHORT = 5.0, 0.01
"""Steps beyond these are pointed out: the decay of models starts at 1, so that after a step of 5 less than 1 % is left
of a change, and within one of 0.01 it changes by 1 %."""


def summary(path: Path, genes: Sequence[str], series: Sequence[Series]) -> str:
    """One line on the expression, and on what was done to it."""
    points = [len(one.times) for one in series]
    text = f"{path.name}: {len(genes):,} genes, samples: {len(series):,}, time points per sample: {_range(points)}"
    times = np.concatenate([one.times for one in series])
    steps = np.concatenate([np.diff(one.times) for one in series])
    text += f", times {times.min():g} to {times.max():g} in steps of {_range(steps)}"
    text += f", values {min(one.values.min() for one in series):.3g} to {max(one.values.max() for one in series):.3g}"
    if unsorted := sum(one.sorted for one in series):
        text += f"; times were not in order and were sorted in {unsorted:,} of the samples"
    if averaged := sum(one.measurements for one in series) - sum(points):
        text += f"; {averaged + sum(points):,} rows were averaged to {sum(points):,} time points"
    return text


def _range(numbers: Sequence[float] | np.ndarray) -> str:
    low, high = f"{min(numbers):.3g}", f"{max(numbers):.3g}"
    return low if low == high else f"{low} to {high}"


def hints(
    path: Path, series: Sequence[Series], scale: bool, time_scale: float | str | None, bins: int | None
) -> list[Note]:
    """Warnings about the size of values, of time steps and of samples, each with the override that mends it."""
    texts = {
        "" if scale else _of_values(np.concatenate([one.values for one in series])): "dataset.scale=true",
        "" if time_scale is not None else _of_steps(list(series)): "dataset.time_scale=auto",
        "" if bins is not None else _of_points([len(one.times) for one in series]): f"dataset.bins={_BINS}",
    }
    still = np.concatenate([~np.diff(one.values, axis=0).any(axis=1) for one in series])
    if still.any():
        texts[f"no gene changes in {still.sum():,} of {len(still):,} steps between time points"] = ""
    return [Note(f"warning: {path.name}: {text}", mend) for text, mend in texts.items() if text]


def _of_points(points: Sequence[int]) -> str:
    if max(points) <= _MANY:
        return ""
    return (
        f"a sample has {max(points):,} time points, as single cells have; dataset.bins={_BINS} averages them along "
        f"time, which takes away most of their noise"
    )


def _of_values(values: np.ndarray) -> str:
    """What the values seem to be, if not about 0 to 1."""
    low, high = float(values.min()), float(values.max())
    mend = "consider dataset.scale=true, which brings each gene to 0 to 1"
    if low >= 0 and high > _LARGE and not (values % 1).any():
        return f"values reach {high:g} and are all whole, as counts are; take log(1 + x) first, and {mend}"
    if max(high, -low) > _LARGE:
        return f"values reach {high if high >= -low else low:g}, {mend}"
    if low < 0 and _are_z_scores(values):
        return f"every gene has mean 0 and standard deviation 1, as z-scores have; {mend}"
    if high > _LOG or low < 0:
        return f"values run from {low:.3g} to {high:.3g}, as logarithms do; {mend}"
    return ""


def _are_z_scores(values: np.ndarray) -> bool:
    spread = values.std(axis=0)
    moving = spread > 0
    return bool(
        (np.abs(values.mean(axis=0)) < 0.05).all() and moving.any() and (np.abs(spread[moving] - 1) < 0.1).all()
    )


def _of_steps(series: list[Series]) -> str:
    step = median_step(series)
    if step > _LONG:
        return (
            f"a step in time is {step:g}, but a gene should respond within about one unit; dataset.time_scale=auto "
            f"makes a step one unit, dataset.time_scale=N divides times by N"
        )
    if step < _SHORT:
        return (
            f"a step in time is {step:.2g}, in which hardly anything changes: a gene responds within about one unit; "
            f"dataset.bins=N averages cells into N time points, dataset.time_scale=auto makes a step one unit"
        )
    return ""
