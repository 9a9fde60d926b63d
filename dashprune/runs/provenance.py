"""Which code made a result."""

from __future__ import annotations

import functools
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dashprune import __version__

PACKAGES = ("torch", "torchdiffeq", "numpy", "hydra-core")
CHECKOUT = Path(__file__).resolve().parents[2]


def versions() -> dict[str, str | None]:
    """Versions of what decides a result's digits, and the `commit` of this package, None outside of a checkout."""
    packages = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "dashprune": __version__, **packages, "commit": commit()}


@functools.cache
def commit() -> str | None:
    """The git commit whose code runs, with `-dirty` behind it if that was changed; None outside of a checkout."""
    if not (CHECKOUT / ".git").exists():
        return None
    head = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--", "dashprune", "conf")
    if head is None or changed is None:
        return None
    return f"{head}-dirty" if changed else head


def code(row: Mapping[str, Any]) -> str:
    """The code that made a row of results, in words: `0.1.0, commit 1a2b3c4d5e`."""
    known = row.get("versions", {})
    made = known.get("commit")
    return f"{known.get('dashprune', 'unknown')}{f', commit {made}' if made else ''}"


def codes(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The different codes that made rows of results, in the order of the rows."""
    return list(dict.fromkeys(code(row) for row in rows))


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(CHECKOUT), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
