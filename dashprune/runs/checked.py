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
from dashprune.data.base import Dataset
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.pruners.base import Pruner
from dashprune.pruners.scheduled import Schedule
from dashprune.runs import identity
from dashprune.seeds import torch_generator
from dashprune.solvers.base import Solver


@dataclass(frozen=True)
class Settings:
    """A checked configuration.

    Attributes:
        values: the resolved configuration of the run, as plain dicts; see `identity.of_a_run`.
        run: single keys.
        train: training protocol.
        solver: of the ODEs.
        dataset: the data, of which nothing is read yet.
        model: builds the model when given the number of genes.
        pruner: the strategy.
        control: what to evaluate instead of training a model, or None.
    """

    values: dict[str, Any]
    run: config.Run
    train: config.Train
    solver: Solver
    dataset: Dataset
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

    def problem(self) -> Problem:
        """The data: all of them, or shuffled, or the bootstrap sample that is asked for.

        Raises:
            DashpruneError: if they cannot be read, are too few to draw from, or lack the prior that is looked at.
        """
        problem, sample, shuffling = self.dataset.load(), self.run.bootstrap, self.run.shuffled
        if not problem.has_prior and (self.pruner if self.control is None else self.control).needs_prior:
            raise DashpruneError(_needs_a_prior("pruner" if self.control is None else "control", self.names[2]))
        if shuffling is not None:
            problem = problem.shuffled(shuffling, self.run.seed)
        return problem if sample is None else problem.bootstrap(sample, self.run.seed)

    def initial_model(self, problem: Problem) -> VectorField:
        """The model as its training starts, on the CPU, before a pruner is attached."""
        model = self.model(genes=len(problem.genes))
        model.bind(problem)
        model.reset_parameters(torch_generator(self.run.seed, "weights"))
        return model


def check(cfg: DictConfig | Mapping[str, Any]) -> Settings:
    """Check every value of a configuration, without touching data.

    Args:
        cfg: as `dashprune.compose` returns it, or as a run's result holds it.

    Raises:
        DashpruneError: naming all mistakes of the sections, or else of the components, in one line.
    """
    resolved = _resolved(cfg)
    if not resolved.get("outputs"):
        raise DashpruneError("outputs: no folder is given; leave it out, or name one: outputs=FOLDER")
    parts = ("protocol", "train", "schedule", "solver", "dataset", "model", "pruner", "control")
    single = {key: value for key, value in resolved.items() if key not in parts}
    node: dict[str, Any] = {part: resolved.get(part) for part in parts}
    sections: dict[str, Callable[[], Any]] = {
        "run": lambda: config.section(config.Run, single, ""),
        "train": lambda: config.section(config.Train, node["train"] or {}, "train"),
    }
    if node["protocol"]:
        sections["protocol"] = lambda: config.section(config.Protocol, node["protocol"], "protocol")
    checked = _all(sections)
    if node["schedule"]:  # it has a copy of train.epochs, and strategies have one of it, but mistakes are named once
        _all({"schedule": lambda: config.section(Schedule, node["schedule"], "schedule")})
    components = {
        "solver": lambda: config.component(node["solver"], "solver", base=Solver)(),
        "dataset": lambda: config.component(node["dataset"], "dataset", base=Dataset)(),
        "model": lambda: config.component(node["model"], "model", later=("genes",), base=VectorField),
        "pruner": lambda: config.component(node["pruner"], "pruner", base=Pruner)(),
        "control": lambda: config.component(node["control"], "control", base=Control)() if node["control"] else None,
        "device": lambda: _device(checked["run"].device),
    }
    built = _all(components)
    values = identity.of_a_run({**resolved, "device": built.pop("device")})
    settings = Settings(values=values, run=checked["run"], train=checked["train"], **built)
    _check_together(settings)
    return settings


def _resolved(cfg: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    try:
        composed = cfg if isinstance(cfg, DictConfig) else OmegaConf.create(dict(cfg))
        values: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise DashpruneError(config.mended(" ".join(str(error).split()))) from error
    return dict(values)


def _all(makers: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each maker makes, by its name; the mistakes of all that fail are reported together."""
    made, mistakes = {}, []
    for name, make in makers.items():
        try:
            made[name] = make()
        except DashpruneError as error:
            mistakes.append(str(error))
    if mistakes:
        raise DashpruneError("; ".join(mistakes))
    return made


def _needs_a_prior(group: str, name: str) -> str:
    """What to do for want of a prior, with all choices of the group that do without."""
    others = []
    for choice in config.choices(group):
        node = OmegaConf.to_container(config.compose([f"{group}={choice}"])[group], resolve=True)
        if not config.component(node, group)().needs_prior:
            others.append(choice)
    return (
        f"{group}={name} looks at the prior network, but the data have none (dataset.prior); give one, "
        f"or set {group} to one of {', '.join(others)}"
    )


def _check_together(settings: Settings) -> None:
    """What can be known of solver, strategy and model before there are data."""
    if settings.control is not None:
        return
    settings.solver.check()
    with torch.device("meta"):  # nothing is allocated or drawn
        model = settings.model(genes=2)
    settings.pruner.check(model)


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise DashpruneError(f"device: '{name}' is not allowed; use auto, cpu, cuda or cuda:N")
    index = int(name.partition(":")[2] or 0)
    if name != "cpu" and index >= torch.cuda.device_count():
        raise DashpruneError(f"device: {name} is not on this machine; use device=auto or device=cpu")
    return name
