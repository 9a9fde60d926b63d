"""Writing files: whole or not at all, with one line for the user where that cannot be."""

from __future__ import annotations

import csv
import errno
import glob
import io
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from dashprune import escaping
from dashprune.errors import DashpruneError

_YAML = 100_000
"""Bytes of a yaml file, and values in it; those that people write have some hundred."""
_DEPTH = 50
"""Of a yaml file; those that people write have some."""
_MACHINE = re.sub(r"\W", "_", socket.gethostname())
"""In the names of temporary files, as processes of another machine cannot be asked whether they live."""


def write(path: Path, content: str | bytes) -> None:
    """Write a file so that at any moment it is either the old or the new one; text as UTF-8.

    What a killed process of this machine left of an earlier attempt is removed.

    Raises:
        OSError: if it cannot be written; see `writing`.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, "it is no name of a file", str(path))
    part = temporary(path)
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)
    remove_abandoned(path.parent, glob.escape(path.name))


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Remove what killed processes of this machine left of files whose names fit a pattern of `Path.glob`."""
    for left in folder.glob(f"{pattern}.{_MACHINE}-*.tmp"):
        if not _alive(left.name.removesuffix(".tmp").rpartition("-")[2]):
            left.unlink(missing_ok=True)


def temporary(path: Path) -> Path:
    """Where this process writes a file before it has its name."""
    return path.with_name(f"{path.name}.{_MACHINE}-{os.getpid()}.tmp")


def flush_folder(folder: Path) -> None:
    """Flush a folder to the disk, so that a name given in it survives a power cut, where the system can do that."""
    with suppress(OSError):  # some network disks, and Windows, cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _alive(process: str) -> bool:
    """Whether a process of this machine lives; any that cannot be asked counts as alive."""
    if sys.platform == "win32" or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


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


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Meanwhile, a file that cannot be read is a user's mistake.

    Raises:
        DashpruneError: in the place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise DashpruneError(f"{what}: {error.filename or 'a file'} cannot be read ({error.strerror})") from error


def read_yaml(path: Path) -> object:
    """The content of a yaml file that somebody wrote.

    Raises:
        DashpruneError: if it cannot be read, has tags, or is larger or deeper than anybody writes, aliases counted out.
    """
    try:
        if path.stat().st_size > _YAML:
            raise ValueError(f"it has more than {_YAML // 1000} kB")
        text = path.read_text(encoding="utf-8")
        _check_events(yaml.parse(text, yaml.SafeLoader))
        top = yaml.compose(text, yaml.SafeLoader)
        if top is not None and _extent(top, {}) > _YAML:
            raise ValueError("its aliases stand for too much")
        return yaml.safe_load(text)
    except (ValueError, RecursionError, OSError, yaml.YAMLError) as error:
        raise DashpruneError(f"{path} cannot be read as yaml: {' '.join(str(error).split())}") from None


def _check_events(events: Iterable[yaml.Event]) -> None:
    """Raise ValueError at a tag, or where more is nested than anybody writes."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            raise ValueError("it is nested too deeply")
        if (tag := getattr(event, "tag", None)) is not None:
            raise ValueError(f"it has a tag, {tag}")


def _extent(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for; one within itself for endlessly many."""
    if id(node) not in known:
        known[id(node)] = _YAML + 1
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        within = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
        known[id(node)] = 1 + sum(_extent(one, known) for one in within)
    return known[id(node)]


def delimited(columns: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str) -> str:
    """A table as text: a line of names, then a line per row; see `dashprune.escaping.cell`."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([escaping.cell(one) for one in row] for row in rows)
    return text.getvalue()
