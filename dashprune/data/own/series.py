"""Expression of each sample in the order of time, out of measurements in any order."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from dashprune.data.own.cells import Cells
from dashprune.errors import DashpruneError, MendableError


class Series(NamedTuple):
    """Expression of one sample.

    Attributes:
        sample: its name.
        times: (T,) float64, increasing, T at least 2.
        values: (T, genes) float32.
        measurements: number of rows or cells that went into it.
        sorted: whether they had to be sorted by time.
    """

    sample: str
    times: np.ndarray
    values: np.ndarray
    measurements: int
    sorted: bool


def series_of(path: Path, cells: Cells, bins: int | None) -> list[Series]:
    """One series per sample, in the order in which samples first appear; tied times are averaged.

    Args:
        path: where the cells are from, for messages.
        cells: in any order.
        bins: average the cells of each sample, in the order of time, into this many groups whose numbers of cells
            differ by at most one; None leaves every cell a time point of its own.

    Raises:
        DashpruneError: if a sample has fewer cells than bins, or a single time point.
    """
    found = []
    names = pd.unique(pd.Series(cells.sample))
    for name in names:
        rows = np.flatnonzero(cells.sample == name)
        order = rows[np.argsort(cells.time[rows], kind="stable")]
        times, values = cells.time[order], cells.values[order]
        if bins is not None:
            times, values = _binned(path, name, times, values, bins)
        times, values = _untied(times, values)
        found.append(Series(str(name), times, values, len(rows), bool((order != rows).any())))
    _check_points(path, found)
    return found


def _check_points(path: Path, found: list[Series]) -> None:
    """Raise DashpruneError if a sample has a single time point."""
    single = [one for one in found if len(one.times) < 2]
    if single and len(single) == len(found) > 1 and len({one.times[0] for one in found}) > 1:
        raise MendableError(
            f"{path.name}: each of the {len(found):,} samples has a single time point, as where every animal is "
            f"measured once; dataset.sample=null takes all for one sample, and averages what has the same time",
            "dataset.sample=null",
        )
    if single:
        more = f", as have {len(single) - 1:,} others" if len(single) > 1 else ""
        raise DashpruneError(
            f"{path.name}: sample '{single[0].sample}' has a single time point, {single[0].times[0]:g}{more}; every "
            f"sample needs at least two"
        )


def rescaled(series: list[Series], scale: float | str | None) -> list[Series]:
    """The same with all times divided by `scale`; by the median step between time points if it is "auto"."""
    if scale is None:
        return series
    unit = float(scale) if scale != "auto" else median_step(series)
    return [one._replace(times=one.times / unit) for one in series]


def median_step(series: list[Series]) -> float:
    """Of all steps between successive time points of a sample."""
    return float(np.median(np.concatenate([np.diff(one.times) for one in series])))


def _binned(path: Path, name: str, times: np.ndarray, values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    if len(times) < bins:
        raise DashpruneError(
            f"dataset.bins: {bins} is more than the {len(times)} cells of sample '{name}' in {path.name}; lower it"
        )
    return _means(times, values, np.arange(len(times)) * bins // len(times))


def _untied(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average what has the same time."""
    distinct, group = np.unique(times, return_inverse=True)
    return distinct, values if len(distinct) == len(times) else _means(times, values, group)[1]


def _means(times: np.ndarray, values: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean time and values of consecutive rows with the same group."""
    first = np.flatnonzero(np.append(True, np.diff(group)))
    count = np.diff(np.append(first, len(group)))
    summed = np.add.reduceat(values.astype(np.float64), first, axis=0)
    return np.add.reduceat(times, first) / count, (summed / count[:, None]).astype(np.float32)
