"""Series matrix files of the Gene Expression Omnibus: lines on the samples, then genes x samples.

Their form is described at https://www.ncbi.nlm.nih.gov/geo/info/soft.html.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from dashprune.data.own import columns as known
from dashprune.data.own import dialect, files, lineages
from dashprune.data.own.cells import Cells, Note, Reading, listed, override
from dashprune.errors import DashpruneError, MendableError

_BEGIN, _END = "!series_matrix_table_begin", "!series_matrix_table_end"
_SAMPLE, _CHARACTERISTICS = "!Sample_", "characteristics_ch1"


def is_series_matrix(path: Path) -> bool:
    """Whether a text file begins as a series matrix does, with an exclamation mark."""
    if not path.name.endswith((".txt", ".tsv", ".gz")):
        return False
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(64).lstrip(b'\xef\xbb\xbf\r\n "').startswith(b"!")
    except (OSError, EOFError, zlib.error):
        return False


def read_series_matrix(path: Path, how: Reading) -> Cells:
    """Read expression, with times and names of samples from the characteristics of the samples.

    Args:
        path: the file, or the same with gzip.
        how: `time` and `sample` name a characteristic, such as "time" in "time: 4 h", or title; with `pseudotime` the
            table that names each GSM number, or title, has both.

    Raises:
        DashpruneError: if there is no table, or nothing tells the time, with the characteristics that there are.
    """
    about, table = _parts(path)
    genes = table.index.tolist()
    files.check_unique(genes, f"{path.name}: column 1 of the table")
    known.check_drop(path, genes, how)
    table = table[~table.index.isin(how.drop)]
    what = "it must be a number"
    values = np.array([known.measured(path, table[name], what) for name in table], dtype=np.float32)
    genes = table.index.tolist()
    said = f"{path.name}: a series matrix of GEO, genes in rows"
    if how.pseudotime is not None:
        found = lineages.read_lineages(how.pseudotime, how)
        names = about.index.tolist()
        if not found.named & set(names) and "title" in about:
            names = about["title"].tolist()
        joined = lineages.joined(names, values, genes, found)
        return joined._replace(notes=(Note(f"{said}; times are those of {how.pseudotime.name}"), *joined.notes))
    time = known.time_column(path, list(about.columns), how)
    if time is None:
        raise _untimed(path, about)
    times = known.times_of(path, about[time].rename(time))
    sample = known.samples_of(path, about, how, times)
    return Cells(tuple(genes), sample, times, values, about.index, (Note(said), *known.time_note(path, time, how)))


def _parts(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is said of the samples, (samples, fields) of text; and the table, (genes, samples)."""
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError):
        raise DashpruneError(f"{path.name} cannot be read as text in UTF-8; get it from GEO again") from None
    head, begin, rest = text.partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    if not begin or not end or len(body.split()) < 2:
        raise DashpruneError(
            f"{path.name}: a series matrix without a table between {_BEGIN} and {_END}; values may be in a "
            f"supplementary file of the series, or the file is cut off"
        )
    columns = body.strip().partition("\n")[0].count("\t") + 1
    files.check_memory(path, len(text) * 4, body.count("\n"), columns)
    lines = io.StringIO(head + begin + body.rstrip())
    how = dialect.parser(path, lines, "\t", columns, head.count("\n") + 1)
    try:
        table = pd.read_csv(
            io.StringIO(body.strip()), sep="\t", index_col=0, keep_default_na=False, na_values=[""], **how
        )
    except pd.errors.ParserError as error:
        raise DashpruneError(f"{path.name}: it is not a table: {' '.join(str(error).split())}") from None
    table.index = table.index.astype(str)
    if table.index.str.contains(r"[\r\n]").any():
        raise DashpruneError(f"{path.name}: a gene's name runs over several lines; is a quote not closed?")
    return _about(head, [str(name) for name in table.columns]), table


def _about(head: str, samples: list[str]) -> pd.DataFrame:
    """(samples, fields) of text; a characteristic is a field of its own, None where a sample lacks it."""
    found: list[dict[str, str | None]] = [{} for _ in samples]
    for field, cells in _lines(head):
        for about, cell in zip(found, cells, strict=False):
            key, sign, value = cell.partition(":")
            if field.startswith(_CHARACTERISTICS):
                about.update({key.strip(): value.strip()} if sign else {})
            elif field == "title":
                about[field] = cell
    return pd.DataFrame(found, index=pd.Index(samples))


def _lines(head: str) -> Iterator[tuple[str, list[str]]]:
    """Each line on the samples: its field, and what it says of each."""
    for line in csv.reader(head.splitlines(), delimiter="\t"):
        if line and line[0].startswith(_SAMPLE):
            yield line[0].removeprefix(_SAMPLE), line[1:]


def _untimed(path: Path, about: pd.DataFrame) -> DashpruneError:
    """The error where no characteristic has a usual name of time."""
    likely = [name for name in about if name != "title" and about[name].nunique() > 1]
    return MendableError(
        f"{path.name}: a series matrix of GEO, in which nothing tells the time of the {len(about):,} samples; name "
        f"what does with dataset.time=NAME (they have {listed(about.columns)}), or give dataset.pseudotime=FILE, a "
        f"table with a row per sample: {about.index[0]} or its title, its time, or name, sample and time",
        *(override("time", str(name)) for name in likely),
    )
