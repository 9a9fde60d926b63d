"""One process at a time per run: a lock of the operating system, which vanishes with the process that holds it."""

from __future__ import annotations

import errno
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import overload

from filelock import FileLock, Timeout

from dashprune.errors import say

_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What a file system without locks answers."""
POLL = 0.2
"""Seconds between two looks at a lock that another process holds."""


@overload
def hold(folder: Path) -> AbstractContextManager[object]: ...
@overload
def hold(folder: Path, *, wait: bool) -> AbstractContextManager[object] | None: ...
def hold(folder: Path, *, wait: bool = True) -> AbstractContextManager[object] | None:
    """Wait until no other process works on a run, and keep others from it until the returned context ends.

    The lock is the file outputs/locks/<id>.lock, which stays there. Whoever holds several locks must have taken them
    in an order that is the same for all, or two processes may wait for each other for ever.

    Args:
        folder: of the run, outputs/runs/<dataset>/<model>/<pruner>/<id>.
        wait: whether to wait; if not, and another process has it, there is nothing to return.

    Raises:
        OSError: if the file cannot be written.
    """
    path = folder.parents[4] / "locks" / f"{folder.name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, poll_interval=POLL, fallback_to_soft=False)
        return lock.acquire(blocking=False)
    except Timeout:
        if not wait:
            return None
        say(f"another process works on {folder}; waiting for its result")
        return lock.acquire()
    except PermissionError:  # the file is of another user of the group
        say(f"{path} cannot be locked by you (chmod g+w mends it); do not start this run twice at a time")
        return nullcontext()
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _WITHOUT_LOCKS:
            raise
        say(f"the file system of {path.parent} has no locks; do not start a run again before it has ended")
        return nullcontext()
