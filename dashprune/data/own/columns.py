"""Which column tells the time, which may name samples, and which are hardly genes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dashprune.data.own import files
from dashprune.data.own.cells import ALL, AUTO, Note, Reading, listed, override
from dashprune.errors import DashpruneError, MendableError, did_you_mean

MISSING = {"", "na", "nan", "n/a", "#n/a", "#na", "<na>", "null", "none", "-nan", "missing"}
"""How tables write that there is no value, in lower case."""
_UNIT = r"(?:h|hrs?|hours?|m|mins?|minutes?|d|days?|s|secs?|seconds?)"
_LONG = r"(?:w|wks?|weeks?|mo|months?|y|yrs?|years?|[hdw]p[aifmt]|pcw)"
"""Longer units, and those since something: hours past infection, days past fertilisation, weeks past conception."""
_TIME = re.compile(rf"(?:time|times|timepoints?|latenttime|realtime|samplingtime)(?:in)?{_UNIT}?|{_UNIT}")
_MOMENT = re.compile(rf"[+-]?[0-9]+(?:\.[0-9]+)?\s*(?P<unit>{_UNIT}|{_LONG})?", re.IGNORECASE)
_WORD = rf"(?:t|tp|times?|time[ _]?points?|pseudotime|zt|ct|e|p|{_UNIT}|{_LONG})"
_LABELLED = re.compile(rf"X?[0-9]+(?:\.[0-9]+)?\s*(?:{_UNIT}|{_LONG})[ _.-].*", re.IGNORECASE)
"""A time and its unit with something behind it that may tell replicates apart, such as 0h_a."""
_ALONE = re.compile(r"h|hr|m|min|d|s", re.IGNORECASE)
"""Units that are names of genes, too."""
_SAME = {"hr": "h", "hour": "h", "m": "min", "minute": "min", "day": "d", "second": "s", "sec": "s",
         "week": "w", "wk": "w", "year": "y", "yr": "y", "month": "mo"}  # fmt: skip
"""Units and their usual short forms."""
_LENGTH = re.compile(rf"{_UNIT}|w|wks?|weeks?|mo|months?|y|yrs?|years?", re.IGNORECASE)
"""Units of time by themselves: 0 h is 0 d, but P0, the day of birth, is not E0."""
_STAGE = re.compile(rf"(?P<word>{_WORD})[ _]*[0-9]+(?:\.[0-9]+)?", re.IGNORECASE)
"""A number behind what it counts, such as day 3, ZT12, T0 or E8.5; genes may have names like the last two."""
_PARTS = ("time", "hour", "hr", "min", "day", "sec")
_QUANTITY = re.compile(
    rf"(?:([a-z_ ]*?)[ _]*([+-]?[0-9]+(?:\.[0-9]+)?)\s*((?:{_UNIT}|{_LONG})(?:[ _.][a-z_. ]*?)?)"
    rf"|((?:[a-z_ ]*[ _])??{_WORD})?[ _]*([+-]?[0-9]+(?:\.[0-9]+)?))",
    re.IGNORECASE,
)
"""A number with its unit behind it, or what it counts before it, and not any word, or a gene such as Per1 would do."""
_LONGEST = 60
"""Letters of a time; of much longer ones the expression above tries too many ways to part them."""
_SAMPLE = (
    "sample", "samples", "sample_id", "sampleid", "sample_name", "trajectory", "series", "replicate", "rep",
    "experiment", "donor", "patient", "subject", "mouse", "animal", "lineage", "condition", "batch",
)  # fmt: skip
"""Usual names of the column that tells samples apart, the likeliest first."""
_HARDLY = re.compile(
    r"unnamed.*|index|level_[0-9]+|cell|cells|cell_?id|cell_?names?|barcodes?|batch|n_?counts?|n_?genes.*|total_counts.*|"
    r"log1p_.*|pct_counts.*|percent[._](mt|mito|ribo).*|n(count|feature)_.*|leiden|louvain|seurat_clusters|clusters?|"
    r"cell_?types?|s_score|g2m_score|phase|size_?factors?|doublet_?scores?|predicted_doublets?|library_?size|sum_?factor",
    re.IGNORECASE,
)


def is_time(name: str) -> bool:
    """Whether a column of this name usually holds time or pseudotime."""
    if len(name) > 4 and not any(part in name.casefold() for part in _PARTS):
        return False  # as of most genes, and there may be thousands
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    usual = _TIME.fullmatch(plain) is not None and (len(plain) > 1 or name == "t")
    return usual or name == "t" or "pseudotime" in plain


def moments(names: Iterable[str]) -> int:
    """How surely all of these are times: 4 as 24h, 3 as day 3 or SEC61, 2 as T0 or E8.5, 1 as 24; or 0."""
    plain = [name.strip()[: _LONGEST + 1] for name in names]
    bare = without_x(plain)
    found = [_MOMENT.fullmatch(name) for name in bare]
    units = {(one["unit"] or "").casefold() for one in found if one}
    if all(found) and units != {""} and (bare is plain or "s" not in units):  # X5S is the gene 5S, as R writes it
        return 4
    if all(found) and bare is plain:
        return 1
    stages = [_STAGE.fullmatch(name) for name in plain if name != "0"]
    if not all(stages):
        return 0
    return 3 if all(one and len(one["word"]) > 2 for one in stages) else 2


def without_x(names: Sequence[str]) -> Sequence[str]:
    """Names without the X that R writes before those that begin with a digit, if all have it."""
    return [name[1:] for name in names] if all(re.match(r"X[0-9]", name) for name in names) else names


def labelled(names: Sequence[str]) -> bool:
    """Whether all names may be times with something more, such as 0h_a."""
    return all(_LABELLED.fullmatch(name[:_LONGEST]) for name in names)


def numbered(names: Sequence[str]) -> bool:
    """Whether names that came twice seem to have been numbered, as pandas does: 0, 24, 0.1, 24.1."""
    again = Counter(name.rpartition(".")[0] for name in names)
    first = {name for name in names if name in again}
    counted = {f"{name}.{number}" for name in first for number in range(1, again[name] + 1)}
    if first | counted != set(names):
        return False
    steps = np.diff(pd.to_numeric(pd.Series(names), errors="coerce"))
    return not (steps[0] > 0 and np.allclose(steps, steps[0]))  # 0, 0.1, 0.2, ..., 1, 1.1, ... are times


def time_column(path: Path, columns: Sequence[str], how: Reading) -> str | None:
    """The column with the time; None if there is none under its usual names.

    Raises:
        DashpruneError: if the column that was asked for is not there, or several may be meant.
    """
    if how.time in columns:
        return how.time
    if how.time != "time":
        files.require(path, columns, how.time, "dataset.time")
    found = [name for name in columns if is_time(name) and name not in (*how.labels, *how.drop)]
    if len(found) > 1:
        raise MendableError(
            f"{path.name} has no column 'time', but {listed(found)} may tell it; name it with dataset.time=COLUMN",
            *(override("time", name) for name in found),
        )
    return found[0] if found else None


def time_row(path: Path, names: Sequence[str], how: Reading) -> str | None:
    """`time_column` among rows.

    A bare unit, such as HR, may be a gene there, but not above all others, nor if it alone is in small letters.
    """
    others = {*how.labels, *how.drop}
    above = next((k for k, name in enumerate(names) if name not in others and name.casefold() not in _SAMPLE), 0)
    found = time_column(path, [name for k, name in enumerate(names) if k <= above or not _ALONE.fullmatch(name)], how)
    if found is None and sum(name.islower() for name in names if name not in others) == 1:
        found = time_column(path, [name for name in names if name.islower()], how)
    return found


def may_be_gene(name: str) -> bool:
    """Whether a name of time is a gene's, too, such as HR."""
    return _ALONE.fullmatch(name) is not None


