"""What files of a user seem to be, what is in them, and what would mend what is amiss."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dashprune.data.own import network_files
from dashprune.data.own.cells import Note
from dashprune.data.own.columns import is_time
from dashprune.data.own.files import nearest
from dashprune.data.own.network_columns import plain, recognised
from dashprune.data.own.networks import ROW_NAMES
from dashprune.errors import DashpruneError, MendableError

MENDED = 8
"""Most mistakes that are mended one after the other."""
_GOLD = re.compile(r"gold|truth|reference|ref_?network|standard", re.IGNORECASE)
_MATRIX_OF_GEO = "!"
"""With which each line of a series matrix begins."""


class Found(NamedTuple):
    """What there is to say of some files.

    Attributes:
        notes: what was read, and what seems amiss, with the override that mends it.
        overrides: those that were given, those that say which file is what, and those that were needed.
        complete: whether all could be read with them.
    """

    notes: tuple[Note, ...]
    overrides: dict[str, str]
    complete: bool


def roles(paths: Iterable[Path]) -> dict[str, Path]:
    """Which key of a custom dataset each file is for: expression, pseudotime, prior or gold.

    Raises:
        DashpruneError: if a file is not there or cannot be read, or two are for the same.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
            kind = "is a folder" if path.is_dir() else "does not exist"
            raise DashpruneError(f"'{path}' {kind}{nearest(path) or '; give files'}")
        role = _role(path)
        named_gold = _GOLD.search(path.stem) is not None and path.suffix != ".h5ad"
        if named_gold or (role == "prior" and role in found):
            role = "gold"
        if role in found:
            raise DashpruneError(
                f"'{found[role].name}' and '{path.name}' both seem to be the {role}; say which file is what, such as "
                f"dataset.{role}={path.name}"
            )
        found[role] = path
    return found


def inspect(given: Mapping[str, str], read: Callable[[Mapping[str, str]], Sequence[Note]]) -> Found:
    """Read, and where a mistake can be mended by an override, go on with the first one that does.

    Args:
        given: overrides, key to value.
        read: what is to be said of the files with some overrides; raises DashpruneError if they cannot be read.
    """
    overrides = dict(given)
    notes: list[Note] = []
    for _ in range(MENDED):
        try:
            return Found((*notes, *read(overrides)), overrides, complete=True)
        except MendableError as error:
            usable = [one for one in error.overrides if one.partition("=")[0] not in overrides and _is_whole(one)]
            notes.append(Note(str(error), " or ".join(error.overrides)))
            if not usable:
                break
            key, _, value = usable[0].partition("=")
            overrides[key] = value
        except DashpruneError as error:
            notes.append(Note(str(error)))
            break
    return Found(tuple(notes), overrides, complete=False)


def _is_whole(override: str) -> bool:
    """Whether it says what to set, rather than where to put a name."""
    return not re.search(r"[=:]([A-Z]{3,})\b", override)


def _role(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".h5ad"):
        return "expression"
    if name.endswith(".gmt"):
        return "prior"
    if "pseudotime" in name:
        return "pseudotime"
    try:
        form = network_files.form_of(path, (), ())
    except DashpruneError:
        return "expression"  # whose reader says what is wrong
    if form.names[0].startswith(_MATRIX_OF_GEO) or any(is_time(one) for one in form.names):
        return "expression"
    motifs = any(plain(one) in ROW_NAMES for one in form.names)
    if motifs or recognised(form.names) is not None or not form.header:
        return "prior"
    square = form.numeric and form.rows and {row[0] for row in form.rows} <= set(form.names[1:])
    return "prior" if square else "expression"
