"""Saving a training so that kill -9 at any moment loses nothing that was saved before.

A checkpoint is written under a temporary name, flushed to the disk and renamed; the one before it is kept beside it.
Nothing is ever unpickled: files are read with `weights_only=True`.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from dashprune.errors import say

CURRENT = "checkpoint.pt"
PREVIOUS = "checkpoint.previous.pt"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Make `state` the current checkpoint of `folder` and keep the one before it."""
    temporary = folder / f"checkpoint.{os.getpid()}.tmp"
    with temporary.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    if (folder / CURRENT).exists():
        (folder / CURRENT).replace(folder / PREVIOUS)
    temporary.replace(folder / CURRENT)


def load(folder: Path) -> dict[str, Any] | None:
    """The newest readable checkpoint of `folder`, or None if there is none.

    An unreadable one is named on standard error, with what is used in its place.
    """
    unreadable = None
    for path in (folder / CURRENT, folder / PREVIOUS):
        if not path.exists():
            continue
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError):
            unreadable = path
            continue
        if unreadable:
            _warn(unreadable, f"going on from the previous one, after epoch {len(state['history'])}")
        return state
    if unreadable:
        _warn(unreadable, "no earlier one can be read either, so training starts anew")
    return None


def discard(folder: Path) -> None:
    """Remove all checkpoints, so that a run starts anew."""
    (folder / CURRENT).unlink(missing_ok=True)
    tidy(folder)


def tidy(folder: Path) -> None:
    """Remove what killed processes left behind, and the previous checkpoint; for a run that is done."""
    for path in [folder / PREVIOUS, *folder.glob("*.tmp")]:
        path.unlink(missing_ok=True)


def _warn(path: Path, remedy: str) -> None:
    say(f"{path} cannot be read (truncated?); {remedy}")
