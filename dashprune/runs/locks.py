"""One process at a time per run: a lock of the operating system, which vanishes with the process that holds it."""

from __future__ import annotations

import errno
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from filelock import FileLock, Timeout

from dashprune.errors import say

POLL = 0.2
"""Seconds between two looks at a lock that another process holds."""


def hold(folder: Path) -> AbstractContextManager[object]:
    """Wait until no other process works on a run, and keep others from it until the returned context ends.

    The lock is the file outputs/locks/<id>.lock, which stays there. Whoever holds several locks must have taken them
    in an order that is the same for all, or two processes may wait for each other for ever.

    Args:
        folder: of the run, outputs/runs/<dataset>/<model>/<pruner>/<id>.

    Raises:
        OSError: if the file cannot be written.
    """
    path = folder.parents[4] / "locks" / f"{folder.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, poll_interval=POLL, fallback_to_soft=False)
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        say(f"another process works on {folder}; waiting for its result")
        return lock.acquire()
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        say(f"the file system of {path.parent} has no locks; do not start a run again before it has ended")
        return nullcontext()
