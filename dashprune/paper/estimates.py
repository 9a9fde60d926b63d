"""How long runs may take, by others on data of the same size with as many epochs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from dashprune.errors import DashpruneError, say
from dashprune.paper import rows
from dashprune.paper.items import Run
from dashprune.runs import identity
from dashprune.runs.results import Result

SIZES = (
    "dataset.genes", "dataset.network", "dataset.lineage", "dataset.train", "dataset.times", "train.epochs",
    "train.batch_trajectories", "model.name", "model.hidden", "solver.name",
)  # fmt: skip
"""Settings that decide how long a run takes, beside its dataset and strategy."""


class Estimates:
    """Expected times of runs.

    Args:
        done: rows of finished runs.
    """

    def __init__(self, done: Iterable[Result]) -> None:
        self.seconds: dict[tuple[object, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for row in done:
            if row.get("wall_seconds") is not None:
                like = _like(row["dataset"], row["model"] == "control", identity.flat(row["config"]))
                self.seconds[like][row["pruner"]].append(row["wall_seconds"])

    def of(self, run: Run) -> tuple[float | None, str]:
        """The expected `wall_seconds` of a run, and in words by what.

        It is the mean of runs of the same strategy; or else of all strategies (or controls); or else None.
        """
        like = self.seconds.get(_like(run.names[0], run.is_control, run.settings), {})
        same = like.get(run.names[2], [])
        if same:
            return sum(same) / len(same), f"by {len(same)} like it"
        others = [seconds for each in like.values() for seconds in each]
        if others:
            return sum(others) / len(others), "by other strategies on such data"
        return None, "none like it is done"


def _like(dataset: str, is_control: bool, settings: Mapping[str, str]) -> tuple[object, ...]:
    return (dataset, is_control, *(settings.get(key) for key in SIZES))


def written(runs: Iterable[Run], outputs: Path) -> list[Result]:
    """What the files of runs below `outputs`/paper, which outlive the runs' folders, have of these runs.

    A file that cannot be read is named and left out.
    """
    kept: dict[str, Result] = {}
    for path in sorted((outputs / "paper").glob("*/*.runs.csv")):
        if path.name == f"{path.parent.name}.runs.csv":
            try:
                kept.update(rows.read(path))
            except DashpruneError as error:
                say(f"{error}; its times are left out")
    planned = {run.folder.name: run for run in runs}
    return [{**kept[name], "config": run.settings} for name, run in planned.items() if name in kept]