def time_note(path: Path, column: str, how: Reading) -> tuple[Note, ...]:
    """What is said if the time is in another column than was asked for."""
    mend = override("time", column)
    return () if column == how.time else (Note(f"{path.name}: time is taken from '{column}' ({mend})", mend),)


def no_time(path: Path, columns: Sequence[str], more: str = "") -> DashpruneError:
    """The error where no column tells the time."""
    hint = did_you_mean("time", columns)
    return DashpruneError(f"{path.name} has no column 'time'{hint}; name it with dataset.time=COLUMN{more}")


def samples_of(path: Path, table: pd.DataFrame, how: Reading, times: np.ndarray) -> np.ndarray:
    """(rows,) object, the name of the sample of each row.

    Raises:
        DashpruneError: if the column of samples is not there, with what seems to be meant, or a cell of it is empty.
    """
    if how.sample is None:
        return np.full(len(table), ALL, dtype=object)
    if how.sample in table:
        files.check_filled(path, table[how.sample])
        return table[how.sample].astype(str).to_numpy(dtype=object)
    back = np.append(False, np.diff(times) < 0)
    if how.sample == AUTO:
        return np.array([f"series {number + 1}" for number in np.cumsum(back)], dtype=object)
    columns = [str(name) for name in table.columns]
    likely = [name for wanted in _SAMPLE for name in columns if name.casefold() == wanted]
    alike = did_you_mean(how.sample, columns)
    hint = f"; '{likely[0]}' may be it" if likely and not alike else alike
    found = time_column(path, columns, how)
    taken = f" (time is taken from '{found}')" if found not in (None, how.time) else ""
    only = "; or dataset.sample=null if all rows are one sample"
    again = bool(back.any() and (times[back] == times[0]).all())  # else the rows are in no order
    if again and not likely:
        only += f", dataset.sample={AUTO} if one begins where time goes back, which it does {back.sum():,} times"
    raise MendableError(
        f"{path.name} has no column '{how.sample}'{taken}{hint}; name it with dataset.sample=COLUMN{only}",
        override("sample", likely[0]) if likely else f"dataset.sample={AUTO if again else 'null'}",
    )


