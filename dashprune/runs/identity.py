"""What decides a run: its id, its folder, and what it means that runs differ only in something.

A run is decided by its data and by its configuration, as far as that can change the result. This is the only file that
says which part of a configuration that is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashprune import classes
from dashprune.errors import DashpruneError, did_you_mean

IDLE = ("outputs", "force", "threads", "train.checkpoint_every")
"""Keys that decide where a run goes and how it works, but not what comes out."""
ADDED = {
    "dataset.prior": "network",
    "dataset.interventions": "None",
    "dataset.steady_states": "None",
    "dataset.pseudotime": "None",
    "dataset.time_scale": "None",
    "dataset.drop": "None",
    "dataset.missing": "error",
    "dataset.missing_time": "error",
    "dataset.prior_columns": "None",
    "dataset.gold_columns": "None",
    "dataset.pairs": "sources",
    "dataset.genes": "None",
    "dataset.gene_names": "None",
    "dataset.split": "published",
    "pruner.random_gates": "False",
    "pruner.parts.gates.random_gates": "False",
}
"""Keys of a part that runs made before did not have, with the value that these had: it decides nothing."""
UNREAD = {"dataset.prior_holdout": ("dataset.prior_holdout", "dataset.prior_holdout_by")}
"""Keys that decide nothing while the key before them is null."""
TRAINED = ("train", "solver", "dataset", "model", "pruner")
"""The parts of a configuration that decide a training."""
CONTROLLED = ("dataset", "control")
"""The parts that decide a control, which trains no model."""


def of_a_run(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a resolved configuration says of its run: single keys, and the parts that decide it.

    A schedule, the number of hidden units, the protocol, whether runs are trained as one model, rank all pairs or
    score knock-outs are left out: strategies and models hold copies of the first three, the others change no result.
    """
    parts = CONTROLLED if config.get("control") else TRAINED
    left_out = {*TRAINED, *CONTROLLED, "schedule", "hidden", "protocol", "vectorize", "ranking", "knockouts"}
    left_out |= {"device"} if "control" in parts else set()
    values = {key: value for key, value in config.items() if key not in left_out}
    return {**values, **{part: config[part] for part in parts if part in config}}


def deciding(config: Mapping[str, Any]) -> dict[str, Any]:
    """What can change the result, out of a run's configuration.

    A single key that is null decides nothing, so that a new one leaves the runs before it as they were. A class counts
    by its own name, wherever in this package it lives.
    """
    kept = {key: value for key, value in config.items() if value is not None}
    flattened = flat(kept)
    unread = [key for first, keys in UNREAD.items() if flattened.get(first) == "None" for key in keys]
    added = [key for key, value in ADDED.items() if flattened.get(key) == value]
    return _without(kept, "", {*IDLE, *unread, *added})


def _without(node: Mapping[str, Any], prefix: str, left_out: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.items():
        if f"{prefix}{key}" in left_out:
            continue
        if isinstance(value, Mapping):
            value = _without(value, f"{prefix}{key}.", left_out)
        found[key] = _class(str(value)) if key == "_target_" else value
    return found


def _class(place: str) -> str:
    """A class by its own name, wherever in this package it lives; one of somebody else with its place and content."""
    if place.startswith("dashprune."):
        return place.rpartition(".")[2]
    content = classes.digest(place)
    return place if content is None else f"{place} {content[:12]}"


def run_id(config: Mapping[str, Any], fingerprint: str) -> str:
    """Twelve hexadecimal digits that name a run.

    Args:
        config: of the run, resolved.
        fingerprint: of its data.
    """
    text = json.dumps([deciding(config), fingerprint], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def run_folder(config: Mapping[str, Any], fingerprint: str, names: tuple[str, str, str]) -> Path:
    """outputs/runs/<dataset>/<model>/<pruner>/<id>, whether it is there or not.

    Args:
        config: of the run, resolved.
        fingerprint: of its data.
        names: of dataset, model and pruner.
    """
    return Path(config["outputs"], "runs", *names, run_id(config, fingerprint))


def folder_of(row: Mapping[str, Any]) -> Path:
    """The folder of a run that is done, by its row."""
    return Path(row["config"]["outputs"], "runs", row["dataset"], row["model"], row["pruner"], row["id"])


def find_run(name: str, root: Path) -> Path:
    """The folder of one run.

    Args:
        name: the folder itself, or the first digits of the id of a run.
        root: where runs with that id are looked for, such as outputs/runs.

    Raises:
        DashpruneError: if there is no such run, or more than one.
    """
    if not name.strip():
        raise DashpruneError("the name of the run is empty; give the folder of a run, or the first digits of its id")
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


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """What tells runs apart that are not just repeats: all that decides them but seeds, as texts under dotted keys."""
    return {key: value for key, value in flat(deciding(config)).items() if key.rpartition(".")[2] != "seed"}


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested configuration as texts under keys such as `train.plateau.factor`."""
    found: dict[str, str] = {}
    for key, value in config.items():
        nested = isinstance(value, Mapping)
        found.update(flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": str(value)})
    return found
