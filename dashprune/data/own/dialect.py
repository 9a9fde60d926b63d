"""How a text file is written: what stands above its header, what parts its cells, and how its numbers look."""

from __future__ import annotations

import contextlib
import csv
import gzip
import itertools
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from dashprune.errors import DashpruneError

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
"""Of a text file, by the end of its name, where its first row has them."""
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|true|false|nan|na|", re.IGNORECASE)
"""A cell with a number, a truth value, or nothing."""
COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}[,.][0-9]{3}")
_NUMBER_WITH_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?=\s*[a-z]*$)", re.IGNORECASE)
POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
"""Numbers with a fraction behind a comma, as spreadsheets of half the world write them; those that may be thousands to
the other half; and those with a fraction behind a point."""
_NO_GENE = re.compile(
    r".*time.*|t|h|hrs?|hours?|d|days?|m|min(ute)?s?|s|sec(ond)?s?|"
    r"samples?|series|rep(licate)?s?|batch|donor|patient|subject|condition|experiment",
    re.IGNORECASE,
)
"""A row or column of times or of samples, by its first cell."""
_REMARK = re.compile(r'\s*"?#')
LOOKED_AT = 50
"""Lines by which it is told how a file is written."""


def with_point(cell: str) -> str:
    """A number whose fraction stands behind a comma, and maybe its unit, with a point; anything else as it is."""
    return cell.replace(",", ".") if re.fullmatch(rf"{COMMA.pattern}\s*[a-z]*", cell, re.IGNORECASE) else cell


def with_points(cells: Sequence[str]) -> list[str]:
    """`with_point` of each, unless all that have a comma may be thousands."""
    commas = [number for cell in cells if (number := _NUMBER_WITH_COMMA.match(cell))]
    if all(_THOUSANDS.fullmatch(number[0]) for number in commas):
        return list(cells)
    return [with_point(cell) for cell in cells]


def decimal(path: Path, sign: str) -> str:
    """What stands before the fraction of a number: a comma only where it cannot be for thousands.

    Where commas part the cells, too, such numbers are in quotes.

    Args:
        path: a text file, packed or not.
        sign: what parts the cells.

    Raises:
        DashpruneError: if it may be for thousands, or numbers are written in two ways.
    """
    first = first_lines(path)
    skip = above(first)
    parted = [split(line, sign) for line in first[skip:]]
    commas, points = ([cell for row in parted for cell in row if kind.fullmatch(cell)] for kind in (COMMA, POINT))
    if sign == "," and not commas:
        return "."
    if sign != ";":
        mark = "," if not points and any(_THOUSANDS.fullmatch(cell) is None for cell in commas) else "."
    else:
        thousands = [cell for cell in points if _THOUSANDS.fullmatch(cell)]
        if commas and thousands:
            raise DashpruneError(
                f"{path.name}: '{commas[0]}' has a comma and '{thousands[0]}' a point before the fraction; write all "
                f"alike"
            )
        mark = "," if commas or not points else "."
    _refuse_thousands(path, sign, mark, skip)
    return mark


def _refuse_thousands(path: Path, sign: str, mark: str, skip: int) -> None:
    """Raise DashpruneError if every number with a point or comma has three digits behind it, and others none.

    One of these must be larger than what is before any point, and all below 1000: zeros of a fraction may be left out,
    but then the numbers are in the same range. The first row, and times and samples, do not count.

    Args:
        path: the whole file is looked at, up to the first fraction that has other than three digits.
        sign: that parts the cells.
        mark: the point or comma.
        skip: lines above the header.
    """

    def rows(lines: Iterable[str]) -> Iterator[list[str]]:
        return (split(line, sign) for line in lines if not line.startswith("#"))

    kind, found = COMMA if mark == "," else POINT, dict[int, str]()
    with opened(path) as lines:
        for row in rows(line for line in itertools.islice(lines, skip, None) if mark in line):
            numbers = {place: cell for place, cell in enumerate(row) if mark in cell and kind.fullmatch(cell)}
            if not all(_THOUSANDS.fullmatch(cell) and cell[0] != "-" for cell in numbers.values()):
                return
            for place, cell in numbers.items():
                found[place] = max(found.get(place, cell), cell, key=lambda one: int(one.partition(mark)[0]))
    if not found:
        return
    with opened(path) as lines:
        below = rows(itertools.islice(lines, skip, None))
        first = next(below)
        found = {k: cell for k, cell in found.items() if k >= len(first) or not _NO_GENE.fullmatch(first[k])}
        genes = (row for row in below if row and not _NO_GENE.fullmatch(row[0]))
        whole = [int(row[k]) for row in genes for k in found if k < len(row) and row[k].isdecimal()]
    example = max(found.values(), key=lambda one: int(one.partition(mark)[0]), default="")
    if whole and int(example.partition(mark)[0]) < max(whole) < 1000:
        name = "point" if mark == "." else "comma"
        raise DashpruneError(
            f"{path.name}: the {name} in '{example}' may be for thousands, since other numbers of its column, such as "
            f"{max(whole)}, have none; write thousands without it, or all numbers with three digits behind it"
        )


