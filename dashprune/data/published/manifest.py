"""Which published files a dataset is made of: manifest.csv, a line per dataset and file.

Columns: the dataset; repository, commit and path on GitHub; the git blob id and, where known, the size of the file; its
licence; and what is ruled out without it.
"""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dashprune.errors import DashpruneError, did_you_mean

CUSTOM = "custom"
"""The dataset that is made of the user's own files."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A published file that a dataset needs.

    Attributes:
        dataset: that needs it.
        repository: "owner/name" on GitHub.
        commit: at which the file is as it is meant.
        path: in the repository.
        blob: git blob id, which identifies the content.
        bytes: its size, or None if that is not known.
        licence: under which it was published.
        without: what cannot be done without it.
    """

    dataset: str
    repository: str
    commit: str
    path: str
    blob: str
    bytes: int | None
    licence: str
    without: str

    @property
    def relative(self) -> str:
        """Where it lies below upstream/: "owner+name/path"."""
        return f"{self.repository.replace('/', '+')}/{self.path}"


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """All lines of the manifest; a file that two datasets need has a line for each."""
    with Path(__file__).with_name("manifest.csv").open(newline="") as table:
        return tuple(Entry(bytes=int(row.pop("bytes") or 0) or None, **row) for row in csv.DictReader(table))


def datasets() -> list[str]:
    """Names of the datasets that need files."""
    return list(dict.fromkeys(entry.dataset for entry in entries()))


def files_of(dataset: str) -> list[Entry]:
    """The files of a dataset; none for `custom`.

    Raises:
        DashpruneError: if there is no such dataset.
    """
    if dataset not in (names := [*datasets(), CUSTOM]):
        raise DashpruneError(
            f"there is no dataset '{dataset}'{did_you_mean(dataset, names)}; datasets: {', '.join(names)}"
        )
    return [entry for entry in entries() if entry.dataset == dataset]


def known(relative: str) -> Entry | None:
    """The manifest's line of "owner+name/path" (the first of several), or None if the manifest has none."""
    return next((entry for entry in entries() if entry.relative == relative), None)


def blob_id(path: Path) -> str:
    """The id that git gives to the content of a file: SHA-1 of "blob <size>", a zero byte and the content."""
    with path.open("rb") as file:
        digest = hashlib.sha1(b"blob %d\0" % os.fstat(file.fileno()).st_size, usedforsecurity=False)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
