"""A checked configuration: every value valid, every object built, no data touched yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dashprune import config
from dashprune.controls.base import Control
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.pruners.base import Pruner
from dashprune.pruners.scheduled import Schedule
from dashprune.runs import identity
from dashprune.solvers.base import Solver


@dataclass(frozen=True)
class Settings:
    """A checked configuration.

    Attributes:
        values: the resolved configuration, as plain dicts; what identifies the run.
        run: top-level keys.
        train: training protocol.
        solver: of the ODEs.
        dataset: has `fingerprint()` and `load()`.
        model: builds the model when given the number of genes.
        pruner: the strategy.
        control: what to evaluate instead of training a model, or None.
    """

    values: dict[str, Any]
    run: config.Run
    train: config.Train
    solver: Solver
    dataset: Any
    model: Callable[..., VectorField]
    pruner: Pruner
    control: Control | None

    @property
    def names(self) -> tuple[str, str, str]:
        """Dataset, model and pruner as tables name them; a control stands in the place of the pruner."""
        dataset = self.values["dataset"]["name"]
        if self.control is not None:
            return dataset, "control", self.values["control"]["name"]
        return dataset, self.values["model"]["name"], self.values["pruner"]["name"]


COMPONENTS = ("dataset", "model", "pruner", "control")


def check(cfg: DictConfig | Mapping[str, Any]) -> Settings:
    """Check every value of a configuration, without touching data.

    Raises:
        DashpruneError: naming all mistakes of the sections, or else of the components, in one line.
    """
    try:
        values: Any = OmegaConf.to_container(OmegaConf.create(dict(cfg)), resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise DashpruneError(" ".join(str(error).split())) from error
    sections = {name: values.pop(name, None) or {} for name in ("train", "solver", "schedule")}
    groups = {name: values.pop(name, None) for name in COMPONENTS}
    run, train, solver = _all(
        lambda: config.section(config.Run, values, ""),
        lambda: config.section(config.Train, sections["train"], "train"),
        lambda: config.section(Solver, sections["solver"], "solver"),
    )
    config.section(Schedule, sections["schedule"], "schedule")  # identifies no run by itself: its users hold copies
    dataset, model, pruner, control, device, _ = _all(
        lambda: config.component(groups["dataset"], "dataset")(),
        lambda: config.component(groups["model"], "model", later=("genes",)),
        lambda: config.component(groups["pruner"], "pruner")(),
        lambda: config.component(groups["control"], "control")() if groups["control"] else None,
        lambda: _device(run.device),
        solver.check,
    )
    values = identity.of_a_run({**values, "device": device, **sections, **groups})
    return Settings(values, run, train, solver, dataset, model, pruner, control)


def _all(*makers: Callable[[], Any]) -> list[Any]:
    """Call all of them, and report the mistakes of all that fail together."""
    made, mistakes = [], []
    for make in makers:
        try:
            made.append(make())
        except DashpruneError as error:
            mistakes.append(str(error))
    if mistakes:
        raise DashpruneError("; ".join(mistakes))
    return made


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise DashpruneError(f"device: '{name}' is not allowed; use auto, cpu, cuda or cuda:N")
    index = int(name.partition(":")[2] or 0)
    if name != "cpu" and index >= torch.cuda.device_count():
        raise DashpruneError(f"device: {name} is not on this machine; use device=auto or device=cpu")
    return name
