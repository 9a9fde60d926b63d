"""Putting published files into the cache: copied from a folder, or downloaded from GitHub at the manifest's commits.

A file is written as <name>.part, by one process at a time, and gets its name only once its git blob id has been
checked. What a broken download has left is continued by the next one.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import requests
from pooch import HTTPDownloader
from tqdm import tqdm
from tqdm.utils import CallbackIOWrapper

from dashprune.data.published.locate import cached, is_cached, is_intact
from dashprune.data.published.manifest import Entry, blob_id
from dashprune.errors import DashpruneError

GITHUB = "https://raw.githubusercontent.com"
ATTEMPTS = 4
PAUSE = 0.5
"""Seconds between the first two attempts; doubled after each."""
LARGEST = 1 << 30
"""Bytes of a file of which the manifest gives no size."""
SLOWEST = 5000
"""Bytes per second below which an attempt is given up in the end."""
_TRICKLES = "the connection is too slow"
_CHUNK = 1 << 13
_DROPPED = (404, 410, 451)
"""HTTP answers that say that there is no such file any more."""
_RANGE_REFUSED = 416


class _LongerError(Exception):
    """The server sends more bytes than the file has."""


class _Limited:
    """A file that takes no more bytes than it should have."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.file, self.most = file, most

    def write(self, content: bytes) -> int:
        if self.file.tell() + len(content) > self.most:
            raise _LongerError
        return self.file.write(content)

    def flush(self) -> None:
        self.file.flush()


class UnavailableError(DashpruneError):
    """This one file cannot be had; others may."""


def fetch(
    files: Iterable[Entry], folder: Path | None, timeout: float, *, online: bool
) -> Iterator[tuple[Entry, str | UnavailableError]]:
    """Put files into the cache: all that `folder` has, then the others from GitHub.

    Args:
        files: what is wanted.
        folder: a local folder to copy from, if there is one.
        timeout: see `download`.
        online: whether to download what `folder` lacks.

    Yields:
        Each file with "copied" or "downloaded", or with the reason why it cannot be had.

    Raises:
        DashpruneError: if it is of no use to go on: no connection, or a cache that cannot be written.
    """
    others = []
    for entry in files:
        try:
            if folder is not None and copy(entry, folder):
                yield entry, "copied"
            else:
                others.append(entry)
        except UnavailableError as error:
            yield entry, error
    for entry in others:
        try:
            if not online:
                raise UnavailableError(f"{folder} has no {entry.relative}, which rules out {entry.without}")
            download(entry, timeout)
            yield entry, "downloaded"
        except UnavailableError as error:
            yield entry, error


def candidates(entry: Entry, folder: Path) -> list[Path]:
    """Files of a folder that may be `entry`: in its place below upstream/ or below the folder itself, or by name."""
    paths = (folder / "upstream" / entry.relative, folder / entry.relative, folder / Path(entry.path).name)
    return [path for path in paths if path.is_file()]


def copy(entry: Entry, folder: Path) -> bool:
    """Copy a file from a local folder into the cache, once it is found to be the published one.

    Returns:
        False if the folder has no such file.

    Raises:
        UnavailableError: if it has one of that name, but with other content.
        DashpruneError: if it cannot be read, or the cache cannot be written.
    """
    found = candidates(entry, folder)
    source = next((path for path in found if is_intact(path, entry)), None)
    if source is None and found:
        raise UnavailableError(
            f"{found[0]} is not the published file (its git blob id is not {entry.blob}); replace or remove it"
        )
    if source is not None:
        with _writing(entry) as part:
            _copy(source, part)
            _keep(part, entry)
    return source is not None


def download(entry: Entry, timeout: float) -> None:
    """Download a file into the cache, going on from what an earlier attempt left.

    Args:
        entry: the file.
        timeout: seconds without any data after which a connection is given up and tried again.

    Raises:
        UnavailableError: if GitHub no longer has it, or has something else.
        DashpruneError: if there is no connection, or the cache cannot be written.
    """
    url = f"{GITHUB}/{entry.repository}/{entry.commit}/{quote(entry.path)}"
    problem: Exception | None = None
    with _writing(entry) as part:
        if is_cached(entry):  # another process was faster
            return
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            problem = _attempt(url, part, entry, timeout)
            if blob_id(part) == entry.blob:
                _keep(part, entry)
                return
            if problem is None or _status(problem) == _RANGE_REFUSED:  # complete, but wrong
                part.unlink()
            elif _status(problem) in _DROPPED:
                break
    raise _explained(problem, url, entry, timeout)


