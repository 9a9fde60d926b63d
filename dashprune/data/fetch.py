"""Where the published files lie: a local mirror, laid out as upstream/<owner>+<repository>/<path>."""

from __future__ import annotations

import os
from pathlib import Path

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
    beside = (Path.cwd().parent, Path(__file__).resolve().parents[3])
    return next((folder / "shared/data" for folder in beside if (folder / "shared/data").is_dir()), None)


def upstream_file(relative: str) -> Path:
    """Path of the published file upstream/`relative`, e.g. "QuackenbushLab+phoenix/LICENSE".

    Raises:
        DashpruneError: if it is not in the mirror, or there is no mirror.
    """
    folder = mirror()
    path = (folder or Path("../shared/data")) / "upstream" / relative
    if not path.is_file():
        raise DashpruneError(
            f"{path} is missing; set DASHPRUNE_MIRROR to a folder that holds upstream/{relative}, "
            f"or use the choice which needs no files: dataset.network=generated"
        )
    return path
