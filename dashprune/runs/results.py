"""A run's folder and result: the only writer and reader of results.

A run is identified by its resolved configuration and its data. Its folder is
outputs/runs/<dataset>/<model>/<pruner>/<id>/. A run with a result.json is done; the file is written last, atomically.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from dashprune import files
from dashprune.errors import DashpruneError, did_you_mean

Result = dict[str, Any]
"""One row: the content of result.json. Fractions, not percent; errors in squared units of expression."""


def run_id(config: Mapping[str, Any], fingerprint: str) -> str:
    """Twelve hexadecimal digits that name a run.

    Args:
        config: resolved configuration; where results go, `force` and how often to save do not count.
        fingerprint: of the data.
    """
    counted = {key: value for key, value in config.items() if key not in ("outputs", "force")}
    if "train" in counted:
        counted["train"] = {key: value for key, value in counted["train"].items() if key != "checkpoint_every"}
    text = json.dumps([counted, fingerprint], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def run_folder(config: Mapping[str, Any], fingerprint: str, names: tuple[str, str, str]) -> Path:
    """The folder of a run, whether it is there or not; see `open_run`."""
    return Path(config["outputs"], "runs", *names, run_id(config, fingerprint))


def open_run(config: Mapping[str, Any], fingerprint: str, names: tuple[str, str, str]) -> Path:
    """The run's folder, made if it is not there.

    Args:
        config: resolved configuration.
        fingerprint: of the data.
        names: of dataset, model and pruner.

    Raises:
        DashpruneError: if the folder cannot be written.
    """
    folder = run_folder(config, fingerprint, names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DashpruneError(
            f"outputs: the run folder {folder} cannot be written ({error.strerror}); choose another with outputs=FOLDER"
        ) from error
    return folder


def find_run(name: str, root: Path) -> Path:
    """The folder of one run.

    Args:
        name: the folder itself, or the first digits of the id of a run.
        root: where runs with that id are looked for, such as outputs/runs.

    Raises:
        DashpruneError: if there is no such run, or more than one.
    """
    if Path(name).is_dir():
        return Path(name)
    runs = sorted(root.glob("*/*/*/*/"))
    found = [folder for folder in runs if folder.name.startswith(name)]
    if not found:
        hint = did_you_mean(name, [folder.name for folder in runs])
        raise DashpruneError(
            f"there is no run '{name}', neither as a folder nor as an id below {root}{hint}; "
            f"give the folder of a run, or the first digits of its id"
        )
    if len(found) > 1:
        several = ", ".join(str(folder.relative_to(root)) for folder in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise DashpruneError(f"the ids of {len(found)} runs begin with '{name}': {several}{more}; give more digits")
    return found[0]


def load(folder: Path) -> Result | None:
    """The result of a run that is done, else None.

    Raises:
        DashpruneError: if the file is not what this module writes.
    """
    path = folder / "result.json"
    if not path.exists():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"), parse_constant=float)
        missing = [key for key in ("dataset", "model", "pruner", "seed", "config") if key not in result]
    except (ValueError, TypeError) as error:
        raise DashpruneError(f"{path} is not a result: {error}; delete the file and run again") from error
    if missing:
        raise DashpruneError(f"{path} is not a result: it lacks {', '.join(missing)}; delete the file and run again")
    return dict(result)


def collect(root: Path) -> list[Result]:
    """All results below `root`, in the order of their paths; see `by_folder`."""
    return list(by_folder(root).values())


def by_folder(root: Path) -> dict[Path, Result]:
    """The folders of all runs below `root` that are done, with their results, in the order of their paths.

    Raises:
        DashpruneError: if there is none.
    """
    found = {path.parent: load(path.parent) for path in sorted(root.rglob("result.json"))}
    results = {folder: result for folder, result in found.items() if result is not None}
    if not results:
        raise DashpruneError(
            f"no result.json below '{root}'; run something first: dashprune run model=phoenix pruner=dash"
        )
    return results


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


def write_result(folder: Path, result: Result) -> None:
    """result.json, which makes the run count as done. Numbers that are not finite become null."""
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in result.items()}
    files.write(folder / "result.json", json.dumps(finite, indent=1) + "\n")


def versions() -> dict[str, str]:
    """Versions of what decides a result's digits."""
    packages = ("dashprune", "torch", "torchdiffeq", "numpy", "hydra-core")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
