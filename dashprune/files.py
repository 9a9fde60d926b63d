"""Writing files: whole or not at all, with one line for the user where that cannot be."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dashprune.errors import DashpruneError


def write(path: Path, content: str | bytes) -> None:
    """Write a file so that at any moment it is either the old or the new one; text as UTF-8.

    Raises:
        OSError: if it cannot be written; see `writing`.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def writing(what: str, place: Path, remedy: str = "choose another folder") -> Iterator[None]:
    """Meanwhile, a full disk or a read-only folder is a user's mistake: WHAT cannot be written to PLACE; REMEDY.

    Raises:
        DashpruneError: in the place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise DashpruneError(f"{what} cannot be written to '{place}' ({error.strerror}); {remedy}") from error


def delimited(columns: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str) -> str:
    """A table as text: a line of names, then a line per row."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