def _copy(source: Path, part: Path) -> None:
    """Copy; what a full disk leaves of it is removed."""
    try:
        shutil.copyfile(source, part)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _attempt(url: str, part: Path, entry: Entry, timeout: float) -> Exception | None:
    """Continue `part` until the server's file ends, or is longer than it should be; returns what went wrong."""
    most, late = LARGEST if entry.bytes is None else entry.bytes, threading.Event()

    def give_up(response: requests.Response) -> None:
        late.set()
        response.raw.shutdown()

    watch = threading.Timer(timeout + most / SLOWEST, give_up)
    watch.daemon = True
    try:
        with part.open("ab") as file, tqdm(total=entry.bytes, **_bar(entry)) as bar:
            start = file.tell()

            def answered(response: requests.Response, **_: object) -> None:
                if response.status_code == requests.codes.ok:  # the whole file, asked for or not
                    file.truncate(0)
                elif response.status_code == requests.codes.partial_content:
                    bar.update(start)
                watch.args = (response,)
                watch.start()

            headers = {"Accept-Encoding": "identity"}  # so that bytes are those of the file
            if start:
                headers["Range"] = f"bytes={start}-"
            get = HTTPDownloader(chunk_size=_CHUNK, timeout=timeout, headers=headers, hooks={"response": answered})
            get(url, CallbackIOWrapper(bar.update, _Limited(file, most), "write"), None)
    except _LongerError:
        return None
    except requests.RequestException as error:
        return requests.Timeout(_TRICKLES) if late.is_set() else error
    finally:
        watch.cancel()
    return None


def _bar(entry: Entry) -> dict[str, Any]:
    """Options of a progress bar, shown on a terminal only."""
    name = Path(entry.path).name
    return {"desc": name, "unit": "B", "unit_scale": True, "leave": False, "disable": None, "dynamic_ncols": True}


def _keep(part: Path, entry: Entry) -> None:
    """Give a checked file its name, flushed to the disk before."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(cached(entry))


@contextmanager
def _writing(entry: Entry) -> Iterator[Path]:
    """Where to write a file before it has its name; what the disk refuses becomes a DashpruneError."""
    path = cached(entry)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            yield part
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DashpruneError(
                f"the disk is full at {part}; free some space, or set DASHPRUNE_DATA to a folder elsewhere, and repeat"
            ) from None
        raise DashpruneError(
            f"{error.filename or part} cannot be written ({error.strerror}); set DASHPRUNE_DATA to a folder that can be"
        ) from None
    finally:
        if part.is_file() and not part.stat().st_size:
            part.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process writes into `folder`, where the system can tell."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network disks know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _status(problem: Exception) -> int | None:
    """The HTTP status that a request failed with, if the server answered."""
    response = getattr(problem, "response", None)
    return None if response is None else int(response.status_code)


def _explained(problem: Exception | None, url: str, entry: Entry, timeout: float) -> DashpruneError:
    """What to tell the user after the last attempt."""
    status = _status(problem) if problem is not None else None
    if problem is None or status == _RANGE_REFUSED:
        return UnavailableError(
            f"{url} is not the published file (its git blob id is not {entry.blob}); this rules out {entry.without}"
        )
    if status in _DROPPED:
        return UnavailableError(f"{url} is gone (HTTP {status}); this rules out {entry.without}")
    if status is not None:
        return DashpruneError(f"{url} cannot be downloaded (HTTP {status}, {ATTEMPTS} times); repeat the command later")
    return DashpruneError(
        f"{url} cannot be downloaded ({_reason(problem, timeout)}); repeat the command when there is a connection, "
        f"or copy the files from a folder: dashprune data fetch {entry.dataset} --from DIR"
    )


def _reason(problem: Exception, timeout: float) -> str:
    if isinstance(problem, requests.exceptions.SSLError):
        return "its certificate is not accepted"
    if isinstance(problem, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    if str(problem) == _TRICKLES:
        return f"{_TRICKLES}, less than {SLOWEST / 1000:g} kB per second, {ATTEMPTS} times"
    if isinstance(problem, requests.Timeout) or "timed out" in str(problem):
        return f"no data for {timeout:g} seconds, {ATTEMPTS} times"
    if isinstance(problem, requests.exceptions.ChunkedEncodingError):
        return f"the connection broke, {ATTEMPTS} times"
    return "no connection"