def opened(path: Path) -> IO[str]:
    """A text file, packed or not, with its line ends and without its byte-order mark."""
    if path.suffix == ".gz":
        return cast(IO[str], gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def delimiter(path: Path) -> str:
    """What parts the cells of a file: a sign, or a regular expression for white space.

    Raises:
        DashpruneError: if it is white space, but names in the header have spaces.
    """
    first = first_lines(path)
    named = named_delimiter(first[0]) if first else None
    row = (first[above(first) :] or [""])[0].strip()
    sign = named or delimiter_of(kind(path), row)
    if sign == r"\s+" and len(next(csv.reader([row], delimiter=" ", skipinitialspace=True))) < len(row.split()):
        raise DashpruneError(f"{path.name}: spaces part the cells, but row 1 has names with spaces; part them by tabs")
    return sign


def delimiter_of(suffix: str, row: str) -> str:
    """What parts the cells of a file's first row: as the end of its name says, if it is there, else whatever is."""
    own = DELIMITERS.get(suffix, "")
    row = re.sub(r"(?<=[0-9]),(?=[0-9])", "", row) if re.search(r"[;|\s]", row.strip()) else row  # commas of numbers
    otherwise = r"\s+" if " " in row.strip() else ","
    return next((sign for sign in (own, "\t", ",", ";", "|") if sign and sign in row), otherwise)


def parser(path: Path, lines: Iterable[str], delimiter: str, columns: int, skipped: int = 0) -> dict[str, Any]:
    """Options of pandas.read_csv that choose its fast parser if all rows are as long as each other, else its slow one.

    The fast one writes beyond its memory where it fills short rows or empty lines up (seen in pandas 2.3: it then says
    "Buffer overflow caught", or never returns).

    Args:
        path: for the message.
        lines: of the file, with their ends.
        delimiter: a sign, or the regular expression of white space.
        columns: that the table has.
        skipped: lines before the first row.

    Raises:
        DashpruneError: if a row has more cells than that.
    """
    lines = itertools.islice(lines, skipped, None)
    spaced = delimiter == r"\s+"
    rows = map(str.split, lines) if spaced else csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    lengths: set[int] = set()
    try:
        for number, row in enumerate(rows, start=skipped + 1):
            if len(row) > columns:
                raise DashpruneError(
                    f"{path.name}: row {number} has {len(row)} cells, but the header has {columns}; the header must "
                    f"name every column, and no row have more cells"
                )
            lengths.add(len(row))
    except csv.Error as error:
        raise DashpruneError(f"{path.name}: it is not a table: {error}") from None
    return {"engine": "c", "low_memory": False} if lengths == {columns} else {"engine": "python"}


def remarks(lines: Sequence[str]) -> int:
    """How many of the first lines are remarks, with # before them, or Excel's "sep=;", which says what parts cells."""
    named = 1 if lines and named_delimiter(lines[0]) else 0
    return next((k for k, line in enumerate(lines[named:], start=named) if not _REMARK.match(line)), len(lines))


def above(lines: Sequence[str]) -> int:
    """How many of the first lines are above the header: remarks, and empty lines after them.

    A line with # is the header if one of its names is that of times or samples, and there are as many as cells below.
    """
    count = remarks(lines)
    after = next((k for k, line in enumerate(lines[count:], start=count) if line.strip()), len(lines)) if count else 0
    if not 0 < count <= after < len(lines) or not _REMARK.match(lines[count - 1]):
        return after
    sign = named_delimiter(lines[0]) or delimiter_of("", lines[after])
    names, cells = (split(line, sign) for line in (lines[count - 1], lines[after]))
    told = any(_NO_GENE.fullmatch(name.lstrip("# ")) for name in names)
    whole = len(names) > 1 and "" not in names[1:] and len(cells) - len(names) in (0, 1)  # of R's row names one more
    return count - 1 if told and whole else after


def skipped(path: Path) -> int:
    """Lines above the header of a text file, see `above`."""
    return above(first_lines(path))


def named_delimiter(line: str) -> str | None:
    """What parts the cells, where the line is Excel's sep=;"""
    found = re.fullmatch(r"\ufeff?\"?sep=(.)\"?", line.strip("\r\n"), re.IGNORECASE)
    return found[1] if found else None


def first_lines(path: Path) -> list[str]:
    """The beginning of a text file, without line ends: remarks, and some lines more."""
    lines = (line.rstrip("\r\n") for line in lines_of(path))
    found = list(itertools.islice(lines, 1))
    for line in lines:
        found.append(line)
        if not _REMARK.match(line):
            break
    return [*found, *itertools.islice(lines, LOOKED_AT)]


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a text file, packed or not.

    Raises:
        DashpruneError: if it cannot be read, or is not in UTF-8.
    """
    with explained(path), opened(path) as lines:
        yield from lines


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise DashpruneError where what is done within cannot read the file as text, packed or not."""
    try:
        yield
    except UnicodeDecodeError:
        raise DashpruneError(f"{path.name} is not text in UTF-8; save it as such") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DashpruneError(f"{path.name} is not a whole .gz file ({error})") from None
    except OSError as error:
        raise DashpruneError(f"{path.name} cannot be read ({error.strerror})") from None


def split(line: str, sign: str) -> list[str]:
    """The cells of a line, without spaces and quotes around them."""
    if sign == ",":
        parts = next(csv.reader([line.rstrip("\r\n")], skipinitialspace=True), []) or [""]  # names may have commas
    else:
        parts = line.strip(" \r\n").split() if sign == r"\s+" else line.rstrip("\r\n").split(sign)
    return [part.strip().strip('"').strip() for part in parts]


def kind(path: Path) -> str:
    """The end of a file's name, in small letters and without that of packing."""
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