def check_drop(path: Path, names: Iterable[str], how: Reading) -> None:
    """Raise DashpruneError if something is to be left out that is not there."""
    known = list(names)
    for name in how.drop:
        if name not in known:
            raise DashpruneError(f"dataset.drop: {path.name} has no column or gene '{name}'{did_you_mean(name, known)}")


def hardly_genes(path: Path, genes: Sequence[str]) -> tuple[Note, ...]:
    """A warning that names the columns that are hardly genes."""
    odd = [name for name in genes if _HARDLY.fullmatch(name) or is_time(name)]
    if not odd:
        return ()
    what = f"columns {listed(odd)} are hardly genes" if len(odd) > 1 else f"column {listed(odd)} is hardly a gene"
    them = "them" if len(odd) > 1 else "it"
    mend = override("drop", odd)
    return (Note(f"warning: {path.name}: {what}; {mend} leaves {them} out", mend),)


def measured(path: Path, column: pd.Series, what: str) -> np.ndarray:
    """(rows,) float64 values of a column; NaN where it is empty, NA or the like.

    Raises:
        DashpruneError: naming the first cell that is something else, and `what` it should be.
    """
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    for place in np.flatnonzero(np.isnan(values) & column.notna().to_numpy()):
        if str(column.iloc[place]).strip().casefold() not in MISSING:
            files.numbers(path, column.iloc[place : place + 1], what)
    bad = np.flatnonzero(np.abs(values) > np.finfo(np.float32).max)
    if len(bad):
        files.numbers(path, column.iloc[bad[:1]], what)
    return values


def is_text(column: pd.Series) -> bool:
    """Whether hardly anything in a column is a number."""
    if pd.api.types.is_numeric_dtype(column):
        return False
    there = column.dropna()
    there = there[~there.astype(str).str.strip().str.casefold().isin(MISSING)]
    return len(there) > 0 and float(pd.to_numeric(there, errors="coerce").notna().mean()) < 0.5


def times_of(path: Path, column: pd.Series) -> np.ndarray:
    """(rows,) float64 times; NaN where there is none. Text such as "0h" and "24h" counts if all has the same unit.

    Raises:
        DashpruneError: naming the first cell that is no time, or a negative one, or two of different units.
    """
    column = column.astype(object).where(column.notna(), None)
    filled = column.map(lambda value: value is not None and str(value).strip().casefold() not in MISSING)
    written = [str(value).strip() for value in column[filled]]
    cells = without_x(written)
    parts = [part for cell in cells if len(cell) <= _LONGEST and (part := _QUANTITY.fullmatch(cell)) is not None]
    units = {_unit(part): part[0] for part in parts if not _is_none(part)}
    if len(parts) == len(cells) and (units.keys() != {("", "")} or cells is not written):
        if len(units) > 1:
            raise DashpruneError(
                f"{path.name}: times have different units, such as {listed(list(units.values()), 2)}; write all in one"
            )
        column = column.copy()
        column[filled] = [float(part[2] or part[5]) for part in parts]
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(np.isnan(numbers) & filled.to_numpy())
    if len(wrong):
        files.numbers(path, column.iloc[wrong[:1]], "time must be a finite number; remove the row if it has none")
    if (numbers < 0).any():
        row = int((numbers < 0).argmax())
        raise DashpruneError(
            f"{path.name}: row {column.index[row]}, column '{column.name}' is {numbers[row]:g}; time must not be "
            f"negative, so shift all times by the same amount"
        )
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _unit(part: re.Match[str]) -> tuple[str, str]:
    """What stands before and behind the number of a quantity, in lower case."""
    return _singular(part[1] or part[4] or ""), _singular(part[3] or "")


def _is_none(part: re.Match[str]) -> bool:
    """Whether it is no time at all, whatever its unit: 0, 0h or 0 days, but not P0, which is later than E14."""
    return float(part[2] or part[5]) == 0 and (part[0] == "0" or bool(part[3] and _LENGTH.fullmatch(part[3].strip())))


def _singular(unit: str) -> str:
    """Days and Day are day; s, of seconds, is what it is."""
    plain = unit.strip(" _").casefold()
    one = plain.removesuffix("s") if len(plain) > 2 else plain
    return _SAME.get(one, one)
