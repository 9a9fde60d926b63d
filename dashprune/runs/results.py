"""A run's folder and result: the only writer and reader of results.

A run's folder is outputs/runs/<dataset>/<model>/<pruner>/<id>/, see dashprune.runs.identity. A run with a result.json
is done; the file is written last, atomically.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import yaml
from pydantic import AfterValidator, BaseModel, ValidationError

from dashprune import escaping, files
from dashprune.errors import DashpruneError, say

RANKING = "ranking.tsv"
Result = dict[str, Any]
"""One row: the content of result.json. Fractions, not percent; errors in squared units of expression."""


LARGEST = 10**6
"""Bytes of a result; those that are written have some thousand."""


def _name(text: str) -> str:
    if len(text) > 200 or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", text):
        raise ValueError(f"{text[:50]!r} is no name")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""What a run's names may be, which become parts of paths and cells of tables."""


class _Config(BaseModel, extra="allow"):
    """Sections of a configuration; `check` looks at what is in them."""

    dataset: dict[str, Any] = {}
    model: dict[str, Any] = {}
    pruner: dict[str, Any] = {}
    control: dict[str, Any] | None = None
    solver: dict[str, Any] = {}
    train: dict[str, Any] = {}
    outputs: str = ""
    bootstrap: int | None = None


class _Row(BaseModel, extra="allow"):
    """What result.json holds; whatever is not listed is a score."""

    __pydantic_extra__: dict[str, float | int | bool | None]
    dataset: Name
    model: Name
    pruner: Name
    seed: int
    id: Name = "none"
    data: str = ""
    versions: dict[str, str | None] = {}
    config: _Config


def load(folder: Path) -> Result | None:
    """The result of a run that is done, else None.

    Raises:
        DashpruneError: if the file is not what this module writes.
    """
    path = folder / "result.json"
    if not path.exists():
        return None
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST // 10**6} MB")
        result = json.loads(path.read_text(encoding="utf-8"), parse_constant=float)
        return dict(_Row.model_validate(result, strict=True) and result)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        reason = f"{place}: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
    except (ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())
    raise DashpruneError(f"{path} is not a result: {reason}; delete the file and run again")


def collect(root: Path, strict: bool = False) -> list[Result]:
    """All results below `root`, in the order of their paths; see `by_folder`."""
    return list(by_folder(root, strict).values())


def by_folder(root: Path, strict: bool = False) -> dict[Path, Result]:
    """The folders of all runs below `root` that are done, with their results, in the order of their paths.

    A file that is no result is named on standard error, and left out.

    Raises:
        DashpruneError: if there is none; or at the first that is no result, if `strict`.
    """
    results: dict[Path, Result] = {}
    refused = []
    for path in sorted(root.rglob("result.json")):
        try:
            found = load(path.parent)
        except DashpruneError as error:
            if strict:
                raise
            refused.append(str(error))
        else:
            results |= {} if found is None else {path.parent: found}
    if refused and not results:
        raise DashpruneError(f"none of the {len(refused)} results below '{root}' can be used; the first: {refused[0]}")
    for reason in refused:
        _leave_out(reason)
    if not results:
        raise DashpruneError(
            f"no result.json below '{root}'; run something first: dashprune run model=phoenix pruner=dash"
        )
    return results


@functools.cache
def _leave_out(reason: str) -> None:
    """Say so, once."""
    say(f"warning: left out: {reason}")


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """config.yaml, unless it is there: the resolved configuration."""
    if not (folder / "config.yaml").exists():
        files.write(folder / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False))


def write_history(folder: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """history.csv: one row per epoch."""
    files.write(folder / "history.csv", files.delimited(columns, rows, ","))


def write_network(folder: Path, edges: Iterable[Sequence[str]]) -> None:
    """network.tsv: source, target and effect of every remaining edge, and its probability where that is known."""
    rows = list(edges)
    columns = ("source", "target", "effect", "probability")[: len(rows[0]) if rows else 3]
    files.write(folder / "network.tsv", files.delimited(columns, rows, "\t"))


def read_network(folder: Path) -> pd.DataFrame:
    """What `write_network` wrote.

    Raises:
        DashpruneError: if it is missing or damaged.
    """
    ends = ("source", "target")
    with _reading(folder / "network.tsv") as path:
        table = pd.read_csv(path, sep="\t", dtype=dict.fromkeys(ends, str), keep_default_na=False)
        numbers = {name: float for name in ("effect", "probability") if name in table or name == "effect"}
        return table.assign(**{name: table[name].map(escaping.original) for name in ends}).astype(numbers)


def read_history(folder: Path) -> pd.DataFrame:
    """What `write_history` wrote, at least one epoch.

    Raises:
        DashpruneError: if it is missing or damaged.
    """
    with _reading(folder / "history.csv") as path:
        table = pd.read_csv(path)[["epoch", "loss", "validation", "sparsity", "learning_rate", "pruned"]].astype(float)
        if table.empty:
            raise ValueError("it has no epochs")
        return table


@contextmanager
def _reading(path: Path) -> Iterator[Path]:
    """Meanwhile, a file of a run that is missing or damaged is a user's mistake."""
    try:
        yield path
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DashpruneError(f"{path} cannot be read ({reason}); run it again with force=true") from error


def write_ranking(folder: Path, pairs: Iterable[Sequence[object]]) -> None:
    """ranking.tsv: source, target, score, probability and in_prior of every pair that is ranked, the best first."""
    columns = ("source", "target", "score", "probability", "in_prior")
    files.write(folder / RANKING, files.delimited(columns, pairs, "\t"))


def write_activities(folder: Path, rows: Iterable[Sequence[object]]) -> None:
    """activity.tsv: regulator, split, sample, time and activity, of every regulator that acts by its activity."""
    columns = ("regulator", "split", "sample", "time", "activity")
    files.write(folder / "activity.tsv", files.delimited(columns, rows, "\t"))


def write_result(folder: Path, result: Result) -> None:
    """result.json, which makes the run count as done. Numbers that are not finite become null."""
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in result.items()}
    files.write(folder / "result.json", json.dumps(finite, indent=1) + "\n")
