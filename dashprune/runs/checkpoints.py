"""Saving a training so that kill -9 at any moment loses nothing that was saved before.

A checkpoint is written under a temporary name, flushed to the disk and renamed; the one before it is kept beside it.
Its first line names the format and the run; each part of the rest, a zip file of torch's, has a checksum. So one that
is damaged or of another run is found. Nothing is ever unpickled: it is read with `weights_only=True`.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from dashprune import files
from dashprune.errors import say

CURRENT = "checkpoint.pt"
PREVIOUS = "checkpoint.previous.pt"
FORMAT = 2
"""Of the files written here; 1 had no first line."""
State = dict[str, Any]


class UnusableError(ValueError):
    """Why a file is no checkpoint of a run."""


def save(folder: Path, state: State) -> None:
    """Make `state` the current checkpoint of the run in `folder`, and keep the one before it."""
    temporary = files.temporary(folder / CURRENT)
    with temporary.open("wb") as file:
        file.write(f"dashprune checkpoint {FORMAT} {folder.resolve().name}\n".encode("ascii"))
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    if (folder / CURRENT).exists():
        (folder / CURRENT).replace(folder / PREVIOUS)
    temporary.replace(folder / CURRENT)
    files.flush_folder(folder)


def load(folder: Path, run: str | None = None) -> State | None:
    """The newest checkpoint of `folder` that is whole and of the run, or None if there is none.

    One that cannot be used is named on standard error, if there is one to use in its place.

    Args:
        folder: where it is.
        run: the id of its run; None if the folder has its name.

    Raises:
        UnusableError: if there are some, and none can be used.
    """
    return _newest(folder, run)[1]


def resume(folder: Path) -> State | None:
    """As `load`, for whoever holds the run's lock: one that cannot be used is removed.

    Or it would be kept as the previous one, in the place of one that can be used.
    """
    try:
        path, state = _newest(folder)
    except UnusableError as error:
        say(f"{error}; no earlier one can be used either, so training starts anew")
        path, state = None, None
    if path is None:
        discard(folder)
    elif path.name == PREVIOUS:
        step_back(folder)
    return state


def previous(folder: Path) -> State | None:
    """The checkpoint before the current one, or None if there is none that can be used."""
    try:
        return read(folder / PREVIOUS)
    except UnusableError:
        return None


def step_back(folder: Path) -> None:
    """Drop the current checkpoint for the one before it, if there is one."""
    if (folder / PREVIOUS).exists():
        (folder / PREVIOUS).replace(folder / CURRENT)
    else:
        (folder / CURRENT).unlink(missing_ok=True)
    files.flush_folder(folder)


def read(path: Path, run: str | None = None) -> State:
    """The content of a checkpoint of a run; None if the folder has its name.

    Raises:
        UnusableError: if it is damaged, of another run, or of another format.
    """
    try:
        header, _, body = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise UnusableError(f"cannot be read ({error.strerror})") from None
    words = header[:200].decode("ascii", errors="replace").split(" ")
    if len(words) != 4 or words[:2] != ["dashprune", "checkpoint"]:
        raise UnusableError("is no checkpoint of this version of dashprune, or damaged at its start")
    if words[2] != str(FORMAT):
        raise UnusableError(f"has format '{words[2]}', and this version of dashprune reads {FORMAT}")
    if words[3] != (run := run or path.resolve().parent.name):
        raise UnusableError(f"is of run '{words[3]}', not of '{run}'")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            damaged = parts.testzip()  # torch writes a CRC-32 of each part, but does not look at it
    except Exception as error:  # of the reader of zip, which has many
        raise UnusableError(f"is damaged ({error})") from None
    if damaged is not None:
        raise UnusableError("is damaged (a checksum does not fit)")
    try:
        state = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
        _epoch(state)
    except Exception as error:  # of the reader of pickles, which has many
        raise UnusableError("holds something else than a training") from error
    return dict(state)


def discard(folder: Path) -> None:
    """Remove all checkpoints, so that a run starts anew."""
    (folder / CURRENT).unlink(missing_ok=True)
    tidy(folder)


def leftovers(folder: Path) -> list[Path]:
    """What killed processes left behind, and the previous checkpoint."""
    return [path for path in (folder / PREVIOUS, *folder.glob("*.tmp")) if path.exists()]


def tidy(folder: Path) -> None:
    """Remove the `leftovers`; for a run that is done."""
    for path in leftovers(folder):
        path.unlink(missing_ok=True)


def _epoch(state: State) -> int:
    return len(state["history"])


def _newest(folder: Path, run: str | None = None) -> tuple[Path, State] | tuple[None, None]:
    reasons = []
    for path in (folder / CURRENT, folder / PREVIOUS):
        if not path.exists():
            continue
        try:
            state = read(path, run)
        except UnusableError as error:
            reasons.append(f"{path} {error}")
            continue
        if reasons:
            say(f"{reasons[0]}; going on from the previous one, after epoch {_epoch(state)}")
        return path, state
    if reasons:
        raise UnusableError("; ".join(reasons))
    return None, None
