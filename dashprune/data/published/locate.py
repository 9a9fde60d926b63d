"""Where the published files lie, laid out as upstream/<owner>+<repository>/<path>: a mirror, then the cache."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from dashprune.data.published import manifest
from dashprune.data.published.manifest import Entry
from dashprune.errors import DashpruneError


def mirror() -> Path | None:
    """The folder that holds `upstream/`, or None if there is none.

    It is $DASHPRUNE_MIRROR if that is set, else ../shared/data beside the current folder, else ../shared/data beside
    the source checkout.

    Raises:
        DashpruneError: if DASHPRUNE_MIRROR is set to something that is not a folder.
    """
    if named := os.environ.get("DASHPRUNE_MIRROR"):
        if not Path(named).is_dir():
            raise DashpruneError(
                f"DASHPRUNE_MIRROR is '{named}', which is not a folder; set it to a folder that holds upstream/..."
            )
        return Path(named)
    beside = (Path.cwd().parent, Path(__file__).resolve().parents[4])
    return next((folder / "shared/data" for folder in beside if (folder / "shared/data").is_dir()), None)


def cache() -> Path:
    """The folder that `dashprune data fetch` fills: $DASHPRUNE_DATA if that is set, else the platform's cache."""
    if named := os.environ.get("DASHPRUNE_DATA"):
        return Path(named).expanduser()
    import pooch

    return pooch.os_cache("dashprune")


def cached(entry: Entry) -> Path:
    """Where a file lies in the cache, or will."""
    return cache() / "upstream" / entry.relative


def is_cached(entry: Entry) -> bool:
    """Whether the cache has the published file, undamaged."""
    return cached(entry).is_file() and is_intact(cached(entry), entry)


def find(relative: str) -> Path | None:
    """Path of the published file upstream/`relative` in the mirror, else in the cache; None if it is in neither."""
    folders = [folder for folder in (mirror(), cache()) if folder is not None]
    paths = (folder / "upstream" / relative for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def is_intact(path: Path, entry: Entry) -> bool:
    """Whether the file there is the published one, by its git blob id.

    Raises:
        DashpruneError: if it cannot be read.
    """
    try:
        stat = path.stat()
        return _blob_id(path, stat.st_size, stat.st_mtime_ns) == entry.blob
    except OSError as error:
        raise DashpruneError(f"{path} cannot be read ({error.strerror}); make it readable or replace it") from None


@lru_cache(maxsize=1024)
def _blob_id(path: Path, size: int, modified: int) -> str:
    """Computed once per process, file, size and time of modification."""
    return manifest.blob_id(path)


def upstream_file(relative: str) -> Path:
    """Path of the published file upstream/`relative`, e.g. "QuackenbushLab+phoenix/LICENSE".

    A file of the manifest is checked to be the published one.

    Raises:
        DashpruneError: if it is neither in the mirror nor in the cache, or is not the published file.
    """
    path, entry = find(relative), manifest.known(relative)
    if path is None:
        raise DashpruneError(f"{relative} is missing; {_way_out(relative, entry)}")
    if entry is not None and not is_intact(path, entry):
        raise DashpruneError(
            f"{path} is not the published file (its git blob id is not {entry.blob}); "
            f"delete it and run: dashprune data fetch {entry.dataset}"
        )
    return path


def _way_out(relative: str, entry: Entry | None) -> str:
    named = f"set DASHPRUNE_MIRROR to a folder that holds upstream/{relative}"
    if entry is None:
        return named
    return f"run 'dashprune data fetch {entry.dataset}' or {named}; it is needed for {entry.without}"
